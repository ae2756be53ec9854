// What is checked before anybody is billed, and the work that runs beside serving. A
// Stripe that says no refuses the start; one that says nothing does not: it is asked
// again until it answers, and health says so meanwhile.

package billing

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	startPatience = 10 * time.Second
	recheckSoon   = time.Minute
	recheckLater  = time.Hour
)

// priceCache is the price as it was read last, and what is wrong with the set-up.
type priceCache struct {
	mu      sync.Mutex
	price   stripePrice
	problem error // nil: all is well
	asked   bool  // Stripe has answered once
}

// ErrUnchecked: Stripe has not answered since the start, so nobody knows whether the
// key works and the price exists.
var ErrUnchecked = errors.New("check billing: Stripe has not answered since the start")

// StartCheck refuses a start that would charge nobody or the wrong people: a webhook
// secret that setup made in the other mode, a key that Stripe refuses, a price that is
// missing or no price per listing and month. Stripe not answering within 10 s is no
// error.
func (b *Billing) StartCheck(ctx context.Context) error {
	if err := b.checkSecrets(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	err := b.checkPrice(ctx)
	if outage(err) {
		b.log.WarnContext(ctx, "Stripe does not answer; the price is checked as soon as it does", "error", err)
		return nil
	}
	return err
}

// Problem is what keeps billing from working, for the health's list: nil, ErrUnchecked,
// or what the last check found.
func (b *Billing) Problem() error {
	b.prices.mu.Lock()
	defer b.prices.mu.Unlock()
	if b.prices.problem == nil && !b.prices.asked {
		return ErrUnchecked
	}
	return b.prices.problem
}

// checkSecrets compares the key's mode with the mode in which setup made the endpoint
// of each secret. A secret of an endpoint made by hand has no record; the mode of its
// events shows.
func (b *Billing) checkSecrets(ctx context.Context) error {
	setups, err := b.cfg.Store.StripeSetups(ctx)
	if err != nil {
		return err
	}
	for _, s := range b.cfg.WebhookSecrets {
		for _, made := range setups {
			if made.Of(s) && made.Livemode != b.live {
				return fmt.Errorf("start billing: the Stripe key is of %s mode and the webhook secret is of an endpoint of %s mode; "+
					"take both of one mode, `hostaway-mcp billing setup` prints the secret", modeName(b.live), modeName(made.Livemode))
			}
		}
	}
	return nil
}

func modeName(live bool) string {
	if live {
		return "live"
	}
	return "test"
}

// checkPrice reads the price and keeps it. Errors: *Error, or what is wrong with it.
func (b *Billing) checkPrice(ctx context.Context) error {
	price, err := b.stripe.findPrice(ctx, b.cfg.PriceLookup)
	b.prices.mu.Lock()
	defer b.prices.mu.Unlock()
	if !outage(err) {
		b.prices.asked, b.prices.problem = true, err
	} else if !b.prices.asked {
		b.prices.problem = fmt.Errorf("%w: %w", ErrUnchecked, err)
	}
	if err == nil {
		b.prices.price = price
	}
	return err
}

// knownPrice is the price of new subscriptions as it was read last; ok is false while
// it never was.
func (b *Billing) knownPrice() (price stripePrice, ok bool) {
	b.prices.mu.Lock()
	defer b.prices.mu.Unlock()
	return b.prices.price, b.prices.price.ID != ""
}

// currentPrice is that, read now where it never was.
func (b *Billing) currentPrice(ctx context.Context) (stripePrice, error) {
	if price, ok := b.knownPrice(); ok {
		return price, nil
	}
	err := b.checkPrice(ctx)
	price, _ := b.knownPrice()
	return price, err
}

// findPrice finds the active price with the lookup key, and refuses one that is not
// for each listing and month.
func (a *stripeAPI) findPrice(ctx context.Context, lookup string) (stripePrice, error) {
	prices, err := a.pricesByLookup(ctx, lookup)
	if err != nil {
		return stripePrice{}, err
	}
	for _, p := range prices {
		if p.Active && p.LookupKey == lookup {
			return p, p.fits()
		}
	}
	return stripePrice{}, fmt.Errorf("check billing: Stripe has no active price with the lookup key %q in this mode; `hostaway-mcp billing setup` makes it", lookup)
}

func (p stripePrice) fits() error {
	wrong := ""
	switch {
	case !p.Recurring || p.Interval != "month" || p.IntervalCount != 1:
		wrong = "it does not recur every month"
	case p.UsageType != "licensed" || p.Scheme != "per_unit" || p.Transformed:
		wrong = "it is not charged for each unit of a quantity"
	case p.UnitAmount <= 0:
		wrong = "it has no whole amount in the smallest unit of its currency"
	case p.Currency == "":
		wrong = "it has no currency"
	default:
		return nil
	}
	return fmt.Errorf("check billing: the price %s can't be used: %s; `hostaway-mcp billing setup` makes one that can, under another lookup key", p.ID, wrong)
}

// Run works until ctx ends: it works off Stripe's events and keeps an eye on the set-up.
func (b *Billing) Run(ctx context.Context) {
	var loops sync.WaitGroup
	for _, loop := range b.loops() {
		loops.Go(func() { loop(ctx) })
	}
	loops.Wait()
}

func (b *Billing) loops() []func(context.Context) {
	return []func(context.Context){b.runInbox, b.runChecks}
}

// runChecks asks again: soon while Stripe has not answered, and every hour after, for
// a price may be archived and a key revoked.
func (b *Billing) runChecks(ctx context.Context) {
	for {
		wait := recheckLater
		if b.Problem() != nil {
			wait = recheckSoon
		}
		if pauseFor(ctx, wait) != nil {
			return
		}
		if err := b.checkPrice(ctx); err != nil && ctx.Err() == nil {
			b.log.ErrorContext(ctx, "billing does not work as it is set up", "error", err)
		}
	}
}
