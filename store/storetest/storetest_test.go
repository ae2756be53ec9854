// The kit itself, as other rooms use it.

package storetest_test

import (
	"bytes"
	"log/slog"
	"path/filepath"
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
