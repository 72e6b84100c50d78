package clinic

import (
	"net/http"
	"time"

	"wardline/clinical/remind"
	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

func (h *handler) listReminders(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	list, err := h.Reminders.List(r.Context(), a.User)
	if err != nil {
		return err
	}
	if list == nil {
		list = []remind.Reminder{}
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"reminders": list})
}

func (h *handler) remind(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		At int64 `json:"at"`
	}
	if err := httpx.Decode(r, &b, maxBody); err != nil {
		return err
	}
	at, err := instant(b.At)
	if err != nil {
		return err
	}
	if err := h.Reminders.Remind(r.Context(), a.User, roomID(r), id.Event(r.PathValue("event")), at); err != nil {
		return err
	}
	return httpx.OK(w)
}

func (h *handler) forgetReminder(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := h.Reminders.Forget(r.Context(), a.User, roomID(r), id.Event(r.PathValue("event"))); err != nil {
		return err
	}
	return httpx.OK(w)
}

func (h *handler) setLevel(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Level remind.Level `json:"level"`
		Until int64        `json:"until"`
	}
	if err := httpx.Decode(r, &b, maxBody); err != nil {
		return err
	}
	until, err := instant(b.Until)
	if err != nil {
		return err
	}
	if err := h.Reminders.Hear(r.Context(), a.User, roomID(r), b.Level, until); err != nil {
		return err
	}
	return httpx.OK(w)
}

// instant reads milliseconds; 0 is the zero time.
func instant(ms int64) (time.Time, error) {
	switch {
	case ms < 0 || ms > 1<<53:
		return time.Time{}, fault.New(fault.Invalid, "M_INVALID_PARAM", "That is no instant in milliseconds.")
	case ms == 0:
		return time.Time{}, nil
	}
	return time.UnixMilli(ms), nil
}
