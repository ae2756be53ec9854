package billing

import (
	"slices"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/store"
)

// depart deletes the org, with what Stripe is told of it if told.
func (o *office) depart(t *testing.T, org *store.Org, told bool) {
	t.Helper()
	if told {
		if _, err := o.Leave(t.Context(), org); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := o.store.DeleteOrg(t.Context(), org); err != nil {
		t.Fatal(err)
	}
	o.stripe.Advance(2 * time.Hour)
}

// clean fails the test if anything is broken, or found by a nightly run.
func (o *office) clean(t *testing.T) {
	t.Helper()
	if ids := o.broken(t); len(ids) > 0 {
		t.Errorf("billing check finds %v broken", ids)
	}
	o.sweep(t, true)
	for _, id := range []string{invKnown, invStray} {
		if open := o.found(t, id); len(open) > 0 {
			t.Errorf("found: %+v", open)
		}
	}
}

// mark sets metadata of a customer, as a person does in Stripe's dashboard.
func (o *office) mark(t *testing.T, customer, key, value string) {
	t.Helper()
	_, err := o.Billing.stripe.customers.Update(customer, &stripe.CustomerParams{
		Params: stripe.Params{Context: t.Context(), IdempotencyKey: stripe.String("mark " + customer)}, Metadata: map[string]string{key: value},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestInvariantsHoldAfterAnOrgLeft(t *testing.T) {
	t.Parallel()
	for name, customerOf := range map[string]func(*testing.T, *office, *store.Org){
		"that paid":               func(t *testing.T, o *office, org *store.Org) { o.subscribe(t, org) },
		"that opened a page only": func(t *testing.T, o *office, org *store.Org) { o.customer(t, org) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			org := o.org(t, 1, 10)
			customerOf(t, o, org)
			o.depart(t, org, true)
			o.clean(t)
		})
	}
}

// TestInvariantsTellOfAnOrgThatNobodyToldStripeOf: it was deleted with --keep-stripe.
func TestInvariantsTellOfAnOrgThatNobodyToldStripeOf(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org, sub := o.subscriber(t, 1, 10)
	customer := o.account(t, org).CustomerID
	o.depart(t, org, false)
	if ids := o.broken(t); !slices.Equal(ids, []string{invKnown, invStray}) {
		t.Fatalf("broken %v", ids)
	}
	o.mark(t, customer, metadataLeft, marked)
	if ids := o.broken(t); !slices.Equal(ids, []string{invStray}) {
		t.Fatalf("with the mark, and a subscription that goes on: %v", ids)
	}
	must(t, o.stripe.CancelByHand(sub, false))
	o.clean(t)
}

func TestInvariantsHoldAfterACustomerWasDeletedAndSubscribedAgain(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org, _ := o.subscriber(t, 1, 10)
	old := o.account(t, org).CustomerID
	o.stripe.Advance(time.Hour)
	must(t, o.stripe.DeleteCustomer(old))
	o.refresh(t, org)
	a, err := o.ensureCustomer(t.Context(), org, o.account(t, org))
	if err != nil || a.CustomerID == old {
		t.Fatalf("customer %s, %v", a.CustomerID, err)
	}
	must(t, o.stripe.SetCard(a.CustomerID, stripetest.CardGood))
	if _, err := o.stripe.SubscribeByHand(a.CustomerID, o.price, 10); err != nil {
		t.Fatal(err)
	}
	o.refresh(t, org)
	o.bring(t)
	o.stripe.Advance(2 * time.Hour)
	o.clean(t)
}

// TestInvariantsDoNotAskWhoseAFreeInvoiceIs: nobody paid anything with it.
func TestInvariantsDoNotAskWhoseAFreeInvoiceIs(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		quantity int64
		broken   []string
	}{{0, nil}, {1, []string{invKnown}}} {
		o := newOffice(t)
		customer := o.customer(t, o.org(t, 1, 10))
		stranger, err := o.Billing.stripe.customers.New(&stripe.CustomerParams{Params: stripe.Params{Context: t.Context(), IdempotencyKey: stripe.String("c")}})
		if err != nil || stranger.ID == customer {
			t.Fatal(stranger, err)
		}
		must(t, o.stripe.SetCard(stranger.ID, stripetest.CardGood))
		sub, err := o.stripe.SubscribeByHand(stranger.ID, o.price, test.quantity)
		if err != nil {
			t.Fatal(err)
		}
		must(t, o.stripe.CancelByHand(sub, false))
		if paid := o.stripe.Invoices(stranger.ID); len(paid) != 1 || paid[0].Status != "paid" {
			t.Fatalf("invoices %+v", paid)
		}
		if ids := o.broken(t); !slices.Equal(ids, test.broken) {
			t.Errorf("quantity %d: broken %v, want %v", test.quantity, ids, test.broken)
		}
	}
}

// TestLeaveFailsWhenTheCustomerCanNotBeMarked: nothing may be deleted then, and
// leaving again finishes it.
func TestLeaveFailsWhenTheCustomerCanNotBeMarked(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org, sub := o.subscriber(t, 1, 10)
	o.stripe.Fail(stripetest.Fault{Method: "POST", Path: "/v1/customers/*", Kind: stripetest.Forbidden, Times: -1})
	ended, err := o.Leave(t.Context(), org)
	if kindOf(err) == "" || !slices.Equal(ended, []string{sub}) {
		t.Fatalf("ended %v, %v", ended, err)
	}
	o.stripe.Heal()
	o.depart(t, org, true)
	o.clean(t)
}

// TestLeaveOfADeletedCustomer has nothing to end and nothing to mark.
func TestLeaveOfADeletedCustomer(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org, _ := o.subscriber(t, 1, 10)
	must(t, o.stripe.DeleteCustomer(o.account(t, org).CustomerID))
	o.depart(t, org, true)
	o.clean(t)
}
