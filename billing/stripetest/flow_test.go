// The life of a subscription through a real client, under the contract check.
package stripetest_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"

	"hostaway-mcp/billing/stripetest"
)

func (a *account) checkout(t *testing.T, change func(*stripe.CheckoutSessionParams)) *stripe.CheckoutSession {
	t.Helper()
	params := &stripe.CheckoutSessionParams{
		Mode: stripe.String("subscription"), Customer: stripe.String(a.customer), ClientReferenceID: stripe.String("org_1"),
		SuccessURL: stripe.String("https://example.com/billing?session={CHECKOUT_SESSION_ID}"), CancelURL: stripe.String("https://example.com/billing"),
		LineItems:        []*stripe.CheckoutSessionLineItemParams{{Price: stripe.String(a.price), Quantity: stripe.Int64(2)}},
		SubscriptionData: &stripe.CheckoutSessionSubscriptionDataParams{Metadata: map[string]string{"org_id": "org_1"}},
	}
	if change != nil {
		change(params)
	}
	return must(a.api.CheckoutSessions.New(params))(t)
}

func TestCheckoutMakesASubscription(t *testing.T) {
	t.Parallel()
	a := newAccount(t, stripetest.Options{})
	open := a.checkout(t, nil)
	succeed(t, a.FailCheckout(open.ID))
	if got := a.Subscriptions(a.customer); len(got) != 0 {
		t.Fatalf("a declined card made %v", got)
	}
	id := must(a.CompleteCheckout(open.ID))(t)
	done := must(a.api.CheckoutSessions.Get(open.ID, nil))(t)
	if done.Status != "complete" || done.Subscription.ID != id || done.PaymentStatus != "paid" || done.URL != "" {
		t.Errorf("the session is %s with %v, %s", done.Status, done.Subscription, done.PaymentStatus)
	}
	if _, err := a.CompleteCheckout(open.ID); err == nil {
		t.Error("a session completed twice")
	}
	x := must(a.api.Subscriptions.Get(id, nil))(t)
	if x.Status != "active" || x.Items.Data[0].Quantity != 2 || x.Metadata["org_id"] != "org_1" || x.CurrentPeriodEnd != date("2026-02-10").Unix() {
		t.Errorf("the subscription is %s × %d until %s, %v", x.Status, x.Items.Data[0].Quantity, time.Unix(x.CurrentPeriodEnd, 0).UTC(), x.Metadata)
	}
	later := a.checkout(t, nil)
	a.Advance(25 * time.Hour)
	if got := must(a.api.CheckoutSessions.Get(later.ID, nil))(t); got.Status != "expired" {
		t.Errorf("after a day an unused session is %s", got.Status)
	}
}

func date(s string) time.Time {
	at, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return at
}

func TestQuantityIsProratedOntoTheNextInvoice(t *testing.T) {
	t.Parallel()
	a := newAccount(t, stripetest.Options{})
	x := a.subscribe(t, 2, 0)
	a.AdvanceTo(date("2026-01-20"))
	preview := must(a.api.Invoices.Upcoming(&stripe.InvoiceUpcomingParams{
		Customer: stripe.String(a.customer), Subscription: stripe.String(x.ID),
		SubscriptionItems: []*stripe.SubscriptionItemsParams{{ID: stripe.String(x.Items.Data[0].ID), Quantity: stripe.Int64(3)}},
	}))(t)
	must(a.setQuantity(x, 3, time.Time{}))(t)
	upcoming := must(a.api.Invoices.Upcoming(&stripe.InvoiceUpcomingParams{Customer: stripe.String(a.customer)}))(t)
	var amounts []int64
	for _, l := range upcoming.Lines.Data {
		amounts = append(amounts, l.Amount)
	}
	if diff := cmp.Diff([]int64{-1355, 2032, 3000}, amounts); diff != "" || preview.Total != upcoming.Total {
		t.Errorf("lines (preview %d, then %d): %s", preview.Total, upcoming.Total, diff)
	}
	a.AdvanceTo(date("2026-02-10").Add(2 * time.Hour))
	renewal := a.Invoices(a.customer)[0]
	if renewal.Status != "paid" || renewal.Total != 3677 || renewal.Reason != "subscription_cycle" {
		t.Errorf("the renewal is %s over %d, %s", renewal.Status, renewal.Total, renewal.Reason)
	}
	if _, err := a.setQuantity(x, 4, date("2026-02-09")); err == nil {
		t.Error("a proration date in the last period was taken")
	}
}
