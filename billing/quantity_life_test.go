package billing

// quantity_life_test.go follows a quantity through a subscription's life: its trial, a debt, its
// end, and the subscription after it.

import (
	"slices"
	"testing"
	"time"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/store"

	"github.com/stripe/stripe-go/v76"
)

// TestATrialAtStripeCostsNothingAndTheFirstBillIsRight: the quantity follows without
// prorations, and what did not get there in time is billed from the end of the trial.
func TestATrialAtStripeCostsNothingAndTheFirstBillIsRight(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org := o.org(t, 1, 10)
	ends := o.now().Add(9 * 24 * time.Hour)
	sub := o.subscribeWithTrial(t, org, 9)
	for _, n := range []int{13, 11, 13} { // there and back again: each is set, with a key of its own
		o.stripe.Advance(48 * time.Hour)
		o.count(t, org, n)
		o.bring(t)
		o.bills(t, sub, n)
	}
	must(t, o.stripe.ChangeQuantityByHand(sub, 50)) // without a date the key would be one that was used
	o.refresh(t, org)
	o.stripe.Advance(time.Hour)
	o.bring(t)
	o.bills(t, sub, 13)
	o.stripe.AdvanceTo(ends.Add(-time.Hour))
	o.stripe.Outage(o.now(), o.now().Add(5*time.Hour))
	o.count(t, org, 20)
	o.bring(t)
	o.stripe.AdvanceTo(ends.Add(6 * time.Hour))
	o.refresh(t, org)
	o.bring(t)
	o.bills(t, sub, 20)
	o.stripe.AdvanceTo(ends.Add(32 * 24 * time.Hour))
	checked := 0
	for p, s := range o.settlements(t, org, sub) {
		if p.End.Equal(ends) {
			if s.Billed != 0 {
				t.Errorf("the trial cost %d", s.Billed)
			}
			continue
		}
		checked++
		if want := 20 * o.unit; !s.exact() || s.Billed < want-2 || s.Billed > want+2 {
			t.Errorf("%s: billed %d, the ledger says %s, want %d", p.Start, s.Billed, s.Expected.FloatString(2), want)
		}
	}
	if checked != 1 {
		t.Errorf("%d periods", checked)
	}
	o.sweep(t, true)
	if open := o.found(t, invExact); len(open) != 0 {
		t.Errorf("%+v", open)
	}
}

// subscribeWithTrial counts the org and subscribes it to what was counted, with a trial
// of so many days at Stripe.
func (o *office) subscribeWithTrial(t *testing.T, org *store.Org, days int64) (subscription string) {
	t.Helper()
	r, err := o.Count(t.Context(), org, store.CountConnect, system())
	must(t, err)
	x, err := o.Billing.stripe.subscriptions.New(&stripe.SubscriptionParams{
		Params:   stripe.Params{Context: t.Context(), IdempotencyKey: stripe.String("sub")},
		Customer: stripe.String(o.customer(t, org)), TrialPeriodDays: stripe.Int64(days),
		Items: []*stripe.SubscriptionItemsParams{{Price: stripe.String(o.price), Quantity: stripe.Int64(int64(r.Count.Active))}},
	})
	must(t, err)
	o.refresh(t, org)
	o.bring(t)
	return x.ID
}

// TestADecreaseWaitsForThePayment: an org that owes money can't settle the debt by a
// credit over time that it never paid.
func TestADecreaseWaitsForThePayment(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org, sub := o.subscriber(t, 1, 10)
	o.setCard(t, org, stripetest.CardDeclined)
	o.stripe.Advance(31*24*time.Hour + 3*time.Hour)
	o.refresh(t, org)
	if a := o.account(t, org); a.OverdueSince == nil {
		t.Fatalf("not overdue: %+v", a)
	}
	o.count(t, org, 8)
	o.stripe.Advance(24 * time.Hour)
	o.count(t, org, 7)
	o.bring(t)
	if d := o.desired(t, org); d.HoldReason != holdUnpaid || d.HeldQuantity != 7 || d.Quantity != 10 || o.quantity(t, sub) != 10 {
		t.Fatalf("while it is overdue Stripe bills %d, %+v", o.quantity(t, sub), d)
	}
	for _, i := range o.stripe.Invoices(o.account(t, org).CustomerID) {
		if i.Status == "open" {
			must(t, o.stripe.PayInvoice(i.ID))
		}
	}
	o.refresh(t, org)
	for range 3 {
		o.bring(t)
		o.stripe.Advance(time.Hour)
	}
	if d := o.desired(t, org); d.Held() || d.State != store.QuantityClean || o.quantity(t, sub) != 7 {
		t.Fatalf("after the payment Stripe bills %d, %+v", o.quantity(t, sub), d)
	}
	o.stripe.Advance(35 * 24 * time.Hour)
	if settled := o.settlesExactly(t, org, sub); len(settled) != 2 {
		t.Errorf("%d periods", len(settled))
	}
	if n := o.mails(t)[store.MailCountHeld]; n != 1 {
		t.Errorf("%d mails about the hold", n)
	}
}

// TestADecreaseThatIsOnItsWayWaitsToo: it was counted before the payment failed, and
// did not get to Stripe.
func TestADecreaseThatIsOnItsWayWaitsToo(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org, sub := o.subscriber(t, 1, 10)
	o.setCard(t, org, stripetest.CardDeclined)
	o.stripe.Advance(31 * 24 * time.Hour)
	o.count(t, org, 5)
	o.stripe.Advance(3 * time.Hour)
	o.bring(t)
	if d := o.desired(t, org); d.HoldReason != holdUnpaid || d.HeldQuantity != 5 || d.Quantity != 10 || o.quantity(t, sub) != 10 {
		t.Errorf("Stripe bills %d, %+v", o.quantity(t, sub), d)
	}
	if steps := o.steps(t, org); steps[len(steps)-1].Quantity != 10 {
		t.Errorf("the ledger says %+v", steps)
	}
}

func TestAQuantityFollowsUntilTheEnd(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org, sub := o.subscriber(t, 1, 10)
	must(t, o.stripe.CancelByHand(sub, true))
	o.refresh(t, org)
	o.stripe.Advance(10 * 24 * time.Hour)
	o.count(t, org, 12)
	o.bring(t)
	o.bills(t, sub, 12)
	o.stripe.Advance(25 * 24 * time.Hour)
	o.refresh(t, org)
	o.asked()
	o.count(t, org, 14)
	o.bring(t)
	if got := o.asked(); len(got) != 0 {
		t.Errorf("after its end Stripe was asked %v", got)
	}
	end := slices.IndexFunc(o.ledger(t, org), func(c store.BillableChange) bool { return c.Reason == store.BillableEnd })
	if end < 0 || o.ledger(t, org)[end].Quantity != 0 {
		t.Errorf("the ledger does not end: %+v", o.ledger(t, org))
	}
	o.settlesExactly(t, org, sub)
}

// TestASecondSubscriptionBeginsItsOwnLedger: after an end, whatever was counted
// meanwhile costs nothing.
func TestASecondSubscriptionBeginsItsOwnLedger(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org, first := o.subscriber(t, 1, 10)
	o.stripe.Advance(5 * 24 * time.Hour)
	must(t, o.stripe.CancelByHand(first, false))
	o.refresh(t, org)
	o.stripe.Advance(20 * 24 * time.Hour)
	o.count(t, org, 40)
	o.stripe.Advance(10 * 24 * time.Hour)
	second, err := o.stripe.SubscribeByHand(o.account(t, org).CustomerID, o.price, 40)
	if err != nil {
		t.Fatal(err)
	}
	o.refresh(t, org)
	o.bring(t)
	o.stripe.Advance(3 * 24 * time.Hour)
	o.count(t, org, 41)
	o.bring(t)
	o.bills(t, second, 41)
	o.stripe.Advance(40 * 24 * time.Hour)
	o.settlesExactly(t, org, second)
}
