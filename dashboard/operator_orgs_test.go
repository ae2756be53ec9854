package dashboard

import (
	"net/url"
	"strings"
	"testing"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

func TestOrgsAreListedSearchedAndSorted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.runs(t, storetest.Org(t, w.store, "Harbour Stays"))
	w.manyOrgs(t, 60)
	p := b.get("/operator/orgs")
	p.wantText(t, "#h-orgs", "61 orgs")
	p.wantText(t, ".pager span", "1–25 of 61")
	if rows := p.find(t, "tbody tr"); len(rows) != 25 || !strings.HasPrefix(rows[0].Text(), "Alpine Lets 1 org_") {
		t.Errorf("%d rows, the first: %q", len(rows), rows[0].Text())
	}
	p.wantText(t, "thead [aria-sort=ascending]", "Org")
	last := b.get(p.find(t, "#page-after")[0].Attr("href"))
	last = b.get(last.find(t, "#page-after")[0].Attr("href"))
	last.wantText(t, ".pager span", "51–61 of 61")
	last.wantText(t, ".pager a", "Previous")

	busy := b.get(p.find(t, "#by-calls")[0].Attr("href"))
	busy.wantText(t, "thead [aria-sort=descending]", "Calls this month")
	if row := busy.find(t, "tbody tr")[0].Text(); !strings.HasPrefix(row, "Jardim Rentals 6") || !strings.Contains(row, "6 (5 failed)") {
		t.Errorf("the busiest org: %q", row)
	}
	again := busy.find(t, "#by-calls")[0].Attr("href")
	b.get(again).wantText(t, "thead [aria-sort=ascending]", "Calls this month")

	found := b.get("/operator/orgs?q=FJORD&sort=created")
	found.wantText(t, "#h-orgs", "6 orgs with “FJORD”")
	for _, link := range found.find(t, "thead a") {
		if !strings.Contains(link.Attr("href"), "q=FJORD") {
			t.Errorf("sorting forgets the search: %s", link.Attr("href"))
		}
	}
	if hidden := found.find(t, "form.search [name=sort]"); len(hidden) != 1 || hidden[0].Attr("value") != "created" {
		t.Error("searching forgets the order")
	}
	one := b.get("/operator/orgs?q=" + url.QueryEscape("Fjord & Fell 3"))
	one.wantText(t, "#h-orgs", "1 org with “Fjord & Fell 3”")
	one.wantText(t, "tbody .state.bad", "")
}

func TestOddOrgAddresses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.runs(t, storetest.Org(t, w.store, "Harbour Stays"))
	wantPage(t, b.get("/operator/orgs?q=zzz"), 200, "No org with “zzz”", "Nothing matches.", `href="/operator/orgs"`)
	p := b.get("/operator/orgs?page=7")
	wantPage(t, p, 200, "There is no page 7.")
	if link := p.find(t, ".empty a"); len(link) != 1 || link[0].Attr("href") != "/operator/orgs" {
		t.Errorf("the way back from a page too far: %v", link)
	}
	for _, query := range []string{"?page=-1", "?page=x", "?page=99999999999999999999", "?sort=secret", "?sort=name;drop", "?order=up", "?q=%00%ff", "?q=" + strings.Repeat("x", 3000)} {
		p := b.get("/operator/orgs" + query)
		if p.StatusCode != 200 {
			t.Errorf("%s: %d", query, p.StatusCode)
		}
	}
	p = b.get("/operator/orgs?q="+url.QueryEscape(`"><script>alert(1)</script>`), "HX-Request: true")
	wantNot(t, p, "<script>", "<html")
	for _, id := range []string{"org_nobody", "%2e%2e", "' OR 1=1"} {
		wantPage(t, b.get("/operator/orgs/"+url.PathEscape(id)), 404, "There is no org with this id")
	}
}

func TestOneOrgInFigures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.runs(t, storetest.Org(t, w.store, "Harbour Stays"))
	fix := storetest.Org(t, w.store, "Alpine Lets")
	p := b.get("/operator/orgs/" + fix.Org.ID())
	wantPage(t, p, 200, "Hostaway is not connected", "No tool call has failed.")
	p.wantText(t, "main h1", "Alpine Lets")
	p.wantText(t, ".lines dd", "none | 1 | 0 | 0")

	count := 84
	conn, err := fix.Org.Connect(t.Context(), fix.By(), store.NewConnection{AccountID: 51877, Secret: secretOf("hostaway-secret-x9Qd"), ListingCount: &count})
	if err == nil {
		err = fix.Org.MarkConnectionRefused(t.Context(), conn.Version, "invalid_client")
	}
	if err != nil {
		t.Fatal(err)
	}
	record(t, fix.Org, []store.ToolCall{
		{KeyID: fix.Key.ID, KeyName: fix.Key.Name, Tool: "hostaway_search_bookings", Outcome: store.OutcomeError, ErrorCode: "upstream_limited", StartedAt: noon},
		{KeyID: fix.Key.ID, KeyName: fix.Key.Name, Tool: "unknown", Outcome: store.OutcomeRefused, ErrorCode: "unknown_tool", StartedAt: noon},
		{KeyID: fix.Key.ID, KeyName: fix.Key.Name, Tool: "hostaway_search_bookings", Outcome: store.OutcomeOK, StartedAt: noon},
	})
	if err := fix.Org.RevokeAPIKey(t.Context(), fix.By(), fix.Key.ID); err != nil {
		t.Fatal(err)
	}
	p = b.get("/operator/orgs/" + fix.Org.ID())
	p.wantText(t, ".kpis .value", "3 | 66.7% | 84 | 1")
	p.wantText(t, ".failures tbody tr", "hostaway_search_bookings upstream_limited 1 just now | No such tool unknown_tool 1 just now")
	p.wantText(t, ".state.bad", "refused")
	p.wantText(t, "[aria-labelledby=h-org-keys] tbody tr", fix.Key.Mask()+" revoked just now never 23 Nov 2026")
	p.wantText(t, "#cmd-delete", "hostaway-mcp delete-org "+fix.Org.ID())
	if forms := p.find(t, "main form"); len(forms) != 0 {
		t.Errorf("the page has %d forms; nothing about an org is changed from here", len(forms))
	}
}

// TestOperatorSeesNothingInsideAnOrg: neither page nor JSON has a name that an org gave, an address, an account or a secret.
func TestOperatorSeesNothingInsideAnOrg(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.runs(t, storetest.Org(t, w.store, "Harbour Stays"))
	fix := storetest.Org(t, w.store, "Alpine Lets")
	storetest.Connect(t, fix.Org, 51877, "inside-secret-Qx7p")
	by := fix.By()
	by.Name = "INSIDE member"
	if _, err := fix.Org.AddMember(t.Context(), by, "inside@example.com", "INSIDE member", store.RoleAdmin, fix.Password); err != nil {
		t.Fatal(err)
	}
	if _, _, err := fix.Org.CreateAPIKey(t.Context(), by, "INSIDE key"); err != nil {
		t.Fatal(err)
	}
	calls := someCalls(fix.Key, 3)
	for i := range calls {
		calls[i].KeyName, calls[i].ClientName, calls[i].Arguments = "INSIDE key", "INSIDE client", []byte(`{"guest_name":"INSIDE guest"}`)
		calls[i].Outcome, calls[i].ErrorCode = store.OutcomeError, "upstream_limited"
	}
	record(t, fix.Org, calls)
	for _, path := range []string{"/operator", "/operator/orgs", "/operator/orgs/" + fix.Org.ID(), "/api/operator/health", "/api/operator/orgs"} {
		p := b.get(path)
		wantPage(t, p, 200)
		wantNot(t, p, "INSIDE", "inside@", "51877", "Qx7p", fix.Email, fix.Member.ID, fix.Key.ID, fix.APIKey.Reveal())
	}
}
