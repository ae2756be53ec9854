// A real disk, small enough to be filled, where the test may mount one.

package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"hostaway-mcp/secret"
)

// smallDisk mounts a disk of so many bytes, and skips the test where that is not
// allowed.
func smallDisk(t *testing.T, bytes int) string {
	t.Helper()
	folder := t.TempDir()
	if err := syscall.Mount("none", folder, "tmpfs", 0, "size="+strconv.Itoa(bytes)); err != nil {
		t.Skipf("only root can mount a small disk (%v); the other tests of this file bound the database instead", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Errorf("unmount the small disk: %v", err)
		}
	})
	return folder
}

// fillUp writes a file that takes all the room there is.
func fillUp(t *testing.T, folder string) (ballast string) {
	t.Helper()
	ballast = filepath.Join(folder, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 4096); ; {
		if _, err := f.Write(block); errors.Is(err, syscall.ENOSPC) {
			return ballast
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// A real disk runs full under a store that serves, stays full over a restart, and
// has room again.
func TestARealDiskRunsFull(t *testing.T) {
	t.Parallel()
	folder := smallDisk(t, 8<<20)
	path := filepath.Join(folder, "x.db")
	ring := ringOf(t, secret.GenerateKey())
	st, _, err := serveOn(t, path, ring, false)
	if err != nil {
		t.Fatal(err)
	}
	p := newParty(t, st, "Acme", 1)
	o := &Org{store: st, id: p.org}
	call := func(st *Store) error {
		return (&Org{store: st, id: p.org}).RecordToolCall(t.Context(), ToolCall{KeyID: p.key, Tool: "x", Outcome: OutcomeOK, StartedAt: time.Now()})
	}
	acknowledged := 1 // newParty's
	ballast := fillUp(t, folder)
	for refused := 0; refused < 20; { // what the -wal has room for is still taken
		switch err := call(st); {
		case err == nil:
			acknowledged++
		case errors.Is(err, ErrDiskFull):
			refused++
		default:
			t.Fatalf("on a full disk: %v", err)
		}
	}
	refusesAll(t, st, o)
	readsAll(t, o)
	if st.FullSince().IsZero() {
		t.Error("nobody noticed")
	}
	closeStore(t, st)
	st, said, err := serveOn(t, path, ring, false)
	if err != nil {
		t.Fatalf("a start on a full disk: %v\n%s", err, said)
	}
	readsAll(t, &Org{store: st, id: p.org})
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := call(st); err != nil {
			t.Fatalf("with room again: %v", err)
		}
		acknowledged++
	}
	if !st.FullSince().IsZero() {
		t.Error("full, though there is room")
	}
	if got := countRows(t, st, "audit_all")["audit_all"]; got != acknowledged+4 { // and what newParty did
		t.Errorf("%d entries, want %d: each call that was acknowledged, once", got, acknowledged+4)
	}
	closeStore(t, st)
	if err := CheckFile(t.Context(), path, true); err != nil {
		t.Error(err)
	}
}

// refusesAll fails the test unless all but calls is refused for want of room.
func refusesAll(t *testing.T, st *Store, o *Org) {
	t.Helper()
	for name, write := range map[string]func() error{
		"a key": func() error { _, _, err := o.CreateAPIKey(t.Context(), Actor{}, "more"); return err },
		"a member": func() error {
			_, err := o.AddMember(t.Context(), Actor{}, "m@example.com", "M", RoleMember, secret.New("violet-harbour-28"))
			return err
		},
		"a deletion": func() error { return o.Disconnect(t.Context(), Actor{}) },
		"a sign-in": func() error {
			_, _, err := st.SignIn(t.Context(), SignIn{Email: "acme@example.com", Password: secret.New("violet-harbour-28")})
			return err
		},
		"a whole org":  func() error { _, err := st.DeleteOrg(t.Context(), o); return err },
		"giving space": func() error { return st.Rewrite(t.Context()) },
	} {
		if err := write(); !errors.Is(err, ErrDiskFull) {
			t.Errorf("%s on a full disk: %v", name, err)
		}
	}
}

// readsAll fails the test unless what an org's calls need can be read.
func readsAll(t *testing.T, o *Org) {
	t.Helper()
	if _, err := o.Credentials(t.Context()); err != nil {
		t.Errorf("the credentials: %v", err)
	}
	keys, err := o.ListAPIKeys(t.Context())
	if err != nil || len(keys) != 2 {
		t.Errorf("the keys: %d, %v", len(keys), err)
	}
	if _, _, err := o.ListAudit(t.Context(), AuditFilter{}); err != nil {
		t.Errorf("the log: %v", err)
	}
}

// startWithReserve opens a store in a folder for serving, with a reserve of 6 MB that is
// made while 2 MB more are free.
func startWithReserve(t *testing.T, folder string, ring *secret.Keyring) *Store {
	t.Helper()
	st, err := Open(t.Context(), Config{
		Path: filepath.Join(folder, "x.db"), PasswordCost: PasswordCost{64, 1, 1}, Serving: true,
		Keyring: func(context.Context, bool) (*secret.Keyring, error) { return ring, nil },
		Reserve: Reserve{Bytes: 6 << 20, Spare: 2 << 20, Free: func() (int64, error) {
			var s syscall.Statfs_t
			err := syscall.Statfs(folder, &s)
			return int64(s.Bavail) * s.Bsize, err
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	st.refillReserve(t.Context()) // it is made beside the start
	return st
}

// A real disk with a reserve: reading and signing in go on through hundreds of
// calls, over a restart, until the reserve is used up; with room all is as before.
func TestARealDiskRunsFullWithAReserve(t *testing.T) {
	t.Parallel()
	folder := smallDisk(t, 24<<20)
	ring := ringOf(t, secret.GenerateKey())
	st := startWithReserve(t, folder, ring)
	p := newParty(t, st, "Acme", 1)
	acknowledged := 1 // newParty's
	call := func() error {
		err := (&Org{store: st, id: p.org}).RecordToolCall(t.Context(), someCall(p, "x"))
		if err == nil {
			acknowledged++
		}
		return err
	}
	ballast := fillUp(t, folder)
	for i := range 600 {
		if err := call(); err != nil {
			t.Fatalf("call %d on a full disk: %v", i, err)
		}
	}
	lasting := func() {
		t.Helper()
		if err := signInTo(t.Context(), st); err != nil {
			t.Errorf("signing in: %v", err)
		}
		if _, _, err := (&Org{store: st, id: p.org}).CreateAPIKey(t.Context(), Actor{}, "more"); !errors.Is(err, ErrDiskFull) {
			t.Errorf("a key: %v", err)
		}
		if err := call(); err != nil {
			t.Errorf("a call: %v", err)
		}
	}
	lasting()
	closeStore(t, st)
	st = startWithReserve(t, folder, ring)
	lasting()
	if st.FullSince().IsZero() || reserveSize(t, folder) != 0 {
		t.Errorf("full since %s, the reserve has %d bytes", st.FullSince(), reserveSize(t, folder))
	}
	fillUp(t, folder) // somebody takes the reserve's space too
	for patience := 5000; ; patience-- {
		if err := call(); errors.Is(err, ErrDiskFull) {
			break
		} else if err != nil || patience == 0 {
			t.Fatalf("never refused: %v", err)
		}
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if _, _, err := (&Org{store: st, id: p.org}).CreateAPIKey(t.Context(), Actor{}, "more"); err != nil {
		t.Errorf("a key, with room again: %v", err)
	}
	if err := call(); err != nil || !st.FullSince().IsZero() || reserveSize(t, folder) != 6<<20 {
		t.Errorf("with room again: %v, full since %s, the reserve has %d bytes", err, st.FullSince(), reserveSize(t, folder))
	}
	if got := countRows(t, st, "audit_all")["audit_all"]; got != acknowledged+5 { // and what newParty did, and the key
		t.Errorf("%d entries, want %d: each call that was acknowledged, once", got, acknowledged+5)
	}
	closeStore(t, st)
	if err := CheckFile(t.Context(), filepath.Join(folder, "x.db"), true); err != nil {
		t.Error(err)
	}
}
