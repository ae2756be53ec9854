package dashboard

import (
	"net/url"
	"testing"
	"time"

	"hostaway-mcp/store/storetest"
)

func TestResetSetsThePasswordAndEndsAllSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	elsewhere := w.owner(t, fix)
	link, err := w.store.CreatePasswordReset(t.Context(), fix.Email, operator)
	if err != nil {
		t.Fatal(err)
	}
	at, b := "/reset/"+link.Reveal(), w.browser(t)
	wantPage(t, b.get(at), 200, fix.Email)
	wantPage(t, b.get(at), 200, fix.Email) // looking does not use it up
	differ := b.submit(at, at, url.Values{"password": {"brand-new-words-31"}, "repeat": {"brand-new-words-32"}})
	wantPage(t, differ, 422, "The two passwords differ.")
	wantNot(t, differ, "brand-new-words")
	wantPage(t, b.submit(at, at, url.Values{"password": {"short"}, "repeat": {"short"}}), 422, "at least 12 characters")
	wantRedirect(t, b.submit(at, at, url.Values{"password": {"brand-new-words-31"}, "repeat": {"brand-new-words-31"}}), "/login")
	wantPage(t, b.get("/login"), 200, "Your password is changed")
	wantRedirect(t, elsewhere.get("/"), "/login")
	w.browser(t).signIn(fix.Email, secretOf("brand-new-words-31"))
	wantPage(t, b.get(at), 410, "This link no longer works")
	wantPage(t, b.submit("/login", at, url.Values{"password": {"brand-new-words-33"}, "repeat": {"brand-new-words-33"}}), 410)
}

func TestResetLinksEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	link, err := w.store.CreatePasswordReset(t.Context(), fix.Email, operator)
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(30 * 24 * time.Hour)
	for _, token := range []string{link.Reveal(), "nonsense"} {
		p := w.browser(t).get("/reset/" + token)
		wantPage(t, p, 410, "Ask the operator of this server for a new one.")
		wantNot(t, p, fix.Email)
	}
}
