// What billing and mail leave behind goes in time, and the ledgers never.

package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Events go after 60 days, mails and findings after 90, from when they ended. What
// still waits stays, and so do the ledgers.
func TestRetainBilling(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	st := openAt(t, &now)
	ctx := t.Context()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range []string{"Acme", "Beach"} {
		bill(t, st, newParty(t, st, name, int64(i+1)).org, name)
	}
	users, err := st.Users(ctx)
	ok(err)
	ok(st.EnqueueUserMail(ctx, NewUserMail{users[0].ID, "reset", "a", nil}))
	mails, err := st.DueMails(ctx, now, 10)
	ok(err)
	for _, m := range mails {
		ok(st.FinishMail(ctx, m))
	}
	ok((&Org{store: st, id: rowsOrg(t, st)}).EnqueueMails(ctx, NewMail{"waits", ToOwners, "waits", nil}))
	ok(st.EnqueueUserMail(ctx, NewUserMail{users[0].ID, "waits", "waits", nil}))
	for _, id := range []string{"evt_1", "evt_2", "evt_waits"} {
		_, err := st.ReceiveStripeEvent(ctx, StripeEvent{ID: id, Type: "x", Customer: "cus_1"})
		ok(err)
	}
	ok(st.FinishStripeEvent(ctx, "evt_1", EventDone, ""))
	ok(st.FinishStripeEvent(ctx, "evt_2", EventIgnored, ""))
	ok(st.RecordFindings(ctx, FindingsRun{Found: []NewFinding{{Invariant: "I1", Subject: "a"}, {Invariant: "I2", Subject: "a"}}}))
	ok(st.RecordFindings(ctx, FindingsRun{Invariants: []string{"I1"}}))
	tables := []string{"stripe_events", "mails_all", "user_mails", "billing_findings"}
	ledgers := []string{"listing_counts_all", "billable_changes_all", "billing_accounts_all", "desired_quantities_all"}
	start := countRows(t, st, ledgers...)
	for _, step := range []struct {
		after time.Duration
		want  map[string]int
	}{
		{0, map[string]int{"stripe_events": 3, "mails_all": 3, "user_mails": 2, "billing_findings": 2}},
		{eventsKept, map[string]int{"stripe_events": 3, "mails_all": 3, "user_mails": 2, "billing_findings": 2}},
		{time.Millisecond, map[string]int{"stripe_events": 1, "mails_all": 3, "user_mails": 2, "billing_findings": 2}},
		{mailsKept - eventsKept, map[string]int{"stripe_events": 1, "mails_all": 1, "user_mails": 1, "billing_findings": 1}},
		{10 * mailsKept, map[string]int{"stripe_events": 1, "mails_all": 1, "user_mails": 1, "billing_findings": 1}},
	} {
		now = now.Add(step.after)
		_, err := st.RetainBilling(ctx)
		ok(err)
		if diff := cmp.Diff(step.want, countRows(t, st, tables...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", now.Format(time.DateTime), diff)
		}
	}
	if diff := cmp.Diff(start, countRows(t, st, ledgers...)); diff != "" || start["listing_counts_all"] != 2 {
		t.Errorf("the ledgers (-before +after):\n%s", diff)
	}
}

// rowsOrg is the id of one org.
func rowsOrg(t *testing.T, st *Store) (id string) {
	t.Helper()
	if err := (hands{st.keeper}).get(t.Context(), `SELECT id FROM orgs_all LIMIT 1`, nil, &id); err != nil {
		t.Fatal(err)
	}
	return id
}
