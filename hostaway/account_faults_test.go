package hostaway_test

// account_faults_test.go has that account fail, refuse and limit its client.

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/hostaway/hostawaytest"
	"hostaway-mcp/secret"
)

func TestFaultsOfARealServer(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind  hostawaytest.FaultKind
		times int
		code  hostaway.Code
		calls int
	}{
		{hostawaytest.Status500HTML, 1, "", 2},
		{hostawaytest.Status503, 1, "", 2},
		{hostawaytest.Drop, 1, "", 2},
		{hostawaytest.TokenRevoked, 1, "", 2},
		{hostawaytest.TokenRevoked, 2, hostaway.Refused, 2},
		{hostawaytest.RateLimit, 1, "", 2},
		{hostawaytest.Forbidden, 1, hostaway.Refused, 1},
		{hostawaytest.GarbageJSON, 1, hostaway.BadAnswer, 1},
		{hostawaytest.FailIn200, 1, hostaway.Refused, 1},
		{hostawaytest.Slow, 9, hostaway.TimedOut, 1},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("kind %d, %d times", test.kind, test.times), func(t *testing.T) {
			t.Parallel()
			server, account, client := newAccount(t, hostawaytest.Options{}, func(cfg *hostaway.Config) {
				if test.kind == hostawaytest.Slow {
					cfg.Timeout, cfg.MaxWait = 100*time.Millisecond, 300*time.Millisecond // the first pause is longer
				}
			})
			if _, err := client.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
			id := account.ListingIDs()[0]
			path := fmt.Sprintf("/listings/%d", id)
			server.Fail(hostawaytest.Fault{Method: "GET", Path: path, Kind: test.kind, Times: test.times, Text: "The host says no", Delay: time.Second})
			_, err := client.Listing(t.Context(), id)
			if hostaway.CodeOf(err) != test.code {
				t.Errorf("error %v, want code %q", err, test.code)
			}
			if n := server.CountCalls("GET", path); n != test.calls {
				t.Errorf("%d calls, want %d", n, test.calls)
			}
		})
	}
}

func TestAChangeIsNotMadeTwice(t *testing.T) {
	t.Parallel()
	server, account, client := newAccount(t, hostawaytest.Options{})
	before := len(account.ListingIDs())
	server.Fail(hostawaytest.Fault{Method: "POST", Path: "/listings", Kind: hostawaytest.DropAfter})
	_, err := client.CreateListing(t.Context(), hostaway.ListingChange{Name: new("Once")})
	if hostaway.CodeOf(err) != hostaway.Unreachable {
		t.Errorf("error %v", err)
	}
	if n := len(account.ListingIDs()); n != before+1 || server.CountCalls("POST", "/listings") != 1 {
		t.Errorf("%d listings were created by %d calls", n-before, server.CountCalls("POST", "/listings"))
	}
}

func TestWrongAndChangedCredentials(t *testing.T) {
	t.Parallel()
	var refused int
	_, account, client := newAccount(t, hostawaytest.Options{}, func(cfg *hostaway.Config) {
		cfg.Refused = func(context.Context, *hostaway.Error) { refused++ }
	})
	if _, err := client.CountActiveListings(t.Context()); err != nil {
		t.Fatal(err)
	}
	account.SetSecret("another")
	if _, err := client.CountActiveListings(t.Context()); err != nil {
		t.Errorf("the token that exists does not live on: %v", err)
	}
	account.RevokeTokens()
	_, err := client.CountActiveListings(t.Context())
	if hostaway.CodeOf(err) != hostaway.CredentialsRefused || refused != 1 {
		t.Errorf("error %v, told %d times", err, refused)
	}
	if strings.Contains(err.Error(), "s3cret") {
		t.Errorf("the error shows the secret: %v", err)
	}
}

// Many clients of several accounts, on one budget, against the limits of the API as the documentation had them at their narrowest:
// nobody is ever refused, and the activation second is waited for.
func TestTheBudgetKeepsWithinTheAPIsLimits(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		server := hostawaytest.New(hostawaytest.Options{Now: time.Now, Limits: hostawaytest.OldLimits()})
		dice := rand.New(rand.NewPCG(seed, 0))
		var mu sync.Mutex
		transport := inMemory{server.Handler(), func() time.Duration {
			mu.Lock()
			defer mu.Unlock()
			return time.Duration(dice.IntN(900)) * time.Millisecond
		}}
		budget := hostaway.NewBudget(hostaway.BudgetConfig{})
		var wg sync.WaitGroup
		for id := range int64(4) {
			server.AddAccount(hostawaytest.Account{ID: id + 1, Secret: "x", Seed: id, Today: "2000-01-01"})
			client := hostaway.NewClient(hostaway.Config{
				BaseURL: "http://hostaway.test/v1", Credentials: hostaway.Credentials{AccountID: id + 1, Secret: secret.New("x")},
				Budget: budget, HTTP: &http.Client{Transport: transport},
			}).Background()
			for range 30 {
				wg.Go(func() {
					if _, err := client.CountActiveListings(t.Context()); err != nil {
						t.Errorf("account %d: %v", id+1, err)
					}
				})
			}
		}
		wg.Wait()
		for _, call := range server.Calls() {
			if call.Status != http.StatusOK {
				t.Errorf("%s %s was answered with %d", call.Method, call.Path, call.Status)
			}
		}
	})
}

// A budget that is set far too high adapts to what the API allows.
func TestABudgetSetTooHighAdapts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := hostawaytest.New(hostawaytest.Options{Now: time.Now, Limits: hostawaytest.OldLimits()})
		server.AddAccount(hostawaytest.Account{ID: 1, Secret: "x", Today: "2000-01-01"})
		high := hostaway.Rate{Calls: 200, Per: 10 * time.Second}
		client := hostaway.NewClient(hostaway.Config{
			BaseURL: "http://hostaway.test/v1", Credentials: hostaway.Credentials{AccountID: 1, Secret: secret.New("x")},
			Budget: hostaway.NewBudget(hostaway.BudgetConfig{PerAccount: high, PerIP: high}), HTTP: &http.Client{Transport: inMemory{server.Handler(), nil}},
			Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		}).Background()
		for range 100 {
			if _, err := client.CountActiveListings(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		limited := 0
		for _, call := range server.Calls() {
			if call.Status == http.StatusTooManyRequests {
				limited++
			}
		}
		if limited != 1 {
			t.Errorf("refused %d times, want once", limited)
		}
	})
}
