// Findings of the reconciler over its runs, and billing in figures.

package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

func TestFindingsComeAndGoWithTheRuns(t *testing.T) {
	t.Parallel()
	clock := clockAt(noon)
	st := storetest.Open(t, storetest.WithClock(clock))
	f := storetest.Org(t, st, "Acme")
	run := func(r store.FindingsRun) {
		t.Helper()
		if err := st.RecordFindings(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(what string, want ...string) {
		t.Helper()
		var got []string
		for _, x := range must[[]store.BillingFinding](t)(st.BillingFindings(t.Context(), noon)) {
			line := fmt.Sprintf("%s %s %s, repairs %d, %s to %s", x.Invariant, x.Subject, x.Detail, x.Repairs, x.FirstSeen.Format("15"), x.LastSeen.Format("15"))
			if x.ResolvedAt != nil {
				line += " resolved " + x.ResolvedAt.Format("15")
			}
			if (x.Subject == "org") != (x.OrgID == f.Org.ID()) {
				t.Errorf("%s is about the org %q", x.Subject, x.OrgID)
			}
			got = append(got, line)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	quantity := store.NewFinding{Invariant: "I1", Subject: "org", OrgID: f.Org.ID(), Detail: "2 and 3", Repaired: true}
	orphan := store.NewFinding{Invariant: "I8", Subject: "cus_9", OrgID: "org_gone", Detail: "an orphan"}
	known := "I8 cus_9 an orphan, repairs 0, 12 to 12"
	broken := func(want map[string]int) {
		t.Helper()
		if diff := cmp.Diff(want, must[store.BillingFigures](t)(st.BillingFigures(t.Context())).BrokenFindings); diff != "" {
			t.Errorf("the figures (-want +got):\n%s", diff)
		}
	}
	run(store.FindingsRun{Invariants: []string{"I1", "I8"}, Found: []store.NewFinding{quantity, orphan}})
	expect("found and repaired", known, "I1 org 2 and 3, repairs 1, 12 to 12 resolved 12")
	broken(map[string]int{"I8": 1})
	clock.Advance(time.Hour)
	// An hourly run looks at I1 alone, and could not look at the org.
	run(store.FindingsRun{Invariants: []string{"I1"}, Unchecked: []string{"org"}})
	expect("not looked at", known, "I1 org 2 and 3, repairs 1, 12 to 12 resolved 12")
	quantity.Detail = "2 and 4"
	run(store.FindingsRun{Invariants: []string{"I1"}, Found: []store.NewFinding{quantity}})
	expect("the repair did not hold", "I1 org 2 and 4, repairs 2, 12 to 13", known)
	broken(map[string]int{"I1": 1, "I8": 1})
	clock.Advance(time.Hour)
	run(store.FindingsRun{Invariants: []string{"I1"}})
	expect("healed", known, "I1 org 2 and 4, repairs 2, 12 to 13 resolved 14")
	clock.Advance(time.Hour)
	run(store.FindingsRun{Invariants: []string{"I1"}, Found: []store.NewFinding{quantity}})
	expect("another time, and repaired", known, "I1 org 2 and 4, repairs 1, 15 to 15 resolved 15")
	clock.Advance(time.Hour)
	run(store.FindingsRun{Invariants: []string{"I1"}})
	expect("the repair has held", known, "I1 org 2 and 4, repairs 1, 15 to 15 resolved 16")
	clock.Advance(time.Hour)
	quantity.Repaired = false
	run(store.FindingsRun{Invariants: []string{"I1"}, Found: []store.NewFinding{quantity}})
	expect("broken anew", "I1 org 2 and 4, repairs 0, 17 to 17", known)
	broken(map[string]int{"I1": 1, "I8": 1})
	if _, err := st.DeleteOrg(t.Context(), f.Org); err != nil {
		t.Fatal(err)
	}
	expect("the org is gone", "I8 cus_9 an orphan, repairs 0, 12 to 12")
}

// Orgs are counted by the access that each one's own account gives.
func TestBillingFiguresOfOrgs(t *testing.T) {
	t.Parallel()
	clock := clockAt(noon)
	st := storetest.Open(t, storetest.WithBilling(), storetest.WithClock(clock))
	if got := must[store.BillingFigures](t)(st.BillingFigures(t.Context())); got.OldestDirty != nil || got.OldestEvent != nil || got.NewestEvent != nil || got.OldestMail != nil || got.OldestHeld != nil || len(got.Orgs) != 0 {
		t.Errorf("of nothing: %+v", got)
	}
	soon, late := noon.Add(time.Hour), noon.Add(48*time.Hour)
	accounts := []store.BillingAccount{
		{Access: "trial", TrialEndsAt: &soon},
		{Access: "trial", TrialEndsAt: &late},
		{Access: "active", CancelAt: &soon},
		{Access: "active", CancelAt: &late, TrialEndsAt: &soon},
		{Access: "grace", GraceEndsAt: &soon},
		{Access: "grace", GraceEndsAt: &late},
		{Access: "grace", GraceEndsAt: &soon, CancelAt: &soon},
		{Access: "suspended", GraceEndsAt: &soon, CancelAt: &soon},
		{Access: "canceled", CancelAt: &late},
		{Access: "none"},
		{Access: "exempt"},
	}
	for i, a := range accounts {
		f := storetest.Org(t, st, fmt.Sprint(i))
		must[store.BillingAccount](t)(f.Org.SaveBilling(t.Context(), f.By(), a))
	}
	for _, at := range []time.Time{noon, soon.Add(-time.Millisecond), soon, late} {
		clock.Set(at)
		want := map[store.Access]int{}
		for _, a := range accounts {
			want[a.AccessAt(at).Access]++
		}
		if diff := cmp.Diff(want, must[store.BillingFigures](t)(st.BillingFigures(t.Context())).Orgs); diff != "" {
			t.Errorf("at %s (-want +got):\n%s", at, diff)
		}
	}
}

// What waits is counted, with since when the oldest does.
func TestBillingFiguresOfWhatWaits(t *testing.T) {
	t.Parallel()
	clock := clockAt(noon)
	st := storetest.Open(t, storetest.WithBilling(), storetest.WithMail(), storetest.WithClock(clock))
	first := storetest.Org(t, st, "Acme")
	storetest.Connect(t, first.Org, 7, "a secret of Hostaway")
	if err := first.Org.MarkConnectionRefused(t.Context(), 1, "invalid_client"); err != nil {
		t.Fatal(err)
	}
	for days, want := range map[int]int{-1: 0, 0: 1, 14: 1} {
		if got := must[[]*store.Org](t)(st.RefusedConnections(t.Context(), noon.AddDate(0, 0, days), 10)); len(got) != want {
			t.Errorf("refused since day %d: %v, want %d", days, got, want)
		}
	}
	c := change(store.DesiredQuantity{HoldReason: "spike", HeldQuantity: 50, HeldSince: &noon}, 3, noon)
	must[store.ListingCount](t)(first.Org.RecordCount(t.Context(), first.By(), count(noon, 3), c))
	clock.Advance(-time.Minute)
	receive(t, st, event("of another shop", "cus_9"))
	if err := st.DeferStripeEvent(t.Context(), "of another shop", noon, store.EventOfNobody); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Minute)
	receive(t, st, event("a", "cus_1"))
	clock.Advance(time.Minute)
	receive(t, st, event("b", "cus_1"))
	for i, key := range []string{"x", "y", "z"} {
		clock.Advance(time.Minute)
		if err := first.Org.EnqueueMails(t.Context(), store.NewMail{Kind: "k", To: store.ToOwners, DedupeKey: key}); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			due := must[[]store.Mail](t)(st.DueMails(t.Context(), clock.Now(), 10))
			// The one that tells of the refusal.
			if err := st.GiveUpMail(t.Context(), due[0], "no such address"); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := must[store.BillingFigures](t)(st.BillingFigures(t.Context()))
	want := store.BillingFigures{
		Orgs: got.Orgs, Dirty: 1, OldestDirty: &noon, Held: 1, OldestHeld: &noon, PendingEvents: 2, OldestEvent: &noon, NewestEvent: ptr(noon.Add(time.Minute)),
		QueuedMails: 3, OldestMail: ptr(noon.Add(2 * time.Minute)), FailedMails: 1, BrokenFindings: map[string]int{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the figures (-want +got):\n%s", diff)
	}
}
