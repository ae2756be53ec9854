package hostaway

// token_denied_test.go sees what follows when Hostaway denies a token, or credentials that are checked.

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"hostaway-mcp/secret"
)

func TestADeniedTokenIsReplacedOnce(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		answer  func(r *http.Request) reply
		calls   int
		tokens  int
		code    Code
		message string
	}{
		{"the new token works", func(r *http.Request) reply {
			if r.Header.Get("Authorization") == "Bearer token-1" {
				return reply{status: 403, body: denial}
			}
			return rows(`[]`)
		}, 2, 2, "", ""},
		{"the new token is denied too", func(*http.Request) reply { return reply{status: 403, body: denial} }, 2, 2, Refused, "denies the access token"},
		{"the text stands in result", func(*http.Request) reply {
			return reply{status: 403, body: `{"status":"fail","result":"The resource owner or authorization server denied the request."}`}
		}, 2, 2, Refused, "denies the access token"},
		{"a 401", func(*http.Request) reply { return reply{status: 401, body: `{"error":"access_denied"}`} }, 2, 2, Refused, "denies the access token"},
		{"a locked reservation", func(*http.Request) reply {
			return reply{status: 403, body: `{"status":"fail","message":"This reservation can not be changed."}`}
		}, 1, 1, Refused, "can not be changed"},
		{"a review that is not there", func(*http.Request) reply {
			return reply{status: 403, body: `{"status":"fail","message":"Review not found."}`}
		}, 1, 1, NotFound, "Review not found."},
		{"a firewall", func(*http.Request) reply { return reply{status: 403, body: `<html>denied</html>`} }, 1, 1, Refused, "without giving a reason"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			api := &fakeAPI{answer: func(r *http.Request, _ int) reply { return test.answer(r) }}
			err := callOnce(t.Context(), api.client(t))
			wantCode(t, err, test.code)
			if err != nil && !strings.Contains(err.Error(), test.message) {
				t.Errorf("error %q does not say %q", err, test.message)
			}
			if len(api.made()) != test.calls || api.tokensIssued() != test.tokens {
				t.Errorf("%d calls and %d tokens, want %d and %d", len(api.made()), api.tokensIssued(), test.calls, test.tokens)
			}
		})
	}
}

func TestManyDeniedCallersFetchOneNewToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var revoked atomic.Bool
		api := &fakeAPI{latency: 100 * time.Millisecond}
		api.answer = func(r *http.Request, nth int) reply {
			if revoked.Load() && r.Header.Get("Authorization") == "Bearer token-1" { // some hear of it after the others have a new one
				return reply{status: 403, body: denial, after: time.Duration(nth) * 50 * time.Millisecond}
			}
			return rows(`[]`)
		}
		client := api.client(t)
		if err := callOnce(t.Context(), client); err != nil {
			t.Fatal(err)
		}
		revoked.Store(true)
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 7 * time.Millisecond)
				if err := callOnce(t.Context(), client); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := api.tokensIssued(); n != 2 {
			t.Errorf("%d tokens were fetched, want 2", n)
		}
	})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		issue reply
		code  Code
		asked int
	}{
		{"bare", ok(`{"token_type":"Bearer","expires_in":60,"access_token":"abc"}`), "", 1},
		{"wrapped", ok(`{"status":"success","result":{"expires_in":"60","access_token":"abc"}}`), "", 1},
		{"wrong secret", reply{status: 401, body: `{"error":"invalid_client","error_description":"Client authentication failed","message":"x"}`}, CredentialsRefused, 1},
		{"wrong secret as 400", reply{status: 400, body: `{"error":"invalid_client"}`}, CredentialsRefused, 1},
		{"denied by the sentence", reply{status: 403, body: denial}, CredentialsRefused, 1},
		{"firewall", reply{status: 403, body: `<html>`}, Refused, 1},
		{"failed in a 200", ok(`{"status":"fail","message":"Come back tomorrow"}`), Refused, 1},
		{"no token", ok(`{"expires_in":60}`), BadAnswer, 1},
		{"no JSON", ok(`<html>`), BadAnswer, 1},
		{"down", reply{status: 502, body: `<html>`}, Unavailable, maxAttempts},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				api := always(rows(`[]`))
				api.issue = func(int) reply { return test.issue }
				var refused, accepted int
				store := &memoryTokens{token: Token{Value: secret.New("old"), ExpiresAt: time.Now().Add(1000 * time.Hour)}}
				client := api.client(t, func(cfg *Config) {
					cfg.Tokens = store
					cfg.Refused = func(context.Context, *Error) { refused++ }
					cfg.Accepted = func(context.Context) { accepted++ }
				})
				token, err := client.Check(t.Context())
				wantCode(t, err, test.code)
				if err == nil {
					if token.Value.Reveal() != "abc" || token.ExpiresAt.Sub(token.IssuedAt) != time.Minute || store.token != token {
						t.Errorf("token %q of %v, kept: %v", token.Value.Reveal(), token.ExpiresAt.Sub(token.IssuedAt), store.token == token)
					}
				}
				wasRefused, wasAccepted := test.code == CredentialsRefused, test.code == ""
				if (refused == 1) != wasRefused || (accepted == 1) != wasAccepted {
					t.Errorf("told of a refusal %d times, of an acceptance %d times", refused, accepted)
				}
				if api.tokensIssued() != test.asked {
					t.Errorf("asked %d times, want %d", api.tokensIssued(), test.asked)
				}
			})
		})
	}
}

func TestCheckDoesNotTakeAnotherCallersOldToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := always(rows(`[]`))
		now := time.Now()
		store := &memoryTokens{blockFor: time.Second, token: Token{Value: secret.New("old"), IssuedAt: now, ExpiresAt: now.Add(1000 * time.Hour)}}
		client := api.client(t, func(cfg *Config) { cfg.Tokens = store })
		go func() { _ = callOnce(t.Context(), client) }()
		synctest.Wait() // it is loading the old token
		token, err := client.Check(t.Context())
		if err != nil || token.Value.Reveal() != "token-1" {
			t.Errorf("Check gave %q, %v", token.Value.Reveal(), err)
		}
	})
}
