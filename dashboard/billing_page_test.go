package dashboard

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

func at(t time.Time) *time.Time { return &t }

// TestEveryStateHasItsWords: what an owner sees in each state, and which ways out there are.
func TestEveryStateHasItsWords(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	fix := customer(t, w, "Harbour Stays", 40160)
	b := w.owner(t, fix)
	billedNow, nothing := 84, (*ListingsCounted)(nil)
	for _, tc := range []struct {
		name               string
		set                func(*BillingOverview)
		chip, sum, buttons string
		text               string
	}{
		{"not connected", func(o *BillingOverview) {
			o.State, o.Counted, o.TrialEndsAt = BillingNotConnected, nothing, nil
		}, "Not connected yet", "", "Connect Hostaway", "14 free days begin, without a card"},
		{"trial", func(*BillingOverview) {}, "Trial, 9 days left", "84 active listings × $5.00 = $420.00 a month", "Start subscription", "Your trial runs until 2 Dec 2026 and needs no card."},
		{"trial's last day", func(o *BillingOverview) { o.TrialEndsAt = at(noon.Add(5*time.Hour + time.Minute)) }, "Trial, 6 hours left", "84 active listings × $5.00 = $420.00 a month", "Start subscription", "23 Nov 2026"},
		{"deleted in the trial", func(o *BillingOverview) {
			o.Reason, o.EndedAt = store.ReasonCustomerDeleted, at(noon.AddDate(0, 0, -1))
		}, "Trial, 9 days left", "84 active listings × $5.00 = $420.00 a month", "Subscribe again", "The subscription ended on 22 Nov 2026. Your trial runs until 2 Dec 2026"},
		{"canceled in the trial", func(o *BillingOverview) { o.Reason = store.ReasonCanceled }, "Trial, 9 days left", "84 active listings × $5.00 = $420.00 a month", "Subscribe again | Manage in Stripe", "tools answer until then; subscribe again"},
		{"given up in the trial", func(o *BillingOverview) { o.Reason = store.ReasonPaymentFailed }, "Trial, 9 days left", "84 active listings × $5.00 = $420.00 a month", "Subscribe again | Manage in Stripe", "Stripe ended it because the payments failed."},
		{"paused in the trial", func(o *BillingOverview) { o.Reason = store.ReasonPaused }, "Trial, 9 days left", "84 active listings × $5.00 = $420.00 a month", "Manage in Stripe | Cancel…", "Tools answer until the trial ends on 2 Dec 2026"},
		{"unconfirmed in the trial", func(o *BillingOverview) { o.Reason, o.OpenInvoice = store.ReasonPaymentPending, "in_1" }, "Trial, 9 days left", "84 active listings × $5.00 = $420.00 a month", "Pay now | Manage in Stripe", "your bank may want you to confirm it. Tools answer until the trial ends"},
		{"past due in the trial", func(o *BillingOverview) {
			o.State, o.Reason, o.Billed, o.OpenInvoice = BillingGrace, store.ReasonPaymentFailed, &billedNow, "in_1"
			o.OverdueSince, o.StopsAt = at(noon.AddDate(0, 0, -1)), o.TrialEndsAt
		}, "Past due, tools stop 2 Dec 2026", "84 active listings × $5.00 = $420.00 a month", "Pay now | Manage in Stripe | Cancel…", "A payment failed on 22 Nov 2026."},
		{"customer deleted", func(o *BillingOverview) { o.State, o.Reason = BillingCanceled, store.ReasonCustomerDeleted }, "Canceled", "84 active listings × $5.00 = $420.00 a month", "Subscribe again", "was deleted at Stripe"},
		{"trial with a card", func(o *BillingOverview) { o.State, o.Billed = BillingTrialCard, &billedNow }, "Trial, 9 days left", "84 active listings × $5.00 = $420.00 a month", "Manage in Stripe | Cancel…", "The first bill comes when the trial ends, on 2 Dec 2026."},
		{"active", func(o *BillingOverview) {
			o.State, o.Billed, o.PeriodEnd = BillingActive, &billedNow, at(noon.AddDate(0, 0, 12))
		}, "Active", "84 active listings × $5.00 = $420.00 a month", "Manage in Stripe | Cancel…", "runs until 5 Dec 2026"},
		{"ending", func(o *BillingOverview) {
			o.State, o.Billed, o.CancelAt = BillingActive, &billedNow, at(noon.AddDate(0, 0, 12))
		}, "Ends on 5 Dec 2026", "84 active listings × $5.00 = $420.00 a month", "Resume | Manage in Stripe", "Tools answer until then"},
		{"past due", func(o *BillingOverview) {
			o.State, o.Billed, o.OpenInvoice = BillingGrace, &billedNow, "in_1"
			o.OverdueSince, o.StopsAt = at(noon.AddDate(0, 0, -1)), at(noon.AddDate(0, 0, 2))
		}, "Past due, tools stop 25 Nov 2026", "84 active listings × $5.00 = $420.00 a month", "Pay now | Manage in Stripe | Cancel…", "A payment failed on 22 Nov 2026. Tools go on answering until 25 Nov 2026, 12:00 UTC"},
		{"suspended", func(o *BillingOverview) {
			o.State, o.Billed, o.OpenInvoice, o.OverdueSince = BillingSuspended, &billedNow, "in_1", at(noon.AddDate(0, 0, -3))
		}, "Suspended", "84 active listings × $5.00 = $420.00 a month", "Pay now | Manage in Stripe | Cancel…", "A payment has been overdue since 20 Nov 2026"},
		{"suspended, invoice unknown", func(o *BillingOverview) { o.State, o.Billed = BillingSuspended, &billedNow }, "Suspended", "84 active listings × $5.00 = $420.00 a month", "Manage in Stripe | Cancel…", "The newest invoice is not open for payment"},
		{"unconfirmed", func(o *BillingOverview) { o.State, o.Billed, o.OpenInvoice = BillingUnconfirmed, &billedNow, "in_1" }, "Not confirmed", "84 active listings × $5.00 = $420.00 a month", "Pay now | Manage in Stripe", "your bank may want you to confirm it"},
		{"paused", func(o *BillingOverview) { o.State, o.Billed = BillingPaused, &billedNow }, "Paused", "84 active listings × $5.00 = $420.00 a month", "Manage in Stripe | Cancel…", "Add a payment method"},
		{"trial over", func(o *BillingOverview) { o.State, o.TrialEndsAt = BillingTrialOver, at(noon.AddDate(0, 0, -2)) }, "Trial over", "84 active listings × $5.00 = $420.00 a month", "Start subscription", "The trial ended on 21 Nov 2026"},
		{"no trial", func(o *BillingOverview) { o.State, o.TrialEndsAt = BillingNoTrial, nil }, "Not subscribed", "84 active listings × $5.00 = $420.00 a month", "Start subscription", "had its free trial before"},
		{"canceled", func(o *BillingOverview) { o.State, o.EndedAt = BillingCanceled, at(noon.AddDate(0, 0, -9)) }, "Canceled", "84 active listings × $5.00 = $420.00 a month", "Subscribe again | Manage in Stripe", "The subscription ended on 14 Nov 2026"},
		{"not counted", func(o *BillingOverview) { o.Counted = nil }, "Trial, 9 days left", "", "Count listings now", "Your listings are not counted yet, which comes first."},
		{"no listings", func(o *BillingOverview) { o.Counted = &ListingsCounted{0, noon} }, "Trial, 9 days left", "0 active listings × $5.00 = $0.00 a month", "Count listings now", "needs one active listing at least"},
		{"complimentary", func(o *BillingOverview) { o.State = BillingExempt }, "Complimentary", "84 active listings × $5.00 = $420.00 a month", "", "nothing to pay"},
		{"price unknown", func(o *BillingOverview) { o.UnitPrice = Money{} }, "Trial, 9 days left", "", "Start subscription", "Your trial runs"},
		{"a state of later", func(o *BillingOverview) { o.State = "frozen" }, "Being looked at", "84 active listings × $5.00 = $420.00 a month", "", "Look again in a minute"},
	} {
		bills.mu.Lock()
		delete(bills.plans, fix.Org.ID())
		bills.mu.Unlock()
		bills.set(fix.Org, tc.set)
		p := b.get("/billing")
		wantPage(t, p, 200, tc.text)
		p.wantText(t, ".plan header .chip", tc.chip)
		p.wantText(t, ".plan .sum", tc.sum)
		p.wantText(t, ".plan .actions .btn", tc.buttons)
		if t.Failed() {
			t.Fatalf("in the state %s", tc.name)
		}
	}
	for state := range planWords {
		if p := newPlan(BillingOverview{State: state}, noon); p.Chip == "" || p.Tone == "" || p.Text == "" {
			t.Errorf("%s without any date: %+v", state, p)
		}
	}
}

// TestWhyThisNumber: the count, the held one, and why the listings can't be counted.
func TestWhyThisNumber(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	fix := customer(t, w, "Harbour Stays", 40160)
	b := w.owner(t, fix)
	bills.subscribe(fix.Org)
	p := b.get("/billing")
	p.wantText(t, "[aria-labelledby=h-why] dd", "84, 2 h ago | 84 | once a day")
	for reason, text := range map[HoldReason]string{
		HoldZero:   "The count of 23 Nov 2026, 11:00 UTC found 12 active listings; 84 are billed meanwhile. No active listing was found, which may be a mistake at Hostaway. A second count at least an hour later confirms it.",
		HoldDrop:   "far fewer than before. A second count that agrees, at least six hours later, confirms it.",
		HoldSpike:  "far more than before.",
		HoldUnpaid: "It is as soon as the payment has arrived.",
	} {
		bills.set(fix.Org, func(o *BillingOverview) { o.Held = &HeldCount{reason, 12, 84, noon.Add(-time.Hour), false} })
		wantPage(t, b.get("/billing"), 200, text)
		bills.set(fix.Org, func(o *BillingOverview) { o.Held.NeedsOperator = true })
		wantPage(t, b.get("/billing"), 200, "The operator of this server has to look at it first")
	}
	bills.set(fix.Org, func(o *BillingOverview) { o.Held, o.CredentialsRefusedAt = nil, at(noon.AddDate(0, 0, -3)) })
	wantPage(t, b.get("/billing"), 200, "The bill stays at the last count until you")

	list := b.get("/billing/listings")
	wantPage(t, list, 200, "84 active listings, counted", "Harbour loft 84", "40160")
	bills.mu.Lock()
	bills.listings[fix.Org.ID()] = BilledListings{CountedAt: noon, Listings: []BilledListing{{7, ""}}}
	bills.mu.Unlock()
	wantPage(t, b.get("/billing/listings"), 200, "Their names could not be read", "Name not known")
	bills.fail("Listings", store.ErrNotFound)
	wantPage(t, b.get("/billing/listings"), 200, "were not counted yet")
}

// TestWhatAnOwnerHasToKnow besides the state: refund, dispute, deletion, two subscriptions.
func TestWhatAnOwnerHasToKnow(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	fix := customer(t, w, "Harbour Stays", 40160)
	b := w.owner(t, fix)
	bills.subscribe(fix.Org)
	if p := b.get("/billing"); len(p.find(t, ".plan .note")) != 0 {
		t.Error("a plan that is well has a note")
	}
	for reason, text := range map[store.AccessReason]string{
		store.ReasonRefunded: "was refunded", store.ReasonDisputed: "is disputed at your bank", store.ReasonCustomerDeleted: "was deleted at Stripe", store.ReasonUnpaid: "has stopped trying to collect",
	} {
		bills.set(fix.Org, func(o *BillingOverview) { o.Reason, o.Doubled = reason, false })
		b.get("/billing").wantText(t, ".plan .note", reasonWords[reason])
		wantPage(t, b.get("/billing"), 200, text)
	}
	bills.set(fix.Org, func(o *BillingOverview) { o.Reason, o.Doubled = store.ReasonSubscribed, true })
	wantPage(t, b.get("/billing"), 200, "two subscriptions at Stripe, and both are charged")
}

// TestProjectedBill with all its parts, as an estimate, without one, and when it can't be had.
func TestProjectedBill(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	fix := customer(t, w, "Harbour Stays", 40160)
	b := w.owner(t, fix)
	if p := b.get("/billing"); len(p.find(t, "[hx-get=/billing/projected]")) != 0 {
		t.Error("an org without a subscription is shown a next bill")
	}
	bills.subscribe(fix.Org)
	if p := b.get("/billing"); len(p.find(t, "[hx-get=/billing/projected]")) != 1 || len(p.find(t, "a[href=/billing/projected]")) == 0 {
		t.Error("the next bill is not loaded, or there is no way to it without JavaScript")
	}
	for _, p := range []page{b.get("/billing/projected"), b.get("/billing/projected", "HX-Request: true")} {
		p.wantText(t, ".figure", "$479.31")
		p.wantText(t, ".lines dt", "84 listings × $5.00 | 80 → 84 listings from 13 Nov 2026 , for the rest of the period | 85 → 84 listings from 19 Nov 2026 , for the rest of the period | Promotion code | Tax | Credit from before | Total")
		p.wantText(t, ".lines dd", "$420.00 | +$13.97 | −$0.66 | −$20.00 | $76.00 | −$10.00 | $479.31")
		wantPage(t, p, 200, "Charged on", "5 Dec 2026", "if nothing changes", "As Stripe works it out")
	}
	set := func(bill ProjectedBill) {
		bills.mu.Lock()
		defer bills.mu.Unlock()
		bills.bills[fix.Org.ID()] = bill
	}
	set(ProjectedBill{Currency: "usd", Estimate: true, Listings: 84, Regular: 42000, Total: 42000})
	p := b.get("/billing/projected")
	p.wantText(t, ".chip", "Estimate")
	wantPage(t, p, 200, "Stripe could not be asked, so this is our own sum")
	wantNot(t, p, "As Stripe works it out")
	set(ProjectedBill{Currency: "usd", Listings: 3, Regular: 1500, Changes: []BillChange{{At: noon, Before: 9, After: 3, Amount: -2996}}, Carried: 1496})
	p = b.get("/billing/projected")
	p.wantText(t, ".lines dd", "$15.00 | −$29.96 | $14.96 | $0.00")
	wantPage(t, p, 200, "Left over as credit for later bills")
	set(ProjectedBill{None: true})
	bills.set(fix.Org, func(o *BillingOverview) { o.CancelAt = at(noon.AddDate(0, 0, 12)) })
	wantPage(t, b.get("/billing/projected"), 200, "No further bill will come: the subscription ends on", "5 Dec 2026")
	bills.fail("Projected", &BillingError{Fault: FaultUnreachable, Err: errors.New("dial tcp: secret detail")})
	p = b.get("/billing/projected", "HX-Request: true")
	wantPage(t, p, 200, "Stripe could not be reached.")
	wantNot(t, p, "secret detail")
	bills.fail("Projected", errors.New("a broken pipe"))
	p = b.get("/billing/projected", "HX-Request: true")
	wantPage(t, p, 200, "give the request id req_")
	wantNot(t, p, "broken pipe")
	if !strings.Contains(w.log.String(), "a broken pipe") {
		t.Error("the cause is not in the log")
	}
}

// TestConfirmingWithStripe: the page goes on asking until the state is there, asks Stripe now and then only, and gives up.
func TestConfirmingWithStripe(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	fix := customer(t, w, "Harbour Stays", 40160)
	b := w.owner(t, fix)
	wantPage(t, b.get("/billing?checkout=cancelled"), 200, "You left Checkout before the end. Nothing was charged")
	wantNot(t, b.get("/billing?checkout=other"), "Checkout")
	p := b.get("/billing?checkout=done")
	wantPage(t, p, 200, "Confirming with Stripe…")
	ask := p.find(t, "#confirming")[0].Attr("hx-get")
	for range 5 { // seconds apart
		wantPage(t, b.get(ask, "HX-Request: true"), 200, "Confirming with Stripe…", `hx-trigger=`)
		w.clock.Advance(2 * time.Second)
	}
	if n := bills.asked("Refresh"); n != 3 {
		t.Errorf("Stripe was asked %d times in ten seconds, want once in four", n)
	}
	bills.fail("Refresh", &BillingError{Fault: FaultUnreachable})
	w.clock.Advance(21 * time.Second)
	p = b.get(ask, "HX-Request: true")
	wantPage(t, p, 200, "Stripe has not confirmed it yet.", "you need not pay again")
	wantNot(t, p, "hx-trigger")
	wantPage(t, b.get("/billing/confirming?since=99999999999999", "HX-Request: true"), 200, "Confirming with Stripe…")
	wantPage(t, b.get("/billing/confirming?since=x", "HX-Request: true"), 200, "Confirming with Stripe…")
	wantRedirect(t, b.get("/billing/confirming"), "/billing?checkout=done")
	bills.fail("Refresh", nil)
	bills.arrives = 1
	w.clock.Advance(5 * time.Second)
	p = b.get(ask, "HX-Request: true")
	if p.StatusCode != 204 || p.Header.Get("HX-Redirect") != "/billing" {
		t.Errorf("when it has arrived: %s to %q", p.Status, p.Header.Get("HX-Redirect"))
	}
	wantPage(t, b.get("/billing"), 200, "Subscribed. Thank you")
	p = b.get("/billing?checkout=done")
	wantPage(t, p, 200, "Subscribed. Thank you")
	wantNot(t, p, "Confirming with Stripe", "id=\"confirming\"")
	wantRedirect(t, b.get("/billing/confirming"), "/billing")
}

// TestWithoutBillingThereIsNone: no page, no menu, no word.
func TestWithoutBillingThereIsNone(t *testing.T) {
	t.Parallel()
	with, _, _ := billed(t)
	w := newWorld(t)
	fix := customer(t, w, "Harbour Stays", 40160)
	b := w.runs(t, fix)
	token := b.token("/keys")
	seen := 0
	for _, r := range with.dash.routes {
		if !strings.Contains(r.path, "billing") {
			continue
		}
		seen++
		p := b.send(r, attempts()[r.method+" "+r.path], token, "x")
		wantPage(t, p, 404)
	}
	if seen < 15 {
		t.Errorf("only %d routes were tried", seen)
	}
	for _, path := range []string{"/", "/usage", "/connection", "/keys", "/operator", "/operator/orgs/" + fix.Org.ID()} {
		p := b.get(path)
		wantPage(t, p, 200)
		for _, word := range []string{"illing", "Stripe", "rial", "a month"} {
			if strings.Contains(strings.ReplaceAll(p.Body, "Calls this month", ""), word) {
				t.Errorf("%s speaks of %q", path, word)
			}
		}
	}
}

// TestMembersSeeNoMoney: no page, no menu, no figure; but they learn why tools don't answer, and whom to ask.
func TestMembersSeeNoMoney(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	fix := customer(t, w, "Harbour Stays", 40160)
	reader, admin := w.member(t, fix, store.RoleMember), w.member(t, fix, store.RoleAdmin)
	bills.subscribe(fix.Org)
	for _, path := range []string{"/", "/usage", "/connection", "/keys"} {
		p := reader.get(path)
		wantPage(t, p, 200)
		wantNot(t, p, "$5.00", "$420", `href="/billing"`)
		if p := admin.get(path); len(p.find(t, "nav [href=/billing]")) != 1 {
			t.Errorf("an admin at %s has no way to billing", path)
		}
	}
	wantPage(t, admin.get("/billing"), 200)
	wantPage(t, reader.get("/billing"), 403)
	bills.set(fix.Org, func(o *BillingOverview) { o.State = BillingSuspended })
	p := reader.get("/keys")
	p.wantText(t, ".banner", "A payment is overdue, so tools answer with an error. Ask an owner or admin of the org.")
	bills.set(fix.Org, func(o *BillingOverview) {
		o.State, o.Held = BillingActive, &HeldCount{HoldDrop, 12, 84, noon, false}
	})
	if p := reader.get("/keys"); len(p.find(t, ".banner")) != 0 {
		t.Error("a member is told of a held count")
	}
}

// TestOneBannerTheWorst: never more than one, and not where one deals with it.
func TestOneBannerTheWorst(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	conn := storetest.Connect(t, fix.Org, 40160, accountSecret)
	b := w.owner(t, fix)
	held := &HeldCount{HoldDrop, 12, 84, noon, false}
	look := func(path, text, href string) {
		t.Helper()
		p := b.get(path)
		if n := len(p.find(t, ".banner")); n > 1 || (n == 0) != (text == "") {
			t.Fatalf("%s has %d banners, want %q", path, n, text)
		}
		if text == "" {
			return
		}
		p.wantText(t, ".banner span", text)
		if got := p.find(t, ".banner a")[0].Attr("href"); got != href {
			t.Errorf("%s: the banner leads to %s, want %s", path, got, href)
		}
	}
	look("/keys", "", "")
	bills.set(fix.Org, func(o *BillingOverview) { o.Held = held })
	look("/keys", "The last count found 12 listings and waits before it is billed; 84 are billed meanwhile.", "/billing")
	bills.set(fix.Org, func(o *BillingOverview) { o.TrialEndsAt = at(noon.Add(3*24*time.Hour + time.Minute)) })
	look("/keys", "The trial ends in 4 days; tools stop answering then.", "/billing")
	look("/billing", "", "")
	if err := fix.Org.MarkConnectionRefused(t.Context(), conn.Version, "invalid_client"); err != nil {
		t.Fatal(err)
	}
	look("/keys", "Hostaway refuses the stored credentials, so tools can't answer.", "/connection")
	look("/connection", "The trial ends in 4 days; tools stop answering then.", "/billing")
	bills.set(fix.Org, func(o *BillingOverview) { o.State, o.StopsAt = BillingGrace, at(noon.AddDate(0, 0, 2)) })
	look("/keys", "A payment failed. Tools stop answering on 25 Nov 2026, 12:00 UTC unless it is paid.", "/billing")
	look("/billing", "Hostaway refuses the stored credentials, so tools can't answer.", "/connection")
	bills.set(fix.Org, func(o *BillingOverview) { o.State = BillingSuspended })
	look("/keys", "A payment is overdue, so tools answer with an error.", "/billing")
	for state := range planWords {
		if p := newPlan(BillingOverview{State: state}, noon); p.Stopped() {
			if stopped, _ := planBanners(p, true); stopped == nil || stopped.Text == "" {
				t.Errorf("nobody is told that tools stopped: %s", state)
			}
		}
	}
}

// TestFiguresElsewhere: the overview, the usage and the connection page know what it costs.
func TestFiguresElsewhere(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	b := w.owner(t, fix)
	bills.set(fix.Org, func(o *BillingOverview) { o.State, o.Counted, o.TrialEndsAt = BillingNotConnected, nil, nil })
	wantPage(t, b.get("/connection"), 200, "Then your active listings are counted: $5.00 each a month, 14 days free, no card.")
	bills.set(fix.Org, func(o *BillingOverview) { o.State, o.TrialEndsAt = BillingTrial, at(noon.AddDate(0, 0, 14)) })
	bills.fail("CountConnected", &BillingError{Fault: FaultIncomplete}) // the connection stands all the same
	wantRedirect(t, b.submit("/connection", "/connection", url.Values{"account": {"40160"}, "secret": {"s"}}), "/connection")
	p := b.get("/connection")
	wantPage(t, p, 200, "84 active listings × $5.00 = <b>$420.00</b> a month", "14 days free, no card")
	bills.fail("CountConnected", nil)
	wantRedirect(t, b.submit("/connection/secret", "/connection/secret", url.Values{"secret": {"s2"}}), "/connection")
	if n := bills.asked("CountConnected"); n != 2 {
		t.Errorf("the listings were counted %d times after connecting twice", n)
	}
	bills.subscribe(fix.Org)
	p = b.get("/")
	p.wantText(t, ".kpis dt", "Tool calls | Failed | Active listings | Projected bill")
	p.wantText(t, ".kpis .value", "0 | 0% | 84 | $420.00")
	wantPage(t, p, 200, "a month, 84 active listings × $5.00")
	p = b.get("/usage?days=7")
	p.wantText(t, "[aria-labelledby=h-listings] header p", "84 active listings × $5.00 = $420.00 a month")
	if bars := p.find(t, "[aria-labelledby=h-listings] .bar"); len(bars) != 7 {
		t.Errorf("%d bars for 7 days", len(bars))
	}
	bills.set(fix.Org, func(o *BillingOverview) { o.State = BillingExempt })
	wantPage(t, b.get("/"), 200, "complimentary")
}

func TestListingChartSaysWhatIsHeld(t *testing.T) {
	t.Parallel()
	a, c := 84, 410
	chart := string(listingBars([]ListingDay{{"2026-11-20", nil, nil}, {"2026-11-21", &a, nil}, {"2026-11-22", &a, &a}, {"2026-11-23", &c, &a}}, "2026-11-23"))
	for _, want := range []string{
		`aria-label="Listings per day over 4 days: 84 on 21 Nov, 84 on 23 Nov"`, `data-day="Fri 20 Nov" data-label="Not counted" data-value=""`,
		`data-day="Sat 21 Nov" data-label="Active listings" data-value="84"`, `data-day="Sun 22 Nov" data-label="Billed" data-value="84"`,
		`data-day="Mon 23 Nov, so far" data-label="Billed, of 410 counted" data-value="84"`, `class="waiting"`,
	} {
		if !strings.Contains(chart, want) {
			t.Errorf("the chart lacks %s", want)
		}
	}
	if empty := string(listingBars(nil, "2026-11-23")); !strings.Contains(empty, "not counted yet") {
		t.Errorf("without days: %s", empty)
	}
}
