package directory

import "wardline/matrix/id"

// PostID names a post, for example "po_med_spr".
type PostID string

// TeamID names a team.
type TeamID string

// WardID names a ward or another place where people work, such as the switchboard.
type WardID string

// Person is a member of staff with an account.
type Person struct {
	User       id.User
	Name       string // "Asha Patel"
	Role       string // grade in the ward's words: "Staff nurse", "FY1"
	Profession string // "nursing", "medical", "switchboard", "governance" …
	Ward       WardID
	WardName   string // filled by reads

	Grade        string   // "Band 6", "ST5"; "" when Role says it all
	Registration string   // "GMC 7012345", in the form that ParseRegistration gives
	Photo        string   // mxc:// address, "" for none
	Languages    []string // that they speak with patients beside English: "Welsh", "BSL"
	Number       string   // their number in the staff record
	Email        string   // at work
	Source       string   // who keeps this entry: "" by hand, "esr", "scim", "ldap"
	LeftAt       int64    // ms, 0 for those who work here
	ChangedAt    int64    // ms
}

// Left says whether somebody works here no more.
func (p Person) Left() bool { return p.LeftAt != 0 }

// Detail is the line under the name: "Staff nurse, Ward 7".
func (p Person) Detail() string {
	if p.WardName == "" {
		return p.Role
	}
	return p.Role + ", " + p.WardName
}

// Post is a role that somebody holds now.
type Post struct {
	ID          PostID
	Name        string // "Medical registrar on call"
	Service     string // "Medicine"
	Aliases     string // other words that people search by: "med reg SpR"
	Critical    bool   // an empty one is an alarm
	Pageable    bool
	Switchboard bool // the last rung of every ladder
	Place       WardID
	Closed      bool // no longer filled: it can be neither found nor paged
}

// Team is a named group of people.
type Team struct {
	ID      TeamID
	Name    string
	Detail  string
	Members []id.User
}

// Ward is a place with beds or desks.
type Ward struct {
	ID   WardID
	Name string
	Site SiteID
	Kind string // "ward", "theatre", "clinic", "office" …; "" is a ward
}

// SiteID names a site.
type SiteID string

// Site is a hospital or another address of the organisation.
type Site struct {
	ID   SiteID
	Name string
	ODS  string // its own code, "" when it has none
}

// Kind is what a search hit is.
type Kind string

// The kinds of search hits.
const (
	KindPerson Kind = "person"
	KindPost   Kind = "post"
	KindTeam   Kind = "team"
	KindWard   Kind = "ward"
)

// Hit is one search result, best first; exactly the member that Kind names is set.
type Hit struct {
	Kind   Kind
	Person Person
	Post   Post
	Team   Team
	Ward   Ward
	score  int
}
