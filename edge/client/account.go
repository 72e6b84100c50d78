package client

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/event"
	"wardline/matrix/id"
)

// accountRoutes are how accounts are made, changed and ended.
// spec: client-server-api#account-registration
func (h *API) accountRoutes(open, auth func(string, httpx.Handler) httpx.Route) []httpx.Route {
	const v3 = "/_matrix/client/v3/"
	return []httpx.Route{
		open("POST "+v3+"register", h.register),
		open("GET "+v3+"register/available", h.available),
		open("POST "+v3+"register/email/requestToken", h.requestEmail(account.ForRegistration)),
		open("POST "+v3+"register/msisdn/requestToken", h.requestPhone),
		open("GET /_matrix/client/v1/register/m.login.registration_token/validity", h.voucherValid),
		open("GET /_synapse/admin/v1/register", h.sharedNonce),
		open("POST /_synapse/admin/v1/register", h.sharedRegister),
		{Pattern: "POST " + v3 + "account/password", Maybe: true, Handle: h.changePassword},
		open("POST "+v3+"account/password/email/requestToken", h.requestEmail(account.ForPassword)),
		open("POST "+v3+"account/password/msisdn/requestToken", h.requestPhone),
		auth("POST "+v3+"account/deactivate", h.deactivate),
		auth("GET "+v3+"account/whoami", h.whoami),
		auth("GET "+v3+"account/3pid", h.contacts),
		auth("POST "+v3+"account/3pid", h.addContactOld),
		auth("POST "+v3+"account/3pid/add", h.addContact),
		auth("POST "+v3+"account/3pid/bind", h.bindContact),
		auth("POST "+v3+"account/3pid/delete", h.deleteContact),
		auth("POST "+v3+"account/3pid/unbind", h.unbindContact),
		open("POST "+v3+"account/3pid/email/requestToken", h.requestEmail(account.ForContact)),
		open("POST "+v3+"account/3pid/msisdn/requestToken", h.requestPhone),
		open("GET "+proofPath, h.proofPage),
		open("POST "+proofPath, h.confirmProof),
	}
}

// spec: client-server-api#post_matrixclientv3register
func (h *API) register(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	if done, err := h.registerService(w, r); done {
		return err
	}
	switch kind := r.URL.Query().Get("kind"); kind {
	case "", "user":
	case "guest":
		return fault.New(fault.Forbidden, "M_GUEST_ACCESS_FORBIDDEN", "There are no guest accounts here.")
	default:
		return fault.New(fault.Invalid, "M_UNKNOWN", "There is no such kind of account.")
	}
	var b struct {
		Username *string         `json:"username"`
		Password *string         `json:"password"`
		Device   id.Device       `json:"device_id"`
		Name     string          `json:"initial_device_display_name"`
		Refresh  bool            `json:"refresh_token"`
		Inhibit  bool            `json:"inhibit_login"`
		Auth     json.RawMessage `json:"auth"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	if err := h.Accounts.MayRegister(); err != nil {
		return err
	}
	in := account.SignIn{Device: b.Device, Name: b.Name, Refresh: b.Refresh}
	if err := in.Check(); err != nil {
		return err
	}
	name := strings.ToLower(id.NewOpaque(10))
	if b.Username != nil {
		name = *b.Username
	}
	u, err := h.Accounts.Free(r.Context(), name)
	if err != nil {
		return err
	}
	passed, err := h.interact(w, r, account.Interaction{Flows: [][]string{h.Accounts.Registration.Stages()}, Auth: b.Auth})
	if passed == nil {
		return err
	}
	if b.Password == nil || *b.Password == "" {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The password is missing.")
	}
	if err := h.Accounts.Register(r.Context(), account.NewUser{User: u, Password: *b.Password, DisplayName: u.Localpart()}, passed); err != nil {
		return err
	}
	passed.End()
	if b.Inhibit {
		return httpx.JSON(w, http.StatusOK, map[string]any{"user_id": u, "home_server": u.Server()})
	}
	ses, err := h.Accounts.Open(r.Context(), u, in)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, sessionBody(ses))
}

// available is no way to learn who has an account here, where nobody can make one.
func (h *API) available(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	if err := h.Accounts.MayRegister(); err != nil {
		return err
	}
	if _, err := h.Accounts.Free(r.Context(), r.URL.Query().Get("username")); err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]bool{"available": true})
}

// spec: client-server-api#get_matrixclientv1registermloginregistration_tokenvalidity
func (h *API) voucherValid(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	if err := h.Accounts.MayRegister(); err != nil {
		return err
	}
	token := r.URL.Query().Get("token")
	if token == "" {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The token is missing.")
	}
	valid, err := h.Accounts.VoucherValid(r.Context(), token)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]bool{"valid": valid})
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

// changePassword serves whoever is signed in, by their password, and whoever is not, by their e-mail address.
// spec: client-server-api#post_matrixclientv3accountpassword
func (h *API) changePassword(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		New    *string         `json:"new_password"`
		Logout *bool           `json:"logout_devices"`
		Auth   json.RawMessage `json:"auth"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	if a.User == "" && h.Accounts.Mail == nil {
		return fault.New(fault.Unauthenticated, "M_MISSING_TOKEN", "Sign in first.")
	}
	if a.App != "" {
		return errUseApp
	}
	in := account.Interaction{User: a.User, Flows: [][]string{{account.StagePassword}}, Auth: b.Auth}
	if a.User == "" {
		in.Flows = [][]string{{account.StageEmail}}
	}
	passed, err := h.interact(w, r, in)
	if passed == nil {
		return err
	}
	if b.New == nil {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The new password is missing.")
	}
	others := b.Logout == nil || *b.Logout
	if a.User == "" {
		err = h.Accounts.ResetPassword(r.Context(), passed, *b.New, others)
	} else {
		err = h.Accounts.SetPassword(r.Context(), a, *b.New, others)
	}
	if err != nil {
		return err
	}
	passed.End()
	return httpx.OK(w)
}

// spec: client-server-api#post_matrixclientv3accountdeactivate
func (h *API) deactivate(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Erase bool            `json:"erase"`
		Auth  json.RawMessage `json:"auth"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	passed, err := h.confirm(w, r, b.Auth, a)
	if passed == nil {
		return err
	}
	if err := h.Accounts.Deactivate(r.Context(), a.User, a.User, b.Erase); err != nil {
		return err
	}
	passed.End()
	return httpx.Raw(w, http.StatusOK, []byte(`{"id_server_unbind_result":"no-support"}`))
}

func (h *API) whoami(w http.ResponseWriter, _ *http.Request, a account.Actor) error {
	body := map[string]any{"user_id": a.User, "is_guest": false}
	if a.Device != "" {
		body["device_id"] = a.Device
	}
	return httpx.JSON(w, http.StatusOK, body)
}

func (h *API) contacts(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	list, err := h.Accounts.Contacts(r.Context(), a.User)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"threepids": list})
}

type credsBody struct {
	Sid    string `json:"sid"`
	Secret string `json:"client_secret"`
}

// addContactOld is the older form, which asks for no password.
// spec: client-server-api#post_matrixclientv3account3pid
func (h *API) addContactOld(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Creds *credsBody `json:"three_pid_creds"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	if b.Creds == nil {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The three_pid_creds are missing.")
	}
	if a.App != "" {
		return errUseApp // with an address of its own an app could set a new password
	}
	err := h.Accounts.AddContact(r.Context(), a.User, b.Creds.Sid, b.Creds.Secret)
	if f := fault.As(err); f != nil && f.Code == "M_THREEPID_AUTH_FAILED" {
		return fault.Wrap(fault.Forbidden, f.Code, f.Public, err)
	}
	if err != nil {
		return err
	}
	return httpx.OK(w)
}

// spec: client-server-api#post_matrixclientv3account3pidadd
func (h *API) addContact(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		credsBody
		Auth json.RawMessage `json:"auth"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	if b.Sid == "" || b.Secret == "" {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The sid or the client_secret is missing.")
	}
	passed, err := h.confirm(w, r, b.Auth, a)
	if passed == nil {
		return err
	}
	if err := h.Accounts.AddContact(r.Context(), a.User, b.Sid, b.Secret); err != nil {
		return err
	}
	passed.End()
	return httpx.OK(w)
}

// bindContact refuses to tell an identity server who has which address: this server trusts none.
// spec: client-server-api#post_matrixclientv3account3pidbind
func (h *API) bindContact(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	var b struct {
		Server *string `json:"id_server"`
		Token  *string `json:"id_access_token"`
		credsBody
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	if b.Server == nil || b.Token == nil || b.Sid == "" || b.Secret == "" {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The id_server, id_access_token, sid or client_secret is missing.")
	}
	return fault.New(fault.Invalid, "M_SERVER_NOT_TRUSTED", "This server uses no identity server.")
}

type addressBody struct {
	Medium  string `json:"medium"`
	Address string `json:"address"`
}

func (b *addressBody) decode(r *http.Request) error {
	if err := httpx.Decode(r, b, bodyLimit); err != nil {
		return err
	}
	if b.Medium == "" || b.Address == "" {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The medium or the address is missing.")
	}
	return nil
}

// spec: client-server-api#post_matrixclientv3account3piddelete
func (h *API) deleteContact(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b addressBody
	if err := b.decode(r); err != nil {
		return err
	}
	if err := h.Accounts.DeleteContact(r.Context(), a.User, b.Medium, b.Address); err != nil {
		return err
	}
	return httpx.Raw(w, http.StatusOK, []byte(`{"id_server_unbind_result":"no-support"}`))
}

// unbindContact has nothing to undo, because nothing is ever bound.
// spec: client-server-api#post_matrixclientv3account3pidunbind
func (h *API) unbindContact(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	var b addressBody
	if err := b.decode(r); err != nil {
		return err
	}
	return httpx.Raw(w, http.StatusOK, []byte(`{"id_server_unbind_result":"no-support"}`))
}

// requestEmail sends a letter that proves whose an address is.
// spec: client-server-api#post_matrixclientv3registeremailrequesttoken
func (h *API) requestEmail(purpose account.Purpose) httpx.Handler {
	return func(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
		raw, err := httpx.Object(r, bodyLimit)
		if err != nil {
			return err
		}
		var b struct {
			Secret  string `json:"client_secret"`
			Email   string `json:"email"`
			Attempt *int64 `json:"send_attempt"`
		}
		if json.Unmarshal(raw, &b) != nil {
			return fault.New(fault.Invalid, "M_BAD_JSON", "The body is JSON of another shape.")
		}
		if b.Secret == "" || b.Email == "" || b.Attempt == nil {
			return fault.New(fault.Invalid, "M_MISSING_PARAM", "The client_secret, email or send_attempt is missing.")
		}
		if purpose == account.ForRegistration {
			if err := h.Accounts.MayRegister(); err != nil {
				return err
			}
		}
		base := h.base(r)
		sid, err := h.Accounts.Prove(r.Context(), account.Proof{Address: b.Email, Secret: b.Secret, Attempt: *b.Attempt, For: purpose,
			Link: func(sid, token string) string {
				return base + proofPath + "?" + url.Values{"sid": {sid}, "token": {token}}.Encode()
			}})
		if err != nil {
			return err
		}
		return httpx.JSON(w, http.StatusOK, map[string]string{"sid": sid})
	}
}

// requestPhone refuses: this server sends no text messages to prove numbers by.
// spec: client-server-api#post_matrixclientv3registermsisdnrequesttoken
func (h *API) requestPhone(_ http.ResponseWriter, r *http.Request, _ account.Actor) error {
	raw, err := httpx.Object(r, bodyLimit)
	if err != nil {
		return err
	}
	for _, name := range []string{"client_secret", "country", "phone_number", "send_attempt"} {
		if event.Field(raw, name) == nil {
			return fault.New(fault.Invalid, "M_MISSING_PARAM", "The "+name+" is missing.")
		}
	}
	return account.NoMail()
}
