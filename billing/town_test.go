package billing

import (
	"context"
	"net/http"
	"testing"
	"time"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// town is a billing on a Stripe that keeps state. Both have the Stripe's clock.
type town struct {
	*Billing
	stripe   *stripetest.Server
	store    *store.Store
	listings map[string]int // of an org, at Hostaway
	price    string
}

func newTown(t *testing.T, options stripetest.Options, change ...func(*Config)) *town {
	t.Helper()
	k := &town{listings: map[string]int{}}
	options.SignedAt = func() time.Time { return k.stripe.Now() }
	k.stripe = stripetest.Start(t, options)
	k.price = k.stripe.AddPrice(stripetest.Price{LookupKey: "listing_v1", Currency: "usd", UnitAmount: 500})
	k.store = storetest.Open(t, storetest.WithNow(k.stripe.Now), storetest.WithBilling(), storetest.WithMail())
	cfg := Config{
		Store: k.store, Key: secret.New("rk_test_1"), WebhookSecrets: []secret.Text{secret.New(testSecret)}, PriceLookup: "listing_v1",
		URL: k.stripe.URL(), BaseURL: "http://127.0.0.1:8080", Now: k.stripe.Now, Counter: k,
		Pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
	for _, c := range change {
		c(&cfg)
	}
	var err error
	if k.Billing, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	k.stripe.AddEndpoint(stripetest.Endpoint{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { k.Webhooks().ServeHTTP(w, r) }),
		Secret:  testSecret, Events: subscribedEvents(),
	})
	if _, err := Setup(t.Context(), SetupConfig{
		Store: k.store, Key: cfg.Key, URL: cfg.URL, PriceLookup: cfg.PriceLookup, BaseURL: "http://127.0.0.1:9999",
	}); err != nil {
		t.Fatal(err)
	}
	return k
}

// CountListings implements Counter: a whole walk over the listings of the org.
func (k *town) CountListings(_ context.Context, org *store.Org) (store.ListingCount, error) {
	c := store.ListingCount{CountedAt: k.stripe.Now(), Active: k.listings[org.ID()], Total: k.listings[org.ID()], Pages: 1, Complete: true, ConnectionVersion: 1}
	for i := range c.Active {
		c.IDs = append(c.IDs, int64(1000+i))
	}
	return c, nil
}

func (k *town) actor() store.Actor { return store.Actor{Kind: store.ActorMember, Name: "Ann"} }

// connected is an org that connected Hostaway and was counted; its trial runs.
func (k *town) connected(t *testing.T, name string, account int64, listings int) *store.Org {
	t.Helper()
	o, _, err := k.store.CreateOrg(t.Context(), store.NewOrg{
		Name: name, Email: name + "@example.com", MemberName: "Ann", Password: longPassword(),
	}, store.Actor{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Connect(t.Context(), k.actor(), store.NewConnection{AccountID: account, Secret: secret.New("s")}); err != nil {
		t.Fatal(err)
	}
	k.listings[o.ID()] = listings
	if _, err := k.Count(t.Context(), o, store.CountConnect, k.actor()); err != nil {
		t.Fatal(err)
	}
	return o
}

// subscribed is such an org that has paid in Checkout.
func (k *town) subscribed(t *testing.T, name string, account int64, listings int) (*store.Org, string) {
	t.Helper()
	o := k.connected(t, name, account, listings)
	if _, err := k.StartCheckout(t.Context(), o, k.actor()); err != nil {
		t.Fatal(err)
	}
	id, err := k.stripe.CompleteCheckout(k.account(t, o).CheckoutSession)
	if err != nil {
		t.Fatal(err)
	}
	k.settle(t)
	return o, id
}

// settle delivers what Stripe has to tell, and works it off.
func (k *town) settle(t *testing.T) {
	t.Helper()
	for k.stripe.Deliver() > 0 {
		if _, err := k.WorkInbox(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.BringQuantities(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (k *town) account(t *testing.T, o *store.Org) store.BillingAccount {
	t.Helper()
	a, err := o.Billing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// stands fails the test unless the org has that access, for that reason.
func (k *town) stands(t *testing.T, o *store.Org, when string, access store.Access, reason store.AccessReason) {
	t.Helper()
	if a := k.account(t, o).AccessAt(k.stripe.Now()); a.Access != access || a.Reason != reason {
		t.Errorf("%s: access %s (%s), want %s (%s)", when, a.Access, a.Reason, access, reason)
	}
}

func (k *town) mails(t *testing.T) map[string]int {
	t.Helper()
	return queuedMails(t, k.store, k.stripe.Now())
}
