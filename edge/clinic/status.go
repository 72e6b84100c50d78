package clinic

import (
	"context"
	"net/http"

	"wardline/clinical/status"
	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

// statusView is what somebody says of themselves. Until is 0 when they will take it back themselves.
type statusView struct {
	Kind  status.Kind `json:"kind"`
	Words string      `json:"words"`
	Until int64       `json:"until"`
}

func viewStatus(st status.Status) *statusView {
	if st.None() {
		return nil
	}
	v := &statusView{Kind: st.Kind, Words: st.Words}
	if !st.Until.IsZero() {
		v.Until = st.Until.UnixMilli()
	}
	return v
}

func (h *handler) ownStatus(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	st, err := h.Status.Of(r.Context(), a.User)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"status": viewStatus(st)})
}

func (h *handler) setStatus(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b statusView
	if err := httpx.Decode(r, &b, maxBody); err != nil {
		return err
	}
	until, err := instant(b.Until)
	if err != nil {
		return err
	}
	st, err := h.Status.Set(r.Context(), a.User, status.Status{Kind: b.Kind, Words: b.Words, Until: until})
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"status": viewStatus(st)})
}

func (h *handler) clearStatus(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := h.Status.Clear(r.Context(), a.User); err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"status": nil})
}

// dress adds to somebody in the directory what they show of themselves.
func (h *handler) dress(ctx context.Context, u id.User, v *resultView) error {
	p, err := h.Accounts.Profile(ctx, h.DB, u)
	if fault.Is(err, fault.NotFound) {
		return nil // in the directory, and not yet with an account
	}
	if err != nil {
		return err
	}
	v.Photo = p.Text("avatar_url")
	st, err := h.Status.Of(ctx, u)
	v.Status = viewStatus(st)
	return err
}
