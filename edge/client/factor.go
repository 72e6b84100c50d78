package client

import (
	"net/http"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/factor"
)

// factorRoutes are what people prove themselves with besides a password. Apps that signed in by OAuth have no business with it.
func (h *API) factorRoutes() []httpx.Route {
	const at = "/_wardline/v1/second-step"
	return []httpx.Route{
		own("GET "+at, h.secondStep),
		own("POST "+at, h.beginSecond),
		own("POST "+at+"/confirm", h.confirmSecond),
		own("POST "+at+"/recovery", h.renewRecovery),
		own("POST "+at+"/remove", h.removeSecond),
	}
}

// secondBody is what somebody gives to change their second step.
type secondBody struct {
	Password string `json:"password"`
	Code     string `json:"code"`
}

func (h *API) secondStep(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	st, err := h.Factors.Of(r.Context(), a.User)
	if err != nil {
		return err
	}
	who, err := h.Accounts.Account(r.Context(), a.User)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"on": st.On, "recovery": st.Recovery, "password": h.Accounts.MayPassword(who)})
}

// beginSecond asks the password first: otherwise whoever finds a device open could shut its owner out.
func (h *API) beginSecond(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b secondBody
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	if err := h.Accounts.Guess(r.Context(), a.User, b.Password); err != nil {
		return err
	}
	address, typed, err := h.Factors.Begin(r.Context(), a.User)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]string{"uri": address, "secret": typed})
}

func (h *API) confirmSecond(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b secondBody
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	codes, err := h.Factors.Confirm(r.Context(), a.User, b.Code)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"recovery_codes": codes})
}

func (h *API) renewRecovery(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b secondBody
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	codes, err := h.Factors.Renew(r.Context(), a.User, b.Code)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"recovery_codes": codes})
}

func (h *API) removeSecond(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b secondBody
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	if err := h.Accounts.Guess(r.Context(), a.User, b.Password); err != nil {
		return err
	}
	if err := h.Factors.Remove(r.Context(), a.User, b.Code); err != nil {
		return err
	}
	return httpx.OK(w)
}

// errNoSecond answers apps that know nothing of a second step, to whoever gave the right password.
var errNoSecond = fault.New(fault.Forbidden, "M_FORBIDDEN", "This account has a second step, which this app cannot ask for. Sign in with an app that opens this server's own sign-in page.")

// withoutSecond makes of a wish for a code a refusal that every app can show.
func withoutSecond(err error) error {
	if f := fault.As(err); f != nil && f.Code == factor.CodeWanted {
		return errNoSecond
	}
	return err
}
