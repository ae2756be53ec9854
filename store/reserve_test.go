// A full disk that ends where the reserve begins: it takes nothing while the file
// has its blocks, and so much once they were given back.

package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hostaway-mcp/secret"
)

// reservedDisk refuses writes while it is full, except for the first ones after
// the reserve was given back.
type reservedDisk struct {
	folder string
	full   atomic.Bool
	quota  atomic.Bool  // its figures promise room
	writes atomic.Int64 // that the reserve has room for
}

const testReserve = 1 << 20

func (d *reservedDisk) refuse() error {
	if !d.full.Load() {
		return nil
	}
	if info, err := os.Stat(filepath.Join(d.folder, ReserveFile)); err == nil && info.Size() > 0 {
		return ErrDiskFull
	}
	if d.writes.Add(-1) < 0 {
		return ErrDiskFull
	}
	return nil
}

func (d *reservedDisk) free() (int64, error) {
	if d.full.Load() && !d.quota.Load() {
		return reserveTight - 1, nil
	}
	return 1 << 30, nil
}

func (d *reservedDisk) open(t *testing.T, ring *secret.Keyring, log *bytes.Buffer, serving bool) *Store {
	t.Helper()
	st, err := Open(t.Context(), Config{
		Path: filepath.Join(d.folder, "x.db"), PasswordCost: PasswordCost{64, 1, 1}, Serving: serving, Refuse: d.refuse,
		Log: slog.New(slog.NewTextHandler(log, nil)), Reserve: Reserve{Bytes: testReserve, Spare: testReserve, Free: d.free},
		Keyring: func(context.Context, bool) (*secret.Keyring, error) { return ring, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	st.refillReserve(t.Context()) // it is made beside the start
	return st
}

func reserveSize(t *testing.T, folder string) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(folder, ReserveFile))
	if errors.Is(err, fs.ErrNotExist) {
		return -1
	}
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func someCall(p party, tool string) ToolCall {
	return ToolCall{KeyID: p.key, Tool: tool, Outcome: OutcomeOK, StartedAt: time.Now()}
}

func signInTo(ctx context.Context, st *Store) error {
	_, _, err := st.SignIn(ctx, SignIn{Email: "acme@example.com", Password: secret.New("violet-harbour-28"), IP: "192.0.2.1"})
	return err
}

// Not one read is refused where the disk runs full, changes are, and each call is
// in the log once.
func TestTheReserveLetsReadingGoOn(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	d := &reservedDisk{folder: t.TempDir()}
	ring := ringOf(t, secret.GenerateKey())
	st := d.open(t, ring, &log, true)
	p := newParty(t, st, "Acme", 1)
	o := &Org{store: st, id: p.org}
	if got := reserveSize(t, d.folder); got != testReserve {
		t.Fatalf("the reserve has %d bytes", got)
	}
	d.writes.Store(1000)
	d.full.Store(true)
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			if err := o.RecordToolCall(t.Context(), someCall(p, fmt.Sprint("read", i%3))); err != nil {
				t.Errorf("a call that reads: %v", err)
			}
		})
	}
	all.Wait()
	if err := signInTo(t.Context(), st); err != nil {
		t.Errorf("signing in: %v", err)
	}
	if _, _, err := o.CreateAPIKey(t.Context(), Actor{}, "more"); !errors.Is(err, ErrDiskFull) {
		t.Errorf("a key: %v", err)
	}
	if st.FullSince().IsZero() || reserveSize(t, d.folder) != 0 {
		t.Errorf("full since %s, and the reserve has %d bytes", st.FullSince(), reserveSize(t, d.folder))
	}
	if got := countRows(t, st, "audit_all")["audit_all"]; got != 100+5 {
		t.Errorf("%d entries, want 105", got)
	}
	d.full.Store(false)
	if _, _, err := o.CreateAPIKey(t.Context(), Actor{}, "more"); err != nil {
		t.Errorf("a key, with room again: %v", err)
	}
	if !st.FullSince().IsZero() || reserveSize(t, d.folder) != testReserve {
		t.Errorf("full since %s, and the reserve has %d bytes", st.FullSince(), reserveSize(t, d.folder))
	}
	closeStore(t, st)
	if text := log.String(); strings.Count(text, "the disk is full: what is there") != 1 || strings.Count(text, "there is room on the disk again") != 1 {
		t.Errorf("the log says:\n%s", text)
	}
}

// Whatever meets the full disk first: a sign-in is tried again, a change is not.
func TestTheFirstWriteOnAFullDisk(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		write func(ctx context.Context, st *Store, p party) error
		want  error
	}{
		"a call": {func(ctx context.Context, st *Store, p party) error {
			return (&Org{store: st, id: p.org}).RecordToolCall(ctx, someCall(p, "x"))
		}, nil},
		"a sign-in": {func(ctx context.Context, st *Store, _ party) error { return signInTo(ctx, st) }, nil},
		"a token": {func(ctx context.Context, st *Store, p party) error {
			return (&Org{store: st, id: p.org}).SaveHostawayToken(ctx, 1, HostawayToken{Value: secret.New("x")})
		}, nil},
		"a change": {func(ctx context.Context, st *Store, p party) error {
			return (&Org{store: st, id: p.org}).Disconnect(ctx, Actor{})
		}, ErrDiskFull},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &reservedDisk{folder: t.TempDir()}
			st := d.open(t, ringOf(t, secret.GenerateKey()), &bytes.Buffer{}, true)
			p := newParty(t, st, "Acme", 1)
			d.writes.Store(1000)
			d.full.Store(true)
			if err := tt.write(t.Context(), st, p); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
			if reserveSize(t, d.folder) != 0 || st.FullSince().IsZero() {
				t.Error("the reserve was not given back")
			}
			closeStore(t, st)
		})
	}
}

// The reserve is used up: calls are refused as without one, and go on with room.
func TestTheReserveIsUsedUp(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	d := &reservedDisk{folder: t.TempDir()}
	st := d.open(t, ringOf(t, secret.GenerateKey()), &log, true)
	p := newParty(t, st, "Acme", 1)
	o := &Org{store: st, id: p.org}
	d.writes.Store(5)
	d.full.Store(true)
	recorded := 0
	for range 20 {
		switch err := o.RecordToolCall(t.Context(), someCall(p, "x")); {
		case err == nil:
			recorded++
		case !errors.Is(err, ErrDiskFull):
			t.Fatal(err)
		}
	}
	if recorded != 5 {
		t.Errorf("%d calls are recorded, want 5", recorded)
	}
	d.full.Store(false)
	if err := o.RecordToolCall(t.Context(), someCall(p, "x")); err != nil {
		t.Fatal(err)
	}
	st.refillReserve(t.Context())
	if reserveSize(t, d.folder) != testReserve || !st.FullSince().IsZero() {
		t.Error("the reserve is not there again")
	}
	closeStore(t, st)
	if n := strings.Count(log.String(), "is used up"); n != 1 {
		t.Errorf("told %d times:\n%s", n, log.String())
	}
}

// A server that starts while the disk is full goes on where the last one ended, and
// a command beside it changes nothing either.
func TestAFullDiskOverRestarts(t *testing.T) {
	t.Parallel()
	d := &reservedDisk{folder: t.TempDir()}
	ring := ringOf(t, secret.GenerateKey())
	st := d.open(t, ring, &bytes.Buffer{}, true)
	p := newParty(t, st, "Acme", 1)
	d.writes.Store(1000)
	d.full.Store(true)
	if err := (&Org{store: st, id: p.org}).RecordToolCall(t.Context(), someCall(p, "x")); err != nil {
		t.Fatal(err)
	}
	for _, serving := range []bool{true, false} {
		next := d.open(t, ring, &bytes.Buffer{}, serving)
		o := &Org{store: next, id: p.org}
		if serving && time.Since(next.FullSince()) > time.Minute {
			t.Errorf("full since %s", next.FullSince())
		}
		if err := o.Disconnect(t.Context(), Actor{}); !errors.Is(err, ErrDiskFull) {
			t.Errorf("serving %t: a change: %v", serving, err)
		}
		if err := o.RecordToolCall(t.Context(), someCall(p, "x")); err != nil {
			t.Errorf("serving %t: a call: %v", serving, err)
		}
		closeStore(t, next)
	}
	closeStore(t, st)
	d.full.Store(false)
	st = d.open(t, ring, &bytes.Buffer{}, false)
	if err := (&Org{store: st, id: p.org}).Disconnect(t.Context(), Actor{}); err != nil {
		t.Errorf("a command, with room again: %v", err)
	}
	if reserveSize(t, d.folder) != 0 {
		t.Error("a command has made the reserve")
	}
	closeStore(t, st)
	st = d.open(t, ring, &bytes.Buffer{}, true)
	if reserveSize(t, d.folder) != testReserve || !st.FullSince().IsZero() {
		t.Error("a start with room does not end it")
	}
	closeStore(t, st)
}

// A quota: the figures promise room, and writing refuses it.
func TestARefillThatFails(t *testing.T) {
	t.Parallel()
	d := &reservedDisk{folder: t.TempDir()}
	st := d.open(t, ringOf(t, secret.GenerateKey()), &bytes.Buffer{}, true)
	p := newParty(t, st, "Acme", 1)
	o := &Org{store: st, id: p.org}
	d.writes.Store(1)
	d.quota.Store(true)
	d.full.Store(true)
	if err := o.RecordToolCall(t.Context(), someCall(p, "x")); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := o.Disconnect(t.Context(), Actor{}); !errors.Is(err, ErrDiskFull) {
			t.Errorf("a change: %v", err)
		}
	}
	if d.writes.Load() != -1 { // one probe, and then a wait
		t.Errorf("%d probes", -d.writes.Load())
	}
	st.reserve.mu.Lock()
	st.reserve.next = time.Time{}
	st.reserve.mu.Unlock()
	d.full.Store(false)
	if err := o.Disconnect(t.Context(), Actor{}); err != nil {
		t.Errorf("with room again: %v", err)
	}
	closeStore(t, st)
}

// The disk ran full while no server ran: what the start writes has the reserve.
func TestAStartOnAFullDiskHasTheReserve(t *testing.T) {
	t.Parallel()
	d := &reservedDisk{folder: t.TempDir()}
	ring := ringOf(t, secret.GenerateKey())
	st := d.open(t, ring, &bytes.Buffer{}, true)
	p := newParty(t, st, "Acme", 1)
	closeStore(t, st)
	d.writes.Store(1000)
	d.full.Store(true)
	st = d.open(t, ring, &bytes.Buffer{}, true)
	if reserveSize(t, d.folder) != 0 || st.FullSince().IsZero() || !st.serving {
		t.Errorf("the reserve has %d bytes, full since %s, marked %t", reserveSize(t, d.folder), st.FullSince(), st.serving)
	}
	if err := (&Org{store: st, id: p.org}).RecordToolCall(t.Context(), someCall(p, "x")); err != nil {
		t.Error(err)
	}
	closeStore(t, st)
}

// Somebody deletes the file, or kills the server while it is made.
func TestTheReserveIsMadeAgain(t *testing.T) {
	t.Parallel()
	d := &reservedDisk{folder: t.TempDir()}
	ring := ringOf(t, secret.GenerateKey())
	path := filepath.Join(d.folder, ReserveFile)
	if err := os.WriteFile(path+".new", []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	st := d.open(t, ring, &bytes.Buffer{}, true)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	st.reserve.notice()
	st.refillReserve(t.Context())
	entries, err := filepath.Glob(path + "*")
	if err != nil || len(entries) != 1 || reserveSize(t, d.folder) != testReserve {
		t.Errorf("there are %v, of %d bytes (%v)", entries, reserveSize(t, d.folder), err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("others may use it: %v", err)
	}
	closeStore(t, st)
}
