package clinic

import (
	"net/http"

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
