// What doctor finds out about the Stripe account that orgs pay through.
package main

import (
	"context"
	"fmt"

	"hostaway-mcp/billing"
)

// examineStripe looks at the key, the price and the webhook endpoint. Nothing is changed.
func examineStripe(ctx context.Context, d *doctor) []check {
	const name, hook = "stripe", "webhook"
	c := d.config
	if !c.bills() || c.StripeKey.IsZero() {
		return nil
	}
	cfg := billing.Config{Key: c.StripeKey, PriceLookup: c.StripePrice, BaseURL: c.BaseURL}
	if cfg.BaseURL == "" {
		cfg.BaseURL = d.baseURL()
	}
	if c.given("HMCP_STRIPE_URL") {
		cfg.URL = c.StripeURL
	}
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	found, err := billing.Inspect(ctx, cfg)
	setUp := fmt.Sprintf("run `%s billing setup`", binaryName)
	switch {
	case err != nil && stripeIsAway(err):
		return []check{bad(name, fmt.Sprintf("Stripe can't be reached (%v); everybody keeps the access they have meanwhile", err), "look at this machine's network and firewall, and at status.stripe.com")}
	case err != nil:
		return []check{bad(name, oneLine(err.Error()), "look at HMCP_STRIPE_KEY and at what that key may do; docs/billing.md lists it")}
	case found.PriceProblem != "":
		return []check{bad(name, found.PriceProblem, setUp)}
	}
	mode := "in test mode: nobody is charged"
	if found.Live {
		mode = "in live mode"
	}
	checks := []check{good(name, fmt.Sprintf("it answers, %s; a listing costs %s a month", mode, formatMoney(found.UnitAmount, found.Currency)))}
	if len(c.StripeWebhookSecrets) == 0 {
		return append(checks, bad(hook, "HMCP_STRIPE_WEBHOOK_SECRET is not set: the server does not start", setUp))
	}
	if found.EndpointProblem != "" {
		return append(checks, doubtful(hook, found.EndpointProblem+"; changes at Stripe are then noticed within the hour instead of at once", setUp))
	}
	return append(checks, good(hook, fmt.Sprintf("the endpoint %s posts to this server", found.EndpointID)))
}
