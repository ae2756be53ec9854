package main

// state_house_test.go is the house of one org with billing, and what can happen to it: at our place,
// at Stripe and at Hostaway.

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/billing"
	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/dashboard"
	"hostaway-mcp/hostaway"
	"hostaway-mcp/mcp"
	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

const oneDay = 24 * time.Hour

// stateHouse is one org on a server with billing, and its Stripe.
type stateHouse struct {
	t        *testing.T
	stripe   *stripetest.Server
	store    *store.Store
	room     *billing.Billing
	tools    http.Handler
	pages    http.Handler
	org      storetest.Fixture
	listings int
	refused  bool // by Hostaway
	price    string
	told     map[string]bool // mails of earlier steps
}

func (h *stateHouse) CountListings(ctx context.Context, org *store.Org) (store.ListingCount, error) {
	c := store.ListingCount{CountedAt: h.stripe.Now(), Active: h.listings, Total: h.listings, Pages: 1, Complete: true, ConnectionVersion: 1}
	for i := range h.listings {
		c.IDs = append(c.IDs, int64(1000+i))
	}
	if h.refused { // as a refused call leaves it
		connection, err := org.Connection(ctx)
		h.do(err)
		h.do(org.MarkConnectionRefused(ctx, connection.Version, "Hostaway refuses the credentials"))
		return store.ListingCount{CountedAt: h.stripe.Now()}, &hostaway.Error{Code: hostaway.CredentialsRefused}
	}
	return c, nil
}

func newStateHouse(t *testing.T, grace time.Duration, options stripetest.Options) *stateHouse {
	t.Helper()
	h := &stateHouse{t: t, listings: 10, told: map[string]bool{}}
	options.SignedAt = func() time.Time { return h.stripe.Now() }
	h.stripe = stripetest.Start(t, options)
	h.price = h.stripe.AddPrice(stripetest.Price{LookupKey: "listing", Currency: "usd", UnitAmount: 500})
	h.store = storetest.Open(t, storetest.WithNow(h.stripe.Now), storetest.WithBilling(), storetest.WithMail())
	var err error
	h.room, err = billing.New(billing.Config{
		Store: h.store, Counter: h, Key: secret.New("rk_test_states"), WebhookSecrets: []secret.Text{secret.New("whsec_states")},
		PriceLookup: "listing", BaseURL: "http://127.0.0.1:8080", URL: h.stripe.URL(), Now: h.stripe.Now, Grace: grace,
		Pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	})
	h.do(err)
	h.do(h.room.Check(t.Context()))
	h.stripe.AddEndpoint(stripetest.Endpoint{Handler: h.room.Webhooks(), Secret: "whsec_states"})
	h.tools = mcp.New(mcp.Config{Store: h.store, Hostaway: noHostaway{}, BaseURL: "http://127.0.0.1:8080", Now: h.stripe.Now}).Handler()
	room, err := dashboard.New(dashboard.Config{
		Store: h.store, Hostaway: noDoor{}, BaseURL: "http://127.0.0.1:8080", SignUp: "closed", Now: h.stripe.Now,
		Billing: plans{room: h.room, hostaway: noHostaway{}, now: h.stripe.Now},
	})
	h.do(err)
	h.pages = room.Handler()
	_, _, err = h.store.CreateOrg(t.Context(), store.NewOrg{
		Name: "House", Email: "operator@example.com", MemberName: "Olga", Password: secret.New("violet-harbour-29"), Operator: true,
	}, store.Actor{})
	h.do(err)
	h.org = storetest.Org(t, h.store, "Alpine Stays")
	return h
}

// noDoor is the Hostaway of the pages, which nobody asks here.
type noDoor struct{}

func (noDoor) Check(context.Context, string, int64, secret.Text) (dashboard.Checked, error) {
	return dashboard.Checked{}, &dashboard.CheckError{}
}

func (noDoor) Forget(string) {}

func (h *stateHouse) do(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *stateHouse) ctx() context.Context { return h.t.Context() }

func (h *stateHouse) account() store.BillingAccount {
	h.t.Helper()
	a, err := h.org.Org.Billing(h.ctx())
	h.do(err)
	return a
}

func (h *stateHouse) latest() string { return h.account().LatestInvoiceID }

// settle delivers what Stripe has to tell, and does what follows from it and from time.
func (h *stateHouse) settle() {
	h.t.Helper()
	for h.stripe.Deliver() > 0 {
		_, err := h.room.WorkInbox(h.ctx())
		h.do(err)
	}
	h.do(h.room.BringQuantities(h.ctx()))
	_, err := h.room.Lapse(h.ctx())
	h.do(err)
}

// earlier settles, and says that the mails so far are those of steps before.
func (h *stateHouse) earlier() {
	h.t.Helper()
	h.settle()
	h.mails()
}

func (h *stateHouse) count() {
	h.t.Helper()
	_, err := h.room.Count(h.ctx(), h.org.Org, store.CountDaily, h.org.By())
	if err != nil && !h.refused {
		h.t.Fatal(err)
	}
}

func (h *stateHouse) connect() {
	h.t.Helper()
	storetest.Connect(h.t, h.org.Org, 71001, "a secret of Hostaway")
	h.count()
}

func (h *stateHouse) subscribe() {
	h.t.Helper()
	_, err := h.room.StartCheckout(h.ctx(), h.org.Org, h.org.By())
	h.do(err)
	_, err = h.stripe.CompleteCheckout(h.account().CheckoutSession)
	h.do(err)
	h.settle()
}

// charged brings the org past its trial: the first month is paid.
func (h *stateHouse) charged() {
	h.t.Helper()
	h.connect()
	h.subscribe()
	h.stripe.AdvanceTo(h.account().TrialEndsAt.Add(2 * time.Hour))
	h.settle()
}

// failedInTrial ends the trial at Stripe alone, with a card that is declined.
func (h *stateHouse) failedInTrial() {
	h.t.Helper()
	h.connect()
	h.subscribe()
	h.do(h.stripe.SetCard(h.account().CustomerID, stripetest.CardDeclined))
	h.endTrialByHand()
	h.stripe.Advance(2 * time.Hour)
	h.settle()
}

// givesUpSoon is a Stripe that tries a payment once more, a day later, and then cancels.
func givesUpSoon() stripetest.Options { return stripetest.Options{Retries: []time.Duration{oneDay}} }

// failed brings it past the first month with a card that is declined.
func (h *stateHouse) failed() {
	h.t.Helper()
	h.charged()
	h.do(h.stripe.SetCard(h.account().CustomerID, stripetest.CardDeclined))
	h.stripe.AdvanceTo(h.account().PeriodEnd.Add(2 * time.Hour))
}

// canceledInDebt has it canceled by its owner while that payment is overdue.
func (h *stateHouse) canceledInDebt() {
	h.t.Helper()
	h.failed()
	h.earlier()
	h.do(h.room.Cancel(h.ctx(), h.org.Org, h.org.By(), ""))
}

// pausing makes a subscription as a person can, that pauses when its trial ends
// without a card.
func (h *stateHouse) pausing() {
	h.t.Helper()
	form := url.Values{
		"customer": {h.account().CustomerID}, "items[0][price]": {h.price}, "items[0][quantity]": {"10"}, "trial_period_days": {"1"},
		"trial_settings[end_behavior][missing_payment_method]": {"pause"},
	}
	h.byHand("/v1/subscriptions", form)
}

// endTrialByHand ends the trial at Stripe, as a person can; our own runs on.
func (h *stateHouse) endTrialByHand() {
	h.t.Helper()
	h.byHand("/v1/subscriptions/"+h.account().SubscriptionID, url.Values{"trial_end": {"now"}})
}

// byHand sends Stripe what is no call of ours.
func (h *stateHouse) byHand(path string, form url.Values) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.ctx(), http.MethodPost, h.stripe.URL()+path, strings.NewReader(form.Encode()))
	h.do(err)
	r.Header.Set("Authorization", "Bearer sk_test_1")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Stripe-Version", stripetest.APIVersion)
	r.Header.Set("Idempotency-Key", "by hand")
	answer, err := http.DefaultClient.Do(r)
	h.do(err)
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		h.t.Fatalf("%s by hand is answered %d", path, answer.StatusCode)
	}
}
