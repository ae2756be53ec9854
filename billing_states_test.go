package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

const (
	statesFile = "docs/billing-states.md"
	statesHead = `# Every state of billing

What an owner sees, what an assistant gets and which mail goes out, in every state that an org can be in. The table is written
by ` + "`go test -run TestEveryStateOfBilling . -update`" + `: each row is an org that was brought into its state at a Stripe with a clock,
whose billing page was opened, whose assistant called a tool, and whose outbox was read. Dates are those of that clock.
The price is $5.00, the org has 10 active listings, and grace is none unless the row says so.

| State | Stripe's status | Access | The owner sees | The assistant gets | Mail of this step |
| --- | --- | --- | --- | --- | --- |
`
)

// state is a row of the table: how an org comes into it.
type state struct {
	name    string
	grace   time.Duration
	options stripetest.Options
	into    func(h *stateHouse)
}

// row brings an org into the state, and says what is to be seen then.
func (s state) row(t *testing.T) string {
	t.Helper()
	h := newStateHouse(t, s.grace, s.options)
	s.into(h)
	mails := h.mails() // of these steps alone
	org, _, err := h.store.OrgByAPIKey(t.Context(), h.org.APIKey)
	h.do(err)
	access, answer := org.Access(), h.answered()
	if letThrough := answer == answered; letThrough != access.Allowed() {
		t.Errorf("access %s, and the assistant is let through: %v", access.Access, letThrough)
	}
	return fmt.Sprintf("| %s | %s | %s (%s) | %s | %s | %s |\n", s.name, h.status(), access.Access, access.Reason, h.seen(), answer, mails)
}

// billingStates are the rows in their order.
func billingStates() []state {
	return slices.Concat(trialStates(), paymentStates(), endStates(), outsideStates())
}

// trialStates are those of an org from the connection to the first payment.
func trialStates() []state {
	before := func(left time.Duration) func(*stateHouse) {
		return func(h *stateHouse) {
			h.connect()
			h.stripe.AdvanceTo(h.account().TrialEndsAt.Add(-left))
			h.settle()
		}
	}
	return []state{
		{name: "Not connected", into: func(*stateHouse) {}},
		{name: "Trial", into: (*stateHouse).connect},
		{name: "Trial, two days left", into: before(2 * oneDay)},
		{name: "Trial over", into: func(h *stateHouse) { before(time.Hour)(h); h.earlier(); h.stripe.Advance(2 * time.Hour); h.settle() }},
		{name: "No trial: the Hostaway account had its own", into: func(h *stateHouse) {
			h.connect()
			h.do(h.org.Org.Disconnect(h.ctx(), h.org.By()))
			h.org = storetest.Org(h.t, h.store, "Alpine Stays II")
			h.connect()
		}},
		{name: "Subscribed in the trial", into: func(h *stateHouse) { h.connect(); h.subscribe() }},
		{name: "Subscribed in the trial, which was ended at Stripe by hand, and the payment failed", into: (*stateHouse).failedInTrial},
		{name: "The same, two days before the trial ends", into: func(h *stateHouse) {
			h.failedInTrial()
			h.earlier()
			h.stripe.AdvanceTo(h.account().TrialEndsAt.Add(-2 * oneDay))
			h.settle()
		}},
		{name: "The same, the trial is over", into: func(h *stateHouse) {
			h.failedInTrial()
			h.earlier()
			h.stripe.AdvanceTo(h.account().TrialEndsAt.Add(time.Hour))
			h.settle()
		}},
		{name: "The same, and Stripe gave up while the trial runs", options: givesUpSoon(), into: func(h *stateHouse) {
			h.failedInTrial()
			h.earlier()
			h.stripe.Advance(2 * oneDay)
			h.settle()
		}},
		{name: "That, the trial is over", options: givesUpSoon(), into: func(h *stateHouse) {
			h.failedInTrial()
			h.stripe.Advance(2 * oneDay)
			h.earlier()
			h.stripe.AdvanceTo(h.account().TrialEndsAt.Add(time.Hour))
			h.settle()
		}},
		{name: "Canceled at Stripe while the trial runs", into: func(h *stateHouse) {
			h.connect()
			h.subscribe()
			h.do(h.stripe.CancelByHand(h.account().SubscriptionID, false))
			h.settle()
		}},
		{name: "Customer deleted at Stripe while the trial runs", into: func(h *stateHouse) {
			h.connect()
			h.subscribe()
			h.do(h.stripe.DeleteCustomer(h.account().CustomerID))
			h.settle()
		}},
		{name: "The hour after the trial, nothing charged yet", into: func(h *stateHouse) {
			h.connect()
			h.subscribe()
			h.stripe.AdvanceTo(h.account().TrialEndsAt.Add(10 * time.Minute))
			h.settle()
		}},
	}
}

// paymentStates are those of an org while it pays, or fails to.
func paymentStates() []state {
	return []state{
		{name: "Active", into: (*stateHouse).charged},
		{name: "First payment not confirmed", into: func(h *stateHouse) {
			h.charged()
			h.do(h.stripe.CancelByHand(h.account().SubscriptionID, false))
			h.do(h.stripe.SetCard(h.account().CustomerID, stripetest.CardDeclined))
			h.earlier()
			_, err := h.stripe.SubscribeByHand(h.account().CustomerID, h.price, 10)
			h.do(err)
			h.settle()
		}},
		{name: "Payment failed, grace of 3 days", grace: 3 * oneDay, into: func(h *stateHouse) { h.failed(); h.settle() }},
		{name: "Grace over", grace: 2 * oneDay, into: func(h *stateHouse) { h.failed(); h.earlier(); h.stripe.Advance(2 * oneDay); h.settle() }},
		{name: "Payment failed, no grace", into: func(h *stateHouse) { h.failed(); h.settle() }},
		{name: "Paid after that", into: func(h *stateHouse) {
			h.failed()
			h.earlier()
			h.do(h.stripe.PayInvoice(h.latest()))
			h.settle()
		}},
		{name: "Stripe gave up, the account keeps such subscriptions", options: stripetest.Options{AfterRetries: stripetest.ThenUnpaid}, into: func(h *stateHouse) {
			h.failed()
			h.stripe.Advance(10 * oneDay)
			h.earlier()
			h.stripe.Advance(10 * oneDay)
			h.settle()
		}},
		{name: "Stripe gave up and canceled", into: func(h *stateHouse) {
			h.failed()
			h.stripe.Advance(10 * oneDay)
			h.earlier()
			h.stripe.Advance(10 * oneDay)
			h.settle()
		}},
		{name: "Paused, by hand at Stripe", into: func(h *stateHouse) {
			h.charged()
			h.do(h.stripe.CancelByHand(h.account().SubscriptionID, false))
			h.do(h.stripe.SetCard(h.account().CustomerID, stripetest.CardNone))
			h.earlier()
			h.pausing()
			h.stripe.Advance(2 * oneDay)
			h.settle()
		}},
	}
}

// endStates are those of an org that ends its subscription, or has it changed at Stripe.
func endStates() []state {
	return []state{
		{name: "Canceled for the end of the period", into: func(h *stateHouse) {
			h.charged()
			h.do(h.room.Cancel(h.ctx(), h.org.Org, h.org.By(), ""))
		}},
		{name: "Payment failed, grace of 3 days, and canceled for the end of the period", grace: 3 * oneDay, into: (*stateHouse).canceledInDebt},
		{name: "Suspended, and canceled for the end of the period", into: (*stateHouse).canceledInDebt},
		{name: "Paid after that, still canceled", into: func(h *stateHouse) {
			h.canceledInDebt()
			h.earlier()
			h.do(h.stripe.PayInvoice(h.latest()))
			h.settle()
		}},
		{name: "Resumed instead of that, still suspended", into: func(h *stateHouse) {
			h.canceledInDebt()
			h.earlier()
			h.do(h.room.Resume(h.ctx(), h.org.Org, h.org.By()))
		}},
		{name: "Resumed", into: func(h *stateHouse) {
			h.charged()
			h.do(h.room.Cancel(h.ctx(), h.org.Org, h.org.By(), ""))
			h.earlier()
			h.do(h.room.Resume(h.ctx(), h.org.Org, h.org.By()))
		}},
		{name: "Ended", into: func(h *stateHouse) {
			h.charged()
			h.do(h.room.Cancel(h.ctx(), h.org.Org, h.org.By(), ""))
			h.earlier()
			h.stripe.AdvanceTo(h.account().PeriodEnd.Add(2 * time.Hour))
			h.settle()
		}},
		{name: "Subscribed again", into: func(h *stateHouse) {
			h.charged()
			h.do(h.stripe.CancelByHand(h.account().SubscriptionID, false))
			h.earlier()
			h.subscribe()
		}},
		{name: "Refunded", into: func(h *stateHouse) { h.charged(); h.do(h.stripe.Refund(h.latest())); h.settle() }},
		{name: "Disputed", into: func(h *stateHouse) {
			h.charged()
			_, err := h.stripe.Dispute(h.latest())
			h.do(err)
			h.settle()
		}},
		{name: "Customer deleted at Stripe", into: func(h *stateHouse) {
			h.charged()
			h.do(h.stripe.DeleteCustomer(h.account().CustomerID))
			h.settle()
		}},
		{name: "Two subscriptions", into: func(h *stateHouse) {
			h.charged()
			_, err := h.stripe.SubscribeByHand(h.account().CustomerID, h.price, 10)
			h.do(err)
			h.settle()
		}},
	}
}

// outsideStates are those of an org in which it is not the org that did something.
func outsideStates() []state {
	return []state{
		{name: "Stripe down for a day, as a payment fails", into: func(h *stateHouse) {
			h.charged()
			h.do(h.stripe.SetCard(h.account().CustomerID, stripetest.CardDeclined))
			end := *h.account().PeriodEnd
			h.stripe.Outage(end.Add(-time.Hour), end.Add(oneDay))
			h.stripe.AdvanceTo(end.Add(23 * time.Hour))
			h.settle()
		}},
		{name: "Somebody changed the quantity at Stripe, a second ago", into: func(h *stateHouse) {
			h.charged()
			h.do(h.stripe.ChangeQuantityByHand(h.account().SubscriptionID, 99))
			for h.stripe.Deliver() > 0 {
				_, err := h.room.WorkInbox(h.ctx())
				h.do(err)
			}
		}},
		{name: "Hostaway refuses the credentials", into: func(h *stateHouse) {
			h.charged()
			h.refused = true
			h.stripe.Advance(oneDay)
			h.count()
		}},
		{name: "A count of ten times as many is held", into: func(h *stateHouse) {
			h.charged()
			h.listings = 100
			h.stripe.Advance(oneDay)
			h.count()
			h.settle()
		}},
		{name: "Nothing to pay (set by the operator)", into: func(h *stateHouse) {
			h.connect()
			a := h.account()
			a.Access, a.AccessReason = store.AccessExempt, "complimentary"
			_, err := h.org.Org.SaveBilling(h.ctx(), h.org.By(), a)
			h.do(err)
		}},
	}
}

func TestEveryStateOfBilling(t *testing.T) {
	t.Parallel()
	states := billingStates()
	rows := make([]string, len(states))
	t.Run("states", func(t *testing.T) {
		for i, s := range states {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				rows[i] = s.row(t)
			})
		}
	})
	if t.Failed() {
		return
	}
	got := statesHead + strings.Join(rows, "")
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(statesFile, []byte(got), 0o644); err != nil { //nolint:gosec // a document
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(statesFile)
	if err != nil || string(want) != got {
		t.Errorf("%s is not what happens (%v): write it anew with -update and read what changed\n%s", statesFile, err, got)
	}
}
