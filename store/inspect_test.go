package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/secret"
)

// connectedStore is a store with one connection, whose secret is sealed.
func connectedStore(t *testing.T) *Store {
	t.Helper()
	st := freshStore(t)
	org, member, err := st.CreateOrg(t.Context(), NewOrg{
		Name: "Acme", Email: "a@example.com", MemberName: "A", Password: secret.New("correct horse battery 17"),
	}, Actor{Kind: ActorSystem, Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	by := Actor{Kind: ActorMember, ID: member.ID, Name: member.Name}
	if _, err := org.Connect(t.Context(), by, NewConnection{AccountID: 7, Secret: secret.New("a secret of Hostaway")}); err != nil {
		t.Fatal(err)
	}
	return st
}

func TestInspectTellsWhichKeysAreNeeded(t *testing.T) {
	t.Parallel()
	st := connectedStore(t)
	want, err := st.SealedBy(t.Context())
	if err != nil || want[st.ring.current().PrimaryID()] == 0 {
		t.Fatalf("SealedBy() = %v, %v", want, err)
	}
	crashed := filepath.Join(t.TempDir(), "crashed.db")
	copyFiles(t, st.path, crashed, "-wal", "-shm")
	inspected := func(name, path string) {
		t.Helper()
		before := folder(t, filepath.Dir(path))
		seen, err := Inspect(t.Context(), path)
		if err != nil || seen.Version != seen.Want || seen.Version == 0 || len(seen.Canaries) != 1 || want[seen.Canaries[0]] == 0 {
			t.Errorf("%s: %+v, %v", name, seen, err)
		}
		if diff := cmp.Diff(want, seen.SealedBy); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if diff := cmp.Diff(before, folder(t, filepath.Dir(path))); diff != "" {
			t.Errorf("%s: the folder changed (-before +after):\n%s", name, diff)
		}
	}
	inspected("in use", st.path)
	closeStore(t, st)
	inspected("closed", st.path)
	inspected("crashed", crashed)
}

func TestInspectOtherFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	newer := filepath.Join(dir, "newer.db")
	behind(t, newer, `CREATE TABLE something (a INTEGER); PRAGMA user_version = 9999`)
	behind(t, filepath.Join(dir, "other.db"), `CREATE TABLE something (a INTEGER)`)
	if err := os.WriteFile(filepath.Join(dir, "junk.db"), []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if seen, err := Inspect(t.Context(), newer); err != nil || seen.Version != 9999 || seen.Want >= 9999 || seen.SealedBy != nil || seen.Canaries != nil {
		t.Errorf("newer: %+v, %v", seen, err)
	}
	for name, want := range map[string]error{"other.db": ErrNotFound, "junk.db": ErrDamaged, "none.db": fs.ErrNotExist} {
		if seen, err := Inspect(t.Context(), filepath.Join(dir, name)); !errors.Is(err, want) {
			t.Errorf("%s: %+v, %v; want %v", name, seen, err, want)
		}
	}
}

// TestProveKeys: what Open would refuse is known before, and nothing is changed.
func TestProveKeys(t *testing.T) {
	t.Parallel()
	st := connectedStore(t)
	right := st.ring.current()
	wrong, err := secret.ParseKeyring(secret.GenerateKey().Reveal())
	if err != nil {
		t.Fatal(err)
	}
	closeStore(t, st)
	dir := t.TempDir()
	newer, fresh, junk := filepath.Join(dir, "newer.db"), filepath.Join(dir, "fresh.db"), filepath.Join(dir, "junk.db")
	behind(t, newer, `CREATE TABLE something (a INTEGER); PRAGMA user_version = 9999`)
	behind(t, fresh, `PRAGMA journal_mode = WAL`)
	if err := os.WriteFile(junk, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	before := folder(t, filepath.Dir(st.path))
	if err := ProveKeys(t.Context(), st.path, right); err != nil {
		t.Errorf("the right key: %v", err)
	}
	if err := ProveKeys(t.Context(), fresh, wrong); err != nil {
		t.Errorf("nothing is sealed: %v", err)
	}
	var unknown *secret.UnknownKeyError
	if err := ProveKeys(t.Context(), st.path, wrong); !errors.As(err, &unknown) || unknown.ID != right.PrimaryID() {
		t.Errorf("the wrong key: %v", err)
	}
	if diff := cmp.Diff(before, folder(t, filepath.Dir(st.path))); diff != "" {
		t.Errorf("the folder changed (-before +after):\n%s", diff)
	}
	if err := ProveKeys(t.Context(), newer, right); !errors.As(err, new(*NewerError)) {
		t.Errorf("a newer database: %v", err)
	}
	if err := ProveKeys(t.Context(), junk, right); !errors.Is(err, ErrDamaged) {
		t.Errorf("no database: %v", err)
	}
	if err := ProveKeys(t.Context(), filepath.Join(dir, "none.db"), right); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
