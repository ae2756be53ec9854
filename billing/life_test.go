package billing

// life_test.go is an org's life in one go, from its trial to the second subscription.

import (
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/store"
)

// life is what an org goes through, a chapter a method.
type life struct {
	*town
	org      *store.Org
	sub      string // the subscription of its first half
	customer string
}

func TestFromTheTrialToTheEnd(t *testing.T) {
	t.Parallel()
	l := &life{town: newTown(t, stripetest.Options{})}
	l.org = l.connected(t, "a", 1, 84)
	l.stands(t, l.org, "connected", store.AccessTrial, store.ReasonTrial)
	l.subscribesInTheTrial(t)
	l.owesAndPays(t)
	l.cancelsAndResumes(t)
	l.ends(t)
	l.subscribesAgain(t)
	want := map[string]int{store.MailPaymentFailed: 1, store.MailRestored: 1, store.MailCanceled: 4}
	if diff := cmp.Diff(want, l.mails(t)); diff != "" {
		t.Errorf("mails (-want +got):\n%s", diff)
	}
}

func (l *life) subscribesInTheTrial(t *testing.T) {
	t.Helper()
	trialEnd := *l.account(t, l.org).TrialEndsAt
	l.stripe.Advance(4 * aDay)
	address, err := l.StartCheckout(t.Context(), l.org, l.actor())
	if u, perr := url.Parse(address); err != nil || perr != nil || u.Host == "" {
		t.Fatalf("Checkout at %q: %v", address, err)
	}
	l.stands(t, l.org, "at Checkout", store.AccessTrial, store.ReasonTrial)
	l.sub, err = l.stripe.CompleteCheckout(l.account(t, l.org).CheckoutSession)
	must(t, err)
	l.settle(t)
	l.stands(t, l.org, "subscribed", store.AccessActive, store.ReasonSubscribed)
	seen, _ := l.stripe.Subscription(l.sub)
	if seen.Status != "trialing" || !seen.TrialEnd.Equal(trialEnd.Truncate(time.Second)) || seen.Quantity() != 84 || seen.Metadata[metadataOrg] != l.org.ID() {
		t.Errorf("subscribed %+v, want the rest of the trial until %s", seen, trialEnd)
	}
	l.customer = seen.Customer

	l.stripe.AdvanceTo(trialEnd.Add(10 * time.Minute))
	l.settle(t)
	l.stands(t, l.org, "in the hour after the trial", store.AccessActive, store.ReasonSubscribed)
	l.stripe.Advance(2 * time.Hour)
	l.settle(t)
	l.stands(t, l.org, "charged", store.AccessActive, store.ReasonSubscribed)
	invoices := l.stripe.Invoices(l.customer)
	if n := len(invoices); n != 2 || invoices[0].Total+invoices[1].Total != 42000 {
		t.Errorf("invoices %+v, want one over nothing and one over 84 × 5.00", invoices)
	}
}

func (l *life) owesAndPays(t *testing.T) {
	t.Helper()
	must(t, l.stripe.SetCard(l.customer, stripetest.CardDeclined))
	l.stripe.Advance(31*aDay + 2*time.Hour)
	l.settle(t)
	l.stands(t, l.org, "the card failed", store.AccessSuspended, store.ReasonPaymentFailed)
	var open string
	for _, i := range l.stripe.Invoices(l.customer) {
		if i.Status == "open" {
			open = i.ID
		}
	}
	must(t, l.stripe.PayInvoice(open))
	l.settle(t)
	l.stands(t, l.org, "paid", store.AccessActive, store.ReasonSubscribed)
}

func (l *life) cancelsAndResumes(t *testing.T) {
	t.Helper()
	for range 2 { // the second is a double click
		must(t, l.Cancel(t.Context(), l.org, l.actor(), "too dear"))
	}
	end := l.account(t, l.org).CancelAt
	if end == nil || !end.Equal(*l.account(t, l.org).PeriodEnd) {
		t.Fatalf("ends %v, want with the period", end)
	}
	for range 2 {
		l.resumes(t)
	}
	must(t, l.stripe.CancelAtByHand(l.sub, l.stripe.Now().Add(5*aDay).Truncate(time.Second)))
	l.resumes(t) // from a day that the portal set
}

func (l *life) resumes(t *testing.T) {
	t.Helper()
	if err := l.Resume(t.Context(), l.org, l.actor()); err != nil || l.account(t, l.org).CancelAt != nil {
		t.Fatalf("resumed, ends %v: %v", l.account(t, l.org).CancelAt, err)
	}
}

func (l *life) ends(t *testing.T) {
	t.Helper()
	end := *l.account(t, l.org).PeriodEnd
	l.stripe.Advance(time.Minute)
	must(t, l.Cancel(t.Context(), l.org, l.actor(), ""))
	l.stripe.AdvanceTo(end.Add(time.Minute))
	l.stands(t, l.org, "ended, before Stripe says so", store.AccessCanceled, store.ReasonCanceled)
	l.settle(t)
	l.stands(t, l.org, "ended", store.AccessCanceled, store.ReasonCanceled)
	if err := l.Resume(t.Context(), l.org, l.actor()); !isFault(err, FaultNotSubscribed) {
		t.Errorf("resume what has ended: %v", err)
	}
}

func (l *life) subscribesAgain(t *testing.T) {
	t.Helper()
	_, err := l.StartCheckout(t.Context(), l.org, l.actor())
	must(t, err)
	_, err = l.stripe.CompleteCheckout(l.account(t, l.org).CheckoutSession)
	must(t, err)
	l.settle(t)
	l.stands(t, l.org, "subscribed again", store.AccessActive, store.ReasonSubscribed)
	if again := l.account(t, l.org); again.SubscriptionID == l.sub || again.CustomerID != l.customer {
		t.Errorf("subscribed again as %+v", again)
	}
}
