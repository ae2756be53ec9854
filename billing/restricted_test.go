package billing

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/store"
)

// logged is a log that can be read while it is written.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) says(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), text)
}

// TestAKeyThatMayNotReadCharges: refunds and disputes are not seen then, and nothing
// else is wrong: access follows payments, invoices are shown, no event waits. With the
// right, what was not seen is, at the next look.
func TestAKeyThatMayNotReadCharges(t *testing.T) {
	t.Parallel()
	log := &logged{}
	k := newTown(t, stripetest.Options{}, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(log, nil)) })
	// Neither a charge by its id, nor those of a customer, nor one that is expanded in a list of invoices.
	k.stripe.Fail(stripetest.Fault{Path: "/v1/charges/*", Times: -1, Kind: stripetest.Forbidden})
	k.stripe.Fail(stripetest.Fault{Path: "/v1/charges", Times: -1, Kind: stripetest.Forbidden})
	expanding := stripetest.Fault{Method: "GET", Path: "/v1/invoices", Kind: stripetest.Forbidden}
	o := k.charged(t, "a", 1, 3)
	k.stands(t, o, "charged", store.AccessActive, store.ReasonSubscribed)
	if !log.says("may not read charges") {
		t.Error("the log does not say that refunds are not seen")
	}

	a := k.account(t, o)
	if err := k.stripe.Refund(a.LatestInvoiceID); err != nil {
		t.Fatal(err)
	}
	if _, err := k.stripe.Dispute(a.LatestInvoiceID); err != nil {
		t.Fatal(err)
	}
	k.settle(t)
	k.stands(t, o, "refunded and disputed, unseen", store.AccessActive, store.ReasonSubscribed)
	if n := k.pending(t); n != 0 {
		t.Errorf("%d events wait for a right that the key has not", n)
	}
	k.stripe.Fail(expanding)
	if page, err := k.Invoices(t.Context(), o, ""); err != nil || len(page.Invoices) == 0 || page.Invoices[0].Status != "paid" {
		t.Errorf("the invoices: %+v (%v)", page, err)
	}
	if _, err := k.Reconcile(t.Context()); err != nil {
		t.Errorf("the reconciler: %v", err)
	}

	// A payment that fails and one that comes are noticed as ever.
	if err := k.stripe.SetCard(a.CustomerID, stripetest.CardDeclined); err != nil {
		t.Fatal(err)
	}
	k.stripe.AdvanceTo(a.PeriodEnd.Add(2 * time.Hour))
	k.settle(t)
	k.stands(t, o, "failed", store.AccessSuspended, store.ReasonPaymentFailed)
	if err := k.stripe.PayInvoice(k.account(t, o).LatestInvoiceID); err != nil {
		t.Fatal(err)
	}
	k.settle(t)
	k.stands(t, o, "paid", store.AccessActive, store.ReasonSubscribed)

	if err := k.stripe.Refund(k.account(t, o).LatestInvoiceID); err != nil {
		t.Fatal(err)
	}
	k.settle(t)
	k.stands(t, o, "refunded, unseen", store.AccessActive, store.ReasonSubscribed)
	k.stripe.Heal()
	if err := k.Refresh(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	k.stands(t, o, "with the right to read charges", store.AccessActive, store.ReasonDisputed)
	if got := k.mails(t); got[store.MailRefunded] != 4 || got[store.MailDisputed] != 2 {
		t.Errorf("with the right to read charges: mails %v, want two of each of two refunds and one dispute", got)
	}
}

// pending is how many events wait in the inbox.
func (k *town) pending(t *testing.T) int {
	t.Helper()
	all, err := k.store.PendingStripeEvents(t.Context(), k.stripe.Now().AddDate(1, 0, 0), 1000)
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}
