// What doctor finds out about the Stripe account that orgs pay through.
package main

import (
	"context"
	"fmt"

	"hostaway-mcp/billing"
	"hostaway-mcp/store"
)

// examineStripe looks at the key, the price, the webhook endpoint and what is known of
// its secret. Nothing is changed.
func examineStripe(ctx context.Context, d *doctor) []check {
	const name = "stripe"
	c := d.config
	if !c.bills() || c.StripeKey.IsZero() {
		return nil
	}
	cfg := billing.Config{Key: c.StripeKey, PriceLookup: c.StripePrice, WebhookSecrets: c.StripeWebhookSecrets, BaseURL: c.BaseURL, Now: d.now}
	if cfg.BaseURL == "" {
		cfg.BaseURL = d.baseURL()
	}
	if c.given("HMCP_STRIPE_URL") {
		cfg.URL = c.StripeURL
	}
	// A database that can't be read, or is none yet, tells nothing here; its own check does.
	seen, _ := store.Inspect(ctx, d.databasePath())
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	found, err := billing.Inspect(ctx, cfg, billing.Seen{Setups: seen.StripeSetups, Secrets: seen.WebhookSecrets})
	what, do := stripeAdvice(err)
	switch {
	case err != nil && stripeIsAway(err):
		return []check{bad(name, what+"; everybody keeps the access they have meanwhile", do)}
	case what != "":
		return []check{bad(name, what, do)}
	case err != nil:
		return []check{problemCheck(name, err)}
	}
	return append(append(priceChecks(name, found), endpointChecks(found)...), secretChecks(c, found)...)
}

func priceChecks(name string, found billing.Inspection) []check {
	if p := found.PriceProblem; p != nil {
		return []check{bad(name, p.What, p.Do)}
	}
	mode := "in test mode: nobody is charged"
	if found.Live {
		mode = "in live mode"
	}
	return []check{good(name, fmt.Sprintf("it answers, %s; a listing costs %s a month", mode, formatMoney(found.UnitAmount, found.Currency)))}
}

func endpointChecks(found billing.Inspection) []check {
	const name = "webhook"
	if p := found.EndpointProblem; p != nil {
		return []check{doubtful(name, p.What+"; changes at Stripe may be noticed within the hour instead of at once", p.Do)}
	}
	return []check{good(name, fmt.Sprintf("the endpoint %s posts to this server all that it needs, in the right version and mode", found.EndpointID))}
}

// secretChecks tell what can be known of a secret that Stripe does not tell again.
func secretChecks(c config, found billing.Inspection) []check {
	const name = "secret"
	s := found.Signatures
	if len(c.StripeWebhookSecrets) == 0 {
		return []check{bad(name, "HMCP_STRIPE_WEBHOOK_SECRET is not set: the server does not start", fmt.Sprintf("run `%s billing setup`, which makes the webhook endpoint and prints its secret", binaryName))}
	}
	if p := found.SecretProblem; p != nil {
		return []check{bad(name, p.What+": the server does not start", p.Do)}
	}
	if p := found.SecretIdle; p != nil {
		return []check{bad(name, p.What, p.Do)}
	}
	if doubt := signatureDoubt(name, s); doubt != nil {
		return []check{*doubt}
	}
	const proof = "only an event proves the webhook secret: "
	switch {
	case !s.VerifiedAt.IsZero():
		return []check{good(name, proof+provenText(s))}
	case found.SecretOf != "":
		return []check{good(name, fmt.Sprintf("it is the one that setup made for the endpoint %s; %s%s", found.SecretOf, proof, provenText(s)))}
	}
	text := proof + provenText(s)
	if found.OtherSecret {
		text = fmt.Sprintf("it is not the one that setup printed for the endpoint %s, so it is wrong unless it was rolled in Stripe's dashboard since; %s", found.EndpointID, text)
	}
	return []check{doubtful(name, text, "compare it with the signing secret in Stripe's dashboard (Developers, Webhooks), or have a new one with `"+binaryName+" billing setup --new-endpoint`; to have an event sent, make a customer there while the server runs, and delete it again")}
}
