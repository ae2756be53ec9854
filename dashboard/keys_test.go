package dashboard

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

var keyText = regexp.MustCompile(`<code id="key">(hmcp_[0-9A-Za-z]+)</code>`)

// revealed is the key on the page that shows it, with the checks that hold for every such page.
func revealed(t *testing.T, p page) string {
	t.Helper()
	wantPage(t, p, 200, "Copy the key now.", "Waiting for the first request")
	m := keyText.FindStringSubmatch(p.Body)
	if m == nil {
		t.Fatalf("no key on the page\n%s", excerpt(p.Body))
	}
	if p.Header.Get("Cache-Control") != "no-store" || p.Header.Get("Content-Encoding") != "" || p.location() != "" {
		t.Errorf("the page with a key: %q, %q, to %q", p.Header.Get("Cache-Control"), p.Header.Get("Content-Encoding"), p.location())
	}
	for _, c := range p.Cookies() {
		if strings.Contains(c.String(), m[1]) {
			t.Errorf("the key is in a cookie: %s", c.Name)
		}
	}
	return m[1]
}

func TestKeyIsShownOnceAndWorks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	b := w.owner(t, fix)
	wantPage(t, b.get("/keys/new"), 200, "Create API key")
	p := b.submit("/keys/new", "/keys", url.Values{"name": {"Claude Code on my laptop"}})
	key := revealed(t, p)
	if n := strings.Count(p.Body, key); n < 5 {
		t.Errorf("the key is filled in %d times, want in every set-up", n)
	}
	wantNot(t, p, "YOUR_KEY")
	org, made, err := w.store.OrgByAPIKey(t.Context(), secretOf(key))
	if err != nil || org.ID() != fix.Org.ID() || made.Name != "Claude Code on my laptop" {
		t.Fatalf("the key opens %v, %+v, %v", org, made, err)
	}
	list := b.get("/keys")
	wantPage(t, list, 200, "Claude Code on my laptop", "by Olive Owner", "hmcp_…"+key[len(key)-4:], "2 of 5", "YOUR_KEY")
	for _, path := range []string{"/keys", "/", "/usage", "/connection", "/api/api-keys"} {
		wantNot(t, b.get(path), key)
	}
	if strings.Contains(w.log.String(), key) {
		t.Error("the log has the key")
	}
}

func TestKeyNameIsWanted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.owner(t, storetest.Org(t, w.store, "Harbour Stays"))
	wantPage(t, b.submit("/keys/new", "/keys", url.Values{"name": {"  "}}), 422, "Give the key a name")
	wantPage(t, b.submit("/keys/new", "/keys", url.Values{"name": {strings.Repeat("x", 500)}}), 422, "must not be longer")
}

// TestSendingTheFormTwiceMakesOneKey: a double click, or a reload of the page with the key.
func TestSendingTheFormTwiceMakesOneKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	b := w.owner(t, fix)
	once := regexp.MustCompile(`name="once" value="([^"]+)"`)
	for _, form := range []struct{ at, to string }{{"/keys/new", "/keys"}, {"/keys/" + fix.Key.ID + "/regenerate", "/keys/" + fix.Key.ID + "/regenerate"}} {
		in := url.Values{"name": {"Twice"}, "once": {once.FindStringSubmatch(b.get(form.at).Body)[1]}}
		first := revealed(t, b.submit(form.at, form.to, in))
		wantRedirect(t, b.submit(form.at, form.to, in), "/keys")
		wantPage(t, b.get("/keys"), 200, "sent already", "2 of 5")
		if _, _, err := w.store.OrgByAPIKey(t.Context(), secretOf(first)); err != nil {
			t.Errorf("%s: the first key died: %v", form.to, err)
		}
	}
}

func TestFiveKeysAreTheLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	b := w.owner(t, fix)
	for _, name := range []string{"two", "three", "four", "five"} {
		revealed(t, b.submit("/keys/new", "/keys", url.Values{"name": {name}}))
	}
	wantPage(t, b.get("/keys"), 200, "5 of 5", "That is the limit", "disabled")
	wantPage(t, b.get("/keys/new"), 200, "and that is the limit")
	in := url.Values{"name": {"six"}, "once": {"same-form"}}
	wantPage(t, b.submit("/keys/new", "/keys", in), 422, "5 active keys", "Revoke a key", `value="six"`)
	wantRedirect(t, b.submit("/keys", "/keys/"+fix.Key.ID+"/revoke", nil), "/keys")
	revealed(t, b.submit("/keys/new", "/keys", in)) // the refused form may be sent again
}

func TestRevokedAndRegeneratedKeysStopAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	b, at := w.owner(t, fix), "/keys/"+fix.Key.ID
	wantPage(t, b.get(at+"/regenerate"), 200, "Claude", fix.Key.Mask(), "never used")
	fresh := revealed(t, b.submit(at+"/regenerate", at+"/regenerate", nil))
	if _, _, err := w.store.OrgByAPIKey(t.Context(), fix.APIKey); err == nil {
		t.Error("the old secret still works")
	}
	wantPage(t, b.get(at+"/revoke"), 200, "can’t be undone")
	wantRedirect(t, b.submit(at+"/revoke", at+"/revoke", nil), "/keys")
	wantPage(t, b.get("/keys"), 200, "The key is revoked.", "Revoked keys (1)", "No keys yet.")
	if _, _, err := w.store.OrgByAPIKey(t.Context(), secretOf(fresh)); err == nil {
		t.Error("the revoked key still works")
	}
	for _, action := range []string{"/revoke", "/regenerate"} {
		wantPage(t, b.get(at+action), 404, "Request id")
		wantPage(t, b.submit("/keys", at+action, nil), 404, "Request id")
	}
}

// TestWaitingLine follows a new key until its first request.
func TestWaitingLine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	b, poll := w.owner(t, fix), regexp.MustCompile(`hx-get="([^"]+)"`)
	at := func(p page) string { return strings.ReplaceAll(poll.FindStringSubmatch(p.Body)[1], "&amp;", "&") }
	p := b.submit("/keys/new", "/keys", url.Values{"name": {"New one"}})
	key, next := revealed(t, p), at(p)
	if got := b.get(next, "HX-Request: true"); got.StatusCode != 204 {
		t.Errorf("nothing new: status %d, want 204 so that the page keeps still", got.StatusCode)
	}
	wantPage(t, b.get(next), 200, "<html", "Waiting for the first request") // the same address as a page of its own
	w.clock.Advance(61 * time.Second)
	slow := b.get(next, "HX-Request: true")
	wantPage(t, slow, 200, "This is what usually helps")
	if got := b.get(at(slow), "HX-Request: true"); got.StatusCode != 204 {
		t.Errorf("still nothing: status %d, want 204", got.StatusCode)
	}
	if _, _, err := w.store.OrgByAPIKey(t.Context(), secretOf(key)); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(5 * time.Second)
	for p = b.get(next, "HX-Request: true"); !strings.Contains(p.Body, "Connected.") && time.Now().Before(deadline); p = b.get(next, "HX-Request: true") {
		time.Sleep(5 * time.Millisecond)
	}
	wantPage(t, p, 200, "Connected.", "just now")
	wantNot(t, p, "hx-get")
	wantPage(t, b.get("/keys/"+fix.Key.ID+"/waiting"), 200, "Waiting for the first request")
}

func TestMembersSeeButDoNotTouch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	storetest.Connect(t, fix.Org, 40160, accountSecret)
	reader := w.member(t, fix, store.RoleMember)
	for _, path := range []string{"/keys", "/connection"} {
		p := reader.get(path)
		wantPage(t, p, 200, "Only owners and admins can change this.", "disabled aria-describedby=\"why-not\"")
		wantNot(t, p, `href="/keys/new"`, `action="/connection`)
	}
	admin := w.member(t, fix, store.RoleAdmin)
	revealed(t, admin.submit("/keys/new", "/keys", url.Values{"name": {"Admin's"}}))
}
