package dashboard

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"sync"
	"testing"
	"time"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

var ticketInput = regexp.MustCompile(`name="again" value="([^"]+)"`)

// wantHeld is the answer to a change that waits for the copy.
func wantHeld(t *testing.T, p page) (ticket string) {
	t.Helper()
	wantPage(t, p, 503, "Saved here, waiting for the copy", "Send the same request again", "Request id")
	if p.Header.Get("Retry-After") != "5" || p.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("Retry-After %q, Cache-Control %q", p.Header.Get("Retry-After"), p.Header.Get("Cache-Control"))
	}
	wantNot(t, p, "hmcp_", "storage: connection")
	m := ticketInput.FindStringSubmatch(p.Body)
	if m == nil {
		t.Fatalf("no button to send it again\n%s", excerpt(p.Body))
	}
	return m[1]
}

// heldCase is one change that waits for the copy: how it is sent, and how its answer and its effect look.
type heldCase struct {
	from, to string
	form     url.Values
	answered func(t *testing.T, p page)
	entries  int // that it writes into the org's audit log
	visitor  bool
}

func heldCases(w *world, fix storetest.Fixture, link secret.Text) map[string]heldCase {
	key := "/keys/" + fix.Key.ID
	shown := func(t *testing.T, p page) {
		t.Helper()
		if _, _, err := w.store.OrgByAPIKey(t.Context(), secretOf(revealed(t, p))); err != nil {
			t.Errorf("the shown key does not open the org: %v", err)
		}
	}
	to := func(path string) func(*testing.T, page) {
		return func(t *testing.T, p page) { t.Helper(); wantRedirect(t, p, path) }
	}
	return map[string]heldCase{
		"create key":     {"/keys/new", "/keys", url.Values{"name": {"Held"}, "once": {"form-1"}}, shown, 1, false},
		"regenerate key": {key + "/regenerate", key + "/regenerate", url.Values{"once": {"form-2"}}, shown, 1, false},
		"revoke key":     {key + "/revoke", key + "/revoke", nil, to("/keys"), 1, false},
		"connect":        {"/connection", "/connection", creds("40160", accountSecret), to("/connection"), 1, false},
		"sign up":        {"/signup?link=" + link.Reveal(), "/signup", newcomer(map[string]string{"link": link.Reveal()}), to("/"), 0, true},
	}
}

func auditCount(t *testing.T, org *store.Org) int {
	t.Helper()
	entries, _, err := org.ListAudit(t.Context(), store.AuditFilter{Limit: 200})
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// TestChangesWaitForTheCopy sends each change while the copy is away, then the same request, or the page's button, until it is back.
func TestChangesWaitForTheCopy(t *testing.T) {
	t.Parallel()
	for _, button := range []bool{false, true} {
		for name := range heldCases(&world{}, storetest.Fixture{}, secret.New("x")) {
			t.Run(fmt.Sprintf("%s, button %t", name, button), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, func(c *Config) { c.SignUp = "invite" })
				fix := storetest.Org(t, w.store, "Harbour Stays")
				link, err := w.store.CreateSignUpLink(t.Context(), store.Invite, time.Hour, fix.By())
				if err != nil {
					t.Fatal(err)
				}
				c := heldCases(w, fix, link)[name]
				b := w.owner(t, fix)
				if c.visitor {
					b = w.browser(t)
				}
				form := url.Values{"csrf": {b.token(c.from)}}
				for field, values := range c.form {
					form[field] = values
				}
				before := auditCount(t, fix.Org)
				w.copies.goAway(2)
				ticket := wantHeld(t, b.post(c.to, form))
				again := form
				if button {
					again = url.Values{"csrf": form["csrf"], againField: {ticket}}
				}
				wantHeld(t, b.post(c.to, again)) // the copy is still away
				c.answered(t, b.post(c.to, again))
				if got := auditCount(t, fix.Org) - before; got != c.entries {
					t.Errorf("the change was made %d times, by the audit log", got)
				}
				if c.visitor {
					wantPage(t, b.get("/"), 200, "Welcome")
				}
			})
		}
	}
}

// TestDisconnectingWaitsForTheCopy stands apart: it needs a connection first.
func TestDisconnectingWaitsForTheCopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	storetest.Connect(t, fix.Org, 40160, accountSecret)
	b := w.owner(t, fix)
	replace := url.Values{"csrf": {b.token("/connection/secret")}, "secret": {"the next secret"}}
	w.copies.goAway(1)
	wantHeld(t, b.post("/connection/secret", replace))
	checks := len(w.hostaway.checked)
	wantRedirect(t, b.post("/connection/secret", replace), "/connection")
	if len(w.hostaway.checked) != checks {
		t.Error("finishing the change asked Hostaway once more")
	}
	end := url.Values{"csrf": {b.token("/connection/disconnect")}, "account": {"40160"}}
	w.copies.goAway(1)
	wantHeld(t, b.post("/connection/disconnect", end))
	wantRedirect(t, b.post("/connection/disconnect", end), "/connection")
	wantPage(t, b.get("/connection"), 200, "Hostaway is disconnected")
}

// TestTheJSONAPIWaitsForTheCopy: the same body again finishes the change, and its answer comes once.
func TestTheJSONAPIWaitsForTheCopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	b := w.owner(t, fix)
	headers := []string{"X-CSRF-Token: " + b.get("/api/api-keys").Header.Get("X-CSRF-Token"), "Content-Type: application/json"}
	create := func(name string) page {
		return b.do("POST", "/api/api-keys/generate", `{"name":"`+name+`"}`, headers...)
	}
	w.copies.goAway(2)
	for range 2 {
		p := create("Script")
		wantPage(t, p, 503, `"code":"not_copied"`, "Send the same request again")
		wantNot(t, p, "hmcp_")
		if p.Header.Get("Retry-After") != "5" {
			t.Errorf("Retry-After is %q", p.Header.Get("Retry-After"))
		}
	}
	wantPage(t, b.get("/api/api-keys"), 200, `"active":2`)
	p := create("Script")
	wantPage(t, p, 201, `"name":"Script"`)
	var made apiCreated
	if err := json.Unmarshal([]byte(p.Body), &made); err != nil {
		t.Fatal(err)
	}
	if _, key, err := w.store.OrgByAPIKey(t.Context(), secretOf(made.APIKey)); err != nil || key.ID != made.Key.ID {
		t.Errorf("the key opens %+v, %v", key, err)
	}
	wantPage(t, create("Script"), 201) // finished: from here on it is a request of its own
	wantPage(t, b.get("/api/api-keys"), 200, `"active":3`)
	w.copies.goAway(1)
	revoke := func() page { return b.do("DELETE", "/api/api-keys/"+made.Key.ID, "", headers...) }
	wantPage(t, revoke(), 503, `"code":"not_copied"`)
	wantPage(t, revoke(), 200, `"revoked":true`)
	wantPage(t, revoke(), 404)
}

// TestAHeldAnswerIsGivenOnce though many ask for it at the same moment.
func TestAHeldAnswerIsGivenOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	b := w.owner(t, fix)
	form := url.Values{"csrf": {b.token("/keys/new")}, "name": {"Held"}, "once": {"form-1"}}
	w.copies.goAway(1)
	wantHeld(t, b.post("/keys", form))
	var mu sync.Mutex
	shown := 0
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			p := b.post("/keys", form)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case keyText.MatchString(p.Body):
				shown++
			case p.StatusCode != 409 && p.StatusCode != 303: // 303: it came later, and the form is known to have been sent
				t.Errorf("status %d\n%s", p.StatusCode, excerpt(p.Body))
			}
		})
	}
	wg.Wait()
	if shown != 1 {
		t.Errorf("the key was shown %d times", shown)
	}
	wantPage(t, b.get("/keys"), 200, "2 of 5")
}

// TestAHeldAnswerIsForItsCallerAlone, and for an hour.
func TestAHeldAnswerIsForItsCallerAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, other := storetest.Org(t, w.store, "Harbour Stays"), storetest.Org(t, w.store, marker)
	mine := w.owner(t, a)
	form := url.Values{"csrf": {mine.token("/keys/new")}, "name": {"Held"}, "once": {"form-1"}}
	w.clock.Advance(time.Second) // the newest key stands first
	w.copies.goAway(1)
	ticket := wantHeld(t, mine.post("/keys", form))
	keys, err := a.Org.ListAPIKeys(t.Context())
	if err != nil || keys[0].Name != "Held" {
		t.Fatalf("%+v, %v", keys, err)
	}
	for who, b := range map[string]*browser{"another org": w.owner(t, other), "another member": w.member(t, a, store.RoleAdmin)} {
		wantPage(t, b.submit("/keys/new", "/keys", url.Values{againField: {ticket}}), 422, "Give the key a name")
		p := b.submit("/keys/new", "/keys", url.Values{"name": {"Held"}, "once": {"form-of-" + who}})
		if _, key, err := w.store.OrgByAPIKey(t.Context(), secretOf(revealed(t, p))); err != nil || key.ID == keys[0].ID {
			t.Errorf("%s got the held key (%v)", who, err)
		}
	}
	w.clock.Advance(heldFor + time.Minute)
	wantPage(t, mine.submit("/keys/new", "/keys", url.Values{againField: {ticket}}), 422, "Give the key a name")
	if n := len(w.dash.held.byName); n != 0 {
		t.Errorf("%d names of held answers are kept for ever", n)
	}
}

func TestHeldAnswersAreBounded(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock(noon)
	held := newHeldAnswers(clock.Now)
	for i := range heldMost + 50 {
		clock.Advance(time.Millisecond)
		held.add(&heldAnswer{at: clock.Now(), names: []string{fmt.Sprint("print ", i), fmt.Sprint("ticket ", i)}})
	}
	if len(held.byName) > heldMost+2 {
		t.Errorf("%d names are kept", len(held.byName))
	}
	if held.find([]string{"print 0"}) != nil || held.find([]string{fmt.Sprint("print ", heldMost+49)}) == nil {
		t.Error("the oldest should have gone, and the newest be there")
	}
}
