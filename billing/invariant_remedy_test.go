package billing

import (
	"strings"
	"testing"
)

// TestEachFindingHasItsRemedy: the ways in which an invariant is broken, in the words
// of the checks, and what is done about each of them alone.
func TestEachFindingHasItsRemedy(t *testing.T) {
	t.Parallel()
	for detail, want := range map[string]struct {
		invariant string
		does      []string // in it
		not       []string
	}{
		"Stripe bills 99 and 10 are due": {invQuantity, []string{"next hourly run sets it back"}, []string{"tried again"}},
		"Stripe bills 9 and 10 are due since 2026-01-01T00:00:00Z: the subscription must have exactly one item": {invQuantity, []string{"as I2 says", "HMCP_STRIPE_KEY"}, []string{"sets it back"}},
		"9 of 60 orgs would have their quantity set back, more than a run may, so none was":                     {invQuantity, []string{"Update subscription, with proration", "Sync now"}, []string{"tried again"}},
		"tools answer, and Stripe has no live subscription":                                                     {invOneSub, []string{"can subscribe again"}, []string{"one item"}},
		"the subscription sub_1 must have one item with the price of a listing, and has 2":                      {invOneSub, []string{"take all others out"}, []string{"subscribe again"}},
		"Hostaway refuses the credentials since x; the last complete count (y) is billed":                       {invKnown, []string{"nothing to do for you yet"}, []string{"Bill nothing"}},
		"Hostaway refuses the credentials since x; the last complete count (y) is billed: decide what to bill":  {invKnown, []string{"Wait two weeks, or Bill nothing"}, []string{"nothing to do"}},
		"the last complete count is of never":                                                                   {invKnown, []string{"listing_counts.json"}, []string{"customer"}},
		"the invoice was paid by the customer cus_1, which is no org's":                                         {invKnown, []string{"org_left to true"}, []string{"Sync now"}},
		"events of Stripe's that wait for more than ten minutes: 3, the oldest since x":                         {invEvents, []string{"could not be brought up to date"}, []string{"400"}},
		"Stripe could not deliver events of the last day: 3, the oldest of x":                                   {invEvents, []string{"400", "HMCP_STRIPE_WEBHOOK_SECRET", "doctor"}, nil},
		"2 events had not arrived and were fetched":                                                             {invEvents, []string{"nothing to do"}, nil},
		"the org is suspended (unpaid), and none of its invoices is open":                                       {invAccess, []string{"cancel it in Stripe's dashboard"}, []string{"tools stop"}},
		"tools answer, and an invoice is overdue since x":                                                       {invAccess, []string{"tools stop"}, []string{"cancel"}},
		"there are 2 live subscriptions; sub_1 is kept, sub_2 is too many":                                      {invStray, []string{"refund its last payment", "Keep the other"}, []string{"org_left"}},
		"the subscription sub_1 is of a customer that is no org's":                                              {invStray, []string{"cancel it immediately", "org_left to true"}, []string{"Keep the other"}},
		`the customer was made for org org_1, which has the customer ""`:                                        {invStray, []string{"org_left to true"}, []string{"refund"}},
		"held since x: Hostaway showed 100 active listings":                                                     {invStray, []string{"choose Release", "Sync now"}, []string{"org_left"}},
		"there are 2 live subscriptions; sub_1 is kept, sub_2 is too many; held since x: Hostaway showed":       {invStray, []string{"Keep the other", "choose Release"}, nil},
		"a sentence of a later time":                                                                            {invStray, []string{"Look at the subscription"}, nil},
	} {
		do := Remedy(want.invariant, detail)
		for _, text := range want.does {
			if !strings.Contains(do, text) {
				t.Errorf("%s, %q: it does not say %q: %s", want.invariant, detail, text, do)
			}
		}
		for _, text := range want.not {
			if strings.Contains(do, text) {
				t.Errorf("%s, %q: it says %q: %s", want.invariant, detail, text, do)
			}
		}
	}
}
