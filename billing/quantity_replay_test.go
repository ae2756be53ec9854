package billing

import (
	"fmt"
	"testing"
	"time"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/store"
)

// TestAReleasedHoldIsBilledStepByStep: while an invoice is overdue the listings go down, further down, and up to the first
// number again; the payment lets all of it through at once. Whatever becomes of any answer, each step is billed.
func TestAReleasedHoldIsBilledStepByStep(t *testing.T) {
	t.Parallel()
	for _, kind := range []stripetest.FaultKind{
		stripetest.NoFault, stripetest.Error500Before, stripetest.Error500After, stripetest.ResetBefore, stripetest.ResetAfter, stripetest.RateLimited,
	} {
		for skip := range 3 {
			t.Run(fmt.Sprintf("fault %d at step %d", kind, skip+1), func(t *testing.T) {
				t.Parallel()
				o := newOffice(t)
				org, subscription := o.subscriber(t, 1, 20)
				seen, _ := o.stripe.Subscription(subscription)
				set := func(card stripetest.Card) {
					must(t, o.stripe.SetCard(seen.Customer, card))
				}
				set(stripetest.CardDeclined)
				o.stripe.AdvanceTo(seen.PeriodEnd.Add(2 * time.Hour))
				o.refresh(t, org)
				for _, listings := range []int{19, 17, 19} {
					o.stripe.Advance(24 * time.Hour)
					o.count(t, org, listings)
				}
				if d := o.desired(t, org); d.HoldReason != holdUnpaid || d.Quantity != 20 {
					t.Fatalf("while it is overdue %d are desired (%s)", d.Quantity, d.HoldReason)
				}
				o.stripe.Fail(stripetest.Fault{Method: "POST", Path: "/v1/subscriptions/*", Skip: skip, Kind: kind})
				set(stripetest.CardGood)
				must(t, o.stripe.RetryInvoice(o.stripe.Invoices(seen.Customer)[0].ID))
				o.refresh(t, org)
				for range 24 {
					o.bring(t)
					o.stripe.Advance(time.Hour)
				}
				if q, d := o.quantity(t, subscription), o.desired(t, org); q != 19 || d.State != store.QuantityClean {
					t.Errorf("in the end Stripe has %d, %d are desired (%s, %s)", q, d.Quantity, d.State, d.LastError)
				}
				o.stripe.AdvanceTo(seen.PeriodEnd.AddDate(0, 1, 0).Add(2 * time.Hour))
				o.count(t, org, 19)
				closed := 0
				for p, s := range o.settlements(t, org, subscription) {
					closed++
					if !s.exact() {
						t.Errorf("%s to %s: billed %d, the ledger says %s", p.Start, p.End, s.Billed, s.Expected.FloatString(3))
					}
				}
				if closed != 2 {
					t.Errorf("%d periods were closed", closed)
				}
			})
		}
	}
}
