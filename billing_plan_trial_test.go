package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/dashboard"
	"hostaway-mcp/store"
)

// TestTheTrialBesideEachStatus: our own trial and every status at Stripe, while it
// runs, by the clock alone when it is over, and as the next look then says.
func TestTheTrialBesideEachStatus(t *testing.T) {
	t.Parallel()
	type states struct{ Running, Over dashboard.BillingState }
	for name, test := range map[string]struct {
		status string
		access store.Access // while the trial runs; tools answer for it or for the subscription
		reason store.AccessReason
		ended  bool          // the subscription, an hour ago
		grace  time.Duration // from now on
		want   states
	}{
		"none":                      {"", store.AccessTrial, store.ReasonTrial, false, 0, states{dashboard.BillingTrial, dashboard.BillingTrialOver}},
		"trialing":                  {"trialing", store.AccessActive, store.ReasonSubscribed, false, 0, states{dashboard.BillingTrialCard, dashboard.BillingTrialCard}},
		"active":                    {"active", store.AccessActive, store.ReasonSubscribed, false, 0, states{dashboard.BillingActive, dashboard.BillingActive}},
		"past due":                  {"past_due", store.AccessTrial, store.ReasonPaymentFailed, false, time.Hour, states{dashboard.BillingGrace, dashboard.BillingSuspended}},
		"past due, with more grace": {"past_due", store.AccessTrial, store.ReasonPaymentFailed, false, 30 * 24 * time.Hour, states{dashboard.BillingGrace, dashboard.BillingGrace}},
		"active with an older debt": {"active", store.AccessTrial, store.ReasonPaymentFailed, false, time.Hour, states{dashboard.BillingGrace, dashboard.BillingSuspended}},
		"unpaid":                    {"unpaid", store.AccessTrial, store.ReasonUnpaid, false, 0, states{dashboard.BillingGrace, dashboard.BillingSuspended}},
		"paused":                    {"paused", store.AccessTrial, store.ReasonPaused, false, 0, states{dashboard.BillingTrial, dashboard.BillingPaused}},
		"incomplete":                {"incomplete", store.AccessTrial, store.ReasonPaymentPending, false, 0, states{dashboard.BillingTrial, dashboard.BillingUnconfirmed}},
		"incomplete, expired":       {"incomplete_expired", store.AccessTrial, store.ReasonTrial, true, 0, states{dashboard.BillingTrial, dashboard.BillingTrialOver}},
		"canceled":                  {"canceled", store.AccessTrial, store.ReasonCanceled, true, 0, states{dashboard.BillingTrial, dashboard.BillingCanceled}},
		"canceled, payments failed": {"canceled", store.AccessTrial, store.ReasonPaymentFailed, true, 0, states{dashboard.BillingTrial, dashboard.BillingCanceled}},
		"canceled, disputed":        {"canceled", store.AccessTrial, store.ReasonDisputed, true, 0, states{dashboard.BillingTrial, dashboard.BillingCanceled}},
		"customer deleted":          {"canceled", store.AccessTrial, store.ReasonCustomerDeleted, true, 0, states{dashboard.BillingTrial, dashboard.BillingCanceled}},
		"a status of a later time":  {"hibernating", store.AccessTrial, store.ReasonUnpaid, false, 0, states{dashboard.BillingGrace, dashboard.BillingSuspended}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlanTest(t)
			p.save(t, p.alpha, func(a *store.BillingAccount) {
				a.CustomerID, a.SubscriptionID, a.Status, a.Access, a.AccessReason = "cus_1", "sub_1", test.status, test.access, test.reason
				if at := p.clock.Now().Add(-time.Hour); test.ended {
					a.CancelAt, a.PeriodEnd = &at, &at
				}
				if at := p.clock.Now().Add(test.grace); test.grace > 0 {
					a.GraceEndsAt = &at
				}
			})
			running := p.overview(t, p.alpha)
			p.operatorSees(t, running.State)
			p.clock.Advance(14 * 24 * time.Hour)
			over := p.overview(t, p.alpha)
			p.operatorSees(t, over.State)
			if diff := cmp.Diff(test.want, states{running.State, over.State}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if test.ended != (running.EndedAt != nil) || running.CancelAt != nil {
				t.Errorf("in the trial it ended at %v and ends at %v", running.EndedAt, running.CancelAt)
			}
			if test.want.Over == dashboard.BillingCanceled && over.EndedAt == nil {
				t.Error("after the trial it does not say when it ended")
			}
		})
	}
}

// operatorSees fails the test unless the operator's figures have one org in this state
// and Bravo, which is not connected.
func (p planTest) operatorSees(t *testing.T, state dashboard.BillingState) {
	t.Helper()
	o := billingOverseer{plans: p.plans, store: p.store, jobs: func() []jobStatus { return nil }, stripe: func() []check { return nil }}
	s, err := o.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if state == dashboard.BillingTrialCard { // which is paid for, to an operator
		state = dashboard.BillingActive
	}
	want := []dashboard.StateCount{{State: state, Orgs: 1}, {State: dashboard.BillingNotConnected, Orgs: 1}}
	if diff := cmp.Diff(want, s.States); diff != "" {
		t.Errorf("the operator sees (-want +got):\n%s", diff)
	}
}
