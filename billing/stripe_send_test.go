package billing

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"

	"hostaway-mcp/secret"
	"hostaway-mcp/store/storetest"
)

// scripted is a Stripe that gives prepared answers in order, and notes what it was
// asked with. An answer of status 0 breaks the connection off.
type scripted struct {
	answers []scriptedAnswer
	mu      sync.Mutex
	keys    []string
	heads   []http.Header
}

type scriptedAnswer struct {
	status int
	body   string
	header map[string]string
}

func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.keys = append(s.keys, r.Header.Get("Idempotency-Key"))
	s.heads = append(s.heads, r.Header.Clone())
	answer := s.answers[min(len(s.keys), len(s.answers))-1]
	s.mu.Unlock()
	if answer.status == 0 {
		panic(http.ErrAbortHandler)
	}
	for name, value := range answer.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(answer.status)
	_, _ = io.WriteString(w, answer.body)
}

// asked gives the keys and headers of the requests so far.
func (s *scripted) asked() (keys []string, heads []http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.keys), slices.Clone(s.heads)
}

// scriptedAPI is our client on such a Stripe; its pauses are noted, not waited for.
func scriptedAPI(t *testing.T, answers ...scriptedAnswer) (*stripeAPI, *scripted, *[]time.Duration) {
	t.Helper()
	s := &scripted{answers: answers}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	var pauses []time.Duration
	api := newStripeAPI(Config{Key: secret.New("sk_test_1"), URL: server.URL, Pause: func(ctx context.Context, d time.Duration) error {
		pauses = append(pauses, d)
		return ctx.Err()
	}})
	return api, s, &pauses
}

const aSubscription = `{"id":"sub_1","object":"subscription","customer":"cus_1","status":"active","items":{"object":"list","data":[{"id":"si_1","quantity":7}]}}`

func stripeProblem(status int, code string) scriptedAnswer {
	return scriptedAnswer{status: status, body: `{"error":{"type":"api_error","code":"` + code + `","message":"Secret words about card 4242"}}`}
}

func TestACallIsRepeatedOnlyWhereThatDoesNoHarm(t *testing.T) {
	t.Parallel()
	good := scriptedAnswer{status: 200, body: aSubscription}
	reset, proxy := scriptedAnswer{}, scriptedAnswer{status: 502, body: "<html>Secret words</html>"}
	cases := []struct {
		name    string
		answers []scriptedAnswer
		read    bool
		keys    []string
		kind    Kind
	}{
		{"a write that is answered", []scriptedAnswer{good}, false, []string{"k"}, ""},
		{"a write whose answer is lost asks with the same key", []scriptedAnswer{reset, good}, false, []string{"k", "k"}, ""},
		{"a write that a proxy answered asks with the same key", []scriptedAnswer{proxy, good}, false, []string{"k", "k"}, ""},
		{"a write that is never answered", []scriptedAnswer{reset}, false, []string{"k", "k", "k"}, KindUnreachable},
		{"a write that failed is not repeated: its answer would be", []scriptedAnswer{stripeProblem(500, "")}, false, []string{"k"}, KindFailed},
		{"a write that was too many keeps its key", []scriptedAnswer{stripeProblem(429, "rate_limit"), good}, false, []string{"k", "k"}, ""},
		{"a write that got lost, and then was too many", []scriptedAnswer{reset, stripeProblem(429, "rate_limit"), good}, false, []string{"k", "k", "k"}, ""},
		{"a write that still runs is waited for", []scriptedAnswer{stripeProblem(409, "idempotency_key_in_use"), good}, false, []string{"k", "k"}, ""},
		{"a write that collides", []scriptedAnswer{stripeProblem(409, "")}, false, []string{"k"}, KindConflict},
		{"a write that is not taken", []scriptedAnswer{stripeProblem(400, "parameter_invalid_integer")}, false, []string{"k"}, KindInvalid},
		{"a card", []scriptedAnswer{stripeProblem(402, "card_declined")}, false, []string{"k"}, KindDeclined},
		{"a key", []scriptedAnswer{stripeProblem(401, "")}, false, []string{"k"}, KindKey},
		{"a read that failed", []scriptedAnswer{stripeProblem(500, ""), stripeProblem(503, ""), good}, true, []string{"", "", ""}, ""},
		{"a read that was too many", []scriptedAnswer{stripeProblem(429, "rate_limit"), good}, true, []string{"", ""}, ""},
		{"a read of nothing", []scriptedAnswer{stripeProblem(404, "resource_missing")}, true, []string{""}, KindNotFound},
		{"a read that is told to wait for long", []scriptedAnswer{{status: 429, body: `{"error":{"type":"api_error"}}`, header: map[string]string{"Retry-After": "60"}}}, true, []string{""}, KindBusy},
		{"a read that is sent elsewhere", []scriptedAnswer{{status: 302, header: map[string]string{"Location": "http://127.0.0.1:1/"}}}, true, []string{"", "", ""}, KindUnreachable},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			api, s, pauses := scriptedAPI(t, c.answers...)
			var got stripeSubscription
			var err error
			if c.read {
				got, err = api.subscription(t.Context(), "sub_1")
			} else {
				got, err = api.updateQuantity(t.Context(), "sub_1", "si_1", 7, time.Unix(1, 0), "k")
			}
			keys, _ := s.asked()
			if diff := cmp.Diff(c.keys, keys); diff != "" {
				t.Errorf("keys (-want +got):\n%s", diff)
			}
			if kindOf(err) != c.kind || (err == nil) != (c.kind == "") {
				t.Errorf("error %v of kind %q, want %q", err, kindOf(err), c.kind)
			}
			if err == nil && (got.ID != "sub_1" || len(got.Items) != 1 || got.Items[0].Quantity != 7) {
				t.Errorf("read %+v", got)
			}
			if err != nil && (strings.Contains(err.Error(), "Secret") || strings.Contains(err.Error(), "4242")) {
				t.Errorf("the error repeats what Stripe wrote: %v", err)
			}
			if len(*pauses) != len(keys)-1 {
				t.Errorf("%d tries and %d pauses", len(keys), len(*pauses))
			}
		})
	}
}

// What finds a refusal in Stripe's own log is told, each where Stripe gave it.
func TestARefusalSaysWhichItWas(t *testing.T) {
	t.Parallel()
	for want, failed := range map[string]Error{
		"list: Stripe does not take it like that":                                                                    {},
		"list: Stripe does not take it like that (parameter limit)":                                                  {Param: "limit"},
		"list: Stripe does not take it like that (request req_1)":                                                    {RequestID: "req_1"},
		"list: Stripe does not take it like that (parameter_invalid_integer, parameter items[0][id], request req_2)": {Code: "parameter_invalid_integer", Param: "items[0][id]", RequestID: "req_2"},
	} {
		failed.Op, failed.Kind = "list", KindInvalid
		if got := failed.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	answer := scriptedAnswer{
		status: 400, header: map[string]string{"Request-Id": "req_3"},
		body: `{"error":{"type":"invalid_request_error","param":"items[0][quantity]","message":"Secret words"}}`,
	}
	api, _, _ := scriptedAPI(t, answer)
	_, err := api.updateQuantity(t.Context(), "sub_1", "si_1", 7, time.Unix(1, 0), "k")
	if err == nil || !contains(err, "(parameter items[0][quantity], request req_3)") || contains(err, "Secret") {
		t.Errorf("an answer of Stripe's: %v", err)
	}
}

func TestAWriteWithoutAKeyIsNotSent(t *testing.T) {
	t.Parallel()
	api, s, _ := scriptedAPI(t, scriptedAnswer{status: 200, body: aSubscription})
	withKey := stripe.Params{Context: t.Context(), IdempotencyKey: stripe.String("k")}
	calls := map[string]func() error{
		"nil params": func() error { _, err := api.subscriptions.Cancel("sub_1", nil); return err },
		"no key": func() error {
			_, err := api.subscriptions.Update("sub_1", &stripe.SubscriptionParams{Params: stripe.Params{Context: t.Context()}})
			return err
		},
		"no context": func() error {
			_, err := api.subscriptions.Update("sub_1", &stripe.SubscriptionParams{Params: stripe.Params{IdempotencyKey: stripe.String("k")}})
			return err
		},
		"a read without context": func() error {
			_, err := api.subscriptions.Get("sub_1", &stripe.SubscriptionParams{})
			return err
		},
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, errIncomplete) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if keys, _ := s.asked(); len(keys) != 0 {
		t.Errorf("%d requests were sent", len(keys))
	}
	_, err := api.subscriptions.Update("sub_1", &stripe.SubscriptionParams{Params: withKey})
	if keys, _ := s.asked(); err != nil || len(keys) != 1 {
		t.Errorf("a whole one: %v, %d sent", err, len(keys))
	}
}

func TestACallEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := &scripted{answers: []scriptedAnswer{stripeProblem(500, "")}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	api := newStripeAPI(Config{Key: secret.New("sk_test_1"), URL: server.URL, Pause: func(ctx context.Context, _ time.Duration) error {
		cancel()
		return ctx.Err()
	}})
	for _, when := range []string{"that ends", "that ended"} {
		_, err := api.subscription(ctx, "sub_1")
		if keys, _ := s.asked(); !errors.Is(err, context.Canceled) || len(keys) != 1 {
			t.Errorf("with a context %s: %v, %d requests", when, err, len(keys))
		}
	}
}

func TestWhatIsSentSaysNothingOfThisMachine(t *testing.T) {
	t.Parallel()
	api, s, _ := scriptedAPI(t, scriptedAnswer{status: 200, body: aSubscription})
	for range 3 {
		if _, err := api.subscription(t.Context(), "sub_1"); err != nil {
			t.Fatal(err)
		}
	}
	_, heads := s.asked()
	for _, head := range heads {
		if got := head.Get("X-Stripe-Client-User-Agent"); strings.Contains(got, "uname") || got == "" {
			t.Errorf("the client says %q", got)
		}
		if got := head.Get("X-Stripe-Client-Telemetry"); got != "" {
			t.Errorf("telemetry was sent: %s", got)
		}
		if got := head.Get("Stripe-Version"); got != "2023-10-16" {
			t.Errorf("version %q", got)
		}
	}
}

func TestCallsAreNamedWithoutIDs(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/v1/subscriptions/sub_1":              "GET subscriptions",
		"/v1/invoices/upcoming/lines?a=b_c":    "GET invoices/upcoming/lines",
		"/v1/checkout/sessions/cs_test/expire": "GET checkout/sessions/expire",
		"/v1/billing_portal/configurations":    "GET billing_portal/configurations",
		"/v1/webhook_endpoints/we_1":           "GET webhook_endpoints",
	} {
		if got := opOf(http.MethodGet, path); got != want {
			t.Errorf("%s is named %q, want %q", path, got, want)
		}
	}
}

func TestNewRefusesWhatWouldChargeNobodyOrTheWrongPeople(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		change func(*Config)
		says   string
	}{
		{"no store", func(c *Config) { c.Store = nil }, "store"},
		{"no key", func(c *Config) { c.Key = secret.Text{} }, "key"},
		{"a publishable key", func(c *Config) { c.Key = secret.New("pk_test_1") }, "key"},
		{"no webhook secret", func(c *Config) { c.WebhookSecrets = nil }, "billing setup"},
		{"an empty webhook secret", func(c *Config) { c.WebhookSecrets = []secret.Text{secret.New("")} }, "whsec_"},
		{"no price", func(c *Config) { c.PriceLookup = "" }, "price"},
		{"no address of ours", func(c *Config) { c.BaseURL = "" }, "address"},
		{"a negative grace", func(c *Config) { c.Grace = -1 }, "grace"},
		{"a live key elsewhere", func(c *Config) { c.Key, c.URL = secret.New("rk_live_1"), "https://example.com" }, "live key"},
		{"a key in the open", func(c *Config) { c.URL = "http://example.com" }, "https"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg := Config{
				Store: storetest.Open(t), Key: secret.New("rk_test_1"), WebhookSecrets: []secret.Text{secret.New("whsec_1")},
				PriceLookup: "listing", BaseURL: "http://127.0.0.1", URL: "http://127.0.0.1:9",
			}
			if _, err := New(cfg); err != nil {
				t.Fatalf("the whole one: %v", err)
			}
			c.change(&cfg)
			if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want something about %q", err, c.says)
			}
		})
	}
}

func TestOneAtATimeForAnOrg(t *testing.T) {
	t.Parallel()
	var locks orgLocks
	release, err := locks.hold(t.Context(), "org_1")
	if err != nil {
		t.Fatal(err)
	}
	other, err := locks.hold(t.Context(), "org_2")
	if err != nil {
		t.Fatal(err)
	}
	other()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := locks.hold(ended, "org_1"); !errors.Is(err, context.Canceled) {
		t.Errorf("a second one of the same org: %v", err)
	}
	release()
	again, err := locks.hold(t.Context(), "org_1")
	if err != nil {
		t.Fatal(err)
	}
	again()
	if len(locks.held) != 0 {
		t.Errorf("%d locks are kept", len(locks.held))
	}
}
