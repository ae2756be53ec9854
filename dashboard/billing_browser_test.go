package dashboard

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"hostaway-mcp/store"
)

// loaded waits until the parts that Stripe is asked for are there.
const loaded = `!document.querySelector("[data-lazy]")`

// TestBillingPagesLookRight in each state that looks different.
func TestBillingPagesLookRight(t *testing.T) {
	t.Parallel()
	states := map[string]struct {
		set   func(*BillingOverview)
		extra []sight
	}{
		"trial": {func(*BillingOverview) {}, []sight{
			{"billing-connection", "/connection", nil, ""},
			{"billing-left", "/billing?checkout=cancelled", nil, loaded},
			{"billing-confirming", "/billing?checkout=done", nil, loaded},
		}},
		"new": {func(o *BillingOverview) { o.State, o.Counted, o.TrialEndsAt = BillingNotConnected, nil, nil }, nil},
		"active": {nil, []sight{
			{"billing-cancel", "/billing/cancel", nil, ""},
			{"billing-listings", "/billing/listings", nil, ""},
			{"billing-invoices", "/billing/invoices", nil, ""},
			{"billing-projected", "/billing/projected", nil, ""},
			{"billing-overview", "/", nil, ""},
			{"billing-usage", "/usage", nil, ""},
		}},
		"suspended": {func(o *BillingOverview) {
			o.State, o.OverdueSince, o.OpenInvoice = BillingSuspended, at(noon.AddDate(0, 0, -2)), "in_1"
			o.Held = &HeldCount{HoldUnpaid, 71, 84, noon.Add(-time.Hour), false}
		}, nil},
		"grace": {func(o *BillingOverview) {
			o.State, o.OverdueSince, o.StopsAt, o.OpenInvoice = BillingGrace, at(noon.AddDate(0, 0, -1)), at(noon.AddDate(0, 0, 2)), "in_1"
			o.Held = &HeldCount{HoldSpike, 410, 84, noon.Add(-time.Hour), true}
		}, nil},
		"ending": {func(o *BillingOverview) {
			o.CancelAt, o.CredentialsRefusedAt, o.NextSyncAt = o.PeriodEnd, at(noon.AddDate(0, 0, -3)), at(noon.Add(6*time.Minute))
		}, nil},
	}
	for name, s := range states {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, bills, _ := billed(t)
			fix := customer(t, w, "Harbour Stays", 40160)
			if name != "trial" && name != "new" {
				bills.subscribe(fix.Org)
			}
			if s.set != nil {
				bills.set(fix.Org, s.set)
			}
			x := w.window(t).use(w.owner(t, fix))
			x.inspect(sight{"billing-" + name, "/billing", nil, loaded})
			for _, also := range s.extra {
				x.inspect(also)
			}
		})
	}
}

// TestALongNameStaysOnTheScreen also where it is one word.
func TestALongNameStaysOnTheScreen(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	fix := customer(t, w, strings.Repeat("Ferienwohnungen", 7)[:100], 40160)
	bills.subscribe(fix.Org)
	x := w.window(t).use(w.owner(t, fix))
	x.look(false, 390)
	for _, path := range []string{"/billing", "/billing/cancel", "/billing/projected"} {
		x.open(path)
		x.wantNoSidewaysScroll(path)
	}
}

func TestOperatorBillingLooksRight(t *testing.T) {
	t.Parallel()
	w, _, status := billed(t)
	fix := customer(t, w, "Harbour Stays", 40160)
	x := w.window(t).use(w.runs(t, fix))
	x.inspect(sight{"operator-billing", "/operator/billing", nil, ""})
	x.inspect(sight{"operator-billing-line", "/operator?live=off", nil, ""})
	x.inspect(sight{"operator-billing-org", "/operator/orgs/" + fix.Org.ID(), nil, ""})
	status.troubled()
	x.inspect(sight{"operator-billing-trouble", "/operator/billing", nil, ""})
	x.look(false, 390)
	x.open("/operator/billing")
	narrow := `[...document.querySelectorAll("[aria-labelledby=h-held] td[data-label=Why]")].filter(td => td.scrollHeight > 64 || td.childNodes.length !== 1).map(td => td.textContent + td.scrollHeight).join()`
	if got := read[string](x, narrow); got != "" {
		t.Errorf("squeezed at 390 px: %s", got)
	}
}

// TestBillingByKeyboard: to the page, into the dialogs and out again, and along the chart.
func TestBillingByKeyboard(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	fix := customer(t, w, "Harbour Stays", 40160)
	bills.subscribe(fix.Org)
	x := w.window(t).use(w.owner(t, fix))
	x.look(false, 1440)
	x.open("/")
	x.press("g", "b")
	x.await("g b leads to billing", `location.pathname === "/billing" && document.readyState === "complete" && `+loaded)
	for _, link := range []string{"/billing/cancel", "/billing/listings"} {
		x.do("focus", chromedp.Focus(chromedp.CSS(`a[href="`+link+`"]`)))
		x.press(kb.Enter)
		x.await("the dialog of "+link+" is open", `document.querySelector("#dialog[open] h2")`)
		x.wantSound("dialog " + link)
		x.picture("billing-dialog-" + link[len("/billing/"):])
		x.press(kb.Escape)
		x.await("the focus is back", `!document.querySelector("#dialog[open]") && document.activeElement.getAttribute("href") === "`+link+`"`)
	}
	x.do("focus the chart", chromedp.Focus(chromedp.CSS(".plot")))
	x.press(kb.End)
	if got := read[string](x, `document.querySelector(".plot .tip").textContent`); got != "Mon 23 Nov, so farBilled84" {
		t.Errorf("the chart reads %q", got)
	}
	x.click(`#invoices .pager a`)
	x.await("older invoices", `document.querySelectorAll("#invoices tbody tr").length === 4`)
}

// TestCheckoutLeavesThePage: the content policy lets nobody's form end elsewhere, and the browser still arrives. Cancelling is one click more.
func TestCheckoutLeavesThePage(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	other := newWorld(t) // stands for Stripe: another origin
	fix := customer(t, w, "Harbour Stays", 40160)
	bills.checkout = other.server.URL + "/login?c=1&d=2"
	x := w.window(t).use(w.owner(t, fix))
	x.open("/billing")
	x.await("the parts are there", loaded)
	x.click(`form[action="/billing/checkout"] button`)
	x.await("the browser is at the other origin", `location.href === "`+bills.checkout+`"`)
	bills.arrives = 1
	x.open("/billing?checkout=done")
	x.await("it is confirmed", `location.search === "" && document.body.textContent.includes("Subscribed. Thank you") && document.querySelector(".plan .chip").textContent === "Active"`)
	x.picture("billing-subscribed")
	x.await("the parts are there", loaded)
	x.click(`a[href="/billing/cancel"]`)
	x.await("the dialog is open", `document.querySelector("#dialog[open] form")`)
	x.do("type", chromedp.SendKeys(chromedp.CSS("#reason"), "too few guests"))
	x.click(`#dialog .danger-fill`)
	x.await("it will end", `document.querySelector(".plan .chip")?.textContent === "Ends on 5 Dec 2026"`)
	x.await("the parts are there", loaded)
	x.click(`form[action="/billing/resume"] button`)
	x.await("it goes on", `document.querySelector(".plan .chip")?.textContent === "Active" && document.body.textContent.includes("The subscription goes on.")`)
}

// TestConfirmingGivesUp in the browser too, and a part that can't be loaded says so.
func TestConfirmingGivesUp(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	fix := customer(t, w, "Harbour Stays", 40160)
	x := w.window(t).use(w.owner(t, fix))
	x.open("/billing?checkout=done")
	x.await("it asks", `document.querySelector("#confirming .pulse")`)
	w.clock.Advance(confirmFor)
	x.await("it gives up", `document.querySelector("#confirming a")?.textContent === "Look again" && !document.querySelector("#confirming[hx-trigger]")`)
	x.look(false, 1440)
	x.wantSound("billing-gave-up")
	x.picture("billing-gave-up")

	x.tolerate.Store("503")
	bills.subscribe(fix.Org)
	bills.fail("Overview", store.ErrDiskFull)
	x.do("load it again", chromedp.Evaluate[chromedp.Void](`document.querySelector("#invoices").innerHTML = '<div data-lazy hx-get="/billing/projected" hx-trigger="load"><div class="loading"></div><p class="lazy-failed" hidden>This could not be loaded.</p></div>'; htmx.process(document.querySelector("#invoices")); undefined`))
	x.await("it says so", `document.querySelector(".lazy-failed").checkVisibility() && !document.querySelector("#invoices .loading").checkVisibility()`)
}
