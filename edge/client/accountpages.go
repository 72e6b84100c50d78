package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"time"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/oauth"
)

// visitCookie names the cookie of somebody who has signed in on the account's own pages.
const visitCookie = "wl_account"

// visit finds who is signed in on these pages, nil for nobody.
func (h *API) visit(r *http.Request) (*oauth.Visit, string, error) {
	c, err := r.Cookie(visitCookie)
	if err != nil {
		return nil, "", nil
	}
	v, err := h.OAuth.Visit(r.Context(), c.Value)
	return v, c.Value, err
}

func (h *API) setVisit(w http.ResponseWriter, value string, age int) {
	http.SetCookie(w, &http.Cookie{Name: visitCookie, Value: value, Path: accountPath, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: h.Options.SecureCookies, MaxAge: age})
}

// actionOf reads what the page is opened for. Apps of before call devices sessions.
// spec: client-server-api#oauth-20-account-management
func actionOf(v url.Values) string {
	switch a := v.Get("action"); a {
	case "org.matrix.sessions_list":
		return "org.matrix.devices_list"
	case "org.matrix.session_view":
		return "org.matrix.device_view"
	case "org.matrix.session_end":
		return "org.matrix.device_delete"
	default:
		if slices.Contains(accountActions, a) {
			return a
		}
		return "org.matrix.profile"
	}
}

func pathOf(action string, device id.Device) string {
	q := url.Values{"action": {action}}
	if device != "" {
		q.Set("device_id", string(device))
	}
	return accountPath + "?" + q.Encode()
}

// signInPage asks who somebody is before their account is shown.
func (h *API) signInPage(w http.ResponseWriter, v url.Values, problem string, status int) error {
	return page{Title: "Your account", Problem: problem, Lines: []string{"Sign in to see and change your account."}, Action: signInPath,
		Ways:   h.ways(doorAccount, url.Values{"action": {v.Get("action")}, "device_id": {v.Get("device_id")}}),
		Hidden: []field{{Name: "action", Value: v.Get("action")}, {Name: "device_id", Value: v.Get("device_id")}},
		Fields: []field{{Name: "user", Label: "User name", Type: "text", Value: v.Get("user"), Auto: "username"},
			{Name: "password", Label: "Password", Type: "password", Auto: "current-password"}, secondField},
		Buttons: []button{{Text: "Sign in"}}}.show(w, status)
}

func (h *API) accountSignIn(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	if err := httpx.SameOrigin(r); err != nil {
		return err
	}
	f, err := form(w, r)
	if err != nil {
		return oauthError(w, err)
	}
	u := h.Accounts.ParseLogin(f.Get("user"))
	name, err := h.OAuth.NewVisit(r.Context(), u, f.Get("password"), f.Get("code"))
	if problem := told(err); problem != "" {
		return h.signInPage(w, f, problem, http.StatusForbidden)
	}
	if err != nil {
		return err
	}
	h.setVisit(w, name, 15*60)
	http.Redirect(w, r, pathOf(actionOf(f), id.Device(f.Get("device_id"))), http.StatusSeeOther)
	return nil
}

func (h *API) accountSignOut(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	if err := httpx.SameOrigin(r); err != nil {
		return err
	}
	if c, err := r.Cookie(visitCookie); err == nil {
		h.OAuth.EndVisit(c.Value)
	}
	h.setVisit(w, "", -1)
	return page{Title: "Signed out", Lines: []string{"You can close this page. Your apps stay signed in."}}.show(w, http.StatusOK)
}

// accountPage shows what the page is opened for.
func (h *API) accountPage(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	v, _, err := h.visit(r)
	if err != nil {
		return err
	}
	if v == nil {
		q := r.URL.Query()
		q.Del("user")
		return h.signInPage(w, q, "", http.StatusOK)
	}
	return h.showAccount(w, r, v, actionOf(r.URL.Query()), id.Device(r.URL.Query().Get("device_id")), "", http.StatusOK)
}

func (h *API) showAccount(w http.ResponseWriter, r *http.Request, v *oauth.Visit, action string, device id.Device, problem string, status int) error {
	home := link{pathOf("org.matrix.profile", ""), "Your account"}
	p := page{Problem: problem, Action: accountPath, Links: []link{home},
		Hidden: []field{{Name: "action", Value: action}, {Name: "device_id", Value: string(device)}, {Name: "proof", Value: v.Proof}}}
	var err error
	switch action {
	case "org.matrix.devices_list":
		err = h.devicesPage(r, v, &p)
	case "org.matrix.device_view", "org.matrix.device_delete":
		err = h.devicePage(r, v, device, &p)
	case "org.matrix.account_deactivate":
		p.Title, p.Lines = "End your account", []string{"You are signed out everywhere, leave all rooms, and can never sign in again. Nobody else can have your user name.",
			"Your messages stay readable to those who have them. You can have them hidden from whoever joins later; the trust keeps what it must keep by law."}
		if v.Origin == "" { // who came from elsewhere has signed in there a few minutes ago, and may have no password
			p.Fields = []field{{Name: "password", Label: "Your password", Type: "password", Auto: "current-password"}}
		}
		p.Buttons = []button{{Name: "erase", Value: "no", Text: "End my account"}, {Name: "erase", Value: "yes", Text: "End it and hide my messages"}}
	case "org.matrix.cross_signing_reset":
		p.Title, p.Lines = "Set up encryption anew", []string{"An app wants to replace the keys by which others know your devices. Allow it only if you asked for it there: everybody you have verified must be verified again.",
			"It holds for ten minutes."}
		p.Buttons = []button{{Text: "Allow"}}
	default:
		err = h.profilePage(r, v, &p)
	}
	if err != nil {
		return err
	}
	return p.show(w, status)
}

func (h *API) profilePage(r *http.Request, v *oauth.Visit, p *page) error {
	prof, err := h.Accounts.ProfileOf(r.Context(), v.User)
	if err != nil {
		return err
	}
	p.Title, p.Facts = "Your account", []fact{{"User name", string(v.User)}}
	name := prof.Text("displayname")
	if h.Accounts.MayChange("displayname") == nil {
		p.Fields = []field{{Name: "displayname", Label: "Name that others see", Type: "text", Value: name, Auto: "name"}}
		p.Buttons = []button{{Text: "Save"}}
	} else {
		p.Facts, p.Action = append(p.Facts, fact{"Name that others see", name}), ""
	}
	p.Links = []link{{pathOf("org.matrix.devices_list", ""), "Devices that are signed in"}, {pathOf("org.matrix.account_deactivate", ""), "End your account"}}
	return nil
}

func deviceName(d account.Device) string {
	if d.Name == "" {
		return string(d.ID)
	}
	return d.Name
}

func (h *API) devicesPage(r *http.Request, v *oauth.Visit, p *page) error {
	list, err := h.Accounts.Sightings(r.Context(), v.User)
	if err != nil {
		return err
	}
	p.Title, p.Action = "Devices that are signed in", ""
	for _, d := range list {
		p.Links = append(p.Links, link{pathOf("org.matrix.device_view", d.ID), deviceName(d)})
	}
	return nil
}

func (h *API) devicePage(r *http.Request, v *oauth.Visit, device id.Device, p *page) error {
	list, err := h.Accounts.Sightings(r.Context(), v.User)
	if err != nil {
		return err
	}
	p.Links = append(p.Links, link{pathOf("org.matrix.devices_list", ""), "All devices"})
	i := slices.IndexFunc(list, func(d account.Device) bool { return d.ID == device })
	if i < 0 {
		p.Title, p.Action, p.Lines = "No such device", "", []string{"The device is not signed in any more."}
		return nil
	}
	d := list[i]
	p.Title = deviceName(d)
	p.Facts = []fact{{"Name of the sign-in", string(d.ID)}, {"Last seen", d.SeenAt.UTC().Format("2 January 2006, 15:04 UTC")}}
	if d.IP != "" {
		p.Facts = append(p.Facts, fact{"From", d.IP})
	}
	p.Hidden[0].Value = "org.matrix.device_delete"
	p.Buttons = []button{{Text: "Sign this device out"}}
	return nil
}

// mayRename refuses a new name where the server keeps names, and to suspended people, as their apps are refused it.
func (h *API) mayRename(ctx context.Context, u id.User) error {
	if err := h.Accounts.MayChange("displayname"); err != nil {
		return err
	}
	who, err := h.Accounts.Account(ctx, u)
	if err == nil && who.Suspended {
		err = errSuspended
	}
	return err
}

// accountAct does what a form of these pages asks for.
func (h *API) accountAct(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	if err := httpx.SameOrigin(r); err != nil {
		return err
	}
	f, err := form(w, r)
	if err != nil {
		return oauthError(w, err)
	}
	v, name, err := h.visit(r)
	if err != nil {
		return err
	}
	if v == nil || f.Get("proof") != v.Proof {
		return h.signInPage(w, url.Values{"action": f["action"], "device_id": f["device_id"]}, "You were signed out of this page.", http.StatusForbidden)
	}
	ctx, action, device := r.Context(), actionOf(f), id.Device(f.Get("device_id"))
	done := page{Links: []link{{pathOf("org.matrix.profile", ""), "Your account"}}}
	switch action {
	case "org.matrix.profile":
		var text []byte
		if text, err = json.Marshal(f.Get("displayname")); err == nil {
			if err = h.mayRename(ctx, v.User); err == nil {
				err = h.Accounts.SetProfile(ctx, v.User, "displayname", text)
			}
		}
		done.Title, done.Lines = "Saved", []string{"Others see your new name from now on."}
	case "org.matrix.device_delete":
		err = h.Accounts.Logout(ctx, v.User, func(d id.Device) bool { return d == device })
		done.Title, done.Lines = "Signed out", []string{"The device is signed out."}
	case "org.matrix.cross_signing_reset":
		h.Accounts.AllowReset(v.User)
		done.Title, done.Lines = "Allowed", []string{"Go back to your app within ten minutes. It can now set up encryption anew."}
	case "org.matrix.account_deactivate":
		if v.Origin == "" {
			err = h.Accounts.CheckPassword(ctx, v.User, f.Get("password"))
		}
		if err == nil {
			err = h.Accounts.Deactivate(ctx, v.User, v.User, f.Get("erase") == "yes")
		}
		if err == nil {
			h.OAuth.EndVisit(name)
			h.setVisit(w, "", -1)
			done.Links = nil
		}
		done.Title, done.Lines = "Your account has ended", []string{"It ended on " + time.Now().UTC().Format("2 January 2006, 15:04 UTC") + "."}
	default:
		err = fault.New(fault.Invalid, "M_INVALID_PARAM", "There is nothing to do here.")
	}
	if problem := told(err); problem != "" {
		return h.showAccount(w, r, v, action, device, problem, http.StatusForbidden)
	}
	if err != nil {
		return err
	}
	return done.show(w, http.StatusOK)
}
