package dashboard

import (
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

func TestOperatorSeesHowBillingDoes(t *testing.T) {
	t.Parallel()
	w, _, status := billed(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	b := w.runs(t, fix)
	p := b.get("/operator/billing")
	p.wantText(t, "[data-verdict]", "All invariants hold")
	p.wantText(t, ".kpis .value", "215 | 25 | 0 | 25 min ago")
	p.wantText(t, ".kpis .hint", "of 280 | by an overdue payment or an ended plan | waiting; last one came 4 min ago | all invariants: 9 h ago")
	p.wantText(t, "[aria-labelledby=h-states] dd", "212 | 31 | 8 | 3 | 2 | 14 | 9 | 1")
	p.wantText(t, "main .empty", "None. | None. A count is held when it finds nothing, far more or far fewer listings than before, or fewer while a payment is overdue. | None.")
	b.get("/operator").wantText(t, "[aria-labelledby=h-billing] dd", "none | none | 25 min ago")
	p = b.get("/operator/orgs/" + fix.Org.ID())
	p.wantText(t, "[aria-labelledby=h-org-billing] .chip", "Active")
	wantPage(t, p, 200, "84 active listings × $5.00 = $420.00")

	p = b.get("/operator/billing")
	p.wantText(t, "[aria-labelledby=h-inbox] dd", "0 | 4 min ago | 4 min ago | none | none | 25 min ago | 9 h ago")

	status.status.Unbelieved = &Unbelieved{All: true, Text: "posts that the secret did not sign were refused: 12", Do: "copy the secret"}
	p = b.get("/operator/billing")
	p.wantText(t, "[data-verdict]", "Stripe’s events are refused")
	p.wantText(t, ".verdict", "Posts that the secret did not sign were refused: 12. Copy the secret.")
	status.status.Unbelieved.All = false
	b.get("/operator/billing").wantText(t, "[data-verdict]", "Some of Stripe’s events are refused")
	status.status.Unbelieved = nil
	status.status.Stripe = []HealthCheck{{"billing", HealthWarn, "Stripe has not answered since 25 Nov 2026, 21:14 UTC", "there is nothing to do at first"}}
	p = b.get("/operator/billing")
	p.wantText(t, "[data-verdict]", "Stripe does not answer")
	p.wantText(t, ".verdict", "Stripe has not answered since 25 Nov 2026, 21:14 UTC. There is nothing to do at first.")
	status.status.Stripe[0].State = HealthFail
	b.get("/operator/billing").wantText(t, "[data-verdict]", "Stripe refuses the settings")
	status.status.Stripe = nil

	status.troubled()
	p = b.get("/operator/billing")
	p.wantText(t, "[data-verdict]", "2 invariants are broken")
	p.wantText(t, "[aria-labelledby=h-inbox] dd", "37 | 23 min | 4 min ago | 4 min ago | 12 , the last 2 min ago | 4 | 25 min ago | 9 h ago")
	p.wantText(t, "[aria-labelledby=h-findings] code", "I1 | I8 | I3")
	p.wantText(t, ".findings.repaired li", "I3 Dune House Rentals : Ours says past due, Stripe's says active. 25 min ago")
	p.wantText(t, "[aria-labelledby=h-findings] summary", "Repaired by itself within the last day: 1")
	p.wantText(t, ".findings .do", "Look whether somebody changed the quantity at Stripe. | End the customer's subscription at Stripe, or give it back its org.")
	p.wantText(t, "[aria-labelledby=h-held] tbody th", "Dune House Rentals | Alpine Lets | Fjord Cabins")
	p.wantText(t, "[aria-labelledby=h-held] td[data-label=Why]", "Far more than before it waits for you | No listing found a second count confirms it | Fewer, while a payment is overdue it waits for the payment")
	p.wantText(t, "[aria-labelledby=h-refused] tbody th", "Elbe Apartments")
	p.wantText(t, ".kpis .bad", "37")
	wantPage(t, p, 200, "billing setup", "23 min")
	b.get("/operator").wantText(t, "[aria-labelledby=h-billing] dd", "2 | 4 | 25 min ago")
	status.status.Halted = "one run wanted to change 40 of 280 orgs: look at the findings, then run billing check"
	p = b.get("/operator/billing")
	p.wantText(t, ".verdict", "The reconciler has stopped repairing by itself. One run wanted to change 40 of 280 orgs: look at the findings, then run billing check.")
	status.status.Halted, status.status.Findings = "", nil
	b.get("/operator/billing").wantText(t, "[data-verdict]", "Stripe’s events wait for 23 min")
	status.status.OldestEvent = 0
	b.get("/operator/billing").wantText(t, "[data-verdict]", "2 orgs wait for a decision")
	swept := status.status.LastSweepAt
	status.status = BillingStatus{}
	p = b.get("/operator/billing")
	p.wantText(t, "[data-verdict]", "Nothing was checked yet")
	wantPage(t, p, 200, "so far: the invariants were not checked yet", "There is no org yet.")
	status.status.LastSweepAt = swept
	p = b.get("/operator/billing")
	p.wantText(t, "[data-verdict]", "Nothing found so far; not all invariants were checked yet")
	wantPage(t, p, 200, "so far: not all invariants were checked yet")
}

// TestOperatorDecides: a held count and an org that can't be counted, once per form, and never about something that has changed.
func TestOperatorDecides(t *testing.T) {
	t.Parallel()
	w, _, status := billed(t)
	status.troubled()
	fix := storetest.Org(t, w.store, "Harbour Stays")
	b := w.runs(t, fix)
	page := b.get("/operator/billing")
	release := page.form(t, "/operator/billing/release") // the last one on the page
	release.Set("listings", "410")
	wantRedirect(t, b.post("/operator/billing/release", release), "/operator/billing")
	wantPage(t, b.get("/operator/billing"), 200, "The count is released")
	wantRedirect(t, b.post("/operator/billing/release", release), "/operator/billing")
	wantPage(t, b.get("/operator/billing"), 200, "That form was sent already.")
	for _, decision := range []string{"wait", "zero"} {
		wantRedirect(t, b.submit("/operator/billing", "/operator/billing/refused", url.Values{"org": {"org_x"}, "decision": {decision}}), "/operator/billing")
		wantPage(t, b.get("/operator/billing"), 200, "The decision is kept")
	}
	name := fix.By().Name
	want := []string{"release " + release.Get("org") + " 410 by " + name, "wait org_x by " + name, "zero org_x by " + name}
	if !slices.Equal(status.decided, want) {
		t.Errorf("decided %q, want %q", status.decided, want)
	}
	for _, form := range []url.Values{{"org": {"org_x"}, "decision": {"free for ever"}}, {"org": {"org_x"}}} {
		wantPage(t, b.submit("/operator/billing", "/operator/billing/refused", form), 422, "Nothing was changed")
	}
	for _, listings := range []string{"", "-1", "many"} {
		wantPage(t, b.submit("/operator/billing", "/operator/billing/release", url.Values{"org": {"org_x"}, "listings": {listings}}), 422, "Nothing was changed")
	}
	for refuse, status2 := range map[error]int{store.ErrConflict: 409, store.ErrNotFound: 409, errors.New("broken"): 500} {
		status.refuse = refuse
		form := url.Values{"org": {"org_x"}, "listings": {"4"}, "once": {"again" + refuse.Error()}}
		wantPage(t, b.submit("/operator/billing", "/operator/billing/release", form), status2)
		status.refuse = nil
		wantRedirect(t, b.submit("/operator/billing", "/operator/billing/release", form), "/operator/billing") // it may be sent again
	}
}

func TestOperatorHasBillingCompared(t *testing.T) {
	t.Parallel()
	w, _, status := billed(t)
	b := w.runs(t, storetest.Org(t, w.store, "Harbour Stays"))
	for became, note := range map[Comparison]string{CompareBegun: "has begun", CompareJoined: "is running already", CompareRecent: "less than a minute ago"} {
		status.became = became
		wantRedirect(t, b.submit("/operator/billing", "/operator/billing/compare", url.Values{}), "/operator/billing")
		wantPage(t, b.get("/operator/billing"), 200, note, "Compare now")
	}
	status.status.Comparing, status.status.CompareFailedAt = true, status.status.LastSweepAt
	wantPage(t, b.get("/operator/billing"), 200, "Comparing…", "running; the last one", "The last try failed")
	status.refuse = errors.New("broken")
	status.status.Comparing = false
	wantPage(t, b.submit("/operator/billing", "/operator/billing/compare", url.Values{}), 500)
}

func TestBillingStatusForScripts(t *testing.T) {
	t.Parallel()
	w, _, status := billed(t)
	b := w.runs(t, storetest.Org(t, w.store, "Harbour Stays"))
	read := func() (s apiBillingStatus) {
		t.Helper()
		p := b.get("/api/operator/billing")
		wantPage(t, p, 200)
		if err := json.Unmarshal([]byte(p.Body), &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := read(); s.State != HealthOK || len(s.States) != 8 || s.Findings == nil || s.Repaired == nil || s.PendingEvents != 0 {
		t.Errorf("billing that is well: %+v", s)
	}
	status.troubled()
	if s := read(); s.State != HealthFail || len(s.Findings) != 2 || len(s.Repaired) != 1 || s.Findings[1].OrgID != "" || !strings.HasPrefix(s.Findings[0].OrgID, "org_") || len(s.Held) != 3 || !s.Held[0].NeedsOperator || *s.Refused[0].Billed != 41 || s.OldestEventMS != 23*60_000 || s.Mismatched != 4 || s.RefusedPosts != 12 || s.RefusedAt == nil || s.VerifiedAt == nil {
		t.Errorf("billing in trouble: %+v", s)
	}
}
