package dashboard

import (
	"net/url"
	"testing"

	"hostaway-mcp/store/storetest"
)

// forms counts the forms of a page that go to an address.
func (p page) forms(t *testing.T, action string) int {
	t.Helper()
	return len(p.find(t, "form[action="+action+"]"))
}

// TestADisconnectedOrgConnectsFirst, whatever the plan was before: there is nothing to subscribe to that could be counted.
func TestADisconnectedOrgConnectsFirst(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	b := w.owner(t, fix)
	for _, state := range []BillingState{BillingTrial, BillingTrialOver, BillingNoTrial, BillingCanceled} {
		for _, counted := range []*ListingsCounted{{84, noon}, {0, noon}, nil} {
			bills.set(fix.Org, func(o *BillingOverview) { o.State, o.Disconnected, o.Counted = state, true, counted })
			p := b.get("/billing")
			wantPage(t, p, 200, "Hostaway is not connected: connect it first, and your listings are counted.", ">Connect Hostaway</a>")
			wantNot(t, p, "Start subscription", "Subscribe again")
			if n := p.forms(t, "/billing/checkout") + p.forms(t, "/billing/sync"); n != 0 {
				t.Errorf("%s: %d forms that lead nowhere", state, n)
			}
		}
	}
	bills.subscribe(fix.Org)
	p := b.get("/billing")
	wantPage(t, p, 200, "The bill stays at the last count until you connect it again or cancel.")
	if p.forms(t, "/billing/sync") != 0 || p.forms(t, "/billing/portal") != 1 || len(p.find(t, "a[href=/billing/cancel]")) != 1 {
		t.Errorf("a subscribed org:\n%s", excerpt(p.Body))
	}
}

// TestThereIsOneButtonToCount on each page that has one.
func TestThereIsOneButtonToCount(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	fix := customer(t, w, "Harbour Stays", 40160)
	b := w.owner(t, fix)
	for name, counted := range map[string]*ListingsCounted{"none": nil, "zero": {0, noon}, "some": {84, noon}} {
		for state := range planWords {
			bills.set(fix.Org, func(o *BillingOverview) { o.State, o.Counted = state, counted })
			if n := b.get("/billing").forms(t, "/billing/sync"); n > 1 || n == 0 && newPlan(BillingOverview{State: state}, noon).Can.Sync {
				t.Errorf("%s, counted %s: %d forms that count", state, name, n)
			}
		}
	}
}

// TestListingsAreCalledBilledWhenTheyAre.
func TestListingsAreCalledBilledWhenTheyAre(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	fix := customer(t, w, "Harbour Stays", 40160)
	b := w.owner(t, fix)
	for _, title := range []string{"Counted listings", "Billed listings"} {
		p := b.get("/billing/listings")
		p.wantText(t, "h1", title)
		wantPage(t, p, 200, "<title>"+title+" ")
		wantPage(t, b.get("/billing/listings", "HX-Request: true", "HX-Target: dialog"), 200, `id="dialog-title">`+title)
		bills.subscribe(fix.Org)
	}
}

// TestProjectedBillOfNobody: without a subscription nothing failed, and Stripe was not even asked.
func TestProjectedBillOfNobody(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	fix := customer(t, w, "Harbour Stays", 40160)
	b := w.owner(t, fix)
	bills.bills[fix.Org.ID()] = ProjectedBill{Currency: "usd", Estimate: true, First: true, Listings: 84, Regular: 42000, Total: 42000}
	p := b.get("/billing/projected")
	wantPage(t, p, 200, "$420.00", "A month, once there is a subscription. Nothing is billed now.", "without tax and codes")
	wantNot(t, p, "could not be asked", "If nothing changes")
	bills.set(fix.Org, func(o *BillingOverview) { o.State = BillingExempt })
	p = b.get("/billing/projected")
	wantPage(t, p, 200, "Nothing is billed: this org has nothing to pay.")
	wantNot(t, p, "$420.00", "subscription")
}

// TestNothingCheckedIsNotWell: before the first comparison with Stripe nobody knows.
func TestNothingCheckedIsNotWell(t *testing.T) {
	t.Parallel()
	w, _, status := billed(t)
	b := w.runs(t, storetest.Org(t, w.store, "Harbour Stays"))
	for _, step := range []struct{ tone, state string }{{"ok", "ok"}, {"none", "unknown"}} {
		for _, path := range []string{"/operator/billing", "/operator?live=off"} {
			p := b.get(path)
			where := map[string]string{"/operator/billing": ".sub .state", "/operator?live=off": "section[aria-labelledby=h-billing] header .state"}[path]
			if got := p.find(t, where); len(got) != 1 || got[0].Attr("class") != "state "+step.tone {
				t.Errorf("%s: %+v, want %s", path, got, step.tone)
			}
		}
		wantPage(t, b.get("/api/operator/billing"), 200, `"state":"`+step.state+`"`)
		status.mu.Lock()
		status.status = BillingStatus{}
		status.mu.Unlock()
	}
	status.troubled()
	wantPage(t, b.get("/api/operator/billing"), 200, `"state":"fail"`)
}

// TestAWrongAddressIsLeftBehind: one button leads to signing up again.
func TestAWrongAddressIsLeftBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withMail)
	b := w.signUp(t, "jonsa@example.com").signIn("jonsa@example.com", secretOf("long-enough-words-9"))
	p := b.get("/verify")
	wantPage(t, p, 200, "Wrong address?", "can’t be changed", "Sign out and sign up again")
	form := p.form(t, "/logout")
	wantRedirect(t, b.post("/logout", form), "/signup")
	wantPage(t, b.get("/signup"), 200, "You are signed out.", "Create your org")
	wantRedirect(t, b.get("/verify"), "/login?next=%2Fverify")
	wantRedirect(t, b.submit("/signup", "/signup", newcomer(map[string]string{"email": "jonas@example.com"})), "/signup/sent")
	b.signIn("jonas@example.com", secretOf("long-enough-words-9"))
	wantRedirect(t, b.submit("/", "/logout", url.Values{"next": {"https://evil.test/signup"}}), "/login")
}
