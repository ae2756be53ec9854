package billing

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/store"
)

// charged is an org whose trial is over and whose first month has begun.
func (k *town) charged(t *testing.T, name string, account int64, listings int) *store.Org {
	t.Helper()
	o, sub := k.subscribed(t, name, account, listings)
	seen, _ := k.stripe.Subscription(sub)
	k.stripe.AdvanceTo(seen.TrialEnd.Add(2 * time.Hour))
	k.settle(t)
	return o
}

func (k *town) counts(t *testing.T, o *store.Org, listings int) {
	t.Helper()
	k.listings[o.ID()] = listings
	if _, err := k.Count(t.Context(), o, store.CountDaily, k.actor()); err != nil {
		t.Fatal(err)
	}
	k.settle(t)
}

func TestOurOwnSumIsWhatStripeWorksOut(t *testing.T) {
	t.Parallel()
	k := newTown(t, stripetest.Options{})
	o := k.charged(t, "a", 1, 10)
	for i, n := range []int{12, 11, 14, 13, 15, 12, 10, 11} { // more changes than an invoice shows lines
		k.stripe.Advance(aDay + 1234*time.Second)
		k.counts(t, o, n)
		bill, err := k.Projected(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if bill.Estimate || bill.Listings != n || bill.Regular != int64(n)*500 || len(bill.Changes) != i+1 || bill.Currency != "usd" {
			t.Errorf("after %d changes: %+v", i+1, bill)
		}
		if last := bill.Changes[len(bill.Changes)-1]; last.After != n || (last.After > last.Before) != (last.Amount > 0) {
			t.Errorf("the last change is %+v", last)
		}
		k.stripe.FailBy(func(stripetest.Call) stripetest.FaultKind { return stripetest.ResetBefore })
		k.bills.kept = nil
		own, err := k.Projected(t.Context(), o)
		if err != nil || !own.Estimate {
			t.Fatalf("with Stripe down: %+v, %v", own, err)
		}
		k.stripe.Heal()
		k.bills.kept = nil
		bill.Estimate, own.Estimate, own.DueAt, bill.DueAt = false, false, nil, nil
		if diff := cmp.Diff(bill, own); diff != "" {
			t.Errorf("after %d changes, Stripe's and our own (-stripe +own):\n%s", i+1, diff)
		}
	}
	end := *k.account(t, o).PeriodEnd
	bill, err := k.Projected(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	k.stripe.AdvanceTo(end.Add(2 * time.Hour))
	k.settle(t)
	for _, i := range k.stripe.Invoices(k.account(t, o).CustomerID) {
		if i.ID == k.account(t, o).LatestInvoiceID && i.Total != bill.Total {
			t.Errorf("projected %d, charged %d", bill.Total, i.Total)
		}
	}
}

// A credit that is larger than the next bill is carried on, and the lines say so: what is shown adds up.
func TestACreditLargerThanTheBillIsCarriedOn(t *testing.T) {
	t.Parallel()
	k := newTown(t, stripetest.Options{})
	o := k.charged(t, "a", 1, 30)
	k.stripe.Advance(aDay)
	k.counts(t, o, 11)
	bill, err := k.Projected(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	k.stripe.FailBy(func(stripetest.Call) stripetest.FaultKind { return stripetest.ResetBefore })
	k.bills.kept = nil
	own, err := k.Projected(t.Context(), o)
	if err != nil || !own.Estimate {
		t.Fatalf("with Stripe down: %+v, %v", own, err)
	}
	for name, b := range map[string]ProjectedBill{"Stripe's": bill, "our own": own} {
		sum := b.Regular - b.Discount + b.Tax - b.Credit + b.Carried
		for _, c := range b.Changes {
			sum += c.Amount
		}
		if sum != b.Total || b.Total != 0 || b.Carried <= 0 {
			t.Errorf("%s: the lines add up to %d: %+v", name, sum, b)
		}
	}
}

// With Stripe down and no listing due, the sum is over what Stripe was seen to bill; where
// that is not known either, nothing is said to be free.
func TestOurOwnSumIsNeverOverNothing(t *testing.T) {
	t.Parallel()
	k := newTown(t, stripetest.Options{})
	o := k.charged(t, "a", 1, 11)
	eleven, none := 11, 0
	for _, tc := range []struct {
		atStripe *int
		listings int
		known    bool
	}{{&eleven, 11, true}, {&none, 0, true}, {nil, 0, false}} {
		desired, err := o.Desired(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		desired.Quantity, desired.AtStripe, desired.State = 0, tc.atStripe, store.QuantityDirty
		change := store.QuantityChange{Desired: &desired, Billable: []store.BillableChange{{EffectiveAt: k.stripe.Now(), Reason: store.BillableCount}}}
		if tc.atStripe != &eleven {
			change.Billable = nil
		}
		if err := o.SetDesired(t.Context(), k.actor(), change); err != nil {
			t.Fatal(err)
		}
		k.stripe.FailBy(func(stripetest.Call) stripetest.FaultKind { return stripetest.ResetBefore })
		bill, err := k.Projected(t.Context(), o)
		switch {
		case tc.known && (err != nil || !bill.Estimate || bill.Listings != tc.listings || bill.Regular != int64(tc.listings)*500):
			t.Errorf("%d at Stripe: %+v, %v", tc.listings, bill, err)
		case tc.listings > 0 && bill.Total != bill.Regular:
			t.Errorf("a zero that Stripe has not got is given back: %+v", bill)
		case !tc.known && !isFault(err, FaultUnreachable):
			t.Errorf("nothing known: %+v, %v", bill, err)
		}
		k.stripe.Heal()
	}
}

func TestTheBillIsAskedOnceInTenMinutes(t *testing.T) {
	t.Parallel()
	k := newTown(t, stripetest.Options{})
	o := k.charged(t, "a", 1, 10)
	asked := func() (n int) {
		for _, c := range k.stripe.Calls() {
			if strings.Contains(c.Route, "upcoming") {
				n++
			}
		}
		k.stripe.ResetCalls()
		return n
	}
	look := func() {
		if _, err := k.Projected(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	asked()
	look()
	look()
	if n := asked(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	k.stripe.Advance(11 * time.Minute)
	look()
	if n := asked(); n != 1 {
		t.Errorf("after ten minutes asked %d times", n)
	}
	k.counts(t, o, 11)
	asked()
	look()
	if n := asked(); n == 0 {
		t.Error("after the number changed the old bill was shown")
	}
}

func TestTheBillBeforeAndAfterTheSubscription(t *testing.T) {
	t.Parallel()
	k := newTown(t, stripetest.Options{})
	o := k.connected(t, "a", 1, 84)
	bill, err := k.Projected(t.Context(), o)
	want := ProjectedBill{Currency: "usd", Estimate: true, First: true, AsOf: k.stripe.Now(), Listings: 84, Regular: 42000, Total: 42000}
	if diff := cmp.Diff(want, bill); err != nil || diff != "" {
		t.Errorf("in the trial: %v\n%s", err, diff)
	}
	k2 := k.charged(t, "b", 2, 3)
	if err := k.Cancel(t.Context(), k2, k.actor(), ""); err != nil {
		t.Fatal(err)
	}
	if bill, err := k.Projected(t.Context(), k2); err != nil || !bill.None {
		t.Errorf("canceled: %+v, %v", bill, err)
	}
}

func TestInvoicesTellWhatWentBack(t *testing.T) {
	t.Parallel()
	k := newTown(t, stripetest.Options{})
	refunded, disputed := k.charged(t, "a", 1, 7), k.charged(t, "b", 2, 9)
	status := func(o *store.Org) string {
		page, err := k.Invoices(t.Context(), o, "")
		if err != nil {
			t.Fatal(err)
		}
		return page.Invoices[0].Status
	}
	if got := status(refunded); got != "paid" {
		t.Errorf("before the refund it is %s", got)
	}
	if err := k.stripe.Refund(k.account(t, refunded).LatestInvoiceID); err != nil {
		t.Fatal(err)
	}
	if _, err := k.stripe.Dispute(k.account(t, disputed).LatestInvoiceID); err != nil {
		t.Fatal(err)
	}
	if a, b := status(refunded), status(disputed); a != "refunded" || b != "disputed" {
		t.Errorf("the refunded one is %s, the disputed one %s", a, b)
	}
}

func TestInvoicesAreTheOrgsOwn(t *testing.T) {
	t.Parallel()
	k := newTown(t, stripetest.Options{})
	a, b := k.charged(t, "a", 1, 7), k.charged(t, "b", 2, 9)
	page, err := k.Invoices(t.Context(), a, "")
	if err != nil || len(page.Invoices) != 2 || page.Next != "" {
		t.Fatalf("%+v, %v", page, err)
	}
	if i := page.Invoices[0]; *i.Listings != 7 || i.Total != 3500 || i.Status != "paid" || i.Currency != "usd" || i.Number == "" || !i.HasPDF || !i.PeriodEnd.After(*i.PeriodStart) {
		t.Errorf("the newest is %+v", i)
	}
	id := page.Invoices[0].ID
	for _, form := range []InvoiceForm{InvoicePDF, InvoiceWeb} {
		address, err := k.InvoiceAddress(t.Context(), a, id, form)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s at %s: %v", form, address, err)
		}
		_ = answer.Body.Close()
		if _, err := k.InvoiceAddress(t.Context(), b, id, form); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("another org's %s: %v", form, err)
		}
	}
	for _, id := range []string{id, "in_nobody", "cus_1", "", "in_1/../../customers"} {
		if _, err := k.InvoiceAddress(t.Context(), b, id, InvoicePDF); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the invoice %q: %v", id, err)
		}
		if id != "" {
			if _, err := k.Invoices(t.Context(), b, id); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("the page after %q: %v", id, err)
			}
		}
	}
	none := k.connected(t, "c", 3, 1)
	if page, err := k.Invoices(t.Context(), none, ""); err != nil || len(page.Invoices) != 0 {
		t.Errorf("without a customer: %+v, %v", page, err)
	}
	k.stripe.FailBy(func(stripetest.Call) stripetest.FaultKind { return stripetest.ResetBefore })
	if _, err := k.Invoices(t.Context(), a, ""); !isFault(err, FaultUnreachable) {
		t.Errorf("Stripe down: %v", err)
	}
}

func TestInvoicesComeInPages(t *testing.T) {
	t.Parallel()
	k := newTown(t, stripetest.Options{})
	o := k.charged(t, "a", 1, 7)
	for range invoicePage + 3 {
		k.stripe.Advance(31 * aDay)
	}
	k.settle(t)
	seen := map[string]bool{}
	pages := 0
	for after := ""; ; pages++ {
		page, err := k.Invoices(t.Context(), o, after)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range page.Invoices {
			if seen[i.ID] {
				t.Errorf("%s comes twice", i.ID)
			}
			seen[i.ID] = true
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if want := len(k.stripe.Invoices(k.account(t, o).CustomerID)); len(seen) != want || pages != 1 {
		t.Errorf("%d invoices on %d pages, want %d on 2", len(seen), pages+1, want)
	}
}

func TestThePortalIsTheOrgsOwn(t *testing.T) {
	t.Parallel()
	k := newTown(t, stripetest.Options{})
	a, _ := k.subscribed(t, "a", 1, 7)
	b, _ := k.subscribed(t, "b", 2, 9)
	mine, err := k.Portal(t.Context(), a, k.actor())
	if err != nil || mine == "" {
		t.Fatal(err)
	}
	theirs, err := k.Portal(t.Context(), b, k.actor())
	if err != nil || theirs == mine {
		t.Errorf("%q and %q, %v", mine, theirs, err)
	}
}

// TestAPortalThatIsNotSetUp is told so, and not as a fault of ours.
func TestAPortalThatIsNotSetUp(t *testing.T) {
	t.Parallel()
	k := newTown(t, stripetest.Options{})
	o, _ := k.subscribed(t, "a", 1, 7)
	all, err := k.Billing.stripe.portalConfigurations(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("%d configurations: %v", len(all), err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, k.stripe.URL()+"/v1/billing_portal/configurations/"+all[0].ID, strings.NewReader("active=false"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer rk_test_1")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Stripe-Version", stripetest.APIVersion)
	r.Header.Set("Idempotency-Key", "switched off")
	w, err := http.DefaultClient.Do(r)
	if err != nil || w.StatusCode != http.StatusOK {
		t.Fatalf("switch it off: %v %v", w, err)
	}
	_ = w.Body.Close()
	if _, err := k.Portal(t.Context(), o, k.actor()); !isFault(err, FaultNotSetUp) {
		t.Errorf("a portal that is not there: %v", err)
	}
}
