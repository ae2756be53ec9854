// What goes wrong on demand, what idempotency keys repeat, and what is refused.
package stripetest_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"hostaway-mcp/billing/stripetest"
)

func statusOf(err error) int {
	var answer *stripe.Error
	if errors.As(err, &answer) {
		return answer.HTTPStatusCode
	}
	return 0
}

// TestFaults: each kind shows as it should, does what it should, and is or is not repeated for its key.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name         string
		kind         stripetest.FaultKind
		status       int // 0: no answer of Stripe's
		done, stands bool
	}{
		{"too many requests", stripetest.RateLimited, 429, false, false},
		{"a locked object", stripetest.LockTimeout, 429, false, false},
		{"500 before anything", stripetest.Error500Before, 500, false, true},
		{"500 afterwards", stripetest.Error500After, 500, true, true},
		{"cut before anything", stripetest.ResetBefore, 0, false, false},
		{"cut afterwards", stripetest.ResetAfter, 0, true, false},
		{"not available", stripetest.Unavailable, 503, false, false},
		{"a proxy's page", stripetest.BadGateway, 0, false, false},
		{"not allowed", stripetest.Forbidden, 403, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := newAccount(t, stripetest.Options{})
			a.Fail(stripetest.Fault{Method: "POST", Path: "/v1/customers", Kind: c.kind})
			make := func() error {
				params := &stripe.CustomerParams{Email: stripe.String("second@example.com")}
				params.SetIdempotencyKey("once")
				_, err := a.api.Customers.New(params)
				return err
			}
			err := make()
			if err == nil || statusOf(err) != c.status {
				t.Errorf("%v, want status %d", err, c.status)
			}
			if got := len(a.Customers()) == 2; got != c.done {
				t.Errorf("done: %v", got)
			}
			if err := make(); (err != nil) != c.stands {
				t.Errorf("the same key again: %v", err)
			}
			if got := len(a.Customers()); got != 2 && !c.stands || got > 2 {
				t.Errorf("there are %d customers", got)
			}
		})
	}
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	a := newAccount(t, stripetest.Options{})
	make := func(email string) (*stripe.Customer, error) {
		params := &stripe.CustomerParams{Email: stripe.String(email)}
		params.SetIdempotencyKey("key")
		return a.api.Customers.New(params)
	}
	first := must(make("x@example.com"))(t)
	again := must(make("x@example.com"))(t)
	if first.ID != again.ID || again.LastResponse.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("%s, then %s", first.ID, again.ID)
	}
	var mismatch *stripe.Error
	if _, err := make("y@example.com"); !errors.As(err, &mismatch) || mismatch.Type != stripe.ErrorTypeIdempotency {
		t.Errorf("other parameters under the same key: %v", err)
	}
	a.Advance(24 * time.Hour)
	if later := must(make("y@example.com"))(t); later.ID == first.ID {
		t.Error("a key is remembered for more than a day")
	}

	// A declined charge is an answer like others; one that was refused before it began is not kept.
	succeed(t, a.SetCard(a.customer, stripetest.CardDeclined))
	must(a.SubscribeByHand(a.customer, a.price, 1))(t)
	pay := func() error {
		params := &stripe.InvoicePayParams{}
		params.SetIdempotencyKey("pay")
		_, err := a.api.Invoices.Pay(a.Invoices(a.customer)[0].ID, params)
		return err
	}
	if err := pay(); statusOf(err) != 402 {
		t.Fatalf("a declined card: %v", err)
	}
	succeed(t, a.SetCard(a.customer, stripetest.CardGood))
	if err := pay(); statusOf(err) != 402 {
		t.Errorf("the same key after that: %v", err)
	}
}

func TestAnOutage(t *testing.T) {
	t.Parallel()
	a := newAccount(t, stripetest.Options{})
	got := 0
	a.AddEndpoint(stripetest.Endpoint{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { got++ })})
	a.Outage(a.Now(), a.Now().Add(5*time.Hour))
	for range 6 {
		if _, err := a.api.Customers.Get(a.customer, nil); err == nil {
			t.Fatal("an answer during the outage")
		}
	}
	x := must(a.SubscribeByHand(a.customer, a.price, 1))(t)
	if a.Deliver(); got != 0 {
		t.Errorf("%d events during the outage", got)
	}
	a.Advance(5 * time.Hour)
	if must(a.api.Subscriptions.Get(x, nil))(t).Status != "active" || a.Deliver() == 0 {
		t.Error("nothing came back after the outage")
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	a := newAccount(t, stripetest.Options{})
	x := a.subscribe(t, 1, 0)
	for n := range int64(200) {
		must(a.setQuantity(x, 2+n%2, time.Time{}))(t)
	}
	if _, err := a.setQuantity(x, 9, time.Time{}); statusOf(err) != 429 {
		t.Errorf("the 201st change within an hour: %v", err)
	}
	a.Advance(time.Hour + time.Second)
	invoiced := func() error {
		_, err := a.api.Subscriptions.Update(x.ID, &stripe.SubscriptionParams{
			Items:             []*stripe.SubscriptionItemsParams{{ID: stripe.String(x.Items.Data[0].ID), Quantity: stripe.Int64(a.seen(t, x.ID).Quantity() + 1)}},
			ProrationBehavior: stripe.String("always_invoice"),
		})
		return err
	}
	made := 0
	for range 30 {
		a.Advance(2 * time.Minute)
		if invoiced() != nil {
			break
		}
		made++
	}
	if made != 19 { // the first invoice was made today, too
		t.Errorf("%d invoices in an hour", made)
	}
}

func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	a := newAccount(t, stripetest.Options{})
	x := a.subscribe(t, 2, 0)
	item := x.Items.Data[0].ID
	for name, call := range map[string]func() error{
		"a proration date before the period": func() error { _, err := a.setQuantity(x, 3, date("2026-01-09")); return err },
		"a proration date after the period":  func() error { _, err := a.setQuantity(x, 3, date("2026-03-01")); return err },
		"less than nothing":                  func() error { _, err := a.setQuantity(x, -1, time.Time{}); return err },
		"a second item of the same price": func() error {
			_, err := a.api.Subscriptions.Update(x.ID, &stripe.SubscriptionParams{Items: []*stripe.SubscriptionItemsParams{{Price: stripe.String(a.price), Quantity: stripe.Int64(3)}}})
			return err
		},
		"the last item deleted": func() error {
			_, err := a.api.Subscriptions.Update(x.ID, &stripe.SubscriptionParams{Items: []*stripe.SubscriptionItemsParams{{ID: stripe.String(item), Deleted: stripe.Bool(true)}}})
			return err
		},
		"a lookup key twice": func() error {
			_, err := a.api.Prices.New(&stripe.PriceParams{
				Currency: stripe.String("usd"), UnitAmount: stripe.Int64(1), LookupKey: stripe.String("listing_v1"), Product: stripe.String(a.productID(t)),
				Recurring: &stripe.PriceRecurringParams{Interval: stripe.String("month")},
			})
			return err
		},
		"an unknown customer in a list": func() error {
			return a.api.Subscriptions.List(&stripe.SubscriptionListParams{Customer: stripe.String("cus_nobody")}).Err()
		},
		"more than a hundred a page": func() error {
			p := &stripe.InvoiceListParams{}
			p.Limit, p.Single = stripe.Int64(101), true
			return a.api.Invoices.List(p).Err()
		},
		"a wrong key": func() error { _, err := newClient(a.URL(), "sk_live_1").Customers.Get(a.customer, nil); return err },
		"what can't be expanded": func() error {
			_, err := a.api.Subscriptions.Get(x.ID, &stripe.SubscriptionParams{Expand: stripe.StringSlice([]string{"colour"})})
			return err
		},
	} {
		if err := call(); statusOf(err) < 400 || statusOf(err) > 401 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := a.seen(t, x.ID); got.Quantity() != 2 || len(got.Pending) != 0 {
		t.Errorf("something was done: %d, %v", got.Quantity(), got.Pending)
	}
}

func (a *account) productID(t *testing.T) string {
	t.Helper()
	return must(a.api.Prices.Get(a.price, nil))(t).Product.ID
}

// TestCheckoutRefuses what the real one does, each with a mistake that is easily made.
func TestCheckoutRefuses(t *testing.T) {
	t.Parallel()
	a := newAccount(t, stripetest.Options{})
	for name, spoil := range map[string]func(*stripe.CheckoutSessionParams){
		"nothing to sell": func(p *stripe.CheckoutSessionParams) { p.LineItems[0].Quantity = stripe.Int64(0) },
		"a trial that ends tomorrow": func(p *stripe.CheckoutSessionParams) {
			p.SubscriptionData.TrialEnd = stripe.Int64(a.Now().Add(47 * time.Hour).Unix())
		},
		"a trial of no days": func(p *stripe.CheckoutSessionParams) { p.SubscriptionData.TrialPeriodDays = stripe.Int64(0) },
		"an end that is near": func(p *stripe.CheckoutSessionParams) {
			p.ExpiresAt = stripe.Int64(a.Now().Add(29 * time.Minute).Unix())
		},
		"an end that is far":  func(p *stripe.CheckoutSessionParams) { p.ExpiresAt = stripe.Int64(a.Now().Add(25 * time.Hour).Unix()) },
		"an unknown customer": func(p *stripe.CheckoutSessionParams) { p.Customer = stripe.String("cus_nobody") },
		"tax without a place": func(p *stripe.CheckoutSessionParams) {
			p.AutomaticTax = &stripe.CheckoutSessionAutomaticTaxParams{Enabled: stripe.Bool(true)}
		},
		"tax ids without names": func(p *stripe.CheckoutSessionParams) {
			p.TaxIDCollection = &stripe.CheckoutSessionTaxIDCollectionParams{Enabled: stripe.Bool(true)}
		},
	} {
		params := &stripe.CheckoutSessionParams{
			Mode: stripe.String("subscription"), Customer: stripe.String(a.customer), SuccessURL: stripe.String("https://example.com/"),
			LineItems:        []*stripe.CheckoutSessionLineItemParams{{Price: stripe.String(a.price), Quantity: stripe.Int64(2)}},
			SubscriptionData: &stripe.CheckoutSessionSubscriptionDataParams{},
		}
		spoil(params)
		if _, err := a.api.CheckoutSessions.New(params); statusOf(err) != 400 {
			t.Errorf("%s: %v", name, err)
		}
	}
	succeed(t, a.ArchivePrice(a.price, true))
	_, err := a.api.CheckoutSessions.New(&stripe.CheckoutSessionParams{
		Mode: stripe.String("subscription"), SuccessURL: stripe.String("https://example.com/"),
		LineItems: []*stripe.CheckoutSessionLineItemParams{{Price: stripe.String(a.price), Quantity: stripe.Int64(2)}},
	})
	if statusOf(err) != 400 {
		t.Errorf("an archived price: %v", err)
	}
}

// TestUnknownRequestsAreLoud: what the fake can't answer fails the test that asks.
func TestUnknownRequestsAreLoud(t *testing.T) {
	t.Parallel()
	var loud []string
	s := stripetest.Start(t, stripetest.Options{OnViolation: func(what string) { loud = append(loud, what) }})
	api := newClient(s.URL(), "sk_test_1")
	if _, err := api.Coupons.Get("c", nil); statusOf(err) != http.StatusNotImplemented {
		t.Errorf("an unknown route: %v", err)
	}
	if _, err := api.Customers.New(&stripe.CustomerParams{Coupon: stripe.String("c")}); statusOf(err) != http.StatusNotImplemented {
		t.Errorf("an unknown parameter: %v", err)
	}
	if got := strings.Join(loud, "\n"); len(loud) != 2 || !strings.Contains(got, "GET /v1/coupons/c") || !strings.Contains(got, `"coupon"`) {
		t.Errorf("loud: %s", got)
	}
	if n := len(s.Customers()); n != 0 {
		t.Errorf("%d customers were made", n)
	}
}
