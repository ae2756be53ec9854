package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/billing"
	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/secret"
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

// subscribe gives the org a customer at Stripe with a subscription of 3 listings, and what is known of it here. Two hours
// have passed since.
func (s *site) subscribe(stripe *stripetest.Server) (customer, subscription string) {
	s.t.Helper()
	storetest.Connect(s.t, s.acme.Org, 81001, "acme's secret")
	customer = askStripe(s.t, stripe, http.MethodPost, "/v1/customers", "name=Acme&metadata[org_id]="+s.acme.Org.ID())
	if err := stripe.SetCard(customer, stripetest.CardGood); err != nil {
		s.t.Fatal(err)
	}
	subscription, err := stripe.SubscribeByHand(customer, s.price, 3)
	if err != nil {
		s.t.Fatal(err)
	}
	_, err = s.acme.Org.SaveBilling(s.t.Context(), systemActor(), store.BillingAccount{CustomerID: customer, Access: store.AccessNone, AccessReason: store.ReasonTrialEnded})
	if err != nil {
		s.t.Fatal(err)
	}
	stripe.Advance(2 * time.Hour)
	s.mirror(stripe)
	return customer, subscription
}

// mirror has the state of the org read at Stripe, as a server does after an event.
func (s *site) mirror(stripe *stripetest.Server) {
	s.t.Helper()
	room, err := billing.New(billing.Config{
		Store: s.store, Key: secret.New("rk_test_site"), WebhookSecrets: []secret.Text{secret.New("whsec_site")}, PriceLookup: "hostaway_mcp_listing_v1",
		URL: stripe.URL(), BaseURL: "https://mcp.example.com",
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := room.Refresh(s.t.Context(), s.acme.Org); err != nil {
		s.t.Fatal(err)
	}
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
	s.says(r.out, `What stays at Stripe: the customer `+customer+`, marked as one whose org left, and its invoices`)
	s.checksGreen("afterwards")
	if n := len(stripe.Invoices(customer)); n != 1 {
		t.Errorf("the customer has %d invoices, the one that was there stays alone", n)
	}
}

// TestDeletingAnOrgNamesWhatItOwes: an open invoice is not closed by it, and whoever deletes the org is told.
func TestDeletingAnOrgNamesWhatItOwes(t *testing.T) {
	t.Parallel()
	for _, more := range [][]string{nil, {"--keep-stripe"}} {
		s, stripe := billedSite(t)
		customer, subscription := s.subscribe(stripe)
		if err := stripe.SetCard(customer, stripetest.CardDeclined); err != nil {
			t.Fatal(err)
		}
		stripe.Advance(32 * 24 * time.Hour)
		s.mirror(stripe)
		r := runCommand(t, s.environ, append([]string{"delete-org", "acme", "--yes", "Acme"}, more...)...)
		if r.code != exitOK {
			t.Fatalf("%v: code %d\n%s%s", more, r.code, r.out, r.errOut)
		}
		open := 0
		for _, i := range stripe.Invoices(customer) {
			if i.Status == "open" {
				open++
				s.says(r.out, `invoice `+i.ID+`( \(.+\))?: 15\.00 USD\n`)
			}
		}
		if open != 1 || !strings.Contains(r.out, "Still open, neither paid nor voided by this:") || !strings.Contains(r.out, "void it") {
			t.Errorf("%v: %d are open at Stripe:\n%s", more, open, r.out)
		}
		if more == nil {
			s.checksGreen("afterwards")
		} else if !lives(stripe, subscription) {
			t.Error("it was ended")
		}
	}
}

// checksGreen fails the test if billing check finds anything.
func (s *site) checksGreen(when string) {
	s.t.Helper()
	if code, _, r := s.checks(); code != exitOK {
		s.t.Errorf("%s, billing check says %d:\n%s%s", when, code, r.out, r.errOut)
	}
}

// TestDeletingAnOrgMayLeaveStripeToAPerson: nothing is ended, the customer is marked, and billing check tells of what goes on,
// until a person ends that.
func TestDeletingAnOrgMayLeaveStripeToAPerson(t *testing.T) {
	t.Parallel()
	s, stripe := billedSite(t)
	customer, subscription := s.subscribe(stripe)
	s.checksGreen("before")
	r := runCommand(t, s.environ, "delete-org", "acme", "--yes", "Acme", "--keep-stripe")
	for _, want := range []string{
		"What stays at Stripe: the customer " + customer + ", marked as one whose org left, and its invoices.",
		"It goes on being billed: cancel " + subscription + " in Stripe's dashboard.",
	} {
		if r.code != exitOK || !strings.Contains(r.out, want) || !lives(stripe, subscription) {
			t.Errorf("code %d, %q is missing\n%s%s", r.code, want, r.out, r.errOut)
		}
	}
	if code, lines, r := s.checks(); code != exitFailed || !strings.HasPrefix(lines["I8"], "fail") || !strings.Contains(lines["I8"], subscription) || !strings.HasPrefix(lines["I5"], "ok") {
		t.Errorf("while it goes on: %d\n%s%s", code, r.out, r.errOut)
	}
	if err := stripe.CancelByHand(subscription, false); err != nil {
		t.Fatal(err)
	}
	s.checksGreen("after")
}

// TestDeletingAnOrgWhileStripeIsAway says what a person has to do, and doing it makes billing check green.
func TestDeletingAnOrgWhileStripeIsAway(t *testing.T) {
	t.Parallel()
	s, stripe := billedSite(t)
	customer, subscription := s.subscribe(stripe)
	stripe.FailBy(func(stripetest.Call) stripetest.FaultKind { return stripetest.Unavailable })
	r := runCommand(t, s.environ, "delete-org", "acme", "--yes", "Acme", "--keep-stripe")
	stripe.FailBy(nil)
	if r.code != exitOK {
		t.Fatalf("code %d\n%s%s", r.code, r.out, r.errOut)
	}
	s.says(r.out, `Stripe was not told \(.+\)\. In Stripe's dashboard, cancel what the customer `+customer+` subscribes to, and set its metadata org_left to true;`)
	if code, lines, r := s.checks(); code != exitFailed || !strings.HasPrefix(lines["I8"], "fail") || !strings.HasPrefix(lines["I5"], "fail") {
		t.Errorf("before anybody did: %d\n%s%s", code, r.out, r.errOut)
	}
	if err := stripe.CancelByHand(subscription, false); err != nil {
		t.Fatal(err)
	}
	askStripe(t, stripe, http.MethodPost, "/v1/customers/"+customer, "metadata[org_left]=true")
	s.checksGreen("after")
}

// TestDeletingAnOrgWithBillingOff says what is left at Stripe, and asks nobody.
func TestDeletingAnOrgWithBillingOff(t *testing.T) {
	t.Parallel()
	s, stripe := billedSite(t)
	customer, subscription := s.subscribe(stripe)
	calls := len(stripe.Calls())
	r := runCommand(t, append(slices.Clone(s.environ), "HMCP_BILLING_MODE=off"), "delete-org", "acme", "--yes", "Acme")
	if r.code != exitOK || len(stripe.Calls()) != calls || !lives(stripe, subscription) {
		t.Errorf("code %d\n%s%s", r.code, r.out, r.errOut)
	}
	s.says(r.out, `Stripe was not told \(billing is off\)\. .*`+customer)
}
