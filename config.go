// Settings: every one stands once in the table below, with its name, default,
// check and help. Nothing else in the program reads the environment.
package main

import (
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/secret"
)

// config holds the settings, parsed and checked.
type config struct {
	Listen         string
	BaseURL        string // empty: made from the address that serve listens on
	H2C            bool
	DataDir        string
	MasterKey      secret.Text
	SignUp         string
	LogLevel       slog.Level
	LogFormat      string
	RateLimit      hostaway.Rate
	TrustedProxies []netip.Prefix
	AllowedOrigins []string

	Domain        string // empty: no TLS of our own
	ListenHTTP    string
	ACMEURL       string
	ACMEEmail     string
	MetricsListen string // empty: no metrics are served
	OTLPEndpoint  string // empty: no traces are sent
	AuditMonths   int

	ReplicaURL             secret.Text // may hold credentials; zero: no replica
	ReplicaAccessKeyID     string
	ReplicaSecretAccessKey secret.Text
	LitestreamConfig       string // path; empty: the litestream.yml inside the program
	CriticalWrites         string
	LeaseLost              string

	BillingMode          string
	StripeKey            secret.Text
	StripeWebhookSecrets []secret.Text // the newest need not come first
	StripePrice          string        // lookup key
	StripeURL            string
	BillingGrace         time.Duration
	BillingTax           bool
	PromotionCodes       bool
	SMTPURL              secret.Text // zero: no mail
	MailFrom             string

	HostawayURL        string
	HostawayPerAccount hostaway.Rate
	HostawayPerIP      hostaway.Rate
	HostawayAccountID  int64
	HostawaySecret     secret.Text

	ServerURL string
	APIKey    secret.Text

	values map[string]value // by setting name, as given or defaulted
}

// value is the text of one setting and where it came from.
type value struct {
	text   string
	source string
	file   string // the file that it stands in; empty: in the environment, or nowhere
}

// given tells whether somebody set the setting, rather than leave its default.
func (c config) given(name string) bool {
	v, ok := c.values[name]
	return ok && v.source != sourceDefault
}

const sourceDefault = "default"

// setting describes one environment variable. Its set parses the text, checks
// it and keeps the result; the error it returns reads on from "must be".
type setting struct {
	name         string
	defaultValue string
	defaultNote  string // what stands in the documentation when the default is worked out
	secret       bool
	set          func(*config, string) error
	help         string
}

// settings is the table of all settings, in the order people read them.
func settings() []setting {
	return slices.Concat(serverSettings(), hostawaySettings(), operatorSettings(), replicaSettings(), billingSettings(), clientSettings())
}

func serverSettings() []setting {
	return []setting{
		{
			name: "HMCP_LISTEN", defaultValue: "127.0.0.1:8080", set: setListen,
			help: "Address and port to serve on.",
		},
		{
			name: "HMCP_BASE_URL", defaultNote: "from `HMCP_LISTEN`", set: setBaseURL,
			help: "Address under which people and assistants reach the server, for links and set-up snippets.",
		},
		{
			name: "HMCP_H2C", defaultValue: "off", set: setH2C,
			help: "Also speak HTTP/2 without TLS, for a proxy in front that does: `on` or `off`.",
		},
		{
			name: "HMCP_DATA_DIR", defaultValue: "data", set: setDataDir,
			help: "Folder that holds the database and, unless `HMCP_MASTER_KEY` is set, the master key.",
		},
		{
			name: "HMCP_MASTER_KEY", secret: true, set: setMasterKey, defaultNote: "`master.key` in the data folder",
			help: "Keys that seal stored secrets: 32 bytes each in base64, separated by commas; the first seals.",
		},
		{
			name: "HMCP_SIGNUP", defaultValue: "closed", set: oneOf(func(c *config) *string { return &c.SignUp }, "closed", "invite", "open"),
			help: "Who may create an org: nobody (`closed`), holders of a sign-up link (`invite`) or anybody (`open`).",
		},
		{
			name: "HMCP_LOG_LEVEL", defaultValue: "info", set: setLogLevel,
			help: "Least level to log: `debug`, `info`, `warn` or `error`.",
		},
		{
			name: "HMCP_LOG_FORMAT", defaultValue: "text", set: oneOf(func(c *config) *string { return &c.LogFormat }, "text", "json"),
			help: "Form of log lines: `text` or `json`.",
		},
		{
			name: "HMCP_RATE_LIMIT", defaultValue: "20/10s", set: rate(func(c *config) *hostaway.Rate { return &c.RateLimit }),
			help: "Tool calls that one org may make, per period.",
		},
		{
			name: "HMCP_TRUSTED_PROXIES", set: setTrustedProxies, defaultNote: "none",
			help: "Addresses or networks of proxies whose `X-Forwarded-For` is believed, separated by commas.",
		},
		{
			name: "HMCP_ALLOWED_ORIGINS", set: setAllowedOrigins, defaultNote: "none",
			help: "Web origins besides our own that may call `/mcp` from a browser, separated by commas.",
		},
	}
}

func hostawaySettings() []setting {
	return []setting{
		{
			name: "HMCP_HOSTAWAY_URL", defaultValue: "https://api.hostaway.com/v1", set: setHostawayURL,
			help: "Address of the Hostaway API.",
		},
		{
			name: "HMCP_HOSTAWAY_PER_ACCOUNT", defaultValue: "15/10s", set: rate(func(c *config) *hostaway.Rate { return &c.HostawayPerAccount }),
			help: "Calls to Hostaway for one account, per period.",
		},
		{
			name: "HMCP_HOSTAWAY_PER_IP", defaultValue: "15/10s", set: rate(func(c *config) *hostaway.Rate { return &c.HostawayPerIP }),
			help: "Calls to Hostaway from this server, per period.",
		},
	}
}

// operatorSettings are about serving on a machine of one's own, and seeing it run.
func operatorSettings() []setting {
	return []setting{
		{
			name: "HMCP_DOMAIN", set: setDomain, defaultNote: "none",
			help: "Serve this domain over TLS, with a certificate that is fetched and renewed by itself; `HMCP_LISTEN` is then `:443` unless set.",
		},
		{
			name: "HMCP_LISTEN_HTTP", defaultNote: "`:80` with `HMCP_DOMAIN`", set: setListenHTTP,
			help: "With `HMCP_DOMAIN`: where plain HTTP is answered, which proves the domain and leads people to https.",
		},
		{
			name: "HMCP_ACME_URL", defaultNote: "Let's Encrypt", set: setACMEURL,
			help: "Directory of the ACME authority that signs the certificate.",
		},
		{
			name: "HMCP_ACME_EMAIL", defaultNote: "none", set: setACMEEmail,
			help: "Address that the authority may write to about the certificate.",
		},
		{
			name: "HMCP_METRICS_LISTEN", defaultNote: "none", set: setMetricsListen,
			help: "Address and port on which `/metrics` is served to Prometheus; keep it inside your network.",
		},
		{
			name: "HMCP_OTLP_ENDPOINT", defaultNote: "none", set: setOTLPEndpoint,
			help: "Address of an OpenTelemetry collector that takes traces over HTTP, like `http://127.0.0.1:4318`.",
		},
		{
			name: "HMCP_AUDIT_MONTHS", defaultValue: "13", set: setAuditMonths,
			help: "Months for which the audit log is kept, 1 to 120.",
		},
	}
}

// replicaSettings are about the copy of the database on another machine.
func replicaSettings() []setting {
	return []setting{
		{
			name: "HMCP_REPLICA_URL", secret: true, set: text(func(c *config) *secret.Text { return &c.ReplicaURL }), defaultNote: "none",
			help: "Where the database is copied to while the server runs: `s3://BUCKET/PATH`, with `?endpoint=` for S3-compatible storage, or `file:///FOLDER`.",
		},
		{
			name: "HMCP_REPLICA_ACCESS_KEY_ID", set: plain(func(c *config) *string { return &c.ReplicaAccessKeyID }), defaultNote: "`AWS_ACCESS_KEY_ID`",
			help: "Key id for that storage.",
		},
		{
			name: "HMCP_REPLICA_SECRET_ACCESS_KEY", secret: true, set: text(func(c *config) *secret.Text { return &c.ReplicaSecretAccessKey }), defaultNote: "`AWS_SECRET_ACCESS_KEY`",
			help: "Secret key for that storage.",
		},
		{
			name: "HMCP_LITESTREAM_CONFIG", set: plain(func(c *config) *string { return &c.LitestreamConfig }), defaultNote: "the `litestream.yml` inside the program",
			help: "A `litestream.yml` of your own, in Litestream's format.",
		},
		{
			name: "HMCP_CRITICAL_WRITES", defaultValue: "local", set: oneOf(func(c *config) *string { return &c.CriticalWrites }, "local", "wait"),
			help: "When the copy can't be reached within 3 s, a new org, key or connection is kept on this disk alone (`local`) or answered 503 (`wait`).",
		},
		{
			name: "HMCP_LEASE_LOST", defaultValue: "serve", set: oneOf(func(c *config) *string { return &c.LeaseLost }, "serve", "exit"),
			help: "When the right to write the copy can't be renewed: go on serving without copying (`serve`), or stop for a standby (`exit`).",
		},
	}
}

func clientSettings() []setting {
	return []setting{
		{
			name: "HMCP_HOSTAWAY_ACCOUNT_ID", set: setAccountID, defaultNote: "none",
			help: "`stdio` only: the Hostaway account id.",
		},
		{
			name: "HMCP_HOSTAWAY_SECRET", secret: true, set: text(func(c *config) *secret.Text { return &c.HostawaySecret }), defaultNote: "none",
			help: "`stdio` only: the secret of that account's API key.",
		},
		{
			name: "HMCP_URL", set: setServerURL, defaultNote: "none",
			help: "`stdio` only: address of a server to pass everything on to, instead of calling Hostaway.",
		},
		{
			name: "HMCP_API_KEY", secret: true, set: text(func(c *config) *secret.Text { return &c.APIKey }), defaultNote: "none",
			help: "`stdio` only: the API key for that server.",
		},
	}
}

func settingNames() []string {
	var names []string
	for _, s := range settings() {
		names = append(names, s.name)
	}
	return names
}
