package clinic

import (
	"net/http"

	"wardline/clinical/directory"
	"wardline/clinical/reach"
	"wardline/edge/httpx"
	"wardline/ground/obs"
	"wardline/matrix/account"
)

// showWays answers with the ways in which an owner can be reached outside the app.
func (h *handler) showWays(w http.ResponseWriter, r *http.Request, o reach.Owner) error {
	list, err := h.Reach.Contacts(r.Context(), o)
	if err != nil {
		return err
	}
	return renderWays(w, list)
}

// testView is the newest test of a number.
type testView struct {
	At    int64  `json:"at"`
	State string `json:"state"`
	Why   string `json:"why"`
}

func renderWays(w http.ResponseWriter, list []reach.Contact) error {
	ways := make([]map[string]any, 0, len(list))
	for _, c := range list {
		var test *testView
		if !c.Test.At.IsZero() {
			test = &testView{c.Test.At.UnixMilli(), c.Test.State, c.Test.Why}
		}
		ways = append(ways, map[string]any{"way": c.Way, "address": string(c.Address), "offered": c.Offered, "test": test})
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"ways": ways})
}

func (h *handler) setWay(w http.ResponseWriter, r *http.Request, a account.Actor, o reach.Owner) error {
	var body struct {
		Address obs.Hidden `json:"address"`
	}
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	if err := h.Reach.SetContact(r.Context(), a.User, o, reach.Way(r.PathValue("way")), body.Address); err != nil {
		return err
	}
	return h.showWays(w, r, o)
}

func (h *handler) testWay(w http.ResponseWriter, r *http.Request, a account.Actor, o reach.Owner) error {
	list, err := h.Reach.Try(r.Context(), a.User, o, reach.Way(r.PathValue("way")))
	if err != nil {
		return err
	}
	return renderWays(w, list)
}

func (h *handler) testMyWay(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	return h.testWay(w, r, a, reach.Person(a.User))
}

func (h *handler) testPostWay(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	o, err := h.keptPost(r, a)
	if err != nil {
		return err
	}
	return h.testWay(w, r, a, o)
}

func (h *handler) myWays(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	return h.showWays(w, r, reach.Person(a.User))
}

func (h *handler) setMyWay(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	return h.setWay(w, r, a, reach.Person(a.User))
}

// keptPost is the post of a request, for whoever keeps its rota.
func (h *handler) keptPost(r *http.Request, a account.Actor) (reach.Owner, error) {
	p, err := directory.FindPost(r.Context(), h.DB, directory.PostID(r.PathValue("id")))
	if err != nil {
		return "", err
	}
	return reach.Post(p.ID), directory.MayKeep(r.Context(), h.DB, by(a), p.Service)
}

func (h *handler) postWays(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	o, err := h.keptPost(r, a)
	if err != nil {
		return err
	}
	return h.showWays(w, r, o)
}

func (h *handler) setPostWay(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	o, err := h.keptPost(r, a)
	if err != nil {
		return err
	}
	return h.setWay(w, r, a, o)
}

// receipt is what a carrier tells of a text. Who tells it is for the carrier's own proof to say.
func (h *handler) receipt(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := h.Reach.Receive(r.Context(), reach.Way(r.PathValue("way")), r); err != nil {
		return err
	}
	w.WriteHeader(http.StatusAccepted) // the one that NHS Notify names; others take any of the family
	return nil
}
