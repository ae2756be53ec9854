package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/billing"
	"hostaway-mcp/dashboard"
	"hostaway-mcp/store"
)

// What goes wrong in the room has a word on the pages, or is an internal error.
func TestFaultsHaveThePagesWords(t *testing.T) {
	t.Parallel()
	next := time.Now()
	for _, test := range []struct {
		err  error
		want dashboard.BillingFault
	}{
		{&billing.Fault{Kind: billing.FaultUnreachable}, dashboard.FaultUnreachable},
		{&billing.Fault{Kind: billing.FaultSubscribed}, dashboard.FaultSubscribed},
		{&billing.Fault{Kind: billing.FaultNotSubscribed}, dashboard.FaultNotSubscribed},
		{&billing.Fault{Kind: billing.FaultNotConnected}, dashboard.FaultNotConnected},
		{&billing.Fault{Kind: billing.FaultNotCounted}, dashboard.FaultNotCounted},
		{&billing.Fault{Kind: billing.FaultNoListings}, dashboard.FaultNoListings},
		{&billing.Fault{Kind: billing.FaultTooSoon}, dashboard.FaultTooSoon},
		{&billing.Fault{Kind: billing.FaultRefused}, dashboard.FaultRefused},
		{&billing.Fault{Kind: billing.FaultIncomplete}, dashboard.FaultIncomplete},
		{&billing.Fault{Kind: billing.FaultNoCustomer}, dashboard.FaultNoCustomer},
		{&billing.Fault{Kind: billing.FaultNotSetUp}, dashboard.FaultNotSetUp},
		{&billing.TooSoonError{Next: next}, dashboard.FaultTooSoon},
		{billing.ErrNotConnected, dashboard.FaultNotConnected},
		{billing.ErrRefused, dashboard.FaultRefused},
		{billing.ErrIncomplete, dashboard.FaultIncomplete},
		{&billing.Error{Kind: billing.KindUnreachable}, dashboard.FaultUnreachable},
		{&billing.Error{Kind: billing.KindInvalid}, ""},
		{store.ErrNotFound, ""},
	} {
		err := faultOf(fmt.Errorf("count the listings: %w", test.err))
		var fault *dashboard.BillingError
		if found := errors.As(err, &fault); found != (test.want != "") || found && fault.Fault != test.want || !errors.Is(err, test.err) {
			t.Errorf("%v becomes %v", test.err, err)
		}
	}
	var fault *dashboard.BillingError
	if err := faultOf(&billing.TooSoonError{Next: next}); !errors.As(err, &fault) || !fault.RetryAt.Equal(next) {
		t.Errorf("too soon: %v", err)
	}
	if faultOf(nil) != nil {
		t.Error("nothing is a fault")
	}
}

// TestTheLastEventOutlivesARestart: also one whose secret is not in use any more, and one that is worked off.
func TestTheLastEventOutlivesARestart(t *testing.T) {
	t.Parallel()
	p := newPlanTest(t)
	o := billingOverseer{plans: p.plans, store: p.store, stripe: func() []check { return nil }, jobs: func() []jobStatus { return nil }}
	last := func() *time.Time {
		s, err := o.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return s.LastEventAt
	}
	if at := last(); at != nil {
		t.Errorf("before any: %v", at)
	}
	if _, err := p.store.ReceiveStripeEvent(t.Context(), store.StripeEvent{ID: "evt_1", Type: "invoice.paid", Customer: "cus_1", Created: p.clock.Now()}); err != nil {
		t.Fatal(err)
	}
	came := p.clock.Now()
	p.clock.Advance(time.Hour)
	if err := p.store.FinishStripeEvent(t.Context(), "evt_1", store.EventDone, ""); err != nil {
		t.Fatal(err)
	}
	if at := last(); at == nil || at.Sub(came).Abs() > time.Millisecond {
		t.Errorf("an event of %v is there, and the last is said to be %v", came, at)
	}
}

func TestTheOperatorSeesWhatWaits(t *testing.T) {
	t.Parallel()
	p := newPlanTest(t)
	swept := p.clock.Now().Add(-time.Hour)
	b, _ := billedWith(store.BillingFigures{}, stripeSays(billing.KindUnreachable))
	_ = b.look(t.Context())
	o := billingOverseer{plans: p.plans, store: p.store, stripe: func() []check { return b.stripePart("billing") }, jobs: func() []jobStatus {
		return []jobStatus{{Name: sweepJob, LastSuccess: swept}, {Name: reconcileJob}}
	}}
	p.counted(t, 4, store.BillableStart, "")
	p.counted(t, 60, "", "tenfold")
	run := store.FindingsRun{Invariants: []string{"I1", "I3"}, Found: []store.NewFinding{
		{Invariant: "I2", Subject: p.alpha.Org.ID(), OrgID: p.alpha.Org.ID(), Detail: "tools answer without a subscription", Repaired: true},
		{Invariant: "I3", Subject: p.alpha.Org.ID(), OrgID: p.alpha.Org.ID(), Detail: "it says past due"},
		{Invariant: "I1", Subject: billing.ReconcilerSubject, Detail: "60 of 100 orgs would have their quantity set back"},
	}}
	if err := p.store.RecordFindings(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	s, err := o.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Findings) != 1 || s.Findings[0].Org == nil || s.Findings[0].Org.Name != "Alpha" || s.Findings[0].Do == "" || !strings.HasPrefix(s.Halted, "60 of 100 orgs would have their quantity set back. See who changes quantities") {
		t.Errorf("findings %+v, halted %q", s.Findings, s.Halted)
	}
	if len(s.Stripe) != 1 || s.Stripe[0].State != dashboard.HealthWarn || !strings.HasPrefix(s.Stripe[0].Text, "Stripe can't be reached") || !strings.HasPrefix(s.Stripe[0].Do, "there is nothing to do") {
		t.Errorf("of Stripe: %+v", s.Stripe)
	}
	if len(s.Repaired) != 1 || s.Repaired[0].Invariant != "I2" || s.Repaired[0].Org.Name != "Alpha" || !s.Repaired[0].Since.Equal(p.clock.Now()) {
		t.Errorf("repaired %+v", s.Repaired)
	}
	if len(s.Held) != 1 || s.Held[0].Org.ID != p.alpha.Org.ID() || !s.Held[0].NeedsOperator || s.Held[0].Listings != 60 {
		t.Errorf("held %+v", s.Held)
	}
	if s.LastSweepAt == nil || !s.LastSweepAt.Equal(swept) || s.ReconciledAt != nil {
		t.Errorf("swept %v, reconciled %v", s.LastSweepAt, s.ReconciledAt)
	}
	if len(s.States) != 2 || s.States[0] != (dashboard.StateCount{State: dashboard.BillingTrial, Orgs: 1}) || s.States[1].State != dashboard.BillingNotConnected {
		t.Errorf("states %+v", s.States)
	}
	by := p.alpha.By()
	if err := o.Release(t.Context(), p.alpha.Org.ID(), 61, by); !errors.Is(err, store.ErrConflict) {
		t.Errorf("another number: %v", err)
	}
	if err := o.Release(t.Context(), p.bravo.Org.ID(), 60, by); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another org: %v", err)
	}
	if err := o.Release(t.Context(), "org_of_nobody", 60, by); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("nobody's org: %v", err)
	}
	if err := o.Release(t.Context(), p.alpha.Org.ID(), 60, by); err != nil {
		t.Fatal(err)
	}
	if q, err := p.alpha.Org.Desired(t.Context()); err != nil || q.Held() || q.Quantity != 60 {
		t.Errorf("after the release: %+v %v", q, err)
	}
}

func TestTheOperatorIsAskedAboutRefusedCredentials(t *testing.T) {
	t.Parallel()
	p := newPlanTest(t)
	o := billingOverseer{plans: p.plans, store: p.store, jobs: func() []jobStatus { return nil }, stripe: func() []check { return nil }}
	p.counted(t, 4, store.BillableStart, "")
	if err := p.alpha.Org.MarkConnectionRefused(t.Context(), 1, "no"); err != nil {
		t.Fatal(err)
	}
	asked := func() int {
		t.Helper()
		s, err := o.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(s.Refused)
	}
	p.clock.Advance(13 * 24 * time.Hour)
	if asked() != 0 {
		t.Error("asked before two weeks have passed")
	}
	p.clock.Advance(2 * 24 * time.Hour)
	if asked() != 1 {
		t.Fatal("not asked after two weeks")
	}
	by := p.alpha.By()
	if err := o.DecideRefused(t.Context(), p.alpha.Org.ID(), dashboard.RefusedWait, by); err != nil {
		t.Fatal(err)
	}
	if asked() != 0 {
		t.Error("asked again at once")
	}
	p.clock.Advance(15 * 24 * time.Hour)
	if asked() != 1 {
		t.Error("not asked again after two more weeks")
	}
	if err := o.DecideRefused(t.Context(), p.alpha.Org.ID(), dashboard.RefusedZero, by); err != nil {
		t.Fatal(err)
	}
	if q, err := p.alpha.Org.Desired(t.Context()); err != nil || q.Quantity != 0 || asked() != 0 {
		t.Errorf("%+v %v", q, err)
	}
	if err := o.DecideRefused(t.Context(), "org_of_nobody", dashboard.RefusedWait, by); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("nobody's org: %v", err)
	}
}
