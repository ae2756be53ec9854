package hostaway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	errReset   = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
)

// What may be repeated: everything after a 429; calls that only read after a fault or a broken connection; changes when no
// connection was made; nothing else.
func TestWhatIsRepeated(t *testing.T) {
	t.Parallel()
	calls := map[string]func(context.Context, *Client) error{
		"GET": func(ctx context.Context, c *Client) error { return callOnce(ctx, c) },
		"report POST": func(ctx context.Context, c *Client) error {
			_, err := c.Report(ctx, ReportConsolidated, ReportFilter{})
			return err
		},
		"PUT": func(ctx context.Context, c *Client) error {
			_, err := c.UpdateListing(ctx, 1, ListingChange{Name: ptr("x")})
			return err
		},
		"POST": func(ctx context.Context, c *Client) error {
			_, err := c.CreateListing(ctx, ListingChange{Name: ptr("x")})
			return err
		},
		"DELETE": func(ctx context.Context, c *Client) error {
			_, err := c.send(ctx, call{op: "delete", method: http.MethodDelete, path: "/listings/1", query: newQuery()})
			return err
		},
	}
	reads, changes, creates := []string{"GET", "report POST"}, []string{"PUT", "DELETE"}, []string{"POST"}
	all := []string{"GET", "report POST", "PUT", "DELETE", "POST"}
	tests := []struct {
		name     string
		reply    reply
		code     Code
		repeated []string
		once     []string
	}{
		{"rate limit", reply{status: 429}, RateLimited, all, nil},
		{"fault", reply{status: 500, body: "<html>oops</html>"}, Unavailable, reads, append(changes, creates...)},
		{"gateway", reply{status: 504}, Unavailable, reads, append(changes, creates...)},
		{"connection refused", reply{err: errRefused}, Unreachable, append(reads, changes...), creates},
		{"connection reset", reply{err: errReset}, Unreachable, reads, append(changes, creates...)},
		{"refusal", reply{status: 200, body: `{"status":"fail","message":"no"}`}, Refused, nil, all},
		{"bad request", reply{status: 400, body: `{"status":"fail","message":"no"}`}, Refused, nil, all},
		{"unknown", reply{status: 404, body: `{"status":"fail","message":"Resource not found"}`}, NotFound, nil, all},
		{"no JSON", reply{status: 200, body: `<html>`}, BadAnswer, nil, all},
		{"empty", reply{status: 200}, BadAnswer, nil, all},
		{"redirect", reply{status: 301, header: []string{"Location: /elsewhere"}}, BadAnswer, nil, all},
	}
	for _, test := range tests {
		for want, kinds := range map[int][]string{maxAttempts: test.repeated, 1: test.once} {
			for _, kind := range kinds {
				t.Run(test.name+" on "+kind, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						api := always(test.reply)
						err := calls[kind](t.Context(), api.client(t))
						wantCode(t, err, test.code)
						if got := len(api.made()); got != want {
							t.Errorf("made %d times, want %d", got, want)
						}
					})
				})
			}
		}
	}
}

func TestARepeatedCallIsTheSameCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := inTurn(reply{status: 429}, ok(`{"status":"success","result":{"id":5}}`))
		if _, err := api.client(t).UpdateListing(t.Context(), 5, ListingChange{Name: ptr("Sea view")}); err != nil {
			t.Fatal(err)
		}
		made := api.made()
		if made[0].body != made[1].body || made[1].body != `{"name":"Sea view"}` || made[0].url.String() != made[1].url.String() {
			t.Errorf("first %+v\nthen %+v", made[0], made[1])
		}
	})
}

func TestPausesBetweenAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := always(reply{status: 503})
		_ = callOnce(t.Context(), api.client(t))
		made := api.made()
		for i, least := range []time.Duration{250, 500, 1000} {
			least *= time.Millisecond
			if pause := made[i+1].at.Sub(made[i].at); pause < least || pause > 2*least {
				t.Errorf("pause %d is %v, want %v to %v", i+1, pause, least, 2*least)
			}
		}
	})
}

func TestA429IsWaitedForAndLowersTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		retry := start.Add(6 * time.Second)
		api := inTurn(reply{status: 429, header: []string{
			"X-RateLimit-Limit: 2", "X-RateLimit-Remaining: 0", "X-RateLimit-Applied: account",
			"X-RateLimit-Retry-After: " + strconv.FormatInt(retry.Unix(), 10),
		}}, rows(`[]`))
		budget := NewBudget(BudgetConfig{PerAccount: Rate{50, 10 * time.Second}, PerIP: Rate{1000, 10 * time.Second}})
		client := api.client(t, func(cfg *Config) { cfg.Budget = budget })
		for range 6 {
			if err := callOnce(t.Context(), client); err != nil {
				t.Fatal(err)
			}
		}
		made := api.made()
		var at []time.Duration
		for _, call := range made {
			at = append(at, call.at.Sub(start).Truncate(time.Second))
		}
		// The token and the denied call fill the lowered window of 2 until second 10; from there on two in ten seconds.
		s := time.Second
		if diff := cmp.Diff([]time.Duration{0, 10 * s, 10 * s, 20 * s, 20 * s, 30 * s, 30 * s}, at); diff != "" {
			t.Errorf("moments of the calls (-want +got)\n%s", diff)
		}
	})
}

func TestRetryTimesOfA429(t *testing.T) {
	t.Parallel()
	start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		name   string
		header []string
		least  time.Duration
		most   time.Duration
	}{
		{"absolute", []string{"X-RateLimit-Retry-After: " + strconv.FormatInt(start.Unix()+9, 10)}, 9 * time.Second, 9 * time.Second},
		{"already over", []string{"X-RateLimit-Retry-After: 5"}, 250 * time.Millisecond, 500 * time.Millisecond},
		{"standard header", []string{"Retry-After: 3"}, 3 * time.Second, 3 * time.Second},
		{"unreadable", []string{"X-RateLimit-Retry-After: soon", "Retry-After: later"}, 250 * time.Millisecond, 500 * time.Millisecond},
		{"none", nil, 250 * time.Millisecond, 500 * time.Millisecond},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				api := inTurn(reply{status: 429, header: test.header}, rows(`[]`))
				if err := callOnce(t.Context(), api.client(t)); err != nil {
					t.Fatal(err)
				}
				made := api.made()
				if waited := made[1].at.Sub(made[0].at); waited < test.least || waited > test.most+10*time.Millisecond {
					t.Errorf("waited %v, want %v to %v", waited, test.least, test.most)
				}
			})
		})
	}
}

func TestInteractiveCallsDoNotWaitForLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		retry := start.Add(2 * time.Minute)
		header := []string{"X-RateLimit-Retry-After: " + strconv.FormatInt(retry.Unix(), 10)}
		api := inTurn(reply{status: 429, header: header, body: `{"status":"fail","message":"Too many"}`}, rows(`[]`))
		client := api.client(t)
		e := errorWith(t, callOnce(t.Context(), client), RateLimited)
		if waited := time.Since(start); waited > time.Second || !e.RetryAfter.Equal(retry) {
			t.Errorf("failed after %v with RetryAfter %v, want at once with %v", waited, e.RetryAfter, retry)
		}
		if err := callOnce(t.Context(), client.Background()); err != nil {
			t.Fatalf("the background call got %v", err)
		}
		if waited := time.Since(start); waited != 2*time.Minute {
			t.Errorf("the background call waited %v, want 2 min", waited)
		}
	})
}

func TestTheLastAnswerOfAnExhausted429Says(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := always(reply{status: 429, body: `{"status":"fail","message":"Rate limit exceeded"}`})
		e := errorWith(t, callOnce(t.Context(), api.client(t)), RateLimited)
		if e.Status != 429 || e.Message != "Rate limit exceeded" || e.RetryAfter.IsZero() {
			t.Errorf("error %+v", e)
		}
	})
}

func TestSlowAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := always(reply{hang: true})
		client := api.client(t, func(cfg *Config) { cfg.Timeout = 20 * time.Second })
		start := time.Now()
		wantCode(t, callOnce(t.Context(), client), TimedOut)
		if took := time.Since(start); took < 40*time.Second || took > 45*time.Second {
			t.Errorf("gave up after %v: want two attempts, the second begun within MaxWait", took)
		}
		start = time.Now()
		_, err := client.Report(t.Context(), ReportConsolidated, ReportFilter{})
		wantCode(t, err, TimedOut)
		if took := time.Since(start); took != 80*time.Second {
			t.Errorf("a report is given up after %v, want 80 s", took)
		}
	})
}

func TestTheContextEndsACall(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		reply reply
	}{{"while Hostaway is silent", reply{hang: true}}, {"between two attempts", reply{status: 503}}}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := always(test.reply).client(t)
				if _, err := client.Check(t.Context()); err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				err := callOnce(ctx, client)
				wantCode(t, err, TimedOut)
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v does not wrap context.DeadlineExceeded", err)
				}
				ctx, cancel = context.WithCancel(t.Context())
				time.AfterFunc(100*time.Millisecond, cancel)
				if err := callOnce(ctx, client); !errors.Is(err, context.Canceled) || CodeOf(err) != "" {
					t.Errorf("the cancelled call got %v", err)
				}
				if took := time.Since(start); took != 200*time.Millisecond {
					t.Errorf("the two calls took %v, want 200 ms", took)
				}
			})
		})
	}
}

// These run over a real connection: what the transport really says, and what is sent over the wire.
func TestOverARealConnection(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a call went elsewhere with %q", r.Header.Get("Authorization"))
	}))
	t.Cleanup(elsewhere.Close)
	mux.HandleFunc("POST /v1/accessTokens", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `{"expires_in":600,"access_token":"abc"}`)
	})
	mux.HandleFunc("GET /v1/financeField/1", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("GET /v1/financeField/2", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, maxBody+1))
	})
	mux.HandleFunc("PUT /v1/listings/3", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = fmt.Fprint(w, `{"status":"succ`)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	overWire := func(cfg *Config) { cfg.BaseURL, cfg.HTTP = server.URL+"/v1/", nil }
	client := always(reply{}).client(t, overWire, func(cfg *Config) { cfg.MaxWait = time.Nanosecond })
	_, err := client.Check(t.Context())
	wantCode(t, err, RateLimited) // no patience at all
	client = always(reply{}).client(t, overWire)
	for id, want := range map[int64]Code{1: BadAnswer, 2: BadAnswer, 4: NotFound} {
		_, err := client.FinanceFields(t.Context(), id)
		wantCode(t, err, want)
	}
	_, err = client.UpdateListing(t.Context(), 3, ListingChange{Name: ptr("x")})
	wantCode(t, err, Unreachable)
	server.Close()
	_, err = client.CreateListing(t.Context(), ListingChange{Name: ptr("x")})
	e := errorWith(t, err, Unreachable)
	if strings.Contains(err.Error(), server.URL) || !errors.Is(e, syscall.ECONNREFUSED) {
		t.Errorf("error %v, cause %v", err, e.Unwrap())
	}
}

func TestABadBaseURL(t *testing.T) {
	t.Parallel()
	client := always(rows(`[]`)).client(t, func(cfg *Config) { cfg.BaseURL = "http://bad host" })
	wantCode(t, callOnce(t.Context(), client), BadInput)
}

func TestNetworkFailures(t *testing.T) {
	t.Parallel()
	outer := func(err error) error { return &url.Error{Op: "Get", URL: "http://x/?token=abc", Err: err} }
	tests := []struct {
		err    error
		code   Code
		unsent bool
	}{
		{outer(errRefused), Unreachable, true},
		{outer(errReset), Unreachable, false},
		{outer(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "api"}}), Unreachable, true},
		{outer(context.DeadlineExceeded), TimedOut, false},
		{outer(&net.OpError{Op: "read", Err: &net.DNSError{IsTimeout: true}}), TimedOut, false},
	}
	for _, test := range tests {
		f := networkFailure(test.err)
		if f.err.Code != test.code || f.unsent != test.unsent || strings.Contains(fmt.Sprint(f.err, f.err.Unwrap()), "token=") {
			t.Errorf("%v: %v, unsent %v, cause %v", test.err, f.err.Code, f.unsent, f.err.Unwrap())
		}
	}
}
