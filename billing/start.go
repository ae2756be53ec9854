// What is checked before anybody is billed, and the work that runs beside serving. A
// Stripe that says no refuses the start; one that says nothing does not: main asks
// again until it answers, and health says so meanwhile.

package billing

import (
	"context"
	"fmt"
	"sync"
)

// priceCache is what setup made at Stripe, as it was read last.
type priceCache struct {
	mu     sync.Mutex
	price  stripePrice
	portal string // id of the portal configuration
}

// Check looks whether what is configured works: a webhook secret that setup made in
// the other mode, a key that Stripe refuses, a price that is missing or is none for
// each listing and month is an error, and so is a Stripe that does not answer (*Error),
// which says nothing about the settings.
func (b *Billing) Check(ctx context.Context) error {
	if err := b.checkSecrets(ctx); err != nil {
		return err
	}
	return b.checkPrice(ctx)
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
	if err != nil {
		return err
	}
	b.prices.mu.Lock()
	defer b.prices.mu.Unlock()
	b.prices.price = price
	return nil
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
	var wrong string
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

// Run works until ctx ends.
func (b *Billing) Run(ctx context.Context) {
	var loops sync.WaitGroup
	for _, loop := range []func(context.Context){b.runInbox, b.runQuantities} {
		loops.Go(func() { loop(ctx) })
	}
	loops.Wait()
}
