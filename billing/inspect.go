// Inspect: a look at the Stripe account from outside, for who looks after a server.
// It reads and changes nothing, and needs no store.

package billing

import (
	"context"
	"fmt"
	"slices"

	"github.com/stripe/stripe-go/v76"
)

// Inspection is what was found. A problem is "" where there is none.
type Inspection struct {
	Live            bool
	UnitAmount      int64 // minor units, of a listing for a month
	Currency        string
	PriceProblem    string
	EndpointID      string // of the webhook endpoint that posts to this server
	EndpointProblem string
}

// Inspect looks at the price and at the webhook endpoint of the server at cfg.BaseURL.
// Of cfg it needs Key, URL and PriceLookup besides. Errors: *Error, of which a kind
// says whether Stripe is away or refuses the key.
func Inspect(ctx context.Context, cfg Config) (Inspection, error) {
	if err := cfg.checkAddress(); err != nil {
		return Inspection{}, err
	}
	found, api := Inspection{Live: liveKey(cfg.Key)}, newStripeAPI(cfg)
	price, err := api.findPrice(ctx, cfg.PriceLookup)
	switch {
	case kindOf(err) != "":
		return found, err
	case err != nil:
		found.PriceProblem = err.Error()
	default:
		found.UnitAmount, found.Currency = price.UnitAmount, price.Currency
	}
	all, err := api.endpoints(ctx)
	if kindOf(err) == KindKey {
		found.EndpointProblem = "the key may not read webhook endpoints, so whether one posts here is not known"
		return found, nil
	}
	if err != nil {
		return found, err
	}
	found.lookAt(all, cfg.BaseURL+WebhookPath)
	return found, nil
}

func (i *Inspection) lookAt(all []stripeEndpoint, address string) {
	i.EndpointProblem = "no webhook endpoint posts to " + address
	for _, e := range all {
		if e.URL != address {
			continue
		}
		i.EndpointID = e.ID
		lacks := func(kind string) bool { return !slices.Contains(e.Events, kind) && !slices.Contains(e.Events, "*") }
		switch {
		case e.Status == "disabled":
			i.EndpointProblem = fmt.Sprintf("the webhook endpoint %s is disabled", e.ID)
			continue // another one may be there
		case e.APIVersion != stripe.APIVersion:
			i.EndpointProblem = fmt.Sprintf("the webhook endpoint %s posts in API version %s instead of %s", e.ID, orAccounts(e.APIVersion), stripe.APIVersion)
		case slices.ContainsFunc(subscribedEvents(), lacks):
			i.EndpointProblem = fmt.Sprintf("the webhook endpoint %s is not told of all kinds of event", e.ID)
		default:
			i.EndpointProblem = ""
		}
		return
	}
}
