// Package dashboard is where members run their org: they sign up and in, connect Hostaway, make API keys for their
// assistants and see what those did. Every page is rendered on the server and works without JavaScript; a small
// script and htmx only shorten the way. Fiber runs inside our own bridge (bridge.go), so that the outer server stays net/http.
//
// routes.go is the table of everything that answers here; a page is a handler, a template and a test with one stem.
package dashboard

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

// bodyLimit is the largest request body taken, in bytes; forms and the JSON API are far below it.
const bodyLimit = 1 << 20

// Hostaway is what connecting an account needs from the outside. Main gives it.
type Hostaway interface {
	// Check asks Hostaway, for this org, for a token with these credentials and reads the number of active listings.
	// A failure is a *CheckError; the result is what Connect stores.
	Check(ctx context.Context, orgID string, accountID int64, apiSecret secret.Text) (Checked, error)
	// Forget drops whatever is kept in memory for the org's connection, after it changed or went away.
	Forget(orgID string)
}

// Checked is what a successful call to Hostaway brought back. ListingCount is nil when Hostaway did not say,
// and was counted at CountedAt.
type Checked struct {
	Token        store.HostawayToken
	ListingCount *int
	CountedAt    time.Time
}

// CheckKind says in which way a check failed.
type CheckKind string

// The ways in which a check can fail.
const (
	CheckRefused     CheckKind = "refused"
	CheckUnreachable CheckKind = "unreachable"
	CheckRateLimited CheckKind = "rate limited"
	CheckOddAnswer   CheckKind = "odd answer"
)

// CheckError is a failed check, with a message that a member may read.
type CheckError struct {
	Kind    CheckKind
	Message string
}

func (e *CheckError) Error() string {
	return "check Hostaway credentials: " + string(e.Kind) + ": " + e.Message
}

// DemoHint is the ready sign-in that only the demo shows on its sign-in page.
type DemoHint struct{ Email, Password string }

// Config is everything the dashboard is made from. Store, Hostaway, BaseURL and Log are required.
type Config struct {
	Store    *store.Store
	Hostaway Hostaway
	// BaseURL is the public address, "https://host" or "http://127.0.0.1:8080"; links, snippets and cookie rules are made from it, never from the Host header.
	BaseURL string
	// SignUp is "closed", "invite" or "open".
	SignUp string
	// Mail says that mail is sent to people, through the store's outbox.
	Mail bool
	// Binary is how snippets call the program; empty means "hostaway-mcp".
	Binary  string
	Version string
	Now     func() time.Time
	Log     *slog.Logger
	Demo    *DemoHint
	// Operator tells how the server does; nil means that there are no pages for its operator.
	Operator Operator
	// Billing is the plan of each org, and BillingOperator what the operator sees of it; nil means that nobody pays.
	Billing         Billing
	BillingOperator BillingOperator
}

// Dashboard is the pages and the JSON API for signed-in members.
type Dashboard struct {
	cfg       Config
	secure    bool // the public address is https
	app       *fiber.App
	handler   http.Handler
	assets    *assets
	pages     *pages
	crossed   *http.CrossOriginProtection
	once      *onceGuard
	held      *heldAnswers
	checks    *turns
	exports   *turns
	refreshes *paced
	routes    []route
	openAPI   []byte
	renewed   time.Duration // how often a part that renews itself does so
}

// New builds the dashboard: it compresses the assets, parses every template and mounts the route table.
// It fails on a wrong setting or a broken template, so that a start is the proof that all pages render.
func New(cfg Config) (*Dashboard, error) {
	files, err := loadAssets()
	if err != nil {
		return nil, fmt.Errorf("set up dashboard: %w", err)
	}
	d, err := newWith(cfg, files)
	if err != nil {
		return nil, fmt.Errorf("set up dashboard: %w", err)
	}
	return d, nil
}

// newWith builds the dashboard around assets that are loaded already: they are the same for all.
func newWith(cfg Config, files *assets) (*Dashboard, error) {
	base, err := checkConfig(&cfg)
	if err != nil {
		return nil, err
	}
	d := &Dashboard{
		cfg: cfg, secure: base.Scheme == "https", assets: files, crossed: http.NewCrossOriginProtection(),
		once: newOnceGuard(cfg.Now), held: newHeldAnswers(cfg.Now), checks: newCheckTurns(cfg.Now), exports: newExportTurns(cfg.Now),
		refreshes: newPaced(cfg.Now, confirmEvery), renewed: 10 * time.Second,
	}
	if err := d.crossed.AddTrustedOrigin(base.Scheme + "://" + base.Host); err != nil {
		return nil, fmt.Errorf("trust origin of the base address: %w", err)
	}
	if d.pages, err = loadPages(d.assets, cfg.Now); err != nil {
		return nil, err
	}
	if d.openAPI, err = openAPIDocument(cfg); err != nil {
		return nil, err
	}
	d.routes = d.table()
	d.app = d.mount()
	d.handler = bridge(d.app)
	return d, nil
}

// Handler serves the pages, the assets and the JSON API.
func (d *Dashboard) Handler() http.Handler { return d.handler }

// checkConfig fills what may be left out and refuses what can't work; it returns the parsed base address.
func checkConfig(cfg *Config) (*url.URL, error) {
	if cfg.Store == nil || cfg.Hostaway == nil {
		return nil, fmt.Errorf("store and Hostaway are required")
	}
	base, err := url.Parse(strings.TrimSuffix(cfg.BaseURL, "/"))
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") || base.Path != "" {
		return nil, fmt.Errorf("base address %q: give scheme and host only, such as https://mcp.example.com", cfg.BaseURL)
	}
	cfg.BaseURL = base.String()
	switch cfg.SignUp {
	case "":
		cfg.SignUp = "closed"
	case "closed", "invite", "open":
	default:
		return nil, fmt.Errorf("sign-up %q: use closed, invite or open", cfg.SignUp)
	}
	if cfg.Binary == "" {
		cfg.Binary = "hostaway-mcp"
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return base, nil
}
