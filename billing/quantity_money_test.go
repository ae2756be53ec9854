package billing

import (
	"math/rand/v2"
	"testing"
	"time"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/store"
)

// TestEveryPeriodIsBilledByTheLedger counts a few orgs for 65 days while Stripe and
// Hostaway fail in every way, and then compares each closed period with the exact
// integral of the ledger.
func TestEveryPeriodIsBilledByTheLedger(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	faults := rand.New(rand.NewPCG(seed, 1))
	o := newOffice(t)
	type counted struct {
		org          *store.Org
		subscription string
		listings     int
	}
	var orgs []*counted
	for i := range 3 {
		c := &counted{listings: 1 + r.IntN(60)}
		c.org = o.org(t, int64(100+i), c.listings)
		c.subscription = o.subscribe(t, c.org)
		orgs = append(orgs, c)
		o.stripe.Advance(time.Duration(r.IntN(40)) * time.Hour)
	}
	o.stripe.FailBy(func(c stripetest.Call) stripetest.FaultKind {
		kinds := []stripetest.FaultKind{
			stripetest.RateLimited, stripetest.Error500Before, stripetest.ResetBefore, stripetest.Unavailable, stripetest.BadGateway,
			stripetest.Error500After, stripetest.ResetAfter,
		}
		if n := faults.IntN(60); n < len(kinds) && (n < 5 || c.Method == "POST") {
			return kinds[n]
		}
		return stripetest.NoFault
	})
	const step = 2 * time.Hour
	partial := 0
	for slot := range 65 * 12 {
		o.stripe.Advance(step)
		if r.IntN(150) == 0 {
			o.stripe.Outage(o.now(), o.now().Add(time.Duration(1+r.IntN(60))*time.Hour))
		}
		for i, c := range orgs {
			if slot%12 != i*3 {
				continue
			}
			if r.IntN(3) == 0 {
				c.listings = max(0, c.listings+r.IntN(9)-4)
			}
			o.hostaway.set(c.org, c.listings)
			if r.IntN(20) == 0 {
				o.hostaway.breakOff(c.org)
				partial++
			}
			_, _ = o.Count(t.Context(), c.org, store.CountDaily, system()) // a walk that breaks off is part of it
		}
		o.bring(t)
		if slot%12 == 5 {
			for _, c := range orgs {
				_ = o.Refresh(t.Context(), c.org) // nor does each reading work
			}
		}
	}
	periods, posts := 0, 0
	for _, c := range o.stripe.Calls() {
		if c.Method == "POST" && c.Path != "/v1/customers" {
			posts++
		}
	}
	o.stripe.Heal()
	for range 10 {
		o.stripe.Advance(2 * time.Hour)
		o.bring(t)
	}
	for _, c := range orgs {
		if q, d := o.quantity(t, c.subscription), o.desired(t, c.org); q != d.Quantity || d.State != store.QuantityClean {
			t.Errorf("seed %d: Stripe bills %d and %d are desired (%s, %s)", seed, q, d.Quantity, d.State, d.LastError)
		}
		if row, err := inForce(t.Context(), c.org, o.now()); err != nil || row.Quantity != o.desired(t, c.org).Quantity {
			t.Errorf("seed %d: the ledger ends with %d and %d are desired, %v", seed, row.Quantity, o.desired(t, c.org).Quantity, err)
		}
		for p, s := range o.settlements(t, c.org, c.subscription) {
			periods++
			if !s.exact() {
				t.Errorf("seed %d: %s to %s: billed %d over %d lines, the ledger says %s", seed, p.Start, p.End, s.Billed, s.Lines, s.Expected.FloatString(3))
			}
		}
	}
	if periods < 2*len(orgs) {
		t.Errorf("only %d periods were closed", periods)
	}
	t.Logf("%d periods exact, %d posts, %d walks broken off", periods, posts, partial)
}
