// The Hostaway connection: its life, its one owner, and what the files show of it.

package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

const accountSecret = "3f9a-long-secret-of-hostaway-77c1"

func TestConnectionLifeCycle(t *testing.T) {
	t.Parallel()
	clock := clockAt(noon)
	st := storetest.Open(t, storetest.WithClock(clock))
	f := storetest.Org(t, st, "Acme")
	ctx := t.Context()
	if _, err := f.Org.Connection(ctx); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("before any: %v", err)
	}
	if _, err := f.Org.Credentials(ctx); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("before any: %v", err)
	}
	count := 12
	token := store.HostawayToken{Value: secret.New("access-token-1"), IssuedAt: noon, ExpiresAt: noon.AddDate(2, 0, 0)}
	c, err := f.Org.Connect(ctx, f.By(), store.NewConnection{AccountID: 61148, Secret: secret.New(accountSecret), ListingCount: &count, Token: token})
	if err != nil || c.AccountID != 61148 || c.SecretLast4 != "77c1" || c.State != store.ConnectionConnected || c.Version != 1 || *c.ListingCount != 12 ||
		!c.CreatedAt.Equal(noon) || c.CheckedAt == nil || c.RefusedAt != nil {
		t.Fatalf("Connect() = %+v, %v", c, err)
	}
	creds, err := f.Org.Credentials(ctx)
	if err != nil || creds.AccountID != 61148 || creds.Secret.Reveal() != accountSecret || creds.Version != 1 {
		t.Errorf("Credentials() = %+v, %v", creds, err)
	}
	if got, err := f.Org.HostawayToken(ctx, c.Version); err != nil || got != token {
		t.Errorf("HostawayToken() = %+v, %v", got, err)
	}
	clock.Advance(time.Hour)
	if err := f.Org.MarkConnectionRefused(ctx, 1, "Hostaway says: revoked"); err != nil {
		t.Fatal(err)
	}
	if err := f.Org.MarkConnectionRefused(ctx, 1, "Hostaway says: revoked"); err != nil {
		t.Fatal(err)
	}
	c = must[store.Connection](t)(f.Org.Connection(ctx))
	if c.State != store.ConnectionRefused || c.Detail != "Hostaway says: revoked" || c.RefusedAt == nil {
		t.Errorf("after a refusal: %+v", c)
	}
	if got, err := f.Org.HostawayToken(ctx, c.Version); err != nil || !got.Value.IsZero() {
		t.Errorf("a refused connection keeps its token: %+v, %v", got, err)
	}
	if err := f.Org.MarkConnectionChecked(ctx, 1, nil, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if c = must[store.Connection](t)(f.Org.Connection(ctx)); c.State != store.ConnectionConnected || c.RefusedAt != nil || *c.ListingCount != 12 {
		t.Errorf("after a check: %+v", c)
	}
	if err := f.Org.Disconnect(ctx, f.By()); err != nil {
		t.Fatal(err)
	}
	if err := f.Org.Disconnect(ctx, f.By()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("disconnect twice: %v", err)
	}
	wantActions(t, f.Org, "connection.disconnected", "connection.refused", "connection.connected", "api_key.created", "org.created")
}

// What was asked with old credentials changes nothing of the new ones, not even
// after the org disconnected in between.
func TestAnswersToOldCredentialsChangeNothing(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t)
	f := storetest.Org(t, st, "Acme")
	ctx := t.Context()
	storetest.Connect(t, f.Org, 1, accountSecret)
	if c := storetest.Connect(t, f.Org, 2, accountSecret); c.Version != 2 || c.AccountID != 2 {
		t.Fatalf("the second Connect() = %+v", c)
	}
	if err := f.Org.Disconnect(ctx, f.By()); err != nil {
		t.Fatal(err)
	}
	if c := storetest.Connect(t, f.Org, 1, accountSecret); c.Version != 3 {
		t.Fatalf("version %d after a new start, want 3", c.Version)
	}
	for _, version := range []int{0, 1, 2} {
		for name, err := range map[string]error{
			"save a token": f.Org.SaveHostawayToken(ctx, version, store.HostawayToken{Value: secret.New("late")}),
			"refuse":       f.Org.MarkConnectionRefused(ctx, version, "late"),
			"check":        f.Org.MarkConnectionChecked(ctx, version, nil, time.Time{}),
		} {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s of version %d: %v, want not found", name, version, err)
			}
		}
	}
	if c := must[store.Connection](t)(f.Org.Connection(ctx)); c.State != store.ConnectionConnected {
		t.Errorf("an old answer changed the connection: %+v", c)
	}
	fresh := store.HostawayToken{Value: secret.New("fresh"), IssuedAt: noon, ExpiresAt: noon.Add(time.Hour)}
	if err := f.Org.SaveHostawayToken(ctx, 3, fresh); err != nil {
		t.Fatal(err)
	}
	if got := must[store.HostawayToken](t)(f.Org.HostawayToken(ctx, 3)); got != fresh {
		t.Errorf("HostawayToken() = %+v", got)
	}
	if err := f.Org.SaveHostawayToken(ctx, 3, store.HostawayToken{}); err != nil {
		t.Fatal(err)
	}
	if got := must[store.HostawayToken](t)(f.Org.HostawayToken(ctx, 3)); !got.Value.IsZero() {
		t.Errorf("a removed token is still there: %+v", got)
	}
}

func TestOneAccountBelongsToOneOrg(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t)
	a, b := storetest.Org(t, st, "Acme"), storetest.Org(t, st, "Beta")
	storetest.Connect(t, a.Org, 61148, accountSecret)
	_, err := b.Org.Connect(t.Context(), b.By(), store.NewConnection{AccountID: 61148, Secret: secret.New(accountSecret)})
	if !errors.Is(err, store.ErrConflict) {
		t.Errorf("the account of another org: %v, want a conflict", err)
	}
	if _, err := b.Org.Connection(t.Context()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("half of the refused connection stayed: %v", err)
	}
	for field, n := range map[string]store.NewConnection{
		"account_id": {Secret: secret.New("x")}, "secret": {AccountID: 5},
	} {
		var bad *store.InputError
		if _, err := b.Org.Connect(t.Context(), b.By(), n); !errors.As(err, &bad) || bad.Field != field {
			t.Errorf("Connect(%+v) = %v, want an InputError for %s", n, err, field)
		}
	}
}

// The files hold neither secrets nor tokens nor keys nor passwords in the clear.
func TestFilesHoldNoSecretInTheClear(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "clear.db")
	st := storetest.Open(t, storetest.WithPath(path))
	f := storetest.Org(t, st, "Visible Name")
	if _, err := f.Org.Connect(t.Context(), f.By(), store.NewConnection{
		AccountID: 61148, Secret: secret.New(accountSecret), Token: store.HostawayToken{Value: secret.New("the-access-token-itself")},
	}); err != nil {
		t.Fatal(err)
	}
	session, _ := signIn(t, st, f)
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) < 2 {
		t.Fatalf("files: %v, %v", files, err)
	}
	var all []byte
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o, want 600", filepath.Base(name), info.Mode().Perm())
		}
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, content...)
	}
	if !bytes.Contains(all, []byte("Visible Name")) {
		t.Fatal("the search finds nothing at all")
	}
	for _, s := range []string{accountSecret, "the-access-token-itself", f.APIKey.Reveal(), f.Password.Reveal(), session.Reveal()} {
		if bytes.Contains(all, []byte(s)) {
			t.Errorf("the files hold %q", s)
		}
	}
}
