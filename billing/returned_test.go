package billing

// returned_test.go: refunds and disputes of any invoice are told, each once.

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/store"
)

// way is one in which money goes back.
type way struct {
	kind   string
	reason store.AccessReason
	do     func(k *town, invoice string) error
}

func waysBack() []way {
	return []way{
		{"refunded", store.ReasonRefunded, func(k *town, invoice string) error { return k.stripe.Refund(invoice) }},
		{"disputed", store.ReasonDisputed, func(k *town, invoice string) error {
			_, err := k.stripe.Dispute(invoice)
			return err
		}},
	}
}

// paidThrice is an org with three paid invoices, and their ids, the newest first.
func (k *town) paidThrice(t *testing.T) (*store.Org, []string) {
	t.Helper()
	o := k.charged(t, "a", 1, 3)
	for range 2 {
		k.stripe.AdvanceTo(k.account(t, o).PeriodEnd.Add(2 * time.Hour))
		k.settle(t)
	}
	var paid []string
	for _, v := range k.stripe.Invoices(k.account(t, o).CustomerID) {
		if v.Paid > 0 {
			paid = append(paid, v.ID)
		}
	}
	if len(paid) != 3 || paid[0] != k.account(t, o).LatestInvoiceID {
		t.Fatalf("paid are %v, and the latest invoice is %s", paid, k.account(t, o).LatestInvoiceID)
	}
	return o, paid
}

// heard is what was told of money that went back: mails by kind, and audit rows.
func (k *town) heard(t *testing.T, o *store.Org) string {
	t.Helper()
	rows := ""
	page, _, err := o.ListAudit(t.Context(), store.AuditFilter{Limit: 200})
	must(t, err)
	for _, e := range page {
		if e.Action == "billing.payment_refunded" || e.Action == "billing.payment_disputed" {
			rows = " " + e.Action[len("billing.payment_"):] + " " + e.Target + rows
		}
	}
	got := k.mails(t)
	return fmt.Sprintf("%d refunded, %d disputed:%s", got[store.MailRefunded], got[store.MailDisputed], rows)
}

func (k *town) hears(t *testing.T, o *store.Org, when, want string) {
	t.Helper()
	if got := k.heard(t, o); got != want {
		t.Errorf("%s: %s, want %s", when, got, want)
	}
}

// TestMoneyOfAnyInvoiceThatGoesBackIsTold: of the first of three, of the latest, and of
// one after another. Access stays; the page speaks of it until the next invoice.
func TestMoneyOfAnyInvoiceThatGoesBackIsTold(t *testing.T) {
	t.Parallel()
	for _, w := range waysBack() {
		for which := range 3 {
			t.Run(fmt.Sprint(w.kind, " ", which), func(t *testing.T) {
				t.Parallel()
				k := newTown(t, stripetest.Options{})
				o, paid := k.paidThrice(t)
				k.hears(t, o, "before", "0 refunded, 0 disputed:")
				must(t, w.do(k, paid[which]))
				k.settle(t)
				k.stands(t, o, w.kind, store.AccessActive, w.reason)
				told := map[string]string{"refunded": "2 refunded, 0 disputed", "disputed": "0 refunded, 2 disputed"}[w.kind] + ": " + w.kind + " " + paid[which]
				k.hears(t, o, w.kind, told)
				k.paysBack(t, paid[which])

				must(t, k.Refresh(t.Context(), o))
				k.hears(t, o, "read again", told)
				k.stripe.AdvanceTo(k.account(t, o).PeriodEnd.Add(2 * time.Hour))
				k.settle(t)
				k.stands(t, o, "after the next invoice", store.AccessActive, store.ReasonSubscribed)
				k.hears(t, o, "after the next invoice", told)
			})
		}
	}
}

// paysBack fails the test unless the mails have the sum of that invoice.
func (k *town) paysBack(t *testing.T, invoice string) {
	t.Helper()
	due, err := k.store.DueMails(t.Context(), k.stripe.Now().Add(time.Hour), 1000)
	must(t, err)
	for _, m := range due {
		var p store.BillingMail
		if m.Kind != store.MailRefunded && m.Kind != store.MailDisputed {
			continue
		}
		must(t, json.Unmarshal([]byte(m.Payload.Reveal()), &p))
		for _, v := range k.stripe.Invoices("") {
			if v.ID == invoice && (p.Amount != v.Paid || p.Currency != "usd" || p.Reason != "") {
				t.Errorf("the mail %s has %d %s (%s), and the invoice was paid with %d", m.Kind, p.Amount, p.Currency, p.Reason, v.Paid)
			}
		}
	}
}

// TestMoneyThatGoesBackOneAfterAnother: each is told, though the page says the same, and
// two events that are worked off together are both heard.
func TestMoneyThatGoesBackOneAfterAnother(t *testing.T) {
	t.Parallel()
	k := newTown(t, stripetest.Options{})
	o, paid := k.paidThrice(t)
	must(t, k.stripe.Refund(paid[2]))
	k.settle(t)
	must(t, k.stripe.Refund(paid[1]))
	must(t, k.stripe.Refund(paid[0]))
	k.settle(t)
	k.stands(t, o, "all refunded", store.AccessActive, store.ReasonRefunded)
	if got := k.mails(t)[store.MailRefunded]; got != 6 {
		t.Errorf("%d mails of three refunds, want two of each", got)
	}
	_, err := k.stripe.Dispute(paid[1])
	must(t, err)
	k.settle(t)
	k.stands(t, o, "disputed too", store.AccessActive, store.ReasonDisputed)
	if got := k.mails(t)[store.MailDisputed]; got != 2 {
		t.Errorf("%d mails of a dispute", got)
	}
}

// TestARefundWhoseEventIsLost: the sweep fetches it, and the inbox reads it.
func TestARefundWhoseEventIsLost(t *testing.T) {
	t.Parallel()
	for _, w := range waysBack() {
		t.Run(w.kind, func(t *testing.T) {
			t.Parallel()
			k := newTown(t, stripetest.Options{})
			o, paid := k.paidThrice(t)
			must(t, w.do(k, paid[2])) // and nothing is delivered
			k.stripe.Advance(2 * time.Minute)
			if n, err := k.WorkInbox(t.Context()); n != 0 || err != nil {
				t.Fatalf("%d events arrived (%v)", n, err)
			}
			if _, err := k.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := k.WorkInbox(t.Context()); err != nil {
				t.Fatal(err)
			}
			k.stands(t, o, w.kind, store.AccessActive, w.reason)
		})
	}
}

// TestARefundAfterTheEnd: who cancels at once gives money back next. It is told, and
// nobody reads that assistants go on working.
func TestARefundAfterTheEnd(t *testing.T) {
	t.Parallel()
	k := newTown(t, stripetest.Options{})
	o, paid := k.paidThrice(t)
	must(t, k.stripe.CancelByHand(k.account(t, o).SubscriptionID, false))
	k.settle(t)
	must(t, k.stripe.Refund(paid[1]))
	k.settle(t)
	k.stands(t, o, "canceled and refunded", store.AccessCanceled, store.ReasonCanceled)
	k.hears(t, o, "canceled and refunded", "2 refunded, 0 disputed: refunded "+paid[1])
	due, err := k.store.DueMails(t.Context(), k.stripe.Now().Add(time.Hour), 1000)
	must(t, err)
	for _, m := range due {
		var p store.BillingMail
		must(t, json.Unmarshal([]byte(m.Payload.Reveal()), &p))
		if m.Kind == store.MailRefunded && p.Reason != string(store.ReasonCanceled) {
			t.Errorf("the mail does not know that tools are switched off: %+v", p)
		}
	}
}
