// Setup makes what billing needs in a Stripe account: product, price, portal and
// webhook endpoint. It looks first and makes what is missing, so it may be run again.

package billing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

// SetupConfig says what to set up. It needs no webhook secret: it makes one.
type SetupConfig struct {
	Store *store.Store
	Key   secret.Text
	// URL of the Stripe API; empty is Stripe's own.
	URL string
	// PriceLookup is the lookup key of the price.
	PriceLookup string
	// UnitAmount, in minor units, and Currency are those of a listing for a month.
	// They are needed where there is no price yet, and compared with one there is.
	UnitAmount int64
	Currency   string
	// BaseURL is where the dashboard is reached, and Stripe posts its events to.
	BaseURL string
	// WebhookSecrets are those in force on the server, as far as there are any yet.
	WebhookSecrets []secret.Text
	// NewEndpoint makes another webhook endpoint, with a secret of its own, also beside
	// one that is there: for a secret that was lost.
	NewEndpoint bool
	// Money writes an amount in minor units for people; nil says it in those.
	Money func(minor int64, currency string) string
	// Pause waits between two tries of one call; nil is a timer that heeds ctx.
	Pause func(ctx context.Context, d time.Duration) error
}

// SetupReport tells what was done, a line for each thing. WebhookSecret is set when a
// webhook endpoint was made: nobody can read it again. Changed tells that anything was
// made, or set anew. Doubt is what is known against the secrets in force, nil: nothing;
// SecretWrong tells that they are surely not those of the endpoint that posts here.
// Others are the enabled endpoints that post to the same address as a new one, and
// OtherInForce tells that a secret of theirs is in force, or may be.
type SetupReport struct {
	Lines         []string
	WebhookSecret secret.Text
	Live, Changed bool
	Doubt         *SettingError
	SecretWrong   bool
	Others        []string
	OtherInForce  bool
}

// WebhookPath is where Stripe posts its events to, below the dashboard's address.
const WebhookPath = "/webhooks/stripe"

// productName is on invoices, before the number of listings.
const productName = "Active listing"

// setup is one run.
type setup struct {
	SetupConfig
	stripe *stripeAPI
	report SetupReport
	known  []store.StripeSetup // what earlier runs made
	record store.StripeSetup
	keys   string // the begin of this run's keys
}

// Setup makes or checks product, price, portal configuration and webhook endpoint, and
// keeps which endpoint a webhook secret belongs to. Errors: *Error, and *SettingError
// for what can't be set up like that.
func Setup(ctx context.Context, cfg SetupConfig) (SetupReport, error) {
	if err := cfg.check(); err != nil {
		return SetupReport{}, err
	}
	s := &setup{
		SetupConfig: cfg, stripe: newStripeAPI(Config{Key: cfg.Key, URL: cfg.URL, Pause: cfg.Pause}),
		report: SetupReport{Live: liveKey(cfg.Key)}, keys: onceKey("setup", cfg.PriceLookup),
	}
	s.record = store.StripeSetup{Livemode: s.report.Live, APIVersion: stripe.APIVersion}
	s.say("Stripe account in %s mode", modeName(s.report.Live))
	for _, step := range []func(context.Context) error{s.price, s.portal, s.webhook} {
		if err := step(ctx); err != nil {
			return s.report, fmt.Errorf("set up Stripe: %w", err)
		}
	}
	return s.report, nil
}

func (c *SetupConfig) check() error {
	c.Currency = strings.ToLower(c.Currency)
	switch {
	case c.Store == nil:
		return errors.New("set up Stripe: a store is required")
	case modeOf(c.Key) == "":
		return errNoKey
	case c.PriceLookup == "":
		return errNoPrice
	case c.BaseURL == "":
		return &SettingError{"the address of the dashboard is not known, and Stripe posts its events there", "set HMCP_BASE_URL"}
	case c.UnitAmount < 0 || (c.UnitAmount == 0) != (c.Currency == "") || c.Currency != "" && len(c.Currency) != 3:
		return errors.New("set up Stripe: give an amount in the smallest unit and its currency, like 500 and usd, or neither")
	}
	return Config{Key: c.Key, URL: c.URL}.checkAddress()
}

func (s *setup) say(format string, args ...any) {
	s.report.Lines = append(s.report.Lines, fmt.Sprintf(format, args...))
}

// changed says what was made or set anew.
func (s *setup) changed(format string, args ...any) {
	s.report.Changed = true
	s.say(format, args...)
}

func (s *setup) money(minor int64, currency string) string {
	if s.Money == nil {
		return fmt.Sprintf("%d %s (smallest unit)", minor, currency)
	}
	return s.Money(minor, currency)
}

func (s *setup) price(ctx context.Context) error {
	all, err := s.stripe.pricesByLookup(ctx, s.PriceLookup)
	if err != nil {
		return err
	}
	for _, p := range all {
		if p.Active && p.LookupKey == s.PriceLookup {
			return s.keepPrice(p)
		}
	}
	if s.UnitAmount == 0 {
		return &SettingError{
			fmt.Sprintf("Stripe has no active price with the lookup key %q in %s mode yet", s.PriceLookup, modeName(s.report.Live)),
			"say what a listing costs a month, like --amount 5.00 --currency usd",
		}
	}
	if s.record.ProductID, err = s.product(ctx); err != nil {
		return err
	}
	p, err := s.stripe.createPrice(ctx, s.record.ProductID, s.PriceLookup, s.UnitAmount, s.Currency, s.keys+":price")
	if err != nil {
		return err
	}
	s.record.PriceID = p.ID
	s.changed("price %s made: %s per active listing and month, lookup key %s", p.ID, s.money(p.UnitAmount, p.Currency), s.PriceLookup)
	return nil
}

func (s *setup) keepPrice(p stripePrice) error {
	if err := p.fits(); err != nil {
		return err
	}
	if s.UnitAmount != 0 && (p.UnitAmount != s.UnitAmount || p.Currency != s.Currency) {
		return &SettingError{
			fmt.Sprintf("the price with the lookup key %q is %s and can't be changed, since subscriptions rest on it", s.PriceLookup, s.money(p.UnitAmount, p.Currency)),
			"set HMCP_STRIPE_PRICE to another lookup key for a new price, or leave --amount away to keep this one",
		}
	}
	s.record.ProductID, s.record.PriceID = p.ProductID, p.ID
	s.say("price %s is there: %s per active listing and month, lookup key %s", p.ID, s.money(p.UnitAmount, p.Currency), s.PriceLookup)
	return nil
}

// product finds the product that an earlier run made, or makes it.
func (s *setup) product(ctx context.Context) (string, error) {
	for p, err := range s.stripe.eachProduct(ctx) {
		if err != nil {
			return "", err
		}
		if p.Ours {
			s.say("product %s is there", p.ID)
			return p.ID, nil
		}
	}
	p, err := s.stripe.createProduct(ctx, s.keys+":product")
	if err == nil {
		s.changed("product %s made: %s", p.ID, productName)
	}
	return p.ID, err
}

func (s *setup) portal(ctx context.Context) error {
	all, err := s.stripe.portalConfigurations(ctx)
	if err != nil {
		return err
	}
	for _, c := range all {
		if c.Ours {
			s.record.PortalConfigurationID = c.ID
			_, err := s.stripe.putPortal(ctx, c.ID, s.BaseURL+"/billing", s.keys+":portal")
			s.say("portal configuration %s is there", c.ID)
			return err
		}
	}
	c, err := s.stripe.putPortal(ctx, "", s.BaseURL+"/billing", s.keys+":portal")
	if err != nil {
		return err
	}
	s.record.PortalConfigurationID = c.ID
	s.changed("portal configuration %s made: invoices, payment method, address, cancellation at the end of the period", c.ID)
	return nil
}

type stripeProduct struct {
	ID   string
	Ours bool
}

func readProduct(p *stripe.Product) stripeProduct {
	return stripeProduct{ID: p.ID, Ours: p.Metadata[metadataMadeBy] == madeBy}
}
