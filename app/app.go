// Package app puts the parts together, in the order in which they lean on each other, and runs them.
//
// It is the only package that sees all others; read Open from top to bottom for the story of a server's life. It promises that
// everything opened is closed in reverse order, and that what the server answers after Ready is durable. Look first at Open.
package app

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"wardline/edge/admin"
	"wardline/edge/client"
	"wardline/edge/httpx"
	"wardline/edge/server"
	edgeweb "wardline/edge/web"
	"wardline/ground/audit"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/ground/heap"
	"wardline/ground/run"
	"wardline/ground/stream"
	"wardline/matrix/account"
	"wardline/matrix/bridge"
	"wardline/matrix/delay"
	"wardline/matrix/factor"
	"wardline/matrix/id"
	"wardline/matrix/inbox"
	"wardline/matrix/keys"
	"wardline/matrix/lock"
	"wardline/matrix/media"
	"wardline/matrix/oauth"
	"wardline/matrix/passkey"
	"wardline/matrix/preview"
	"wardline/matrix/push"
	"wardline/matrix/report"
	"wardline/matrix/room"
	"wardline/matrix/search"
	"wardline/matrix/sso"
	"wardline/matrix/timeline"
	"wardline/web"
)

// Version is stamped by the build.
var Version = "dev"

// App is one running server.
type App struct {
	Config   Config
	Log      *slog.Logger
	DB       *db.DB
	Accounts *account.Service
	Locks    *lock.Service
	Rooms    *room.Service
	Timeline *timeline.Service
	Keys     *keys.Service
	Inbox    *inbox.Service
	Push     *push.Service
	Reports  *report.Service
	OAuth    *oauth.Service
	Factors  *factor.Service
	Passkeys *passkey.Service
	SSO      *sso.Service // nil without identity providers
	Media    *media.Service
	Bridges  *bridge.Service // nil without application services
	Delays   *delay.Service
	Steward  id.User
	Clinic   Clinic
	Demo     bool // this is a hospital to try things with

	API     *client.API
	Admin   *admin.API
	Cookies *client.Cookies
	Group   *run.Group
	Mux     *http.ServeMux
	HTTP    *httpx.Server

	federation *http.ServeMux
	listeners  []*http.Server
	door       httpx.Door
	Addr       net.Addr // where clients are answered, once Listen has returned
}

// Migrations are the schemas of every package, in the order they are applied.
func Migrations() []db.Migrations {
	return append([]db.Migrations{audit.Migrations(), stream.Migrations(), account.Migrations(), lock.Migrations(), room.Migrations(), keys.Migrations(), inbox.Migrations(), push.Migrations(), report.Migrations(), oauth.Migrations(), sso.Migrations(), factor.Migrations(), passkey.Migrations(), timeline.Migrations(),
		bridge.Migrations(), media.Migrations(), delay.Migrations(), search.Migrations()}, clinicMigrations()...)
}

// Open builds a server from its configuration. Nothing answers yet: call Listen, and Close in the end.
func Open(ctx context.Context, c Config, log *slog.Logger) (*App, error) {
	name, err := id.ParseServer(c.ServerName)
	if err != nil {
		return nil, fmt.Errorf("server-name %q: %w", c.ServerName, err)
	}
	a := &App{Config: c, Log: log, Group: run.NewGroup(log), Mux: http.NewServeMux(), federation: http.NewServeMux()}

	// The database first: everything else lives in it.
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if a.DB, err = db.Open(ctx, c.Source()); err != nil {
		return nil, err
	}
	a.DB.OnHealth(a.databaseHealth)
	a.DB.OnProgress(a.schemaProgress)
	if c.DatabasePatience > 0 {
		a.DB.Patience(c.DatabasePatience)
	}
	if err := a.DB.Migrate(ctx, Migrations()...); err != nil {
		return nil, errors.Join(err, a.DB.Close())
	}
	if err := a.crashAt(c.CrashAt); err != nil {
		return nil, errors.Join(err, a.DB.Close())
	}
	keyID, key, err := signingKey(filepath.Join(c.Data, keyFile))
	if err != nil {
		return nil, errors.Join(err, a.DB.Close())
	}

	// The kernel: accounts, rooms, keys, and what clients are told of them.
	a.Accounts = account.New(a.DB, name)
	if err := a.registration(ctx); err != nil {
		return nil, errors.Join(err, a.DB.Close())
	}
	a.Locks = lock.New(a.DB, a.Accounts)
	a.Accounts.OnSignOut = append(a.Accounts.OnSignOut, a.Locks.SignedOut)
	if err := a.Locks.Load(ctx); err != nil {
		return nil, errors.Join(err, a.DB.Close())
	}
	a.Rooms = room.New(a.DB, a.Accounts)
	a.Accounts.OnProfile = a.Rooms.ProfileChanged
	a.Accounts.OnEnd = a.Rooms.LeaveAll
	a.Keys = keys.New(a.DB, a.Accounts)
	a.Inbox = inbox.New(a.DB, a.Accounts)
	a.Timeline = timeline.New(a.DB, a.Rooms, a.Accounts, a.Keys, a.Inbox)
	a.Timeline.Index = search.New(a.DB, a.Rooms)
	a.Reports = report.New(a.DB, a.Accounts, a.Rooms)
	a.OAuth = oauth.New(a.DB, a.Accounts)
	if err := a.signingIn(key.Seed()); err != nil {
		return nil, errors.Join(err, a.DB.Close())
	}
	if err := a.push(ctx); err != nil {
		return nil, errors.Join(err, a.DB.Close())
	}
	if a.Media, err = media.Open(a.DB, name, filepath.Join(c.Data, mediaDir), int64(c.MaxUpload)); err != nil {
		return nil, errors.Join(err, a.DB.Close())
	}
	a.Media.Quota = int64(c.MediaQuota)
	a.Delays = delay.New(a.DB, a.Rooms, log)
	a.Delays.MaySend = a.maySend
	if err := a.steward(ctx); err != nil {
		return nil, errors.Join(err, a.DB.Close())
	}
	if err := a.bridges(ctx); err != nil {
		return nil, errors.Join(err, a.DB.Close())
	}

	// The edge: who asks, and what they may ask. What takes megabytes is done by a few at once, whoever asks; the rest waits, in the
	// order in which it came.
	a.Timeline.Heavy = run.NewGate(4*runtime.GOMAXPROCS(0), 20_000)
	a.HTTP = &httpx.Server{Log: log, Authenticate: a.Accounts.Authenticate, Saw: a.Accounts.Saw, Heavy: run.NewGate(4*runtime.GOMAXPROCS(0), 2000)}
	if !c.NoRateLimits {
		a.HTTP.Admit = a.admit((&httpx.Limiter{Writes: httpx.Rate{PerMinute: c.WriteRate, Burst: c.WriteBurst}, SignIns: httpx.Rate{PerMinute: c.SignInRate, Burst: c.SignInBurst}}).Admit)
	}
	a.API = &client.API{Accounts: a.Accounts, Rooms: a.Rooms, Timeline: a.Timeline, Keys: a.Keys, Inbox: a.Inbox, Bridges: a.Bridges, Push: a.Push, Reports: a.Reports, OAuth: a.OAuth, SSO: a.SSO, Factors: a.Factors, Passkeys: a.Passkeys, Media: a.Media, Delays: a.Delays, Options: client.Options{
		PublicURL: c.PublicURL, SharedSecret: c.RegistrationSecret,
		SecureCookies: strings.HasPrefix(c.PublicURL, "https://"), MaxUpload: int64(c.MaxUpload), LiveKit: c.LiveKitURL, OAuth: c.OAuth, Version: Version,
		Support: client.Support{Page: c.SupportPage, Email: c.SupportEmail, Matrix: c.SupportMatrix, SecurityEmail: c.SupportSecurityEmail},
		Turn:    client.Turn{URIs: words(c.TurnURIs), Secret: c.TurnSecret, Life: c.TurnLife}}}
	a.HTTP.Shut = a.shut
	a.HTTP.Suspended = a.API.Suspended
	a.API.Previews = preview.New(a.Media, a.Steward, c.LinkPreviews, c.AllowPrivateNetworks)
	if a.Bridges != nil {
		a.HTTP.Assert = a.API.Assert
	}
	a.Cookies = &client.Cookies{API: a.API}
	a.API.Cookies = a.Cookies
	a.Admin = &admin.API{Accounts: a.Accounts, Rooms: a.Rooms, Media: a.Media, Reports: a.Reports, Whois: a.API.Whois, Version: Version}
	a.HTTP.Mount(a.Mux, a.API.Routes())
	a.HTTP.Mount(a.Mux, a.Admin.Routes())
	a.HTTP.Mount(a.Mux, a.Cookies.Routes())
	peers := (&server.API{Name: name, KeyID: keyID, Key: key, Version: Version, Identity: a.Accounts.Identity}).Routes()
	a.HTTP.Mount(a.Mux, peers)
	a.HTTP.Mount(a.federation, peers)
	files, err := edgeweb.Handler(web.Dist())
	if err != nil {
		return nil, errors.Join(err, a.DB.Close())
	}
	a.Mux.Handle("/", files)

	// What goes on by itself: the database is kept tidy. Then the ward's work, which stands on all of this.
	a.Group.Go("db.tidy", a.DB.Tidy)
	a.Group.Go("heap", heap.Tend)
	a.Group.Go("room.rest", a.Rooms.Rest)
	a.Group.Go("search", a.Timeline.Index.Run)
	a.Group.Go("account.seen", a.Accounts.WriteSeen)
	if a.Accounts.Mail != nil {
		a.Group.Go("account.post", a.Accounts.Post)
	}
	if err := a.clinic(); err != nil {
		return nil, errors.Join(err, a.Group.Stop(ctx), a.DB.Close())
	}
	a.Group.Go("delay", a.Delays.Run) // after the guards are set, because it sends at once what came due meanwhile
	return a, nil
}

// maySend refuses to send for somebody whose account was suspended or locked since: what was scheduled before gets round neither.
// spec: client-server-api#account-suspension
func (a *App) maySend(ctx context.Context, u id.User) error {
	who, err := a.Accounts.Account(ctx, u)
	switch {
	case err != nil:
		return err
	case who.Suspended:
		return fault.New(fault.Forbidden, "M_USER_SUSPENDED", "Your account is suspended.")
	case who.Locked:
		return fault.New(fault.Forbidden, "M_USER_LOCKED", "Your account is locked.")
	}
	return nil
}

// databaseHealth tells the operator, once, that nothing can be written, and once that it works again. People meanwhile get a 503 with
// a sentence, and their apps try again.
func (a *App) databaseHealth(err error) {
	if err != nil {
		a.Log.Error("the database cannot be written, nobody can send", "err", err)
		return
	}
	a.Log.Info("the database can be written again")
}

// schemaProgress tells the operator why a server with much in it does not answer yet.
func (a *App) schemaProgress(p db.Progress) {
	switch {
	case p.Done:
		a.Log.Info("schema change done", "change", p.Change, "took", p.Elapsed.Round(time.Millisecond))
	case p.Elapsed < time.Second:
		a.Log.Info("changing the schema, please wait", "change", p.Change, "number", p.At, "of", p.Of)
	default:
		a.Log.Info("still changing the schema", "change", p.Change, "number", p.At, "of", p.Of, "elapsed", p.Elapsed.Round(time.Second))
	}
}

// StewardName is the local part of the server's own account.
const StewardName = "wardline"

// steward makes the server's own account, which is a creator of every room, so that no room depends on a person.
func (a *App) steward(ctx context.Context) error {
	u, err := id.NewUser(StewardName, a.Accounts.Server())
	if err != nil {
		return err
	}
	err = a.Accounts.Create(ctx, account.NewUser{User: u, DisplayName: "Wardline", Admin: true})
	if err != nil && !fault.Is(err, fault.Conflict) {
		return fmt.Errorf("make the server's own account: %w", err)
	}
	a.Steward, a.Rooms.Steward, a.Accounts.Own = u, u, u
	return nil
}

// Listen begins to answer. It returns once the ports are open.
func (a *App) Listen() error {
	a.door.Max = a.Config.MaxConnections
	if a.door.Max == 0 {
		a.door.Max = openFiles() - 512 // files, databases and calls of our own want some too
	}
	ln, err := net.Listen("tcp", a.Config.Listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("something else answers at %s already; choose another address with -listen", a.Config.Listen)
	}
	if err != nil {
		return fmt.Errorf("listen for clients: %w", err)
	}
	a.Addr = ln.Addr()
	a.serve("http", a.door.Listen(ln), a.HTTP.Front(a.Mux))
	if a.Config.DebugListen != "" {
		ln, err := net.Listen("tcp", a.Config.DebugListen)
		if err != nil {
			return fmt.Errorf("listen for profiles: %w", err)
		}
		mux := http.NewServeMux()
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		a.serve("profiles", ln, mux)
	}
	if a.Config.FederationListen == "" {
		return nil
	}
	cert, err := tls.LoadX509KeyPair(a.Config.TLSCert, a.Config.TLSKey)
	if err != nil {
		return fmt.Errorf("certificate for federation: %w", err)
	}
	peer, err := tls.Listen("tcp", a.Config.FederationListen, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	if err != nil {
		return fmt.Errorf("listen for servers: %w", err)
	}
	a.serve("federation", peer, a.HTTP.Front(a.federation))
	return nil
}

// openFiles is how many files and connections this process may have open at once.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	return int(min(max(limit.Cur, 1024), 1<<20))
}

func (a *App) serve(name string, ln net.Listener, h http.Handler) {
	// Bodies and answers have their own times (httpx), because a request may wait for minutes and a file take as long.
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(a.Log.Handler(), slog.LevelDebug)}
	if name == "http" {
		srv.ConnState = a.door.State
	}
	a.listeners = append(a.listeners, srv)
	a.Group.Go(name, func(context.Context) error {
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
}

// stopTime is how long requests that are under way may take when the server stops, and how long its parts may take after them.
const stopTime = 3 * time.Second

// Close stops answering, lets what is under way finish, stops what runs by itself and closes the database.
func (a *App) Close() error {
	a.Timeline.Stop()
	var errs []error
	for _, srv := range a.listeners {
		ctx, cancel := context.WithTimeout(context.Background(), stopTime)
		if err := srv.Shutdown(ctx); err != nil {
			errs = append(errs, srv.Close()) // a browser keeps a connection open that it has not used yet
		}
		cancel()
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	errs = append(errs, a.Group.Stop(ctx), a.DB.Close())
	return errors.Join(errs...)
}

// crashAt arms the end of the process at a seam, for crash tests: point:act[:times].
func (a *App) crashAt(spec string) error {
	if spec == "" {
		return nil
	}
	parts := strings.Split(spec, ":")
	left := 1
	if len(parts) == 3 {
		n, err := strconv.Atoi(parts[2])
		if err != nil {
			return fmt.Errorf("crash-at %q: %w", spec, err)
		}
		left = n
	} else if len(parts) != 2 {
		return fmt.Errorf("crash-at %q: want point:act[:times]", spec)
	}
	a.DB.OnSeam(func(point, act string) {
		if point != parts[0] || act != parts[1] {
			return
		}
		if left--; left == 0 {
			killSelf()
		}
	})
	return nil
}

// signingKey reads the server's key, or makes it. The file holds the id and the seed.
func signingKey(path string) (id.Key, ed25519.PrivateKey, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		raw = newKeyFile()
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			return "", nil, fmt.Errorf("write signing key: %w", err)
		}
	} else if err != nil {
		return "", nil, fmt.Errorf("read signing key: %w", err)
	}
	return parseKeyFile(raw)
}
