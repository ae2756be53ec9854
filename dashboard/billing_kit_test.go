// The kit of the billing tests: a Billing that keeps a plan for each org, notes who asked for what, and fails as told.
package dashboard

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// fakeBilling answers for each org with what the test put in; an org that nobody spoke of is in its trial.
type fakeBilling struct {
	mu       sync.Mutex
	plans    map[string]BillingOverview
	bills    map[string]ProjectedBill
	listings map[string]BilledListings
	invoices map[string][]Invoice
	failures map[string]error // by method
	calls    []string         // "method org who detail"
	checkout string           // where Checkout is, instead of at a place that does not exist
	arrives  int              // Refresh finds the subscription with this call; 0 never
	fetched  int
	lost     bool // Stripe lists the invoices of a deleted customer no more
}

func newFakeBilling() *fakeBilling {
	return &fakeBilling{
		plans: map[string]BillingOverview{}, bills: map[string]ProjectedBill{}, listings: map[string]BilledListings{},
		invoices: map[string][]Invoice{}, failures: map[string]error{},
	}
}

func (f *fakeBilling) note(method string, org *store.Org, by store.Actor, detail string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, fmt.Sprintf("%s %s %s %s", method, org.ID(), by.Name, detail))
	return f.failures[method]
}

// asked counts the calls of a method.
func (f *fakeBilling) asked(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, call := range f.calls {
		if len(call) > len(method) && call[:len(method)+1] == method+" " {
			n++
		}
	}
	return n
}

func (f *fakeBilling) fail(method string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failures[method] = err
}

// set changes the plan of an org.
func (f *fakeBilling) set(org *store.Org, change func(*BillingOverview)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := f.planLocked(org)
	change(&o)
	f.plans[org.ID()] = o
}

func (f *fakeBilling) planLocked(org *store.Org) BillingOverview {
	if o, ok := f.plans[org.ID()]; ok {
		return o
	}
	ends := noon.Add(9*24*time.Hour - time.Hour)
	return BillingOverview{State: BillingTrial, UnitPrice: Money{500, "usd"}, Counted: &ListingsCounted{84, noon.Add(-2 * time.Hour)}, TrialDays: 14, TrialEndsAt: &ends}
}

func (f *fakeBilling) Overview(_ context.Context, org *store.Org) (BillingOverview, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.planLocked(org), f.failures["Overview"]
}

// Days grow from 79 to 84, with a held count in the end where there is one; of the first week nothing is known.
func (f *fakeBilling) Days(_ context.Context, org *store.Org, from, to string) ([]ListingDay, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	start, err := time.Parse(time.DateOnly, from)
	if err != nil {
		return nil, err
	}
	held, counted := f.planLocked(org).Held, f.planLocked(org).Counted
	var days []ListingDay
	for i := 0; start.AddDate(0, 0, i).Format(time.DateOnly) < to; i++ {
		day := ListingDay{Date: start.AddDate(0, 0, i).Format(time.DateOnly)}
		if back := int(noon.Sub(start.AddDate(0, 0, i)) / (24 * time.Hour)); back < 23 && counted != nil {
			n := 84 - back/5
			day.Billed = &n
			if back < 2 && held != nil {
				n := held.Listings
				day.Counted = &n
			} else if back != 6 {
				day.Counted = &n
			}
		}
		days = append(days, day)
	}
	return days, f.failures["Days"]
}

func (f *fakeBilling) Listings(_ context.Context, org *store.Org) (BilledListings, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if l, ok := f.listings[org.ID()]; ok {
		return l, f.failures["Listings"]
	}
	l := BilledListings{CountedAt: noon.Add(-2 * time.Hour), Names: true}
	for i := range 84 {
		l.Listings = append(l.Listings, BilledListing{40160 + int64(i), fmt.Sprintf("Harbour loft %d", i+1)})
	}
	return l, f.failures["Listings"]
}

func (f *fakeBilling) Projected(_ context.Context, org *store.Org) (ProjectedBill, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if b, ok := f.bills[org.ID()]; ok {
		return b, f.failures["Projected"]
	}
	due := noon.AddDate(0, 0, 12)
	return ProjectedBill{
		Currency: "usd", DueAt: &due, AsOf: noon.Add(-3 * time.Minute), Listings: 84, Regular: 42000, Discount: 2000, Tax: 7600, Credit: 1000, Total: 47931,
		Changes: []BillChange{{noon.AddDate(0, 0, -10), 80, 84, 1397}, {noon.AddDate(0, 0, -4), 85, 84, -66}},
	}, f.failures["Projected"]
}

func (f *fakeBilling) StartCheckout(_ context.Context, org *store.Org, by store.Actor) (string, error) {
	err := f.note("StartCheckout", org, by, "")
	if f.checkout != "" {
		return f.checkout, err
	}
	return "https://checkout.stripe.test/c/pay/cs_" + org.ID() + "?a=1&b=2#frag", err
}

func (f *fakeBilling) Portal(_ context.Context, org *store.Org, by store.Actor) (string, error) {
	return "https://billing.stripe.test/p/session/" + org.ID(), f.note("Portal", org, by, "")
}

func (f *fakeBilling) Cancel(_ context.Context, org *store.Org, by store.Actor, reason string) error {
	err := f.note("Cancel", org, by, reason)
	if err == nil {
		f.set(org, func(o *BillingOverview) { o.CancelAt = o.PeriodEnd })
	}
	return err
}

func (f *fakeBilling) Resume(_ context.Context, org *store.Org, by store.Actor) error {
	err := f.note("Resume", org, by, "")
	if err == nil {
		f.set(org, func(o *BillingOverview) { o.CancelAt = nil })
	}
	return err
}

// Invoices gives ten a page; the cursor is the last id.
func (f *fakeBilling) Invoices(_ context.Context, org *store.Org, after string) (InvoicePage, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.invoices[org.ID()]
	if after != "" {
		i := slices.IndexFunc(all, func(i Invoice) bool { return i.ID == after })
		if i < 0 {
			return InvoicePage{}, store.ErrNotFound
		}
		all = all[i+1:]
	}
	if len(all) > 10 {
		return InvoicePage{Invoices: all[:10], Next: all[9].ID}, f.failures["Invoices"]
	}
	return InvoicePage{Invoices: all, Lost: f.lost}, f.failures["Invoices"]
}

func (f *fakeBilling) InvoiceAddress(_ context.Context, org *store.Org, id string, form InvoiceForm) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, invoice := range f.invoices[org.ID()] {
		if invoice.ID == id {
			return "https://invoice.stripe.test/i/" + id + "/" + string(form), f.failures["InvoiceAddress"]
		}
	}
	return "", store.ErrNotFound
}

func (f *fakeBilling) SyncNow(_ context.Context, org *store.Org, by store.Actor) (SyncResult, error) {
	if err := f.note("SyncNow", org, by, ""); err != nil {
		return SyncResult{}, err
	}
	before, next := 84, noon.Add(10*time.Minute)
	f.set(org, func(o *BillingOverview) { o.Counted, o.NextSyncAt = &ListingsCounted{86, noon}, &next })
	return SyncResult{Listings: 86, Before: &before, CountedAt: noon, NextSyncAt: &next}, nil
}

// CountConnected finds 84 listings.
func (f *fakeBilling) CountConnected(_ context.Context, org *store.Org, by store.Actor) error {
	err := f.note("CountConnected", org, by, "")
	if err == nil {
		f.set(org, func(o *BillingOverview) { o.Counted = &ListingsCounted{84, noon} })
	}
	return err
}

func (f *fakeBilling) Refresh(_ context.Context, org *store.Org) error {
	err := f.note("Refresh", org, store.Actor{}, "")
	f.mu.Lock()
	f.fetched++
	arrived := f.arrives > 0 && f.fetched >= f.arrives
	f.mu.Unlock()
	if arrived {
		f.subscribe(org)
	}
	return err
}

// subscribe makes the org's plan an active one.
func (f *fakeBilling) subscribe(org *store.Org) {
	f.set(org, func(o *BillingOverview) {
		start, end, billed := noon.AddDate(0, 0, -18), noon.AddDate(0, 0, 12), 84
		o.State, o.PeriodStart, o.PeriodEnd, o.Billed, o.TrialEndsAt = BillingActive, &start, &end, &billed, nil
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.invoices[org.ID()] = someInvoices(org.ID(), 14)
}

// someInvoices are monthly ones, the newest first, in all statuses.
func someInvoices(orgID string, n int) []Invoice {
	var list []Invoice
	for i := range n {
		at := noon.AddDate(0, -i, -18)
		from, listings := at.AddDate(0, -1, 0), 84-i
		one := Invoice{
			ID: fmt.Sprintf("in_%s_%d", orgID, n-i), Number: fmt.Sprintf("8A3F1C2D-%04d", n-i), CreatedAt: at, PeriodStart: &from, PeriodEnd: &at, Listings: &listings,
			Total: Money{int64(listings) * 500, "usd"}, Status: InvoicePaid, HasPDF: true, HasPage: true,
		}
		switch i {
		case 0:
			one.Status, one.Due = InvoiceOpen, one.Total
		case 2:
			one.Status = InvoiceUncollectible
		case 3:
			one.Status, one.Listings = InvoiceVoid, nil
		case 4:
			one.Status, one.Number, one.HasPDF, one.HasPage = InvoiceDraft, "", false, false
		}
		list = append(list, one)
	}
	return list
}

// fakeBillingOperator answers with what the test put in.
type fakeBillingOperator struct {
	mu      sync.Mutex
	status  BillingStatus
	org     BillingOverview
	decided []string
	refuse  error
	became  Comparison
}

func (f *fakeBillingOperator) Status(context.Context) (BillingStatus, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status, nil
}

func (f *fakeBillingOperator) Org(context.Context, string) (BillingOverview, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.org, nil
}

func (f *fakeBillingOperator) Compare(context.Context) (Comparison, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.became, f.refuse
}

func (f *fakeBillingOperator) Release(_ context.Context, orgID string, listings int, by store.Actor) error {
	return f.decide(fmt.Sprintf("release %s %d by %s", orgID, listings, by.Name))
}

func (f *fakeBillingOperator) DecideRefused(_ context.Context, orgID string, decision RefusedDecision, by store.Actor) error {
	return f.decide(fmt.Sprintf("%s %s by %s", decision, orgID, by.Name))
}

func (f *fakeBillingOperator) decide(what string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse != nil {
		return f.refuse
	}
	f.decided = append(f.decided, what)
	return nil
}

// wellBilling is a server on which billing is well.
func wellBilling() *fakeBillingOperator {
	event, sweep, full, billed := noon.Add(-4*time.Minute), noon.Add(-25*time.Minute), noon.Add(-9*time.Hour), 84
	return &fakeBillingOperator{
		status: BillingStatus{
			States:      []StateCount{{BillingActive, 212}, {BillingTrial, 31}, {BillingTrialCard, 8}, {BillingGrace, 3}, {BillingSuspended, 2}, {BillingTrialOver, 14}, {BillingCanceled, 9}, {BillingExempt, 1}},
			LastEventAt: &event, LastSweepAt: &sweep, ReconciledAt: &full, VerifiedAt: &event,
		},
		org: BillingOverview{State: BillingActive, UnitPrice: Money{500, "usd"}, Counted: &ListingsCounted{84, noon.Add(-2 * time.Hour)}, Billed: &billed, SyncedAt: &sweep},
	}
}

// troubled makes everything go wrong that the page can tell.
func (f *fakeBillingOperator) troubled() {
	f.mu.Lock()
	defer f.mu.Unlock()
	alpine, dune := OrgName{"org_01hx3v7k2m9q8r5t6w0z", "Alpine Lets"}, OrgName{"org_01hx3v7k2m9q8r5t6w0y", "Dune House Rentals"}
	billed := 41
	f.status.Findings = []BillingFinding{
		{"I1", &alpine, "Stripe bills 84 listings, and 80 are wanted since three hours", "look whether somebody changed the quantity at Stripe", noon.Add(-3 * time.Hour)},
		{"I8", nil, "a customer at Stripe belongs to no org: cus_PxK2", "end the customer's subscription at Stripe, or give it back its org", noon.Add(-30 * time.Hour)},
	}
	f.status.Repaired = []BillingFinding{{"I3", &dune, "ours says past due, Stripe's says active", "", noon.Add(-25 * time.Minute)}}
	f.status.Held = []OrgHeld{
		{dune, HeldCount{HoldSpike, 410, 41, noon.Add(-52 * time.Hour), true}},
		{alpine, HeldCount{HoldZero, 0, 84, noon.Add(-20 * time.Minute), false}},
		{OrgName{"org_01hx3v7k2m9q8r5t6w0w", "Fjord Cabins"}, HeldCount{HoldUnpaid, 60, 84, noon.Add(-10 * time.Minute), false}},
	}
	f.status.Refused = []OrgRefused{{OrgName{"org_01hx3v7k2m9q8r5t6w0x", "Elbe Apartments"}, noon.AddDate(0, 0, -16), &billed}}
	f.status.PendingEvents, f.status.OldestEvent, f.status.Mismatched = 37, 23*time.Minute, 4
	refused := noon.Add(-2 * time.Minute)
	f.status.RefusedPosts, f.status.RefusedAt = 12, &refused
}

// billed is a world in which orgs pay.
func billed(t *testing.T, change ...func(*Config)) (*world, *fakeBilling, *fakeBillingOperator) {
	t.Helper()
	b, o := newFakeBilling(), wellBilling()
	w := newWorld(t, append([]func(*Config){func(c *Config) { c.Billing, c.BillingOperator = b, o }}, change...)...)
	return w, b, o
}

// customer is an org with a connection in such a world.
func customer(t *testing.T, w *world, name string, account int64) storetest.Fixture {
	t.Helper()
	fix := storetest.Org(t, w.store, name)
	storetest.Connect(t, fix.Org, account, accountSecret)
	return fix
}

// fill gives an org a plan full of markers.
func (f *fakeBilling) fill(org *store.Org) {
	f.subscribe(org)
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.invoices[org.ID()] {
		f.invoices[org.ID()][i].Number = marker
	}
	f.listings[org.ID()] = BilledListings{CountedAt: noon, Names: true, Listings: []BilledListing{{99002, marker}}}
}
