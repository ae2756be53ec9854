// Billing, as main wires it: built from the settings, or not at all; begun after the
// database, ended before it; and what the health's list says of it.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"hostaway-mcp/billing"
	"hostaway-mcp/store"
)

const (
	stripePatience = 5 * time.Second  // for Stripe's answers before a server starts without them
	stripeAgain    = time.Minute      // until the next look at a Stripe that did not answer, or said something bad
	countsMost     = 50 * time.Minute // for one round of counts; what is left is due with the next
	stripeLooks    = time.Hour        // between two looks when all was well
)

// readyToBill refuses to start where Stripe could not tell us anything.
func (c *config) readyToBill() error {
	if !c.bills() || len(c.StripeWebhookSecrets) > 0 {
		return nil
	}
	return misused("HMCP_BILLING_MODE is stripe and HMCP_STRIPE_WEBHOOK_SECRET is not set",
		fmt.Sprintf("run `%s billing setup`, which makes the webhook endpoint and prints its secret, or set HMCP_BILLING_MODE=off", binaryName))
}

// billingConfig is what the settings say of the room.
func billingConfig(c config, db *store.Store, counter billing.Counter, now func() time.Time, log *slog.Logger) billing.Config {
	cfg := billing.Config{
		Store: db, Counter: counter, Key: c.StripeKey, WebhookSecrets: c.StripeWebhookSecrets, PriceLookup: c.StripePrice, BaseURL: c.BaseURL,
		Grace: c.BillingGrace, Tax: c.BillingTax, PromotionCodes: c.PromotionCodes, Now: now, Log: log,
	}
	if c.given("HMCP_STRIPE_URL") {
		cfg.URL = c.StripeURL
	}
	return cfg
}

// newRoom builds the room, or says which setting it can't be built from.
func newRoom(cfg billing.Config) (*billing.Billing, error) {
	room, err := billing.New(cfg)
	if what, do := stripeAdvice(err); what != "" {
		return nil, misused(what, do)
	}
	if err != nil {
		return nil, misused(err.Error(), fmt.Sprintf("see `%s config` for the settings of billing", binaryName))
	}
	return room, nil
}

// newBilled builds billing from the settings; nil without it.
func newBilled(c config, db *store.Store, up *upstream, now func() time.Time, w watch) (*billed, error) {
	if !c.bills() {
		return nil, nil
	}
	cfg := billingConfig(c, db, up, now, w.log)
	answers := &stripeAnswers{now: now}
	if w.metrics != nil {
		answers.next = w.metrics.addBilling()
	}
	cfg.Observe = answers
	room, err := newRoom(cfg)
	if err != nil {
		return nil, err
	}
	return &billed{
		room: room, plans: plans{room: room, hostaway: up, now: now}, post: room.Webhooks(), figures: db.BillingFigures, answers: answers,
		now: now, log: w.log,
	}, nil
}

// billed is billing while a server runs.
type billed struct {
	room    billingRoom
	plans   plans
	post    http.Handler // of Stripe's events
	figures func(context.Context) (store.BillingFigures, error)
	answers *stripeAnswers
	now     func() time.Time
	log     *slog.Logger

	stop    context.CancelFunc
	workers sync.WaitGroup

	mu     sync.Mutex
	looked bool
	found  error // of the last look at Stripe
}

// billingRoom is what main has of the room while a server runs.
type billingRoom interface {
	// Check asks Stripe whether what is configured is there.
	Check(ctx context.Context) error
	// Run works until ctx ends.
	Run(ctx context.Context)
	// CountDue counts every org whose turn it is.
	CountDue(ctx context.Context) (did string, err error)
	// Signatures tells how posts to the webhook stand with the secrets.
	Signatures(ctx context.Context) (billing.Signatures, error)
	// Sweep compares with Stripe, Reconcile does it in full.
	Sweep(ctx context.Context) (did string, err error)
	Reconcile(ctx context.Context) (did string, err error)
	// ApplyGrace judges who owes something by the grace that is set now.
	ApplyGrace(ctx context.Context) (changed int, err error)
	// Lapse tells of trials that end, and writes down what time alone has changed.
	Lapse(ctx context.Context) (did string, err error)
}

// webhooks takes Stripe's events; nil without billing.
func (b *billed) webhooks() http.Handler {
	if b == nil {
		return nil
	}
	return b.post
}

// What comes back by itself, as the operator's page names it.
const (
	countsJob    = "listing-counts"
	sweepJob     = "billing-sweep"
	reconcileJob = "billing-reconcile"
	lapseJob     = "billing-lapse"
)

// jobs are those of billing.
func (b *billed) jobs() []job {
	return []job{
		{
			name: countsJob, every: time.Hour, limit: countsMost, run: b.room.CountDue,
			about: "Counts the listings of each org once a day, at an hour of its own, and again before its trial ends",
		},
		{name: lapseJob, every: time.Hour, run: b.room.Lapse, about: "Tells of trials that end soon, and writes down the access that time alone has changed"},
		{name: sweepJob, every: time.Hour, run: b.room.Sweep, about: "Compares what is known of subscriptions and payments with Stripe, and fetches events that got lost"},
		{
			name: reconcileJob, every: 24 * time.Hour, limit: 2 * time.Hour, run: b.room.Reconcile,
			about: "Checks all invariants of billing, and proves each period that has closed",
		},
	}
}

// begin is what comes before anybody is let in.
func (b *billed) begin(ctx context.Context, c config, db *store.Store) error {
	if b == nil {
		return nil
	}
	if err := b.check(ctx); err != nil {
		return err
	}
	started, err := db.StartTrials(ctx)
	if err, late := kept(err); err != nil {
		return storeProblem(c.DataDir, err)
	} else if late != nil {
		b.log.WarnContext(ctx, "the trials that began are not copied to the replica yet")
	}
	if started > 0 {
		b.log.InfoContext(ctx, "orgs that were connected already have their trial from now on", "orgs", started)
	}
	if _, err := b.room.ApplyGrace(ctx); err != nil {
		return storeProblem(c.DataDir, err)
	}
	return nil
}

// check looks at Stripe before anybody is let in. What a person has to mend refuses
// the start; a Stripe that does not answer does not: it is looked for again.
func (b *billed) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stripePatience)
	defer cancel()
	err := b.look(ctx)
	if err == nil || stripeIsAway(err) {
		return nil
	}
	return stripeProblem(err)
}

// stripeIsAway tells whether Stripe did not answer, or not in a way that says
// anything about the settings.
func stripeIsAway(err error) bool {
	var failure *billing.Error
	if !errors.As(err, &failure) {
		return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
	}
	return slices.Contains([]billing.Kind{billing.KindUnreachable, billing.KindBusy, billing.KindFailed, billing.KindConflict}, failure.Kind)
}

// stripeAdvice says what is wrong between this server and its Stripe account, and what
// a person does about it. Both are "" for what has nothing to do with Stripe.
func stripeAdvice(err error) (what, do string) {
	var setting *billing.SettingError
	if errors.As(err, &setting) {
		return setting.What, setting.Do
	}
	var failure *billing.Error
	switch isStripes := errors.As(err, &failure); {
	case stripeIsAway(err):
		return oneLine(err.Error()), "run it again when Stripe answers; look at this machine's network and firewall, and at status.stripe.com"
	case !isStripes:
		return "", ""
	case failure.Kind == billing.KindKey && failure.Denied:
		return "the key (HMCP_STRIPE_KEY) may not do all that it must (" + oneLine(failure.Error()) + ")",
			"give it the rights that docs/billing.md lists, in Stripe's dashboard under Developers, API keys, or make a new key with them and set HMCP_STRIPE_KEY to that"
	case failure.Kind == billing.KindKey:
		return "Stripe refuses the key (HMCP_STRIPE_KEY): it is wrong, was revoked or has run out",
			"make a new restricted key in Stripe's dashboard under Developers, API keys, with the rights that docs/billing.md lists, and set HMCP_STRIPE_KEY to it"
	case failure.Kind == billing.KindNotFound:
		return oneLine(failure.Error()), "see that HMCP_STRIPE_URL, if it is set, is the address of the Stripe API, and that HMCP_STRIPE_KEY is of the account and mode that you mean"
	}
	return oneLine(failure.Error()), "find the request in Stripe's dashboard under Developers, Logs: there stands what Stripe has against it"
}

// stripeProblem puts what Stripe says about the settings into words for the operator.
func stripeProblem(err error) error {
	what, do := stripeAdvice(err)
	if what == "" {
		return failed(err, "billing can't start: "+oneLine(err.Error()), fmt.Sprintf("look at the log; `%s doctor` checks the database", binaryName))
	}
	return misused("billing can't start: "+what, do+"; then start again")
}

func (b *billed) look(ctx context.Context) error {
	err := b.room.Check(ctx)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looked, b.found = true, err
	return err
}

// run starts the workers.
func (b *billed) run(ctx context.Context) {
	if b == nil {
		return
	}
	ctx, b.stop = context.WithCancel(ctx)
	b.workers.Go(func() { b.room.Run(ctx) })
	b.workers.Go(func() { b.keepLooking(ctx) })
}

// close ends the workers and waits for them.
func (b *billed) close() {
	if b != nil && b.stop != nil {
		b.stop()
		b.workers.Wait()
	}
}

// keepLooking asks again, often while something is wrong.
func (b *billed) keepLooking(ctx context.Context) {
	for waited := stripeAgain; ; waited += stripeAgain {
		select {
		case <-time.After(stripeAgain):
			if waited >= stripeLooks || b.lastLook() != nil || !b.answers.silentSince().IsZero() {
				waited = 0
				_ = b.look(ctx) // the health's list tells it
			}
		case <-ctx.Done():
			return
		}
	}
}

func (b *billed) lastLook() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.found
}
