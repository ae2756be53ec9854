package dashboard

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

func TestSignInLeadsBackToWhereOneWanted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	b := w.browser(t)
	p := b.get("/usage?days=7")
	wantRedirect(t, p, "/login?next=%2Fusage%3Fdays%3D7")
	p = b.get(p.location())
	wantPage(t, p, 200, `name="next" value="/usage?days=7"`, "Sign in")
	form := url.Values{"csrf": {csrfInput.FindStringSubmatch(p.Body)[1]}, "email": {fix.Email}, "password": {fix.Password.Reveal()}, "next": {"/usage?days=7"}}
	wantRedirect(t, b.post("/login", form), "/usage?days=7")
	wantPage(t, b.get("/usage?days=7"), 200, "Usage")
	wantRedirect(t, b.get("/login"), "/")
}

func TestSafeNextStaysOnOurPages(t *testing.T) {
	t.Parallel()
	for next, want := range map[string]string{
		"/usage?days=7": "/usage?days=7", "/": "/", "": "/", "usage": "/", "//evil.test": "/", `/\evil.test`: "/", "https://evil.test/": "/",
		"javascript:alert(1)": "/", "/login": "/", "/api/usage": "/", "/a\r\nSet-Cookie: x": "/", "/%2f%2fevil.test": "/%2f%2fevil.test", "/keys#x": "/keys",
	} {
		if got := safeNext(next); got != want {
			t.Errorf("safeNext(%q) = %q, want %q", next, got, want)
		}
	}
}

func TestWrongPasswordAndUnknownAddressLookAlike(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	b := w.browser(t)
	var bodies []string
	for _, email := range []string{fix.Email, "nobody@example.com"} {
		p := b.submit("/login", "/login", url.Values{"email": {email}, "password": {"wrong-password-77"}})
		wantPage(t, p, 422, "Email or password is wrong.")
		wantNot(t, p, "wrong-password-77")
		body := csrfInput.ReplaceAllString(p.Body, "")
		bodies = append(bodies, strings.ReplaceAll(body, email, "EMAIL"))
	}
	if bodies[0] != bodies[1] {
		t.Error("the two pages differ, so one can find out who has an account")
	}
}

func TestTooManySignInsGetAWaitingTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	b := w.browser(t)
	for range 200 {
		p := b.submit("/login", "/login", url.Values{"email": {fix.Email}, "password": {"wrong-password-77"}})
		if p.StatusCode == http.StatusTooManyRequests {
			wantPage(t, p, 429, "Too many attempts", "Wait ", "Request id")
			if p.Header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			return
		}
	}
	t.Error("200 wrong passwords were all let through")
}

// TestSessionCookies checks the cookie's protection, and that signing out ends the session in the store, not only in the browser.
func TestSessionCookies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	b := w.browser(t)
	p := b.submit("/login", "/login", url.Values{"email": {fix.Email}, "password": {fix.Password.Reveal()}})
	cookie := findCookie(t, p, "session")
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.Secure || cookie.MaxAge != 0 {
		t.Errorf("session cookie on plain http: %v", cookie)
	}
	kept := w.browser(t).submit("/login", "/login", url.Values{"email": {fix.Email}, "password": {fix.Password.Reveal()}, "keep": {"on"}})
	if c := findCookie(t, kept, "session"); c.MaxAge != 30*24*3600 {
		t.Errorf("a kept session's cookie lives %d s", c.MaxAge)
	}
	wantPage(t, b.get("/"), 200, "Overview")
	wantRedirect(t, b.submit("/", "/logout", nil), "/login")
	wantPage(t, b.get("/login"), 200, "You are signed out.")
	old := w.browser(t).get("/", "Cookie: session="+cookie.Value)
	wantRedirect(t, old, "/login")
	if _, _, err := w.store.OrgBySession(t.Context(), secretOf(cookie.Value)); err == nil {
		t.Error("the session still opens the org after signing out")
	}
	wantRedirect(t, w.browser(t).submit("/login", "/logout", nil), "/login")
}

func TestCookiesOverHTTPSCarryTheHostPrefix(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.BaseURL = "https://mcp.example.com" })
	fix := storetest.Org(t, w.store, "Harbour Stays")
	b := w.browser(t) // its jar keeps Secure cookies from plain http to itself, so they are carried by hand
	p := b.get("/login")
	form := findCookie(t, p, "__Host-form")
	in := url.Values{"csrf": {csrfInput.FindStringSubmatch(p.Body)[1]}, "email": {fix.Email}, "password": {fix.Password.Reveal()}}
	p = b.post("/login", in, "Cookie: "+form.Name+"="+form.Value)
	session := findCookie(t, p, "__Host-session")
	if !session.Secure || !session.HttpOnly || session.Path != "/" || session.Domain != "" {
		t.Errorf("session cookie over https: %v", session)
	}
	if p.Header.Get("Strict-Transport-Security") == "" {
		t.Error("no HSTS over https")
	}
}

func findCookie(t *testing.T, p page, name string) *http.Cookie {
	t.Helper()
	for _, c := range p.Cookies() {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("%s %s set no cookie %s: %v", p.Request.Method, p.Request.URL.Path, name, p.Cookies())
	return nil
}

func TestEndedSessionIsExplained(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.owner(t, storetest.Org(t, w.store, "Harbour Stays"))
	w.clock.Advance(15 * 24 * 60 * 60 * 1e9)
	p := b.get("/keys")
	wantRedirect(t, p, "/login?next=%2Fkeys")
	wantPage(t, b.get(p.location()), 200, "Your session has ended.")
	part := b.get("/usage?days=7", "HX-Request: true", "Cookie: session=hmcps_gone")
	if part.StatusCode != 204 || part.Header.Get("HX-Redirect") != "/login" {
		t.Errorf("a swap without a session: %d, %q", part.StatusCode, part.Header.Get("HX-Redirect"))
	}
}

func TestDemoShowsItsSignInAndNobodyElseDoes(t *testing.T) {
	t.Parallel()
	demo := newWorld(t, func(c *Config) { c.Demo = &DemoHint{"demo@example.com", "violet-harbour-28"} })
	wantPage(t, demo.browser(t).get("/login"), 200, "demo@example.com", "violet-harbour-28")
	p := newWorld(t).browser(t).get("/login")
	wantPage(t, p, 200, "Sign in")
	wantNot(t, p, "This is the demo", "Create your org")
}

// TestMemberOfTwoOrgsSwitches uses one person in two orgs; an org that is not theirs looks like one that does not exist.
func TestMemberOfTwoOrgsSwitches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b, other := storetest.Org(t, w.store, "Harbour Stays"), storetest.Org(t, w.store, "Alpine Lets"), storetest.Org(t, w.store, "Not Theirs")
	if _, err := b.Org.AddMember(t.Context(), b.By(), a.Email, "Olive Owner", store.RoleAdmin, a.Password); err != nil {
		t.Fatal(err)
	}
	x := w.owner(t, a)
	wantPage(t, x.get("/"), 200, "Alpine Lets", "/switch-org")
	first, second := "Harbour Stays", b
	if !strings.Contains(x.get("/").Body, `<p class="sub">Harbour Stays</p>`) {
		first, second = "Alpine Lets", a
	}
	wantPage(t, x.get("/"), 200, `<p class="sub">`+first+`</p>`)
	wantRedirect(t, x.submit("/", "/switch-org", url.Values{"org": {second.Org.ID()}}), "/")
	p := x.get("/")
	wantPage(t, p, 200, `<p class="sub">`+second.Org.Name()+`</p>`, "You are in another org now.")
	wantNot(t, p, "Not Theirs")
	for _, id := range []string{other.Org.ID(), "org_nobody"} {
		wantPage(t, x.submit("/", "/switch-org", url.Values{"org": {id}}), 404, "does not exist in this org")
	}
}
