package clinic

import (
	"encoding/json"
	"net/http"

	"wardline/clinical/paging"
	"wardline/edge/httpx"
	"wardline/matrix/account"
)

// tryPush lets somebody see, before they need it, that their device is told while the app is closed.
func (h *handler) tryPush(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := h.TryPush(r.Context(), a.User, a.Device); err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{})
}

// lockState says whether this device is locked, and how many pages wait for its owner: numbers that a lock screen may show.
func (h *handler) lockState(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	has, err := h.Locks.Has(r.Context(), a)
	if err != nil {
		return err
	}
	mine, err := h.Paging.Mine(r.Context(), a.User)
	if err != nil {
		return err
	}
	keys, err := h.Passkeys.Keys(r.Context(), a.User)
	if err != nil {
		return err
	}
	waiting := map[string]int{"urgent": 0, "emergency": 0}
	for _, p := range mine {
		if p.Urgency == paging.Emergency {
			waiting["emergency"]++
		} else {
			waiting["urgent"]++
		}
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"code": has, "locked": h.Locks.Locked(a), "passkeys": len(keys) > 0, "pages": waiting})
}

func (h *handler) shut(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := h.Locks.Shut(r.Context(), a); err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{})
}

type codes struct {
	Code    string `json:"code"`
	Old     string `json:"old"`
	Passkey *struct {
		Session    string          `json:"session"`
		Credential json.RawMessage `json:"credential"`
	} `json:"passkey"`
}

// open opens a locked device, by its code or by a passkey of its owner's.
func (h *handler) open(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	return h.coded(w, r, func(c codes) error {
		if c.Passkey == nil {
			return h.Locks.Open(r.Context(), a, c.Code)
		}
		if _, err := h.Passkeys.Prove(r.Context(), a.User, c.Passkey.Session, c.Passkey.Credential); err != nil {
			return err
		}
		return h.Locks.OpenProved(r.Context(), a)
	})
}

// askKey asks a locked device's browser for a passkey of its owner's.
func (h *handler) askKey(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	session, options, err := h.Passkeys.Ask(r.Context(), a.User, h.Origin(r))
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"session": session, "options": options})
}

func (h *handler) setCode(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	return h.coded(w, r, func(c codes) error { return h.Locks.Set(r.Context(), a, c.Old, c.Code) })
}

func (h *handler) removeCode(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	return h.coded(w, r, func(c codes) error { return h.Locks.Remove(r.Context(), a, c.Code) })
}

// coded reads codes and does something with them.
func (h *handler) coded(w http.ResponseWriter, r *http.Request, do func(codes) error) error {
	var c codes
	if err := httpx.Decode(r, &c, maxBody); err != nil {
		return err
	}
	if err := do(c); err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{})
}
