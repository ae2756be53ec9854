// What is checked before anybody is billed, and the work that runs beside serving. A
// Stripe that says no refuses the start; one that says nothing does not: main asks
// again until it answers, and health says so meanwhile.

package billing

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"hostaway-mcp/store"
)

// priceCache is what setup made at Stripe, as it was read last.
type priceCache struct {
	mu     sync.Mutex
	price  stripePrice
	portal string // id of the portal configuration
}

// Check looks whether what is configured works. Errors: *SettingError for a webhook
// secret that is known to be wrong and for a price that is missing or is none for each
// listing and month; *Error for a key that Stripe refuses, and for a Stripe that does
// not answer, which says nothing about the settings; the store's.
func (b *Billing) Check(ctx context.Context) error {
	setups, err := b.cfg.Store.StripeSetups(ctx)
	if err != nil {
		return err
	}
	if err := b.cfg.otherMode(setups); err != nil {
		return err
	}
	if err := b.checkPrice(ctx); err != nil {
		return err
	}
	if endpoints, err := b.stripe.endpoints(ctx); err == nil { // a key that may not read them serves as well
		return b.cfg.endpointGone(setups, endpoints)
	}
	return nil
}

// otherMode compares the key's mode with the mode in which setup made the endpoint of
// each secret. A secret of an endpoint made by hand has no record; the mode of its
// events shows.
func (c Config) otherMode(setups []store.StripeSetup) error {
	live := liveKey(c.Key)
	for _, s := range c.WebhookSecrets {
		for _, made := range setups {
			if made.Of(s) && made.Livemode != live {
				return &SettingError{
					fmt.Sprintf("the Stripe key is of %s mode and the webhook secret is of an endpoint of %s mode", modeName(live), modeName(made.Livemode)),
					fmt.Sprintf("set HMCP_STRIPE_KEY and HMCP_STRIPE_WEBHOOK_SECRET of one mode; `hostaway-mcp billing setup` with the key of %s mode prints a secret for it where it makes the endpoint, and always with --new-endpoint", modeName(live)),
				}
			}
		}
	}
	return nil
}

// endpointGone tells of secrets that are all of endpoints which setup made and which
// the key's account does not have: no event will ever be signed by them.
func (c Config) endpointGone(setups []store.StripeSetup, endpoints []stripeEndpoint) error {
	id := ""
	for _, s := range c.WebhookSecrets {
		at := slices.IndexFunc(setups, func(made store.StripeSetup) bool { return made.Of(s) })
		if at < 0 || slices.ContainsFunc(endpoints, func(e stripeEndpoint) bool { return e.ID == setups[at].EndpointID }) {
			return nil
		}
		id = setups[at].EndpointID
	}
	return &SettingError{
		fmt.Sprintf("the webhook secret is that of the endpoint %s, which the Stripe account of this key does not have", id),
		newEndpointAdvice + "; or set HMCP_STRIPE_KEY to a key of the account that has it",
	}
}

// endpointIdle tells of secrets that are all of endpoints which send nothing here, while
// another endpoint does: it is disabled, or posts elsewhere. A secret of unknown origin
// may be that of the other one. Unlike one that is gone, such an endpoint may come
// back, and Stripe disables endpoints by itself, so that this refuses no start.
func (c Config) endpointIdle(setups []store.StripeSetup, endpoints []stripeEndpoint) *SettingError {
	address := c.BaseURL + WebhookPath
	posting := func(e stripeEndpoint) bool { return e.URL == address && e.Status != "disabled" }
	at := slices.IndexFunc(endpoints, posting)
	var idle []string
	for _, s := range c.WebhookSecrets {
		made := slices.IndexFunc(setups, func(made store.StripeSetup) bool { return made.Of(s) })
		if made < 0 {
			return nil
		}
		id, why := setups[made].EndpointID, "deleted"
		for _, e := range endpoints {
			switch {
			case e.ID != id:
			case posting(e):
				return nil
			case e.Status == "disabled":
				why = "disabled"
			default:
				why = "posting to " + e.URL
			}
		}
		idle = append(idle, fmt.Sprintf("%s (%s)", id, why))
	}
	if at < 0 || len(idle) == 0 {
		return nil
	}
	return &SettingError{
		fmt.Sprintf("the secret in force is that of the webhook endpoint %s, and events come from %s, whose secret is needed", strings.Join(idle, ", "), endpoints[at].ID),
		fmt.Sprintf("set HMCP_STRIPE_WEBHOOK_SECRET to the secret of %s; if nobody has it, %s", endpoints[at].ID, newEndpointAdvice),
	}
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
	return stripePrice{}, &SettingError{
		fmt.Sprintf("Stripe has no active price with the lookup key %q in the mode of this key", lookup),
		"run `hostaway-mcp billing setup --amount AMOUNT --currency CURRENCY`, which makes it, or set HMCP_STRIPE_PRICE to the lookup key of one that is there",
	}
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
	return &SettingError{
		fmt.Sprintf("the price %s can't be used: %s", p.ID, wrong),
		"set HMCP_STRIPE_PRICE to another lookup key and run `hostaway-mcp billing setup --amount AMOUNT --currency CURRENCY`, which makes a price that can be used",
	}
}

// Run works until ctx ends.
func (b *Billing) Run(ctx context.Context) {
	var loops sync.WaitGroup
	for _, loop := range []func(context.Context){b.runInbox, b.runQuantities, b.runSignatures} {
		loops.Go(func() { loop(ctx) })
	}
	loops.Wait()
}
