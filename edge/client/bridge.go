package client

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/bridge"
	"wardline/matrix/id"
)

// asService is the type by which application services sign in and register.
const asService = "m.login.application_service"

func (h *API) bridgeRoutes(auth func(string, httpx.Handler) httpx.Route) []httpx.Route {
	const v3 = "/_matrix/client/v3/"
	return []httpx.Route{
		auth("POST /_matrix/client/v1/appservice/{appserviceId}/ping", h.pingService),
		auth("PUT "+v3+"directory/list/appservice/{networkId}/{roomId}", h.publishService),
		auth("GET "+v3+"thirdparty/protocols", h.protocols),
		auth("GET "+v3+"thirdparty/protocol/{protocol}", h.protocol),
		auth("GET "+v3+"thirdparty/location/{protocol}", h.lookup("location")),
		auth("GET "+v3+"thirdparty/user/{protocol}", h.lookup("user")),
		auth("GET "+v3+"thirdparty/location", h.lookup("location")),
		auth("GET "+v3+"thirdparty/user", h.lookup("user")),
	}
}

// Assert finds whom an application service acts for, by its token and the request's user_id and device_id. It suits httpx.Server.
// spec: application-service-api#identity-assertion
func (h *API) Assert(r *http.Request, token string) (account.Actor, bool, error) {
	reg := h.Bridges.ByToken(token)
	if reg == nil {
		return account.Actor{}, false, nil
	}
	q := r.URL.Query()
	device := q.Get("device_id")
	if device == "" {
		device = q.Get("org.matrix.msc3202.device_id") // as it was called before it was specified
	}
	a, err := h.Bridges.Act(r.Context(), reg, id.User(q.Get("user_id")), id.Device(device))
	return a, true, err
}

// bearer finds the application service that holds the request's token.
func (h *API) bearer(r *http.Request) (*bridge.Registration, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || token == "" {
		return nil, fault.New(fault.Unauthenticated, "M_MISSING_TOKEN", "Only application services may do this, by their token.")
	}
	reg := h.Bridges.ByToken(strings.TrimSpace(token))
	if reg == nil {
		return nil, fault.New(fault.Unauthenticated, "M_UNKNOWN_TOKEN", "The token is no application service's.")
	}
	return reg, nil
}

// registerService makes a user of an application service, if that is what the request asks; done is false when it does not. The body
// stays to be read.
// spec: application-service-api#server-admin-style-permissions
func (h *API) registerService(w http.ResponseWriter, r *http.Request) (done bool, err error) {
	raw, err := httpx.Body(r, bodyLimit)
	if err != nil {
		return true, err
	}
	r.Body = io.NopCloser(bytes.NewReader(raw))
	var b struct {
		Type     string    `json:"type"`
		Username *string   `json:"username"`
		Device   id.Device `json:"device_id"`
		Name     string    `json:"initial_device_display_name"`
		Refresh  bool      `json:"refresh_token"`
		Inhibit  bool      `json:"inhibit_login"`
	}
	if json.Unmarshal(raw, &b) != nil || b.Type != asService {
		return false, nil
	}
	reg, err := h.bearer(r)
	if err != nil {
		return true, err
	}
	if b.Username == nil {
		return true, fault.New(fault.Invalid, "M_MISSING_PARAM", "The username is missing.")
	}
	u, err := h.Bridges.Register(r.Context(), reg, *b.Username)
	if err != nil {
		return true, err
	}
	if b.Inhibit {
		return true, httpx.JSON(w, http.StatusOK, map[string]any{"user_id": u, "home_server": u.Server()})
	}
	ses, err := h.Bridges.Login(r.Context(), reg, u, account.SignIn{Device: b.Device, Name: b.Name, Refresh: b.Refresh})
	if err != nil {
		return true, err
	}
	return true, httpx.JSON(w, http.StatusOK, sessionBody(ses))
}

// loginService opens a session for a user of an application service.
func (h *API) loginService(r *http.Request, who account.Identifier, in account.SignIn) (account.Session, error) {
	reg, err := h.bearer(r)
	if err != nil {
		return account.Session{}, err
	}
	u, err := h.Accounts.Identify(r.Context(), who)
	if err != nil {
		return account.Session{}, err
	}
	return h.Bridges.Login(r.Context(), reg, u, in)
}

// createDevice makes a device of an application service's user; done is false when nobody asks for that.
// spec: application-service-api#device-management
func (h *API) createDevice(w http.ResponseWriter, r *http.Request, a account.Actor, name string) (done bool, err error) {
	if a.Service == "" {
		return false, nil
	}
	made, err := h.Accounts.MakeDevice(r.Context(), a.User, id.Device(r.PathValue("deviceId")), name)
	if err != nil || !made {
		return err != nil, err
	}
	return true, httpx.Raw(w, http.StatusCreated, []byte("{}"))
}

// needDevice refuses what only a device can do, to an application service that acts without one.
func needDevice(a account.Actor) error {
	if a.Device == "" {
		return fault.New(fault.Invalid, "M_MISSING_PARAM", "This needs a device; name it with device_id.")
	}
	return nil
}

// sender is the device under which transaction ids of an actor are remembered: an application service without a device has its own.
func sender(a account.Actor) id.Device {
	if a.Device == "" && a.Service != "" {
		return id.Device("application service " + a.Service)
	}
	return a.Device
}

// timestamp reads the time that an application service, or an administrator who brings history in, wants an event to show; zero for
// now and for everybody else.
// spec: application-service-api#timestamp-massaging
func timestamp(r *http.Request, a account.Actor) (time.Time, error) {
	text := r.URL.Query().Get("ts")
	if text == "" || a.Service == "" && !a.Admin {
		return time.Time{}, nil
	}
	const most = 1<<53 - 1 // what canonical JSON can say
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil || ms < 0 || ms > most {
		return time.Time{}, fault.New(fault.Invalid, "M_INVALID_PARAM", "The ts is no time.")
	}
	return time.UnixMilli(ms), nil
}

// spec: client-server-api#post_matrixclientv1appserviceappserviceidping
func (h *API) pingService(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Txn string `json:"transaction_id"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	took, err := h.Bridges.Ping(r.Context(), a.Service, r.PathValue("appserviceId"), b.Txn)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]int64{"duration_ms": took.Milliseconds()})
}

// spec: client-server-api#put_matrixclientv3directorylistappservicenetworkidroomid
func (h *API) publishService(w http.ResponseWriter, r *http.Request, a account.Actor) error {
	var b struct {
		Visibility string `json:"visibility"`
	}
	if err := httpx.Decode(r, &b, bodyLimit); err != nil {
		return err
	}
	if a.Service == "" {
		return fault.New(fault.Forbidden, "M_FORBIDDEN", "Only application services have directories of their own.")
	}
	target, err := httpx.Room(r)
	if err != nil {
		return err
	}
	if b.Visibility != "public" && b.Visibility != "private" {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "The visibility is public or private.")
	}
	if err := h.Bridges.Publish(r.Context(), a.Service, r.PathValue("networkId"), target, b.Visibility == "public"); err != nil {
		return err
	}
	return httpx.OK(w)
}

// described asks the services that provide a protocol what it is like. Each of its networks gets the name by which its directory is
// asked for.
func (h *API) described(r *http.Request, name string) (json.RawMessage, error) {
	var whole map[string]json.RawMessage
	instances := []map[string]any{}
	for reg, raw := range h.Bridges.Lookup(r.Context(), name, "protocol/"+name, nil) {
		var one map[string]json.RawMessage
		var networks []map[string]any
		if json.Unmarshal(raw, &one) != nil || one == nil {
			continue
		}
		_ = json.Unmarshal(one["instances"], &networks) // a protocol without networks has none
		for _, n := range networks {
			if network, ok := n["network_id"].(string); ok {
				n["instance_id"] = bridge.Instance(reg.ID, network)
			}
			instances = append(instances, n)
		}
		if whole == nil {
			whole = one
		}
	}
	if whole == nil {
		return nil, fault.New(fault.NotFound, "M_NOT_FOUND", "There is no such protocol.")
	}
	raw, err := json.Marshal(instances)
	if err != nil {
		return nil, err
	}
	whole["instances"] = raw
	return json.Marshal(whole)
}

// spec: client-server-api#get_matrixclientv3thirdpartyprotocols
func (h *API) protocols(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	out := map[string]json.RawMessage{}
	for _, name := range h.Bridges.Protocols() {
		raw, err := h.described(r, name)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		out[name] = raw
	}
	return httpx.JSON(w, http.StatusOK, out)
}

// spec: client-server-api#get_matrixclientv3thirdpartyprotocolprotocol
func (h *API) protocol(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
	raw, err := h.described(r, r.PathValue("protocol"))
	if err != nil {
		return err
	}
	return httpx.Raw(w, http.StatusOK, raw)
}

// lookup relays a search for places or people of other networks: by a protocol and its fields, or by what they are called here.
// spec: client-server-api#get_matrixclientv3thirdpartylocationprotocol
func (h *API) lookup(kind string) httpx.Handler {
	return func(w http.ResponseWriter, r *http.Request, _ account.Actor) error {
		path, protocol := kind, r.PathValue("protocol")
		q := r.URL.Query()
		if protocol != "" {
			path += "/" + protocol
			known := false
			for _, name := range h.Bridges.Protocols() {
				known = known || name == protocol
			}
			if !known {
				return fault.New(fault.NotFound, "M_NOT_FOUND", "There is no such protocol.")
			}
		} else if name := map[string]string{"location": "alias", "user": "userid"}[kind]; q.Get(name) == "" {
			return fault.New(fault.Invalid, "M_MISSING_PARAM", "The parameter "+name+" is missing.")
		}
		for _, secret := range []string{"access_token", "user_id", "device_id"} {
			q.Del(secret)
		}
		all := []json.RawMessage{}
		for _, raw := range h.Bridges.Lookup(r.Context(), protocol, path, q) {
			var list []json.RawMessage
			if json.Unmarshal(raw, &list) == nil {
				all = append(all, list...)
			}
		}
		if len(all) == 0 && protocol == "" {
			return fault.New(fault.NotFound, "M_NOT_FOUND", "No application service knows that.")
		}
		return httpx.JSON(w, http.StatusOK, all)
	}
}
