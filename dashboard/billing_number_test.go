package dashboard

import "testing"

// TestAnotherNumberAtStripeIsSaid: while Stripe bills another number than is due, each
// place that shows one of the two says so, and what becomes of it.
func TestAnotherNumberAtStripeIsSaid(t *testing.T) {
	t.Parallel()
	w, bills, _ := billed(t)
	fix := customer(t, w, "Harbour Stays", 40160)
	b := w.owner(t, fix)
	bills.subscribe(fix.Org)
	wantNot(t, b.get("/billing"), "Stripe bills", "(Stripe:")
	wantNot(t, b.get("/billing/projected"), "Stripe bills")
	for fate, text := range map[NumberFate]string{
		NumberFollows: "gets there by itself", NumberSetBack: "set back by itself within a minute", NumberAsks: "The operator of this server is told",
	} {
		bills.set(fix.Org, func(o *BillingOverview) { o.AtStripe = &StripeNumber{99, fate} })
		p := b.get("/billing")
		p.wantText(t, ".plan .note", "Stripe bills 99 listings at the moment, and 84 are due. "+numberWords[fate])
		wantPage(t, p, 200, text, "84 (Stripe: 99)")
		wantPage(t, b.get("/billing/projected"), 200, "Stripe bills 99 listings at the moment, and 84 are due.")
	}
}
