package client

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/oauth"
)

// Paths of the OAuth 2.0 API, which apps learn from its metadata. They begin so that the web app's service worker leaves them alone.
const (
	authorisePath = "/_oauth/authorise"
	tokenPath     = "/_oauth/token"
	revokePath    = "/_oauth/revoke"
	registerPath  = "/_oauth/register"
	devicePath    = "/_oauth/device"
	linkPath      = "/_oauth/link"
	accountPath   = "/_wardline/account"
	signInPath    = "/_wardline/account/sign-in"
	signOutPath   = "/_wardline/account/sign-out"
)

// oauthRoutes are the OAuth 2.0 API and the pages on which people sign in and say yes. All answer "nothing here" unless the trust has
// switched it on, because some apps offer nothing else once it is there.
// spec: client-server-api#oauth-20-api
func (h *API) oauthRoutes(open func(string, httpx.Handler) httpx.Route) []httpx.Route {
	on := func(fn httpx.Handler) httpx.Handler {
		return func(w http.ResponseWriter, r *http.Request, a account.Actor) error {
			if !h.Options.OAuth {
				return fault.New(fault.NotFound, "M_UNRECOGNIZED", "This server does not offer the OAuth 2.0 API.")
			}
			return fn(w, r, a)
		}
	}
	return []httpx.Route{
		open("GET /_matrix/client/v1/auth_metadata", on(h.authMetadata)),
		open("GET /_matrix/client/unstable/org.matrix.msc2965/auth_metadata", on(h.authMetadata)),
		open("POST "+registerPath, on(h.registerApp)),
		open("GET "+authorisePath, on(h.authorisePage)),
		open("POST "+authorisePath, on(h.authorise)),
		open("POST "+tokenPath, on(h.token)),
		open("POST "+revokePath, on(h.revoke)),
		open("POST "+devicePath, on(h.beginDevice)),
		open("GET "+linkPath, on(h.linkPage)),
		open("POST "+linkPath, on(h.link)),
		open("GET "+accountPath, on(h.accountPage)),
		open("POST "+accountPath, on(h.accountAct)),
		open("POST "+signInPath, on(h.accountSignIn)),
		open("POST "+signOutPath, on(h.accountSignOut)),
	}
}

// accountActions are what the account's own pages can be opened at.
var accountActions = []string{"org.matrix.profile", "org.matrix.devices_list", "org.matrix.device_view", "org.matrix.device_delete",
	"org.matrix.account_deactivate", "org.matrix.cross_signing_reset"}

// spec: client-server-api#get_matrixclientv1auth_metadata
func (h *API) authMetadata(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	base := h.base(r)
	body := map[string]any{
		"issuer": base + "/", "authorization_endpoint": base + authorisePath, "token_endpoint": base + tokenPath,
		"revocation_endpoint": base + revokePath, "registration_endpoint": base + registerPath, "device_authorization_endpoint": base + devicePath,
		"response_types_supported": []string{"code"}, "response_modes_supported": []string{"query", "fragment"},
		"grant_types_supported":            []string{oauth.GrantCode, oauth.GrantRefresh, oauth.GrantDevice},
		"code_challenge_methods_supported": []string{"S256"}, "token_endpoint_auth_methods_supported": []string{"none"}, "revocation_endpoint_auth_methods_supported": []string{"none"},
		"account_management_uri": base + accountPath, "account_management_actions_supported": accountActions,
	}
	if h.canEnrol() {
		body["prompt_values_supported"] = []string{"create"}
	}
	return httpx.JSON(w, http.StatusOK, body)
}

// canEnrol says whether people can make an account on this server's own pages.
func (h *API) canEnrol() bool {
	return h.Accounts.MayRegister() == nil && !h.Accounts.Registration.Email
}

// oauthError answers in OAuth's form what has gone wrong in OAuth's way; other errors go up.
func oauthError(w http.ResponseWriter, err error) error {
	e := oauth.AsError(err)
	if e == nil {
		return err
	}
	status := http.StatusBadRequest
	if e.Code == "invalid_client" {
		status = http.StatusUnauthorized
	}
	return httpx.JSON(w, status, map[string]string{"error": e.Code, "error_description": e.Text})
}

// spec: client-server-api#dynamic-client-registration-flow
func (h *API) registerApp(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	body, err := httpx.Body(r, 64<<10)
	if err != nil {
		return err
	}
	var c oauth.Client
	if json.Unmarshal(body, &c) != nil {
		return oauthError(w, &oauth.Error{Code: "invalid_client_metadata", Text: "The metadata is not JSON, or of another shape."})
	}
	made, err := h.OAuth.Register(r.Context(), c)
	if err != nil {
		return oauthError(w, err)
	}
	return httpx.JSON(w, http.StatusCreated, made)
}

// form reads a form of a request's body, bounded. A value that is given twice is an error in OAuth.
func form(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		return nil, &oauth.Error{Code: "invalid_request", Text: "The form is malformed or too large."}
	}
	for name, values := range r.PostForm {
		if len(values) > 1 {
			return nil, &oauth.Error{Code: "invalid_request", Text: "The value " + name + " is given twice."}
		}
	}
	return r.PostForm, nil
}

// spec: client-server-api#grant-types
func (h *API) token(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	f, err := form(w, r)
	if err != nil {
		return oauthError(w, err)
	}
	ctx, client := r.Context(), f.Get("client_id")
	var t oauth.Tokens
	switch f.Get("grant_type") {
	case oauth.GrantCode:
		t, err = h.OAuth.Exchange(ctx, client, f.Get("code"), f.Get("redirect_uri"), f.Get("code_verifier"))
	case oauth.GrantRefresh:
		t, err = h.OAuth.Refresh(ctx, client, f.Get("refresh_token"))
	case oauth.GrantDevice:
		t, err = h.OAuth.Poll(ctx, client, f.Get("device_code"))
	case "":
		err = &oauth.Error{Code: "invalid_request", Text: "The grant_type is missing."}
	default:
		err = &oauth.Error{Code: "unsupported_grant_type", Text: "That grant is not served here."}
	}
	if err != nil {
		return oauthError(w, err)
	}
	w.Header().Set("Pragma", "no-cache")
	return httpx.JSON(w, http.StatusOK, map[string]any{"access_token": t.Access, "token_type": "Bearer", "expires_in": int(t.Life.Seconds()), "refresh_token": t.Refresh, "scope": t.Scope})
}

// spec: client-server-api#token-revocation
func (h *API) revoke(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	f, err := form(w, r)
	if err == nil {
		err = h.OAuth.Revoke(r.Context(), f.Get("client_id"), f.Get("token"))
	}
	if err != nil {
		return oauthError(w, err)
	}
	return httpx.OK(w)
}

// spec: client-server-api#device-authorisation-flow
func (h *API) beginDevice(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	f, err := form(w, r)
	if err != nil {
		return oauthError(w, err)
	}
	p, err := h.OAuth.Begin(r.Context(), f.Get("client_id"), f.Get("scope"))
	if err != nil {
		return oauthError(w, err)
	}
	base := h.base(r) + linkPath
	return httpx.JSON(w, http.StatusOK, map[string]any{"device_code": p.DeviceCode, "user_code": oauth.Shown(p.UserCode), "verification_uri": base,
		"verification_uri_complete": base + "?user_code=" + oauth.Shown(p.UserCode), "expires_in": int(p.Life.Seconds()), "interval": int(p.Interval.Seconds())})
}

// request reads what an app asks for, from a query or a form.
func request(v url.Values) oauth.Request {
	return oauth.Request{Client: v.Get("client_id"), Redirect: v.Get("redirect_uri"), ResponseType: v.Get("response_type"), ResponseMode: v.Get("response_mode"),
		Scope: v.Get("scope"), State: v.Get("state"), Challenge: v.Get("code_challenge"), ChallengeMethod: v.Get("code_challenge_method")}
}

// requestNames are the values that the sign-in page carries along.
var requestNames = []string{"client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "code_challenge", "code_challenge_method", "prompt"}

// sendBack sends a person back to the app with an answer.
func sendBack(w http.ResponseWriter, req oauth.Request, answer url.Values) error {
	if req.State != "" {
		answer.Set("state", req.State)
	}
	to, sign := req.Redirect, "?"
	if req.ResponseMode == "fragment" {
		sign = "#"
	} else if strings.Contains(to, "?") {
		sign = "&"
	}
	w.Header().Set("Location", to+sign+answer.Encode())
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// mayAsk looks at an app's request. It returns nil when it has answered: with a page when nobody can be sent back, or by sending the
// person back with what is wrong.
func (h *API) mayAsk(w http.ResponseWriter, r *http.Request, req oauth.Request) (*oauth.Client, oauth.Scope, error) {
	c, sc, back, err := h.OAuth.Check(r.Context(), req)
	if err == nil {
		return &c, sc, nil
	}
	e := oauth.AsError(err)
	if e == nil {
		return nil, sc, err
	}
	if back {
		return nil, sc, sendBack(w, req, url.Values{"error": {e.Code}, "error_description": {e.Text}})
	}
	return nil, sc, page{Title: "You cannot sign in this way", Lines: []string{e.Text, "Go back to your app and try again. If it happens again, the app is broken or not what it says it is."}}.show(w, http.StatusBadRequest)
}

// allowedOrigin is where the answer of a form may lead on to: the policy of a page must name it.
func allowedOrigin(redirect string) string {
	u, err := url.Parse(redirect)
	switch {
	case err != nil:
		return "'none'"
	case u.Scheme == "https" || u.Scheme == "http":
		return u.Scheme + "://" + u.Host
	}
	return u.Scheme + ":"
}

// askPage is the page on which somebody signs in and says yes.
func (h *API) askPage(v url.Values, c *oauth.Client, sc oauth.Scope, problem string) page {
	p := page{Title: "Sign in to " + c.Name(), Problem: problem, Action: authorisePath,
		Lines: []string{"The app will be able to read and send messages as you, and to change your account's settings. Go on only if you have just opened it yourself."},
		Facts: []fact{{"App", c.Name()}, {"From", c.Host()}, {"This sign-in", string(sc.Device)}}}
	for _, name := range requestNames {
		if value := v.Get(name); value != "" {
			p.Hidden = append(p.Hidden, field{Name: name, Value: value})
		}
	}
	create := v.Get("prompt") == "create" && h.canEnrol()
	if !create {
		p.Ways = h.ways(doorOAuth, carried(v))
	}
	password := field{Name: "password", Label: "Password", Type: "password", Auto: "current-password"}
	p.Fields = []field{{Name: "user", Label: "User name", Type: "text", Value: v.Get("user"), Auto: "username"}}
	text := "Sign in and allow"
	if create {
		p.Title, text, password.Auto = "Make an account for "+c.Name(), "Make the account and allow", "new-password"
	}
	p.Fields = append(p.Fields, password)
	if !create {
		p.Fields = append(p.Fields, secondField)
	}
	if create && !h.Accounts.Registration.Open {
		p.Fields = append(p.Fields, field{Name: "token", Label: "Registration token", Type: "text", Auto: "off"})
	}
	p.Buttons = []button{{Name: "answer", Value: "yes", Text: text}, {Name: "answer", Value: "no", Text: "Cancel", Second: true}}
	return p
}

// secondField asks for what some people have besides a password. It is there for everybody, because whether somebody has it is told only
// to whoever knows their password.
var secondField = field{Name: "code", Label: "Code of your authenticator app, if you use one", Type: "text", Auto: "one-time-code", Optional: true}

// carried is what of an app's request goes round with a sign-in elsewhere.
func carried(v url.Values) url.Values {
	out := url.Values{}
	for _, name := range requestNames {
		if value := v.Get(name); value != "" {
			out.Set(name, value)
		}
	}
	return out
}

// spec: client-server-api#authorisation-code-flow
func (h *API) authorisePage(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	v := r.URL.Query()
	v.Del("user") // an app may not write into the form
	req := request(v)
	c, sc, err := h.mayAsk(w, r, req)
	if c == nil {
		return err
	}
	return h.askPage(v, c, sc, "").show(w, http.StatusOK, allowedOrigin(req.Redirect))
}

func (h *API) authorise(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	f, err := form(w, r)
	if err != nil {
		return oauthError(w, err)
	}
	req := request(f)
	c, sc, err := h.mayAsk(w, r, req)
	if c == nil {
		return err
	}
	if f.Get("answer") == "no" {
		return sendBack(w, req, url.Values{"error": {"access_denied"}, "error_description": {"The answer was no."}})
	}
	u := h.Accounts.ParseLogin(f.Get("user"))
	if f.Get("prompt") == "create" && h.canEnrol() {
		if u, err = h.Accounts.NewLocal(f.Get("user")); err == nil {
			err = h.Accounts.Enrol(r.Context(), account.NewUser{User: u, Password: f.Get("password"), DisplayName: u.Localpart()}, f.Get("token"))
		}
	} else {
		err = h.Accounts.Verify(r.Context(), u, f.Get("password"), f.Get("code"))
	}
	if problem := told(err); problem != "" {
		return h.askPage(f, c, sc, problem).show(w, http.StatusForbidden, allowedOrigin(req.Redirect))
	}
	if err != nil {
		return err
	}
	code, err := h.OAuth.Authorise(r.Context(), req, u, "")
	if err != nil {
		return oauthError(w, err)
	}
	return sendBack(w, req, url.Values{"code": {code}})
}

// told is what a person can put right themselves, "" for what is not theirs.
func told(err error) string {
	var f *fault.Fault
	if !errors.As(err, &f) || f.Kind == fault.Internal || f.Kind == fault.Unavailable {
		return ""
	}
	return f.Public
}

// linkPage is where somebody types the code that an app without a browser shows.
func (h *API) linkPage(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	return h.showLink(w, r, r.URL.Query().Get("user_code"), "", "", http.StatusOK)
}

func (h *API) showLink(w http.ResponseWriter, r *http.Request, code, user, problem string, status int) error {
	if code == "" {
		return page{Title: "Sign in another device", Problem: problem, Lines: []string{"Type the code that the other device shows."}, Action: linkPath, Hidden: []field{{Name: "answer", Value: "look"}},
			Fields: []field{{Name: "user_code", Label: "Code", Type: "text", Auto: "off"}}, Buttons: []button{{Text: "Continue"}}}.show(w, status)
	}
	c, device, err := h.OAuth.Waiting(r.Context(), code)
	if text := told(err); text != "" {
		return h.showLink(w, r, "", "", text, http.StatusNotFound)
	}
	if err != nil {
		return err
	}
	return page{Title: "Sign in " + c.Name(), Problem: problem, Code: oauth.Shown(code),
		Lines: []string{"The other device must show this same code. If it does not, or you have no other device in front of you, somebody else wants to sign in as you: choose Cancel.",
			"It will be able to read and send messages as you."},
		Facts:  []fact{{"App", c.Name()}, {"From", c.Host()}, {"This sign-in", string(device)}},
		Ways:   h.ways(doorDevice, url.Values{"user_code": {code}}),
		Action: linkPath, Hidden: []field{{Name: "user_code", Value: code}},
		Fields:  []field{{Name: "user", Label: "User name", Type: "text", Value: user, Auto: "username"}, {Name: "password", Label: "Password", Type: "password", Auto: "current-password"}, secondField},
		Buttons: []button{{Name: "answer", Value: "yes", Text: "Sign in and allow"}, {Name: "answer", Value: "no", Text: "Cancel", Second: true}}}.show(w, status)
}

func (h *API) link(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	f, err := form(w, r)
	if err != nil {
		return oauthError(w, err)
	}
	code, user := f.Get("user_code"), f.Get("user")
	if f.Get("answer") == "look" || code == "" {
		return h.showLink(w, r, code, "", "", http.StatusOK)
	}
	if f.Get("answer") == "no" {
		// Nobody has signed in, so nothing is decided for anybody: the code ends by itself.
		return page{Title: "Nothing was allowed", Lines: []string{"You can close this page. The code ends in a few minutes."}}.show(w, http.StatusOK)
	}
	u := h.Accounts.ParseLogin(user)
	err = h.Accounts.Verify(r.Context(), u, f.Get("password"), f.Get("code"))
	if problem := told(err); problem != "" {
		return h.showLink(w, r, code, user, problem, http.StatusForbidden)
	}
	if err == nil {
		err = h.OAuth.Decide(r.Context(), code, u, "", true)
	}
	if problem := told(err); problem != "" {
		return h.showLink(w, r, "", "", problem, http.StatusNotFound)
	}
	if err != nil {
		return err
	}
	return page{Title: "The device is signed in", Lines: []string{"You can close this page and go on at the other device."}}.show(w, http.StatusOK)
}
