package hostaway

// token_test.go sees when a token is fetched, kept, renewed and used, and that it is never shown.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/secret"
)

// call makes the client's cheapest call.
func callOnce(ctx context.Context, c *Client) error {
	_, err := c.FinanceFields(ctx, 1)
	return err
}

func TestTokenRequestAndUse(t *testing.T) {
	t.Parallel()
	api := always(rows(`[]`))
	if err := callOnce(t.Context(), api.client(t)); err != nil {
		t.Fatal(err)
	}
	asked, used := api.seen[0], api.seen[1]
	if asked.method != "POST" || asked.url.Path != "/v1/accessTokens" || asked.url.RawQuery != "" || asked.token != "" {
		t.Errorf("the token was asked for by %s %s with token %q", asked.method, asked.url, asked.token)
	}
	if want := "client_id=7&client_secret=" + testSecret + "&grant_type=client_credentials&scope=general"; asked.body != want {
		t.Errorf("form %q, want %q", asked.body, want)
	}
	if got := asked.header.Get("Content-Type"); got != "application/x-www-form-urlencoded" {
		t.Errorf("content type %q", got)
	}
	if used.token != "token-1" {
		t.Errorf("the call carried token %q", used.token)
	}
}

func TestConcurrentCallersShareOneFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := always(rows(`[]`))
		api.latency = time.Second
		client := api.client(t)
		impatient, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { // the first caller starts the fetch and goes away
			if err := callOnce(impatient, client); !errors.Is(err, context.Canceled) {
				t.Errorf("the cancelled caller got %v", err)
			}
		})
		synctest.Wait()
		for i := range 50 {
			wg.Go(func() {
				c := client
				if i%2 == 0 {
					c = client.Background()
				}
				if err := callOnce(t.Context(), c); err != nil {
					t.Errorf("caller %d: %v", i, err)
				}
			})
		}
		time.Sleep(time.Second / 2)
		cancel()
		wg.Wait()
		if n := api.tokensIssued(); n != 1 {
			t.Errorf("%d tokens were fetched, want 1", n)
		}
	})
}

func TestATokenIsUsedOneSecondAfterItsIssue(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		wait time.Duration
		kept *time.Duration // age of the token in the store
		want time.Duration
	}{
		{"fresh", 0, nil, time.Second},
		{"fresh, other wait", 3 * time.Second, nil, 3 * time.Second},
		{"fresh, no wait", -1, nil, 0},
		{"kept and young", 0, ptr(400 * time.Millisecond), 600 * time.Millisecond},
		{"kept and old", 0, ptr(time.Hour), 0},
		{"kept, issued in the future by a wrong clock", 0, ptr(-time.Hour), time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				api := always(rows(`[]`))
				store := &memoryTokens{}
				if test.kept != nil {
					issued := time.Now().Add(-*test.kept)
					store.token = Token{Value: secret.New("kept"), IssuedAt: issued, ExpiresAt: issued.Add(90 * 24 * time.Hour)}
				}
				client := api.client(t, func(cfg *Config) { cfg.ActivationWait, cfg.Tokens = test.wait, store })
				start := time.Now()
				if err := callOnce(t.Context(), client); err != nil {
					t.Fatal(err)
				}
				if got := api.made()[0].at.Sub(start); got != test.want {
					t.Errorf("first use after %v, want %v", got, test.want)
				}
				if kept := test.kept != nil; kept != (api.tokensIssued() == 0) {
					t.Errorf("%d tokens fetched, kept one: %v", api.tokensIssued(), kept)
				}
			})
		})
	}
}

func TestTheActivationWaitEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := always(rows(`[]`)).client(t, func(cfg *Config) { cfg.ActivationWait = 0 })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		wantCode(t, callOnce(ctx, client), TimedOut)
		if err := callOnce(t.Context(), client); err != nil {
			t.Errorf("the next caller got %v", err)
		}
	})
}

func TestTokensAreKeptAndRenewedInTime(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	tests := []struct {
		name     string
		lifetime time.Duration
		left     time.Duration
		fetched  bool
	}{
		{"long life left", 184 * day, 100 * day, false},
		{"a little more than a week left", 184 * day, 7*day + time.Minute, false},
		{"a week left", 184 * day, 7 * day, true},
		{"a short-lived one in its last tenth", 100 * time.Minute, 10 * time.Minute, true},
		{"a short-lived one before", 100 * time.Minute, 11 * time.Minute, false},
		{"expired", 184 * day, -time.Minute, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			api := always(rows(`[]`))
			now := time.Date(2026, 10, 5, 12, 0, 0, 0, time.UTC)
			store := &memoryTokens{token: Token{
				Value: secret.New("kept"), IssuedAt: now.Add(test.left - test.lifetime), ExpiresAt: now.Add(test.left),
			}}
			client := api.client(t, func(cfg *Config) { cfg.Tokens, cfg.Now = store, func() time.Time { return now } })
			for range 3 {
				if err := callOnce(t.Context(), client); err != nil {
					t.Fatal(err)
				}
			}
			if fetched := api.tokensIssued() == 1; fetched != test.fetched {
				t.Errorf("fetched %d tokens", api.tokensIssued())
			}
			if store.loads != 1 {
				t.Errorf("the store was asked %d times, want once", store.loads)
			}
			if test.fetched && store.token.Value.Reveal() != "token-1" {
				t.Errorf("kept is %q", store.token.Value.Reveal())
			}
		})
	}
}

func TestAFailedEarlyRenewalDoesNoHarm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := always(rows(`[]`))
		api.issue = func(int) reply { return reply{status: 503} }
		now := time.Now()
		store := &memoryTokens{token: Token{Value: secret.New("kept"), IssuedAt: now.Add(-90 * time.Minute), ExpiresAt: now.Add(5 * time.Minute)}}
		client := api.client(t, func(cfg *Config) { cfg.Tokens = store })
		for range 5 {
			if err := callOnce(t.Context(), client); err != nil {
				t.Fatal(err)
			}
		}
		if n := api.tokensIssued(); n != maxAttempts {
			t.Errorf("asked for tokens %d times, want %d: one try a minute", n, maxAttempts)
		}
		time.Sleep(6 * time.Minute)
		wantCode(t, callOnce(t.Context(), client), Unavailable)
	})
}

func TestATokenWithTroubleInTheStoreIsStillUsed(t *testing.T) {
	t.Parallel()
	api := always(rows(`[]`))
	store := &memoryTokens{loadErr: errors.New("the seal does not open"), saveErr: errors.New("the disk is full")}
	var log bytes.Buffer
	client := api.client(t, func(cfg *Config) { cfg.Tokens, cfg.Log = store, slog.New(slog.NewTextHandler(&log, nil)) })
	for range 2 {
		if err := callOnce(t.Context(), client); err != nil {
			t.Fatal(err)
		}
	}
	if api.tokensIssued() != 1 || store.saves != 1 || !strings.Contains(log.String(), "the disk is full") || !strings.Contains(log.String(), "the seal does not open") {
		t.Errorf("%d tokens, %d saves, log %s", api.tokensIssued(), store.saves, log.String())
	}
}

func TestLifetimeOfAToken(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	for raw, want := range map[string]time.Duration{
		`15897600`: 184 * day, `"63158400"`: 731 * day, `null`: day, `-5`: day, `"soon"`: day, `9000000000000000000`: longestLifetime,
	} {
		if got := lifetime([]byte(raw)); got != want {
			t.Errorf("expires_in %s is %v, want %v", raw, got, want)
		}
	}
}

// Neither errors nor log lines may hold the token, the secret or a query string, whatever Hostaway answers and however it fails.
func TestNoSecretInErrorsAndLog(t *testing.T) {
	t.Parallel()
	leaky := fmt.Sprintf(`{"status":"fail","message":"bad token token-1 of client %s"}`, testSecret)
	for name, answer := range map[string]reply{
		"refused": {status: 400, body: leaky}, "in a 200": ok(leaky), "denied": {status: 401, body: leaky},
		"limited": {status: 429, body: leaky}, "missing": {status: 404, body: leaky}, "down": {status: 500, body: leaky},
		"redirect": {status: 302, header: []string{"Location: http://elsewhere.test/?token=token-1"}},
		"network":  {err: errors.New("broken pipe")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				client := always(answer).client(t, func(cfg *Config) {
					cfg.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
				})
				_, err := client.Reservations(t.Context(), ReservationFilter{GuestEmail: "anna@guest.test"}, PageRequest{})
				if err == nil {
					t.Fatal("no error")
				}
				seen := fmt.Sprintf("%v %+v %#v ", err, err, err) + log.String()
				for e := err; e != nil; e = errors.Unwrap(e) {
					seen += e.Error()
				}
				for _, hidden := range []string{testSecret, "token-1", "token-2", "anna"} {
					if strings.Contains(seen, hidden) {
						t.Errorf("%q shows in %s", hidden, seen)
					}
				}
				if !strings.Contains(log.String(), "/reservations") {
					t.Errorf("the log does not show the call: %s", log.String())
				}
			})
		})
	}
}

func TestTheCounterCountsEverything(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := inTurn(reply{status: 500}, rows(`[]`))
		client := api.client(t)
		var mine, other Counter
		if err := callOnce(t.Context(), client.WithCounter(&mine)); err != nil {
			t.Fatal(err)
		}
		if err := callOnce(t.Context(), client.Background().WithCounter(&other)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]int{3, 1}, []int{mine.Calls(), other.Calls()}); diff != "" {
			t.Errorf("counts (-want +got): a token, a fault, an answer; then an answer\n%s", diff)
		}
	})
}
