// Checking a file, and knowing when to.

package store

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/secret"
)

// serveOn opens the store as a server does, and returns what it logged.
func serveOn(t *testing.T, path string, ring *secret.Keyring, check bool) (*Store, string, error) {
	t.Helper()
	var log bytes.Buffer
	st, err := Open(t.Context(), Config{
		Path: path, PasswordCost: PasswordCost{64, 1, 1}, Serving: true, Check: check, Log: slog.New(slog.NewTextHandler(&log, nil)),
		Keyring: func(context.Context, bool) (*secret.Keyring, error) { return ring, nil },
	})
	return st, log.String(), err
}

func TestTheFileIsCheckedAfterACrash(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	ring := ringOf(t, secret.GenerateKey())
	st, said, err := serveOn(t, path, ring, false)
	if err != nil || strings.Contains(said, "checked") {
		t.Fatalf("the first start: %v, %s", err, said)
	}
	crashed := filepath.Join(t.TempDir(), "crashed.db")
	copyFiles(t, path, crashed, "-wal")
	if _, err := tryOpen(t, path, ring); err != nil { // a command beside the server says nothing about its end
		t.Fatal(err)
	}
	closeStore(t, st)
	for _, tt := range []struct {
		name, path   string
		asked, check bool
	}{
		{"after a good end", path, false, false},
		{"after a restore", path, true, true},
		{"after a crash", crashed, false, true},
		{"after the end that followed the crash", crashed, false, false},
	} {
		st, said, err := serveOn(t, tt.path, ring, tt.asked)
		if err != nil || strings.Contains(said, "it is whole") != tt.check {
			t.Errorf("%s: %v, %s", tt.name, err, said)
			continue
		}
		closeStore(t, st)
	}
}

// spoil overwrites the middle of every page but the first.
func spoil(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	for at := page; at+page <= len(data); at += page {
		copy(data[at+8:at+64], bytes.Repeat([]byte{0xA5}, 56))
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestADamagedFileIsNotUsed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	ring := ringOf(t, secret.GenerateKey())
	st, _, err := serveOn(t, path, ring, false)
	if err != nil {
		t.Fatal(err)
	}
	newParty(t, st, "Acme", 1)
	closeStore(t, st)
	if err := CheckFile(t.Context(), path, true); err != nil {
		t.Fatal(err)
	}
	spoil(t, path)
	before := folder(t, filepath.Dir(path))
	for _, full := range []bool{false, true} {
		if err := CheckFile(t.Context(), path, full); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path) {
			t.Errorf("CheckFile(full %t) = %v", full, err)
		}
	}
	if _, _, err := serveOn(t, path, ring, true); !errors.Is(err, ErrDamaged) {
		t.Errorf("Open() of a damaged file = %v", err)
	}
	if after := folder(t, filepath.Dir(path)); after["x.db"] != before["x.db"] {
		t.Errorf("the folder was %v and is %v", before, after)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := serveOn(t, path, ring, false); !errors.Is(err, ErrDamaged) {
		t.Errorf("Open() of no database = %v", err)
	}
}

func TestCheckFile(t *testing.T) {
	t.Parallel()
	st := freshStore(t)
	p := newParty(t, st, "Acme", 1)
	o := &Org{store: st, id: p.org}
	busy, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for busy.Err() == nil {
			_ = o.RecordToolCall(busy, ToolCall{Tool: "x", Outcome: OutcomeOK, StartedAt: time.Now()})
		}
	}()
	for range 20 { // in use
		if err := CheckFile(t.Context(), st.path, true); err != nil {
			t.Error(err)
		}
	}
	stop()
	<-ended
	closeStore(t, st)
	if err := CheckFile(t.Context(), st.path, false); err != nil { // closed
		t.Error(err)
	}
	if err := CheckFile(t.Context(), st.path+".none", false); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("CheckFile() of nothing = %v", err)
	}
	behind(t, st.path, `PRAGMA foreign_keys = 0`, `DELETE FROM orgs_all`)
	if err := CheckFile(t.Context(), st.path, false); err != nil {
		t.Errorf("in short: %v", err)
	}
	if err := CheckFile(t.Context(), st.path, true); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "refers to a row of orgs_all that is missing") {
		t.Errorf("in full, with rows of an org that is gone: %v", err)
	}
}
