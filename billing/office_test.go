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
	must(t, o.stripe.SetCard(c.ID, stripetest.CardGood))
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

// subscriber is an org that subscribed to its listings.
func (o *office) subscriber(t *testing.T, account int64, listings int) (org *store.Org, subscription string) {
	t.Helper()
	org = o.org(t, account, listings)
	return org, o.subscribe(t, org)
}

// setCard gives the customer of an org another card.
func (o *office) setCard(t *testing.T, org *store.Org, card stripetest.Card) {
	t.Helper()
	must(t, o.stripe.SetCard(o.account(t, org).CustomerID, card))
}

func (o *office) refresh(t *testing.T, org *store.Org) {
	t.Helper()
	must(t, o.Refresh(t.Context(), org))
}

func (o *office) bring(t *testing.T) {
	t.Helper()
	must(t, o.BringQuantities(t.Context()))
}

// sweep runs the reconciler and then what it woke.
func (o *office) sweep(t *testing.T, full bool) {
	t.Helper()
	run := o.Sweep
	if full {
		run = o.Reconcile
	}
	if _, err := run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := o.WorkInbox(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.bring(t)
}

// settle lets an hour pass, in which the org is counted and everything done that is due.
func (o *office) settle(t *testing.T, d time.Duration) {
	t.Helper()
	o.stripe.Advance(d)
	if _, err := o.CountDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.sweep(t, true)
}
