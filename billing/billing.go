// Package billing turns active listings into invoices, through Stripe.
//
// An org connects Hostaway, its listings are counted, it tries the tools for 14
// days, and then pays one price per active listing and month. Stripe keeps the
// customer, the card, the subscription and the invoices. Stripe is the truth and
// is only mirrored here: whatever this package knows about a subscription it has
// read from Stripe, under a lock for that org, and it reads again rather than
// believe what an event says. An event means "something about this customer
// changed" and nothing more: it is verified, recorded once, answered, and then
// the state is read.
//
// Three things of ours are not Stripe's. The trial, which needs no card. The
// count of listings, which is a ledger that only grows. And the access that
// follows from all of it: accessOf is one function without side effects, its
// verdict is stored with the account, and the tools ask the store alone. Stripe
// being down changes nobody's access.
//
// What goes the other way is desired state: so many listings since such a time.
// It is compared with the subscription and set, until both agree.
//
// Money is in the minor unit of its currency, in int64, as Stripe gives it.
package billing

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

// Config says which Stripe account is billed through, and how.
type Config struct {
	Store *store.Store
	// Key is a secret or restricted key, of live or test mode.
	Key secret.Text
	// WebhookSecrets sign the events; several while one is being replaced.
	WebhookSecrets []secret.Text
	// PriceLookup is the lookup key of the price of a listing for a month.
	PriceLookup string
	// URL of the Stripe API; empty is Stripe's own. Another one is refused with a
	// live key.
	URL string
	// BaseURL is where people reach the dashboard, without a slash at its end.
	BaseURL string
	// Grace is how long tools go on after a payment failed, from 0.
	Grace time.Duration
	// Tax has Stripe work out and add tax.
	Tax bool
	// PromotionCodes lets people enter one at Checkout.
	PromotionCodes bool
	// Counter counts an org's listings at Hostaway.
	Counter Counter
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Pause waits between two tries of one call; nil is a timer that heeds ctx.
	Pause func(ctx context.Context, d time.Duration) error
	// Log takes what went wrong in the background; nil drops it.
	Log *slog.Logger
	// Observe is told of what is worth a figure; nil tells nobody.
	Observe Observer
}

// Observer is told of what is worth a figure. Nothing of a customer passes it.
type Observer interface {
	// StripeCalled tells how one HTTP request to Stripe went: what was asked, the
	// kind of its failure ("" when it went well), and how long it took.
	StripeCalled(op string, failure Kind, took time.Duration)
	// EventPosted tells what became of a post to the webhook: "recorded",
	// "known already", or why it was refused.
	EventPosted(outcome string)
	// AccessChanged tells the access that an org has from now on.
	AccessChanged(to string)
}

type nobody struct{}

func (nobody) StripeCalled(string, Kind, time.Duration) {}
func (nobody) EventPosted(string)                       {}
func (nobody) AccessChanged(string)                     {}

// Billing bills the orgs of one store through one Stripe account. It is safe for
// use by several goroutines.
type Billing struct {
	cfg    Config
	stripe *stripeAPI
	log    *slog.Logger
	now    func() time.Time
	live   bool
	orgs   orgLocks
	heard  heard
	seen   seenPosts
	prices priceCache
	bills  billCache
	counts flights
	sweeps sweeps

	inboxWoken, quantitiesWoken chan struct{}
}

// New checks what can be checked without Stripe. It calls nobody.
func New(cfg Config) (*Billing, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Observe == nil {
		cfg.Observe = nobody{}
	}
	b := &Billing{cfg: cfg, stripe: newStripeAPI(cfg), log: cfg.Log, live: liveKey(cfg.Key)}
	b.inboxWoken, b.quantitiesWoken = make(chan struct{}, 1), make(chan struct{}, 1)
	b.now = func() time.Time { return cfg.Now().UTC() }
	return b, nil
}

// Live tells whether real cards are charged.
func (b *Billing) Live() bool { return b.live }

var (
	errNoKey   = &SettingError{"the Stripe key is missing or is none", "set HMCP_STRIPE_KEY to a key of Stripe's: it begins with sk_live_, rk_live_, sk_test_ or rk_test_"}
	errNoPrice = &SettingError{"the lookup key of the price is missing", "set HMCP_STRIPE_PRICE"}
)

func (c Config) check() error {
	switch {
	case c.Store == nil:
		return errors.New("start billing: a store is required")
	case modeOf(c.Key) == "":
		return errNoKey
	case len(c.WebhookSecrets) == 0:
		return &SettingError{"the webhook secret is missing", "set HMCP_STRIPE_WEBHOOK_SECRET; `hostaway-mcp billing setup` makes the endpoint and prints it"}
	case c.PriceLookup == "":
		return errNoPrice
	case c.BaseURL == "":
		return &SettingError{"the address of the dashboard is not known, and Stripe sends people back there", "set HMCP_BASE_URL"}
	case c.Grace < 0:
		return errors.New("start billing: the grace must not be negative")
	}
	for _, s := range c.WebhookSecrets {
		// Whoever signs with an empty key would be believed.
		if rest, ok := strings.CutPrefix(s.Reveal(), "whsec_"); !ok || rest == "" {
			return &SettingError{"a webhook secret does not begin with whsec_", "set HMCP_STRIPE_WEBHOOK_SECRET to the signing secret of the endpoint"}
		}
	}
	return c.checkAddress()
}

// orgLocks are the locks that make reading an org's state from Stripe and writing
// it one step. There is one process, so they are in memory.
type orgLocks struct {
	mu   sync.Mutex
	held map[string]*orgLock
}

type orgLock struct {
	turn    chan struct{} // holds one token
	waiting int
}

// hold waits for the org's turn and returns what ends it. Whoever reads Stripe to
// write the account, or posts to the org's subscription, holds it meanwhile.
func (l *orgLocks) hold(ctx context.Context, orgID string) (release func(), err error) {
	l.mu.Lock()
	if l.held == nil {
		l.held = map[string]*orgLock{}
	}
	lock := l.held[orgID]
	if lock == nil {
		lock = &orgLock{turn: make(chan struct{}, 1)}
		lock.turn <- struct{}{}
		l.held[orgID] = lock
	}
	lock.waiting++
	l.mu.Unlock()

	leave := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if lock.waiting--; lock.waiting == 0 {
			delete(l.held, orgID)
		}
	}
	select {
	case <-lock.turn:
		return func() { lock.turn <- struct{}{}; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
