package clinic

import (
	"net/http"

	"wardline/clinical/directory"
	"wardline/clinical/paging"
	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

// policyView is one version of a policy.
type policyView struct {
	Post    directory.PostID `json:"post"`
	Urgency paging.Urgency   `json:"urgency"`
	Version int64            `json:"version"`
	At      int64            `json:"at"`
	By      id.User          `json:"by"`
	ByName  string           `json:"by_name"`
	Note    string           `json:"note"`
	Rules   paging.Rules     `json:"rules"`
}

func (h *handler) viewPolicies(r *http.Request, all []paging.Version) ([]policyView, error) {
	out := []policyView{}
	for _, v := range all {
		name, err := directory.NameOf(r.Context(), h.DB, v.By)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
		out = append(out, policyView{v.Post, v.Urgency, v.Version, v.At.UnixMilli(), v.By, name, v.Note, v.Rules})
	}
	return out, nil
}

// listPolicies shows the newest version of every policy, and the times of posts that have none. Everybody may know where their page goes.
func (h *handler) listPolicies(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	all, err := h.Paging.Policies(r.Context())
	if err != nil {
		return err
	}
	views, err := h.viewPolicies(r, all)
	if err != nil {
		return err
	}
	keeps, err := directory.Keeps(r.Context(), h.DB, a.User)
	if err != nil {
		return err
	}
	if by(a).Admin {
		keeps = []string{directory.Everything}
	}
	seconds := func(u paging.Urgency) int { return int(h.Paging.Policy.Rung(u).Seconds()) }
	return httpx.JSON(w, http.StatusOK, map[string]any{"policies": views, "keeps": list(keeps),
		"seconds": map[string]int{string(paging.Urgent): seconds(paging.Urgent), string(paging.Emergency): seconds(paging.Emergency)}})
}

func (h *handler) onePolicy(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	all, err := h.Paging.PolicyOf(r.Context(), directory.PostID(r.PathValue("post")), paging.Urgency(r.PathValue("urgency")))
	if err != nil {
		return err
	}
	views, err := h.viewPolicies(r, all)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"versions": views})
}

func (h *handler) setPolicy(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var body struct {
		Based int64        `json:"based"`
		Note  string       `json:"note"`
		Rules paging.Rules `json:"rules"`
	}
	if err := httpx.Decode(r, &body, maxBody); err != nil {
		return err
	}
	v, err := h.Paging.SetPolicy(r.Context(), by(a), directory.PostID(r.PathValue("post")), paging.Urgency(r.PathValue("urgency")), body.Based, body.Rules, body.Note)
	if err != nil {
		return err
	}
	views, err := h.viewPolicies(r, []paging.Version{v})
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, views[0])
}
