package bridge

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"

	"wardline/matrix/id"
)

// Registration is what an operator says of one application service, in a file of its own.
// spec: application-service-api#registration
type Registration struct {
	ID            string   `yaml:"id"`
	URL           string   `yaml:"url"` // "" or null: it is told nothing
	Token         string   `yaml:"as_token"`
	HomeToken     string   `yaml:"hs_token"`
	Localpart     string   `yaml:"sender_localpart"`
	Ephemeral     bool     `yaml:"receive_ephemeral"`
	OldEphemeral  bool     `yaml:"de.sorunome.msc2409.push_ephemeral"` // as it was called before it was specified
	Limited       *bool    `yaml:"rate_limited"`
	Protocols     []string `yaml:"protocols"`
	NamespaceList struct {
		Users   []Namespace `yaml:"users"`
		Rooms   []Namespace `yaml:"rooms"`
		Aliases []Namespace `yaml:"aliases"`
	} `yaml:"namespaces"`

	Sender id.User `yaml:"-"` // the service's own user
}

// Namespace is a set of names, as a regular expression that must fit a name from its beginning.
type Namespace struct {
	Exclusive bool   `yaml:"exclusive"`
	Regex     string `yaml:"regex"`

	fits *regexp.Regexp
}

// Load reads all registrations of a folder: its files that end with .yaml or .yml. Two services may share neither id, token nor user.
func Load(dir string, server id.Server) ([]*Registration, error) {
	var all []*Registration
	for _, pattern := range []string{"*.yaml", "*.yml"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			r, err := read(name, server)
			if err != nil {
				return nil, fmt.Errorf("application service %s: %w", filepath.Base(name), err)
			}
			if slices.ContainsFunc(all, func(o *Registration) bool { return o.ID == r.ID || o.Token == r.Token || o.Sender == r.Sender }) {
				return nil, fmt.Errorf("application service %s: another one has the same id, as_token or sender_localpart", filepath.Base(name))
			}
			all = append(all, r)
		}
	}
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("folder of application services: %w", err)
	}
	return all, nil
}

func read(name string, server id.Server) (*Registration, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	r := &Registration{}
	if err := yaml.Unmarshal(raw, r); err != nil {
		return nil, err
	}
	for field, value := range map[string]string{"id": r.ID, "as_token": r.Token, "hs_token": r.HomeToken, "sender_localpart": r.Localpart} {
		if value == "" {
			return nil, fmt.Errorf("%s is missing", field)
		}
	}
	if r.Sender, err = id.NewUser(r.Localpart, server); err != nil {
		return nil, fmt.Errorf("sender_localpart: %w", err)
	}
	if u, err := url.Parse(r.URL); r.URL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("url %q is none by http or https", r.URL)
	}
	r.Ephemeral = r.Ephemeral || r.OldEphemeral
	for _, list := range [][]Namespace{r.NamespaceList.Users, r.NamespaceList.Rooms, r.NamespaceList.Aliases} {
		for i := range list {
			if list[i].fits, err = regexp.Compile("^(?:" + list[i].Regex + ")"); err != nil || list[i].Regex == "" {
				return nil, fmt.Errorf("regex %q cannot be used", list[i].Regex)
			}
		}
	}
	return r, nil
}

// in says whether a name is in one of the namespaces, and whether in one that nobody else may use.
func in(list []Namespace, name string) (is, exclusive bool) {
	for i := range list {
		if list[i].fits.MatchString(name) {
			is, exclusive = true, exclusive || list[i].Exclusive
		}
	}
	return is, exclusive
}

// user says whether the service speaks for a user, and whether it alone may.
func (r *Registration) user(u id.User) (is, exclusive bool) {
	if u == r.Sender {
		return true, true
	}
	if u.Server() != r.Sender.Server() {
		return false, false // only local users can be a service's
	}
	return in(r.NamespaceList.Users, string(u))
}

// Alias says whether an alias is one of the service's.
func (r *Registration) Alias(a id.Alias) bool {
	is, _ := in(r.NamespaceList.Aliases, string(a))
	return is
}

// Speaks says whether the service may act for a user.
func (r *Registration) Speaks(u id.User) bool {
	is, _ := r.user(u)
	return is
}

// limited says whether requests for other users than its own are held to the rates of people.
func (r *Registration) limited() bool { return r.Limited == nil || *r.Limited }
