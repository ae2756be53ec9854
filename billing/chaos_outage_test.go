// Stripe is away for a whole day, in which renewals fall due, listings change, cards fail and people come to subscribe.
package billing

import (
	"fmt"
	"testing"
	"time"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/store"
)

// downTown is a town with subscribers, one of whom has a card that will be declined.
type downTown struct {
	*town
	orgs          []*store.Org
	subscriptions []string
}

const declined = 1 // the place of who can't pay

func TestStripeIsDownForADay(t *testing.T) {
	t.Parallel()
	k := &downTown{town: newTown(t, stripetest.Options{})}
	for i := range 8 {
		o, id := k.subscribed(t, fmt.Sprintf("org%d", i), int64(100+i), 10+i)
		k.orgs, k.subscriptions = append(k.orgs, o), append(k.subscriptions, id)
	}
	trying := k.connected(t, "trying", 200, 4)
	k.stripe.Advance(15 * aDay) // the trials of those who subscribed are over and paid
	k.settle(t)
	first, _ := k.stripe.Subscription(k.subscriptions[0])
	k.stripe.AdvanceTo(first.PeriodEnd.Add(-6 * time.Hour))
	k.settle(t)
	must(t, k.stripe.SetCard(k.account(t, k.orgs[declined]).CustomerID, stripetest.CardDeclined))
	k.stripe.Outage(k.stripe.Now(), k.stripe.Now().Add(aDay))
	for hour := range 24 {
		k.anHourWithoutStripe(t, hour)
	}
	if _, err := k.StartCheckout(t.Context(), trying, k.actor()); err != nil {
		t.Errorf("after the outage somebody subscribes: %v", err)
	}
	for range 30 { // a night later everything has come, also what waited longest
		k.stripe.Advance(time.Hour)
		k.settle(t)
	}
	_, err := k.Sweep(t.Context())
	must(t, err)
	k.settle(t)
	k.isWhole(t)
	k.stripe.Advance(32 * aDay)
	k.settle(t)
	k.checkBills(t)
}

// anHourWithoutStripe counts one org more each hour; nothing comes of it yet, and nobody is
// shut out. In the last hour Stripe is back.
func (k *downTown) anHourWithoutStripe(t *testing.T, hour int) {
	t.Helper()
	k.stripe.Advance(time.Hour)
	if i := hour - 2; i >= 0 && i < len(k.orgs) {
		k.listings[k.orgs[i].ID()] += 3
		if _, err := k.Count(t.Context(), k.orgs[i], store.CountDaily, system()); err != nil {
			t.Fatalf("a count needs no Stripe: %v", err)
		}
	}
	if hour == 23 {
		return
	}
	k.stripe.Deliver()
	_, err := k.WorkInbox(t.Context())
	must(t, err)
	must(t, k.BringQuantities(t.Context()))
	if _, err := k.Sweep(t.Context()); err == nil {
		t.Fatalf("hour %d: a sweep without Stripe concluded something", hour)
	}
	for i, o := range k.orgs {
		k.stands(t, o, fmt.Sprintf("hour %d, org %d", hour, i), store.AccessActive, store.ReasonSubscribed)
	}
}

// isWhole fails the test unless every count got to Stripe, and every event here.
func (k *downTown) isWhole(t *testing.T) {
	t.Helper()
	for i, o := range k.orgs {
		access, reason := store.AccessActive, store.ReasonSubscribed
		if i == declined {
			access, reason = store.AccessSuspended, store.ReasonPaymentFailed
		}
		k.stands(t, o, fmt.Sprintf("afterwards, org %d", i), access, reason)
		seen, _ := k.stripe.Subscription(k.subscriptions[i])
		if int(seen.Quantity()) != 13+i {
			t.Errorf("org %d: Stripe has %d listings, there are %d", i, seen.Quantity(), 13+i)
		}
	}
	pending, err := k.store.PendingStripeEvents(t.Context(), k.stripe.Now().Add(1000*time.Hour), 10)
	if err != nil || len(pending) > 0 {
		t.Errorf("%d events still wait: %v", len(pending), err)
	}
}

// checkBills compares every period that was closed after a trial with the ledger, of the
// subscriptions that still live.
func (k *downTown) checkBills(t *testing.T) {
	t.Helper()
	periods := 0
	for i, o := range k.orgs {
		seen, _ := k.stripe.Subscription(k.subscriptions[i])
		if seen.Status == "canceled" { // never paid: what it owes for its last period is not billed
			continue
		}
		ledger, err := o.Billable(t.Context(), time.Unix(0, 0), k.stripe.Now().AddDate(9, 0, 0))
		must(t, err)
		for p, s := range settlementsOf(stripeLines(k.stripe, seen.ID), ledger, k.stripe.Now(), 500) {
			if !p.End.After(seen.TrialEnd) {
				continue
			}
			periods++
			if !s.exact() {
				t.Errorf("org %d, %s to %s: billed %d, the ledger says %s", i, p.Start, p.End, s.Billed, s.Expected.FloatString(3))
			}
		}
	}
	if periods < len(k.orgs)-1 {
		t.Errorf("only %d periods were closed", periods)
	}
}
