package client

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/event"
	"wardline/matrix/id"
)

func supportedVersions() []string {
	var all []string
	for _, v := range event.Versions {
		all = append(all, v.ID)
	}
	return all
}

func defaultVersion() string { return event.Default }

// spec: client-server-api#get_matrixclientv3login
func (h *API) loginFlows(w http.ResponseWriter, _ *http.Request, _ account.Actor) error {
	flows := []any{}
	if h.SSO.Any() {
		list := []map[string]string{}
		for _, p := range h.SSO.Providers {
			list = append(list, map[string]string{"id": p.ID, "name": p.Name})
		}
		flows = append(flows, map[string]any{"type": account.StageSSO, "identity_providers": list})
	}
	if !h.Accounts.NoPasswords {
		flows = append(flows, map[string]any{"type": account.StagePassword})
	}
	flows = append(flows, map[string]any{"type": "m.login.token", "get_login_token": true})
	if h.Bridges.Any() {
		flows = append(flows, map[string]any{"type": asService})
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"flows": flows})
}

// loginBody is a request to sign in. User, Medium and Address are the older forms of the identifier.
type loginBody struct {
	Type       string              `json:"type"`
	User       string              `json:"user"`
	Medium     string              `json:"medium"`
	Address    string              `json:"address"`
	Identifier *account.Identifier `json:"identifier"`
	Password   string              `json:"password"`
	Token      string              `json:"token"`
	Device     id.Device           `json:"device_id"`
	Name       string              `json:"initial_device_display_name"`
	Refresh    bool                `json:"refresh_token"`
}

func (b *loginBody) identifier() account.Identifier {
	switch {
	case b.Identifier != nil:
		return *b.Identifier
	case b.Medium != "":
		return account.Identifier{Type: "m.id.thirdparty", Medium: b.Medium, Address: b.Address}
	}
	return account.Identifier{Type: "m.id.user", User: b.User}
}

// spec: client-server-api#post_matrixclientv3login
func (h *API) login(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	var b loginBody
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	in := account.SignIn{Device: b.Device, Name: b.Name, Refresh: b.Refresh}
	var ses account.Session
	var err error
	switch b.Type {
	case "m.login.password":
		u, who := h.Accounts.Identify(r.Context(), b.identifier())
		if who != nil {
			return who
		}
		ses, err = h.Accounts.Login(r.Context(), u, b.Password, in)
		err = withoutSecond(err)
	case "m.login.token":
		ses, err = h.Accounts.LoginToken(r.Context(), b.Token, in)
	case asService:
		ses, err = h.loginService(r, b.identifier(), in)
	case "":
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The type is missing.")
	default:
		return fault.New(fault.Invalid, "M_UNKNOWN", "That way to sign in is not offered.")
	}
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, sessionBody(ses))
}

func sessionBody(ses account.Session) map[string]any {
	body := map[string]any{"user_id": ses.User, "device_id": ses.Device, "access_token": ses.Access, "home_server": ses.User.Server()}
	if ses.Refresh != "" {
		body["refresh_token"], body["expires_in_ms"] = ses.Refresh, ses.Life.Milliseconds()
	}
	return body
}

// spec: client-server-api#post_matrixclientv1loginget_token
func (h *API) loginToken(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b map[string]json.RawMessage
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	passed, err := h.confirm(w, r, b["auth"], a)
	if passed == nil {
		return err
	}
	const life = 2 * time.Minute
	token, err := h.Accounts.NewLoginTokenOf(r.Context(), a, life)
	if err != nil {
		return err
	}
	passed.End()
	return httpx.JSON(w, http.StatusOK, map[string]any{"login_token": token, "expires_in_ms": life.Milliseconds()})
}

// spec: client-server-api#post_matrixclientv3refresh
func (h *API) refresh(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	var b struct {
		Token string `json:"refresh_token"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	ses, err := h.Accounts.Refresh(r.Context(), b.Token, "")
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"access_token": ses.Access, "refresh_token": ses.Refresh, "expires_in_ms": ses.Life.Milliseconds()})
}

func (h *API) logout(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := h.Accounts.Logout(r.Context(), a.User, func(d id.Device) bool { return d == a.Device }); err != nil {
		return err
	}
	return httpx.OK(w)
}

func (h *API) logoutAll(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := h.Accounts.Logout(r.Context(), a.User, func(id.Device) bool { return true }); err != nil {
		return err
	}
	return httpx.OK(w)
}

type deviceBody struct {
	ID     id.Device `json:"device_id"`
	Name   string    `json:"display_name,omitempty"`
	SeenAt int64     `json:"last_seen_ts"`
	SeenIP string    `json:"last_seen_ip,omitempty"`
}

func (h *API) deviceList(r *http.Request, a account.Actor) ([]deviceBody, error) {
	list, err := h.Accounts.Sightings(r.Context(), a.User)
	if err != nil {
		return nil, err
	}
	out := make([]deviceBody, len(list))
	for i, d := range list {
		out[i] = deviceBody{d.ID, d.Name, d.SeenAt.UnixMilli(), d.IP}
	}
	return out, nil
}

func (h *API) devices(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	list, err := h.deviceList(r, a)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"devices": list})
}

func (h *API) device(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	list, err := h.deviceList(r, a)
	if err != nil {
		return err
	}
	for _, d := range list {
		if string(d.ID) == r.PathValue("deviceId") {
			return httpx.JSON(w, http.StatusOK, d)
		}
	}
	return fault.New(fault.NotFound, "M_NOT_FOUND", "There is no such device.")
}

func (h *API) renameDevice(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Name string `json:"display_name"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	if done, err := h.createDevice(w, r, a, b.Name); done {
		return err
	}
	if err := h.Accounts.RenameDevice(r.Context(), a.User, id.Device(r.PathValue("deviceId")), b.Name); err != nil {
		return err
	}
	return httpx.OK(w)
}

func (h *API) deleteDevice(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	return h.dropDevices(w, r, a, []id.Device{id.Device(r.PathValue("deviceId"))})
}

func (h *API) deleteDevices(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	return h.dropDevices(w, r, a, nil)
}

func (h *API) dropDevices(w http.ResponseWriter, r *http.Request, a account.Actor, which []id.Device) error {
	var b struct {
		Devices []id.Device     `json:"devices"`
		Auth    json.RawMessage `json:"auth"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	if which == nil {
		which = b.Devices
	}
	end := func() {}
	if a.Service == "" { // spec: application-service-api#device-management
		passed, err := h.confirm(w, r, b.Auth, a)
		if passed == nil {
			return err
		}
		end = passed.End
	}
	if err := h.Accounts.Logout(r.Context(), a.User, func(d id.Device) bool { return slices.Contains(which, d) }); err != nil {
		return err
	}
	end()
	return httpx.OK(w)
}
