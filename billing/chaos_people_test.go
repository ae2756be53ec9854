// What people do at the wrong moment, or in Stripe's own dashboard: two tabs, double clicks, the back button, an expired
// Checkout, and changes by hand. Nobody ends up with two subscriptions that we made, and no customer is lost.
package billing

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/store"
)

// liveOf counts the subscriptions of an org's customers that live.
func (k *town) liveOf(t *testing.T, o *store.Org) (live []string) {
	t.Helper()
	for _, x := range k.stripe.Subscriptions(k.account(t, o).CustomerID) {
		if !slices.Contains([]string{"canceled", "incomplete_expired"}, x.Status) {
			live = append(live, x.ID)
		}
	}
	return live
}

func TestManyClicksAtOnce(t *testing.T) {
	t.Parallel()
	k := newTown(t, stripetest.Options{})
	o := k.connected(t, "a", 1, 3)
	var clicks sync.WaitGroup
	pages := make([]string, 20)
	errs := make([]error, len(pages))
	for i := range pages {
		clicks.Go(func() { pages[i], errs[i] = k.StartCheckout(t.Context(), o, k.actor()) })
	}
	clicks.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	slices.Sort(pages)
	open := 0
	for _, s := range k.stripe.Sessions("") {
		if s.Status == "open" {
			open++
		}
	}
	if n := len(slices.Compact(pages)); n != 1 || open != 1 || len(k.stripe.Customers()) != 1 {
		t.Errorf("%d pages, %d open at Stripe, %d customers", n, open, len(k.stripe.Customers()))
	}
	// Paid, and clicked again before any event has come; then back in the browser to the page that was paid.
	session := k.account(t, o).CheckoutSession
	if _, err := k.stripe.CompleteCheckout(session); err != nil {
		t.Fatal(err)
	}
	for i := range errs {
		clicks.Go(func() { _, errs[i] = k.StartCheckout(t.Context(), o, k.actor()) })
	}
	clicks.Wait()
	for _, err := range errs {
		if !isFault(err, FaultSubscribed) {
			t.Errorf("clicked after paying: %v", err)
		}
	}
	if _, err := k.stripe.CompleteCheckout(session); err == nil {
		t.Error("a Checkout was paid twice")
	}
	k.settle(t)
	k.stands(t, o, "paid", store.AccessActive, store.ReasonSubscribed)
	if live := k.liveOf(t, o); len(live) != 1 {
		t.Errorf("subscriptions %q", live)
	}
}

// TestClicksInBadWeather: people click on while answers get lost, sessions run out and cards are declined, until they are
// subscribed. However it went, there is one customer and one subscription.
func TestClicksInBadWeather(t *testing.T) {
	t.Parallel()
	seed := chaosSeed(t)
	k := newTown(t, stripetest.Options{})
	faults := diceOf(seed, "faults")
	dice := diceOf(seed, "clicks")
	var mu sync.Mutex
	weather := func(c stripetest.Call) stripetest.FaultKind {
		mu.Lock()
		defer mu.Unlock()
		kinds := []stripetest.FaultKind{stripetest.ResetAfter, stripetest.ResetBefore, stripetest.RateLimited, stripetest.Error500Before, stripetest.Unavailable, stripetest.Error500After}
		if n := faults.IntN(20); n < len(kinds) && (n > 0 && n < 5 || c.Method == "POST") {
			return kinds[n]
		}
		return stripetest.NoFault
	}
	for i := range chaosSize(12, 200) {
		o := k.connected(t, fmt.Sprintf("org%d", i), int64(100+i), 1+dice.IntN(20))
		k.stripe.FailBy(weather)
		for range 60 {
			if _, err := k.StartCheckout(t.Context(), o, k.actor()); isFault(err, FaultSubscribed) {
				break
			}
			k.stripe.Advance(time.Duration(dice.IntN(90)) * time.Minute) // some go for lunch
			session := k.account(t, o).CheckoutSession
			switch {
			case session == "" || dice.IntN(4) == 0:
			case dice.IntN(4) == 0:
				_ = k.stripe.FailCheckout(session) // declined, or expired meanwhile
			case dice.IntN(5) == 0:
				k.listings[o.ID()]++
				_, _ = k.Count(t.Context(), o, store.CountDaily, system()) // another number on the next page
			default:
				_, _ = k.stripe.CompleteCheckout(session) // unless it has expired
			}
			if dice.IntN(2) == 0 {
				_ = k.Refresh(t.Context(), o) // the page that people come back to
			}
		}
		k.stripe.Heal()
		k.settle(t)
		if live := k.liveOf(t, o); len(live) != 1 {
			t.Errorf("seed %d: org %d has the subscriptions %q", seed, i, live)
		}
		k.stands(t, o, fmt.Sprintf("seed %d, org %d", seed, i), store.AccessActive, store.ReasonSubscribed)
		mine := 0
		for _, c := range k.stripe.Customers() {
			if c.Metadata[metadataOrg] == o.ID() {
				mine++
			}
		}
		if mine != 1 {
			t.Errorf("seed %d: org %d has %d customers", seed, i, mine)
		}
	}
}

// byHand is what somebody changes at Stripe, and what is to follow from it.
type byHand struct {
	name   string
	change func(k *town, sub, customer string) error
	access store.Access
	reason store.AccessReason
	billed int64 // afterwards
	broken bool  // a finding stays for a person
}

// TestWhatPeopleChangeAtStripe: each change by hand is seen by the next sweep, and put right or left to a person.
func TestWhatPeopleChangeAtStripe(t *testing.T) {
	t.Parallel()
	for _, c := range []byHand{
		{"another quantity", func(k *town, sub, _ string) error { return k.stripe.ChangeQuantityByHand(sub, 2) }, store.AccessActive, store.ReasonSubscribed, 9, false},
		{"a second item", func(k *town, sub, _ string) error {
			return k.stripe.AddItemByHand(sub, k.stripe.AddPrice(stripetest.Price{Currency: "usd", UnitAmount: 100}), 1)
		}, store.AccessActive, store.ReasonSubscribed, 10, true},
		{"a second subscription", func(k *town, _, customer string) error {
			_, err := k.stripe.SubscribeByHand(customer, k.price, 4)
			return err
		}, store.AccessActive, store.ReasonTwoSubscriptions, 9, true},
		{"canceled at once", func(k *town, sub, _ string) error { return k.stripe.CancelByHand(sub, false) }, store.AccessCanceled, store.ReasonCanceled, 9, false},
		{"canceled with its period", func(k *town, sub, _ string) error { return k.stripe.CancelByHand(sub, true) }, store.AccessActive, store.ReasonSubscribed, 9, false},
		{"the customer deleted", func(k *town, _, customer string) error { return k.stripe.DeleteCustomer(customer) }, store.AccessCanceled, store.ReasonCustomerDeleted, 9, false},
	} {
		t.Run(c.name+", told true", func(t *testing.T) { c.follows(t, stripetest.Options{}) })
		t.Run(c.name+", told false", func(t *testing.T) { // no event ever comes: the sweep alone sees it
			c.follows(t, stripetest.Options{Network: stripetest.Network{Lost: 1}})
		})
	}
}

func (c byHand) follows(t *testing.T, options stripetest.Options) {
	t.Parallel()
	k := newTown(t, options)
	o, sub := k.subscribed(t, "a", 1, 9)
	k.stripe.Advance(20 * aDay)
	_, err := k.Count(t.Context(), o, store.CountDaily, system())
	must(t, err)
	must(t, k.Refresh(t.Context(), o))
	k.settle(t)
	must(t, c.change(k, sub, k.account(t, o).CustomerID))
	for range 4 {
		k.stripe.Advance(time.Hour)
		k.settle(t)
		_, err := k.Sweep(t.Context())
		must(t, err)
		_, err = k.WorkInbox(t.Context()) // what the sweep fetched
		must(t, err)
	}
	k.settle(t)
	k.stands(t, o, "afterwards", c.access, c.reason)
	seen, _ := k.stripe.Subscription(sub)
	if seen.Quantity() != c.billed {
		t.Errorf("Stripe bills %d, want %d", seen.Quantity(), c.billed)
	}
	findings, err := k.store.BillingFindings(t.Context(), k.stripe.Now())
	must(t, err)
	open := slices.DeleteFunc(findings, func(f store.BillingFinding) bool { return f.ResolvedAt != nil })
	if (len(open) > 0) != c.broken {
		t.Errorf("findings stay open: %+v", open)
	}
}
