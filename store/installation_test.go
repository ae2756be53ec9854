// The installation's id, also as read from files that a crash or a copy left.

package store

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/secret"
)

// folder lists names and sizes, and which bytes a database file begins with.
func folder(t *testing.T, path string) map[string]int64 {
	t.Helper()
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]int64{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = info.Size()
	}
	return all
}

// copyFiles copies a database as a crash would leave it: with these side files.
func copyFiles(t *testing.T, from, to string, sides ...string) {
	t.Helper()
	for _, side := range append(sides, "") {
		data, err := os.ReadFile(from + side)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to+side, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestInstallationIsReadFromAnyFile(t *testing.T) {
	t.Parallel()
	st := freshStore(t)
	id, err := st.Installation(t.Context())
	if err != nil || !strings.HasPrefix(id, "ins_") || len(id) != 36 {
		t.Fatalf("Installation() = %q, %v", id, err)
	}
	if other, err := freshStore(t).Installation(t.Context()); err != nil || other == id {
		t.Errorf("another database has the id %q, %v", other, err)
	}
	crashed := filepath.Join(t.TempDir(), "crashed.db")
	copyFiles(t, st.path, crashed, "-wal", "-shm")
	noIndex := filepath.Join(t.TempDir(), "no-index.db") // the id is in the -wal alone
	copyFiles(t, st.path, noIndex, "-wal")
	closeStore(t, st)
	clean := st.path
	reopened := openInside(t, copyOf(t, clean), st.ring.current(), locks{})
	defer closeStore(t, reopened)
	for name, path := range map[string]string{"closed": clean, "crashed": crashed, "crashed, without index": noIndex, "in use": reopened.path} {
		before := folder(t, filepath.Dir(path))
		got, err := ReadInstallation(t.Context(), path)
		if err != nil || got != id {
			t.Errorf("%s: ReadInstallation() = %q, %v; want %q", name, got, err, id)
		}
		if diff := cmp.Diff(before, folder(t, filepath.Dir(path))); diff != "" {
			t.Errorf("%s: the folder changed (-before +after):\n%s", name, diff)
		}
	}
	if err := reopened.write(t.Context(), func(d systemDoor) error { return d.exec(t.Context(), sysDropCanaries, args{"x"}) }); err != nil {
		t.Errorf("the file that was read while in use can't be written to: %v", err)
	}
}

func copyOf(t *testing.T, path string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy.db")
	copyFiles(t, path, to)
	return to
}

func TestInstallationOfOtherFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old := filepath.Join(dir, "old.db")
	behind(t, old, `CREATE TABLE something (a INTEGER)`)
	junk := filepath.Join(dir, "junk.db")
	if err := os.WriteFile(junk, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "empty.db")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	before := folder(t, dir)
	for name, want := range map[string]error{"old.db": ErrNotFound, "junk.db": ErrDamaged, "empty.db": ErrNotFound, "none.db": fs.ErrNotExist} {
		if id, err := ReadInstallation(t.Context(), filepath.Join(dir, name)); !errors.Is(err, want) {
			t.Errorf("%s: %q, %v; want %v", name, id, err, want)
		}
	}
	if diff := cmp.Diff(before, folder(t, dir)); diff != "" {
		t.Errorf("the folder changed (-before +after):\n%s", diff)
	}
}

// A database from before it could give pages back is written anew, once.
func TestOldDatabaseIsWrittenAnew(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "old.db")
	texts, err := migrationTexts()
	if err != nil {
		t.Fatal(err)
	}
	behind(t, path, texts[0], `PRAGMA user_version = 1`,
		`INSERT INTO orgs_all (id, name, connections, created_at) VALUES ('org_x', 'left over from the old file', 0, 1)`, `DELETE FROM orgs_all`)
	mode := func() (mode int) {
		db, err := openPlain(dsn(Config{Path: path}))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if err := db.QueryRowContext(t.Context(), "PRAGMA auto_vacuum").Scan(&mode); err != nil {
			t.Fatal(err)
		}
		return mode
	}
	const none, incremental = 0, 2 // SQLite's numbers
	if got := mode(); got != none {
		t.Fatalf("auto_vacuum of the old file is %d", got)
	}
	ring := ringOf(t, secret.GenerateKey())
	if _, err := tryOpen(t, path, ring); err != nil {
		t.Fatal(err)
	}
	if got := mode(); got != incremental {
		t.Errorf("auto_vacuum of the file that was brought up is %d", got)
	}
	fresh := freshStore(t)
	path = fresh.path
	if got := mode(); got != incremental {
		t.Errorf("auto_vacuum of a new file is %d", got)
	}
}

// What replication keeps in the file is nobody's: no door reads it, and opening
// does not mind it.
func TestReplicationsTablesAreLeftAlone(t *testing.T) {
	t.Parallel()
	st := freshStore(t)
	ring := st.ring.current()
	closeStore(t, st)
	behind(t, st.path, `CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)`, `CREATE TABLE _litestream_lock (id INTEGER)`)
	st = openInside(t, st.path, ring, locks{})
	defer closeStore(t, st)
	for _, sc := range []scope{{door: doorSystem}, {doorOrg, "org_x"}} {
		conn, err := enter(t.Context(), st.writer, sc)
		if err != nil {
			t.Fatal(err)
		}
		err = conn.Raw(func(dc any) error {
			_, err := dc.(*scopedConn).raw.PrepareContext(context.WithoutCancel(t.Context()), `SELECT seq FROM _litestream_seq`)
			return err
		})
		if err == nil {
			t.Errorf("door %d reads the replication's table", sc.door)
		}
		_ = conn.Close()
	}
	db, err := openPlain(dsn(Config{Path: st.path}))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	names, err := schemaOf(t.Context(), hands{db})
	if err != nil || len(names) < 10 || strings.Contains(strings.Join(names, " "), "litestream") {
		t.Errorf("schemaOf() = %v, %v", names, err)
	}
}

// Where a replica reads the -wal, a checkpoint of ours would take it away from it.
func TestReplicaOwnsCheckpoints(t *testing.T) {
	t.Parallel()
	for owns, want := range map[bool]int{true: 0, false: 1000} { // 1000 pages is SQLite's default
		ring := ringOf(t, secret.GenerateKey())
		st, err := Open(t.Context(), Config{
			Path: filepath.Join(t.TempDir(), "x.db"), PasswordCost: PasswordCost{64, 1, 1}, ReplicaOwnsCheckpoints: owns,
			Keyring: func(context.Context, bool) (*secret.Keyring, error) { return ring, nil },
			locks:   locks{noAuthorizer: true}, // it refuses every pragma
		})
		if err != nil {
			t.Fatal(err)
		}
		for name, pool := range map[string]*sql.DB{"writer": st.writer, "readers": st.readers, "system": st.system, "keeper": st.keeper} {
			var got int
			if err := pool.QueryRowContext(t.Context(), "PRAGMA wal_autocheckpoint").Scan(&got); err != nil || got != want {
				t.Errorf("owns %t, %s: wal_autocheckpoint is %d, %v; want %d", owns, name, got, err, want)
			}
		}
		closeStore(t, st)
	}
}
