package e2e

import (
	"bytes"
	"database/sql"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "modernc.org/sqlite"
)

const databaseName = "hostaway-mcp.db"

func databaseOf(s *server) string { return filepath.Join(s.data, databaseName) }

// database is a copy of a database's files, opened past the program: what a crash left is looked at without changing it.
type database struct{ *sql.DB }

// copyOfDatabase copies the database of a data folder that nobody uses, with its write-ahead log, and opens the copy.
func copyOfDatabase(t *testing.T, data string) database {
	t.Helper()
	to := t.TempDir()
	for _, suffix := range []string{"", "-wal"} {
		copyFile(t, filepath.Join(data, databaseName+suffix), filepath.Join(to, databaseName+suffix))
	}
	return openDatabase(t, filepath.Join(to, databaseName))
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if os.IsNotExist(err) {
		return
	}
	must(t, err)
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	must(t, err)
	_, err = io.Copy(out, in)
	must(t, err)
	must(t, out.Close())
}

// openDatabase opens a database for reading; a server may be running on it.
func openDatabase(t *testing.T, path string) database {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", OmitHost: true, Path: path}).String()+"?_pragma=busy_timeout(5000)&_pragma=query_only(1)")
	must(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return database{db}
}

// intact runs SQLite's full check.
func (db database) intact(t *testing.T) {
	t.Helper()
	for _, check := range []string{"integrity_check", "foreign_key_check"} {
		if found := db.texts(t, "PRAGMA "+check); strings.Join(found, "") != map[string]string{"integrity_check": "ok"}[check] {
			t.Errorf("%s: %v", check, found)
		}
	}
}

func (db database) texts(t *testing.T, query string) []string {
	t.Helper()
	rows, err := db.Query(query)
	must(t, err)
	defer func() { _ = rows.Close() }()
	var all []string
	for rows.Next() {
		var text sql.NullString
		columns, err := rows.Columns()
		must(t, err)
		into := []any{&text}
		for range columns[1:] {
			into = append(into, new(any))
		}
		must(t, rows.Scan(into...))
		all = append(all, text.String)
	}
	must(t, rows.Err())
	return all
}

// set is texts as a set.
func (db database) set(t *testing.T, query string) map[string]bool {
	t.Helper()
	held := map[string]bool{}
	for _, text := range db.texts(t, query) {
		held[text] = true
	}
	return held
}

func (db database) number(t *testing.T, query string) int64 {
	t.Helper()
	var n int64
	must(t, db.QueryRow(query).Scan(&n))
	return n
}

// What the ledger is compared with.
const (
	callsHeld   = `SELECT request_id FROM audit_all WHERE actor_kind = 'key'`
	keysHeld    = `SELECT id FROM api_keys_all`
	revokesHeld = `SELECT id FROM api_keys_all WHERE revoked_at IS NOT NULL`
)

// dump writes every row of every table, sorted: what two databases with the same content have in common.
func (db database) dump(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, table := range db.texts(t, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
  AND name NOT LIKE '\_litestream\_%' ESCAPE '\' ORDER BY name`) {
		lines := db.rows(t, table)
		slices.Sort(lines)
		fmt.Fprintf(&out, "%s: %d rows\n%s\n", table, len(lines), strings.Join(lines, "\n"))
	}
	return out.Bytes()
}

func (db database) rows(t *testing.T, table string) (lines []string) {
	t.Helper()
	rows, err := db.Query(`SELECT * FROM "` + table + `"`)
	must(t, err)
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	must(t, err)
	row, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range row {
		into[i] = &row[i]
	}
	for rows.Next() {
		must(t, rows.Scan(into...))
		var line strings.Builder
		for _, value := range row {
			if raw, ok := value.([]byte); ok {
				value = string(raw)
			}
			fmt.Fprintf(&line, "%v\x00", value)
		}
		lines = append(lines, line.String())
	}
	must(t, rows.Err())
	return lines
}
