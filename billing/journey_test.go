package billing

import (
	"errors"
	"slices"
	"testing"
	"time"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/store"
)

const aDay = 24 * time.Hour

func isFault(err error, kind FaultKind) bool {
	var f *Fault
	return errors.As(err, &f) && f.Kind == kind
}

func TestCheckoutCanBePaidOnce(t *testing.T) {
	t.Parallel()
	k := newTown(t, stripetest.Options{})
	o := k.connected(t, "a", 1, 3)
	open := func() (string, error) { return k.StartCheckout(t.Context(), o, k.actor()) }
	first, err := open()
	if err != nil {
		t.Fatal(err)
	}
	if second, err := open(); err != nil || second != first {
		t.Errorf("a second tab gets %q (%v), want the same page %q", second, err, first)
	}
	old := k.account(t, o).CheckoutSession
	k.listings[o.ID()] = 4
	if _, err := k.Count(t.Context(), o, store.CountDaily, k.actor()); err != nil {
		t.Fatal(err)
	}
	if third, err := open(); err != nil || third == first {
		t.Errorf("with another number of listings the page is %q (%v)", third, err)
	}
	if _, err := k.stripe.CompleteCheckout(old); err == nil {
		t.Error("the earlier page could still be paid")
	}
	if _, err := k.stripe.CompleteCheckout(k.account(t, o).CheckoutSession); err != nil {
		t.Fatal(err)
	}
	// No event has come yet: Stripe is asked, and not the store.
	if _, err := open(); !isFault(err, FaultSubscribed) {
		t.Errorf("with a subscription: %v", err)
	}
	k.stands(t, o, "found subscribed", store.AccessActive, store.ReasonSubscribed)
	if n := len(k.stripe.Customers()); n != 1 {
		t.Errorf("%d customers were made", n)
	}
}

func TestAnExpiredCheckoutIsFollowedByAnother(t *testing.T) {
	t.Parallel()
	k := newTown(t, stripetest.Options{})
	o := k.connected(t, "a", 1, 3)
	first, err := k.StartCheckout(t.Context(), o, k.actor())
	if err != nil {
		t.Fatal(err)
	}
	k.stripe.Advance(2 * time.Hour)
	second, err := k.StartCheckout(t.Context(), o, k.actor())
	if err != nil || second == first {
		t.Fatalf("after the first ran out: %q, %v", second, err)
	}
	if _, err := k.stripe.CompleteCheckout(k.account(t, o).CheckoutSession); err != nil {
		t.Error(err)
	}
}

func TestCheckoutExplainsWhatIsMissing(t *testing.T) {
	t.Parallel()
	k := newTown(t, stripetest.Options{})
	apart, _, err := k.store.CreateOrg(t.Context(), store.NewOrg{
		Name: "apart", Email: "apart@example.com", MemberName: "Ann", Password: longPassword(),
	}, store.Actor{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.StartCheckout(t.Context(), apart, k.actor()); !isFault(err, FaultNotConnected) {
		t.Errorf("not connected: %v", err)
	}
	if _, err := apart.Connect(t.Context(), k.actor(), store.NewConnection{AccountID: 9, Secret: longPassword()}); err != nil {
		t.Fatal(err)
	}
	if _, err := k.StartCheckout(t.Context(), apart, k.actor()); !isFault(err, FaultNotCounted) {
		t.Errorf("not counted: %v", err)
	}
	if _, err := k.StartCheckout(t.Context(), k.connected(t, "empty", 2, 0), k.actor()); !isFault(err, FaultNoListings) {
		t.Errorf("nothing to bill: %v", err)
	}
	full := k.connected(t, "full", 3, 5)
	k.stripe.FailBy(func(stripetest.Call) stripetest.FaultKind { return stripetest.ResetBefore })
	if _, err := k.StartCheckout(t.Context(), full, k.actor()); !isFault(err, FaultUnreachable) {
		t.Errorf("Stripe down: %v", err)
	}
	k.stands(t, full, "Stripe down", store.AccessTrial, store.ReasonTrial)
	if _, err := k.Portal(t.Context(), full, k.actor()); !isFault(err, FaultNoCustomer) {
		t.Errorf("a portal without a customer: %v", err)
	}
	if err := k.Cancel(t.Context(), full, k.actor(), ""); !isFault(err, FaultNotSubscribed) {
		t.Errorf("cancel nothing: %v", err)
	}
}

// TestTheRestOfTheTrial: Stripe wants the end of a trial to be two days ahead.
func TestTheRestOfTheTrial(t *testing.T) {
	t.Parallel()
	cases := []struct {
		left  time.Duration
		least time.Duration // of the trial at Stripe
		most  time.Duration
	}{
		{14 * aDay, 14 * aDay, 14 * aDay},
		{50 * time.Hour, 50 * time.Hour, 50 * time.Hour},
		{49 * time.Hour, 49 * time.Hour, 49 * time.Hour},
		{48*time.Hour + 30*time.Minute, 48*time.Hour + 30*time.Minute, 3 * aDay},
		{25 * time.Hour, 25 * time.Hour, 2 * aDay},
		{time.Minute, time.Minute, aDay},
		{0, 0, 0},
		{-aDay, 0, 0},
	}
	for i, c := range cases {
		t.Run(c.left.String(), func(t *testing.T) {
			t.Parallel()
			k := newTown(t, stripetest.Options{})
			o := k.connected(t, "a", int64(i+1), 2)
			k.stripe.AdvanceTo(k.account(t, o).TrialEndsAt.Add(-c.left))
			if _, err := k.StartCheckout(t.Context(), o, k.actor()); err != nil {
				t.Fatal(err)
			}
			id, err := k.stripe.CompleteCheckout(k.account(t, o).CheckoutSession)
			if err != nil {
				t.Fatal(err)
			}
			seen, _ := k.stripe.Subscription(id)
			if c.most == 0 {
				if seen.Status != "active" {
					t.Errorf("without a trial left it is %s", seen.Status)
				}
				return
			}
			if got := seen.TrialEnd.Sub(k.stripe.Now()); got < c.least-time.Second || got > c.most {
				t.Errorf("a trial of %s, want from %s to %s", got, c.least, c.most)
			}
		})
	}
}

// TestAnAnswerThatGetsLostMakesNothingTwice: the customer is made and nobody hears of it.
func TestAnAnswerThatGetsLostMakesNothingTwice(t *testing.T) {
	t.Parallel()
	for _, fault := range []stripetest.FaultKind{stripetest.ResetAfter, stripetest.ResetBefore, stripetest.RateLimited, stripetest.Error500After} {
		k := newTown(t, stripetest.Options{})
		o := k.connected(t, "a", 1, 3)
		k.stripe.FailBy(func(c stripetest.Call) stripetest.FaultKind {
			if c.Method == "POST" {
				return fault
			}
			return stripetest.NoFault
		})
		for range 3 {
			if _, err := k.StartCheckout(t.Context(), o, k.actor()); !isFault(err, FaultUnreachable) {
				t.Errorf("fault %v: %v", fault, err)
			}
			k.stripe.Advance(time.Minute)
		}
		k.stripe.Heal()
		if _, err := k.StartCheckout(t.Context(), o, k.actor()); err != nil {
			t.Errorf("fault %v, healed: %v", fault, err)
		}
		if all := k.stripe.Customers(); len(all) != 1 || all[0].Metadata[metadataOrg] != o.ID() {
			t.Errorf("fault %v: customers %+v", fault, all)
		}
	}
}

func TestADeletedCustomerGetsASuccessor(t *testing.T) {
	t.Parallel()
	k := newTown(t, stripetest.Options{})
	o, _ := k.subscribed(t, "a", 1, 3)
	old, before := k.account(t, o).CustomerID, k.invoices(t, o)
	if err := k.stripe.DeleteCustomer(old); err != nil {
		t.Fatal(err)
	}
	k.settle(t)
	k.stripe.Advance(15 * aDay)
	k.stands(t, o, "deleted", store.AccessCanceled, store.ReasonCustomerDeleted)
	if err := k.Refresh(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	k.stands(t, o, "deleted, read again", store.AccessCanceled, store.ReasonCustomerDeleted)
	if _, err := k.Portal(t.Context(), o, k.actor()); !isFault(err, FaultNoCustomer) {
		t.Errorf("a portal for nobody: %v", err)
	}
	if _, err := k.StartCheckout(t.Context(), o, k.actor()); err != nil {
		t.Fatal(err)
	}
	if _, err := k.stripe.CompleteCheckout(k.account(t, o).CheckoutSession); err != nil {
		t.Fatal(err)
	}
	k.settle(t)
	k.stands(t, o, "subscribed anew", store.AccessActive, store.ReasonSubscribed)
	if now := k.account(t, o); now.CustomerID == old || now.Generation != 2 || now.FormerCustomers != old {
		t.Errorf("customer %s of generation %d, after %s", now.CustomerID, now.Generation, now.FormerCustomers)
	}
	if all := k.invoices(t, o); len(before) == 0 || len(all) <= len(before) || !slices.Equal(all[len(all)-len(before):], before) {
		t.Errorf("the invoices are %v, and were %v", all, before)
	}
	if address, err := k.InvoiceAddress(t.Context(), o, before[0], InvoicePDF); err != nil || address == "" {
		t.Errorf("an invoice of the deleted customer is at %q, %v", address, err)
	}
	stranger, _ := k.subscribed(t, "b", 2, 3)
	if _, err := k.InvoiceAddress(t.Context(), stranger, before[0], InvoicePDF); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another org reads it: %v", err)
	}
	if _, err := k.Invoices(t.Context(), stranger, before[0]); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another org begins after it: %v", err)
	}
}

// invoices are the ids of all of the org's invoices, from all pages.
func (k *town) invoices(t *testing.T, o *store.Org) (ids []string) {
	t.Helper()
	for after, page := "", (InvoicePage{Next: "first"}); page.Next != ""; after = page.Next {
		var err error
		if page, err = k.Invoices(t.Context(), o, after); err != nil || page.Lost {
			t.Fatalf("the invoices after %q: %+v, %v", after, page, err)
		}
		for _, i := range page.Invoices {
			ids = append(ids, i.ID)
		}
	}
	return ids
}

func TestTwoSubscriptionsOfOneCustomer(t *testing.T) {
	t.Parallel()
	k := newTown(t, stripetest.Options{})
	o, first := k.subscribed(t, "a", 1, 3)
	k.stripe.Advance(time.Hour)
	if _, err := k.stripe.SubscribeByHand(k.account(t, o).CustomerID, k.price, 5); err != nil {
		t.Fatal(err)
	}
	k.settle(t)
	k.stands(t, o, "two", store.AccessActive, store.ReasonTwoSubscriptions)
	if a := k.account(t, o); a.SubscriptionID != first {
		t.Errorf("the one that counts is %s, want the older %s", a.SubscriptionID, first)
	}
	if got := k.mails(t)[store.MailTwoSubscriptions]; got != 2 {
		t.Errorf("%d mails, want one to the owners and one to the operators", got)
	}
}

func TestDunningEndsInACancellation(t *testing.T) {
	t.Parallel()
	k := newTown(t, stripetest.Options{}, func(c *Config) { c.Grace = 4 * aDay })
	o, sub := k.subscribed(t, "a", 1, 3)
	seen, _ := k.stripe.Subscription(sub)
	if err := k.stripe.SetCard(seen.Customer, stripetest.CardDeclined); err != nil {
		t.Fatal(err)
	}
	k.stripe.AdvanceTo(seen.TrialEnd.Add(2 * time.Hour))
	k.settle(t)
	k.stands(t, o, "failed once", store.AccessGrace, store.ReasonPaymentFailed)
	k.stripe.AdvanceTo(seen.TrialEnd.Add(4*aDay + 2*time.Hour))
	k.stands(t, o, "grace over, by the clock alone", store.AccessSuspended, store.ReasonPaymentFailed)
	k.settle(t)
	k.stands(t, o, "failed twice", store.AccessSuspended, store.ReasonPaymentFailed)
	k.stripe.AdvanceTo(seen.TrialEnd.Add(30 * aDay))
	k.settle(t)
	k.stands(t, o, "given up", store.AccessCanceled, store.ReasonPaymentFailed)
	got := k.mails(t)
	if got[store.MailPaymentFailed] < 2 || got[store.MailSuspended] != 1 || got[store.MailCanceled] != 1 {
		t.Errorf("mails %v", got)
	}
}
