// Signing in: sessions that end, guessing that gets slower, passwords that are refused.

package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

func TestSignInAndOut(t *testing.T) {
	t.Parallel()
	clock := clockAt(noon)
	st := storetest.Open(t, storetest.WithClock(clock))
	f := storetest.Org(t, st, "Acme")
	ctx := t.Context()
	token, session, err := st.SignIn(ctx, store.SignIn{Email: "  " + strings.ToUpper(f.Email), Password: f.Password, IP: "192.0.2.1", Keep: true})
	if err != nil || session.User.Email != f.Email || session.Member.ID != f.Member.ID || session.Member.Role != store.RoleOwner || session.CSRF == "" ||
		!session.ExpiresAt.Equal(noon.AddDate(0, 0, 30)) {
		t.Fatalf("SignIn() = %+v, %v", session, err)
	}
	o, again, err := st.OrgBySession(ctx, token)
	if err != nil || o.ID() != f.Org.ID() || again != session {
		t.Errorf("OrgBySession() = %+v, %+v, %v", o, again, err)
	}
	if strings.Contains(token.Reveal(), session.CSRF) || strings.Contains(session.CSRF, token.Reveal()[6:20]) {
		t.Error("the form token tells the session token")
	}
	if err := st.SignOut(ctx, token); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []secret.Text{token, secret.New("hmcps_nonsense"), {}} {
		if _, _, err := st.OrgBySession(ctx, gone); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("an ended session: %v, want not found", err)
		}
		if err := st.SignOut(ctx, gone); err != nil {
			t.Errorf("sign out twice: %v", err)
		}
		if _, err := st.Memberships(ctx, gone); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("memberships of an ended session: %v", err)
		}
	}
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		keep  bool
		steps []time.Duration // looked at after each
		ends  bool
	}{
		"kept, idle 14 days":        {true, []time.Duration{14 * day}, false},
		"kept, idle longer":         {true, []time.Duration{14*day + time.Second}, true},
		"kept, used, 29 days":       {true, []time.Duration{10 * day, 10 * day, 9 * day}, false},
		"kept, used, 30 days":       {true, []time.Duration{10 * day, 10 * day, 10 * day}, true},
		"not kept, within the day":  {false, []time.Duration{23 * time.Hour}, false},
		"not kept, at the next day": {false, []time.Duration{24 * time.Hour}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := clockAt(noon)
			st := storetest.Open(t, storetest.WithClock(clock))
			f := storetest.Org(t, st, "Acme")
			token, _, err := st.SignIn(t.Context(), store.SignIn{Email: f.Email, Password: f.Password, Keep: c.keep})
			for _, step := range c.steps {
				if err != nil {
					break
				}
				clock.Advance(step)
				_, _, err = st.OrgBySession(t.Context(), token)
				waitForSeen(t, st, token, clock.Now())
			}
			if errors.Is(err, store.ErrNotFound) != c.ends {
				t.Errorf("%v; want it ended: %t", err, c.ends)
			}
		})
	}
}

// waitForSeen waits until the session's last use is written, if it lives.
func waitForSeen(t *testing.T, st *store.Store, token secret.Text, at time.Time) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		_, session, err := st.OrgBySession(t.Context(), token)
		if err != nil || session.LastSeenAt.Equal(at) {
			return
		}
	}
	t.Fatal("the session's last use was never written")
}

func TestWrongPasswordAndUnknownAddressAreAlike(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t)
	f := storetest.Org(t, st, "Acme")
	var said string
	for _, in := range []store.SignIn{
		{Email: f.Email, Password: secret.New("wrong-wrong-wrong")},
		{Email: "nobody@example.com", Password: f.Password},
		{Email: "not an address", Password: f.Password},
		{Email: "", Password: f.Password},
		{Email: f.Email, Password: secret.New(strings.Repeat("x", 300))},
		{Email: f.Email},
	} {
		_, _, err := st.SignIn(t.Context(), in)
		if !errors.Is(err, store.ErrWrongPassword) {
			t.Errorf("SignIn(%s) = %v, want a wrong password", in.Email, err)
			continue
		}
		if said == "" {
			said = err.Error()
		}
		if err.Error() != said {
			t.Errorf("SignIn(%s) says %q, want %q as for the others", in.Email, err, said)
		}
	}
}

// attempt signs in wrongly and returns how long it has to wait, 0 when it was judged.
func attempt(t *testing.T, st *store.Store, in store.SignIn) time.Duration {
	t.Helper()
	_, _, err := st.SignIn(t.Context(), in)
	var wait *store.AttemptsError
	if errors.As(err, &wait) {
		return wait.RetryAfter
	}
	if !errors.Is(err, store.ErrWrongPassword) {
		t.Fatalf("SignIn() = %v", err)
	}
	return 0
}

func TestGuessingAnAddressGetsSlower(t *testing.T) {
	t.Parallel()
	clock := clockAt(noon)
	st := storetest.Open(t, storetest.WithClock(clock))
	f := storetest.Org(t, st, "Acme")
	wrong := store.SignIn{Email: f.Email, Password: secret.New("wrong-wrong-wrong")}
	for i := range 5 {
		if wait := attempt(t, st, wrong); wait != 0 {
			t.Fatalf("attempt %d has to wait %s", i+1, wait)
		}
	}
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900} {
		want *= time.Second
		for range 3 { // asking again does not make it longer
			if got := attempt(t, st, wrong); got != want {
				t.Fatalf("has to wait %s, want %s", got, want)
			}
		}
		clock.Advance(want)
		if got := attempt(t, st, wrong); got != 0 {
			t.Fatalf("after %s has to wait %s more", want, got)
		}
	}
	other := storetest.Org(t, st, "Beta")
	signIn(t, st, other) // others are not concerned
	clock.Advance(15 * time.Minute)
	signIn(t, st, f) // never a hard lock, and success starts anew
	for i := range 5 {
		if wait := attempt(t, st, wrong); wait != 0 {
			t.Fatalf("after a success, attempt %d has to wait %s", i+1, wait)
		}
	}
}

func TestGuessingFromOneIPGetsSlower(t *testing.T) {
	t.Parallel()
	clock := clockAt(noon)
	st := storetest.Open(t, storetest.WithClock(clock))
	f := storetest.Org(t, st, "Acme")
	guess := func(i int) time.Duration {
		return attempt(t, st, store.SignIn{Email: string(rune('a'+i)) + "@example.com", Password: secret.New("wrong-wrong-wrong"), IP: "192.0.2.9"})
	}
	for i := range 20 {
		if wait := guess(i); wait != 0 {
			t.Fatalf("attempt %d has to wait %s", i+1, wait)
		}
	}
	if wait := guess(21); wait != time.Second {
		t.Errorf("attempt 21 has to wait %s, want 1s", wait)
	}
	if _, _, err := st.SignIn(t.Context(), store.SignIn{Email: f.Email, Password: f.Password, IP: "192.0.2.10"}); err != nil {
		t.Errorf("another IP: %v", err)
	}
	clock.Advance(25 * time.Hour)
	if wait := guess(1); wait != 0 {
		t.Errorf("a day later it still waits %s", wait)
	}
}

func TestPasswordCostIsRenewedAtSignIn(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/cost.db"
	ring := storetest.Keyring(t, 1)
	st := storetest.Open(t, storetest.WithPath(path), storetest.WithKeyring(ring))
	f := storetest.Org(t, st, "Acme")
	dearer := storetest.Open(t, storetest.WithPath(path), storetest.WithKeyring(ring),
		func(c *store.Config) { c.PasswordCost = store.PasswordCost{MemoryKiB: 128, Passes: 2, Threads: 1} })
	signIn(t, dearer, f)
	signIn(t, dearer, f)
	signIn(t, st, f)
}

func TestPasswordsAreChecked(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t)
	f := storetest.Org(t, st, "Acme")
	for password, ok := range map[string]bool{
		"": false, "short": false, "elevenchars": false, "twelve chars": true, "zwölf Zeichen": true,
		"password1234": false, "Password1234": false, "correct horse battery staple": false,
		"aaaaaaaaaaaaaaaa": false, "mia@example.com": false, strings.Repeat("long ", 60): false,
	} {
		_, err := f.Org.AddMember(t.Context(), f.By(), "mia@example.com", "Mia", store.RoleMember, secret.New(password))
		var bad *store.InputError
		if refused := errors.As(err, &bad) && bad.Field == "password"; refused == ok {
			t.Errorf("password %q: %v, want it taken: %t", password, err, ok)
		}
		if err != nil && strings.Contains(err.Error(), password) && password != "" {
			t.Errorf("the error repeats the password: %v", err)
		}
	}
}

// An address that nobody has costs the time of one that somebody has: otherwise
// the clock would tell them apart. The fastest of several runs counts, since a
// busy machine only makes runs slower; both take turns, and no other test runs.
func TestUnknownAddressCostsTheSameTime(t *testing.T) {
	st := storetest.Open(t, func(c *store.Config) {
		c.PasswordCost = store.PasswordCost{MemoryKiB: 8 << 10, Passes: 2, Threads: 1}
	})
	took := func(email string) time.Duration {
		start := time.Now()
		attempt(t, st, store.SignIn{Email: email, Password: secret.New("wrong-wrong-wrong")})
		return time.Since(start)
	}
	f := storetest.Org(t, st, "Acme")
	known, unknown := time.Hour, time.Hour
	for i := range 4 {
		known = min(known, took(f.Email))
		unknown = min(unknown, took(string(rune('a'+i))+"@example.com"))
	}
	if unknown < known/3 || unknown > known*3 {
		t.Errorf("a known address takes %s, an unknown one %s", known, unknown)
	}
}
