package dashboard

import (
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/store"
)

// form reads the hidden fields of the form that goes to an address.
func (p page) form(t *testing.T, action string) url.Values {
	t.Helper()
	fields := url.Values{}
	for _, input := range p.find(t, "form[action="+action+"] input") {
		fields.Set(input.Attr("name"), input.Attr("value"))
	}
	if fields.Get("csrf") == "" {
		t.Fatalf("there is no form to %s\n%s", action, excerpt(p.Body))
	}
	return fields
}

// TestWayToStripe: a page of ours with a refresh and a link, since the content policy stops a redirect after a form.
func TestWayToStripe(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	fix := customer(t, w, "Harbour Stays", 40160)
	b := w.owner(t, fix)
	checkout := "https://checkout.stripe.test/c/pay/cs_" + fix.Org.ID() + "?a=1&amp;b=2#frag"
	form := b.get("/billing").form(t, "/billing/checkout")
	p := b.post("/billing/checkout", form)
	wantPage(t, p, 200, `<meta http-equiv="refresh" content="0;url=`+checkout+`">`, `<a class="btn primary" href="`+checkout+`">`, "Checkout at Stripe")
	if p.Header.Get("Cache-Control") != "no-store" || !strings.Contains(p.Header.Get("Content-Security-Policy"), "form-action 'self';") {
		t.Errorf("headers: %v", p.Header)
	}
	p = b.post("/billing/checkout", form, "HX-Request: true")
	if p.StatusCode != 204 || p.Header.Get("HX-Redirect") != strings.ReplaceAll(checkout, "&amp;", "&") {
		t.Errorf("by htmx: %s to %q", p.Status, p.Header.Get("HX-Redirect"))
	}
	bills.subscribe(fix.Org)
	wantPage(t, b.post("/billing/portal", b.get("/billing").form(t, "/billing/portal")), 200, `content="0;url=https://billing.stripe.test/p/session/`+fix.Org.ID()+`"`)
}

// TestAnOlderFormIsLedByWhatStripeSays, sent again at once, by the back button or from another tab: the page that it opened before
// may have run out, been closed or been paid.
func TestAnOlderFormIsLedByWhatStripeSays(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	fix := customer(t, w, "Harbour Stays", 40160)
	b := w.owner(t, fix)
	older, newer := b.get("/billing").form(t, "/billing/checkout"), b.get("/billing").form(t, "/billing/checkout")
	for _, wait := range []time.Duration{0, time.Second, 7 * time.Minute} {
		bills.fail("StartCheckout", nil)
		for i, form := range []url.Values{older, older, newer, older} {
			w.clock.Advance(wait)
			bills.checkout = "https://checkout.stripe.test/after-" + wait.String() + "/" + strconv.Itoa(i)
			wantPage(t, b.post("/billing/checkout", form), 200, `content="0;url=`+bills.checkout+`"`)
		}
		bills.fail("StartCheckout", &BillingError{Fault: FaultSubscribed}) // paid in one of the tabs
		for _, form := range []url.Values{older, newer} {
			wantRedirect(t, b.post("/billing/checkout", form), "/billing")
			wantPage(t, b.get("/billing"), 200, "This org has a subscription already.")
		}
	}
}

func TestOnlySafeAddressesAreLeftTo(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"https://checkout.stripe.com/c/x": true, "http://127.0.0.1:4242/pay": true, "http://[::1]:1/": true, "http://localhost:3/": true,
		"http://checkout.stripe.com/": false, "javascript:alert(1)": false, "//evil.test/": false, "/billing": false, "": false, "data:text/html,x": false, "https:///x": false,
	} {
		if err := checkOutside(address); (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// TestFaultsAreTold: each failure leads back with what happened and what to do, and can be tried again.
func TestFaultsAreTold(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	fix := customer(t, w, "Harbour Stays", 40160)
	b := w.owner(t, fix)
	for fault, words := range faultWords {
		bills.fail("StartCheckout", &BillingError{Fault: fault, Err: errors.New("req_stripe raw text")})
		wantRedirect(t, b.post("/billing/checkout", b.get("/billing").form(t, "/billing/checkout")), "/billing")
		p := b.get("/billing")
		wantPage(t, p, 200, words.Message)
		wantNot(t, p, "raw text")
		if words.Next == "" || words.Status == 0 || words.Code == "" || words.Title == "" {
			t.Errorf("%s lacks something: %+v", fault, words)
		}
	}
	if !strings.Contains(w.log.String(), "req_stripe raw text") {
		t.Error("the causes are not in the log")
	}
	bills.fail("StartCheckout", errors.New("no such thing"))
	form := b.get("/billing").form(t, "/billing/checkout")
	wantPage(t, b.post("/billing/checkout", form), 500, "Something went wrong")
	bills.fail("StartCheckout", nil)
	wantPage(t, b.post("/billing/checkout", form), 200, "checkout.stripe.test")
	if got := billingProblem(&BillingError{Fault: "of later"}, noon); got != errInternal {
		t.Errorf("an unknown fault: %+v", got)
	}
}

// TestCancelAndResume: the page says what happens when; a form that is sent again, from the history or another tab, does nothing twice.
func TestCancelAndResume(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	fix := customer(t, w, "Harbour Stays", 40160)
	b := w.owner(t, fix)
	wantRedirect(t, b.get("/billing/cancel"), "/billing") // a trial has nothing to cancel
	bills.subscribe(fix.Org)
	p := b.get("/billing/cancel")
	wantPage(t, p, 200, "Tools go on answering until <b>", "5 Dec 2026", "Keys, members, invoices and all data stay", "every assistant of Harbour Stays gets an error")
	old := p.form(t, "/billing/cancel")
	old.Set("reason", "  too few guests "+strings.Repeat("é", 19985)+"  ")
	p = b.post("/billing/cancel", old)
	wantPage(t, p, 422, "Please check the marked field.", "It may have 500 characters, and has 20,000. Nothing was canceled.", "At most 500 characters.", "too few guests éé")
	if n := bills.asked("Cancel"); n != 0 {
		t.Errorf("canceled %d times with a reason that is too long", n)
	}
	old = p.form(t, "/billing/cancel")                                             // which may be sent again, shorter
	old.Set("reason", "  too few guests "+strings.Repeat("é", 481)+"\r\n\r\n!!  ") // what a browser counts as 500
	wantRedirect(t, b.post("/billing/cancel", old), "/billing")
	p = b.get("/billing")
	wantPage(t, p, 200, "It ends with the running period, as the plan says below")
	p.wantText(t, ".plan header .chip", "Ends on 5 Dec 2026")
	bills.mu.Lock()
	if call := bills.calls[len(bills.calls)-1]; !strings.HasPrefix(call, "Cancel "+fix.Org.ID()+" "+fix.By().Name+" too few guests é") || !strings.HasSuffix(call, "é\n\n!!") {
		t.Errorf("the call: %q", call)
	}
	bills.mu.Unlock()
	wantRedirect(t, b.get("/billing/cancel"), "/billing")

	resume := p.form(t, "/billing/resume")
	wantRedirect(t, b.post("/billing/resume", resume), "/billing")
	wantPage(t, b.get("/billing"), 200, "The subscription goes on.")
	wantRedirect(t, b.post("/billing/cancel", old), "/billing") // the back button, and the old form once more
	p = b.get("/billing")
	wantPage(t, p, 200, "That form was sent already. Nothing was done twice.")
	p.wantText(t, ".plan header .chip", "Active")
	if n := bills.asked("Cancel"); n != 1 {
		t.Errorf("canceled %d times", n)
	}
	bills.fail("Cancel", &BillingError{Fault: FaultUnreachable})
	form := b.get("/billing/cancel").form(t, "/billing/cancel")
	wantRedirect(t, b.post("/billing/cancel", form), "/billing")
	wantPage(t, b.get("/billing"), 200, "Stripe could not be reached. Nothing was changed.")
	bills.fail("Cancel", nil)
	wantRedirect(t, b.post("/billing/cancel", form), "/billing")
	wantPage(t, b.get("/billing"), 200, "The subscription is canceled. It ends")
}

// TestCancelingPromisesNoToolsThatDoNotAnswer: where a debt or a pause stops them, now or before the subscription ends.
func TestCancelingPromisesNoToolsThatDoNotAnswer(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	fix := customer(t, w, "Harbour Stays", 40160)
	b := w.owner(t, fix)
	for _, tc := range []struct {
		state       BillingState
		reason      store.AccessReason
		page, after string
	}{
		{BillingGrace, store.ReasonPaymentFailed, "on 5 Dec 2026. A payment is overdue, so tools answer until 25 Nov 2026, 12:00 UTC only; once it is paid, until the subscription ends. What is overdue stays to be paid.", "Past due, tools stop 25 Nov 2026"},
		{BillingSuspended, store.ReasonPaymentFailed, "on 5 Dec 2026. A payment is overdue, so tools answer with an error already", "Suspended, ends on 5 Dec 2026"},
		{BillingPaused, store.ReasonPaused, "on 5 Dec 2026. Tools answer with an error already", "Paused, ends on 5 Dec 2026"},
		{BillingTrial, store.ReasonPaused, "on 5 Dec 2026. Tools answer until the trial ends on 2 Dec 2026.", "Trial, 9 days left"},
	} {
		bills.mu.Lock()
		delete(bills.plans, fix.Org.ID())
		bills.mu.Unlock()
		bills.subscribe(fix.Org)
		bills.set(fix.Org, func(o *BillingOverview) {
			o.State, o.Reason, o.StopsAt, o.TrialEndsAt, o.OpenInvoice = tc.state, tc.reason, at(noon.AddDate(0, 0, 2)), at(noon.AddDate(0, 0, 9)), "in_1"
		})
		p := b.get("/billing/cancel")
		wantPage(t, p, 200, tc.page)
		wantNot(t, p, "Tools go on answering")
		wantRedirect(t, b.post("/billing/cancel", p.form(t, "/billing/cancel")), "/billing")
		p = b.get("/billing")
		wantPage(t, p, 200, "The subscription is canceled as well and ends on 5 Dec 2026. You can take it back until that day.")
		wantNot(t, p, "Tools answer until its last day")
		p.wantText(t, ".plan header .chip", tc.after)
		if p.forms(t, "/billing/resume") != 1 || len(p.find(t, "a[href=/billing/cancel]")) != 0 {
			t.Errorf("%s and canceled: the buttons\n%s", tc.state, excerpt(p.Body))
		}
	}
}

// TestChangeWaitsForTheCopy: what is done here and not copied yet is told so, and finished by the same form.
func TestChangeWaitsForTheCopy(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	fix := customer(t, w, "Harbour Stays", 40160)
	b := w.owner(t, fix)
	bills.subscribe(fix.Org)
	bills.fail("Cancel", store.ErrNotReplicated)
	form := b.get("/billing/cancel").form(t, "/billing/cancel")
	wantPage(t, b.post("/billing/cancel", form), 503, "Saved here, waiting for the copy")
	wantRedirect(t, b.post("/billing/cancel", form), "/billing")
	wantPage(t, b.get("/billing"), 200, "The subscription is canceled.")
	if n := bills.asked("Cancel"); n != 1 {
		t.Errorf("canceled %d times", n)
	}
}

// TestSyncNow by page and by API, with the wait that both tell.
func TestSyncNow(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	fix := customer(t, w, "Harbour Stays", 40160)
	b := w.owner(t, fix)
	form := b.get("/billing").form(t, "/billing/sync")
	wantRedirect(t, b.post("/billing/sync", form), "/billing")
	p := b.get("/billing")
	wantPage(t, p, 200, "The listings are counted.")
	p.wantText(t, ".plan .sum", "86 active listings × $5.00 = $430.00 a month")
	p.wantText(t, "#sync-wait", "Possible again at 12:10 UTC, in 10 minutes.")
	if len(p.find(t, "form[action=/billing/sync] button[disabled]")) != 1 {
		t.Error("the button is not off while it would be refused")
	}
	wantRedirect(t, b.post("/billing/sync", form), "/billing")
	if n := bills.asked("SyncNow"); n != 1 {
		t.Errorf("one form counted %d times", n)
	}

	token := b.get("/api/billing").Header.Get("X-CSRF-Token")
	post := func() page { return b.do("POST", "/api/billing/sync", "", "X-CSRF-Token: "+token) }
	var synced apiSynced
	p = post()
	if err := json.Unmarshal([]byte(p.Body), &synced); err != nil || p.StatusCode != 200 || synced.Listings != 86 || *synced.Before != 84 || !synced.NextSyncAt.Equal(noon.Add(10*time.Minute)) {
		t.Errorf("%s %s %v", p.Status, p.Body, err)
	}
	bills.fail("SyncNow", &BillingError{Fault: FaultTooSoon, RetryAt: noon.Add(7 * time.Minute)})
	p = post()
	wantPage(t, p, 429, `"code":"too_soon"`, "Try again in 7 minutes, at 12:07 UTC.")
	if p.Header.Get("Retry-After") != "420" {
		t.Errorf("Retry-After: %q", p.Header.Get("Retry-After"))
	}
	bills.fail("SyncNow", &BillingError{Fault: FaultRefused})
	wantPage(t, post(), 409, `"code":"credentials_refused"`, "The bill stays as it was")
	bills.fail("SyncNow", &BillingError{Fault: FaultIncomplete})
	wantPage(t, post(), 503, `"code":"count_incomplete"`)
}

// TestBillingForScripts says what the page says.
func TestBillingForScripts(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	fix := customer(t, w, "Harbour Stays", 40160)
	b := w.owner(t, fix)
	read := func() (out apiBilling) {
		t.Helper()
		p := b.get("/api/billing")
		wantPage(t, p, 200)
		if err := json.Unmarshal([]byte(p.Body), &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	if got := read(); got.State != BillingTrial || !got.ToolsAnswer || *got.UnitAmount != 500 || *got.Currency != "usd" || *got.MonthlyAmount != 42000 || got.ListingsBilled != nil || *got.ListingsCounted != 84 || got.TrialEndsAt == nil {
		t.Errorf("in the trial: %+v", got)
	}
	bills.subscribe(fix.Org)
	bills.set(fix.Org, func(o *BillingOverview) {
		o.State, o.UnitPrice, o.Held = BillingSuspended, Money{}, &HeldCount{HoldUnpaid, 80, 84, noon, false}
	})
	if got := read(); got.ToolsAnswer || got.UnitAmount != nil || got.MonthlyAmount != nil || got.Held.Listings != 80 || !strings.Contains(got.Held.Text, "80 active listings") || *got.ListingsBilled != 84 {
		t.Errorf("suspended: %+v", got)
	}
}
