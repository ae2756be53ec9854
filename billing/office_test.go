package billing

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// office is a billing on a Stripe that keeps state, with a Hostaway that shows what
// it is told to. Stripe's clock is everybody's.
type office struct {
	*Billing

	stripe   *stripetest.Server
	store    *store.Store
	price    string
	hostaway *shown
	unit     int64
}

// shown is what Hostaway shows of each org's listings.
type shown struct {
	mu     sync.Mutex
	now    func() time.Time
	counts map[string]store.ListingCount
	fail   map[string]error
	walks  int
	during func(context.Context, *store.Org) // called on the way
}

func (s *shown) CountListings(ctx context.Context, org *store.Org) (store.ListingCount, error) {
	s.mu.Lock()
	s.walks++
	count, err, during := s.counts[org.ID()], s.fail[org.ID()], s.during
	s.mu.Unlock()
	if during != nil {
		during(ctx, org)
	}
	count.CountedAt, count.ConnectionVersion = s.now(), 1
	if ctx.Err() != nil {
		return count, ctx.Err()
	}
	return count, err
}

// set has Hostaway show so many active listings of an org, and one archived.
func (s *shown) set(org *store.Org, active int) {
	c := store.ListingCount{Active: active, Total: active + 1, Pages: 1, Complete: true}
	for i := range active {
		c.IDs = append(c.IDs, int64(1000+i))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[org.ID()], s.fail[org.ID()] = c, nil
}

// breakOff has the next walks of an org end half-way.
func (s *shown) breakOff(org *store.Org) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[org.ID()], s.fail[org.ID()] = store.ListingCount{Active: 1, Total: 2, Pages: 1, Problem: "page 2 did not come"}, nil
}

func (s *shown) refuse(org *store.Org, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail[org.ID()] = err
}

func newOffice(t *testing.T, change ...func(*stripetest.Options)) *office {
	t.Helper()
	options := stripetest.Options{}
	for _, c := range change {
		c(&options)
	}
	o := &office{stripe: stripetest.Start(t, options), unit: 499}
	o.price = o.stripe.AddPrice(stripetest.Price{LookupKey: "listing_v1", Currency: "usd", UnitAmount: o.unit})
	o.store = storetest.Open(t, storetest.WithNow(o.stripe.Now), storetest.WithBilling(), storetest.WithMail())
	o.hostaway = &shown{now: o.stripe.Now, counts: map[string]store.ListingCount{}, fail: map[string]error{}}
	var err error
	o.Billing, err = New(Config{
		Store: o.store, Key: secret.New("rk_test_1"), WebhookSecrets: []secret.Text{secret.New(testSecret)}, PriceLookup: "listing_v1",
		URL: o.stripe.URL(), BaseURL: "http://127.0.0.1:8080", Now: o.stripe.Now, Counter: o.hostaway,
		Pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// org is a connected org in its trial, with so many listings, not counted yet.
func (o *office) org(t *testing.T, account int64, listings int) *store.Org {
	t.Helper()
	org := storetest.Org(t, o.store, fmt.Sprintf("org %d", account)).Org
	storetest.Connect(t, org, account, "secret")
	o.hostaway.set(org, listings)
	return org
}

// count counts and fails the test if that does not work.
func (o *office) count(t *testing.T, org *store.Org, listings int) CountResult {
	t.Helper()
	o.hostaway.set(org, listings)
	r, err := o.Count(t.Context(), org, store.CountDaily, system())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// customer gives the org a customer at Stripe with a good card.
func (o *office) customer(t *testing.T, org *store.Org) string {
	t.Helper()
	c, err := o.Billing.stripe.customers.New(&stripe.CustomerParams{
		Params:   stripe.Params{Context: t.Context(), IdempotencyKey: stripe.String("cust:" + org.ID())},
		Metadata: map[string]string{metadataOrg: org.ID()},
	})
	if err != nil {
		t.Fatal(err)
	}
	account := o.account(t, org)
	account.CustomerID = c.ID
	if _, err := org.SaveBilling(t.Context(), system(), account); err != nil {
		t.Fatal(err)
	}
	if err := o.stripe.SetCard(c.ID, stripetest.CardGood); err != nil {
		t.Fatal(err)
	}
	return c.ID
}

// subscribe counts the org, subscribes it to what was counted, and reads that.
func (o *office) subscribe(t *testing.T, org *store.Org) (subscription string) {
	t.Helper()
	r, err := o.Count(t.Context(), org, store.CountConnect, system())
	if err != nil {
		t.Fatal(err)
	}
	subscription, err = o.stripe.SubscribeByHand(o.customer(t, org), o.price, int64(max(r.Count.Active, 1)))
	if err != nil {
		t.Fatal(err)
	}
	o.refresh(t, org)
	o.bring(t)
	return subscription
}

func (o *office) refresh(t *testing.T, org *store.Org) {
	t.Helper()
	if err := o.Refresh(t.Context(), org); err != nil {
		t.Fatal(err)
	}
}

func (o *office) bring(t *testing.T) {
	t.Helper()
	if err := o.BringQuantities(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (o *office) account(t *testing.T, org *store.Org) store.BillingAccount {
	t.Helper()
	a, err := org.Billing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (o *office) desired(t *testing.T, org *store.Org) store.DesiredQuantity {
	t.Helper()
	q, err := org.Desired(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// quantity is what Stripe bills.
func (o *office) quantity(t *testing.T, subscription string) int {
	t.Helper()
	s, ok := o.stripe.Subscription(subscription)
	if !ok {
		t.Fatalf("no subscription %s", subscription)
	}
	return int(s.Quantity())
}

// steps is the whole ledger of what is billed.
func (o *office) steps(t *testing.T, org *store.Org) (steps []quantityStep) {
	t.Helper()
	rows, err := org.Billable(t.Context(), time.Unix(0, 0), o.now().AddDate(9, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		steps = append(steps, quantityStep{r.EffectiveAt, r.Quantity})
	}
	return steps
}

// settlements compares every closed period of a subscription with the ledger, by the
// lines that Stripe has.
func (o *office) settlements(t *testing.T, org *store.Org, subscription string) map[period]settlement {
	t.Helper()
	var lines []invoiceLine
	take := func(all []stripetest.Line) {
		for _, l := range all {
			lines = append(lines, invoiceLine{ID: l.ID, Amount: l.Amount, Proration: l.Proration, Start: l.Start, End: l.End})
		}
	}
	sub, _ := o.stripe.Subscription(subscription)
	take(sub.Pending)
	for _, i := range o.stripe.Invoices(o.account(t, org).CustomerID) {
		if i.Subscription == subscription {
			take(i.Lines)
		}
	}
	settled := map[period]settlement{}
	for _, l := range lines {
		if p := (period{l.Start, l.End}); !l.Proration && p.closed(o.now()) {
			settled[p] = settle(lines, o.steps(t, org), p, o.unit)
		}
	}
	return settled
}

func (o *office) mails(t *testing.T) map[string]int {
	t.Helper()
	due, err := o.store.DueMails(t.Context(), o.now().Add(time.Hour), 1000)
	if err != nil {
		t.Fatal(err)
	}
	byKind := map[string]int{}
	for _, m := range due {
		byKind[m.Kind]++
	}
	return byKind
}
