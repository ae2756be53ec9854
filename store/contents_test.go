package store_test

import (
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"testing"
	"time"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

func TestContentsTellTwoFilesApart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	clock := clockAt(noon)
	st := storetest.Open(t, storetest.WithPath(path), storetest.WithClock(clock))
	read := func() (map[string]string, string) {
		t.Helper()
		return must[map[string]string](t)(store.ReadContents(t.Context(), path)), must[string](t)(store.ReadNewest(t.Context(), path))
	}
	empty, none := read()
	if len(empty) < 10 || none != "" {
		t.Errorf("of a fresh database: %d tables, newest %q", len(empty), none)
	}
	f := storetest.Org(t, st, "Acme")
	before, first := read()
	if again, _ := read(); !maps.Equal(before, again) {
		t.Error("the same file has other digests when it is read again")
	}
	if err := f.Org.RecordToolCall(t.Context(), toolCall(f, "x", clock.Now())); err != nil {
		t.Fatal(err)
	}
	after, second := read()
	if first == "" || second <= first {
		t.Errorf("newest: %q, then %q", first, second)
	}
	for table := range after {
		if changed := before[table] != after[table]; changed != (table == "audit_all" || table == "usage_all") {
			t.Errorf("%s changed: %v", table, changed)
		}
	}
}

func TestContentsOfNothing(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "none.db")
	if _, err := store.ReadContents(t.Context(), missing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("contents: %v", err)
	}
	if _, err := store.ReadNewest(t.Context(), missing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("newest: %v", err)
	}
}

// Deleting what is newest, an org or the oldest of a quiet server's log, does not
// make the file look older.
func TestWhatIsNewestNeverFalls(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	clock := clockAt(noon)
	st := storetest.Open(t, storetest.WithPath(path), storetest.WithClock(clock))
	read := func() string { return must[string](t)(store.ReadNewest(t.Context(), path)) }
	a, b := storetest.Org(t, st, "Acme"), storetest.Org(t, st, "Beach")
	for _, f := range []storetest.Fixture{a, b} {
		clock.Advance(time.Hour)
		if err := f.Org.RecordToolCall(t.Context(), toolCall(f, "x", clock.Now())); err != nil {
			t.Fatal(err)
		}
	}
	before := read()
	if _, err := st.DeleteOrg(t.Context(), b.Org); err != nil {
		t.Fatal(err)
	}
	if after := read(); after <= before {
		t.Errorf("newest was %q, and %q after an org was deleted", before, after)
	}
	clock.Set(clock.Now().AddDate(2, 0, 0))
	before = read()
	if n, err := st.RetainAudit(t.Context(), clock.Now().AddDate(-1, 0, 0)); err != nil || n == 0 {
		t.Fatalf("%d deleted, %v", n, err)
	}
	if after := read(); after < before {
		t.Errorf("newest was %q, and %q after the log was pruned", before, after)
	}
}
