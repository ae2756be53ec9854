package dashboard

import (
	"testing"

	"hostaway-mcp/store"
)

// TestSetUpMakesTheFirstOrgAndItsOperator also on a server whose sign-up is closed, and only once.
func TestSetUpMakesTheFirstOrgAndItsOperator(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	link := w.signUpLink(t, store.SetUp)
	b := w.browser(t)
	wantPage(t, b.get("/setup?link="+link), 200, "Set up this server", `name="link" value="`+link+`"`)
	wantPage(t, b.get("/setup?link="+link), 200, "Set up this server") // looking does not use it up
	wantPage(t, b.submit("/setup?link="+link, "/setup", newcomer(map[string]string{"link": link, "password": "short"})), 422, "at least 12 characters", `value="`+link+`"`)
	wantRedirect(t, b.submit("/setup?link="+link, "/setup", newcomer(map[string]string{"link": link})), "/")
	wantPage(t, b.get("/"), 200, "Quiet Coast Rentals", "Get started", "0 of 3 done")
	users, err := w.store.Users(t.Context())
	if err != nil || len(users) != 1 || !users[0].Operator {
		t.Errorf("users %+v, %v: want one operator", users, err)
	}
	second := w.browser(t)
	wantPage(t, second.get("/setup?link="+link), 410, "restart the server")
	wantPage(t, second.submit("/login", "/setup", newcomer(map[string]string{"link": link, "email": "second@example.com"})), 410)
}

// TestSetUpWithoutALinkMakesNothing: the mode of sign-up has no say here.
func TestSetUpWithoutALinkMakesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.SignUp = "open" })
	wantPage(t, w.browser(t).submit("/login", "/setup", newcomer(nil)), 410, "This link no longer works")
	if n, err := w.store.CountOrgs(t.Context()); n != 0 || err != nil {
		t.Errorf("%d orgs, %v", n, err)
	}
}
