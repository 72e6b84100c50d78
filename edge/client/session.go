package client

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
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
	return httpx.Raw(w, http.StatusOK, []byte(`{"flows":[{"type":"m.login.password"},{"type":"m.login.token","get_login_token":true}]}`))
}

// loginBody is a request to sign in. User is the older form of the identifier.
type loginBody struct {
	Type       string `json:"type"`
	User       string `json:"user"`
	Identifier *struct {
		Type string `json:"type"`
		User string `json:"user"`
	} `json:"identifier"`
	Password string    `json:"password"`
	Token    string    `json:"token"`
	Device   id.Device `json:"device_id"`
	Name     string    `json:"initial_device_display_name"`
	Refresh  bool      `json:"refresh_token"`
}

func (b *loginBody) user() (string, error) {
	if b.Identifier == nil {
		return b.User, nil
	}
	if b.Identifier.Type != "m.id.user" {
		return "", fault.New(fault.Forbidden, "M_FORBIDDEN", "Only user names identify people here.")
	}
	return b.Identifier.User, nil
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
		name, nameErr := b.user()
		if nameErr != nil {
			return nameErr
		}
		ses, err = h.Accounts.Login(r.Context(), h.Accounts.ParseLogin(name), b.Password, in)
	case "m.login.token":
		ses, err = h.Accounts.LoginToken(r.Context(), b.Token, in)
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
	done, err := h.confirm(r.Context(), w, b["auth"], a)
	if !done {
		return err
	}
	const life = 2 * time.Minute
	token, err := h.Accounts.NewLoginToken(r.Context(), a.User, life)
	if err != nil {
		return err
	}
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
	ses, err := h.Accounts.Refresh(r.Context(), b.Token)
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

// confirm runs user-interactive authentication with the password for calls that need more than a token. It returns true when the
// call may go on; otherwise it has answered, or returns why not.
// spec: client-server-api#user-interactive-authentication-api
func (h *API) confirm(ctx context.Context, w http.ResponseWriter, auth json.RawMessage, a account.Actor) (bool, error) {
	var b struct {
		loginBody
		Session string `json:"session"`
	}
	if len(auth) > 0 {
		if err := json.Unmarshal(auth, &b); err != nil {
			return false, fault.Wrap(fault.Invalid, "M_BAD_JSON", "The auth object is malformed.", err)
		}
	}
	challenge := func(code, text string) error {
		session, _ := h.Accounts.Stages(b.Session, "")
		body := map[string]any{"session": session, "flows": []any{map[string]any{"stages": []string{"m.login.password"}}}, "params": map[string]any{}, "completed": []string{}}
		if code != "" {
			body["errcode"], body["error"] = code, text
		}
		return httpx.JSON(w, http.StatusUnauthorized, body)
	}
	if b.Type != "m.login.password" {
		return false, challenge("", "")
	}
	name, err := b.user()
	if err != nil {
		return false, err
	}
	if h.Accounts.ParseLogin(name) != a.User {
		return false, challenge("M_FORBIDDEN", "That is not your user name.")
	}
	if err := h.Accounts.CheckPassword(ctx, a.User, b.Password); fault.Is(err, fault.Forbidden) {
		return false, challenge("M_FORBIDDEN", "The password is wrong.")
	} else if err != nil {
		return false, err
	}
	return true, nil
}

// spec: client-server-api#post_matrixclientv3register
func (h *API) register(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	if !h.Options.OpenRegistration {
		return fault.New(fault.Forbidden, "M_FORBIDDEN", "Accounts are made by the trust. Ask your administrator.")
	}
	if kind := r.URL.Query().Get("kind"); kind != "" && kind != "user" {
		return fault.New(fault.Forbidden, "M_GUEST_ACCESS_FORBIDDEN", "There are no guest accounts here.")
	}
	var b struct {
		Username *string   `json:"username"`
		Password string    `json:"password"`
		Device   id.Device `json:"device_id"`
		Name     string    `json:"initial_device_display_name"`
		Refresh  bool      `json:"refresh_token"`
		Inhibit  bool      `json:"inhibit_login"`
		Auth     *struct {
			Type    string `json:"type"`
			Session string `json:"session"`
		} `json:"auth"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	name := strings.ToLower(id.NewOpaque(10))
	if b.Username != nil {
		name = *b.Username
	}
	u, err := h.Accounts.NewLocal(name)
	if err != nil {
		return err
	}
	if err := h.Accounts.Active(r.Context(), u); err == nil {
		return fault.New(fault.Conflict, "M_USER_IN_USE", "That user name is taken.")
	} else if !fault.Is(err, fault.NotFound) {
		return err
	}
	if b.Auth == nil || b.Auth.Type != "m.login.dummy" {
		session := ""
		if b.Auth != nil {
			session = b.Auth.Session
		}
		session, _ = h.Accounts.Stages(session, "")
		return httpx.JSON(w, http.StatusUnauthorized, map[string]any{"session": session, "params": map[string]any{},
			"flows": []any{map[string]any{"stages": []string{"m.login.dummy"}}}})
	}
	if b.Password == "" {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The password is missing.")
	}
	if err := h.Accounts.Create(r.Context(), account.NewUser{User: u, Password: b.Password, DisplayName: u.Localpart()}); err != nil {
		return err
	}
	h.Accounts.EndStages(b.Auth.Session)
	if b.Inhibit {
		return httpx.JSON(w, http.StatusOK, map[string]any{"user_id": u, "home_server": u.Server()})
	}
	ses, err := h.Accounts.Open(r.Context(), u, account.SignIn{Device: b.Device, Name: b.Name, Refresh: b.Refresh})
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, sessionBody(ses))
}

func (h *API) available(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	u, err := h.Accounts.NewLocal(r.URL.Query().Get("username"))
	if err != nil {
		return err
	}
	if err := h.Accounts.Active(r.Context(), u); err == nil {
		return fault.New(fault.Conflict, "M_USER_IN_USE", "That user name is taken.")
	} else if !fault.Is(err, fault.NotFound) {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]bool{"available": true})
}

func (h *API) sharedNonce(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	if h.Options.SharedSecret == "" {
		return fault.New(fault.NotFound, "M_UNRECOGNIZED", "There is nothing here.")
	}
	return httpx.JSON(w, http.StatusOK, map[string]string{"nonce": h.Accounts.NewNonce()})
}

func (h *API) sharedRegister(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	if h.Options.SharedSecret == "" {
		return fault.New(fault.NotFound, "M_UNRECOGNIZED", "There is nothing here.")
	}
	var b struct {
		Nonce       string `json:"nonce"`
		Username    string `json:"username"`
		Password    string `json:"password"`
		Admin       bool   `json:"admin"`
		MAC         string `json:"mac"`
		UserType    string `json:"user_type"`
		DisplayName string `json:"displayname"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	u, err := h.Accounts.RegisterShared(r.Context(), h.Options.SharedSecret, account.SharedRegistration{Nonce: b.Nonce, Username: b.Username, Password: b.Password,
		UserType: b.UserType, MAC: b.MAC, DisplayName: b.DisplayName, Admin: b.Admin})
	if err != nil {
		return err
	}
	ses, err := h.Accounts.Open(r.Context(), u, account.SignIn{Name: "registered with the shared secret"})
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, sessionBody(ses))
}

func (h *API) changePassword(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		New    string          `json:"new_password"`
		Logout *bool           `json:"logout_devices"`
		Auth   json.RawMessage `json:"auth"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	if done, err := h.confirm(r.Context(), w, b.Auth, a); !done {
		return err
	}
	if err := h.Accounts.SetPassword(r.Context(), a, b.New, b.Logout == nil || *b.Logout); err != nil {
		return err
	}
	return httpx.OK(w)
}

func (h *API) deactivate(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Auth json.RawMessage `json:"auth"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	if done, err := h.confirm(r.Context(), w, b.Auth, a); !done {
		return err
	}
	if err := h.Accounts.Deactivate(r.Context(), a.User); err != nil {
		return err
	}
	return httpx.Raw(w, http.StatusOK, []byte(`{"id_server_unbind_result":"no-support"}`))
}

func (h *API) whoami(w http.ResponseWriter, _ *http.Request, a account.Actor) error {
	return httpx.JSON(w, http.StatusOK, map[string]any{"user_id": a.User, "device_id": a.Device, "is_guest": false})
}

type deviceBody struct {
	ID     id.Device `json:"device_id"`
	Name   string    `json:"display_name,omitempty"`
	SeenAt int64     `json:"last_seen_ts"`
}

func (h *API) deviceList(r *http.Request, a account.Actor) ([]deviceBody, error) {
	list, err := h.Accounts.DevicesOf(r.Context(), a.User)
	if err != nil {
		return nil, err
	}
	out := make([]deviceBody, len(list))
	for i, d := range list {
		out[i] = deviceBody{d.ID, d.Name, d.SeenAt.UnixMilli()}
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
	if done, err := h.confirm(r.Context(), w, b.Auth, a); !done {
		return err
	}
	if err := h.Accounts.Logout(r.Context(), a.User, func(d id.Device) bool { return slices.Contains(which, d) }); err != nil {
		return err
	}
	return httpx.OK(w)
}
