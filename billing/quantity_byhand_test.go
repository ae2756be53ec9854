package billing

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/billing/stripetest"
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

// TestASetBackGivesNothingAway: a change at Stripe may be prorated with the next
// invoice, billed at once, or not charged at all, and a renewal may charge it before
// anybody hears of it. Whatever it was, the org pays what the ledger says.
func TestASetBackGivesNothingAway(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		behavior string
		first    func(*testing.T, *office, *store.Org)
		quantity int64
		late     time.Duration // until the event arrives
	}{
		"prorated":                         {"create_prorations", nil, 99, 0},
		"less, prorated":                   {"create_prorations", nil, 2, 0},
		"none at all, prorated":            {"create_prorations", nil, 0, 0},
		"billed at once":                   {"always_invoice", nil, 99, 0},
		"without prorations":               {"none", nil, 99, 0},
		"less, without prorations":         {"none", nil, 2, 0},
		"none at all, without prorations":  {"none", nil, 0, 0},
		"without, after a change of ours":  {"none", func(t *testing.T, o *office, org *store.Org) { o.count(t, org, 12); o.bring(t) }, 10, 0},
		"prorated, after one of ours":      {"create_prorations", func(t *testing.T, o *office, org *store.Org) { o.count(t, org, 12); o.bring(t) }, 10, 0},
		"without, and heard of days later": {"none", nil, 99, 5 * 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			org := o.org(t, 1, 10)
			sub := o.subscribe(t, org)
			o.stripe.Advance(4 * 24 * time.Hour)
			if test.first != nil {
				test.first(t, o, org)
			}
			want := o.desired(t, org).Quantity
			o.stripe.Advance(3 * 24 * time.Hour)
			if err := o.stripe.ChangeQuantityWith(sub, test.quantity, test.behavior); err != nil {
				t.Fatal(err)
			}
			o.stripe.Advance(test.late + time.Second)
			o.refresh(t, org)
			o.bring(t)
			if got := o.quantity(t, sub); got != want {
				t.Errorf("Stripe bills %d, not %d", got, want)
			}
			o.stripe.Advance(33 * 24 * time.Hour)
			settled := o.settlements(t, org, sub)
			for p, s := range settled {
				if !s.exact() {
					t.Errorf("%s: billed %d, the ledger says %s", p.Start, s.Billed, s.Expected.FloatString(2))
				}
			}
			if len(settled) == 0 {
				t.Error("no period has closed")
			}
		})
	}
}

// TestARenewalThatChargedAChangeByHand: without prorations nothing was charged for it,
// until the next period began with it, which is then given back from the set back on.
func TestARenewalThatChargedAChangeByHand(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org := o.org(t, 1, 10)
	sub := o.subscribe(t, org)
	o.stripe.Advance(20 * 24 * time.Hour)
	if err := o.stripe.ChangeQuantityWith(sub, 99, "none"); err != nil {
		t.Fatal(err)
	}
	o.stripe.Advance(12 * 24 * time.Hour)
	o.refresh(t, org)
	o.bring(t)
	s, _ := o.stripe.Subscription(sub)
	if len(s.Pending) != 2 || s.Pending[0].Amount+s.Pending[1].Amount >= 0 {
		t.Errorf("what was charged for the rest of the period is not given back: %+v", s.Pending)
	}
}

// TestTheEventAboutAChangeByHandIsEnough: nobody counts, sweeps or opens a page.
func TestTheEventAboutAChangeByHandIsEnough(t *testing.T) {
	t.Parallel()
	k := newTown(t, stripetest.Options{})
	org := k.charged(t, "a", 1, 3)
	sub := k.account(t, org).SubscriptionID
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); k.Run(ctx) }()
	if err := k.stripe.ChangeQuantityByHand(sub, 99); err != nil {
		t.Fatal(err)
	}
	for k.stripe.Deliver() > 0 {
	}
	waitFor(t, func() bool { s, _ := k.stripe.Subscription(sub); return s.Quantity() == 3 })
	cancel()
	<-ended
}
