package main

import (
	"testing"
	"time"

	"hostaway-mcp/dashboard"
	"hostaway-mcp/store"
)

// TestThePlanSaysWhatStripeBills: while that is another number, and how it comes right.
func TestThePlanSaysWhatStripeBills(t *testing.T) {
	t.Parallel()
	p := newPlanTest(t)
	p.save(t, p.alpha, func(a *store.BillingAccount) {
		a.CustomerID, a.SubscriptionID, a.Status, a.Access, a.AccessReason = "cus_1", "sub_1", "active", store.AccessActive, store.ReasonSubscribed
	})
	p.counted(t, 12, store.BillableCount, "")
	at := func(n int) *int { return &n }
	changed := p.clock.Now()
	before, after := changed.Add(-time.Minute), changed.Add(time.Minute)
	for name, test := range map[string]struct {
		atStripe *int
		state    store.QuantityState
		synced   *time.Time
		want     *dashboard.StripeNumber
	}{
		"not seen yet":               {nil, store.QuantityClean, nil, nil},
		"the same":                   {at(12), store.QuantityClean, &after, nil},
		"a count on its way":         {at(10), store.QuantityDirty, &before, &dashboard.StripeNumber{Listings: 10, Then: dashboard.NumberFollows}},
		"a first count on its way":   {at(10), store.QuantityDirty, nil, &dashboard.StripeNumber{Listings: 10, Then: dashboard.NumberFollows}},
		"changed by somebody":        {at(99), store.QuantityDirty, &after, &dashboard.StripeNumber{Listings: 99, Then: dashboard.NumberSetBack}},
		"changed by them in a fight": {at(99), store.QuantityClean, &after, &dashboard.StripeNumber{Listings: 99, Then: dashboard.NumberAsks}},
	} {
		q, err := p.alpha.Org.Desired(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		q.AtStripe, q.State, q.SyncedAt = test.atStripe, test.state, test.synced
		if err := p.alpha.Org.SetDesired(t.Context(), systemActor(), store.QuantityChange{Desired: &q}); err != nil {
			t.Fatal(err)
		}
		got := p.overview(t, p.alpha).AtStripe
		if (got == nil) != (test.want == nil) || got != nil && *got != *test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}
