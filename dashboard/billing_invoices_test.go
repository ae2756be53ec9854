package dashboard

import (
	"strings"
	"testing"
)

// TestInvoicesAreThereInEveryState, a page at a time, with their ways to Stripe.
func TestInvoicesAreThereInEveryState(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	fix := customer(t, w, "Harbour Stays", 40160)
	b := w.owner(t, fix)
	wantPage(t, b.get("/billing/invoices"), 200, "No invoices yet.")
	bills.fail("Invoices", &BillingError{Fault: FaultNoCustomer})
	wantPage(t, b.get("/billing/invoices"), 200, "No invoices yet.")
	bills.fail("Invoices", &BillingError{Fault: FaultUnreachable})
	p := b.get("/billing/invoices", "HX-Request: true")
	wantPage(t, p, 200, "Stripe could not be reached.")
	wantNot(t, p, "No invoices yet")
	bills.fail("Invoices", nil)
	bills.subscribe(fix.Org)
	for state := range planWords {
		bills.set(fix.Org, func(o *BillingOverview) { o.State = state })
		p := b.get("/billing")
		if n := len(p.find(t, "[hx-get=/billing/invoices]")); (n == 1) != (state != BillingExempt) {
			t.Errorf("%s: %d lists of invoices", state, n)
		}
	}
	p = b.get("/billing/invoices")
	p.wantText(t, "[data-label=Listings]", "84 | 83 | 82 | – | 80 | 79 | 78 | 77 | 76 | 75")
	p.wantText(t, "[data-label=Status]", "To pay | Paid | Not collected | Void | Being prepared | Paid | Paid | Paid | Paid | Paid")
	if pays := p.find(t, ".row-actions .primary"); len(pays) != 2 || pays[0].Attr("href") != "/billing/invoices/in_"+fix.Org.ID()+"_14/page" {
		t.Errorf("%d invoices can be paid", len(pays))
	}
	wantPage(t, p, 200, "$420.00", "8A3F1C2D-0014", "No number yet", "5 Oct – 5 Nov 2026")
	older := p.find(t, ".pager a")[0].Attr("href")
	p = b.get(older)
	p.wantText(t, "[data-label=Listings]", "74 | 73 | 72 | 71")
	p.wantText(t, ".pager a", "Newest")

	other := customer(t, w, "Fjord Flats", 40161)
	bills.subscribe(other.Org)
	for _, after := range []string{"in_bogus", "x", "in_" + other.Org.ID() + "_13"} {
		p = b.get("/billing/invoices?after=" + after)
		wantPage(t, p, 404, "It does not exist in this org")
		wantNot(t, p, "the fault is on our side")
	}
	if log := w.log.String(); strings.Contains(log, "ERROR") {
		t.Errorf("an address that leads nowhere is an error in the log:\n%s", log)
	}

	p = b.get("/billing/invoices/in_" + fix.Org.ID() + "_13/pdf")
	wantRedirect(t, p, "https://invoice.stripe.test/i/in_"+fix.Org.ID()+"_13/pdf")
	if p.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("an address that grows old may be kept: %q", p.Header.Get("Cache-Control"))
	}
	wantRedirect(t, b.get("/billing/invoices/in_"+fix.Org.ID()+"_13/page"), "https://invoice.stripe.test/i/in_"+fix.Org.ID()+"_13/page")
	wantPage(t, b.get("/billing/invoices/in_"+fix.Org.ID()+"_13/other"), 404)
	bills.fail("InvoiceAddress", &BillingError{Fault: FaultUnreachable})
	wantRedirect(t, b.get("/billing/invoices/in_"+fix.Org.ID()+"_13/pdf"), "/billing")
}

// TestAnInvoiceShowsWhatIsToPayAndWhatWentBack: less than its sum after a credit, and a payment that was refunded or is disputed.
func TestAnInvoiceShowsWhatIsToPayAndWhatWentBack(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	fix := customer(t, w, "Harbour Stays", 40160)
	b := w.owner(t, fix)
	bills.subscribe(fix.Org)
	bills.mu.Lock()
	list := bills.invoices[fix.Org.ID()][:4]
	for i, change := range []Invoice{
		{Status: InvoiceOpen, Total: Money{1500, "usd"}, Due: Money{506, "usd"}},
		{Status: InvoiceRefunded, Total: Money{1400, "usd"}, Due: Money{0, "usd"}},
		{Status: InvoiceDisputed, Total: Money{1300, "usd"}, Due: Money{0, "usd"}},
		{Status: InvoiceOpen, Total: Money{1200, "usd"}, Due: Money{1200, "usd"}},
	} {
		list[i].Status, list[i].Total, list[i].Due = change.Status, change.Total, change.Due
	}
	bills.invoices[fix.Org.ID()] = list
	bills.mu.Unlock()
	p := b.get("/billing/invoices")
	p.wantText(t, "[data-label=Amount]", "$5.06 of $15.00 | $14.00 | $13.00 | $12.00")
	p.wantText(t, "[data-label=Status]", "To pay | Refunded | Disputed | To pay")
}

func TestMoneyInWords(t *testing.T) {
	t.Parallel()
	for want, m := range map[string]Money{
		"$420.00": {42000, "usd"}, "$0.05": {5, "USD"}, "−$13.33": {-1333, "usd"}, "$1,234,567.89": {123456789, "usd"}, "€9.90": {990, "eur"},
		"¥42,000": {42000, "jpy"}, "CHF\u00a01,250.00": {125000, "chf"}, "KWD\u00a01.250": {1250, "kwd"}, "–": {42000, ""}, "−$92,233,720,368,547,758.08": {-1 << 63, "usd"},
	} {
		if got := m.String(); got != want {
			t.Errorf("%+v: %q, want %q", m, got, want)
		}
	}
	if got := (Money{1, "usd"}).Signed() + (Money{-1, "usd"}).Signed() + (Money{0, "usd"}).Signed(); got != "+$0.01−$0.01$0.00" {
		t.Errorf("signed: %q", got)
	}
}

// TestLostInvoicesAreSaidToBe: Stripe lists nothing more of a customer that was deleted there.
func TestLostInvoicesAreSaidToBe(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	fix := customer(t, w, "Harbour Stays", 40160)
	b := w.owner(t, fix)
	const words = "Your customer record was deleted at Stripe once"
	wantNot(t, b.get("/billing/invoices"), words)
	bills.lost = true
	p := b.get("/billing/invoices")
	wantPage(t, p, 200, words, "the operator of this server finds them", "No invoices can be shown.")
	wantNot(t, p, "The first one comes with the first bill")
	bills.subscribe(fix.Org)
	p = b.get("/billing/invoices?after=in_" + fix.Org.ID() + "_5")
	wantPage(t, p, 200, words, "8A3F1C2D-0001")
}
