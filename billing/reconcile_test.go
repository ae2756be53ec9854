package billing

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/hostaway"
	"hostaway-mcp/store"
)

// sweep runs the reconciler and then what it woke.
func (o *office) sweep(t *testing.T, full bool) {
	t.Helper()
	run := o.Sweep
	if full {
		run = o.Reconcile
	}
	if _, err := run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := o.WorkInbox(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.bring(t)
}

// broken lists the invariants that do not hold, by what `billing check` prints.
func (o *office) broken(t *testing.T) (ids []string) {
	t.Helper()
	list, err := o.Invariants(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 8 {
		t.Fatalf("%d invariants", len(list))
	}
	for _, i := range list {
		if !i.OK() {
			ids = append(ids, i.ID)
		}
	}
	return ids
}

// found are the findings of an invariant that are open in the store.
func (o *office) found(t *testing.T, invariant string) (open []store.BillingFinding) {
	t.Helper()
	all, err := o.store.BillingFindings(t.Context(), o.now().AddDate(-1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if f.Invariant == invariant && f.ResolvedAt == nil {
			open = append(open, f)
		}
	}
	return open
}

// settle lets an hour pass, in which the org is counted and everything done that is due.
func (o *office) settle(t *testing.T, d time.Duration) {
	t.Helper()
	o.stripe.Advance(d)
	if _, err := o.CountDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.sweep(t, true)
}

// TestEachInvariantIsFoundBrokenAndHealed breaks one after the other on purpose.
func TestEachInvariantIsFoundBrokenAndHealed(t *testing.T) {
	t.Parallel()
	type scene struct {
		*office
		org *store.Org
		sub string
	}
	ok := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	tamper := func(t *testing.T, s scene, change func(*store.BillingAccount)) {
		a := s.account(t, s.org)
		change(&a)
		_, err := s.org.SaveBilling(t.Context(), system(), a)
		ok(t, err)
	}
	for name, test := range map[string]struct {
		invariant string
		ruin      func(t *testing.T, s scene) (heal func())
		after     time.Duration // until it shows
		byItself  bool          // the run that finds it heals it
		subject   string        // part of the subject, if it is not the org
		alone     bool          // no other invariant is broken by it
	}{
		"I1 somebody changes the quantity": {
			invariant: "I1", byItself: true, alone: true, after: time.Hour,
			ruin: func(t *testing.T, s scene) func() {
				ok(t, s.stripe.ChangeQuantityByHand(s.sub, 99))
				return nil
			},
		},
		"I1 a quantity does not get there": {
			invariant: "I1", alone: true, after: 3 * time.Hour,
			ruin: func(t *testing.T, s scene) func() {
				s.stripe.Fail(stripetest.Fault{Method: "POST", Path: "/v1/subscriptions/*", Kind: stripetest.Forbidden, Times: -1})
				s.count(t, s.org, 12)
				s.bring(t)
				s.stripe.Advance(59 * time.Minute)
				s.bring(t)
				return s.stripe.Heal
			},
		},
		"I2 a second item": {
			invariant: "I2", alone: true,
			ruin: func(t *testing.T, s scene) func() {
				ok(t, s.stripe.AddItemByHand(s.sub, s.stripe.AddPrice(stripetest.Price{Currency: "usd", UnitAmount: 100}), 1))
				return func() {
					x, _ := s.stripe.Subscription(s.sub)
					_, err := s.Billing.stripe.subscriptions.Update(s.sub, &stripe.SubscriptionParams{
						Params: stripe.Params{Context: t.Context(), IdempotencyKey: stripe.String("drop")},
						Items:  []*stripe.SubscriptionItemsParams{{ID: stripe.String(x.Items[1].ID), Deleted: stripe.Bool(true)}},
					})
					ok(t, err)
				}
			},
		},
		"I2 tools without a subscription": {
			invariant: "I2", byItself: true,
			ruin: func(t *testing.T, s scene) func() {
				ok(t, s.stripe.CancelByHand(s.sub, false))
				return nil
			},
		},
		"I3 a cancellation that nobody heard of": {
			invariant: "I3", byItself: true, alone: true,
			ruin: func(t *testing.T, s scene) func() {
				ok(t, s.stripe.CancelByHand(s.sub, true))
				return nil
			},
		},
		"I3 a payment that failed unheard": {
			invariant: "I3", byItself: true,
			ruin: func(t *testing.T, s scene) func() {
				ok(t, s.stripe.SetCard(s.account(t, s.org).CustomerID, stripetest.CardDeclined))
				s.stripe.AdvanceTo(s.account(t, s.org).PeriodEnd.Add(2 * time.Hour))
				s.hostaway.set(s.org, 10)
				_, err := s.Count(t.Context(), s.org, store.CountDaily, system())
				ok(t, err)
				return nil
			},
		},
		"I4 a slice that the ledger does not know": {
			invariant: "I4", alone: true,
			ruin: func(t *testing.T, s scene) func() {
				ok(t, s.stripe.ChangeQuantityByHand(s.sub, 99))
				s.stripe.Advance(3 * 24 * time.Hour)
				ok(t, s.stripe.ChangeQuantityByHand(s.sub, 10))
				next := func() {
					s.stripe.AdvanceTo(s.stripe.Subscriptions("")[0].PeriodEnd.Add(3 * time.Hour))
					s.count(t, s.org, 10)
					s.sweep(t, false)
				}
				next()
				return next // the next period is right again
			},
		},
		"I5 not counted for a day": {
			invariant: "I5", alone: true, after: 27 * time.Hour,
			ruin: func(t *testing.T, s scene) func() {
				s.hostaway.breakOff(s.org)
				return func() { s.count(t, s.org, 10) }
			},
		},
		"I5 refused credentials": {
			invariant: "I5", alone: true, after: 27 * time.Hour,
			ruin: func(t *testing.T, s scene) func() {
				s.hostaway.refuse(s.org, &hostaway.Error{Code: hostaway.CredentialsRefused})
				ok(t, s.org.MarkConnectionRefused(t.Context(), 1, "refused"))
				return func() {
					ok(t, s.org.MarkConnectionChecked(t.Context(), 1, nil))
					s.count(t, s.org, 10)
				}
			},
		},
		"I5 an invoice of nobody": {
			invariant: "I5", subject: "in_",
			ruin: func(t *testing.T, s scene) func() {
				c, err := s.Billing.stripe.customers.New(&stripe.CustomerParams{Params: stripe.Params{Context: t.Context(), IdempotencyKey: stripe.String("c")}})
				ok(t, err)
				ok(t, s.stripe.SetCard(c.ID, stripetest.CardGood))
				sub, err := s.stripe.SubscribeByHand(c.ID, s.price, 3)
				ok(t, err)
				return func() {
					ok(t, s.stripe.CancelByHand(sub, false))
					s.stripe.Advance(4 * 24 * time.Hour)
				}
			},
		},
		"I6 an event that waits": {
			invariant: "I6", alone: true, subject: "inbox", after: 11 * time.Minute, byItself: true,
			ruin: func(t *testing.T, s scene) func() {
				_, err := s.store.ReceiveStripeEvent(t.Context(), store.StripeEvent{ID: "evt_1", Type: "customer.updated", Customer: s.account(t, s.org).CustomerID, Created: s.now()})
				ok(t, err)
				return nil
			},
		},
		"I6 an endpoint that refuses": {
			invariant: "I6", alone: true, subject: "endpoint", after: 2 * time.Hour,
			ruin: func(t *testing.T, s scene) func() {
				s.stripe.AddEndpoint(stripetest.Endpoint{Secret: testSecret, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })})
				ok(t, s.stripe.CancelByHand(s.sub, true))
				s.stripe.Deliver()
				s.refresh(t, s.org)
				return func() { s.stripe.Advance(25 * time.Hour) }
			},
		},
		"I7 suspended without a debt": {
			invariant: "I7", byItself: true, alone: true,
			ruin: func(t *testing.T, s scene) func() {
				tamper(t, s, func(a *store.BillingAccount) {
					a.Access, a.AccessReason = store.AccessSuspended, store.ReasonPaymentFailed
				})
				return nil
			},
		},
		"I7 tools in spite of a debt": {
			invariant: "I7", byItself: true, alone: true,
			ruin: func(t *testing.T, s scene) func() {
				ok(t, s.stripe.SetCard(s.account(t, s.org).CustomerID, stripetest.CardDeclined))
				s.stripe.AdvanceTo(s.account(t, s.org).PeriodEnd.Add(2 * time.Hour))
				s.count(t, s.org, 10)
				s.refresh(t, s.org)
				tamper(t, s, func(a *store.BillingAccount) {
					a.Access, a.AccessReason = store.AccessActive, store.ReasonSubscribed
				})
				return nil
			},
		},
		"I8 a second subscription": {
			invariant: "I8", alone: true,
			ruin: func(t *testing.T, s scene) func() {
				s.stripe.Advance(time.Second)
				second, err := s.stripe.SubscribeByHand(s.account(t, s.org).CustomerID, s.price, 10)
				ok(t, err)
				return func() { ok(t, s.stripe.CancelByHand(second, false)) }
			},
		},
		"I8 a customer of nobody": {
			invariant: "I8", alone: true, subject: "cus_", after: 2 * time.Hour,
			ruin: func(t *testing.T, s scene) func() {
				c, err := s.Billing.stripe.customers.New(&stripe.CustomerParams{
					Params:   stripe.Params{Context: t.Context(), IdempotencyKey: stripe.String("c")},
					Metadata: map[string]string{metadataOrg: "org_gone"},
				})
				ok(t, err)
				return func() { ok(t, s.stripe.DeleteCustomer(c.ID)) }
			},
		},
		"I8 a count that is held for days": {
			invariant: "I8", alone: true,
			ruin: func(t *testing.T, s scene) func() {
				for range 4 {
					s.count(t, s.org, 100)
					s.stripe.Advance(20 * time.Hour)
				}
				return func() { ok(t, s.ReleaseHold(t.Context(), s.org, 100, system())) }
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			s := scene{office: o, org: o.org(t, 1, 10)}
			s.sub = o.subscribe(t, s.org)
			for range 2 {
				o.stripe.Advance(30 * time.Minute)
				o.sweep(t, true)
			}
			if ids := o.broken(t); len(ids) > 0 {
				t.Fatalf("broken from the start: %v", ids)
			}
			heal := test.ruin(t, s)
			o.stripe.Advance(test.after)
			ids := o.broken(t)
			if !slices.Contains(ids, test.invariant) || test.alone && len(ids) > 1 {
				t.Errorf("billing check finds %v broken, want %s", ids, test.invariant)
			}
			o.sweep(t, true)
			open := o.found(t, test.invariant)
			subject := test.subject
			if subject == "" {
				subject = s.org.ID()
			}
			if !slices.ContainsFunc(open, func(f store.BillingFinding) bool { return strings.HasPrefix(f.Subject, subject) && f.Detail != "" }) {
				t.Errorf("the findings are %+v, want one about %s", open, subject)
			}
			if heal != nil {
				heal()
			} else if !test.byItself {
				t.Fatal("who heals it?")
			}
			for range 3 {
				o.settle(t, time.Hour)
			}
			if ids := o.broken(t); len(ids) > 0 {
				t.Errorf("still broken: %v", ids)
			}
			if open := o.found(t, test.invariant); len(open) > 0 {
				t.Errorf("the findings stay: %+v", open)
			}
		})
	}
}

// TestASecondSubscriptionIsFoundByWhoReadsIt: the org reads at once that the operator
// knows of it, so the finding does not wait for the hourly run, which then confirms it.
func TestASecondSubscriptionIsFoundByWhoReadsIt(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org := o.org(t, 1, 10)
	o.subscribe(t, org)
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
	if err := o.stripe.CancelByHand(second, false); err != nil {
		t.Fatal(err)
	}
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
	org := o.org(t, 1, 10)
	o.subscribe(t, org)
	o.stripe.Advance(time.Hour)
	o.sweep(t, false)
	if err := o.stripe.SetCard(o.account(t, org).CustomerID, stripetest.CardDeclined); err != nil {
		t.Fatal(err)
	}
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
		if err := o.stripe.ChangeQuantityByHand(sub, 50); err != nil {
			t.Fatal(err)
		}
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
		if err := o.stripe.ChangeQuantityByHand(sub, 5); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		o.stripe.Advance(time.Hour)
		o.sweep(t, false)
	}
	if open := o.found(t, "I1"); len(open) != 0 {
		t.Errorf("still halted: %+v", open)
	}
	for _, sub := range subs {
		if o.quantity(t, sub) != 5 {
			t.Errorf("Stripe bills %d", o.quantity(t, sub))
		}
	}
}

func TestAStripeThatIsDownConcludesNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org := o.org(t, 1, 10)
	o.subscribe(t, org)
	if err := o.stripe.ChangeQuantityByHand(o.account(t, org).SubscriptionID, 50); err != nil {
		t.Fatal(err)
	}
	o.stripe.Advance(time.Hour)
	o.sweep(t, false)
	before := fmt.Sprint(o.found(t, "I1"))
	o.stripe.Outage(o.now(), o.now().Add(24*time.Hour))
	if _, err := o.Reconcile(t.Context()); kindOf(err) == "" {
		t.Errorf("a run without Stripe: %v", err)
	}
	if _, err := o.Invariants(t.Context()); kindOf(err) == "" {
		t.Errorf("a check without Stripe: %v", err)
	}
	if after := fmt.Sprint(o.found(t, "I1")); after != before {
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
	org := o.org(t, 1, 10)
	sub := o.subscribe(t, org)
	o.hostaway.refuse(org, &hostaway.Error{Code: hostaway.CredentialsRefused})
	if err := org.MarkConnectionRefused(t.Context(), 1, "refused"); err != nil {
		t.Fatal(err)
	}
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
	if o.quantity(t, sub) != 10 {
		t.Errorf("Stripe bills %d", o.quantity(t, sub))
	}
	if err := o.RefusedDecision(t.Context(), org, true, system()); err != nil {
		t.Fatal(err)
	}
	o.bring(t)
	if o.quantity(t, sub) != 0 {
		t.Errorf("after the decision Stripe bills %d", o.quantity(t, sub))
	}
	o.stripe.Advance(40 * 24 * time.Hour)
	for p, s := range o.settlements(t, org, sub) {
		if !s.exact() {
			t.Errorf("%s: billed %d, the ledger says %s", p.Start, s.Billed, s.Expected.FloatString(2))
		}
	}
}
