package dashboard

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/store/storetest"
)

func TestThemeIsKeptInACookieWithoutJavaScript(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.owner(t, storetest.Org(t, w.store, "Harbour Stays"))
	wantNot(t, b.get("/usage"), "data-theme=\"")
	for _, theme := range []string{"dark", "light"} {
		wantRedirect(t, b.submit("/usage?days=7", "/theme", url.Values{"theme": {theme}, "next": {"/usage?days=7"}}), "/usage?days=7")
		wantPage(t, b.get("/usage"), 200, `<html lang="en" data-theme="`+theme+`">`)
	}
	wantRedirect(t, b.submit("/", "/theme", url.Values{"theme": {`"><script>`}, "next": {"https://evil.test"}}), "/")
	p := b.get("/", "Cookie: theme=%22%3E%3Cscript%3E")
	wantNot(t, p, "<script>")
}

// TestNavigationListsPagesThatExist and marks the current one.
func TestNavigationListsPagesThatExist(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.owner(t, storetest.Org(t, w.store, "Harbour Stays"))
	for _, group := range nav("", navHas{owns: true}) {
		for _, item := range group.Items {
			p := b.get(item.Href)
			wantPage(t, p, 200, fmt.Sprintf(`<a href="%s" data-go="%s" aria-current="page">`, item.Href, item.Key))
			if n := strings.Count(p.Body, `aria-current="page"`); n != 1 {
				t.Errorf("%s marks %d entries", item.Href, n)
			}
		}
	}
}

// TestNotesCarryOnlyKnownWords: the cookie can't put text into a page, and is gone after one look.
func TestNotesCarryOnlyKnownWords(t *testing.T) {
	t.Parallel()
	b := newWorld(t).browser(t)
	p := b.get("/login", "Cookie: flash=signed-out")
	wantPage(t, p, 200, "You are signed out.")
	if c := findCookie(t, p, "flash"); c.MaxAge >= 0 {
		t.Errorf("the note stays: %v", c)
	}
	wantNot(t, b.get("/login", "Cookie: flash=<b>Call 555-1234</b>"), "555-1234", `role="status">`+"<svg")
}

func TestFormsAreRememberedForAnHourAndNotForEver(t *testing.T) {
	t.Parallel()
	now := noon
	g := newOnceGuard(func() time.Time { return now })
	if !g.first("a", "1") || g.first("a", "1") || !g.first("b", "1") || !g.first("a", "") || !g.first("a", "") {
		t.Error("a form is good once for each org, and without an id always")
	}
	now = now.Add(onceFor)
	if !g.first("a", "1") {
		t.Error("a form is remembered for more than an hour")
	}
	for i := range onceMost + 50 {
		g.first("many", fmt.Sprint(i))
	}
	if len(g.seen) > onceMost {
		t.Errorf("%d forms are remembered, want at most %d", len(g.seen), onceMost)
	}
}

func TestFormTokensAreMaskedAnew(t *testing.T) {
	t.Parallel()
	a, b := maskToken("token"), maskToken("token")
	if a == b || !tokenMatches(a, "token") || !tokenMatches(b, "token") {
		t.Error("two masks of one token must differ and both match")
	}
	for _, wrong := range []string{"", "token", a[:10], a + "AA", maskToken("other"), strings.ToUpper(a)} {
		if tokenMatches(wrong, "token") {
			t.Errorf("%q matches", wrong)
		}
	}
	if tokenMatches(maskToken(""), "") {
		t.Error("an empty token matches: a session without one would be open")
	}
}
