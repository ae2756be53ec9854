package billing

// invariant_bills_test.go has the ways in which something wrong is billed: another quantity
// (I1, I4), another subscription (I2, I8), by old counts or to nobody (I5, I8).

import (
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/hostaway"
)

func illsOfBills() []ill {
	return []ill{
		{name: "I1 somebody changes the quantity", ruin: changeQuantity, after: time.Hour},
		{name: "I1 a quantity does not get there", ruin: refuseQuantity, after: 3 * time.Hour},
		{name: "I2 a second item", ruin: addItem},
		{name: "I2 tools without a subscription", ruin: cancelUnheard(false), wider: true},
		{name: "I4 a slice that the ledger does not know", ruin: billUnknownSlice},
		{name: "I5 not counted for a day", ruin: breakOffCounts, after: 27 * time.Hour},
		{name: "I5 refused credentials", ruin: refuseCredentials, after: 27 * time.Hour},
		{name: "I5 an invoice of nobody", ruin: billNobody, subject: "in_", wider: true},
		{name: "I8 a second subscription", ruin: subscribeTwice},
		{name: "I8 a customer of nobody", ruin: leaveCustomer, after: 2 * time.Hour, subject: "cus_"},
		{name: "I8 a count that is held for days", ruin: holdCount},
	}
}

func changeQuantity(t *testing.T, s scene) (heal func()) {
	must(t, s.stripe.ChangeQuantityByHand(s.sub, 99))
	return nil
}

func refuseQuantity(t *testing.T, s scene) (heal func()) {
	s.stripe.Fail(stripetest.Fault{Method: "POST", Path: "/v1/subscriptions/*", Kind: stripetest.Forbidden, Times: -1})
	s.count(t, s.org, 12)
	s.bring(t)
	s.stripe.Advance(59 * time.Minute)
	s.bring(t)
	return s.stripe.Heal
}

func addItem(t *testing.T, s scene) (heal func()) {
	must(t, s.stripe.AddItemByHand(s.sub, s.stripe.AddPrice(stripetest.Price{Currency: "usd", UnitAmount: 100}), 1))
	return func() {
		x, _ := s.stripe.Subscription(s.sub)
		_, err := s.Billing.stripe.subscriptions.Update(s.sub, &stripe.SubscriptionParams{
			Params: stripe.Params{Context: t.Context(), IdempotencyKey: stripe.String("drop")},
			Items:  []*stripe.SubscriptionItemsParams{{ID: stripe.String(x.Items[1].ID), Deleted: stripe.Bool(true)}},
		})
		must(t, err)
	}
}

func billUnknownSlice(t *testing.T, s scene) (heal func()) {
	must(t, s.stripe.ChangeQuantityByHand(s.sub, 99))
	s.stripe.Advance(3 * 24 * time.Hour)
	must(t, s.stripe.ChangeQuantityByHand(s.sub, 10))
	next := func() {
		s.stripe.AdvanceTo(s.stripe.Subscriptions("")[0].PeriodEnd.Add(3 * time.Hour))
		s.count(t, s.org, 10)
		s.sweep(t, false)
	}
	next()
	return next // the next period is right again
}

func breakOffCounts(t *testing.T, s scene) (heal func()) {
	s.hostaway.breakOff(s.org)
	return func() { s.count(t, s.org, 10) }
}

func refuseCredentials(t *testing.T, s scene) (heal func()) {
	s.hostaway.refuse(s.org, &hostaway.Error{Code: hostaway.CredentialsRefused})
	must(t, s.org.MarkConnectionRefused(t.Context(), 1, "refused"))
	return func() {
		must(t, s.org.MarkConnectionChecked(t.Context(), 1, nil, time.Time{}))
		s.count(t, s.org, 10)
	}
}

// stranger is a customer at Stripe whom no org here knows.
func (s scene) stranger(t *testing.T, metadata map[string]string) (id string) {
	t.Helper()
	c, err := s.Billing.stripe.customers.New(&stripe.CustomerParams{
		Params: stripe.Params{Context: t.Context(), IdempotencyKey: stripe.String("stranger")}, Metadata: metadata,
	})
	must(t, err)
	return c.ID
}

func billNobody(t *testing.T, s scene) (heal func()) {
	nobody := s.stranger(t, nil)
	must(t, s.stripe.SetCard(nobody, stripetest.CardGood))
	sub, err := s.stripe.SubscribeByHand(nobody, s.price, 3)
	must(t, err)
	return func() {
		must(t, s.stripe.CancelByHand(sub, false))
		s.stripe.Advance(4 * 24 * time.Hour)
	}
}

func subscribeTwice(t *testing.T, s scene) (heal func()) {
	s.stripe.Advance(time.Second)
	second, err := s.stripe.SubscribeByHand(s.account(t, s.org).CustomerID, s.price, 10)
	must(t, err)
	return func() { must(t, s.stripe.CancelByHand(second, false)) }
}

func leaveCustomer(t *testing.T, s scene) (heal func()) {
	left := s.stranger(t, map[string]string{metadataOrg: "org_gone"})
	return func() { must(t, s.stripe.DeleteCustomer(left)) }
}

func holdCount(t *testing.T, s scene) (heal func()) {
	for range 4 {
		s.count(t, s.org, 100)
		s.stripe.Advance(20 * time.Hour)
	}
	return func() { must(t, s.ReleaseHold(t.Context(), s.org, 100, system())) }
}
