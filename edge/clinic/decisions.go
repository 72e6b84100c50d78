package clinic

import (
	"net/http"

	"wardline/clinical/patient"
	"wardline/edge/httpx"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

func (h *handler) decide(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var body struct {
		Room    id.Room    `json:"room"`
		Event   id.Event   `json:"event_id"`
		Patient patient.ID `json:"patient"`
	}
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	decision, filing, err := h.Record.Decide(r.Context(), a.User, body.Room, body.Event, body.Patient)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"decision": decision, "filing": filing})
}
