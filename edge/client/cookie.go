package client

import (
	"context"
	"encoding/json"
	"net/http"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
)

// Cookies is the web app's way to sign in: the session lives in a cookie that no script can read.
type Cookies struct {
	API *API
	// Describe adds what the app shows of the person: name, role, posts held. Set by the wiring.
	Describe func(ctx context.Context, u id.User) (map[string]any, error)
}

// Routes is the table of the app's session calls.
func (c *Cookies) Routes() []httpx.Route {
	return []httpx.Route{
		{Pattern: "GET /_wardline/v1/sign-in", Handle: c.ways},
		{Pattern: "POST /_wardline/v1/session", Handle: c.open},
		{Pattern: "GET /_wardline/v1/session", Auth: true, Handle: c.show},
		{Pattern: "DELETE /_wardline/v1/session", Auth: true, Locked: true, Handle: c.end},
	}
}

// ways says how people may sign in, for the sign-in screen.
func (c *Cookies) ways(w http.ResponseWriter, _ *http.Request, _ account.Actor) error {
	list := []map[string]string{}
	if c.API.SSO.Any() {
		for _, p := range c.API.SSO.Providers {
			list = append(list, map[string]string{"id": p.ID, "name": p.Name, "url": ssoURL(p, doorApp, nil)})
		}
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"providers": list, "password": !c.API.Accounts.NoPasswords})
}

func (c *Cookies) open(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	if err := httpx.SameOrigin(r); err != nil {
		return err
	}
	var b struct {
		User     string `json:"user"`
		Password string `json:"password"`
		Code     string `json:"code"` // of the second step, once the answer was that it is wanted
		Token    string `json:"token"`
		Shared   bool   `json:"shared"` // a computer that many use: the browser forgets the session when it is closed
		Passkey  *struct {
			Session    string          `json:"session"`
			Credential json.RawMessage `json:"credential"`
		} `json:"passkey"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	in := account.SignIn{Name: appName(r.UserAgent(), b.Shared), Code: b.Code}
	var ses account.Session
	var err error
	if b.Passkey != nil {
		ses, err = c.API.byPasskey(r, b.Passkey.Session, b.Passkey.Credential, in)
	} else if b.Token != "" {
		ses, err = c.API.Accounts.LoginToken(r.Context(), b.Token, in)
	} else {
		ses, err = c.API.Accounts.Login(r.Context(), c.API.Accounts.ParseLogin(b.User), b.Password, in)
	}
	if err != nil {
		return err
	}
	body, err := c.describe(r.Context(), ses.Actor)
	if err != nil {
		return err
	}
	c.set(w, ses.Access, b.Shared)
	return httpx.JSON(w, http.StatusOK, body)
}

// Set gives the browser its session.
func (c *Cookies) Set(w http.ResponseWriter, token string) { c.set(w, token, false) }

func (c *Cookies) set(w http.ResponseWriter, token string, shared bool) {
	life := 30 * 24 * 3600
	if shared {
		life = 0
	}
	http.SetCookie(w, &http.Cookie{Name: httpx.Cookie, Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: c.API.Options.SecureCookies, MaxAge: life})
}

func (c *Cookies) describe(ctx context.Context, a account.Actor) (map[string]any, error) {
	body := map[string]any{}
	if c.Describe != nil {
		more, err := c.Describe(ctx, a.User)
		if err != nil {
			return nil, err
		}
		body = more
	}
	if body["name"] == nil {
		p, err := c.API.Accounts.ProfileOf(ctx, a.User)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
		body["name"] = p.Text("displayname")
	}
	body["user_id"], body["device_id"] = a.User, a.Device
	return body, nil
}

func (c *Cookies) show(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	body, err := c.describe(r.Context(), a)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, body)
}

func (c *Cookies) end(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	if err := c.API.Accounts.Logout(r.Context(), a.User, func(d id.Device) bool { return d == a.Device }); err != nil {
		return err
	}
	http.SetCookie(w, &http.Cookie{Name: httpx.Cookie, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, MaxAge: -1})
	w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
	return httpx.OK(w)
}
