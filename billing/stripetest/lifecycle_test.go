// One life of a subscription, told twice: by the fake always, and by Stripe's test mode when STRIPE_TEST_KEY is set. Both
// move time by a test clock and must show the same statuses and amounts.
package stripetest_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/client"

	"hostaway-mcp/billing/stripetest"
)

func TestLifecycle(t *testing.T) {
	t.Parallel()
	s := stripetest.Start(t, stripetest.Options{Check: readContract(t).check()})
	lifecycle(t, newClient(s.URL(), "sk_test_1"), s.Now())
}

// TestLifecycleAtStripe needs a secret key of test mode. It makes a test clock of its own, and deletes it with all that
// belongs to it.
func TestLifecycleAtStripe(t *testing.T) {
	key := os.Getenv("STRIPE_TEST_KEY")
	if key == "" {
		t.Skip("STRIPE_TEST_KEY is not set: the fake was not compared with Stripe")
	}
	if !strings.HasPrefix(key, "sk_test_") && !strings.HasPrefix(key, "rk_test_") {
		t.Fatal("STRIPE_TEST_KEY is no key of test mode")
	}
	lifecycle(t, newClient("", key), time.Now().UTC().Truncate(time.Second))
}

// life is one run through a subscription's life.
type life struct {
	api   *client.API
	clock string
	now   time.Time
	sub   *stripe.Subscription
	price string
}

// step is what can be seen after each chapter.
type step struct {
	Name, Status    string
	Quantity        int64
	Invoice, Reason string // of the newest invoice
	Total, Due      int64
	Pending         []int64 // prorations on the upcoming invoice
}

// lifecycle runs through all chapters. The amounts follow from ten days into a month of 31 or fewer: they are computed from
// the period that Stripe gives, so the test holds whatever day it runs on.
func lifecycle(t *testing.T, api *client.API, now time.Time) {
	t.Helper()
	l := &life{api: api, now: now}
	l.begin(t)
	start, end := l.sub.CurrentPeriodStart, l.sub.CurrentPeriodEnd
	const unit = 1000
	prorate := func(quantity, at int64) int64 { return stripetest.Prorate(unit, quantity, start, end, at) }
	got := []step{l.look(t, "subscribed")}

	l.advance(t, now.Add(10*24*time.Hour))
	changed := l.now.Unix()
	l.setQuantity(t, 3, changed)
	got = append(got, l.look(t, "one more listing"))

	l.advance(t, time.Unix(end, 0).Add(2*time.Hour))
	got = append(got, l.look(t, "renewed"))

	l.useCard(t, "pm_card_chargeCustomerFail")
	l.advance(t, time.Unix(l.sub.CurrentPeriodEnd, 0).Add(2*time.Hour))
	got = append(got, l.look(t, "declined"))

	l.useCard(t, "pm_card_visa")
	must(api.Invoices.Pay(l.sub.LatestInvoice.ID, &stripe.InvoicePayParams{}))(t)
	got = append(got, l.look(t, "paid"))

	must(api.Subscriptions.Update(l.sub.ID, &stripe.SubscriptionParams{CancelAtPeriodEnd: stripe.Bool(true)}))(t)
	l.look(t, "")
	l.advance(t, time.Unix(l.sub.CurrentPeriodEnd, 0).Add(2*time.Hour))
	got = append(got, l.look(t, "ended"))

	credit, debit := prorate(-2, changed), prorate(3, changed)
	renewal := credit + debit + 3*unit
	want := []step{
		{"subscribed", "active", 2, "paid", "subscription_create", 2 * unit, 2 * unit, nil},
		{"one more listing", "active", 3, "paid", "subscription_create", 2 * unit, 2 * unit, []int64{credit, debit}},
		{"renewed", "active", 3, "paid", "subscription_cycle", renewal, renewal, nil},
		{"declined", "past_due", 3, "open", "subscription_cycle", 3 * unit, 3 * unit, nil},
		{"paid", "active", 3, "paid", "subscription_cycle", 3 * unit, 3 * unit, nil},
		{"ended", "canceled", 3, "paid", "subscription_cycle", 3 * unit, 3 * unit, nil},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// begin makes a clock, a price, a customer with a good card, and a subscription to two.
func (l *life) begin(t *testing.T) {
	t.Helper()
	clock := must(l.api.TestHelpersTestClocks.New(&stripe.TestHelpersTestClockParams{FrozenTime: stripe.Int64(l.now.Unix())}))(t)
	l.clock = clock.ID
	t.Cleanup(func() { _, _ = l.api.TestHelpersTestClocks.Del(clock.ID, &stripe.TestHelpersTestClockParams{}) }) // else Stripe does after 30 days
	product := must(l.api.Products.New(&stripe.ProductParams{Name: stripe.String("Active listing (lifecycle test)")}))(t)
	price := must(l.api.Prices.New(&stripe.PriceParams{
		Currency: stripe.String("usd"), UnitAmount: stripe.Int64(1000), Product: stripe.String(product.ID),
		Recurring: &stripe.PriceRecurringParams{Interval: stripe.String("month")},
	}))(t)
	l.price = price.ID
	customer := must(l.api.Customers.New(&stripe.CustomerParams{Email: stripe.String("lifecycle@example.com"), TestClock: stripe.String(clock.ID)}))(t)
	l.sub = &stripe.Subscription{Customer: customer}
	l.useCard(t, "pm_card_visa")
	l.sub = must(l.api.Subscriptions.New(&stripe.SubscriptionParams{
		Customer: stripe.String(customer.ID), Items: []*stripe.SubscriptionItemsParams{{Price: stripe.String(price.ID), Quantity: stripe.Int64(2)}},
	}))(t)
}

func (l *life) useCard(t *testing.T, card string) {
	t.Helper()
	id := l.sub.Customer.ID
	attached := must(l.api.PaymentMethods.Attach(card, &stripe.PaymentMethodAttachParams{Customer: stripe.String(id)}))(t)
	must(l.api.Customers.Update(id, &stripe.CustomerParams{InvoiceSettings: &stripe.CustomerInvoiceSettingsParams{DefaultPaymentMethod: stripe.String(attached.ID)}}))(t)
}

func (l *life) setQuantity(t *testing.T, quantity, at int64) {
	t.Helper()
	must(l.api.Subscriptions.Update(l.sub.ID, &stripe.SubscriptionParams{
		Items:             []*stripe.SubscriptionItemsParams{{ID: stripe.String(l.sub.Items.Data[0].ID), Quantity: stripe.Int64(quantity)}},
		ProrationBehavior: stripe.String("create_prorations"), ProrationDate: stripe.Int64(at),
	}))(t)
}

// advance moves the test clock and waits until Stripe has done what fell due.
func (l *life) advance(t *testing.T, to time.Time) {
	t.Helper()
	must(l.api.TestHelpersTestClocks.Advance(l.clock, &stripe.TestHelpersTestClockAdvanceParams{FrozenTime: stripe.Int64(to.Unix())}))(t)
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(2 * time.Second) {
		clock := must(l.api.TestHelpersTestClocks.Get(l.clock, nil))(t)
		if clock.Status == stripe.TestHelpersTestClockStatusReady {
			l.now = to
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the test clock is %s after five minutes", clock.Status)
		}
	}
}

func (l *life) look(t *testing.T, name string) step {
	t.Helper()
	p := &stripe.SubscriptionParams{}
	p.AddExpand("latest_invoice")
	l.sub = must(l.api.Subscriptions.Get(l.sub.ID, p))(t)
	invoice := l.sub.LatestInvoice
	out := step{
		Name: name, Status: string(l.sub.Status), Quantity: l.sub.Items.Data[0].Quantity, Invoice: string(invoice.Status), Reason: string(invoice.BillingReason),
		Total: invoice.Total, Due: invoice.AmountDue,
	}
	if l.sub.Status == "canceled" || l.sub.CancelAtPeriodEnd {
		return out
	}
	lines := l.api.Invoices.UpcomingLines(&stripe.InvoiceUpcomingLinesParams{Customer: stripe.String(l.sub.Customer.ID), Subscription: stripe.String(l.sub.ID)})
	for lines.Next() {
		if one := lines.InvoiceLineItem(); one.Proration {
			out.Pending = append(out.Pending, one.Amount)
		}
	}
	succeed(t, lines.Err())
	slices.Sort(out.Pending) // their order is nowhere promised
	return out
}
