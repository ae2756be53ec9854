package dashboard

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// TestUnknownAddressesAreNotFoundForAll, with and without a session, as page or as JSON.
func TestUnknownAddressesAreNotFoundForAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	visitor, owner := w.browser(t), w.owner(t, storetest.Org(t, w.store, "Harbour Stays"))
	for _, b := range []*browser{visitor, owner} {
		for _, path := range []string{"/nothing", "/keys/", "/KEYS", "/keys/x/y/z", "/assets/app.css", "/assets/../keys", "/.env", "/login/x"} {
			p := b.get(path)
			wantPage(t, p, 404, "Page not found", p.Header.Get("X-Request-Id"))
		}
		for _, path := range []string{"/api", "/api/", "/api/nothing", "/api/billing/sync", "/api/api-keys/x/y"} {
			p := b.get(path)
			wantPage(t, p, 404, `"code":"not_found"`, "/api/openapi.json", p.Header.Get("X-Request-Id"))
			if got := p.Header.Get("Content-Type"); got != "application/json" {
				t.Errorf("%s answers %q", path, got)
			}
		}
		// Where MCP clients look for an OAuth server, and what they would show of a page.
		for _, headers := range [][]string{{"Accept: application/json", "Content-Type: application/json"}, {"Accept: */*", "Content-Type: application/json"}} {
			wantPage(t, b.do("POST", "/register", "{}", headers...), 404, `"code":"not_found"`)
		}
		wantPage(t, b.do("GET", "/register", "", "Accept: text/html,application/json;q=0.5"), 404, "Page not found")
		wantPage(t, b.do("PUT", "/keys", ""), 405, "Not possible here")
		wantPage(t, b.do("PUT", "/api/api-keys", ""), 405, `"code":"method_not_allowed"`)
	}
	wantPage(t, owner.get("/nothing"), 404, "Harbour Stays", "To the overview")
	wantPage(t, visitor.get("/nothing"), 404, "To sign in")
}

func TestHeadAnswersLikeGetWithoutABody(t *testing.T) {
	t.Parallel()
	p := newWorld(t).browser(t).do("HEAD", "/login", "")
	if p.StatusCode != 200 || p.Body != "" {
		t.Errorf("HEAD /login: %d, %d bytes", p.StatusCode, len(p.Body))
	}
}

func TestLargeFormsAreRefusedInWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	large := url.Values{"name": {strings.Repeat("x", bodyLimit)}}
	wantPage(t, w.browser(t).post("/login", large), 413, "Too large", "Request id")
	wantPage(t, w.browser(t).do("POST", "/api/api-keys/generate", large.Encode(), "Content-Type: application/json"), 413, `"code":"too_large"`)
}

// TestEveryAnswerIsProtected looks at the headers of pages, redirects, assets, JSON and problems.
func TestEveryAnswerIsProtected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.owner(t, storetest.Org(t, w.store, "Harbour Stays"))
	for _, path := range []string{"/", "/keys", "/login", "/nothing", "/api/usage", "/api/nothing", "/assets/none.css"} {
		p := b.get(path)
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'",
			"X-Content-Type-Options":  "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
			"Strict-Transport-Security": "", "Cache-Control": "no-store",
		} {
			if got := p.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		if !strings.HasPrefix(p.Header.Get("X-Request-Id"), "req_") || p.Header.Get("Permissions-Policy") == "" {
			t.Errorf("%s: request id %q", path, p.Header.Get("X-Request-Id"))
		}
		for _, inline := range []string{"<style", " style=", " onclick=", "javascript:", "<script>"} {
			wantNot(t, p, inline)
		}
	}
}

func TestRequestIDsOfTheOuterServerAreKept(t *testing.T) {
	t.Parallel()
	b := newWorld(t).browser(t)
	for sent, kept := range map[string]bool{"req_abc123": true, "": false, "whatever": false, "req_a b": false, "req_" + strings.Repeat("x", 100): false, "req_<script>": false} {
		p := b.get("/nothing", "X-Request-Id: "+sent)
		if got := p.Header.Values("X-Request-Id"); len(got) != 1 || (got[0] == sent) != kept {
			t.Errorf("sent %q, got %q", sent, got)
		}
	}
}

// TestRequestIDStandsOnceWhenTheOuterServerWritesItToo as main does.
func TestRequestIDStandsOnceWhenTheOuterServerWritesItToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		r.Header.Set("X-Request-Id", "req_outer7")
		rw.Header().Set("X-Request-Id", "req_outer7")
		w.dash.Handler().ServeHTTP(rw, r)
	})
	if got := w.browser(t).get("/login").Header.Values("X-Request-Id"); len(got) != 1 || got[0] != "req_outer7" {
		t.Errorf("got %q", got)
	}
}

// TestInternalFaultsStayInside breaks the server from the inside: the page has words and an id, the log has the cause.
func TestInternalFaultsStayInside(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	for path, broken := range map[string]handler{
		"/broken":     func(*fiber.Ctx, *visit) error { return errors.New("secret detail: /var/lib/x.db") },
		"/panics":     func(*fiber.Ctx, *visit) error { panic("secret detail in a panic") },
		"/template":   func(c *fiber.Ctx, v *visit) error { return w.dash.show(c, v, shown{Page: "usage", Data: 7}) },
		"/no-page":    func(c *fiber.Ctx, v *visit) error { return w.dash.show(c, v, shown{Page: "none"}) },
		"/api/broken": func(*fiber.Ctx, *visit) error { return errors.New("secret detail in JSON") },
	} {
		w.dash.routes = append(w.dash.routes, route{"GET", path, member, broken})
	}
	w.server.Config.Handler = bridge(w.dash.mount())
	b := w.owner(t, fix)
	for _, path := range []string{"/broken", "/panics", "/template", "/no-page", "/api/broken"} {
		p := b.get(path)
		id := p.Header.Get("X-Request-Id")
		wantPage(t, p, 500, "The fault is on our side", id)
		wantNot(t, p, "secret detail", "goroutine", ".go:")
		if !strings.Contains(w.log.String(), id) {
			t.Errorf("%s: the log does not know %s", path, id)
		}
	}
	if !strings.Contains(w.log.String(), "secret detail in a panic") {
		t.Error("the log does not know why")
	}
	part := b.get("/broken", "HX-Request: true", "HX-Target: dialog")
	wantPage(t, part, 500, `id="dialog-title"`)
	wantNot(t, part, "<html")
}

func TestCausesHaveWords(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err    error
		status int
		code   string
	}{
		{fmt.Errorf("open: %w", store.ErrNotFound), 404, "not_found"},
		{fmt.Errorf("sign in: %w", &store.AttemptsError{RetryAfter: time.Minute}), 429, "too_many_attempts"},
		{&store.InputError{Field: "name", Problem: "it is too long"}, 422, "invalid"},
		{fmt.Errorf("write: %w", store.ErrDiskFull), 503, "disk_full"},
		{fiber.ErrTeapot, 418, "bad_request"},
		{fiber.ErrBadGateway, 500, "internal"},
		{errors.New("anything"), 500, "internal"},
		{fmt.Errorf("deep: %w", errRole), 403, "forbidden"},
	} {
		p := toProblem(tc.err)
		if p.Status != tc.status || p.Code != tc.code {
			t.Errorf("%v: %d %s, want %d %s", tc.err, p.Status, p.Code, tc.status, tc.code)
		}
		if p.Message == "" || p.Next == "" || !strings.Contains(p.Error(), p.Code) {
			t.Errorf("%v: words are missing: %+v", tc.err, p)
		}
	}
}

// TestABrokenStoreStillGetsAPage: the frame itself asks nothing of a broken store.
func TestABrokenStoreStillGetsAPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.owner(t, storetest.Org(t, w.store, "Harbour Stays"))
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/keys", "/api/usage"} {
		p := b.get(path)
		if p.StatusCode != http.StatusInternalServerError || !strings.Contains(p.Body, "request") && !strings.Contains(p.Body, "Request") {
			t.Errorf("%s without a store: %d\n%s", path, p.StatusCode, excerpt(p.Body))
		}
	}
}
