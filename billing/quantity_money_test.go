package billing

import (
	"math/rand/v2"
	"testing"
	"time"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/store"
)

// moneyMonths is a run of a few orgs over 65 days, in which Stripe and Hostaway fail in every way.
type moneyMonths struct {
	*office
	seed    uint64
	dice    *rand.Rand
	orgs    []*moneyCount
	partial int // walks that broke off
}

// moneyCount is an org of the run.
type moneyCount struct {
	org          *store.Org
	subscription string
	listings     int
}

// TestEveryPeriodIsBilledByTheLedger counts the orgs of a run, and then compares each closed
// period with the exact integral of the ledger.
func TestEveryPeriodIsBilledByTheLedger(t *testing.T) {
	t.Parallel()
	m := &moneyMonths{office: newOffice(t), seed: uint64(time.Now().UnixNano())}
	t.Logf("seed %d", m.seed)
	m.dice = rand.New(rand.NewPCG(m.seed, 0))
	for i := range 3 {
		c := &moneyCount{listings: 1 + m.dice.IntN(60)}
		c.org, c.subscription = m.subscriber(t, int64(100+i), c.listings)
		m.orgs = append(m.orgs, c)
		m.stripe.Advance(time.Duration(m.dice.IntN(40)) * time.Hour)
	}
	m.failNowAndThen()
	for slot := range 65 * 12 {
		m.twoHours(t, slot)
	}
	posts := 0
	for _, c := range m.stripe.Calls() {
		if c.Method == "POST" && c.Path != "/v1/customers" {
			posts++
		}
	}
	m.stripe.Heal()
	for range 10 {
		m.stripe.Advance(2 * time.Hour)
		m.bring(t)
	}
	periods := 0
	for _, c := range m.orgs {
		periods += m.check(t, c)
	}
	if periods < 2*len(m.orgs) {
		t.Errorf("only %d periods were closed", periods)
	}
	t.Logf("%d periods exact, %d posts, %d walks broken off", periods, posts, m.partial)
}

// failNowAndThen has one call in twelve fail, and some of the changes after they were made.
func (m *moneyMonths) failNowAndThen() {
	faults := rand.New(rand.NewPCG(m.seed, 1))
	kinds := []stripetest.FaultKind{
		stripetest.RateLimited, stripetest.Error500Before, stripetest.ResetBefore, stripetest.Unavailable, stripetest.BadGateway,
		stripetest.Error500After, stripetest.ResetAfter,
	}
	m.stripe.FailBy(func(c stripetest.Call) stripetest.FaultKind {
		if n := faults.IntN(60); n < len(kinds) && (n < 5 || c.Method == "POST") {
			return kinds[n]
		}
		return stripetest.NoFault
	})
}

// twoHours pass, of which there are twelve in a day: each org is counted in one of them.
func (m *moneyMonths) twoHours(t *testing.T, slot int) {
	t.Helper()
	m.stripe.Advance(2 * time.Hour)
	if m.dice.IntN(150) == 0 {
		m.stripe.Outage(m.now(), m.now().Add(time.Duration(1+m.dice.IntN(60))*time.Hour))
	}
	for i, c := range m.orgs {
		if slot%12 != i*3 {
			continue
		}
		if m.dice.IntN(3) == 0 {
			c.listings = max(0, c.listings+m.dice.IntN(9)-4)
		}
		m.hostaway.set(c.org, c.listings)
		if m.dice.IntN(20) == 0 {
			m.hostaway.breakOff(c.org)
			m.partial++
		}
		_, _ = m.Count(t.Context(), c.org, store.CountDaily, system()) // a walk that breaks off is part of it
	}
	m.bring(t)
	if slot%12 == 5 {
		for _, c := range m.orgs {
			_ = m.Refresh(t.Context(), c.org) // nor does each reading work
		}
	}
}

// check fails the test unless Stripe, the ledger and what is desired agree, and returns how
// many closed periods do.
func (m *moneyMonths) check(t *testing.T, c *moneyCount) (periods int) {
	t.Helper()
	q, d := m.quantity(t, c.subscription), m.desired(t, c.org)
	if q != d.Quantity || d.State != store.QuantityClean {
		t.Errorf("seed %d: Stripe bills %d and %d are desired (%s, %s)", m.seed, q, d.Quantity, d.State, d.LastError)
	}
	if row, err := inForce(t.Context(), c.org, m.now()); err != nil || row.Quantity != d.Quantity {
		t.Errorf("seed %d: the ledger ends with %d and %d are desired, %v", m.seed, row.Quantity, d.Quantity, err)
	}
	return len(m.settlesExactly(t, c.org, c.subscription))
}
