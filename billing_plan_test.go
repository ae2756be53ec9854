package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/billing"
	"hostaway-mcp/dashboard"
	"hostaway-mcp/hostaway"
	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// planTest is two orgs on a server with billing, and a clock.
type planTest struct {
	plans
	clock        *storetest.Clock
	store        *store.Store
	alpha, bravo storetest.Fixture
}

func newPlanTest(t *testing.T) planTest {
	t.Helper()
	p := planTest{clock: storetest.NewClock(time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC))}
	p.store = storetest.Open(t, storetest.WithBilling(), storetest.WithClock(p.clock))
	room, err := billing.New(billing.Config{
		Store: p.store, Counter: noCounter{}, Key: secret.New("rk_test_plans"), WebhookSecrets: []secret.Text{secret.New("whsec_plans")},
		PriceLookup: "listing", BaseURL: "http://127.0.0.1:8080", URL: "http://127.0.0.1:1", Now: p.clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	p.plans = plans{room: room, hostaway: noHostaway{}, now: p.clock.Now}
	p.alpha, p.bravo = storetest.Org(t, p.store, "Alpha"), storetest.Org(t, p.store, "Bravo")
	storetest.Connect(t, p.alpha.Org, 71001, "alpha's secret")
	return p
}

type noCounter struct{}

func (noCounter) CountListings(context.Context, *store.Org) (store.ListingCount, error) {
	return store.ListingCount{}, store.ErrNotFound
}

type noHostaway struct{}

func (noHostaway) ClientFor(context.Context, *store.Org) (*hostaway.Client, error) {
	return nil, &hostaway.Error{Code: hostaway.Unreachable}
}

// org enters the door anew, as each request does.
func (p planTest) org(t *testing.T, of storetest.Fixture) *store.Org {
	t.Helper()
	for org, err := range p.store.EachOrg(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if org.ID() == of.Org.ID() {
			return org
		}
	}
	t.Fatal("the org is gone")
	return nil
}

func (p planTest) overview(t *testing.T, of storetest.Fixture) dashboard.BillingOverview {
	t.Helper()
	o, err := p.Overview(t.Context(), p.org(t, of))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// save changes the org's account as a look at Stripe does.
func (p planTest) save(t *testing.T, of storetest.Fixture, change func(*store.BillingAccount)) {
	t.Helper()
	a, err := of.Org.Billing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	change(&a)
	if _, err := of.Org.SaveBilling(t.Context(), systemActor(), a); err != nil {
		t.Fatal(err)
	}
}

func TestEachAccessHasItsStateOnThePages(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		access store.Access
		reason store.AccessReason
		status string
		want   dashboard.BillingState
	}{
		{store.AccessExempt, store.ReasonSubscribed, "", dashboard.BillingExempt},
		{store.AccessTrial, store.ReasonTrial, "", dashboard.BillingTrial},
		{store.AccessTrial, store.ReasonPaymentFailed, "past_due", dashboard.BillingGrace},
		{store.AccessTrial, store.ReasonUnpaid, "unpaid", dashboard.BillingGrace},
		{store.AccessTrial, store.ReasonPaymentFailed, "canceled", dashboard.BillingTrial},
		{store.AccessTrial, store.ReasonCanceled, "canceled", dashboard.BillingTrial},
		{store.AccessTrial, store.ReasonPaused, "paused", dashboard.BillingTrial},
		{store.AccessSuspended, store.ReasonPaymentFailed, "canceled", dashboard.BillingCanceled},
		{store.AccessActive, store.ReasonSubscribed, "trialing", dashboard.BillingTrialCard},
		{store.AccessActive, store.ReasonSubscribed, "active", dashboard.BillingActive},
		{store.AccessActive, store.ReasonRefunded, "active", dashboard.BillingActive},
		{store.AccessGrace, store.ReasonPaymentFailed, "past_due", dashboard.BillingGrace},
		{store.AccessSuspended, store.ReasonPaymentFailed, "past_due", dashboard.BillingSuspended},
		{store.AccessSuspended, store.ReasonUnpaid, "unpaid", dashboard.BillingSuspended},
		{store.AccessSuspended, store.ReasonPaused, "paused", dashboard.BillingPaused},
		{store.AccessCanceled, store.ReasonCanceled, "canceled", dashboard.BillingCanceled},
		{store.AccessCanceled, store.ReasonCustomerDeleted, "canceled", dashboard.BillingCanceled},
		{store.AccessNone, store.ReasonNotConnected, "", dashboard.BillingNotConnected},
		{store.AccessNone, store.ReasonTrialEnded, "", dashboard.BillingTrialOver},
		{store.AccessNone, store.ReasonTrialUsed, "", dashboard.BillingNoTrial},
		{store.AccessNone, store.ReasonPaymentPending, "incomplete", dashboard.BillingUnconfirmed},
	} {
		got := planState(store.AccessState{Access: test.access, Reason: test.reason}, test.status)
		if got != test.want {
			t.Errorf("%s (%s, %s) is %q on the pages", test.access, test.reason, test.status, got)
		}
		// What the tools do and what the page says they do are the same thing.
		if answers := map[dashboard.BillingState]bool{
			dashboard.BillingExempt: true, dashboard.BillingTrial: true, dashboard.BillingTrialCard: true, dashboard.BillingActive: true, dashboard.BillingGrace: true,
		}[got]; answers != test.access.Allowed() {
			t.Errorf("%s: the page says that tools answer: %v", test.access, answers)
		}
	}
}

// TestATrialHidesNoTrouble: while our own trial runs, a debt is shown with its way out, and an end is one of the past.
func TestATrialHidesNoTrouble(t *testing.T) {
	t.Parallel()
	p := newPlanTest(t)
	since, grace := p.clock.Now().Add(-time.Hour), p.clock.Now().Add(3*24*time.Hour)
	trialEnd := p.clock.Now().AddDate(0, 0, 14)
	p.save(t, p.alpha, func(a *store.BillingAccount) {
		a.CustomerID, a.SubscriptionID, a.Status, a.AccessReason = "cus_1", "sub_1", "past_due", store.ReasonPaymentFailed
		a.OverdueSince, a.GraceEndsAt, a.LatestInvoiceID, a.LatestInvoiceStatus = &since, &grace, "in_1", "open"
	})
	if o := p.overview(t, p.alpha); o.State != dashboard.BillingGrace || o.OpenInvoice != "in_1" || o.StopsAt == nil || !o.StopsAt.Equal(trialEnd) {
		t.Errorf("past due in the trial: %+v", o)
	}
	p.clock.Advance(14 * 24 * time.Hour)
	if o := p.overview(t, p.alpha); o.State != dashboard.BillingSuspended || o.OpenInvoice != "in_1" {
		t.Errorf("the trial is over, the debt is not: %+v", o)
	}
	p.clock.Advance(-13 * 24 * time.Hour)
	p.save(t, p.alpha, func(a *store.BillingAccount) {
		a.Status, a.AccessReason, a.CancelAt, a.OverdueSince, a.GraceEndsAt = "canceled", store.ReasonCanceled, &since, nil, nil
	})
	if o := p.overview(t, p.alpha); o.State != dashboard.BillingTrial || o.Reason != store.ReasonCanceled || o.CancelAt != nil || o.EndedAt == nil || !o.EndedAt.Equal(since) {
		t.Errorf("canceled in the trial: %+v", o)
	}
}

func TestThePlanFollowsTheAccountAndTheClock(t *testing.T) {
	t.Parallel()
	p := newPlanTest(t)
	if o := p.overview(t, p.bravo); o.State != dashboard.BillingNotConnected || o.TrialDays != 14 || o.Counted != nil {
		t.Errorf("before a connection: %+v", o)
	}
	o := p.overview(t, p.alpha)
	if o.State != dashboard.BillingTrial || o.TrialEndsAt == nil || !o.TrialEndsAt.Equal(p.clock.Now().AddDate(0, 0, 14)) || o.TrialDays != 0 {
		t.Errorf("just connected: %+v", o)
	}
	p.clock.Advance(14 * 24 * time.Hour)
	if o := p.overview(t, p.alpha); o.State != dashboard.BillingTrialOver {
		t.Errorf("two weeks later: %s", o.State)
	}
	stops, ends := p.clock.Now().Add(time.Hour), p.clock.Now().AddDate(0, 1, 0)
	p.save(t, p.alpha, func(a *store.BillingAccount) {
		a.CustomerID, a.SubscriptionID, a.Status, a.UnitAmount, a.Currency = "cus_1", "sub_1", "past_due", 450, "eur"
		a.Access, a.AccessReason, a.GraceEndsAt, a.OverdueSince, a.PeriodEnd = store.AccessGrace, store.ReasonPaymentFailed, &stops, &stops, &ends
		a.LatestInvoiceID, a.LatestInvoiceStatus = "in_1", "open"
	})
	o = p.overview(t, p.alpha)
	if o.State != dashboard.BillingGrace || o.StopsAt == nil || !o.StopsAt.Equal(stops) || o.OpenInvoice != "in_1" || o.UnitPrice != (dashboard.Money{Minor: 450, Currency: "eur"}) {
		t.Errorf("past due: %+v", o)
	}
	p.clock.Advance(time.Hour)
	if o := p.overview(t, p.alpha); o.State != dashboard.BillingSuspended || o.StopsAt != nil {
		t.Errorf("after the grace: %+v", o)
	}
	p.save(t, p.alpha, func(a *store.BillingAccount) {
		a.Access, a.AccessReason, a.CancelAt, a.LatestInvoiceStatus, a.OverdueSince = store.AccessActive, store.ReasonSubscribed, &ends, "paid", nil
	})
	if o := p.overview(t, p.alpha); o.State != dashboard.BillingActive || o.CancelAt == nil || o.OpenInvoice != "" {
		t.Errorf("paid, and canceled for later: %+v", o)
	}
	p.clock.Set(ends)
	if o := p.overview(t, p.alpha); o.State != dashboard.BillingCanceled || o.EndedAt == nil || !o.EndedAt.Equal(ends) || o.CancelAt != nil {
		t.Errorf("after its end: %+v", o)
	}
	if err := p.alpha.Org.MarkConnectionRefused(t.Context(), 1, "no"); err != nil {
		t.Fatal(err)
	}
	if o := p.overview(t, p.alpha); o.CredentialsRefusedAt == nil {
		t.Error("it does not say that the credentials are refused")
	}
}

// counted records a complete count of listings 1 to n, billed for its reason.
func (p planTest) counted(t *testing.T, n int, reason store.BillableReason, hold string) {
	t.Helper()
	at := p.clock.Now()
	c := store.ListingCount{CountedAt: at, Active: n, Total: n, Pages: 1, Complete: true, ConnectionVersion: 1, Source: store.CountDaily}
	for id := range n {
		c.IDs = append(c.IDs, int64(id+1))
	}
	desired, err := p.alpha.Org.Desired(t.Context())
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	change := store.QuantityChange{Desired: &desired}
	if hold != "" {
		desired.HoldReason, desired.HeldQuantity, desired.HeldSince, desired.HeldCountID = hold, n, &at, ""
	} else {
		desired.Quantity, desired.CountedAt, desired.CountID, desired.State = n, at, "", store.QuantityClean
		change.Billable = []store.BillableChange{{EffectiveAt: at, Quantity: n, Reason: reason}}
	}
	if _, err := p.alpha.Org.RecordCount(t.Context(), systemActor(), c, change); err != nil {
		t.Fatal(err)
	}
}

func TestTheDaysOfABill(t *testing.T) {
	t.Parallel()
	p := newPlanTest(t) // 10 March, noon
	const day = 24 * time.Hour
	p.counted(t, 3, store.BillableTrial, "")
	p.clock.Advance(day)
	p.counted(t, 4, store.BillableStart, "")
	p.clock.Advance(2 * day)
	p.counted(t, 6, store.BillableCount, "")
	p.clock.Advance(6 * time.Hour)
	p.counted(t, 5, store.BillableCount, "")
	p.clock.Advance(day)
	p.counted(t, 60, "", "tenfold")
	got, err := p.Days(t.Context(), p.alpha.Org, "2026-03-09", "2026-03-20")
	n := func(v int) *int { return &v }
	want := []dashboard.ListingDay{
		{Date: "2026-03-09"},
		{Date: "2026-03-10", Counted: n(3)},
		{Date: "2026-03-11", Counted: n(4), Billed: n(4)},
		{Date: "2026-03-12", Billed: n(4)},
		{Date: "2026-03-13", Counted: n(5), Billed: n(5)},
		{Date: "2026-03-14", Counted: n(60), Billed: n(5)},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	if days, err := p.Days(t.Context(), p.bravo.Org, "2026-03-14", "2026-03-15"); err != nil || len(days) != 1 || days[0].Counted != nil || days[0].Billed != nil {
		t.Errorf("the other org's days: %+v %v", days, err)
	}
	if _, err := p.Days(t.Context(), p.alpha.Org, "yesterday", "2026-03-15"); err == nil {
		t.Error("a day in words is taken")
	}
	p.save(t, p.alpha, func(a *store.BillingAccount) {
		a.SubscriptionID, a.Status, a.Access, a.AccessReason = "sub_1", "active", store.AccessActive, store.ReasonSubscribed
	})
	o := p.overview(t, p.alpha)
	if o.Billed == nil || *o.Billed != 5 || o.Counted.Active != 60 || o.Held == nil || o.Held.Reason != dashboard.HoldSpike || !o.Held.NeedsOperator || o.Held.Billed != 5 || o.Held.Listings != 60 {
		t.Errorf("%+v, held %+v", o, o.Held)
	}
	// The listings that are billed are those of the count that stands, not of the newest.
	listings, err := p.Listings(t.Context(), p.alpha.Org)
	if err != nil || len(listings.Listings) != 5 || listings.Names || listings.Listings[4].ID != 5 {
		t.Errorf("%+v %v", listings, err)
	}
	var fault *dashboard.BillingError
	if _, err := p.Listings(t.Context(), p.bravo.Org); !errors.As(err, &fault) || fault.Fault != dashboard.FaultNotCounted {
		t.Errorf("the other org's listings: %v", err)
	}
}

func TestBilledListingsHaveTheirNames(t *testing.T) {
	t.Parallel()
	p, u := newPlanTest(t), newUpstreamTest(t)
	p.hostaway = u.upstream
	count, err := u.CountListings(t.Context(), u.alpha.Org)
	if err != nil || !count.Complete {
		t.Fatalf("%+v %v", count, err)
	}
	count.Source = store.CountDaily
	desired := store.DesiredQuantity{Quantity: count.Active, CountedAt: count.CountedAt, State: store.QuantityClean}
	if _, err := u.alpha.Org.RecordCount(t.Context(), systemActor(), count, store.QuantityChange{Desired: &desired}); err != nil {
		t.Fatal(err)
	}
	listings, err := p.Listings(t.Context(), u.alpha.Org)
	if err != nil || !listings.Names || len(listings.Listings) != 11 {
		t.Fatalf("%+v %v", listings, err)
	}
	for _, l := range listings.Listings {
		if l.Name == "" {
			t.Errorf("listing %d has no name", l.ID)
		}
	}
}

// Whether Hostaway is connected is told beside the state, which a trial or a
// subscription goes on having without it.
func TestOverviewTellsOfALostConnection(t *testing.T) {
	t.Parallel()
	p := newPlanTest(t)
	if o := p.overview(t, p.alpha); o.Disconnected || o.State != dashboard.BillingTrial {
		t.Errorf("connected: %+v", o)
	}
	if err := p.alpha.Org.Disconnect(t.Context(), p.alpha.By()); err != nil {
		t.Fatal(err)
	}
	if o := p.overview(t, p.alpha); !o.Disconnected || o.State != dashboard.BillingTrial {
		t.Errorf("disconnected: %+v", o)
	}
}
