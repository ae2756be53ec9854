// Guessing from many places: strangers make themselves wait, and not the person.

package store_test

import (
	"fmt"
	"testing"
	"time"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// guessEverywhere guesses at the address from many networks until it is slowed
// down everywhere, and returns how often that was and how long a stranger waits.
func guessEverywhere(t *testing.T, st *store.Store, email string) (guesses int, wait time.Duration) {
	t.Helper()
	for i := range 200 {
		wait := attempt(t, st, store.SignIn{Email: email, Password: secret.New("wrong-wrong-wrong"), IP: fmt.Sprintf("198.51.100.%d", i)})
		if wait > 0 {
			return i, wait
		}
	}
	t.Fatal("200 guesses at one address, and nobody has to wait")
	return 0, 0
}

func TestIPv6HostsCountByTheirNetwork(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t, storetest.WithClock(clockAt(noon)))
	guess := func(i int, ip string) time.Duration {
		return attempt(t, st, store.SignIn{Email: fmt.Sprintf("p%d@example.com", i), Password: secret.New("wrong-wrong-wrong"), IP: ip})
	}
	for i := range 20 {
		if wait := guess(i, fmt.Sprintf("2001:db8:1:1::%x", i+1)); wait != 0 {
			t.Fatalf("attempt %d has to wait %s", i+1, wait)
		}
	}
	for ip, want := range map[string]time.Duration{
		"2001:db8:1:1:ffff::9": time.Second, "2001:db8:1:1::1%eth0": time.Second, "2001:db8:1:2::1": 0, "::ffff:192.0.2.1": 0, "192.0.2.1": 0,
	} {
		if got := guess(99, ip); got != want {
			t.Errorf("from %s: has to wait %s, want %s", ip, got, want)
		}
	}
}

// Somebody who guesses at an address from one place does not keep the person out.
func TestGuessesFromElsewhereDoNotKeepThePersonWaiting(t *testing.T) {
	t.Parallel()
	clock := clockAt(noon)
	st := storetest.Open(t, storetest.WithClock(clock))
	f := storetest.Org(t, st, "Acme")
	wrong := store.SignIn{Email: f.Email, Password: secret.New("wrong-wrong-wrong"), IP: "198.51.100.7"}
	for range 15 {
		clock.Advance(attempt(t, st, wrong))
		attempt(t, st, wrong)
	}
	if wait := attempt(t, st, wrong); wait == 0 {
		t.Fatal("the guesser does not wait")
	}
	if _, _, err := st.SignIn(t.Context(), store.SignIn{Email: f.Email, Password: f.Password, IP: "192.0.2.1"}); err != nil {
		t.Errorf("the person: %v", err)
	}
}

// Nor does somebody who guesses from everywhere and takes each turn as soon as
// there is one.
func TestGuessesFromEverywhereDoNotLockThePersonOut(t *testing.T) {
	t.Parallel()
	clock := clockAt(noon)
	st := storetest.Open(t, storetest.WithClock(clock))
	f := storetest.Org(t, st, "Acme")
	at := func(ip string) error {
		_, _, err := st.SignIn(t.Context(), store.SignIn{Email: f.Email, Password: f.Password, IP: ip})
		return err
	}
	const home, abroad = "192.0.2.1", "203.0.113.1"
	if err := at(home); err != nil {
		t.Fatal(err)
	}
	if guesses, wait := guessEverywhere(t, st, f.Email); guesses != 100 || wait > time.Minute {
		t.Errorf("after %d guesses strangers wait %s", guesses, wait)
	}
	clock.Advance(30 * 24 * time.Hour)
	if guesses, _ := guessEverywhere(t, st, f.Email); guesses != 100 {
		t.Fatalf("slowed down after %d guesses", guesses)
	}
	if err := at(abroad); err == nil {
		t.Error("a network that nobody knows does not wait")
	}
	// The operator's link leads in from wherever it is used.
	link := must[secret.Text](t)(st.CreatePasswordReset(t.Context(), f.Email, system))
	f.Password = goodPassword
	if err := st.ResetPassword(t.Context(), link, f.Password, abroad); err != nil {
		t.Fatal(err)
	}
	if guesses, _ := guessEverywhere(t, st, f.Email); guesses != 100 {
		t.Fatalf("slowed down after %d guesses", guesses)
	}
	for _, ip := range []string{abroad, home} { // known by the reset, and by the sign-in of a month ago
		if err := at(ip); err != nil {
			t.Errorf("from %s: %v", ip, err)
		}
		guessEverywhere(t, st, f.Email)
	}
	// Elsewhere the wait that strangers cause is short, however long they go on.
	for i := range 20 {
		var wait time.Duration
		for wait == 0 {
			wait = attempt(t, st, store.SignIn{Email: f.Email, Password: secret.New("wrong-wrong-wrong"), IP: fmt.Sprintf("198.18.0.%d", i)})
		}
		if wait > time.Minute {
			t.Fatalf("strangers make each other wait %s", wait)
		}
		clock.Advance(time.Minute)
	}
	if err := at("203.0.113.99"); err != nil {
		t.Errorf("after a minute: %v", err)
	}
}
