package dashboard

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// description is what the tests read of openapi.json.
type description struct {
	Servers []struct{ URL string }
	Paths   map[string]map[string]struct {
		Responses map[string]struct {
			Ref     string `json:"$ref"`
			Content map[string]struct{ Schema json.RawMessage }
		}
	}
}

func readDescription(t *testing.T, b *browser) description {
	t.Helper()
	p := b.get("/api/openapi.json")
	wantPage(t, p, 200, `"openapi":"3.1.0"`)
	var d description
	if err := json.Unmarshal([]byte(p.Body), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestDescriptionMatchesTheRouteTable in both directions.
func TestDescriptionMatchesTheRouteTable(t *testing.T) {
	t.Parallel()
	paying, _, _ := billed(t)
	alone, _, _ := billed(t, func(c *Config) { c.BillingOperator = nil })
	for _, w := range []*world{newWorld(t), paying, alone} {
		wantDescribed(t, w)
	}
}

func wantDescribed(t *testing.T, w *world) {
	t.Helper()
	d := readDescription(t, w.browser(t))
	described := map[string]bool{}
	for path, methods := range d.Paths {
		for method := range methods {
			described[strings.ToUpper(method)+" "+path] = true
		}
	}
	for _, r := range w.dash.routes {
		if !strings.HasPrefix(r.path, "/api/") {
			continue
		}
		name := r.method + " " + strings.ReplaceAll(r.path, ":id", "{id}")
		if !described[name] {
			t.Errorf("openapi.json lacks %s", name)
		}
		delete(described, name)
	}
	for name := range described {
		t.Errorf("openapi.json describes %s, which does not exist", name)
	}
	if len(d.Servers) != 1 || d.Servers[0].URL != w.server.URL {
		t.Errorf("servers %v, want this one", d.Servers)
	}
}

// apiAnswers sends real requests, good and bad, and hands each answer to check with the path and method of the description.
func apiAnswers(t *testing.T, w *world, check func(method, path string, p page)) {
	t.Helper()
	fix := storetest.Org(t, w.store, "Harbour Stays")
	record(t, fix.Org, someCalls(fix.Key, 5))
	owner, reader, visitor := w.owner(t, fix), w.member(t, fix, store.RoleMember), w.browser(t)
	list := owner.get("/api/api-keys")
	check("get", "/api/api-keys", list)
	token := "X-CSRF-Token: " + list.Header.Get("X-CSRF-Token")
	const create, revoke, asJSON = "/api/api-keys/generate", "/api/api-keys/{id}", "Content-Type: application/json"
	var id string
	for i := range 5 { // the fifth is one too many
		p := owner.do("POST", create, `{"name":"From a script"}`, asJSON, token)
		check("post", create, p)
		if i == 0 {
			var made apiCreated
			if err := json.Unmarshal([]byte(p.Body), &made); err != nil || p.StatusCode != 201 {
				t.Fatalf("create: %d %v %s", p.StatusCode, err, p.Body)
			}
			id = made.Key.ID
			if _, _, err := w.store.OrgByAPIKey(t.Context(), secretOf(made.APIKey)); err != nil {
				t.Errorf("the key of the answer does not work: %v", err)
			}
		} else if (p.StatusCode == 409) != (i == 4) {
			t.Errorf("creation %d: %d %s", i, p.StatusCode, p.Body)
		}
	}
	for _, body := range []string{``, `[]`, `{"name":""}`, `{"name":7}`, `{"name":"` + strings.Repeat("x", 500) + `"}`} {
		p := owner.do("POST", create, body, asJSON, token)
		wantPage(t, p, 422)
		check("post", create, p)
	}
	check("post", create, owner.do("POST", create, `{"name":"x"}`, asJSON)) // no token
	check("post", create, reader.do("POST", create, `{"name":"x"}`, asJSON, "X-CSRF-Token: "+reader.get("/api/usage").Header.Get("X-CSRF-Token")))
	check("post", create, visitor.do("POST", create, `{"name":"x"}`, asJSON))
	check("post", create, owner.do("POST", create, `{"name":"x"}`, token)) // without saying that it is JSON
	check("post", create, owner.do("POST", create, strings.Repeat("x", bodyLimit+1), asJSON, token))
	gone := owner.do("DELETE", "/api/api-keys/"+id, "", token)
	wantPage(t, gone, 200, `"revoked":true`)
	check("delete", revoke, gone)
	again := owner.do("DELETE", "/api/api-keys/"+id, "", token)
	wantPage(t, again, 404)
	check("delete", revoke, again)
	check("delete", revoke, visitor.do("DELETE", "/api/api-keys/"+id, ""))
	check("get", "/api/api-keys", owner.get("/api/api-keys"))
	check("get", "/api/api-keys", visitor.get("/api/api-keys"))
	for _, days := range []string{"", "?days=7", "?days=90", "?days=nonsense"} {
		check("get", "/api/usage", owner.get("/api/usage"+days))
	}
	check("get", "/api/usage", visitor.get("/api/usage"))
	operatorAnswers(t, w, []*browser{owner, reader, visitor}, check)
}

// operatorAnswers are those to an operator of a server in each of its states, and to people who are none.
func operatorAnswers(t *testing.T, w *world, others []*browser, check func(method, path string, p page)) {
	t.Helper()
	const health, orgs = "/api/operator/health", "/api/operator/orgs"
	b := w.runs(t, storetest.Org(t, w.store, "Alpine Lets"))
	w.manyOrgs(t, 30)
	for _, state := range []func(){func() {}, w.operator.troubled, w.operator.bare} {
		state()
		p := b.get(health)
		wantPage(t, p, 200)
		check("get", health, p)
	}
	for _, query := range []string{"", "?page=2&sort=calls&order=descending", "?q=nobody", "?page=9"} {
		p := b.get(orgs + query)
		wantPage(t, p, 200)
		check("get", orgs, p)
	}
	for _, other := range others {
		check("get", health, other.get(health))
		check("get", orgs, other.get(orgs))
	}
}

// TestAnswersMatchTheirSchemas: every answer has a described status and a body of the described form.
func TestAnswersMatchTheirSchemas(t *testing.T) {
	t.Parallel()
	w, bills, decisions := billed(t)
	d := readDescription(t, w.browser(t))
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(w.dash.openAPI))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("mem:///openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	check := func(method, path string, p page) {
		t.Helper()
		status := strings.Fields(p.Status)[0]
		described, ok := d.Paths[path][method].Responses[status]
		if !ok {
			t.Errorf("%s %s answers %s, which is not described: %s", method, path, status, p.Body)
			return
		}
		at := "#/components/responses/Problem/content/application~1json/schema"
		if described.Ref == "" {
			at = "#/paths/" + strings.ReplaceAll(path, "/", "~1") + "/" + method + "/responses/" + status + "/content/application~1json/schema"
		}
		schema, err := compiler.Compile("mem:///openapi.json" + strings.NewReplacer("{", "%7B", "}", "%7D").Replace(at))
		if err != nil {
			t.Fatal(err)
		}
		body, err := jsonschema.UnmarshalJSON(strings.NewReader(p.Body))
		if err == nil {
			err = schema.Validate(body)
		}
		if err != nil {
			t.Errorf("%s %s %s: %v\n%s", method, path, status, err, p.Body)
		}
	}
	apiAnswers(t, w, check)
	billingAnswers(t, w, bills, decisions, check)
}

// billingAnswers are those about the plan in each state, to each role, and for each fault.
func billingAnswers(t *testing.T, w *world, bills *fakeBilling, decisions *fakeBillingOperator, check func(method, path string, p page)) {
	t.Helper()
	fix := customer(t, w, "Cala Llonga Homes", 40161)
	owner, reader, visitor, operator := w.owner(t, fix), w.member(t, fix, store.RoleMember), w.browser(t), w.runs(t, storetest.Org(t, w.store, "Elbe Apartments"))
	const state, sync, all = "/api/billing", "/api/billing/sync", "/api/operator/billing"
	for s := range planWords {
		bills.set(fix.Org, func(o *BillingOverview) {
			o.State, o.Held = s, &HeldCount{HoldZero, 0, 84, noon, false}
		})
		check("get", state, owner.get(state))
	}
	bills.set(fix.Org, func(o *BillingOverview) { *o = BillingOverview{State: BillingNotConnected} })
	check("get", state, owner.get(state))
	token := "X-CSRF-Token: " + owner.get(state).Header.Get("X-CSRF-Token")
	check("post", sync, owner.do("POST", sync, "", token))
	for fault := range faultWords {
		bills.fail("SyncNow", &BillingError{Fault: fault, RetryAt: noon.Add(time.Minute)})
		check("post", sync, owner.do("POST", sync, "", token))
	}
	bills.fail("SyncNow", store.ErrNotReplicated)
	check("post", sync, owner.do("POST", sync, "", token))
	for _, p := range []page{reader.do("POST", sync, "", "X-CSRF-Token: "+reader.get("/api/usage").Header.Get("X-CSRF-Token")), visitor.do("POST", sync, "")} {
		check("post", sync, p)
	}
	check("get", state, reader.get(state))
	check("get", state, visitor.get(state))
	check("get", all, operator.get(all))
	decisions.troubled()
	check("get", all, operator.get(all))
	check("get", all, owner.get(all))
}

func TestUsageCountsTheSameAsTheStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	calls := someCalls(fix.Key, 5)
	record(t, fix.Org, calls)
	var got apiUsage
	if err := json.Unmarshal([]byte(w.owner(t, fix).get("/api/usage?days=7").Body), &got); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for _, c := range calls {
		if c.Outcome != store.OutcomeOK {
			failed++
		}
	}
	if got.Total != len(calls) || got.Failed != failed || len(got.Days) != 7 || got.From != "2026-11-17" || got.To != "2026-11-24" {
		t.Errorf("got %d calls, %d failed, %d days from %s to %s; want %d, %d, 7", got.Total, got.Failed, len(got.Days), got.From, got.To, len(calls), failed)
	}
	sum := 0
	for i, tool := range got.Tools {
		sum += tool.Calls
		if i > 0 && tool.Calls > got.Tools[i-1].Calls {
			t.Errorf("tools are not in order: %+v", got.Tools)
		}
		if tool.LastCallAt.After(noon) || tool.LastCallAt.Before(noon.Add(-6*24*time.Hour)) {
			t.Errorf("last call of %s at %v", tool.Tool, tool.LastCallAt)
		}
	}
	if sum != got.Total {
		t.Errorf("the tools have %d calls of %d", sum, got.Total)
	}
}
