package dashboard

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

func TestUsageShowsWhatHappened(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	b := w.owner(t, fix)
	wantPage(t, b.get("/usage"), 200, "No tool calls in this period.", "curl -sS", "YOUR_KEY", "nothing to count yet")
	calls := []store.ToolCall{
		{Tool: "hostaway_list_properties", StartedAt: noon.Add(-time.Hour), Duration: 300 * time.Millisecond},
		{Tool: "hostaway_list_properties", StartedAt: noon.Add(-2 * time.Hour), Duration: 100 * time.Millisecond},
		{Tool: "hostaway_whoami", StartedAt: noon.AddDate(0, 0, -3), Duration: 200 * time.Millisecond, Outcome: store.OutcomeError},
		{Tool: "hostaway_old", StartedAt: noon.AddDate(0, 0, -40), Duration: 200 * time.Millisecond},
	}
	for i := range calls {
		calls[i].KeyID, calls[i].KeyName = fix.Key.ID, fix.Key.Name
		if calls[i].Outcome == "" {
			calls[i].Outcome = store.OutcomeOK
		}
	}
	record(t, fix.Org, calls)
	p := b.get("/usage")
	wantPage(t, p, 200, "hostaway_list_properties", "66.7%", "33.3%", "1 of 3 calls", "200 ms", "200.0%", `data-day="Fri 20 Nov" data-ok="0" data-failed="1"`, "Mon 23 Nov 2026 (so far)", `id="range-30" href="/usage?days=30"`)
	wantNot(t, p, "hostaway_old")
	if strings.Index(p.Body, "<code>hostaway_list_properties") > strings.Index(p.Body, "<code>hostaway_whoami") {
		t.Error("the most used tool does not come first")
	}
	wantPage(t, b.get("/usage?days=90"), 200, "hostaway_old", "last 90 days")
	for _, days := range []string{"0", "-1", "31", "x", "7;drop"} {
		if got := b.get("/usage?days=" + days); !strings.Contains(got.Body, `id="range-30" href="/usage?days=30" hx-get="/usage?days=30" hx-target="#usage" hx-swap="innerHTML" hx-push-url="true" aria-current="true"`) {
			t.Errorf("?days=%s does not show the usual 30 days", days)
		}
	}
	part := b.get("/usage?days=7", "HX-Request: true")
	wantPage(t, part, 200, "<h1>Usage</h1>")
	wantNot(t, part, "<html", "<nav")
	if !strings.Contains(strings.Join(part.Header.Values("Vary"), ","), "HX-Request") {
		t.Errorf("Vary is %q", part.Header.Values("Vary"))
	}
	wantPage(t, b.get("/usage?days=7", "HX-Request: true", "HX-History-Restore-Request: true"), 200, "<html")
}

func TestUsageFiguresCompareWithThePeriodBefore(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name        string
		now, before store.Usage
		want        []kpi
	}{
		{"nothing at all", store.Usage{}, store.Usage{}, []kpi{
			{Label: "Tool calls", Value: "0", Hint: "no calls in this period"}, {Label: "Failed", Value: "0%", Hint: "nothing to count yet"},
		}},
		{"the first calls", store.Usage{Total: 1}, store.Usage{}, []kpi{
			{Label: "Tool calls", Value: "1", Hint: "last 7 days"}, {Label: "Failed", Value: "0%", Hint: "0 of 1 call"},
		}},
		{"more and worse", store.Usage{Total: 1500, Failed: 30}, store.Usage{Total: 1000, Failed: 10}, []kpi{
			{Label: "Tool calls", Value: "1,500", Hint: "vs previous 7 days", Delta: "50.0%", DeltaIcon: "trending-up", Tone: "flat"},
			{Label: "Failed", Value: "2.00%", Hint: "30 of 1,500 calls", Delta: "1.00 pts", DeltaIcon: "trending-up", Tone: "bad"},
		}},
		{"fewer and better", store.Usage{Total: 500}, store.Usage{Total: 1000, Failed: 10}, []kpi{
			{Label: "Tool calls", Value: "500", Hint: "vs previous 7 days", Delta: "50.0%", DeltaIcon: "trending-down", Tone: "flat"},
			{Label: "Failed", Value: "0%", Hint: "0 of 500 calls", Delta: "1.00 pts", DeltaIcon: "trending-down", Tone: "good"},
		}},
	} {
		if diff := cmp.Diff(tc.want, usageKPIs(tc.now, tc.before, 7)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}
