// Confirm tokens: once, in time, for exactly what they were made for.

package store_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

func TestConfirmTokens(t *testing.T) {
	t.Parallel()
	clock := clockAt(noon)
	st := storetest.Open(t, storetest.WithClock(clock))
	f := storetest.Org(t, st, "Acme")
	other, _, err := f.Org.CreateAPIKey(t.Context(), f.By(), "Cursor")
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	create := func() secret.Text {
		t.Helper()
		token, ends, err := f.Org.CreateConfirmation(ctx, store.Confirmation{KeyID: f.Key.ID, Tool: "create", ArgumentsHash: []byte("args")})
		if err != nil || !ends.Equal(clock.Now().Add(10*time.Minute)) {
			t.Fatalf("CreateConfirmation() ends %s, %v", ends, err)
		}
		return token
	}
	token := create()
	for name, err := range map[string]error{
		"another key":     f.Org.UseConfirmation(ctx, token, other.ID, "create", []byte("args")),
		"another tool":    f.Org.UseConfirmation(ctx, token, f.Key.ID, "delete", []byte("args")),
		"other arguments": f.Org.UseConfirmation(ctx, token, f.Key.ID, "create", []byte("argz")),
		"another token":   f.Org.UseConfirmation(ctx, secret.New("confirm_x"), f.Key.ID, "create", []byte("args")),
	} {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v, want not found", name, err)
		}
	}
	var used atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := f.Org.UseConfirmation(ctx, token, f.Key.ID, "create", []byte("args")); err == nil {
				used.Add(1)
			} else if !errors.Is(err, store.ErrNotFound) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if used.Load() != 1 {
		t.Errorf("used %d times at once, want once", used.Load())
	}
	late := create()
	clock.Advance(10 * time.Minute)
	for range 2 {
		if err := f.Org.UseConfirmation(ctx, late, f.Key.ID, "create", []byte("args")); !errors.Is(err, store.ErrExpired) {
			t.Errorf("too late: %v, want expired", err)
		}
	}
	clock.Advance(25 * time.Hour)
	create()
	if n, err := st.RetainConfirmations(ctx); err != nil || n == 0 {
		t.Errorf("RetainConfirmations() = %d, %v", n, err)
	}
	if err := f.Org.UseConfirmation(ctx, late, f.Key.ID, "create", []byte("args")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a day later: %v, want not found", err)
	}
	if _, _, err := f.Org.CreateConfirmation(ctx, store.Confirmation{KeyID: "key_nobody", Tool: "t", ArgumentsHash: []byte{1}}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("for a key of nobody: %v", err)
	}
}

// A preview shows one Hostaway account: its token changes nothing in another.
func TestConfirmTokensEndWithTheConnection(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t)
	f, other := storetest.Org(t, st, "Acme"), storetest.Org(t, st, "Other")
	ctx := t.Context()
	storetest.Connect(t, f.Org, 1, "the first account's secret")
	create := func(f storetest.Fixture) secret.Text {
		t.Helper()
		token, _, err := f.Org.CreateConfirmation(ctx, store.Confirmation{KeyID: f.Key.ID, Tool: "create", ArgumentsHash: []byte("args")})
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	elsewhere := create(other)
	for name, change := range map[string]func() error{
		"another account": func() error {
			_, err := f.Org.Connect(ctx, f.By(), store.NewConnection{AccountID: 2, Secret: secret.New("the second account's secret")})
			return err
		},
		"disconnected": func() error { return f.Org.Disconnect(ctx, f.By()) },
	} {
		storetest.Connect(t, f.Org, 1, "the first account's secret")
		token := create(f)
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if err := f.Org.UseConfirmation(ctx, token, f.Key.ID, "create", []byte("args")); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v, want not found", name, err)
		}
	}
	if err := other.Org.UseConfirmation(ctx, elsewhere, other.Key.ID, "create", []byte("args")); err != nil {
		t.Errorf("the other org's token: %v", err)
	}
}
