// The trial: with the first connection, once for each Hostaway account.

package store_test

import (
	"errors"
	"testing"
	"time"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

func accessOf(t *testing.T, o *store.Org) (store.Access, store.AccessReason, *time.Time) {
	t.Helper()
	a, err := o.Billing(t.Context())
	if errors.Is(err, store.ErrNotFound) {
		return "", "", nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return a.Access, a.AccessReason, a.TrialEndsAt
}

func TestATrialComesOncePerHostawayAccount(t *testing.T) {
	t.Parallel()
	clock := clockAt(noon)
	st := storetest.Open(t, storetest.WithBilling(), storetest.WithClock(clock))
	const text = "a secret of Hostaway"
	a := storetest.Org(t, st, "Acme")
	expect := func(what string, o *store.Org, access store.Access, reason store.AccessReason, ends *time.Time) {
		t.Helper()
		gotAccess, gotReason, gotEnds := accessOf(t, o)
		if gotAccess != access || gotReason != reason || (ends == nil) != (gotEnds == nil) || ends != nil && !ends.Equal(*gotEnds) {
			t.Errorf("%s: %s (%s) until %v, want %s (%s) until %v", what, gotAccess, gotReason, gotEnds, access, reason, ends)
		}
	}
	expect("not connected", a.Org, "", "", nil)
	storetest.Connect(t, a.Org, 7, text)
	ends := noon.Add(14 * 24 * time.Hour)
	expect("connected", a.Org, store.AccessTrial, store.ReasonTrial, &ends)

	// Nothing starts it again: a new secret, another connection, a repeated start.
	clock.Advance(3 * 24 * time.Hour)
	storetest.Connect(t, a.Org, 7, text+" 2")
	if err := a.Org.Disconnect(t.Context(), a.By()); err != nil {
		t.Fatal(err)
	}
	if err := a.Org.StartTrial(t.Context()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a trial without a connection: %v", err)
	}
	storetest.Connect(t, a.Org, 7, text)
	storetest.Connect(t, a.Org, 8, text) // account 8 has had its trial now, too
	for range 3 {
		if err := a.Org.StartTrial(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	expect("connected again and again", a.Org, store.AccessTrial, store.ReasonTrial, &ends)
	if got := audited(t, a.Org, "billing."); len(got) != 1 {
		t.Errorf("the log has %q, want one change", got)
	}

	// The account goes to a second org, and to one that signs up after the first is gone.
	if err := a.Org.Disconnect(t.Context(), a.By()); err != nil {
		t.Fatal(err)
	}
	b := storetest.Org(t, st, "Beach")
	storetest.Connect(t, b.Org, 7, text)
	expect("a second org", b.Org, store.AccessNone, store.ReasonTrialUsed, nil)
	for _, f := range []storetest.Fixture{a, b} {
		if _, err := st.DeleteOrg(t.Context(), f.Org); err != nil {
			t.Fatal(err)
		}
	}
	c := storetest.Org(t, st, "Acme")
	storetest.Connect(t, c.Org, 7, text)
	expect("signed up again", c.Org, store.AccessNone, store.ReasonTrialUsed, nil)
	storetest.Connect(t, c.Org, 8, text)
	expect("with the first org's other account", c.Org, store.AccessNone, store.ReasonTrialUsed, nil)
	storetest.Connect(t, c.Org, 9, text)
	later := clock.Now().Add(14 * 24 * time.Hour)
	expect("with an account that is new", c.Org, store.AccessTrial, store.ReasonTrial, &later)
}

// Who pays has no use for a trial, and whoever had one gets no second by paying.
func TestASubscriberGetsNoTrial(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t, storetest.WithBilling())
	f := storetest.Org(t, st, "Acme")
	must[store.BillingAccount](t)(f.Org.SaveBilling(t.Context(), f.By(), store.BillingAccount{
		CustomerID: "cus_1", SubscriptionID: "sub_1", Status: "active", Access: store.AccessActive, AccessReason: store.ReasonSubscribed,
	}))
	storetest.Connect(t, f.Org, 7, "a secret of Hostaway")
	if access, _, ends := accessOf(t, f.Org); access != store.AccessActive || ends != nil {
		t.Errorf("after the connection: %s until %v", access, ends)
	}
}

// A connection that is refused uses no trial up.
func TestATrialStartsWithItsConnectionOrNotAtAll(t *testing.T) {
	t.Parallel()
	st, f := billed(t)
	thief := storetest.Org(t, st, "Beach")
	_, err := thief.Org.Connect(t.Context(), thief.By(), store.NewConnection{AccountID: 7, Secret: secret.New("a secret of Hostaway")})
	if !errors.Is(err, store.ErrConflict) {
		t.Fatalf("an account of another org: %v", err)
	}
	if access, _, _ := accessOf(t, thief.Org); access != "" {
		t.Errorf("a refused connection leaves the access %s", access)
	}
	if access, _, _ := accessOf(t, f.Org); access != store.AccessTrial {
		t.Errorf("the account's own org has the access %s", access)
	}
}

// Orgs that were connected before billing was turned on get their trial at the first
// start with it; orgs that are not connected wait.
func TestTrialsStartWhenBillingIsTurnedOn(t *testing.T) {
	t.Parallel()
	path, ring := t.TempDir()+"/x.db", storetest.Keyring(t, 1)
	clock := clockAt(noon)
	opts := []storetest.Option{storetest.WithPath(path), storetest.WithKeyring(ring), storetest.WithClock(clock)}
	off := storetest.Open(t, opts...)
	var orgs []storetest.Fixture
	for i, name := range []string{"Acme", "Beach", "Coast"} {
		orgs = append(orgs, storetest.Org(t, off, name))
		if name != "Coast" {
			storetest.Connect(t, orgs[i].Org, int64(i+1), "a secret of Hostaway")
		}
	}
	if n, err := off.StartTrials(t.Context()); n != 0 || err != nil || orgs[0].Org.Access().Access != store.AccessExempt {
		t.Errorf("without billing: %d trials, %v, access %+v", n, err, orgs[0].Org.Access())
	}
	on := storetest.Open(t, append(opts, storetest.WithBilling())...)
	clock.Advance(time.Hour)
	for _, want := range []int{2, 0} {
		if n, err := on.StartTrials(t.Context()); n != want || err != nil {
			t.Errorf("StartTrials() = %d, %v, want %d", n, err, want)
		}
	}
	ends := noon.Add(time.Hour + 14*24*time.Hour)
	for _, f := range orgs {
		o, _, err := on.OrgByAPIKey(t.Context(), f.APIKey)
		if err != nil {
			t.Fatal(err)
		}
		want := store.AccessState{Access: store.AccessTrial, Reason: store.ReasonTrial, TrialEndsAt: &ends}
		if o.Name() == "Coast" {
			want = store.AccessState{Access: store.AccessNone, Reason: store.ReasonNotConnected}
		}
		if got := o.Access(); got.Access != want.Access || got.Reason != want.Reason || (want.TrialEndsAt != nil && !got.TrialEndsAt.Equal(ends)) {
			t.Errorf("%s: %+v, want %+v", o.Name(), got, want)
		}
	}
	if still := must[store.BillingAccount](t)(orgs[0].Org.Billing(t.Context())); still.Access != store.AccessTrial || orgs[0].Org.Access().Access != store.AccessExempt {
		t.Errorf("turned off again: %+v, access %+v", still, orgs[0].Org.Access())
	}
}
