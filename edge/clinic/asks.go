package clinic

import (
	"context"
	"net/http"
	"time"

	"wardline/clinical/ask"
	"wardline/clinical/directory"
	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/ground/obs"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

func showAsk(w http.ResponseWriter, s ask.Snapshot, err error) error {
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, s)
}

func (h *handler) ask(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var body struct {
		Txn      string           `json:"txn"`
		Room     id.Room          `json:"room"`
		Kind     ask.Kind         `json:"kind"`
		Text     obs.Hidden       `json:"text"`
		User     id.User          `json:"user"`
		Post     directory.PostID `json:"post"`
		WithinMS int64            `json:"within_ms"`
	}
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	within := time.Duration(min(max(body.WithinMS, -1), int64(1000*time.Hour/time.Millisecond))) * time.Millisecond
	s, err := h.Asks.Ask(r.Context(), a.User, ask.Draft{Txn: body.Txn, Room: body.Room, Kind: body.Kind, Text: body.Text, User: body.User, Post: body.Post, Within: within})
	return showAsk(w, s, err)
}

func (h *handler) listAsks(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	boxes := map[string]func(context.Context, id.User) ([]ask.Snapshot, error){"owed": h.Asks.Owed, "asked": h.Asks.Asked}
	box, ok := boxes[r.URL.Query().Get("box")]
	if !ok {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "The box is owed or asked.")
	}
	list, err := box(r.Context(), a.User)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"asks": list, "now": h.Now().UnixMilli()})
}

func (h *handler) closeAsk(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var body struct{}
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	s, err := h.Asks.Close(r.Context(), a.User, ask.ID(r.PathValue("id")))
	return showAsk(w, s, err)
}

func (h *handler) passAsk(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var body struct {
		User id.User          `json:"user"`
		Post directory.PostID `json:"post"`
	}
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	s, err := h.Asks.Pass(r.Context(), a.User, ask.ID(r.PathValue("id")), body.User, body.Post)
	return showAsk(w, s, err)
}
