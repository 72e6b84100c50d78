package client

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/oauth"
	"wardline/matrix/sso"
)

// Where people go who sign in elsewhere.
const (
	ssoPath     = "/_wardline/sso/"
	ssoContinue = ssoPath + "continue"
)

// What somebody signs in elsewhere for.
const (
	doorApp      = "app"      // this server's own web app
	doorRedirect = "redirect" // another Matrix client, by a token in the address that it names
	doorOAuth    = "oauth"    // an app that asked by OAuth
	doorDevice   = "device"   // an app without a browser, whose code was typed
	doorAccount  = "account"  // the account's own pages
	doorConfirm  = "confirm"  // something that needs more than a token
)

// ssoRoutes are the steps of signing in elsewhere. The bare address of a provider begins, whatever it is for; people come back to its
// callback, and say yes at continue.
func (h *API) ssoRoutes(open func(string, httpx.Handler) httpx.Route) []httpx.Route {
	return []httpx.Route{
		open("GET "+ssoPath+"{provider}/begin", h.ssoBegin),
		open("GET "+ssoPath+"{provider}/callback", h.ssoCallback),
		open("POST "+ssoPath+"{provider}/logout", h.ssoLogout),
		open("GET "+ssoPath+"{provider}/jwks.json", h.ssoKeys),
		open("POST "+ssoContinue, h.ssoContinue),
	}
}

// ssoURL is where somebody begins to sign in by a provider.
func ssoURL(p *sso.Provider, door string, more url.Values) string {
	q := url.Values{"door": {door}}
	for name, values := range more {
		if len(values) > 0 && values[0] != "" {
			q.Set(name, values[0])
		}
	}
	return ssoPath + p.ID + "/begin?" + q.Encode()
}

// ways are the links by which a page offers to sign in elsewhere.
func (h *API) ways(door string, more url.Values) []link {
	var all []link
	if h.SSO.Any() {
		for _, p := range h.SSO.Providers {
			all = append(all, link{ssoURL(p, door, more), "Sign in with " + p.Name})
		}
	}
	return all
}

var errNoSSO = fault.New(fault.NotFound, "M_UNRECOGNIZED", "There is no single sign-on here.")

// ssoRedirect begins for another Matrix client. With several providers and none named, the person chooses.
// spec: client-server-api#get_matrixclientv3loginssoredirect
func (h *API) ssoRedirect(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	if !h.SSO.Any() {
		return errNoSSO
	}
	more := url.Values{"redirectUrl": {r.URL.Query().Get("redirectUrl")}}
	if more.Get("redirectUrl") == "" {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "The redirectUrl is missing.")
	}
	if err := mayRedirect(more.Get("redirectUrl")); err != nil {
		return err
	}
	name := r.PathValue("idpId")
	if name == "" && len(h.SSO.Providers) > 1 {
		return page{Title: "Sign in", Lines: []string{"Choose how you sign in."}, Ways: h.ways(doorRedirect, more)}.show(w, http.StatusOK)
	}
	if name == "" {
		name = h.SSO.Providers[0].ID
	}
	p, err := h.SSO.Provider(name)
	if err != nil {
		return err
	}
	http.Redirect(w, r, ssoURL(p, doorRedirect, more), http.StatusFound)
	return nil
}

func goTo(w http.ResponseWriter, address string) error {
	w.Header().Set("Location", address)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// mayRedirect refuses addresses that are none, or that a browser would run instead of going there.
func mayRedirect(address string) error {
	u, err := url.Parse(address)
	web := err == nil && (u.Scheme == "https" || u.Scheme == "http")
	never := []string{"javascript", "data", "vbscript", "blob", "file", "about", "filesystem", "view-source"}
	if err != nil || u.Scheme == "" || web && u.Hostname() == "" || u.User != nil || slices.Contains(never, u.Scheme) || len(address) > 2048 ||
		strings.ContainsFunc(address, func(c rune) bool { return c < ' ' }) {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "Nobody can be sent back to that redirectUrl.")
	}
	return nil
}

// doorDetail checks what somebody wants to sign in for, and returns what must be remembered of it.
func (h *API) doorDetail(r *http.Request, door string, q url.Values) (url.Values, error) {
	keep := func(names ...string) url.Values {
		v := url.Values{}
		for _, n := range names {
			if q.Get(n) != "" {
				v.Set(n, q.Get(n))
			}
		}
		return v
	}
	ctx := r.Context()
	switch door {
	case doorApp:
		return keep("shared"), nil
	case doorRedirect:
		return keep("redirectUrl"), mayRedirect(q.Get("redirectUrl"))
	case doorOAuth:
		v := keep(requestNames...)
		if !h.Options.OAuth {
			return v, errNoSSO
		}
		_, _, _, err := h.OAuth.Check(ctx, request(v))
		if e := oauth.AsError(err); e != nil {
			err = fault.New(fault.Invalid, "M_INVALID_PARAM", e.Text)
		}
		return v, err
	case doorDevice:
		if !h.Options.OAuth {
			return nil, errNoSSO
		}
		_, _, err := h.OAuth.Waiting(ctx, q.Get("user_code"))
		return keep("user_code"), err
	case doorAccount:
		if !h.Options.OAuth {
			return nil, errNoSSO
		}
		return keep("action", "device_id"), nil
	case doorConfirm:
		return keep("session"), h.Accounts.Outside(ctx, q.Get("session"), account.StageSSO, nil)
	}
	return nil, errNoSSO
}

// ssoBegin sends a browser to a provider. Every beginning is bound to the browser by a cookie.
func (h *API) ssoBegin(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	p, err := h.SSO.Provider(r.PathValue("provider"))
	if err != nil {
		return err
	}
	q := r.URL.Query()
	door := q.Get("door")
	detail, err := h.doorDetail(r, door, q)
	if err != nil {
		return h.ssoFailed(w, sso.Arrival{Provider: p, Door: door}, err)
	}
	browser := ""
	if browser = h.browserOf(r); len(browser) < 32 {
		browser = id.NewOpaque(32)
	}
	to, err := h.SSO.Begin(r.Context(), p.ID, sso.Attempt{Door: door, Detail: detail.Encode(), Browser: browser, Keep: door != doorConfirm,
		Fresh: door == doorConfirm || detail.Get("shared") != ""}) // whoever was at a shared computer before may still be signed in there
	if err != nil {
		return h.ssoFailed(w, sso.Arrival{Provider: p, Door: door, Detail: detail.Encode()}, err)
	}
	http.SetCookie(w, &http.Cookie{Name: h.ssoCookie(), Value: browser, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: h.Options.SecureCookies, MaxAge: 3600})
	return goTo(w, to)
}

// ssoFailed is the page for what went wrong, with the ways on.
func (h *API) ssoFailed(w http.ResponseWriter, got sso.Arrival, err error) error {
	f := fault.As(err)
	if f == nil || f.Kind == fault.Internal || got.Provider == nil {
		return err
	}
	p := page{Title: "You are not signed in", Lines: []string{f.Public}}
	status := http.StatusForbidden
	switch {
	case fault.Is(err, fault.Unavailable):
		status = http.StatusServiceUnavailable
		p.Title = "Nobody answers"
	case fault.Is(err, fault.NotFound):
		status = http.StatusNotFound
	case fault.Is(err, fault.Invalid):
		status = http.StatusBadRequest
	}
	detail, parsed := url.ParseQuery(got.Detail)
	if parsed == nil && got.Door != "" && status != http.StatusBadRequest && status != http.StatusNotFound {
		p.Ways = append(p.Ways, link{ssoURL(got.Provider, got.Door, detail), "Try again"})
	}
	switch {
	case got.Door == doorApp && !h.Accounts.NoPasswords:
		p.Links = append(p.Links, link{"/", "Sign in with a password"})
	case got.Door == doorApp:
		p.Links = append(p.Links, link{"/", "Back to the sign-in page"})
	case got.Door == doorOAuth && parsed == nil && status == http.StatusServiceUnavailable:
		p.Links = append(p.Links, link{authorisePath + "?" + got.Detail, "Sign in another way"})
	}
	return p.show(w, status)
}

// ssoCookie is the name of the cookie that a sign-in elsewhere is bound to. Its beginning keeps sites beside this one from setting it.
func (h *API) ssoCookie() string {
	if h.Options.SecureCookies {
		return "__Host-wl_sso"
	}
	return "wl_sso"
}

func (h *API) browserOf(r *http.Request) string {
	if c, err := r.Cookie(h.ssoCookie()); err == nil {
		return c.Value
	}
	return ""
}

// ssoCallback takes people back. What could hand somebody's account to an app is asked once more, with the name of who they are.
// spec: client-server-api#handling-the-callback-from-the-authentication-server
func (h *API) ssoCallback(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	got, err := h.SSO.Arrive(r.Context(), r.PathValue("provider"), r.URL.Query(), h.browserOf(r))
	if err != nil {
		return h.ssoFailed(w, got, err)
	}
	ctx := r.Context()
	detail, err := url.ParseQuery(got.Detail)
	if err != nil {
		return err
	}
	switch got.Door {
	case doorApp:
		shared := detail.Get("shared") != ""
		ses, err := h.Accounts.Open(ctx, got.User, account.SignIn{Name: appName(r.UserAgent(), shared), How: "sso", Origin: got.Origin, Spend: h.SSO.Using(got.Handle)})
		if err != nil {
			return h.ssoFailed(w, got, err)
		}
		h.Cookies.set(w, ses.Access, shared)
		return goTo(w, "/")
	case doorAccount:
		if _, err := h.SSO.Take(ctx, got.Handle, h.browserOf(r)); err != nil {
			return h.ssoFailed(w, got, err)
		}
		name, err := h.OAuth.OpenVisit(ctx, got.User, got.Origin)
		if err != nil {
			return h.ssoFailed(w, got, err)
		}
		h.setVisit(w, name, 15*60)
		return goTo(w, pathOf(actionOf(detail), id.Device(detail.Get("device_id"))))
	}
	return h.ssoAsk(w, r, got, detail)
}

// ssoAsk asks whoever has come back whether the app may act for them.
func (h *API) ssoAsk(w http.ResponseWriter, r *http.Request, got sso.Arrival, detail url.Values) error {
	prof, err := h.Accounts.ProfileOf(r.Context(), got.User)
	if err != nil {
		return err
	}
	name := prof.Text("displayname")
	if name == "" {
		name = got.User.Localpart()
	}
	p := page{Title: "Is that what you want?", Action: ssoContinue, Hidden: []field{{Name: "handle", Value: got.Handle}},
		Facts:   []fact{{"You are", name}, {"User name", string(got.User)}},
		Buttons: []button{{Name: "answer", Value: "yes", Text: "Allow"}, {Name: "answer", Value: "no", Text: "Cancel", Second: true}}}
	to := []string{}
	switch got.Door {
	case doorRedirect:
		target := detail.Get("redirectUrl")
		u, err := url.Parse(target)
		if err != nil {
			return err
		}
		where := u.Scheme + "://" + u.Host
		if u.Host == "" {
			where = "an app on this device (" + u.Scheme + ")"
		}
		p.Lines = []string{"It will be able to read and send messages as you. Allow it only if you have just opened it yourself."}
		p.Facts = append([]fact{{"To be signed in", where}}, p.Facts...)
		to = append(to, allowedOrigin(target))
	case doorOAuth:
		c, sc, err := h.mayAsk(w, r, request(detail))
		if c == nil {
			return err
		}
		p.Title, p.Lines = "Sign in to "+c.Name(), []string{"The app will be able to read and send messages as you, and to change your account's settings. Go on only if you have just opened it yourself."}
		p.Facts = append([]fact{{"App", c.Name()}, {"From", c.Host()}, {"This sign-in", string(sc.Device)}}, p.Facts...)
		to = append(to, allowedOrigin(detail.Get("redirect_uri")))
	case doorConfirm: // asked here too: somebody may have been led past the page that says what it is about
		p.Title, p.Lines, p.Buttons[0].Text = "Confirm that it is you", confirmLines, "Confirm"
	case doorDevice:
		c, device, err := h.OAuth.Waiting(r.Context(), detail.Get("user_code"))
		if err != nil {
			return h.ssoFailed(w, got, err)
		}
		p.Title, p.Code = "Sign in "+c.Name(), oauth.Shown(detail.Get("user_code"))
		p.Lines = []string{"The other device must show this same code. If it does not, or you have no other device in front of you, somebody else wants to sign in as you: choose Cancel.",
			"It will be able to read and send messages as you."}
		p.Facts = append([]fact{{"App", c.Name()}, {"From", c.Host()}, {"This sign-in", string(device)}}, p.Facts...)
	default:
		return errNoSSO
	}
	return p.show(w, http.StatusOK, to...)
}

// loginTokenLife is how long a token in an address is good for.
// spec: client-server-api#handling-the-callback-from-the-authentication-server
const loginTokenLife = 30 * time.Second

// ssoContinue does what somebody has said yes to.
func (h *API) ssoContinue(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	if err := httpx.SameOrigin(r); err != nil {
		return err
	}
	if !h.SSO.Any() {
		return errNoSSO
	}
	f, err := form(w, r)
	if err != nil {
		return oauthError(w, err)
	}
	ctx, handle, browser := r.Context(), f.Get("handle"), h.browserOf(r)
	got, err := h.SSO.Waiting(ctx, handle, browser)
	var detail url.Values
	if err == nil {
		detail, err = url.ParseQuery(got.Detail)
	}
	if err != nil {
		return h.ssoEnded(w, err)
	}
	token := ""
	if f.Get("answer") == "yes" && got.Door == doorRedirect {
		got, token, err = h.SSO.LoginToken(ctx, handle, browser, loginTokenLife)
	} else {
		got, err = h.SSO.Take(ctx, handle, browser)
	}
	if err == nil {
		err = h.Accounts.Unlocked(ctx, got.User)
	}
	if err != nil {
		return h.ssoEnded(w, err)
	}
	req := request(detail)
	switch {
	case f.Get("answer") != "yes" && got.Door == doorOAuth:
		return sendBack(w, req, url.Values{"error": {"access_denied"}, "error_description": {"The answer was no."}})
	case f.Get("answer") != "yes":
		return page{Title: "Nothing was allowed", Lines: []string{"You can close this page."}}.show(w, http.StatusOK)
	case got.Door == doorRedirect:
		return goTo(w, withToken(detail.Get("redirectUrl"), token))
	case got.Door == doorOAuth:
		code, err := h.OAuth.Authorise(ctx, req, got.User, got.Origin)
		if err != nil {
			return oauthError(w, err)
		}
		return sendBack(w, req, url.Values{"code": {code}})
	case got.Door == doorConfirm:
		if err := h.Accounts.PassElsewhere(ctx, detail.Get("session"), got.User); err != nil {
			return h.ssoEnded(w, err)
		}
		return page{Title: "Done", Lines: []string{"Go back to your app; you can close this page."}, Done: true}.show(w, http.StatusOK)
	case got.Door == doorDevice:
		if err := h.OAuth.Decide(ctx, detail.Get("user_code"), got.User, got.Origin, true); err != nil {
			return h.ssoEnded(w, err)
		}
		return page{Title: "The device is signed in", Lines: []string{"You can close this page and go on at the other device."}}.show(w, http.StatusOK)
	}
	return errNoSSO
}

// ssoEnded is the page for a yes that comes too late.
func (h *API) ssoEnded(w http.ResponseWriter, err error) error {
	if problem := told(err); problem != "" {
		return page{Title: "That does not work any more", Lines: []string{problem, "Go back to your app and begin again."}}.show(w, http.StatusForbidden)
	}
	return err
}

// withToken lays a login token into an address, instead of any that it had.
func withToken(address, token string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address // it was parsed before
	}
	var rest []string
	for _, part := range strings.Split(u.RawQuery, "&") {
		name, _, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(name); part != "" && (err != nil || plain != "loginToken") {
			rest = append(rest, part)
		}
	}
	u.RawQuery = strings.Join(append(rest, "loginToken="+url.QueryEscape(token)), "&")
	return u.String()
}

var confirmLines = []string{"An app that is signed in as you wants to change something that only you may change: end one of your devices, replace your keys, or end your account.",
	"Go on only if you have just asked for that. If you have not, close this page and tell your administrator."}

// ssoStage is the page of the stage that is passed elsewhere. It says first what is about to happen: whoever is signed in there may be let
// through without being asked.
// spec: client-server-api#sso-during-user-interactive-authentication
func (h *API) ssoStage(w http.ResponseWriter, r *http.Request, session, problem string, status int) error {
	err := h.Accounts.Outside(r.Context(), session, account.StageSSO, nil)
	var who id.User
	if err == nil {
		who, err = h.Accounts.AskedOutside(session)
	}
	if f := fault.As(err); f != nil {
		return page{Title: "That does not work", Lines: []string{f.Public}}.show(w, http.StatusNotFound)
	}
	if err != nil {
		return err
	}
	list, err := h.SSO.Ways(r.Context(), who)
	if err != nil {
		return err
	}
	p := page{Title: "Confirm that it is you", Problem: problem, Facts: []fact{{"User name", string(who)}},
		Lines: confirmLines}
	for _, way := range list {
		p.Ways = append(p.Ways, link{ssoURL(way, doorConfirm, url.Values{"session": {session}}), "Confirm with " + way.Name})
	}
	return p.show(w, status)
}

// ssoLogout takes a provider's word that a session has ended there.
// spec: openid-connect-backchannel-1_0#BCRequest
func (h *API) ssoLogout(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	w.Header().Set("Cache-Control", "no-store")
	f, err := form(w, r)
	if err != nil {
		return oauthError(w, err)
	}
	err = h.SSO.Logout(r.Context(), r.PathValue("provider"), f.Get("logout_token"))
	if fault.Is(err, fault.Invalid) {
		return oauthError(w, &oauth.Error{Code: "invalid_request", Text: fault.As(err).Public})
	}
	if err != nil {
		return err
	}
	return httpx.OK(w)
}

// ssoKeys is what a provider checks this server's word by.
func (h *API) ssoKeys(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	p, err := h.SSO.Provider(r.PathValue("provider"))
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, p.Keys())
}
