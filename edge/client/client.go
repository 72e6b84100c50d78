// Package client serves the Matrix client-server API.
//
// It promises the specification's paths, shapes and error codes, and nothing more: each handler decodes, calls one verb of the kernel
// and renders. What is not in the table is answered M_UNRECOGNIZED by the front. Look first at Routes.
//
// spec: client-server-api
package client

import (
	"net/http"
	"slices"
	"strings"

	"wardline/edge/httpx"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/bridge"
	"wardline/matrix/delay"
	"wardline/matrix/factor"
	"wardline/matrix/inbox"
	"wardline/matrix/keys"
	"wardline/matrix/media"
	"wardline/matrix/oauth"
	"wardline/matrix/passkey"
	"wardline/matrix/preview"
	"wardline/matrix/push"
	"wardline/matrix/report"
	"wardline/matrix/room"
	"wardline/matrix/sso"
	"wardline/matrix/timeline"
)

// Options are what an operator decides about this API.
type Options struct {
	PublicURL     string // base URL that .well-known gives, "" for the one asked
	SharedSecret  string // tools that know it may make accounts, "" for none
	SecureCookies bool   // the browser must come by HTTPS
	MaxUpload     int64  // bytes
	NoEncryption  bool   // tells clients not to turn on end-to-end encryption
	Version       string // of the program
	OAuth         bool   // apps sign people in on this server's own pages
	Support       Support
	Turn          Turn
	LiveKit       string // URL of the service that lets people into calls of many, "" for none
}

// API is the client-server API of one server.
type API struct {
	Accounts *account.Service
	Rooms    *room.Service
	Timeline *timeline.Service
	Keys     *keys.Service
	Inbox    *inbox.Service
	Bridges  *bridge.Service // nil without application services
	Push     *push.Service
	Reports  *report.Service
	OAuth    *oauth.Service
	SSO      *sso.Service // nil without identity providers
	Cookies  *Cookies     // the web app's sessions
	Factors  *factor.Service
	Passkeys *passkey.Service
	Media    *media.Service
	Delays   *delay.Service
	Previews *preview.Service
	Options  Options
}

// bodyLimit bounds JSON bodies: an event of 64 KiB with room for escapes, and the filters of large clients.
const bodyLimit = 512 << 10

// Routes is the table of endpoints, in the order of the specification.
func (h *API) Routes() []httpx.Route {
	const v3 = "/_matrix/client/v3/"
	open := func(pattern string, fn httpx.Handler) httpx.Route { return httpx.Route{Pattern: pattern, Handle: fn} }
	auth := func(pattern string, fn httpx.Handler) httpx.Route {
		return httpx.Route{Pattern: pattern, Auth: true, Handle: fn}
	}
	routes := []httpx.Route{
		open("GET /_matrix/client/versions", h.versions),
		auth("GET "+v3+"capabilities", h.capabilities),

		open("GET "+v3+"login", h.loginFlows),
		open("POST "+v3+"login", h.login),
		auth("POST /_matrix/client/v1/login/get_token", h.loginToken),
		open("POST "+v3+"refresh", h.refresh),
		{Pattern: "POST " + v3 + "logout", Auth: true, Locked: true, Handle: h.logout},
		{Pattern: "POST " + v3 + "logout/all", Auth: true, Locked: true, Handle: h.logoutAll},
		auth("GET "+v3+"devices", h.devices),
		auth("GET "+v3+"devices/{deviceId}", h.device),
		auth("PUT "+v3+"devices/{deviceId}", h.renameDevice),
		auth("DELETE "+v3+"devices/{deviceId}", h.deleteDevice),
		auth("POST "+v3+"delete_devices", h.deleteDevices),

		auth("POST "+v3+"user/{userId}/filter", h.saveFilter),
		auth("GET "+v3+"user/{userId}/filter/{filterId}", h.filter),
		auth("GET "+v3+"user/{userId}/account_data/{type}", h.accountData),
		auth("PUT "+v3+"user/{userId}/account_data/{type}", h.setAccountData),
		auth("GET "+v3+"user/{userId}/rooms/{roomId}/account_data/{type}", h.accountData),
		auth("PUT "+v3+"user/{userId}/rooms/{roomId}/account_data/{type}", h.setAccountData),
		open("GET "+v3+"profile/{userId}", h.profile),
		open("GET "+v3+"profile/{userId}/{keyName}", h.profileField),
		auth("PUT "+v3+"profile/{userId}/{keyName}", h.setProfile),
		auth("DELETE "+v3+"profile/{userId}/{keyName}", h.deleteProfile),
		auth("POST "+v3+"user_directory/search", h.searchUsers),
	}
	routes = slices.Concat(routes,
		h.roomRoutes(auth),
		h.timelineRoutes(auth),
		h.mediaRoutes(open, auth),
		h.directoryRoutes(open, auth),
		h.spaceRoutes(auth),
		h.keyRoutes(auth),
		h.backupRoutes(auth), h.bridgeRoutes(auth),
		h.historyRoutes(auth),
		h.accountRoutes(open, auth),
		h.fallbackRoutes(open),
		h.ssoRoutes(open),
		h.factorRoutes(),
		h.passkeyRoutes(open),
		h.oauthRoutes(open),
		h.moderationRoutes(auth),
		h.discoveryRoutes(open, auth),
		h.pushRoutes(auth),
		h.presenceRoutes(auth),
		h.delayRoutes(auth),
		h.searchRoutes(auth),
		h.tagRoutes(auth),
	)
	for i, r := range routes {
		_, path, _ := strings.Cut(r.Pattern, " ")
		routes[i].Heavy = slices.ContainsFunc(heavy, func(end string) bool { return strings.HasSuffix(path, end) })
	}
	return routes
}

// heavy are the ends of the paths whose answers may be megabytes, or take that much to make.
var heavy = []string{"/messages", "/context/{eventId}", "/state", "/members", "/joined_members", "/hierarchy", "/threads", "/initialSync", "/search", "/publicRooms",
	"/notifications", "/relations/{eventId}", "/relations/{eventId}/{relType}", "/relations/{eventId}/{relType}/{eventType}", "/room_keys/keys",
	"/upload", "/upload/{serverName}/{mediaId}", "/thumbnail/{serverName}/{mediaId}"}

func (h *API) roomRoutes(auth func(string, httpx.Handler) httpx.Route) []httpx.Route {
	const v3 = "/_matrix/client/v3/"
	return []httpx.Route{
		auth("POST "+v3+"createRoom", h.createRoom),
		auth("GET "+v3+"joined_rooms", h.joinedRooms),
		auth("POST "+v3+"join/{roomIdOrAlias}", h.join),
		auth("POST "+v3+"knock/{roomIdOrAlias}", h.knock),
		auth("POST "+v3+"rooms/{roomId}/{verb}", h.membership),
		auth("GET "+v3+"rooms/{roomId}/state", h.allState),
		auth("GET "+v3+"rooms/{roomId}/state/{eventType}", h.state),
		auth("GET "+v3+"rooms/{roomId}/state/{eventType}/{stateKey...}", h.state),
		auth("PUT "+v3+"rooms/{roomId}/state/{eventType}", h.setState),
		auth("PUT "+v3+"rooms/{roomId}/state/{eventType}/{stateKey...}", h.setState),
		auth("PUT "+v3+"rooms/{roomId}/send/{eventType}/{txnId}", h.send),
		auth("PUT "+v3+"rooms/{roomId}/redact/{eventId}/{txnId}", h.redact),
	}
}

func (h *API) timelineRoutes(auth func(string, httpx.Handler) httpx.Route) []httpx.Route {
	const v3 = "/_matrix/client/v3/"
	return []httpx.Route{
		auth("GET "+v3+"sync", h.sync),
		auth("POST /_matrix/client/v4/sync", h.sliding),
		auth("POST /_matrix/client/unstable/org.matrix.simplified_msc3575/sync", h.slidingUnstable),
		auth("GET "+v3+"rooms/{roomId}/joined_members", h.joinedMembers),
		auth("POST "+v3+"rooms/{roomId}/receipt/{receiptType}/{eventId}", h.receipt),
		auth("POST "+v3+"rooms/{roomId}/read_markers", h.readMarkers),
		auth("PUT "+v3+"rooms/{roomId}/typing/{userId}", h.typing),
	}
}

// self refuses calls about another user's own things.
func self(r *http.Request, a account.Actor) error {
	if r.PathValue("userId") != string(a.User) {
		return fault.New(fault.Forbidden, "M_FORBIDDEN", "That belongs to somebody else.")
	}
	return nil
}

// versions answers with the whole ladder, because clients ask for one of the older rungs.
// spec: client-server-api#get_matrixclientversions
func (h *API) versions(w http.ResponseWriter, _ *http.Request, _ account.Actor) error {
	return httpx.Raw(w, http.StatusOK, []byte(`{"versions":["v1.1","v1.2","v1.3","v1.4","v1.5","v1.6","v1.7","v1.8","v1.9","v1.10","v1.11","v1.12","v1.13","v1.14","v1.15","v1.16","v1.17","v1.18","v1.19"],`+
		`"unstable_features":{"org.matrix.simplified_msc3575":true,"org.matrix.msc4222":true,"org.matrix.msc4140":true}}`))
}

// spec: client-server-api#get_matrixclientv3capabilities
func (h *API) capabilities(w http.ResponseWriter, _ *http.Request, a account.Actor) error {
	is := func(yes bool) map[string]bool { return map[string]bool{"enabled": yes} }
	stable := map[string]string{}
	for _, v := range supportedVersions() {
		stable[v] = "stable"
	}
	fields := map[string]any{"enabled": true}
	if managed := h.Accounts.Managed; slices.Contains(managed, "*") {
		fields["enabled"] = false
	} else if len(managed) > 0 {
		fields["disallowed"] = managed
	}
	all := map[string]any{
		"m.room_versions":            map[string]any{"default": defaultVersion(), "available": stable},
		"m.change_password":          is(a.App == ""),
		"m.set_displayname":          is(h.Accounts.MayChange("displayname") == nil),
		"m.set_avatar_url":           is(h.Accounts.MayChange("avatar_url") == nil),
		"m.profile_fields":           fields,
		"m.3pid_changes":             is(h.Accounts.Mail != nil && a.App == ""),
		"m.get_login_token":          is(a.App == ""),
		"m.forget_forced_upon_leave": is(false),
		// spec: MSC4140#delayed-event-limits-as-a-capability
		"org.matrix.msc4140.delayed_events": map[string]int64{"max_delay_ms": delay.MaxDelay.Milliseconds(), "max_scheduled": delay.MaxScheduled},
	}
	if key := h.Push.WebKey(); key != "" {
		// spec: MSC4174#get-vapid-key
		all["org.matrix.msc4174.webpush"] = map[string]any{"enabled": true, "vapid": key}
	}
	if a.Admin {
		all["m.account_moderation"] = map[string]bool{"lock": true, "suspend": true}
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"capabilities": all})
}
