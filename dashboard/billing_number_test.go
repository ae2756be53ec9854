package dashboard

import (
	"testing"

	"hostaway-mcp/store"
)

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

// TestNobodyIsAskedToSubscribeTwice: a trial that ends with a subscription that is not
// in order asks to look at that.
func TestNobodyIsAskedToSubscribeTwice(t *testing.T) {
	t.Parallel()
	counted := &ListingsCounted{Active: 84, At: noon}
	for reason, want := range map[store.AccessReason]string{
		store.ReasonTrial: "Subscribe", store.ReasonCanceled: "Subscribe", store.ReasonPaymentFailed: "Subscribe",
		store.ReasonPaused: "Open billing", store.ReasonPaymentPending: "Open billing",
	} {
		p := newPlan(BillingOverview{State: BillingTrial, Reason: reason, Counted: counted, TrialEndsAt: at(noon.AddDate(0, 0, 2))}, noon)
		if _, soon := planBanners(p, true); soon == nil || soon.Action != want {
			t.Errorf("%s: %+v, want %q", reason, soon, want)
		}
	}
}
