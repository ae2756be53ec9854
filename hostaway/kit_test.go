package hostaway

// kit_test.go: an API made of handlers, reached without a network, so that tests run on the virtual clock of synctest.

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"hostaway-mcp/secret"
)

const (
	testSecret = "s3cr3t-of-the-account"
	denial     = `{"status":"fail","message":"The resource owner or authorization server denied the request."}`
)

// fakeAPI answers the token endpoint by itself and everything else by its answer function. It is an http.RoundTripper.
type fakeAPI struct {
	answer  func(r *http.Request, nth int) reply // nth counts all calls but those for tokens, from 1
	issue   func(nth int) reply                  // nil: a token of 184 days named token-1, token-2, …
	latency time.Duration
	mu      sync.Mutex
	seen    []seenCall
	tokens  int
	calls   int
}

type seenCall struct {
	at     time.Time
	method string
	url    *url.URL
	token  string
	body   string
	header http.Header
}

// reply is one answer: an error instead of an answer, or status, body and header lines "Name: value".
type reply struct {
	err    error
	status int
	body   string
	header []string
	after  time.Duration // instead of the API's latency
	hang   bool          // no answer before the request is given up
}

func ok(body string) reply { return reply{status: http.StatusOK, body: body} }

func rows(list string) reply { return ok(`{"status":"success","result":` + list + `}`) }

func (f *fakeAPI) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	call := seenCall{
		at: time.Now(), method: r.Method, url: r.URL, body: string(body), header: r.Header,
		token: strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "),
	}
	answer := f.take(r, call)
	pause := cmp.Or(answer.after, f.latency)
	if answer.hang {
		pause = 1000 * time.Hour
	}
	if pause > 0 {
		select {
		case <-time.After(pause):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	if answer.err != nil {
		return nil, answer.err
	}
	recorder := httptest.NewRecorder()
	for _, line := range answer.header {
		name, value, _ := strings.Cut(line, ": ")
		recorder.Header().Set(name, value)
	}
	recorder.WriteHeader(answer.status)
	_, _ = recorder.WriteString(answer.body)
	return recorder.Result(), nil
}

func (f *fakeAPI) take(r *http.Request, call seenCall) reply {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen, call)
	if strings.HasSuffix(r.URL.Path, "/accessTokens") {
		f.tokens++
		if f.issue != nil {
			return f.issue(f.tokens)
		}
		return ok(fmt.Sprintf(`{"token_type":"Bearer","expires_in":15897600,"access_token":"token-%d"}`, f.tokens))
	}
	f.calls++
	return f.answer(r, f.calls)
}

// made gives the calls without those for tokens.
func (f *fakeAPI) made() []seenCall {
	f.mu.Lock()
	defer f.mu.Unlock()
	var made []seenCall
	for _, call := range f.seen {
		if !strings.HasSuffix(call.url.Path, "/accessTokens") {
			made = append(made, call)
		}
	}
	return made
}

func (f *fakeAPI) tokensIssued() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tokens
}

// client makes a client of account 7 on the fake, with a wide budget and no activation wait unless change says otherwise.
func (f *fakeAPI) client(t testing.TB, change ...func(*Config)) *Client {
	t.Helper()
	cfg := Config{
		BaseURL: "http://hostaway.test/v1", Credentials: Credentials{AccountID: 7, Secret: secret.New(testSecret)},
		HTTP: &http.Client{Transport: f}, Budget: wideBudget(), ActivationWait: -1,
	}
	for _, c := range change {
		c(&cfg)
	}
	return NewClient(cfg)
}

func wideBudget() *Budget {
	wide := Rate{Calls: 100_000, Per: time.Second}
	return NewBudget(BudgetConfig{PerAccount: wide, PerIP: wide})
}

// always answers every call with the same.
func always(r reply) *fakeAPI {
	return &fakeAPI{answer: func(*http.Request, int) reply { return r }}
}

// inTurn answers the first call with the first reply and so on, and repeats the last.
func inTurn(replies ...reply) *fakeAPI {
	return &fakeAPI{answer: func(_ *http.Request, nth int) reply { return replies[min(nth, len(replies))-1] }}
}

// memoryTokens is a TokenStore in memory.
type memoryTokens struct {
	mu       sync.Mutex
	token    Token
	loads    int
	saves    int
	loadErr  error
	saveErr  error
	blockFor time.Duration
}

func (m *memoryTokens) Load(context.Context) (Token, error) {
	time.Sleep(m.blockFor)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.loads++
	return m.token, m.loadErr
}

func (m *memoryTokens) Save(_ context.Context, token Token) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.saves++
	if m.saveErr == nil {
		m.token = token
	}
	return m.saveErr
}

func wantCode(t testing.TB, err error, want Code) {
	t.Helper()
	if got := CodeOf(err); got != want {
		t.Fatalf("error %v has code %q, want %q", err, got, want)
	}
}

func errorWith(t testing.TB, err error, want Code) *Error {
	t.Helper()
	wantCode(t, err, want)
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("error %v (%T) is no *Error", err, err)
	}
	return e
}

func mustJSON(t testing.TB, value any) string {
	t.Helper()
	raw, err := json.Marshal(value)
	if err != nil {
		t.Fatalf("marshal: %v", err)
	}
	return string(raw)
}

func ptr[T any](v T) *T { return &v }
