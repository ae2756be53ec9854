// An org's data as files: complete, without secrets, as of one moment.

package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/secret"
)

// tablesOf lists the tenant tables of an open store.
func tablesOf(t *testing.T, st *Store) []orgTable {
	t.Helper()
	tables, err := orgTables(t.Context(), st.keeper)
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

// Each tenant table is exported, and each column is in the file or left out on
// purpose. Each tenant table is deleted with its org.
func TestEveryTenantTableIsExportedAndDeleted(t *testing.T) {
	t.Parallel()
	st := freshStore(t)
	var exportedTables, deletedTables []string
	for _, x := range (orgDoor{}).deletions() {
		deletedTables = append(deletedTables, x.table)
	}
	columns := map[string][]string{}
	for _, e := range (orgDoor{}).exports() {
		exportedTables = append(exportedTables, e.table)
		names := exportedColumns(t, st, e.text)
		columns[e.table] = append(names, e.leftOut...)
		for _, name := range []string{"hash", "secret", "token", "token_hash", "arguments_hash", "password"} {
			if slices.Contains(names, name) {
				t.Errorf("%s: the column %s must not leave the database", e.table, name)
			}
		}
	}
	for _, table := range tablesOf(t, st) {
		if n := len(slices.DeleteFunc(slices.Clone(exportedTables), func(s string) bool { return s != table.name })); n != 1 {
			t.Errorf("%s has %d cases in exports(), want 1", table.name, n)
		}
		if n := len(slices.DeleteFunc(slices.Clone(deletedTables), func(s string) bool { return s != table.name })); n != 1 {
			t.Errorf("%s has %d cases in deletions(), want 1", table.name, n)
		}
		want, got := slices.Sorted(slices.Values(table.columns)), slices.Sorted(slices.Values(columns[table.name]))
		if !slices.Equal(want, got) {
			t.Errorf("%s has the columns %v, and exports() knows %v", table.name, want, got)
		}
	}
	if last := deletedTables[len(deletedTables)-1]; last != "orgs_all" {
		t.Errorf("the last to go is %s, want the org itself", last)
	}
}

// exportedColumns names the columns of an export's statement.
func exportedColumns(t *testing.T, st *Store, text string) []string {
	t.Helper()
	conn, err := enter(t.Context(), st.readers, scope{doorOrg, "org_x"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	rows, err := conn.QueryContext(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err := errors.Join(err, rows.Err()); err != nil {
		t.Fatal(err)
	}
	return names
}

// exportOf keeps the files in memory.
func exportOf(t *testing.T, o *Org) (files []ExportedFile, texts map[string]string) {
	t.Helper()
	buffers := map[string]*bytes.Buffer{}
	files, err := o.exportFiles(t.Context(), func(name string) (io.Writer, error) {
		buffers[name] = &bytes.Buffer{}
		return buffers[name], nil
	})
	if err != nil {
		t.Fatal(err)
	}
	texts = map[string]string{}
	for name, b := range buffers {
		texts[name] = b.String()
	}
	return files, texts
}

func TestExportedFiles(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 8, 1, 12, 0, 0, 123e6, time.UTC)
	st := openAt(t, &now)
	a := newParty(t, st, "Acme", 710001)
	newParty(t, st, victim, 820002)
	o := &Org{store: st, id: a.org}
	if err := o.RecordToolCall(t.Context(), ToolCall{KeyID: a.key, Tool: "x", Outcome: OutcomeOK, StartedAt: now, Arguments: json.RawMessage(`{"odd": "<a> \"ü\""}`)}); err != nil {
		t.Fatal(err)
	}
	if err := o.SaveHostawayToken(t.Context(), 1, HostawayToken{Value: secret.New("the access token")}); err != nil {
		t.Fatal(err)
	}
	files, texts := exportOf(t, o)
	rows := map[string][]map[string]any{}
	for _, f := range files {
		var list []map[string]any
		if err := json.Unmarshal([]byte(texts[f.Name]), &list); err != nil || len(list) != f.Rows || f.About == "" {
			t.Errorf("%s: %v, %d rows, said %d\n%s", f.Name, err, len(list), f.Rows, texts[f.Name])
		}
		rows[f.Name] = list
		for _, bad := range []string{victim, strings.ToLower(victim), "secret of Hostaway", "the access token", `"hash"`} {
			if strings.Contains(texts[f.Name], bad) {
				t.Errorf("%s holds %q", f.Name, bad)
			}
		}
	}
	for name, want := range map[string]int{"org.json": 1, "members.json": 1, "api_keys.json": 2, "connection.json": 1, "audit_log.json": 6, "usage.json": 2, "confirmations.json": 1} {
		if len(rows[name]) != want {
			t.Errorf("%s has %d rows, want %d\n%s", name, len(rows[name]), want, texts[name])
		}
	}
	if got := rows["org.json"][0]["created_at"]; got != "2026-08-01T12:00:00.123Z" {
		t.Errorf("a time is %v", got)
	}
	if got := rows["connection.json"][0]["account_id"]; got != 710001.0 {
		t.Errorf("the account is %v", got)
	}
	if !strings.Contains(texts["audit_log.json"], `"arguments": {"odd":`) {
		t.Errorf("arguments are not JSON:\n%s", texts["audit_log.json"])
	}
	empty := &Org{store: st, id: "org_nobody"}
	if _, texts := exportOf(t, empty); texts["org.json"] != "[]\n" || texts["audit_log.json"] != "[]\n" {
		t.Errorf("an org of nobody: %v", texts)
	}
}

// The files show one moment, whatever is written while they are made.
func TestExportIsOfOneMoment(t *testing.T) {
	t.Parallel()
	st := freshStore(t)
	p := newParty(t, st, "Acme", 1)
	o := &Org{store: st, id: p.org}
	var audit bytes.Buffer
	files, err := o.exportFiles(t.Context(), func(name string) (io.Writer, error) {
		if name != "org.json" { // from the second file on, something new comes before each
			if err := o.RecordToolCall(t.Context(), ToolCall{KeyID: p.key, Tool: "written_late", Outcome: OutcomeOK, StartedAt: time.Now()}); err != nil {
				return nil, err
			}
		}
		if name == "audit_log.json" {
			return &audit, nil
		}
		return io.Discard, nil
	})
	if err != nil || strings.Contains(audit.String(), "written_late") {
		t.Errorf("the log holds what came later (%v): %v", err, files)
	}
	broken := errors.New("the disk is full")
	if _, err := o.exportFiles(t.Context(), func(string) (io.Writer, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("exportFiles() = %v", err)
	}
	if _, err := o.exportFiles(t.Context(), func(string) (io.Writer, error) { return failing{broken}, nil }); !errors.Is(err, broken) {
		t.Errorf("exportFiles() = %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := o.exportFiles(ctx, func(string) (io.Writer, error) { cancel(); return io.Discard, nil }); err == nil {
		t.Error("a caller that went away is still served")
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// A long log passes through; it is never in memory as a whole.
func TestExportOfALongLogTakesLittleMemory(t *testing.T) {
	t.Parallel()
	st := freshStore(t)
	p := newParty(t, st, "Acme", 1)
	const entries = 30_000
	fill(t, st, p.org, entries, time.Now())
	var written int64
	var most uint64
	_, err := (&Org{store: st, id: p.org}).exportFiles(t.Context(), func(string) (io.Writer, error) {
		return writerFunc(func(b []byte) (int, error) {
			written += int64(len(b))
			if written%(1<<20) < int64(len(b)) {
				var m runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
			return len(b), nil
		}), nil
	})
	if err != nil || written < entries*300 {
		t.Fatalf("%d bytes, %v", written, err)
	}
	t.Logf("%d MB written, at most %d MB in use by the whole test process", written>>20, most>>20)
	if most > uint64(written)*4 {
		t.Errorf("%d bytes in use for %d written", most, written)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
