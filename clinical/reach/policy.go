package reach

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"wardline/clinical/carrier"
	"wardline/clinical/paging"
	"wardline/matrix/account"
)

// Way is a way in which people are reached.
type Way string

// The ways.
const (
	SMS   Way = "sms"
	Voice Way = "voice"
	Pager Way = "pager"
	Email Way = "email"
)

// Ways are all of them, the ones that wake people first.
var Ways = []Way{Voice, SMS, Pager, Email}

// words is how a way is called in a page's steps and in the app.
func (w Way) words() string {
	switch w {
	case SMS:
		return "text message"
	case Voice:
		return "call"
	case Pager:
		return "pager"
	}
	return "e-mail"
}

// When says how long after somebody got a page they are told in a way.
type When struct {
	Way   Way
	After time.Duration
}

// Config is what a trust says of its carriers: one for each way, and when each is used.
type Config struct {
	Carriers  map[Way]carrier.Carrier
	Urgent    []When
	Emergency []When
}

// plan returns when what is done for a page.
func (c Config) plan(u paging.Urgency) []When {
	if u == paging.Emergency {
		return c.Emergency
	}
	return c.Urgent
}

// file is the file of carriers, as docs/running describes it.
type file struct {
	Carriers  []entry           `json:"carriers"`
	Urgent    map[string]string `json:"urgent"`
	Emergency map[string]string `json:"emergency"`
}

type entry struct {
	Way, Kind            string
	URL, Address         string
	Key, Template, Token string
	Secret, Password     string
	App, Kid, Private    string // of NHS Notify: the application's id, the key's name, and the file that it is in
	Plan                 string
	Most                 int
}

// Outside is what carriers need of the program.
type Outside struct {
	Client *http.Client
	Mail   account.Mail // nil when the trust sends no e-mail
	Now    func() time.Time
	File   func(name string) ([]byte, error) // reads a file that the entries name
}

// Parse reads a file of carriers. Everything that cannot work is an error, in a sentence for whoever wrote the file.
func Parse(raw []byte, o Outside) (Config, error) {
	c := Config{Carriers: map[Way]carrier.Carrier{}}
	var f file
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return c, err
	}
	for _, e := range f.Carriers {
		w := Way(e.Way)
		if !slices.Contains(Ways, w) {
			return c, fmt.Errorf("there is no way called %q; there are sms, voice, pager and email", e.Way)
		}
		if c.Carriers[w] != nil {
			return c, fmt.Errorf("%s has two carriers", w)
		}
		made, err := e.make(w, o)
		if err != nil {
			return c, fmt.Errorf("%s: %w", w, err)
		}
		c.Carriers[w] = made
	}
	var err error
	if c.Urgent, err = c.times(f.Urgent); err != nil {
		return c, fmt.Errorf("urgent: %w", err)
	}
	if c.Emergency, err = c.times(f.Emergency); err != nil {
		return c, fmt.Errorf("emergency: %w", err)
	}
	return c, nil
}

// make builds a carrier from its entry.
func (e entry) make(w Way, o Outside) (carrier.Carrier, error) {
	switch e.Kind {
	case "govuk-notify":
		service, secret, err := carrier.ParseKey(e.Key)
		switch {
		case err != nil:
			return nil, err
		case w != SMS:
			return nil, fmt.Errorf("GOV.UK Notify sends text messages only")
		case e.Template == "":
			return nil, fmt.Errorf("it needs the id of a template with the one field ((text))")
		case e.URL == "":
			e.URL = "https://api.notifications.service.gov.uk"
		}
		return &carrier.GovUK{Base: e.URL, Service: service, Secret: secret, Template: e.Template, Token: e.Token, Client: o.Client, Now: o.Now}, nil
	case "nhs-notify":
		return e.nhsNotify(w, o)
	case "webhook":
		if !strings.HasPrefix(e.URL, "https://") && !strings.HasPrefix(e.URL, "http://") || len(e.Secret) < 16 {
			return nil, fmt.Errorf("a webhook needs a url and a secret of at least 16 characters")
		}
		return &carrier.Webhook{URL: e.URL, Secret: e.Secret, Way: string(w), Client: o.Client, Now: o.Now}, nil
	case "snpp", "tap":
		if w != Pager || e.Address == "" {
			return nil, fmt.Errorf("%s is for pagers and needs an address", e.Kind)
		}
		if e.Kind == "snpp" {
			return &carrier.SNPP{Address: e.Address, Most: e.Most}, nil
		}
		if !strings.HasPrefix(e.Address, "tcp:") && !strings.HasPrefix(e.Address, "serial:") || len(e.Password) > 6 {
			return nil, fmt.Errorf("a TAP terminal's address begins with tcp: or serial:, and its password has at most 6 characters")
		}
		return &carrier.TAP{Address: e.Address, Password: e.Password}, nil
	case "smtp":
		if w != Email || o.Mail == nil {
			return nil, fmt.Errorf("smtp is for e-mail and needs smtp-server")
		}
		return &carrier.Mail{Post: o.Mail}, nil
	}
	return nil, fmt.Errorf("there is no kind of carrier called %q; there are govuk-notify, nhs-notify, webhook, snpp, tap and smtp", e.Kind)
}

func (e entry) nhsNotify(w Way, o Outside) (carrier.Carrier, error) {
	switch {
	case w != SMS && w != Email:
		return nil, fmt.Errorf("NHS Notify sends text messages and e-mail, and makes no calls")
	case e.Key == "" || e.Kid == "" || e.Private == "":
		return nil, fmt.Errorf("it needs the application's key, the kid of its public key, and private: the file of the private key")
	case (e.App == "") != (e.Token == ""):
		return nil, fmt.Errorf("callbacks need both the application's id, app, and the API key that they carry, token")
	case e.URL == "":
		e.URL = "https://api.service.nhs.uk/comms"
	}
	if u, err := url.Parse(e.URL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, fmt.Errorf("the url is no address")
	}
	raw, err := o.File(e.Private)
	if err != nil {
		return nil, err
	}
	key, err := carrier.ParseSigner(raw)
	if err != nil {
		return nil, err
	}
	return &carrier.NHSNotify{Base: e.URL, Way: string(w), Plan: e.Plan, Key: e.Key, KeyID: e.Kid, Signs: key, App: e.App, Token: e.Token, Client: o.Client, Now: o.Now}, nil
}

func (c Config) times(in map[string]string) ([]When, error) {
	var list []When
	for way, after := range in {
		d, err := time.ParseDuration(after)
		if err != nil || d < 0 || d > time.Hour {
			return nil, fmt.Errorf("%s: say after how long, such as 0s, 45s or 2m, and no more than an hour", way)
		}
		if c.Carriers[Way(way)] == nil {
			return nil, fmt.Errorf("%s has no carrier", way)
		}
		list = append(list, When{Way(way), d})
	}
	slices.SortFunc(list, func(a, b When) int {
		if a.After != b.After {
			return int(a.After - b.After)
		}
		return strings.Compare(string(a.Way), string(b.Way))
	})
	return list, nil
}
