package billing

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/hostaway"
	"hostaway-mcp/store"
)

// TestASecondSubscriptionIsFoundByWhoReadsIt: the org reads at once that the operator
// knows of it, so the finding does not wait for the hourly run, which then confirms it.
func TestASecondSubscriptionIsFoundByWhoReadsIt(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org, _ := o.subscriber(t, 1, 10)
	o.refresh(t, org)
	if open := o.found(t, invStray); len(open) != 0 {
		t.Fatalf("found of one subscription: %+v", open)
	}
	o.stripe.Advance(time.Second)
	second, err := o.stripe.SubscribeByHand(o.account(t, org).CustomerID, o.price, 10)
	if err != nil {
		t.Fatal(err)
	}
	o.refresh(t, org)
	if a := o.account(t, org); a.AccessReason != store.ReasonTwoSubscriptions {
		t.Errorf("the org reads %s", a.AccessReason)
	}
	seen := o.found(t, invStray)
	if len(seen) != 1 || seen[0].Subject != org.ID() || seen[0].OrgID != org.ID() || !strings.Contains(seen[0].Detail, second) {
		t.Fatalf("found %+v", seen)
	}
	o.stripe.Advance(time.Minute)
	o.sweep(t, false)
	if open := o.found(t, invStray); len(open) != 1 || open[0].Detail != seen[0].Detail || !open[0].FirstSeen.Equal(seen[0].FirstSeen) || !open[0].LastSeen.After(seen[0].LastSeen) {
		t.Errorf("the reconciler has %+v beside %+v", open, seen)
	}
	must(t, o.stripe.CancelByHand(second, false))
	o.sweep(t, false)
	if open := o.found(t, invStray); len(open) != 0 {
		t.Errorf("it stays: %+v", open)
	}
}

// TestASweepOfManyCostsAFewCalls: lists, and nothing for an org that does not differ.
func TestASweepOfManyCostsAFewCalls(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for i := range 12 {
		o.subscribe(t, o.org(t, int64(i+1), 5))
	}
	o.stripe.Advance(time.Hour)
	o.sweep(t, false)
	o.stripe.Advance(time.Hour)
	o.asked()
	o.sweep(t, false)
	if got := o.asked(); got["GET"] > 6 || got["POST"] != 0 {
		t.Errorf("a sweep of 12 orgs that agree asked %v", got)
	}
}

func TestAnEventThatNeverCameIsFetched(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org, _ := o.subscriber(t, 1, 10)
	o.stripe.Advance(time.Hour)
	o.sweep(t, false)
	o.setCard(t, org, stripetest.CardDeclined)
	o.stripe.AdvanceTo(o.account(t, org).PeriodEnd.Add(2 * time.Hour))
	if a := o.account(t, org); a.Access != store.AccessActive {
		t.Fatalf("access %s before anybody heard", a.Access)
	}
	missed, err := o.missedEvents(t.Context())
	if err != nil || missed == 0 {
		t.Fatalf("%d events fetched, %v", missed, err)
	}
	if _, err := o.WorkInbox(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a := o.account(t, org); a.Access != store.AccessSuspended {
		t.Errorf("access %s", a.Access)
	}
	if again, err := o.missedEvents(t.Context()); err != nil || again != 0 {
		t.Errorf("fetched %d again, %v", again, err)
	}
}

// TestTheReconcilerStopsBeforeItChangesTooMuch: many quantities differ at once, which
// is more likely a mistake of ours than of many people.
func TestTheReconcilerStopsBeforeItChangesTooMuch(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	var subs []string
	for i := range 10 {
		subs = append(subs, o.subscribe(t, o.org(t, int64(i+1), 5)))
	}
	o.stripe.Advance(time.Hour)
	for _, sub := range subs {
		must(t, o.stripe.ChangeQuantityByHand(sub, 50))
	}
	posts := func() int { return o.asked()["POST"] }
	posts()
	if _, err := o.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.bring(t)
	if n := posts(); n != 0 {
		t.Errorf("%d subscriptions were changed", n)
	}
	open := o.found(t, "I1")
	halted := slices.ContainsFunc(open, func(f store.BillingFinding) bool {
		return f.Subject == ReconcilerSubject && strings.Contains(f.Detail, "10 of 10")
	})
	if !halted || len(open) != 11 {
		t.Errorf("findings %+v", open)
	}
	for _, sub := range subs[3:] { // a person puts most of them right
		must(t, o.stripe.ChangeQuantityByHand(sub, 5))
	}
	for range 3 {
		o.stripe.Advance(time.Hour)
		o.sweep(t, false)
	}
	if open := o.found(t, "I1"); len(open) != 0 {
		t.Errorf("still halted: %+v", open)
	}
	for _, sub := range subs {
		o.bills(t, sub, 5)
	}
}

func TestAStripeThatIsDownConcludesNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org, _ := o.subscriber(t, 1, 10)
	must(t, o.stripe.ChangeQuantityByHand(o.account(t, org).SubscriptionID, 50))
	o.stripe.Advance(time.Hour)
	o.sweep(t, false)
	before := fmt.Sprint(o.known(t, "I1"))
	o.stripe.Outage(o.now(), o.now().Add(24*time.Hour))
	if _, err := o.Reconcile(t.Context()); kindOf(err) == "" {
		t.Errorf("a run without Stripe: %v", err)
	}
	if _, err := o.Invariants(t.Context()); kindOf(err) == "" {
		t.Errorf("a check without Stripe: %v", err)
	}
	if after := fmt.Sprint(o.known(t, "I1")); after != before {
		t.Errorf("findings changed from %s to %s", before, after)
	}
	if a := o.account(t, org); a.Access != store.AccessActive {
		t.Errorf("access %s", a.Access)
	}
}

// TestOperatorsAreAskedAfterTwoWeeks: a connection that Hostaway refuses is billed on,
// until a person decides.
func TestOperatorsAreAskedAfterTwoWeeks(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org, sub := o.subscriber(t, 1, 10)
	o.hostaway.refuse(org, &hostaway.Error{Code: hostaway.CredentialsRefused})
	must(t, org.MarkConnectionRefused(t.Context(), 1, "refused"))
	for range 15 {
		if n := o.mails(t)[store.MailCredentialsDecide]; n != 0 {
			t.Fatalf("asked early: %d", n)
		}
		o.stripe.Advance(22 * time.Hour)
		o.settle(t, 0)
	}
	for range 3 {
		o.settle(t, 22*time.Hour)
	}
	if got := o.mails(t); got[store.MailCredentialsDecide] != 1 || got[store.MailCredentialsInvalid] != 1 {
		t.Errorf("mails %v", got)
	}
	o.bills(t, sub, 10)
	must(t, o.RefusedDecision(t.Context(), org, true, system()))
	o.bring(t)
	o.bills(t, sub, 0)
	o.stripe.Advance(40 * 24 * time.Hour)
	o.settlesExactly(t, org, sub)
}
