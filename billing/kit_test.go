package billing

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

const testSecret = "whsec_test"

// told is a Stripe that answers each path with what it was told to; what it was not
// told of does not exist. It notes what it was asked.
type told struct {
	mu      sync.Mutex
	answers map[string]string
	refused map[string]int // status of an answer, when it is none of 200
	asked   []string
	down    bool
}

func (f *told) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, r.Method+" "+r.URL.Path)
	if f.down {
		panic(http.ErrAbortHandler)
	}
	answer, ok := f.answers[r.URL.Path]
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		answer = `{"error":{"type":"invalid_request_error","code":"resource_missing","message":"No such thing"}}`
	}
	if status := f.refused[r.URL.Path]; status != 0 {
		w.WriteHeader(status)
	}
	_, _ = fmt.Fprint(w, answer)
}

func (f *told) refuse(path string, status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refused = map[string]int{path: status}
}

func contains(err error, text string) bool { return strings.Contains(err.Error(), text) }

func (f *told) tell(path, answer string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[path] = answer
}

func (f *told) setDown(down bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = down
}

// times counts the requests that begin so since the last count.
func (f *told) times(prefix string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.asked {
		if strings.HasPrefix(a, prefix) {
			n++
		}
	}
	f.asked = nil
	return n
}

// bench is a billing with a store and a clock, on a Stripe that is told what to say.
type bench struct {
	*Billing
	stripe *told
	store  *store.Store
	clock  *storetest.Clock
}

func newBench(t *testing.T, change ...func(*Config)) *bench {
	t.Helper()
	clock := storetest.NewClock(time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC))
	k := &bench{stripe: &told{answers: map[string]string{}}, clock: clock}
	server := httptest.NewServer(k.stripe)
	t.Cleanup(server.Close)
	k.store = storetest.Open(t, storetest.WithClock(clock), storetest.WithBilling(), storetest.WithMail())
	cfg := Config{
		Store: k.store, Key: secret.New("rk_test_1"), WebhookSecrets: []secret.Text{secret.New(testSecret)}, PriceLookup: "listing_v1",
		URL: server.URL, BaseURL: "http://127.0.0.1:8080", Now: clock.Now,
		Pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
	for _, c := range change {
		c(&cfg)
	}
	var err error
	if k.Billing, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	return k
}

// org is an org whose trial was over a week ago, with the customer cus_<name>.
func (k *bench) org(t *testing.T, name string) *store.Org {
	t.Helper()
	o, _, err := k.store.CreateOrg(t.Context(), store.NewOrg{
		Name: name, Email: name + "@example.com", MemberName: "Ann", Password: longPassword(),
	}, store.Actor{})
	if err != nil {
		t.Fatal(err)
	}
	over := k.clock.Now().Add(-7 * 24 * time.Hour)
	_, err = o.SaveBilling(t.Context(), system(), store.BillingAccount{
		CustomerID: "cus_" + name, Generation: 1, Access: store.AccessNone, AccessReason: store.ReasonTrialEnded, TrialEndsAt: &over,
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (k *bench) account(t *testing.T, o *store.Org) store.BillingAccount {
	t.Helper()
	a, err := o.Billing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// tellSubscription has the customer of an org be subscribed in a status; overdue is
// the amount of an open invoice whose charge failed a minute ago, 0: none.
func (k *bench) tellSubscription(name, status string, overdue int) {
	now := k.clock.Now().Unix()
	k.stripe.tell("/v1/subscriptions", fmt.Sprintf(`{"object":"list","data":[{"id":"sub_%[1]s","object":"subscription","customer":"cus_%[1]s","status":%[2]q,
"created":%[3]d,"current_period_start":%[3]d,"current_period_end":%[4]d,"latest_invoice":"in_%[1]s","items":{"object":"list","data":[
{"id":"si_%[1]s","quantity":2,"price":{"id":"price_1","currency":"usd","unit_amount":500}}]}}]}`, name, status, now, now+30*24*3600))
	invoice := fmt.Sprintf(`{"id":"in_%[1]s","object":"invoice","customer":"cus_%[1]s","subscription":"sub_%[1]s","status":"paid","amount_paid":1000}`, name)
	open := ""
	if overdue > 0 {
		invoice = fmt.Sprintf(`{"id":"in_%[1]s","object":"invoice","customer":"cus_%[1]s","subscription":"sub_%[1]s","status":"open","currency":"usd",
"amount_remaining":%[2]d,"attempted":true,"attempt_count":1,"created":%[3]d,"status_transitions":{"finalized_at":%[4]d}}`, name, overdue, now-3660, now-60)
		open = invoice
	}
	k.stripe.tell("/v1/invoices", `{"object":"list","data":[`+open+`]}`)
	k.stripe.tell("/v1/invoices/in_"+name, invoice)
}

// eventBody is an event about an object of a customer.
func eventBody(id, kind, customer string) string {
	return fmt.Sprintf(`{"id":%q,"object":"event","type":%q,"api_version":"2023-10-16","created":1774000000,"livemode":false,
"data":{"object":{"id":"x_1","object":"thing","customer":%q}}}`, id, kind, customer)
}

func sign(body, key string, at time.Time) string {
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(webhook.ComputeSignature(at, []byte(body), key)))
}

// post posts an event with a signature, and returns the status.
func (k *bench) post(t *testing.T, body, signature string) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhooks/stripe", strings.NewReader(body))
	if signature != "" {
		r.Header.Set("Stripe-Signature", signature)
	}
	w := httptest.NewRecorder()
	k.Webhooks().ServeHTTP(w, r)
	return w.Code
}

// event posts a proper event of now.
func (k *bench) event(t *testing.T, id, kind, customer string) {
	t.Helper()
	body := eventBody(id, kind, customer)
	if status := k.post(t, body, sign(body, testSecret, k.clock.Now())); status != http.StatusOK {
		t.Fatalf("the event %s was answered %d", id, status)
	}
}

func (k *bench) pending(t *testing.T) int {
	t.Helper()
	all, err := k.store.PendingStripeEvents(t.Context(), k.clock.Now().Add(1000*time.Hour), 1000)
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

func (k *bench) work(t *testing.T) int {
	t.Helper()
	n, err := k.WorkInbox(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (k *bench) mails(t *testing.T) map[string]int {
	t.Helper()
	return queuedMails(t, k.store, k.clock.Now())
}

// queuedMails counts the mails that wait to be sent, by kind.
func queuedMails(t *testing.T, s *store.Store, now time.Time) map[string]int {
	t.Helper()
	due, err := s.DueMails(t.Context(), now.Add(time.Hour), 1000)
	if err != nil {
		t.Fatal(err)
	}
	byKind := map[string]int{}
	for _, m := range due {
		byKind[m.Kind]++
	}
	return byKind
}

func longPassword() secret.Text { return secret.New("a long enough password 1") }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func waitFor(t *testing.T, so func() bool) {
	t.Helper()
	for begun := time.Now(); !so(); time.Sleep(time.Millisecond) {
		if time.Since(begun) > 10*time.Second {
			t.Fatal("it does not come about")
		}
	}
}
