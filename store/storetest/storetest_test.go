// The kit itself, as other rooms use it.

package storetest_test

import (
	"bytes"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

func TestKit(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	clock := storetest.NewClock(start)
	path := filepath.Join(t.TempDir(), "kit.db")
	var log bytes.Buffer
	ring := storetest.Keyring(t, 2)
	st := storetest.Open(t, storetest.WithClock(clock), storetest.WithPath(path), storetest.WithKeyring(ring),
		storetest.WithLog(slog.New(slog.NewTextHandler(&log, nil))))
	a, b := storetest.Org(t, st, "Acme"), storetest.Org(t, st, "Acme")
	if a.Org.ID() == b.Org.ID() || a.Email == b.Email || a.By().ID != a.Member.ID {
		t.Errorf("two orgs of one name: %+v, %+v", a, b)
	}
	if o, k, err := st.OrgByAPIKey(t.Context(), a.APIKey); err != nil || o.ID() != a.Org.ID() || k.ID != a.Key.ID || !k.CreatedAt.Equal(start) {
		t.Errorf("the fixture's key: %+v, %+v, %v", o, k, err)
	}
	clock.Advance(time.Minute)
	if _, session, err := st.SignIn(t.Context(), store.SignIn{Email: a.Email, Password: a.Password}); err != nil || !session.CreatedAt.Equal(start.Add(time.Minute)) {
		t.Errorf("the fixture's owner: %+v, %v", session, err)
	}
	clock.Set(start)
	if c := storetest.Connect(t, a.Org, 7, "a secret of Hostaway"); c.AccountID != 7 || !c.CreatedAt.Equal(clock.Now()) {
		t.Errorf("Connect() = %+v", c)
	}
	same := storetest.Open(t, storetest.WithNow(clock.Now), storetest.WithPath(path), storetest.WithKeyring(ring))
	if n, err := same.CountOrgs(t.Context()); err != nil || n != 2 {
		t.Errorf("the same file shows %d orgs, %v", n, err)
	}
	if log.Len() != 0 {
		t.Errorf("the store complained: %s", log.String())
	}
}

// A full disk refuses a change, and takes it again once there is room; with a
// reserve, it still takes what lets people read.
func TestKitsDisk(t *testing.T) {
	t.Parallel()
	plain, reserved := &storetest.Disk{}, &storetest.Disk{}
	for name, kit := range map[string]struct {
		disk    *storetest.Disk
		with    storetest.Option
		signsIn bool
	}{
		"plain":    {plain, storetest.WithDisk(plain), false},
		"reserved": {reserved, storetest.WithReservedDisk(reserved), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := storetest.Open(t, kit.with)
			f := storetest.Org(t, st, "Acme")
			if kit.signsIn {
				kit.disk.WholeReserve(t)
			}
			kit.disk.Fill()
			if err := f.Org.Rename(t.Context(), f.By(), "Other"); !errors.Is(err, store.ErrDiskFull) {
				t.Errorf("a change on a full disk: %v", err)
			}
			_, _, err := st.SignIn(t.Context(), store.SignIn{Email: f.Email, Password: f.Password})
			if signedIn := err == nil; signedIn != kit.signsIn {
				t.Errorf("signing in on a full disk: %v", err)
			}
			kit.disk.Free()
			if err := f.Org.Rename(t.Context(), f.By(), "Other"); err != nil {
				t.Errorf("a change with room again: %v", err)
			}
		})
	}
}

func TestKitReadsAnArchive(t *testing.T) {
	t.Parallel()
	f := storetest.Org(t, storetest.Open(t), "Acme")
	var archive bytes.Buffer
	if _, err := f.Org.Export(t.Context(), &archive, "a test"); err != nil {
		t.Fatal(err)
	}
	texts, err := storetest.ReadArchive(archive.Bytes())
	if err != nil || !strings.Contains(texts["org.json"], f.Org.ID()) {
		t.Errorf("%v, %v", texts, err)
	}
	if texts, err := storetest.ReadArchive(archive.Bytes()[:archive.Len()-1]); err == nil {
		t.Errorf("a part is read as the whole: %v", texts)
	}
	damaged := bytes.Clone(archive.Bytes())
	copy(damaged[30:], bytes.Repeat([]byte{0xff}, 40))
	if texts, err := storetest.ReadArchive(damaged); err == nil {
		t.Errorf("a damaged archive is read: %v", texts)
	}
}
