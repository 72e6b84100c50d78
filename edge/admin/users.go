package admin

import (
	"encoding/json"
	"net/http"
	"strconv"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/event"
	"wardline/matrix/id"
)

func userOf(a account.Account) map[string]any {
	return map[string]any{"name": a.User, "displayname": a.DisplayName, "avatar_url": a.Avatar, "admin": a.Admin, "deactivated": a.DeactivatedAt != 0,
		"locked": a.Locked, "suspended": a.Suspended, "erased": a.Erased, "is_guest": false, "user_type": nil, "shadow_banned": false, "creation_ts": a.CreatedAt, "approved": true}
}

func (h *API) users(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	from, limit, err := paging(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	word := q.Get("name")
	if word == "" {
		word = q.Get("user_id")
	}
	list, total, err := h.Accounts.Accounts(r.Context(), word, q.Get("deactivated") == "true", from, limit)
	if err != nil {
		return err
	}
	users := []any{}
	for _, a := range list {
		users = append(users, userOf(a))
	}
	body := map[string]any{"users": users, "total": total}
	if int64(from+len(list)) < total {
		body["next_token"] = strconv.Itoa(from + len(list))
	}
	return httpx.JSON(w, http.StatusOK, body)
}

func (h *API) showUser(w http.ResponseWriter, r *http.Request, u id.User, status int) error {
	a, err := h.Accounts.Account(r.Context(), u)
	if err != nil {
		return err
	}
	contacts, err := h.Accounts.Contacts(r.Context(), u)
	if err != nil {
		return err
	}
	body := userOf(a)
	body["threepids"], body["external_ids"] = contacts, []any{}
	return httpx.JSON(w, status, body)
}

func (h *API) user(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	u, err := h.local(r)
	if err != nil {
		return err
	}
	return h.showUser(w, r, u, http.StatusOK)
}

type userChange struct {
	Password    *string `json:"password"`
	Logout      *bool   `json:"logout_devices"`
	DisplayName *string `json:"displayname"`
	Avatar      *string `json:"avatar_url"`
	Admin       *bool   `json:"admin"`
	Deactivated *bool   `json:"deactivated"`
	Locked      *bool   `json:"locked"`
	Suspended   *bool   `json:"suspended"`
}

// setUser makes an account or changes one: what the body does not name stays.
func (h *API) setUser(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	u, err := h.local(r)
	if err != nil {
		return err
	}
	var b userChange
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	if err := h.Accounts.Manageable(u); err != nil {
		return err
	}
	ctx, status := r.Context(), http.StatusOK
	old, err := h.Accounts.Account(ctx, u)
	switch {
	case fault.Is(err, fault.NotFound):
		if _, err := h.Accounts.NewLocal(u.Localpart()); err != nil {
			return err
		}
		n := account.NewUser{User: u, Admin: b.Admin != nil && *b.Admin}
		if b.Password != nil {
			n.Password = *b.Password
		}
		if n.DisplayName = u.Localpart(); b.DisplayName != nil {
			n.DisplayName = *b.DisplayName
		}
		if err := h.Accounts.Create(ctx, n); err != nil {
			return err
		}
		b.Password, b.DisplayName, b.Admin = nil, nil, nil
		status = http.StatusCreated
	case err != nil:
		return err
	case old.DeactivatedAt != 0:
		return fault.New(fault.Invalid, "M_USER_DEACTIVATED", "The account has ended, for good.")
	case u == a.User && (b.Admin != nil && !*b.Admin || b.Deactivated != nil && *b.Deactivated):
		return fault.New(fault.Invalid, "M_UNKNOWN", "You cannot do that to yourself.")
	}
	if err := h.changeUser(r, a, u, b); err != nil {
		return err
	}
	return h.showUser(w, r, u, status)
}

func (h *API) changeUser(r *http.Request, a account.Actor, u id.User, b userChange) error {
	ctx := r.Context()
	text := func(name string, value *string) error {
		if value == nil {
			return nil
		}
		raw, err := json.Marshal(*value)
		if err != nil {
			return err
		}
		if *value == "" {
			raw = nil
		}
		return h.Accounts.SetProfile(ctx, u, name, raw)
	}
	if err := text("displayname", b.DisplayName); err != nil {
		return err
	}
	if err := text("avatar_url", b.Avatar); err != nil {
		return err
	}
	if b.Password != nil {
		if err := h.Accounts.SetPasswordOf(ctx, u, *b.Password, b.Logout == nil || *b.Logout); err != nil {
			return err
		}
	}
	for _, c := range []struct {
		what account.Standing
		on   *bool
	}{{account.Locked, b.Locked}, {account.Suspended, b.Suspended}} {
		if c.on == nil {
			continue
		}
		if err := h.Accounts.Restrict(ctx, a, u, c.what, *c.on); err != nil {
			return err
		}
	}
	if b.Admin != nil {
		if err := h.Accounts.SetAdmin(ctx, a.User, u, *b.Admin); err != nil {
			return err
		}
	}
	if b.Deactivated == nil {
		return nil
	}
	if !*b.Deactivated {
		return nil // it has not ended, or we would not be here
	}
	return h.Accounts.Deactivate(ctx, a.User, u, false)
}

func (h *API) isAdmin(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	u, err := h.local(r)
	if err != nil {
		return err
	}
	acc, err := h.Accounts.Account(r.Context(), u)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]bool{"admin": acc.Admin})
}

func (h *API) setAdmin(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	u, err := h.local(r)
	if err != nil {
		return err
	}
	var b struct {
		Admin *bool `json:"admin"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	switch {
	case b.Admin == nil:
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The body has no admin.")
	case u == a.User && !*b.Admin:
		return fault.New(fault.Invalid, "M_UNKNOWN", "You cannot take that from yourself.")
	}
	if err := h.Accounts.SetAdmin(r.Context(), a.User, u, *b.Admin); err != nil {
		return err
	}
	return httpx.OK(w)
}

func (h *API) deactivate(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	u, err := h.local(r)
	if err != nil {
		return err
	}
	var b struct {
		Erase bool `json:"erase"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	if u == a.User {
		return fault.New(fault.Invalid, "M_UNKNOWN", "You cannot do that to yourself.")
	}
	if _, err := h.Accounts.Account(r.Context(), u); err != nil {
		return err
	}
	if err := h.Accounts.Deactivate(r.Context(), a.User, u, b.Erase); err != nil {
		return err
	}
	return httpx.Raw(w, http.StatusOK, []byte(`{"id_server_unbind_result":"no-support"}`))
}

func (h *API) resetPassword(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	u, err := h.local(r)
	if err != nil {
		return err
	}
	raw, err := httpx.Object(r, bodyLimit)
	if err != nil {
		return err
	}
	password, ok := event.Text(event.Field(raw, "new_password"))
	if !ok {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The new_password is missing.")
	}
	if err := h.Accounts.SetPasswordOf(r.Context(), u, password, string(event.Field(raw, "logout_devices")) != "false"); err != nil {
		return err
	}
	return httpx.OK(w)
}
