package billing

// invariant_news_test.go has the ways in which what Stripe says is not heard (I3, I6) or not
// heeded (I7).

import (
	"net/http"
	"testing"
	"time"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/store"
)

func illsOfNews() []ill {
	return []ill{
		{name: "I3 a cancellation that nobody heard of", ruin: cancelUnheard(true)},
		{name: "I3 a payment that failed unheard", ruin: failPaymentUnheard, wider: true},
		{name: "I6 an event that waits", ruin: leaveEvent, after: 11 * time.Minute, subject: "inbox"},
		{name: "I6 an endpoint that refuses", ruin: refuseEvents, after: 2 * time.Hour, subject: "endpoint"},
		{name: "I7 suspended without a debt", ruin: suspendDebtless},
		{name: "I7 tools in spite of a debt", ruin: allowDebtor},
	}
}

func cancelUnheard(atPeriodEnd bool) func(*testing.T, scene) (heal func()) {
	return func(t *testing.T, s scene) func() {
		must(t, s.stripe.CancelByHand(s.sub, atPeriodEnd))
		return nil
	}
}

func failPaymentUnheard(t *testing.T, s scene) (heal func()) {
	s.setCard(t, s.org, stripetest.CardDeclined)
	s.stripe.AdvanceTo(s.account(t, s.org).PeriodEnd.Add(2 * time.Hour))
	s.count(t, s.org, 10)
	return nil
}

func leaveEvent(t *testing.T, s scene) (heal func()) {
	_, err := s.store.ReceiveStripeEvent(t.Context(), store.StripeEvent{
		ID: "evt_1", Type: "customer.updated", Customer: s.account(t, s.org).CustomerID, Created: s.now(),
	})
	must(t, err)
	return nil
}

func refuseEvents(t *testing.T, s scene) (heal func()) {
	refuse := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	s.stripe.AddEndpoint(stripetest.Endpoint{Secret: testSecret, Handler: refuse})
	must(t, s.stripe.CancelByHand(s.sub, true))
	s.stripe.Deliver()
	s.refresh(t, s.org)
	return func() { s.stripe.Advance(25 * time.Hour) }
}

// tamper changes the access that is known here of the org.
func (s scene) tamper(t *testing.T, access store.Access, reason store.AccessReason) {
	t.Helper()
	a := s.account(t, s.org)
	a.Access, a.AccessReason = access, reason
	_, err := s.org.SaveBilling(t.Context(), system(), a)
	must(t, err)
}

func suspendDebtless(t *testing.T, s scene) (heal func()) {
	s.tamper(t, store.AccessSuspended, store.ReasonPaymentFailed)
	return nil
}

func allowDebtor(t *testing.T, s scene) (heal func()) {
	failPaymentUnheard(t, s)
	s.refresh(t, s.org)
	s.tamper(t, store.AccessActive, store.ReasonSubscribed)
	return nil
}
