// The ledgers are only ever added to: from inside of the org's own door, at the
// system door and on a plain connection; and they go with their org.

package store

import (
	"path/filepath"
	"strings"
	"testing"

	"hostaway-mcp/secret"
)

func TestLedgersAreAppendOnly(t *testing.T) {
	t.Parallel()
	d := newDuel(t)
	st := openInside(t, d.path, d.ring, locks{})
	defer closeStore(t, st)
	a := &Org{store: st, id: d.a.org}
	before := rowsOf(t, d.path, d.a.org)[0]
	ledgers := 0
	for _, table := range tablesOf(t, st) {
		if !table.ledger {
			continue
		}
		ledgers++
		columns := strings.Join(table.columns, ", ")
		for _, text := range []string{
			"UPDATE {v} SET id = id", "UPDATE {v} SET recorded_at = recorded_at + 1", "UPDATE OR IGNORE {v} SET recorded_at = 1",
			"DELETE FROM {v}", "DELETE FROM {v} WHERE id = (SELECT max(id) FROM {v})",
			"REPLACE INTO {v} ({c}) SELECT {c} FROM {v}", "INSERT OR REPLACE INTO {v} ({c}) SELECT {c} FROM {v}",
		} {
			text = strings.NewReplacer("{v}", table.view(), "{c}", columns).Replace(text)
			err := a.write(t.Context(), func(o orgDoor) error { return o.exec(t.Context(), text, nil) })
			if err == nil || !strings.Contains(err.Error(), "append only") && !strings.Contains(err.Error(), "never changes") {
				t.Errorf("%s: %v", text, err)
			}
			err = st.write(t.Context(), func(s systemDoor) error {
				return s.exec(t.Context(), strings.ReplaceAll(text, table.view(), table.name), nil)
			})
			if err == nil {
				t.Errorf("at the system door: %s", text)
			}
		}
		// Without any door, the file itself refuses a change.
		_, err := st.keeper.ExecContext(t.Context(), "UPDATE "+table.name+" SET recorded_at = recorded_at + 1")
		if err == nil || !strings.Contains(err.Error(), "append only") {
			t.Errorf("%s on a plain connection: %v", table.name, err)
		}
	}
	if after := rowsOf(t, d.path, d.a.org)[0]; after != before || ledgers != 2 {
		t.Errorf("of %d ledgers, something changed:\n%s\n%s", ledgers, before, after)
	}
	if _, err := st.DeleteOrg(t.Context(), a); err != nil {
		t.Errorf("the org can't be deleted: %v", err)
	}
	if left := rowsOf(t, d.path, d.a.org)[0]; strings.Contains(left, "cnt_") || strings.Contains(left, "bil_") {
		t.Errorf("left of the ledgers: %s", left)
	}
	if got := rowsOf(t, d.path, d.b.org)[0]; got != d.rowsB {
		t.Error("the other org's ledgers changed")
	}
}

// Without its trigger a ledger can be changed: the test above would notice.
func TestALedgerIsKeptByItsTriggers(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "bare.db")
	ring, err := secret.ParseKeyring(secret.GenerateKey().Reveal())
	if err != nil {
		t.Fatal(err)
	}
	st := openInside(t, path, ring, locks{})
	org := newParty(t, st, "Acme", 1).org
	bill(t, st, org, "Acme")
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	behind(t, path, `DROP TRIGGER listing_counts_all_append_only`)
	st = openInside(t, path, ring, locks{})
	defer closeStore(t, st)
	o := &Org{store: st, id: org}
	for _, text := range []string{"UPDATE listing_counts SET recorded_at = 1", "DELETE FROM billable_changes"} {
		err := o.write(t.Context(), func(d orgDoor) error { return d.exec(t.Context(), text, nil) })
		if isUpdate := strings.HasPrefix(text, "UPDATE"); (err == nil) != isUpdate {
			t.Errorf("%s: %v", text, err)
		}
	}
}
