package dashboard

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"testing"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// The marker stands in every name of the other org, so that a leak is seen wherever it happens.
const marker = "MARKER-of-the-other-org"

// attempt is what org A's owner sends to one route to get at org B's things. foreign and nobody are the same request with B's id
// and with an id of nobody; a route without ids has only plain.
type attempt struct {
	path   string // with {id} where the id goes
	form   url.Values
	json   string
	status int
	ids    func(b storetest.Fixture) (foreign, nobody string) // nil: the route takes no id
}

func keyIDs(b storetest.Fixture) (string, string) { return b.Key.ID, "key_nobody" }
func invoiceIDs(b storetest.Fixture) (string, string) {
	return "in_" + b.Org.ID() + "_3", "in_nobody_3"
}
func orgIDs(b storetest.Fixture) (string, string) { return b.Org.ID(), "org_nobody" }

// attempts has a case for every route of the table; TestOrgsAreApart fails for a route without one.
func attempts() map[string]attempt {
	return map[string]attempt{
		"GET /setup":          {path: "/setup?link=x", status: 410},
		"POST /setup":         {path: "/setup", form: url.Values{"link": {"x"}}, status: 410},
		"GET /signup":         {path: "/signup", status: 200},
		"POST /signup":        {path: "/signup", form: newcomer(nil), status: 403},
		"GET /login":          {path: "/login", status: 303},
		"POST /login":         {path: "/login", form: url.Values{"email": {"x"}, "password": {"y"}}, status: 422},
		"POST /logout":        {path: "/logout", status: 303},
		"GET /signup/sent":    {path: "/signup/sent", status: 303},
		"GET /forgot":         {path: "/forgot", status: 200},
		"POST /forgot":        {path: "/forgot", form: url.Values{"email": {"x@example.com"}}, status: 404}, // no mail is sent here
		"GET /verify":         {path: "/verify", status: 303},
		"POST /verify":        {path: "/verify", status: 303},
		"GET /verify/:token":  {path: "/verify/x", status: 410},
		"POST /verify/:token": {path: "/verify/x", status: 410},
		"GET /reset/:token":   {path: "/reset/x", status: 410},
		"POST /reset/:token":  {path: "/reset/x", form: url.Values{"password": {"long-enough-words-9"}, "repeat": {"long-enough-words-9"}}, status: 410},
		"POST /theme":         {path: "/theme", form: url.Values{"theme": {"dark"}}, status: 303},

		"GET /":                       {path: "/", status: 200},
		"POST /switch-org":            {path: "/switch-org", form: url.Values{"org": {"{id}"}}, status: 404, ids: orgIDs},
		"GET /usage":                  {path: "/usage?days=90", status: 200},
		"GET /connection":             {path: "/connection", status: 200},
		"POST /connection":            {path: "/connection", form: creds("99002", "anything"), status: 422}, // B's account
		"POST /connection/test":       {path: "/connection/test", status: 303},
		"GET /connection/secret":      {path: "/connection/secret", status: 200},
		"POST /connection/secret":     {path: "/connection/secret", form: url.Values{"secret": {"next"}}, status: 303},
		"GET /connection/disconnect":  {path: "/connection/disconnect", status: 200},
		"POST /connection/disconnect": {path: "/connection/disconnect", form: url.Values{"account": {"99002"}}, status: 422},
		"GET /keys":                   {path: "/keys", status: 200},
		"POST /keys":                  {path: "/keys", form: url.Values{"name": {""}}, status: 422},
		"GET /keys/new":               {path: "/keys/new", status: 200},
		"GET /keys/:id/waiting":       {path: "/keys/{id}/waiting", status: 404, ids: keyIDs},
		"GET /keys/:id/regenerate":    {path: "/keys/{id}/regenerate", status: 404, ids: keyIDs},
		"POST /keys/:id/regenerate":   {path: "/keys/{id}/regenerate", status: 404, ids: keyIDs},
		"GET /keys/:id/revoke":        {path: "/keys/{id}/revoke", status: 404, ids: keyIDs},
		"POST /keys/:id/revoke":       {path: "/keys/{id}/revoke", status: 404, ids: keyIDs},

		"GET /export":  {path: "/export", status: 200},
		"POST /export": {path: "/export", status: 200},

		"GET /operator":          {path: "/operator", status: 404},
		"GET /operator/orgs":     {path: "/operator/orgs", status: 404},
		"GET /operator/orgs/:id": {path: "/operator/orgs/{id}", status: 404, ids: orgIDs},

		"GET /api/openapi.json":       {path: "/api/openapi.json", status: 200},
		"GET /api/api-keys":           {path: "/api/api-keys", status: 200},
		"POST /api/api-keys/generate": {path: "/api/api-keys/generate", json: `{"name":""}`, status: 422},
		"DELETE /api/api-keys/:id":    {path: "/api/api-keys/{id}", status: 404, ids: keyIDs},
		"GET /api/usage":              {path: "/api/usage?days=90", status: 200},
		"GET /api/operator/health":    {path: "/api/operator/health", status: 404},
		"GET /api/operator/orgs":      {path: "/api/operator/orgs", status: 404},

		"GET /billing":                    {path: "/billing", status: 200},
		"GET /billing/confirming":         {path: "/billing/confirming", status: 303},
		"GET /billing/projected":          {path: "/billing/projected", status: 200},
		"GET /billing/listings":           {path: "/billing/listings", status: 200},
		"GET /billing/invoices":           {path: "/billing/invoices?after={id}", status: 404, ids: invoiceIDs},
		"GET /billing/invoices/:id/:form": {path: "/billing/invoices/{id}/pdf", status: 404, ids: invoiceIDs},
		"POST /billing/checkout":          {path: "/billing/checkout", status: 200},
		"POST /billing/portal":            {path: "/billing/portal", status: 200},
		"GET /billing/cancel":             {path: "/billing/cancel", status: 303}, // a trial has nothing to cancel
		"POST /billing/cancel":            {path: "/billing/cancel", form: url.Values{"reason": {"x"}}, status: 303},
		"POST /billing/resume":            {path: "/billing/resume", status: 303},
		"POST /billing/sync":              {path: "/billing/sync", status: 303},
		"GET /api/billing":                {path: "/api/billing", status: 200},
		"POST /api/billing/sync":          {path: "/api/billing/sync", status: 200},
		"GET /operator/billing":           {path: "/operator/billing", status: 404},
		"POST /operator/billing/compare":  {path: "/operator/billing/compare", form: url.Values{}, status: 404},
		"POST /operator/billing/release":  {path: "/operator/billing/release", form: url.Values{"org": {"{id}"}, "listings": {"4"}}, status: 404, ids: orgIDs},
		"POST /operator/billing/refused":  {path: "/operator/billing/refused", form: url.Values{"org": {"{id}"}, "decision": {"zero"}}, status: 404, ids: orgIDs},
		"GET /api/operator/billing":       {path: "/api/operator/billing", status: 404},
	}
}

// send makes the attempt with one id, with a good token.
func (b *browser) send(r route, a attempt, token, id string, headers ...string) page {
	b.t.Helper()
	path := strings.ReplaceAll(a.path, "{id}", id)
	body, kind := a.json, "application/json"
	if strings.HasPrefix(r.path, "/api/") {
		headers = append(headers, "X-CSRF-Token: "+token)
	} else if r.method == "POST" {
		form := url.Values{"csrf": {token}}
		for name, values := range a.form {
			form[name] = []string{strings.ReplaceAll(values[0], "{id}", id)}
		}
		body, kind = form.Encode(), "application/x-www-form-urlencoded"
	}
	return b.do(r.method, path, body, append(headers, "Content-Type: "+kind)...)
}

// others makes two orgs whose Hostaway accounts look alike, the second full of markers.
func others(t *testing.T, w *world) (a, b storetest.Fixture) {
	t.Helper()
	a, b = storetest.Org(t, w.store, "Harbour Stays"), storetest.Org(t, w.store, marker)
	storetest.Connect(t, a.Org, 99001, accountSecret)
	storetest.Connect(t, b.Org, 99002, marker+"-secret")
	by := b.By()
	by.Name = marker
	if _, _, err := b.Org.CreateAPIKey(t.Context(), by, marker); err != nil {
		t.Fatal(err)
	}
	record(t, a.Org, someCalls(a.Key, 2))
	calls := someCalls(b.Key, 9)
	for i := range calls {
		calls[i].Tool, calls[i].KeyName, calls[i].ClientName = marker, marker, marker
	}
	record(t, b.Org, calls)
	return a, b
}

func TestOrgsAreApart(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	a, b := others(t, w)
	bills.fill(b.Org)
	cases := attempts()
	for _, r := range w.dash.routes {
		name := r.method + " " + r.path
		c, ok := cases[name]
		if !ok {
			t.Errorf("%s has no case: add one that tries to reach another org through it", name)
			continue
		}
		delete(cases, name)
		x := w.owner(t, a)
		token := x.token("/keys")
		if c.ids == nil {
			p := unpacked(t, x.send(r, c, token, ""))
			wantPage(t, p, c.status)
			wantNot(t, p, marker)
			continue
		}
		foreign, nobody := c.ids(b)
		got, want := x.send(r, c, token, foreign), x.send(r, c, token, nobody)
		wantPage(t, got, c.status)
		if same(got, foreign) != same(want, nobody) {
			t.Errorf("%s tells the other org's id from nobody's:\n%s\n%s", name, same(got, foreign), same(want, nobody))
		}
		wantNot(t, got, marker)
	}
	for name := range cases {
		t.Errorf("the case %s has no route", name)
	}
	keys, err := b.Org.ListAPIKeys(t.Context())
	if err != nil || len(keys) != 2 || keys[0].RevokedAt != nil || keys[1].RevokedAt != nil {
		t.Errorf("the other org's keys were touched: %+v, %v", keys, err)
	}
	for _, call := range bills.calls {
		if strings.Contains(call, b.Org.ID()) {
			t.Errorf("the other org's plan was touched: %s", call)
		}
	}
	if _, _, err := w.store.OrgByAPIKey(t.Context(), b.APIKey); err != nil {
		t.Errorf("the other org's key no longer works: %v", err)
	}
}

// same is an answer without what differs from one request to the next.
func same(p page, id string) string {
	body := csrfInput.ReplaceAllString(p.Body, "")
	body = strings.ReplaceAll(body, p.Header.Get("X-Request-Id"), "REQUEST")
	return fmt.Sprintf("%d %s", p.StatusCode, strings.ReplaceAll(body, id, "ID"))
}

// TestOrgsAreApartUnderLoad has 100 callers of both orgs at once, each of whom must see only their own.
func TestOrgsAreApartUnderLoad(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	a, b := others(t, w)
	bills.fill(b.Org)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	people := []*browser{w.owner(t, a), w.owner(t, b)}
	paths := []string{"/", "/usage?days=30", "/connection", "/keys", "/keys/new", "/api/api-keys", "/api/usage", "/billing", "/billing/listings", "/billing/invoices", "/api/billing", "/nothing", "/keys/" + a.Key.ID + "/revoke", "/keys/" + b.Key.ID + "/revoke"}
	own := [][]string{{"Harbour Stays", a.Key.ID, "99001"}, {marker, b.Key.ID, "99002"}}
	var wg sync.WaitGroup
	for n := range 100 {
		random := rand.New(rand.NewPCG(seed, uint64(n)))
		wg.Go(func() {
			who := n % 2
			for range 3 {
				path := paths[random.IntN(len(paths))]
				p := people[who].get(path)
				for _, text := range own[1-who] {
					if strings.Contains(strings.ReplaceAll(p.Body, path, ""), text) {
						t.Errorf("caller %d of org %d sees %q at %s", n, who, text, path)
					}
				}
				if p.StatusCode >= 500 {
					t.Errorf("caller %d: %s answers %s", n, path, p.Status)
				}
			}
		})
	}
	wg.Wait()
}

// TestChangesNeedTokenAndOrigin sends every changing route without, with a wrong, and with another session's token, and from other sites.
func TestChangesNeedTokenAndOrigin(t *testing.T) {
	t.Parallel()
	w, bills, decisions := billed(t)
	a, b := others(t, w)
	owner, stranger := w.runs(t, a), w.owner(t, b) // an operator reaches all routes
	good, foreign := owner.token("/keys"), stranger.token("/keys")
	visitor := w.browser(t).token("/login")
	cases := attempts()
	for _, r := range w.dash.routes {
		if r.method == "GET" {
			continue
		}
		c := cases[r.method+" "+r.path]
		id := a.Key.ID
		for name, token := range map[string]string{"no": "", "a wrong": "abc", "another session's": foreign, "a visitor's": visitor, "a cut": good[:len(good)-2]} {
			p := owner.send(r, c, token, id)
			if p.StatusCode != 403 || !strings.Contains(p.Body, "Nothing was changed") {
				t.Errorf("%s %s with %s token: %d", r.method, r.path, name, p.StatusCode)
			}
		}
		for _, header := range []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Origin: https://evil.test", "Origin: null"} {
			if p := owner.send(r, c, good, id, header); p.StatusCode != 403 {
				t.Errorf("%s %s with %s: %d", r.method, r.path, header, p.StatusCode)
			}
		}
	}
	if keys, err := a.Org.ListAPIKeys(t.Context()); err != nil || len(keys) != 1 || keys[0].RevokedAt != nil {
		t.Errorf("something happened all the same: %+v, %v", keys, err)
	}
	if len(bills.calls)+len(decisions.decided) > 0 {
		t.Errorf("something happened to a plan all the same: %q %q", bills.calls, decisions.decided)
	}
	own := []string{"Sec-Fetch-Site: same-origin", "Origin: " + w.server.URL}
	for _, header := range own {
		if p := owner.post("/theme", url.Values{"csrf": {good}}, header); p.StatusCode != 303 {
			t.Errorf("a change from our own page (%s): %d", header, p.StatusCode)
		}
	}
}

// TestRolesAreKept: what only managers may do answers members with 403 and changes nothing; without a session nothing works.
func TestRolesAreKept(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	a, _ := others(t, w)
	reader := w.member(t, a, store.RoleMember)
	token := reader.token("/keys")
	cases := attempts()
	for _, r := range w.dash.routes {
		c := cases[r.method+" "+r.path]
		p := reader.send(r, c, token, a.Key.ID)
		if r.who == operators {
			wantPage(t, p, 404)
			wantPage(t, w.browser(t).send(r, c, "", a.Org.ID()), 404)
			continue
		}
		if (p.StatusCode == 403) != (r.who == manager || r.who == maker || r.who == owner || r.path == "/signup" && r.method == "POST") {
			t.Errorf("a member at %s %s: %d", r.method, r.path, p.StatusCode)
		}
		if r.path == "/logout" {
			reader = w.member(t, a, store.RoleMember)
			token = reader.token("/keys")
		}
		visitor := w.browser(t)
		p = visitor.send(r, c, visitor.token("/login"), a.Key.ID)
		switch api := strings.HasPrefix(r.path, "/api/"); {
		case r.who == anyone:
		case api:
			wantPage(t, p, 401, `"code":"unauthorized"`, `"next":`)
		default:
			if p.StatusCode != 303 || !strings.HasPrefix(p.location(), "/login") {
				t.Errorf("a visitor at %s %s: %d to %q", r.method, r.path, p.StatusCode, p.location())
			}
		}
	}
	if len(bills.calls) > 0 {
		t.Errorf("a member or a visitor did something to the plan: %q", bills.calls)
	}
}
