package client

import (
	"encoding/json"
	"net/http"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/keys"
	"wardline/matrix/timeline"
)

func (h *API) uploadKeys(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b keys.Upload
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	counts, err := h.Keys.Upload(r.Context(), a.User, a.Device, b)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"one_time_key_counts": counts})
}

// maxAsked bounds the users of one question about keys.
const maxAsked = 1000

func (h *API) queryKeys(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	var b struct {
		Users map[id.User][]id.Device `json:"device_keys"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	if len(b.Users) > maxAsked {
		return fault.New(fault.TooLarge, "M_TOO_LARGE", "Ask about fewer users at once.")
	}
	out := map[id.User]map[id.Device]json.RawMessage{}
	for u, want := range b.Users {
		if !h.Accounts.Local(u) {
			continue
		}
		list, err := h.Accounts.DevicesOf(r.Context(), u)
		if err != nil {
			return err
		}
		names := map[id.Device]string{}
		for _, d := range list {
			names[d.ID] = d.Name
		}
		if out[u], err = h.Keys.Query(r.Context(), u, want, names); err != nil {
			return err
		}
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"device_keys": out, "failures": map[string]any{}})
}

func (h *API) claimKeys(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	var b struct {
		Users map[id.User]map[id.Device]string `json:"one_time_keys"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	if len(b.Users) > maxAsked {
		return fault.New(fault.TooLarge, "M_TOO_LARGE", "Ask about fewer users at once.")
	}
	out := map[id.User]map[id.Device]map[string]json.RawMessage{}
	for u, devices := range b.Users {
		for d, algorithm := range devices {
			got, err := h.Keys.Claim(r.Context(), u, d, algorithm)
			if err != nil {
				return err
			}
			if len(got) == 0 {
				continue
			}
			if out[u] == nil {
				out[u] = map[id.Device]map[string]json.RawMessage{}
			}
			out[u][d] = got
		}
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"one_time_keys": out, "failures": map[string]any{}})
}

func (h *API) changedKeys(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	from, err := timeline.ParseToken(r.URL.Query().Get("from"))
	if err != nil {
		return err
	}
	to, err := timeline.ParseToken(r.URL.Query().Get("to"))
	if err != nil {
		return err
	}
	changed, err := h.Keys.Changed(r.Context(), from.Pos, to.Pos)
	if err != nil {
		return err
	}
	if changed == nil {
		changed = []id.User{}
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"changed": changed, "left": []id.User{}})
}
