// Access: what time does to it, and that every door tells it.

package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

func ptr[T any](v T) *T { return &v }

func TestAccessAtATime(t *testing.T) {
	t.Parallel()
	end := noon.Add(time.Hour)
	for name, c := range map[string]struct {
		have             store.BillingAccount
		before, at, long store.Access // before the end, at it, long after
		reason           store.AccessReason
	}{
		"trial":                  {store.BillingAccount{Access: "trial", AccessReason: "trial", TrialEndsAt: &end}, "trial", "none", "none", store.ReasonTrialEnded},
		"subscribed after it":    {store.BillingAccount{Access: "active", AccessReason: "subscribed", TrialEndsAt: &end}, "active", "active", "active", store.ReasonSubscribed},
		"canceled for later":     {store.BillingAccount{Access: "active", AccessReason: "subscribed", CancelAt: &end}, "active", "canceled", "canceled", store.ReasonCanceled},
		"grace":                  {store.BillingAccount{Access: "grace", AccessReason: "payment_failed", GraceEndsAt: &end}, "grace", "suspended", "suspended", store.ReasonPaymentFailed},
		"canceled during grace":  {store.BillingAccount{Access: "grace", AccessReason: "payment_failed", CancelAt: &end, GraceEndsAt: ptr(end.Add(48 * time.Hour))}, "grace", "canceled", "canceled", store.ReasonCanceled},
		"suspended":              {store.BillingAccount{Access: "suspended", AccessReason: "payment_failed", CancelAt: &end, GraceEndsAt: &end}, "suspended", "suspended", "suspended", store.ReasonPaymentFailed},
		"given up in the trial":  {store.BillingAccount{Access: "trial", AccessReason: "payment_failed", TrialEndsAt: &end, CancelAt: ptr(end.Add(-time.Hour))}, "trial", "canceled", "canceled", store.ReasonPaymentFailed},
		"past due in the trial":  {store.BillingAccount{Access: "trial", AccessReason: "payment_failed", TrialEndsAt: &end, GraceEndsAt: ptr(end.Add(-time.Hour))}, "trial", "suspended", "suspended", store.ReasonPaymentFailed},
		"grace beyond the trial": {store.BillingAccount{Access: "trial", AccessReason: "payment_failed", TrialEndsAt: &end, GraceEndsAt: ptr(end.Add(48 * time.Hour))}, "trial", "grace", "suspended", store.ReasonPaymentFailed},
		"unpaid in the trial":    {store.BillingAccount{Access: "trial", AccessReason: "unpaid", TrialEndsAt: &end}, "trial", "suspended", "suspended", store.ReasonUnpaid},
		"deleted in the trial":   {store.BillingAccount{Access: "trial", AccessReason: "customer_deleted", TrialEndsAt: &end, CancelAt: ptr(end.Add(-time.Hour))}, "trial", "canceled", "canceled", store.ReasonCustomerDeleted},
		"ends before the trial":  {store.BillingAccount{Access: "active", AccessReason: "subscribed", TrialEndsAt: &end, CancelAt: ptr(end.Add(-time.Hour))}, "trial", "canceled", "canceled", store.ReasonCanceled},
		"trial without an end":   {store.BillingAccount{Access: "trial", AccessReason: "trial"}, "trial", "trial", "trial", store.ReasonTrial},
		"none":                   {store.BillingAccount{Access: "none", AccessReason: "trial_used"}, "none", "none", "none", store.ReasonTrialUsed},
		"exempt":                 {store.BillingAccount{Access: "exempt", AccessReason: "comped", CancelAt: &end}, "exempt", "exempt", "exempt", "comped"},
	} {
		got := []store.Access{
			c.have.AccessAt(end.Add(-time.Millisecond)).Access, c.have.AccessAt(end).Access, c.have.AccessAt(end.AddDate(1, 0, 0)).Access,
		}
		if diff := cmp.Diff([]store.Access{c.before, c.at, c.long}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if got := c.have.AccessAt(end.AddDate(1, 0, 0)); got.Reason != c.reason || got.Allowed() != got.Access.Allowed() {
			t.Errorf("%s ends as %+v, want %s", name, got, c.reason)
		}
	}
	for access, want := range map[store.Access]bool{
		"exempt": true, "trial": true, "active": true, "grace": true, "suspended": false, "canceled": false, "none": false, "": false, "anything": false,
	} {
		if access.Allowed() != want {
			t.Errorf("%q allows %t", access, !want)
		}
	}
}

// The doors of one store with billing on and of the same file with billing off.
func TestEveryDoorTellsTheAccess(t *testing.T) {
	t.Parallel()
	clock := clockAt(noon)
	st := storetest.Open(t, storetest.WithBilling(), storetest.WithClock(clock))
	f := storetest.Org(t, st, "Acme")
	doors := func() map[string]store.AccessState {
		t.Helper()
		got := map[string]store.AccessState{}
		o, _, err := st.OrgByAPIKey(t.Context(), f.APIKey)
		if err != nil {
			t.Fatal(err)
		}
		got["key"] = o.Access()
		token, _ := signIn(t, st, f)
		if o, _, err = st.OrgBySession(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		got["session"] = o.Access()
		for o, err := range st.EachOrg(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			got["each"] = o.Access()
		}
		if o, err := st.OrgByStripeCustomer(t.Context(), "cus_1"); err == nil {
			got["customer"] = o.Access()
		}
		return got
	}
	check := func(what string, want store.AccessState, count int) {
		t.Helper()
		got := doors()
		if len(got) != count {
			t.Errorf("%s: %d doors open, want %d", what, len(got), count)
		}
		for door, state := range got {
			if diff := cmp.Diff(want, state); diff != "" {
				t.Errorf("%s, by the %s (-want +got):\n%s", what, door, diff)
			}
		}
	}
	check("before the connection", store.AccessState{Access: store.AccessNone, Reason: store.ReasonNotConnected}, 3)
	storetest.Connect(t, f.Org, 7, "a secret of Hostaway")
	ends := noon.Add(14 * 24 * time.Hour)
	check("in the trial", store.AccessState{Access: store.AccessTrial, Reason: store.ReasonTrial, TrialEndsAt: &ends}, 3)
	clock.Set(ends)
	check("after the trial", store.AccessState{Access: store.AccessNone, Reason: store.ReasonTrialEnded, TrialEndsAt: &ends}, 3)
	a := must[store.BillingAccount](t)(f.Org.Billing(t.Context()))
	later := ends.Add(time.Hour)
	a.CustomerID, a.Access, a.AccessReason, a.CancelAt, a.GraceEndsAt = "cus_1", store.AccessGrace, store.ReasonPaymentFailed, ptr(later.Add(time.Hour)), &later
	must[store.BillingAccount](t)(f.Org.SaveBilling(t.Context(), f.By(), a))
	check("in grace", store.AccessState{Access: store.AccessGrace, Reason: store.ReasonPaymentFailed, TrialEndsAt: &ends, CancelAt: a.CancelAt, GraceEndsAt: &later}, 4)
	if f.Org.Access().Reason != store.ReasonNotConnected {
		t.Errorf("an org tells the access of another moment than when its door was entered: %+v", f.Org.Access())
	}
}
