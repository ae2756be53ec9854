// A full disk, as seen by a database that may not grow. full_disk_linux_test.go
// fills a real one.

package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/secret"
)

// limitPages bounds the database from now on. The limit is the connection's own;
// the pragma goes around the door.
func limitPages(t *testing.T, st *Store, pages int) {
	t.Helper()
	conn, err := st.writer.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	err = conn.Raw(func(dc any) error {
		c := dc.(*scopedConn)
		if err := c.raw.RegisterAuthorizer(nil); err != nil {
			return err
		}
		_, err := c.raw.ExecContext(t.Context(), `PRAGMA max_page_count = `+strconv.Itoa(pages), nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A full disk: every write says so and leaves nothing behind; once there is room,
// it goes on.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	st := freshStore(t)
	p := newParty(t, st, "Acme", 1)
	ctx, o := t.Context(), &Org{store: st, id: p.org}
	limitPages(t, st, 1) // SQLite makes it the present size
	big := strings.Repeat("x", 40_000)
	by := Actor{Kind: ActorSystem}
	count := func() (audits, calls int) {
		t.Helper()
		page, _, err := o.ListAudit(ctx, AuditFilter{Limit: 200})
		if err != nil {
			t.Fatal(err)
		}
		day := time.Now().UTC()
		u, err := o.Usage(ctx, day.AddDate(0, 0, -1).Format(time.DateOnly), day.AddDate(0, 0, 2).Format(time.DateOnly))
		if err != nil {
			t.Fatal(err)
		}
		return len(page), u.Total
	}
	auditsBefore, callsBefore := count()
	call := ToolCall{Tool: "x", Outcome: OutcomeOK, StartedAt: time.Now(), Arguments: []byte(`"` + big + `"`)}
	for name, err := range map[string]error{
		"a tool call": o.RecordToolCall(ctx, call),
		"an action":   o.RecordAction(ctx, by, Action{Name: "x", Detail: big}),
		"a refusal":   o.MarkConnectionRefused(ctx, 1, big),
	} {
		if !errors.Is(err, ErrDiskFull) || !strings.Contains(err.Error(), "free some space") {
			t.Errorf("%s on a full disk: %v, want ErrDiskFull", name, err)
		}
	}
	if audits, calls := count(); audits != auditsBefore || calls != callsBefore {
		t.Errorf("something was half written: %d entries, %d calls", audits, calls)
	}
	if c, err := o.Connection(ctx); err != nil || c.State != ConnectionConnected {
		t.Errorf("something was half written: %+v, %v", c, err)
	}
	limitPages(t, st, 1<<20)
	if err := o.RecordToolCall(ctx, call); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if audits, calls := count(); audits != auditsBefore+1 || calls != callsBefore+1 {
		t.Errorf("with room again: %d entries, %d calls", audits, calls)
	}
}

// loggingStore is a store whose log the test reads once it is closed.
func loggingStore(t *testing.T, log *bytes.Buffer) *Store {
	t.Helper()
	ring := ringOf(t, secret.GenerateKey())
	st, err := Open(t.Context(), Config{
		Path: filepath.Join(t.TempDir(), "x.db"), PasswordCost: PasswordCost{64, 1, 1}, Log: slog.New(slog.NewTextHandler(log, nil)),
		Keyring: func(context.Context, bool) (*secret.Keyring, error) { return ring, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// It is told once when it begins and once when it ends, and a transaction that
// changes nothing does not pass for room.
func TestAFullDiskIsNoticed(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	st := loggingStore(t, &log)
	p := newParty(t, st, "Acme", 1)
	o := &Org{store: st, id: p.org}
	big := Action{Name: "x", Detail: strings.Repeat("x", 40_000)}
	if !st.FullSince().IsZero() {
		t.Error("full before anything happened")
	}
	limitPages(t, st, 1)
	for range 5 {
		if err := o.RecordAction(t.Context(), Actor{}, big); !errors.Is(err, ErrDiskFull) {
			t.Fatal(err)
		}
	}
	if since := st.FullSince(); since.IsZero() || time.Since(since) > time.Minute {
		t.Errorf("full since %s", since)
	}
	limitPages(t, st, 1<<20)
	if _, err := st.RetainSignIns(t.Context()); err != nil { // nothing to delete, and room to say so
		t.Fatal(err)
	}
	if !st.FullSince().IsZero() {
		t.Error("full though a write went well")
	}
	closeStore(t, st)
	if text := log.String(); strings.Count(text, "the disk is full: what is there") != 1 || strings.Count(text, "there is room on the disk again") != 1 {
		t.Errorf("the log says:\n%s", text)
	}
}

// A change has happened at Hostaway, and the disk takes no entry: it is kept, and
// recorded once there is room. A call that changed nothing is not.
func TestChangesAreRecordedLate(t *testing.T) {
	t.Parallel()
	for _, room := range []bool{true, false} {
		var log bytes.Buffer
		st := loggingStore(t, &log)
		p := newParty(t, st, "Acme", 1)
		o := &Org{store: st, id: p.org}
		limitPages(t, st, 1)
		big := []byte(`"` + strings.Repeat("x", 40_000) + `"`)
		for i, changed := range []bool{true, false, true} {
			call := ToolCall{Tool: fmt.Sprint("tool", i), Outcome: OutcomeOK, StartedAt: time.Now(), Arguments: big, Changed: changed}
			if err := o.RecordToolCall(t.Context(), call); !errors.Is(err, ErrDiskFull) {
				t.Fatal(err)
			}
		}
		if room {
			limitPages(t, st, 1<<20)
			if err := o.RecordToolCall(t.Context(), ToolCall{Tool: "next", Outcome: OutcomeOK, StartedAt: time.Now()}); err != nil {
				t.Fatal(err)
			}
		}
		ring := st.ring.current()
		closeStore(t, st) // tries once more
		st = openInside(t, st.path, ring, locks{})
		page, _, err := (&Org{store: st, id: p.org}).ListAudit(t.Context(), AuditFilter{Limit: 200})
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]int{}
		for _, e := range page {
			found[e.Action]++
		}
		if want := map[bool]int{true: 1, false: 0}[room]; found["tool0"] != want || found["tool2"] != want || found["tool1"] != 0 {
			t.Errorf("room %t: the log has %v", room, found)
		}
		if lost := strings.Count(log.String(), "a change was made and is not in the audit log"); (lost == 2) == room || (lost == 0) != room {
			t.Errorf("room %t: %d changes are left to the log:\n%s", room, lost, log.String())
		}
		closeStore(t, st)
	}
}
