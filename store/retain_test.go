// What goes because of its age, what stays, and that nobody waits for it.

package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/secret"
)

// openAt opens a store whose clock the test moves.
func openAt(t *testing.T, now *time.Time) *Store {
	t.Helper()
	ring := ringOf(t, secret.GenerateKey())
	st, err := Open(t.Context(), Config{
		Path: filepath.Join(t.TempDir(), "x.db"), PasswordCost: PasswordCost{64, 1, 1}, Now: func() time.Time { return *now }, Mail: true,
		Keyring: func(context.Context, bool) (*secret.Keyring, error) { return ring, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, st) })
	return st
}

// countRows counts the rows of each table.
func countRows(t *testing.T, st *Store, tables ...string) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, table := range tables {
		var n int
		if err := (hands{st.keeper}).get(t.Context(), "SELECT count(*) FROM "+table, nil, &n); err != nil {
			t.Fatal(err)
		}
		counts[table] = n
	}
	return counts
}

func TestRetainSignIns(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	st := openAt(t, &now)
	ctx := t.Context()
	by := Actor{Kind: ActorOperator}
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	signIn := func(keep bool) {
		t.Helper()
		_, _, err := st.SignIn(ctx, SignIn{Email: "acme@example.com", Password: secret.New("violet-harbour-28"), Keep: keep})
		ok(err)
	}
	newParty(t, st, "Acme", 1)
	signIn(false) // ends after a day
	signIn(true)  // ends after two weeks without use
	used, err := st.CreateSignUpLink(ctx, Invite, 90*24*time.Hour, by)
	ok(err)
	_, err = st.CreateSignUpLink(ctx, Invite, time.Hour, by)
	ok(err)
	_, _, err = st.SignUp(ctx, SignUp{OrgName: "Beach", Email: "b@example.com", MemberName: "B", Password: secret.New("violet-harbour-28"), Link: used})
	ok(err) // with a session that ends after a day
	_, err = st.CreatePasswordReset(ctx, "acme@example.com", by)
	ok(err)
	_, _, err = st.SignIn(ctx, SignIn{Email: "nobody@example.com", Password: secret.New("wrong"), IP: "192.0.2.1"})
	if !errors.Is(err, ErrWrongPassword) {
		t.Fatal(err)
	}
	tables := []string{"sessions", "sign_up_links", "password_resets", "attempts", "users", "orgs_all"}
	start := countRows(t, st, tables...)
	for _, step := range []struct {
		after time.Duration
		want  map[string]int // sessions, links, resets, attempts
	}{
		{0, map[string]int{"sessions": 3, "sign_up_links": 2, "password_resets": 1}},
		{23 * time.Hour, map[string]int{"sessions": 3, "sign_up_links": 2, "password_resets": 1}},
		{2 * time.Hour, map[string]int{"sessions": 1, "sign_up_links": 2, "password_resets": 1, "attempts": 0}},
		{14 * 24 * time.Hour, map[string]int{"sessions": 0, "sign_up_links": 2, "password_resets": 1, "attempts": 0}},
		{17 * 24 * time.Hour, map[string]int{"sessions": 0, "sign_up_links": 0, "password_resets": 0, "attempts": 0}},
	} {
		now = now.Add(step.after)
		if _, err := st.RetainSignIns(ctx); err != nil {
			t.Fatal(err)
		}
		got := countRows(t, st, tables...)
		for table, want := range step.want {
			if got[table] != want {
				t.Errorf("%s: %d rows of %s, want %d", now.Format(time.DateTime), got[table], table, want)
			}
		}
		if got["users"] != start["users"] || got["orgs_all"] != 2 {
			t.Errorf("people or orgs are gone: %v", got)
		}
	}
	if start["attempts"] < 2 {
		t.Errorf("%d attempts were there, so their deletion shows nothing", start["attempts"])
	}
}

// Each org's old rows go, and everybody's young ones stay.
func TestRetainOfOrgs(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	st := openAt(t, &now)
	a, b := newParty(t, st, "Acme", 1), newParty(t, st, "Beach", 2)
	old := countRows(t, st, "audit_all", "confirmations_all")
	now = now.AddDate(0, 13, 0)
	for _, p := range []party{a, b} {
		o := &Org{store: st, id: p.org}
		if err := o.RecordAction(t.Context(), Actor{}, Action{Name: "young"}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := o.CreateConfirmation(t.Context(), Confirmation{KeyID: p.key, Tool: "x", ArgumentsHash: []byte{1}}); err != nil {
			t.Fatal(err)
		}
	}
	audits, err := st.RetainAudit(t.Context(), now.AddDate(0, -1, 0))
	if err != nil {
		t.Fatal(err)
	}
	confirms, err := st.RetainConfirmations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{"audit_all": audits, "confirmations_all": confirms}
	if diff := cmp.Diff(old, got); diff != "" {
		t.Errorf("what went (-old rows +deleted):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"audit_all": 2, "confirmations_all": 2}, countRows(t, st, "audit_all", "confirmations_all")); diff != "" {
		t.Errorf("what stays (-want +got):\n%s", diff)
	}
}

// The clock is ten years ahead, and then right again: a week of the log is gone for
// each run meanwhile, and not all of it.
func TestRetentionBearsAWrongClock(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	st := openAt(t, &now)
	p := newParty(t, st, "Acme", 1)
	for day := range 60 {
		fill(t, st, p.org, 10, now.AddDate(0, 0, -day))
	}
	run := func() (deleted int) {
		t.Helper()
		deleted, err := st.RetainAudit(t.Context(), now.AddDate(0, 0, -50))
		if err != nil {
			t.Fatal(err)
		}
		return deleted
	}
	if n := run(); n != 90 {
		t.Errorf("the first run deleted %d entries, want those of nine days", n)
	}
	now = now.AddDate(10, 0, 0)
	for range 2 {
		if n := run(); n != 70 {
			t.Errorf("with a wrong clock it deleted %d entries, want those of a week", n)
		}
	}
	now = now.AddDate(-10, 0, 0)
	if n := run(); n != 0 {
		t.Errorf("with the right clock again it deleted %d", n)
	}
	now = now.AddDate(0, 0, 20) // the log is 50 days long again after 14 of them
	if n := run(); n != 60 {
		t.Errorf("twenty days later it deleted %d entries, want those of six days", n)
	}
}

// fill gives the org so many entries of its audit log.
func fill(t *testing.T, st *Store, org string, entries int, at time.Time) {
	t.Helper()
	var ids risingIDs
	o := &Org{store: st, id: org}
	for entries > 0 {
		n := min(entries, 5000)
		entries -= n
		err := o.write(t.Context(), func(d orgDoor) error {
			for range n {
				err := d.exec(t.Context(), `
INSERT INTO audit (org_id, id, at, actor_kind, actor_id, actor_name, action, target, detail, outcome, error_code, client_name,
  arguments, duration_us, upstream_calls, answer_bytes, ip, user_agent, request_id)
VALUES (?, ?, ?, 'key', 'key_x', 'Claude', 'hostaway_list_properties', '', '', 'ok', '', 'claude-code', '{"limit":10,"status":"active"}', 1200, 1, 900, '192.0.2.7', '', 'req_0123456789')`,
					args{org, ids.next("aud", at), at.UnixMilli()})
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Ten thousand rows go while somebody calls tools all the time, and the space
// that they took goes back to the file system.
func TestRetentionLetsOthersWrite(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	st := openAt(t, &now)
	p := newParty(t, st, "Acme", 1)
	const rows = 10_000
	fill(t, st, p.org, rows, now.AddDate(-2, 0, 0))
	before, err := st.Figures(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	deleting, stop := context.WithCancel(t.Context())
	var calls atomic.Int64
	ended := make(chan error, 1)
	go func() {
		o := &Org{store: st, id: p.org}
		for deleting.Err() == nil {
			if err := o.RecordToolCall(t.Context(), ToolCall{KeyID: p.key, Tool: "x", Outcome: OutcomeOK, StartedAt: now}); err != nil {
				ended <- err
				return
			}
			calls.Add(1)
		}
		ended <- nil
	}()
	deleted, err := st.RetainAudit(t.Context(), now.AddDate(-1, 0, 0))
	meanwhile := calls.Load()
	stop()
	if err := errors.Join(err, <-ended); err != nil || deleted != rows {
		t.Errorf("RetainAudit() = %d, %v", deleted, err)
	}
	if steps := int64(rows / retainStep); meanwhile < steps/5 {
		t.Errorf("only %d calls were recorded between the %d steps", meanwhile, steps)
	}
	pages, err := st.GiveBackSpace(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	after, err := st.Figures(t.Context())
	if err != nil || pages < before.Pages/2 || after.Pages != before.Pages-pages || after.FreePages > max(spaceStep, after.Pages/spaceKept) {
		t.Errorf("%d pages given back; before %+v, after %+v, %v", pages, before, after, err)
	}
	if again, err := st.GiveBackSpace(t.Context()); err != nil || again != 0 {
		t.Errorf("a second time: %d pages, %v", again, err)
	}
	if err := CheckFile(t.Context(), st.path, true); err != nil {
		t.Error(err)
	}
}

func TestALargeWALIsCutOff(t *testing.T) {
	t.Parallel()
	for _, owned := range []bool{false, true} {
		now := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
		st := openAt(t, &now)
		st.replicaOwnsCheckpoints = owned
		p := newParty(t, st, "Acme", 1)
		err := (&Org{store: st, id: p.org}).write(t.Context(), func(d orgDoor) error { // one transaction, so the -wal holds it all
			return d.exec(t.Context(), `UPDATE orgs SET name = hex(zeroblob(?))`, args{walKeptBytes})
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := st.GiveBackSpace(t.Context()); err != nil {
			t.Fatal(err)
		}
		f, err := st.Figures(t.Context())
		if err != nil || (f.WALBytes == 0) == owned {
			t.Errorf("a replica owns it: %t; the -wal has %d bytes, %v", owned, f.WALBytes, err)
		}
	}
}

func TestRefreshStatistics(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	st := openAt(t, &now)
	p := newParty(t, st, "Acme", 1)
	fill(t, st, p.org, 2000, now)
	for range 2 {
		if err := st.RefreshStatistics(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := countRows(t, st, "sqlite_stat1")["sqlite_stat1"]; n == 0 {
		t.Error("SQLite knows nothing of its tables")
	}
	// Everything prepared before must go on, though SQLite prepares it anew.
	o := &Org{store: st, id: p.org}
	if _, _, err := o.ListAudit(t.Context(), AuditFilter{}); err != nil {
		t.Error(err)
	}
	if err := o.RecordToolCall(t.Context(), ToolCall{KeyID: p.key, Tool: "x", Outcome: OutcomeOK, StartedAt: now}); err != nil {
		t.Error(err)
	}
}

func TestJobsAreRemembered(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	st := openAt(t, &now)
	ctx := t.Context()
	later := now.Add(time.Hour)
	slot := int64(7)
	if err := st.EndJob(ctx, "a", slot, now, ""); !errors.Is(err, ErrNotFound) {
		t.Errorf("EndJob() of what never started = %v", err)
	}
	for _, step := range []struct {
		name string
		do   func() error
		want Job
	}{
		{"first start", func() error { return st.StartJob(ctx, "a", nil, now) }, Job{Running: true, StartedAt: &now}},
		{"success", func() error { return st.EndJob(ctx, "a", slot, now, "") }, Job{DoneSlot: &slot, StartedAt: &now, SucceededAt: &now}},
		{"second start", func() error { return st.StartJob(ctx, "a", &now, later) }, Job{DoneSlot: &slot, Running: true, StartedAt: &later, SucceededAt: &now}},
		{"failure", func() error { return st.EndJob(ctx, "a", 8, later, "no") }, Job{DoneSlot: &slot, StartedAt: &later, SucceededAt: &now, FailedAt: &later, Failures: 1, Error: "no"}},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		step.want.Name = "a"
		got, err := st.Jobs(ctx)
		if diff := cmp.Diff([]Job{step.want}, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", step.name, err, diff)
		}
	}
	for _, known := range []*time.Time{nil, &now} {
		if err := st.StartJob(ctx, "a", known, later); !errors.Is(err, ErrConflict) {
			t.Errorf("StartJob() by somebody who knows of %v = %v", known, err)
		}
	}
	if err := st.EndJob(ctx, "a", 8, later, fmt.Sprintf("%4000d", 1)); err != nil {
		t.Fatal(err)
	}
	if got, err := st.Jobs(ctx); err != nil || len(got[0].Error) != jobErrorMost {
		t.Errorf("a long error: %d bytes, %v", len(got[0].Error), err)
	}
}
