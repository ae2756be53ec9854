package billing

// quantity_fault_test.go changes quantities while Stripe is away, answers wrong or not at all.

import (
	"maps"
	"slices"
	"testing"
	"time"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/store"
)

func TestADayWithoutStripeIsBilledToTheCent(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org, sub := o.subscriber(t, 1, 10)
	o.stripe.Advance(5 * 24 * time.Hour)
	o.stripe.Outage(o.now(), o.now().Add(60*time.Hour))
	for _, n := range []int{14, 9, 12} {
		o.count(t, org, n)
		o.bring(t)
		o.stripe.Advance(24 * time.Hour)
		o.bring(t)
	}
	for range 6 {
		o.stripe.Advance(2 * time.Hour)
		o.bring(t)
	}
	if o.quantity(t, sub) != 12 || o.desired(t, org).State != store.QuantityClean {
		t.Fatalf("Stripe bills %d, %+v", o.quantity(t, sub), o.desired(t, org))
	}
	o.stripe.Advance(40 * 24 * time.Hour)
	settled := o.settlesExactly(t, org, sub)
	first := slices.MinFunc(slices.Collect(maps.Keys(settled)), func(a, b period) int { return a.Start.Compare(b.Start) })
	// The ledger itself says what was counted: 5 days of 10, one each of 14 and 9, 12 for the rest of 31.
	want := float64(o.unit) * (5*10 + 14 + 9 + 24*12) / 31
	if got, _ := settled[first].Expected.Float64(); got < want-1 || got > want+1 {
		t.Errorf("the ledger says %.2f for the first period, want %.2f", got, want)
	}
}

// TestAChangeThatMissedItsPeriodIsBilledFromTheNext: Stripe prorates within the open
// period alone, so the slice before it is nobody's, and the ledger says so.
func TestAChangeThatMissedItsPeriodIsBilledFromTheNext(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org, sub := o.subscriber(t, 1, 10)
	end := *o.account(t, org).PeriodEnd
	for _, lost := range []stripetest.FaultKind{stripetest.NoFault, stripetest.ResetAfter} {
		o.stripe.AdvanceTo(end.Add(-10 * time.Hour))
		o.count(t, org, o.quantity(t, sub)+5)
		if lost != stripetest.NoFault { // it got there in time, and nobody heard
			o.stripe.Fail(stripetest.Fault{Method: "POST", Path: "/v1/subscriptions/*", Kind: lost, Times: 3})
			o.bring(t)
		}
		o.stripe.Outage(o.now(), o.now().Add(15*time.Hour))
		o.bring(t)
		o.stripe.Advance(16 * time.Hour)
		o.bring(t)
		if d := o.desired(t, org); d.State != store.QuantityClean || o.quantity(t, sub) != d.Quantity {
			t.Errorf("Stripe bills %d, %+v", o.quantity(t, sub), d)
		}
		o.refresh(t, org)
		end = *o.account(t, org).PeriodEnd
	}
	o.stripe.Advance(70 * 24 * time.Hour)
	if settled := o.settlesExactly(t, org, sub); len(settled) < 4 {
		t.Errorf("%d periods", len(settled))
	}
	clamped := 0
	for _, r := range o.reasons(t, org) {
		if r.Reason == store.BillableClamp {
			clamped++
		}
	}
	if clamped != 2 {
		t.Errorf("%d rows of the one clamp", clamped)
	}
}

// TestAnAnswerThatIsLostOrWrong: whatever happens to the one POST, it is done once,
// and a key whose answer is kept is never sent again.
func TestAnAnswerThatIsLostOrWrong(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind  stripetest.FaultKind
		times int
		keys  int // different keys that were sent
	}{
		"refused for now":                  {stripetest.RateLimited, 1, 1},
		"failed, and nothing was done":     {stripetest.Error500Before, 1, 2},
		"failed, and it was done":          {stripetest.Error500After, 1, 1},
		"cut off before":                   {stripetest.ResetBefore, 1, 1},
		"cut off after":                    {stripetest.ResetAfter, 1, 1},
		"cut off before, each of the time": {stripetest.ResetBefore, 9, 1},
		"cut off after, each of the time":  {stripetest.ResetAfter, 9, 1},
		"a proxy's page":                   {stripetest.BadGateway, 4, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			org, sub := o.subscriber(t, 1, 10)
			o.stripe.Advance(24 * time.Hour)
			o.asked()
			o.stripe.Fail(stripetest.Fault{Method: "POST", Path: "/v1/subscriptions/*", Kind: test.kind, Times: test.times})
			o.count(t, org, 12)
			var keys []string
			for range 12 {
				o.bring(t)
				o.stripe.Advance(10 * time.Minute)
			}
			for _, c := range o.stripe.Calls() {
				if c.Method == "POST" && !slices.Contains(keys, c.IdempotencyKey) {
					keys = append(keys, c.IdempotencyKey)
				}
			}
			if len(keys) != test.keys {
				t.Errorf("keys %v, want %d", keys, test.keys)
			}
			x, _ := o.stripe.Subscription(sub)
			if x.Quantity() != 12 || len(x.Pending) != 2 || o.desired(t, org).State != store.QuantityClean {
				t.Errorf("Stripe bills %d with %d lines, %+v", x.Quantity(), len(x.Pending), o.desired(t, org))
			}
		})
	}
}

func TestACrashBetweenPostAndNoteDoesNothingTwice(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org, sub := o.subscriber(t, 1, 10)
	o.stripe.Advance(24 * time.Hour)
	o.count(t, org, 12)
	x, _ := o.stripe.Subscription(sub)
	d := o.desired(t, org)
	p := planOf(planFacts{Subscription: stripeSubscription{ID: sub, Status: "active", CreatedAt: x.Created, PeriodStart: x.PeriodStart}, Quantity: 10, Desired: d, Ledger: o.ledger(t, org), Now: o.now()})
	if _, err := o.Billing.stripe.updateQuantity(t.Context(), sub, x.Items[0].ID, 12, p.Date, p.Key); err != nil {
		t.Fatal(err)
	}
	o.asked() // and here the process ends
	o.bring(t)
	if got := o.asked(); got["POST"] != 0 || o.desired(t, org).State != store.QuantityClean {
		t.Errorf("after the crash: %v, %+v", got, o.desired(t, org))
	}
}
