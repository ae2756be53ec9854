// Stripe is away for a whole day, in which renewals fall due, listings change, cards fail and people come to subscribe.
package billing

import (
	"fmt"
	"testing"
	"time"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/store"
)

func TestStripeIsDownForADay(t *testing.T) {
	t.Parallel()
	k := newTown(t, stripetest.Options{})
	const orgs = 8
	var all []*store.Org
	var subscriptions, customers []string
	for i := range orgs {
		o, id := k.subscribed(t, fmt.Sprintf("org%d", i), int64(100+i), 10+i)
		seen, _ := k.stripe.Subscription(id)
		all, subscriptions, customers = append(all, o), append(subscriptions, id), append(customers, seen.Customer)
	}
	trying := k.connected(t, "trying", 200, 4)
	k.stripe.Advance(15 * 24 * time.Hour) // the trials of those who subscribed are over and paid
	k.settle(t)
	first, _ := k.stripe.Subscription(subscriptions[0])
	k.stripe.AdvanceTo(first.PeriodEnd.Add(-6 * time.Hour))
	k.settle(t)
	if err := k.stripe.SetCard(customers[1], stripetest.CardDeclined); err != nil {
		t.Fatal(err)
	}
	down := k.stripe.Now()
	k.stripe.Outage(down, down.Add(24*time.Hour))
	for hour := range 24 {
		k.stripe.Advance(time.Hour)
		for i, o := range all {
			if hour == 2+i {
				k.listings[o.ID()] += 3
				if _, err := k.Count(t.Context(), o, store.CountDaily, system()); err != nil {
					t.Fatalf("a count needs no Stripe: %v", err)
				}
			}
		}
		if hour < 23 {
			k.stripe.Deliver()
			if _, err := k.WorkInbox(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := k.BringQuantities(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := k.Sweep(t.Context()); err == nil {
				t.Fatalf("hour %d: a sweep without Stripe concluded something", hour)
			}
			for i, o := range all {
				k.stands(t, o, fmt.Sprintf("hour %d, org %d", hour, i), store.AccessActive, store.ReasonSubscribed)
			}
		}
	}
	if _, err := k.StartCheckout(t.Context(), trying, k.actor()); err != nil {
		t.Errorf("after the outage somebody subscribes: %v", err)
	}
	for range 30 { // a night later everything has come, also what waited longest
		k.stripe.Advance(time.Hour)
		k.settle(t)
	}
	if _, err := k.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	k.settle(t)
	for i, o := range all {
		want, reason := store.AccessActive, store.ReasonSubscribed
		if i == 1 {
			want, reason = store.AccessSuspended, store.ReasonPaymentFailed
		}
		k.stands(t, o, fmt.Sprintf("afterwards, org %d", i), want, reason)
		seen, _ := k.stripe.Subscription(subscriptions[i])
		if int(seen.Quantity()) != 13+i {
			t.Errorf("org %d: Stripe has %d listings, there are %d", i, seen.Quantity(), 13+i)
		}
	}
	pending, err := k.store.PendingStripeEvents(t.Context(), k.stripe.Now().Add(1000*time.Hour), 10)
	if err != nil || len(pending) > 0 {
		t.Errorf("%d events still wait: %v", len(pending), err)
	}
	k.stripe.Advance(32 * 24 * time.Hour)
	k.settle(t)
	checkBills(t, k, all, subscriptions)
}

// checkBills compares every closed period with the ledger, of the subscriptions that still live.
func checkBills(t *testing.T, k *town, orgs []*store.Org, subscriptions []string) {
	t.Helper()
	periods := 0
	for i, o := range orgs {
		rows, err := o.Billable(t.Context(), time.Unix(0, 0), k.stripe.Now().AddDate(9, 0, 0))
		if err != nil {
			t.Fatal(err)
		}
		var steps []quantityStep
		for _, row := range rows {
			steps = append(steps, quantityStep{row.EffectiveAt, row.Quantity})
		}
		seen, _ := k.stripe.Subscription(subscriptions[i])
		if seen.Status == "canceled" { // never paid: what it owes for its last period is not billed
			continue
		}
		all := seen.Pending
		for _, v := range k.stripe.Invoices(seen.Customer) {
			all = append(all, v.Lines...)
		}
		var lines []invoiceLine
		for _, l := range all {
			lines = append(lines, invoiceLine{ID: l.ID, Amount: l.Amount, Proration: l.Proration, Start: l.Start, End: l.End})
		}
		for _, l := range lines {
			p := period{l.Start, l.End}
			if l.Proration || !p.closed(k.stripe.Now()) || !l.End.After(seen.TrialEnd) {
				continue
			}
			periods++
			if s := settle(lines, steps, p, 500); !s.exact() {
				t.Errorf("org %d, %s to %s: billed %d, the ledger says %s", i, p.Start, p.End, s.Billed, s.Expected.FloatString(3))
			}
		}
	}
	if periods < len(orgs)-1 {
		t.Errorf("only %d periods were closed", periods)
	}
}
