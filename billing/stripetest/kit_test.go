// What the tests of this package share: a real client, and a subscription to begin with.
package stripetest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/client"

	"hostaway-mcp/billing/stripetest"
)

// newClient is stripe-go, silent and without retries of its own.
func newClient(url, key string) *client.API {
	backend := func(kind stripe.SupportedBackend) stripe.Backend {
		config := &stripe.BackendConfig{
			MaxNetworkRetries: stripe.Int64(0), EnableTelemetry: stripe.Bool(false),
			HTTPClient: &http.Client{Timeout: 30 * time.Second}, LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull},
		}
		if url != "" {
			config.URL = stripe.String(url)
		}
		return stripe.GetBackendWithConfig(kind, config)
	}
	return client.New(key, &stripe.Backends{API: backend(stripe.APIBackend), Connect: backend(stripe.ConnectBackend), Uploads: backend(stripe.UploadsBackend)})
}

// account is a fake under the contract check, with a price of 10.00 and a customer with a good card.
type account struct {
	*stripetest.Server

	api             *client.API
	price, customer string
}

func newAccount(t *testing.T, o stripetest.Options) *account {
	t.Helper()
	o.Check = readContract(t).check()
	a := &account{Server: stripetest.Start(t, o)}
	a.api = newClient(a.URL(), "sk_test_1")
	a.price = a.AddPrice(stripetest.Price{LookupKey: "listing_v1", Currency: "usd", UnitAmount: 1000})
	c := must(a.api.Customers.New(&stripe.CustomerParams{
		Email: stripe.String("owner@example.com"), Metadata: map[string]string{"org_id": "org_1"},
	}))(t)
	a.customer = c.ID
	succeed(t, a.SetCard(c.ID, stripetest.CardGood))
	return a
}

func (a *account) subscribe(t *testing.T, quantity int64, trialDays int64) *stripe.Subscription {
	t.Helper()
	params := &stripe.SubscriptionParams{
		Customer: stripe.String(a.customer),
		Items:    []*stripe.SubscriptionItemsParams{{Price: stripe.String(a.price), Quantity: stripe.Int64(quantity)}},
	}
	if trialDays > 0 {
		params.TrialPeriodDays = stripe.Int64(trialDays)
	}
	return must(a.api.Subscriptions.New(params))(t)
}

func (a *account) setQuantity(x *stripe.Subscription, quantity int64, at time.Time) (*stripe.Subscription, error) {
	params := &stripe.SubscriptionParams{
		Items:             []*stripe.SubscriptionItemsParams{{ID: stripe.String(x.Items.Data[0].ID), Quantity: stripe.Int64(quantity)}},
		ProrationBehavior: stripe.String("create_prorations"),
	}
	if !at.IsZero() {
		params.ProrationDate = stripe.Int64(at.Unix())
	}
	return a.api.Subscriptions.Update(x.ID, params)
}

func (a *account) seen(t *testing.T, id string) stripetest.Subscription {
	t.Helper()
	x, ok := a.Subscription(id)
	if !ok {
		t.Fatalf("no subscription %s", id)
	}
	return x
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func succeed(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
