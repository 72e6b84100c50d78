package app

import "time"

// Config is everything an operator can set. Names are the same in the file, the environment and on the command line.
type Config struct {
	ServerName       string        `name:"server-name" default:"localhost" doc:"Name behind the colon of every user id. It can never change."`
	Data             string        `name:"data" default:"wardline-data" doc:"Folder for everything this server writes: database, media, signing key."`
	Listen           string        `name:"listen" default:"127.0.0.1:8008" doc:"Address for clients and the web app."`
	Database         string        `name:"database" doc:"postgres:// URL of a database to use instead of the file in the data folder."`
	DatabasePatience time.Duration `name:"database-patience" default:"20s" doc:"How long PostgreSQL may take over one batch of writes, or one read, before its connection is given up and opened anew."`
	PublicURL        string        `name:"public-url" doc:"Base URL that clients are told, such as https://chat.trust.example. Empty: the one they asked."`
	FederationListen string        `name:"federation-listen" doc:"Address for other servers, by TLS with tls-cert and tls-key. Empty: none."`
	TLSCert          string        `name:"tls-cert" doc:"Certificate file for federation-listen."`
	TLSKey           string        `name:"tls-key" doc:"Key file for federation-listen."`

	OpenRegistration     bool   `name:"open-registration" doc:"Anyone who can reach the server may make an account. For tests only."`
	RegistrationTokens   bool   `name:"registration-tokens" doc:"Whoever has a registration token, made through the administration API, may make an account."`
	RegistrationEmail    bool   `name:"registration-email" doc:"Who registers must prove an e-mail address. Needs smtp-server."`
	OAuth                bool   `name:"oauth" doc:"Offer the OAuth 2.0 API: people sign in on this server's own pages, and apps never see a password. Some apps, Element X among them, then offer nothing else. Needs public-url."`
	SSO                  string `name:"sso" doc:"Folder of identity providers by which people sign in (OpenID Connect), one YAML file each. Read at the start. Needs public-url."`
	Passwords            string `name:"passwords" default:"all" doc:"Who may sign in with a password: all, or admins when everybody else signs in by an identity provider."`
	ManagedProfile       string `name:"managed-profile" doc:"Profile fields, with commas between, that people cannot change, such as displayname; * for all."`
	RegistrationSecret   string `name:"registration-secret" doc:"Tools that know it may make accounts at /_synapse/admin/v1/register."`
	EncryptedRooms       string `name:"encrypted-rooms" default:"team,social,other" doc:"Classes of rooms in which people may turn on end-to-end encryption, with commas between: clinical, team, social, patient-contact, incident, and other for rooms that people make with other apps. What is encrypted can be neither filed, searched nor escalated. Without other, apps are told not to try, and make rooms without."`
	CopyRooms            string `name:"copy-rooms" default:"clinical,team,social,patient-contact,incident,other" doc:"Classes of rooms in which the app lets people copy what is said, with commas between. Leaving one out deters; whoever can read can also type."`
	WriteRate            int    `name:"write-rate" default:"3000" doc:"How many calls that change something each person may make a minute, in the long run."`
	WriteBurst           int    `name:"write-burst" default:"300" doc:"How many of them at once."`
	SignInRate           int    `name:"sign-in-rate" default:"30" doc:"How many calls without being signed in each address may make a minute, in the long run. Raise it when a whole site comes from one address."`
	SignInBurst          int    `name:"sign-in-burst" default:"30" doc:"How many of them at once."`
	MaxConnections       int    `name:"max-connections" doc:"Connections at once; beyond it the longest idle one is closed, or the newcomer if none is idle. 0: as many as the machine lets this process open, less some."`
	NoRateLimits         bool   `name:"no-rate-limits" doc:"Do not slow down those who send too much. For tests only."`
	AllowPrivateNetworks bool   `name:"allow-private-networks" doc:"Let the server call addresses inside private networks. For tests, and for a FHIR server beside it."`
	PushGateways         string `name:"push-gateways" doc:"Hosts, with commas between, of the push gateways that alone may be told of messages; these may be inside and plain http. Empty: any public one by https."`
	PushServices         string `name:"push-services" doc:"Hosts, with commas between, of push services that browsers may be told through, besides those of Chrome, Edge, Firefox and Safari; these may be inside and plain http."`
	PushContact          string `name:"push-contact" doc:"mailto: or https: address of who runs this server, which push services ask for. Empty: support-email or public-url."`
	Appservices          string `name:"appservices" doc:"Folder of application service registrations, one YAML file each. Read at the start."`
	LinkPreviews         bool   `name:"link-previews" doc:"Look at pages behind links when a client wants to show what they are about. Their owners then learn this server's address, and when somebody looked."`
	MaxUpload            int    `name:"max-upload" default:"52428800" doc:"Largest file that may be uploaded, in bytes."`
	MediaQuota           int    `name:"media-quota" doc:"How many bytes of files one person may have here. 0: no bound."`

	FHIR      string `name:"fhir-url" doc:"Base URL of the FHIR R4 server that keeps the patient record. Empty: decisions wait."`
	FHIRToken string `name:"fhir-token" doc:"Bearer token for it, when it wants one."`
	TrustName string `name:"trust-name" default:"This trust" doc:"The trust's name, as the record shows it."`
	ODS       string `name:"ods" default:"X99" doc:"The trust's ODS code."`
	SCIMToken string `name:"scim-token" doc:"Secret with which the trust's own directory brings people and teams in by SCIM 2.0, at /_wardline/scim/v2. Empty: no SCIM."`

	LDAPURL        string        `name:"ldap-url" doc:"Directory server that people are imported from: ldaps://host, or ldap://host with ldap-start-tls. Empty: none."`
	LDAPStartTLS   bool          `name:"ldap-start-tls" doc:"Ask an ldap:// server for encryption before anything else."`
	LDAPCAFile     string        `name:"ldap-ca-file" doc:"Certificates of authorities to believe for it, besides the system's."`
	LDAPBindDN     string        `name:"ldap-bind-dn" doc:"As whom to ask, such as cn=wardline,ou=services,dc=trust,dc=example."`
	LDAPPassword   string        `name:"ldap-password-file" doc:"File with that name's password."`
	LDAPBase       string        `name:"ldap-base" doc:"Where people are, such as ou=people,dc=trust,dc=example."`
	LDAPFilter     string        `name:"ldap-filter" default:"(objectClass=person)" doc:"Which of them are staff."`
	LDAPAttributes string        `name:"ldap-attributes" doc:"Where the directory keeps what an import understands, as field=attribute with commas between, where it differs from the usual: number=employeeID,ward=physicalDeliveryOfficeName."`
	LDAPEvery      time.Duration `name:"ldap-every" doc:"How often to import by itself. 0: only when somebody asks."`
	LDAPMissing    bool          `name:"ldap-missing-leave" doc:"Who came from the directory and is not found there any more has left. Without it only a closed account has; more than a tenth missing at once changes nothing."`

	Carriers   string        `name:"carriers" doc:"File that says by which carriers people are told of pages besides the app, as docs/operators/carriers.md describes. Read at the start."`
	UrgentRung time.Duration `name:"urgent-rung" default:"5m" doc:"How long each holder has to answer an urgent page before the next is called."`
	AlarmRung  time.Duration `name:"emergency-rung" default:"60s" doc:"The same for an emergency page."`

	TestsKept time.Duration `name:"test-pages-kept" default:"9600h" doc:"How long runs of the test page are kept, with who answered and in which way: 400 days unless you say otherwise, 35 days (840h) at least. 0: for ever. The audit keeps what they came to in any case."`

	QuestionWithin time.Duration `name:"question-within" default:"2h" doc:"How long a question may wait for its answer, unless its asker says otherwise. It names its owner once and sounds once."`
	RequestWithin  time.Duration `name:"request-within" default:"4h" doc:"The same for a request."`
	AskRemind      time.Duration `name:"ask-remind" default:"15m" doc:"How long before that end whoever owes the answer is reminded."`
	AskEscalate    time.Duration `name:"ask-escalate" default:"15m" doc:"How long after it whoever asked is told that nobody has answered."`

	SMTPServer   string `name:"smtp-server" doc:"Host and port through which e-mail is sent, such as smtp.trust.example:587. Empty: none is sent, and addresses cannot be proved."`
	SMTPFrom     string `name:"smtp-from" doc:"Address that e-mail comes from."`
	SMTPUser     string `name:"smtp-user" doc:"User name for that server, when it wants one."`
	SMTPPassword string `name:"smtp-password" doc:"Password for it."`
	SMTPPlain    bool   `name:"smtp-plain" doc:"Send e-mail also when the server offers no encryption. For a server on the same machine, and for tests."`

	SupportPage          string        `name:"support-page" doc:"URL of a page that helps people, for /.well-known/matrix/support."`
	SupportEmail         string        `name:"support-email" doc:"Address of who runs this server, for the same."`
	SupportMatrix        string        `name:"support-matrix" doc:"Their user id, for the same."`
	SupportSecurityEmail string        `name:"support-security-email" doc:"Address for reports of weaknesses, for the same."`
	Presence             bool          `name:"presence" doc:"Show people who share a room whether the others are there. It wakes them whenever somebody comes or goes."`
	TurnURIs             string        `name:"turn-uris" doc:"URIs, with commas between, of the relay for calls, such as turn:turn.trust.example?transport=udp."`
	TurnSecret           string        `name:"turn-secret" doc:"Secret shared with that relay (static-auth-secret)."`
	TurnLife             time.Duration `name:"turn-life" default:"24h" doc:"How long its credentials last."`
	LiveKitURL           string        `name:"livekit-service-url" doc:"URL of the service that lets people into LiveKit calls. Empty: no calls of many."`

	DebugListen string `name:"debug-listen" doc:"Address for profiles of the running program (pprof). Keep it on loopback. Empty: none."`
	LogLevel    string `name:"log-level" default:"info" doc:"debug, info, warn or error."`
	LogJSON     bool   `name:"log-json" doc:"Write logs as JSON lines."`
	CrashAt     string `name:"crash-at" doc:"For crash tests: end the process at a seam, point:act[:times], such as before-wake:room.do:1."`
}
