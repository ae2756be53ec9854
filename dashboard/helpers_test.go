// The kit of this room's tests: a dashboard over a real store, a Hostaway that answers as told, and browsers without and with a window.
package dashboard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// noon is when most tests happen.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// fakeHostaway accepts every secret, except where it is told to fail.
type fakeHostaway struct {
	mu       sync.Mutex
	failures map[string]error // by secret
	checked  []int64
	forgot   []string
	wait     chan struct{} // when set, Check waits for it or for the end of its context
}

func (f *fakeHostaway) Check(ctx context.Context, _ string, accountID int64, apiSecret secret.Text) (Checked, error) {
	f.mu.Lock()
	f.checked = append(f.checked, accountID)
	err, wait := f.failures[apiSecret.Reveal()], f.wait
	f.mu.Unlock()
	if wait != nil {
		select {
		case <-wait:
		case <-ctx.Done():
			return Checked{}, ctx.Err()
		}
	}
	if err != nil {
		return Checked{}, err
	}
	listings := 84
	return Checked{store.HostawayToken{Value: secret.New("token-" + apiSecret.Reveal()), IssuedAt: noon, ExpiresAt: noon.AddDate(1, 0, 0)}, &listings, noon}, nil
}

func (f *fakeHostaway) Forget(orgID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forgot = append(f.forgot, orgID)
}

func (f *fakeHostaway) fail(apiSecret string, kind CheckKind) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failures == nil {
		f.failures = map[string]error{}
	}
	f.failures[apiSecret] = &CheckError{kind, "as the test wanted"}
}

// world is a running dashboard with its store.
type world struct {
	t        *testing.T
	store    *store.Store
	clock    *storetest.Clock
	hostaway *fakeHostaway
	operator *fakeOperator
	dash     *Dashboard
	copies   copyist
	disk     storetest.Disk
	server   *httptest.Server
	log      *logBuffer
}

// copyist stands for the copy on another machine: away means that it can't be reached for so many more times.
type copyist struct {
	mu   sync.Mutex
	away int
}

func (c *copyist) replicated(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away == 0 {
		return nil
	}
	c.away--
	return errors.New("storage: connection refused")
}

func (c *copyist) goAway(times int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = times
}

// logBuffer keeps the log for tests that look at it.
type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newWorld starts a dashboard; change may adjust its settings first.
func newWorld(t *testing.T, change ...func(*Config)) *world {
	t.Helper()
	w := &world{t: t, clock: storetest.NewClock(noon), hostaway: &fakeHostaway{}, operator: wellOperator(), log: &logBuffer{}}
	w.store = storetest.Open(t, storetest.WithClock(w.clock), storetest.WithDisk(&w.disk), func(c *store.Config) { c.Replicated, c.Mail = w.copies.replicated, true })
	w.server = httptest.NewUnstartedServer(nil)
	cfg := Config{
		Store: w.store, Hostaway: w.hostaway, BaseURL: "http://" + w.server.Listener.Addr().String(),
		Now: w.clock.Now, Log: newTestLog(w.log), Version: "test", Operator: w.operator,
	}
	for _, f := range change {
		f(&cfg)
	}
	files, err := sharedAssets()
	if err == nil {
		w.dash, err = newWith(cfg, files)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.server.Config.Handler = w.dash.Handler()
	w.server.Start()
	t.Cleanup(w.server.Close)
	return w
}

// sharedAssets compresses the assets once for all tests.
var sharedAssets = sync.OnceValues(loadAssets)

// browser is a client with cookies that does not follow redirects and runs no scripts.
type browser struct {
	w      *world
	t      *testing.T
	client *http.Client
}

func (w *world) browser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{w, t, &http.Client{Jar: jar, Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// page is one answer.
type page struct {
	*http.Response
	Body string
}

func (p page) location() string { return p.Header.Get("Location") }

// do sends a request; path may hold a query. Headers are "Name: value".
func (b *browser) do(method, path, body string, headers ...string) page {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.w.server.URL+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	res, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return page{res, string(raw)}
}

func (b *browser) get(path string, headers ...string) page {
	b.t.Helper()
	return b.do("GET", path, "", headers...)
}

// post sends a form as it is.
func (b *browser) post(path string, form url.Values, headers ...string) page {
	b.t.Helper()
	return b.do("POST", path, form.Encode(), append(headers, "Content-Type: application/x-www-form-urlencoded")...)
}

var csrfInput = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// token reads the form token from a page that has forms.
func (b *browser) token(path string) string {
	b.t.Helper()
	m := csrfInput.FindStringSubmatch(b.get(path).Body)
	if m == nil {
		b.t.Fatalf("GET %s has no form token", path)
	}
	return m[1]
}

// submit opens the page with the form, fills it in and sends it, as people do. The hidden fields of the page go along.
func (b *browser) submit(from, to string, fields url.Values) page {
	b.t.Helper()
	form := url.Values{"csrf": {b.token(from)}}
	for name, values := range fields {
		form[name] = values
	}
	return b.post(to, form)
}

// signIn gives the browser a session of this person.
func (b *browser) signIn(email string, password secret.Text) *browser {
	b.t.Helper()
	p := b.submit("/login", "/login", url.Values{"email": {email}, "password": {password.Reveal()}})
	if p.StatusCode != http.StatusSeeOther || p.location() != "/" {
		b.t.Fatalf("sign in as %s: %s %q\n%s", email, p.Status, p.location(), p.Body)
	}
	return b
}

// owner is a browser signed in as the owner of the org.
func (w *world) owner(t *testing.T, fix storetest.Fixture) *browser {
	t.Helper()
	return w.browser(t).signIn(fix.Email, fix.Password)
}

// member is a browser signed in with the given role.
func (w *world) member(t *testing.T, fix storetest.Fixture, role store.Role) *browser {
	t.Helper()
	email, password := fmt.Sprintf("%s-%d@example.com", role, rand.Uint64()), secret.New("quiet-window-seat-12")
	if _, err := fix.Org.AddMember(t.Context(), fix.By(), email, "Mika "+string(role), role, password); err != nil {
		t.Fatal(err)
	}
	return w.browser(t).signIn(email, password)
}

// wantPage checks the status and that all texts are on the page.
func wantPage(t *testing.T, p page, status int, texts ...string) {
	t.Helper()
	if p.StatusCode != status {
		t.Errorf("%s %s: status %d, want %d\n%s", p.Request.Method, p.Request.URL.Path, p.StatusCode, status, excerpt(p.Body))
	}
	for _, text := range texts {
		if !strings.Contains(p.Body, text) {
			t.Errorf("%s %s: %q is not on the page\n%s", p.Request.Method, p.Request.URL.Path, text, excerpt(p.Body))
		}
	}
}

// wantRedirect checks that the browser is sent on, and where to.
func wantRedirect(t *testing.T, p page, to string) {
	t.Helper()
	if p.StatusCode != http.StatusSeeOther || p.location() != to {
		t.Errorf("%s %s: %d to %q, want 303 to %q\n%s", p.Request.Method, p.Request.URL.Path, p.StatusCode, p.location(), to, excerpt(p.Body))
	}
}

// wantNot checks that none of the texts is on the page.
func wantNot(t *testing.T, p page, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(p.Body, text) {
			t.Errorf("%s %s shows %q", p.Request.Method, p.Request.URL.Path, text)
		}
	}
}

// excerpt is the part of a page where its own content is.
func excerpt(body string) string {
	if _, main, ok := strings.Cut(body, "<main"); ok {
		body = main
	}
	return body[:min(len(body), 1200)]
}

// record stores finished tool calls, many at a time.
func record(t *testing.T, org *store.Org, calls []store.ToolCall) {
	t.Helper()
	var wg sync.WaitGroup
	slots := make(chan struct{}, 32)
	for _, call := range calls {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := org.RecordToolCall(context.WithoutCancel(t.Context()), call); err != nil {
				t.Errorf("record a tool call: %v", err)
			}
		})
	}
	wg.Wait()
}
