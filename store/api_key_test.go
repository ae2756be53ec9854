// Keys as an assistant and a member see them: made, shown once, renewed, revoked.

package store_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

func TestAPIKeyLifeCycle(t *testing.T) {
	t.Parallel()
	clock := clockAt(noon)
	st := storetest.Open(t, storetest.WithClock(clock))
	f := storetest.Org(t, st, "Acme")
	ctx := t.Context()
	if !regexp.MustCompile(`^hmcp_[0-9A-Za-z]{43}$`).MatchString(f.APIKey.Reveal()) {
		t.Errorf("the secret has another form: %d characters", len(f.APIKey.Reveal()))
	}
	if want := "hmcp_…" + f.APIKey.Reveal()[44:]; f.Key.Mask() != want {
		t.Errorf("Mask() = %s, want %s", f.Key.Mask(), want)
	}
	o, k, err := st.OrgByAPIKey(ctx, f.APIKey)
	if err != nil || o.ID() != f.Org.ID() || o.Name() != "Acme" || !o.CreatedAt().Equal(noon) || k.ID != f.Key.ID || k.CreatedBy != "Olive Owner" {
		t.Fatalf("OrgByAPIKey() = %+v, %+v, %v", o, k, err)
	}

	clock.Advance(time.Second)
	again, token, err := f.Org.RegenerateAPIKey(ctx, f.By(), f.Key.ID)
	if err != nil || again.ID != f.Key.ID || again.Name != "Claude" || again.Last4 == f.Key.Last4 {
		t.Fatalf("RegenerateAPIKey() = %+v, %v", again, err)
	}
	if _, _, err := st.OrgByAPIKey(ctx, f.APIKey); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the old secret: %v, want not found", err)
	}
	if _, _, err := st.OrgByAPIKey(ctx, token); err != nil {
		t.Errorf("the new secret: %v", err)
	}
	newer, _, err := f.Org.CreateAPIKey(ctx, f.By(), " Cursor  at home ")
	if err != nil || newer.Name != "Cursor at home" {
		t.Fatalf("CreateAPIKey() = %+v, %v", newer, err)
	}
	if err := f.Org.RevokeAPIKey(ctx, f.By(), f.Key.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := st.OrgByAPIKey(ctx, token); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a revoked key: %v, want not found at the next call", err)
	}
	for _, id := range []string{f.Key.ID, "key_nobody"} {
		if err := f.Org.RevokeAPIKey(ctx, f.By(), id); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("revoke %s again: %v, want not found", id, err)
		}
		if _, _, err := f.Org.RegenerateAPIKey(ctx, f.By(), id); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("regenerate %s: %v, want not found", id, err)
		}
	}
	keys := must[[]store.APIKey](t)(f.Org.ListAPIKeys(ctx))
	if len(keys) != 2 || keys[0].ID != newer.ID || keys[1].ID != f.Key.ID || keys[1].RevokedAt == nil || keys[0].RevokedAt != nil {
		t.Errorf("ListAPIKeys() = %+v, want the active one first", keys)
	}
	wantActions(t, f.Org, "api_key.revoked", "api_key.created", "api_key.regenerated", "api_key.created", "org.created")
}

// wantActions checks the audit log, newest first.
func wantActions(t *testing.T, o *store.Org, want ...string) {
	t.Helper()
	var got []string
	for _, e := range must[[]store.AuditEntry](t)(firstPage(t.Context(), o)) {
		got = append(got, e.Action)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the audit log has %v, want %v", got, want)
	}
}

func TestPresentedKeysThatAreNone(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t)
	f := storetest.Org(t, st, "Acme")
	good := f.APIKey.Reveal()
	var first string
	for _, presented := range []string{
		"", "hmcp_", good[:47], good + "x", strings.ToUpper(good), "hmcx_" + good[5:], "hmcp_" + strings.Repeat("é", 21) + "x",
		"hmcp_" + strings.Repeat("0", 43), "' OR 1=1 --",
	} {
		_, _, err := st.OrgByAPIKey(t.Context(), secret.New(presented))
		if !errors.Is(err, store.ErrNotFound) {
			t.Fatalf("%q: %v, want not found", presented, err)
		}
		if first == "" {
			first = err.Error()
		}
		if err.Error() != first {
			t.Errorf("%q: %q, want the same as for every other: %q", presented, err, first)
		}
	}
}

// Two creations at the same moment, with four keys active: exactly one wins.
func TestSimultaneousCreationsStayAtFive(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t)
	f := storetest.Org(t, st, "Acme")
	ctx := t.Context()
	for range 3 {
		must[store.APIKey](t)(first2(f.Org.CreateAPIKey(ctx, f.By(), "filler")))
	}
	for round := range 60 {
		errs, ids := make([]error, 2), make([]string, 2)
		var wg sync.WaitGroup
		start := make(chan struct{})
		for i := range errs {
			wg.Go(func() {
				<-start
				k, _, err := f.Org.CreateAPIKey(ctx, f.By(), "racer")
				ids[i], errs[i] = k.ID, err
			})
		}
		close(start)
		wg.Wait()
		won := slices.IndexFunc(errs, func(err error) bool { return err == nil })
		if won < 0 || !errors.Is(errs[1-won], store.ErrLimit) {
			t.Fatalf("round %d: %v; want one key and one ErrLimit", round, errs)
		}
		active := 0
		for _, k := range must[[]store.APIKey](t)(f.Org.ListAPIKeys(ctx)) {
			if k.RevokedAt == nil {
				active++
			}
		}
		if active != 5 {
			t.Fatalf("round %d: %d active keys, want 5", round, active)
		}
		if err := f.Org.RevokeAPIKey(ctx, f.By(), ids[won]); err != nil {
			t.Fatal(err)
		}
	}
}

func first2[A, B any](a A, _ B, err error) (A, error) { return a, err }

func TestLastUsedIsWrittenOnceAMinute(t *testing.T) {
	t.Parallel()
	clock := clockAt(noon)
	st := storetest.Open(t, storetest.WithClock(clock))
	f := storetest.Org(t, st, "Acme")
	ctx := t.Context()
	// use shows the key and waits until its last use reads want; each recorded call
	// gives the background another turn.
	use := func(want time.Time) (got time.Time) {
		t.Helper()
		if _, _, err := st.OrgByAPIKey(ctx, f.APIKey); err != nil {
			t.Fatal(err)
		}
		for range 200 {
			if err := f.Org.RecordToolCall(ctx, toolCall(f, "x", clock.Now())); err != nil {
				t.Fatal(err)
			}
			if at := must[[]store.APIKey](t)(f.Org.ListAPIKeys(ctx))[0].LastUsedAt; at != nil {
				if got = *at; got.Equal(want) {
					break
				}
			}
		}
		return got
	}
	for _, step := range []struct{ after, want time.Duration }{
		{0, 0}, {59 * time.Second, 0}, {time.Second, time.Minute}, {90 * time.Second, 150 * time.Second},
	} {
		clock.Advance(step.after)
		if got, want := use(noon.Add(step.want)), noon.Add(step.want); !got.Equal(want) {
			t.Errorf("at %s: last used at %s, want %s", clock.Now(), got, want)
		}
	}
}

func TestKeyNamesAreChecked(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t)
	f := storetest.Org(t, st, "Acme")
	for _, name := range []string{"", "  ", strings.Repeat("x", 101), "line\x00break", "\xff"} {
		_, _, err := f.Org.CreateAPIKey(t.Context(), f.By(), name)
		var bad *store.InputError
		if !errors.As(err, &bad) || bad.Field != "name" || bad.Problem == "" {
			t.Errorf("%q: %v, want an InputError for name", name, err)
		}
	}
}
