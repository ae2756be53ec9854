// Inspect: a look at the Stripe account from outside, for who looks after a server.
// It reads and changes nothing, and needs no store.

package billing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"

	"hostaway-mcp/store"
)

// Inspection is what was found. A problem is nil where there is none.
type Inspection struct {
	Live         bool
	UnitAmount   int64 // minor units, of a listing for a month
	Currency     string
	PriceProblem *SettingError
	// EndpointID is of the webhook endpoint that posts to this server, "": none does,
	// or the key may not read them.
	EndpointID      string
	EndpointProblem *SettingError
	// SecretProblem is what is known to be wrong with the webhook secrets: the server
	// does not start with it. SecretIdle: they are of endpoints that send nothing here,
	// and another one does. SecretOf is the endpoint for which setup made one of
	// them, "": that is not known.
	// OtherSecret tells that setup printed another secret for the endpoint than those
	// that are given: unless it was rolled since, they are wrong.
	SecretProblem *SettingError
	SecretIdle    *SettingError
	SecretOf      string
	OtherSecret   bool
	// Signatures is what posts have shown of them.
	Signatures Signatures
}

// Seen is what a server keeps of signing secrets, as store.Inspect reads it.
type Seen struct {
	Setups  []store.StripeSetup
	Secrets []store.WebhookSecret
}

// Inspect looks at the price and at the webhook endpoint of the server at cfg.BaseURL.
// Of cfg it needs Key, URL, PriceLookup and WebhookSecrets besides, and heeds Now. Errors: *Error,
// of which a kind says whether Stripe is away or refuses the key; *SettingError.
func Inspect(ctx context.Context, cfg Config, seen Seen) (Inspection, error) {
	if err := cfg.checkAddress(); err != nil {
		return Inspection{}, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	found, api := Inspection{Live: liveKey(cfg.Key), Signatures: signaturesOf(cfg.inUse(seen.Secrets), cfg.Now())}, newStripeAPI(cfg)
	errors.As(cfg.otherMode(seen.Setups), &found.SecretProblem)
	price, err := api.findPrice(ctx, cfg.PriceLookup)
	switch {
	case errors.As(err, &found.PriceProblem):
	case err != nil:
		return found, err
	default:
		found.UnitAmount, found.Currency = price.UnitAmount, price.Currency
	}
	all, err := api.endpoints(ctx)
	if kindOf(err) == KindKey {
		found.EndpointProblem = &SettingError{"the key may not read webhook endpoints, so whether one posts here is not known", "give the key the right to read Webhook Endpoints, in Stripe's dashboard"}
		return found, nil
	}
	if err != nil {
		return found, err
	}
	found.lookAt(all, cfg.BaseURL+WebhookPath)
	if found.SecretProblem == nil && len(cfg.WebhookSecrets) > 0 {
		errors.As(cfg.endpointGone(seen.Setups, all), &found.SecretProblem)
	}
	found.SecretIdle = cfg.endpointIdle(seen.Setups, all)
	for _, made := range seen.Setups {
		found.OtherSecret = found.OtherSecret || made.EndpointID == found.EndpointID && found.EndpointID != ""
		if slices.ContainsFunc(cfg.WebhookSecrets, made.Of) && slices.ContainsFunc(all, func(e stripeEndpoint) bool { return e.ID == made.EndpointID }) {
			found.SecretOf, found.OtherSecret = made.EndpointID, false
			break // they are the newest first
		}
	}
	return found, nil
}

// lookAt finds the endpoint at that address that fits, or what is wrong with those
// that are there.
func (i *Inspection) lookAt(all []stripeEndpoint, address string) {
	const makes = "run `hostaway-mcp billing setup`, which puts it right or makes another"
	i.EndpointProblem = &SettingError{"no webhook endpoint posts to " + address, makes}
	var enabled []string
	for _, e := range all {
		if e.URL != address {
			continue
		}
		flaw := i.flawOf(e)
		if e.Status != "disabled" {
			enabled = append(enabled, e.ID)
		}
		if i.EndpointID == "" || flaw == "" {
			i.EndpointID, i.EndpointProblem = e.ID, nil
			if flaw != "" {
				i.EndpointProblem = &SettingError{fmt.Sprintf("the webhook endpoint %s %s", e.ID, flaw), makes}
			}
		}
	}
	if i.EndpointProblem == nil && len(enabled) > 1 {
		i.EndpointProblem = &SettingError{
			fmt.Sprintf("%d webhook endpoints post here (%s), each signed by a secret of its own: every event comes as often", len(enabled), strings.Join(enabled, ", ")),
			"disable all in Stripe's dashboard but the one whose secret is in HMCP_STRIPE_WEBHOOK_SECRET",
		}
	}
}

// flawOf says what is wrong with an endpoint, "" when nothing is.
func (i *Inspection) flawOf(e stripeEndpoint) string {
	lacks := slices.DeleteFunc(subscribedEvents(), func(kind string) bool { return slices.Contains(e.Events, kind) || slices.Contains(e.Events, "*") })
	switch {
	case e.Status == "disabled":
		return "is disabled"
	case e.Live != i.Live:
		return fmt.Sprintf("is of %s mode and the key of %s mode", modeName(e.Live), modeName(i.Live))
	case e.APIVersion != stripe.APIVersion:
		return fmt.Sprintf("posts in API version %s instead of %s", orAccounts(e.APIVersion), stripe.APIVersion)
	case len(lacks) > 0:
		return fmt.Sprintf("is not told of %d of %d kinds of event (%s)", len(lacks), len(subscribedEvents()), strings.Join(lacks, ", "))
	}
	return ""
}
