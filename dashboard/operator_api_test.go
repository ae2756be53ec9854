package dashboard

import (
	"encoding/json"
	"testing"
	"time"

	"hostaway-mcp/store/storetest"
)

func TestHealthForScriptsSaysWhatThePageSays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.runs(t, storetest.Org(t, w.store, "Harbour Stays"))
	read := func() (h apiHealth) {
		t.Helper()
		p := b.get("/api/operator/health")
		wantPage(t, p, 200)
		if err := json.Unmarshal([]byte(p.Body), &h); err != nil {
			t.Fatal(err)
		}
		return h
	}
	if h := read(); h.State != HealthOK || len(h.Checks) != 5 || h.Replica.LagMS != 310 || h.Replica.Word != "copying" || !h.Replica.Drill.OK || len(h.Jobs) != 3 || h.Jobs[0].OverdueMS > 0 || h.Jobs[2].LastRunAt != nil || *h.Server.DiskFreeBytes != 61_000_000_000 || h.Server.CallsLastHour < 1000 {
		t.Errorf("a server that is well: %+v", h)
	}
	w.operator.troubled()
	h := read()
	if h.State != HealthFail || h.Checks[0].Name != "disk" || h.Checks[4].State != HealthOK || h.Replica.State != HealthFail || h.Replica.LagMS != (38*time.Minute).Milliseconds() || len(h.Replica.Troubles) != 2 || h.Jobs[0].OverdueMS != 7_200_000 || h.Jobs[0].Problem == "" || h.Server.Errors != 12 || len(h.Errors) != 3 || h.Errors[0].Fields["tool"] != "hostaway_search_bookings" || h.Errors[1].Level != "warning" {
		t.Errorf("a server in trouble: %+v", h)
	}
	w.operator.bare()
	if h := read(); h.Replica != nil || h.Server.DiskBytes != nil || h.Jobs == nil || h.Checks == nil {
		t.Errorf("a server that just started: %+v", h)
	}
}

func TestOrgsForScriptsArePaged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.runs(t, storetest.Org(t, w.store, "Harbour Stays"))
	w.manyOrgs(t, 30)
	seen := map[string]bool{}
	for _, query := range []string{"?sort=created", "?sort=created&page=2"} {
		var list apiOrgList
		if err := json.Unmarshal([]byte(b.get("/api/operator/orgs"+query).Body), &list); err != nil {
			t.Fatal(err)
		}
		if list.Total != 31 || list.Pages != 2 {
			t.Errorf("%s: %d orgs on %d pages", query, list.Total, list.Pages)
		}
		for _, org := range list.Orgs {
			seen[org.ID] = true
		}
	}
	if len(seen) != 31 {
		t.Errorf("the pages show %d of 31 orgs", len(seen))
	}
}
