package billing

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/store"
)

// byHand changes the quantity at Stripe as a person would in its dashboard, and lets
// the event about it arrive.
func (o *office) byHand(t *testing.T, org *store.Org, sub string, quantity int64) {
	t.Helper()
	if err := o.stripe.ChangeQuantityByHand(sub, quantity); err != nil {
		t.Fatal(err)
	}
	o.refresh(t, org)
}

func (o *office) atStripe(t *testing.T, org *store.Org) int {
	t.Helper()
	at := o.desired(t, org).AtStripe
	if at == nil {
		t.Fatal("what Stripe bills is not known")
	}
	return *at
}

// TestAChangeByHandIsSetBackAtOnce: also minutes after a change of ours, and until the
// worker gets to it the number that Stripe has is known.
func TestAChangeByHandIsSetBackAtOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org := o.org(t, 1, 10)
	sub := o.subscribe(t, org)
	o.stripe.Advance(3 * 24 * time.Hour)
	o.count(t, org, 12)
	o.bring(t)
	for _, n := range []int64{99, 3} {
		o.stripe.Advance(5 * time.Minute)
		o.byHand(t, org, sub, n)
		if got := o.atStripe(t, org); got != int(n) {
			t.Errorf("Stripe has %d and %d is known", n, got)
		}
		o.stripe.Advance(2 * time.Second)
		o.bring(t)
		if got := o.quantity(t, sub); got != 12 || o.atStripe(t, org) != 12 {
			t.Errorf("two seconds after somebody set %d Stripe bills %d, and %d is known", n, got, o.atStripe(t, org))
		}
	}
	o.stripe.Advance(35 * 24 * time.Hour)
	for p, s := range o.settlements(t, org, sub) {
		if !s.exact() {
			t.Errorf("%s: billed %d, the ledger says %s", p.Start, s.Billed, s.Expected.FloatString(2))
		}
	}
}

// TestAFightOverANumberEnds: something at Stripe sets it again and again. The breaker
// lets go, the page knows what Stripe has, and the reconciler says so.
func TestAFightOverANumberEnds(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org := o.org(t, 1, 10)
	sub := o.subscribe(t, org)
	o.stripe.Advance(time.Hour)
	o.asked()
	posts := 0
	for range 10 {
		o.stripe.Advance(time.Minute)
		o.byHand(t, org, sub, 99)
		o.bring(t)
		posts += o.asked()["POST"]
	}
	if d := o.desired(t, org); posts != repairLeast || d.State != store.QuantityClean || o.atStripe(t, org) != 99 {
		t.Errorf("%d posts, Stripe bills %d, %+v", posts, o.quantity(t, sub), d)
	}
	o.stripe.Advance(time.Hour)
	o.sweep(t, false)
	if f := o.found(t, invQuantity); len(f) != 2 {
		t.Errorf("findings: %+v", f)
	}
}

// TestWhatWaitsIsNotPushedByAChangeByHand: a count that waits for its hour goes on to,
// and a decrease goes on to wait for a payment.
func TestWhatWaitsIsNotPushedByAChangeByHand(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org := o.org(t, 1, 10)
	sub := o.subscribe(t, org)
	o.stripe.Advance(24 * time.Hour)
	o.count(t, org, 11)
	o.bring(t)
	o.stripe.Advance(time.Minute)
	o.count(t, org, 12)
	waits := o.desired(t, org)
	o.byHand(t, org, sub, 15)
	o.bring(t)
	got := o.desired(t, org)
	if o.quantity(t, sub) != 15 || o.atStripe(t, org) != 15 {
		t.Errorf("Stripe bills %d, %d is known", o.quantity(t, sub), o.atStripe(t, org))
	}
	got.AtStripe, waits.AtStripe, got.Version = nil, nil, waits.Version
	if diff := cmp.Diff(waits, got); diff != "" {
		t.Errorf("what waits (-before +after):\n%s", diff)
	}
}

// TestTheDateOfASetBackIsItsOwn: whenever the ledger was written to, what somebody
// changed at Stripe is taken back from now on. An earlier date would give a credit
// for a number that was never charged.
func TestTheDateOfASetBackIsItsOwn(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(*testing.T, *office, *store.Org){
		"after the beginning": func(*testing.T, *office, *store.Org) {},
		"after a set back": func(t *testing.T, o *office, org *store.Org) {
			o.byHand(t, org, o.account(t, org).SubscriptionID, 99)
			o.bring(t)
		},
		"while a count is held": func(t *testing.T, o *office, org *store.Org) { o.count(t, org, 50) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.now = func() time.Time { return o.stripe.Now().Add(-5 * time.Millisecond) } // what the store writes is written a moment later
			org := o.org(t, 1, 10)
			sub := o.subscribe(t, org)
			o.stripe.Advance(24 * time.Hour)
			before(t, o, org)
			o.stripe.Advance(3 * 24 * time.Hour)
			o.byHand(t, org, sub, 99)
			o.stripe.Advance(2 * time.Second)
			o.bring(t)
			s, _ := o.stripe.Subscription(sub)
			if len(s.Pending) == 0 || o.quantity(t, sub) != 10 {
				t.Fatalf("Stripe bills %d, lines %+v", o.quantity(t, sub), s.Pending)
			}
			for _, l := range s.Pending[len(s.Pending)-2:] {
				if ago := o.stripe.Now().Sub(l.Start); ago < 0 || ago > time.Second {
					t.Errorf("the line %q begins %s before it is set back", l.Description, ago)
				}
			}
			o.stripe.Advance(28 * 24 * time.Hour)
			for p, s := range o.settlements(t, org, sub) {
				if !s.exact() {
					t.Errorf("%s: billed %d, the ledger says %s", p.Start, s.Billed, s.Expected.FloatString(2))
				}
			}
		})
	}
}
