package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// askStripe asks the fake Stripe for something as any program would, and gives the id of what it answers.
func askStripe(t *testing.T, stripe *stripetest.Server, method, path, form string) (id string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, stripe.URL()+path, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer rk_test_site")
	r.Header.Set("Stripe-Version", stripetest.APIVersion)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Body.Close() }()
	var made struct{ ID string }
	if err := json.NewDecoder(w.Body).Decode(&made); err != nil || made.ID == "" {
		t.Fatalf("%s %s: %d %v", method, path, w.StatusCode, err)
	}
	return made.ID
}

// customerAt makes a customer at Stripe.
func customerAt(t *testing.T, stripe *stripetest.Server) string {
	t.Helper()
	return askStripe(t, stripe, http.MethodPost, "/v1/customers", "name=Acme")
}

// subscribe gives the org a customer with a subscription at Stripe.
func (s *site) subscribe(stripe *stripetest.Server) (customer, subscription string) {
	s.t.Helper()
	storetest.Connect(s.t, s.acme.Org, 81001, "acme's secret")
	customer = customerAt(s.t, stripe)
	price := stripe.AddPrice(stripetest.Price{LookupKey: "another", Currency: "usd", UnitAmount: 500})
	subscription, err := stripe.SubscribeByHand(customer, price, 3)
	if err != nil {
		s.t.Fatal(err)
	}
	_, err = s.acme.Org.SaveBilling(s.t.Context(), systemActor(), store.BillingAccount{
		CustomerID: customer, SubscriptionID: subscription, Status: "active", Access: store.AccessActive, AccessReason: store.ReasonSubscribed,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return customer, subscription
}

func lives(stripe *stripetest.Server, subscription string) bool {
	seen, ok := stripe.Subscription(subscription)
	return ok && seen.Status != "canceled"
}

func TestDeletingAnOrgEndsItsSubscriptionFirst(t *testing.T) {
	t.Parallel()
	s, stripe := billedSite(t)
	customer, subscription := s.subscribe(stripe)
	if !lives(stripe, subscription) {
		t.Fatal("there is no subscription to end")
	}
	// Stripe is away: nothing is deleted, and it is said what to do.
	stripe.FailBy(func(stripetest.Call) stripetest.FaultKind { return stripetest.Unavailable })
	r := runCommand(t, s.environ, "delete-org", "acme", "--yes", "Acme")
	if r.code != exitFailed || !strings.Contains(r.errOut, "nothing was deleted") || !strings.Contains(r.errOut, "--keep-stripe") || !strings.Contains(r.errOut, customer) {
		t.Errorf("code %d\n%s%s", r.code, r.out, r.errOut)
	}
	if _, err := s.acme.Org.Billing(t.Context()); err != nil {
		t.Fatalf("the org is gone: %v", err)
	}
	stripe.FailBy(nil)
	r = runCommand(t, s.environ, "delete-org", "acme", "--yes", "Acme")
	if r.code != exitOK || !strings.Contains(r.out, "Ended at Stripe, at once and without giving anything back: "+subscription) || lives(stripe, subscription) {
		t.Errorf("code %d\n%s%s", r.code, r.out, r.errOut)
	}
	s.says(r.out, `billing_accounts +1`)
	if n := len(stripe.Invoices(customer)); n != 1 {
		t.Errorf("the customer has %d invoices, the one that was there stays alone", n)
	}
}

func TestDeletingAnOrgMayLeaveStripeToAPerson(t *testing.T) {
	t.Parallel()
	s, stripe := billedSite(t)
	customer, subscription := s.subscribe(stripe)
	calls := len(stripe.Calls())
	r := runCommand(t, s.environ, "delete-org", "acme", "--yes", "Acme", "--keep-stripe")
	if r.code != exitOK || !strings.Contains(r.out, "Stripe was not asked: see that no subscription of the customer "+customer) || len(stripe.Calls()) != calls || !lives(stripe, subscription) {
		t.Errorf("code %d\n%s%s", r.code, r.out, r.errOut)
	}
}
