// What becomes of subscriptions: months, trials, failed payments, credit, and the ends.
package stripetest_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"

	"hostaway-mcp/billing/stripetest"
)

func TestPeriodsFollowTheAnchor(t *testing.T) {
	t.Parallel()
	a := newAccount(t, stripetest.Options{Now: date("2027-01-31").Add(12 * time.Hour)})
	x := a.subscribe(t, 1, 0)
	var ends []string
	for range 5 {
		end := a.seen(t, x.ID).PeriodEnd
		ends = append(ends, end.Format(time.DateTime))
		a.AdvanceTo(end.Add(time.Hour))
	}
	want := []string{"2027-02-28 12:00:00", "2027-03-31 12:00:00", "2027-04-30 12:00:00", "2027-05-31 12:00:00", "2027-06-30 12:00:00"}
	if diff := cmp.Diff(want, ends); diff != "" {
		t.Error(diff)
	}
}

// since gives the types of the events after the first n.
func (a *account) since(n int) []string {
	var types []string
	for _, e := range a.Events()[n:] {
		types = append(types, e.Type)
	}
	return types
}

func TestARenewalTellsInThisOrder(t *testing.T) {
	t.Parallel()
	a := newAccount(t, stripetest.Options{})
	x := a.subscribe(t, 2, 0)
	n := len(a.Events())
	end := a.seen(t, x.ID).PeriodEnd
	a.AdvanceTo(end)
	if diff := cmp.Diff([]string{"customer.subscription.updated", "invoice.created"}, a.since(n)); diff != "" {
		t.Errorf("at the period's end: %s", diff)
	}
	if got := a.Invoices(a.customer)[0]; got.Status != "draft" {
		t.Errorf("the renewal begins as %s", got.Status)
	}
	a.Advance(time.Hour)
	if diff := cmp.Diff([]string{"invoice.finalized", "invoice.paid", "invoice.payment_succeeded"}, a.since(n+2)); diff != "" {
		t.Errorf("an hour later: %s", diff)
	}
}

func TestATrialIsActiveForAnHourBeforeItsFirstCharge(t *testing.T) {
	t.Parallel()
	a := newAccount(t, stripetest.Options{})
	x := a.subscribe(t, 3, 14)
	if !slices.Contains(a.since(0), "invoice.payment_succeeded") || a.Invoices(a.customer)[0].Total != 0 {
		t.Errorf("a trial begins with an invoice over nothing that is paid: %q", a.since(0))
	}
	must(a.setQuantity(x, 5, time.Time{}))(t)
	if got := a.seen(t, x.ID); len(got.Pending) != 0 || got.Quantity() != 5 {
		t.Errorf("a change in the trial leaves %v", got.Pending)
	}
	succeed(t, a.SetCard(a.customer, stripetest.CardDeclined))
	a.AdvanceTo(date("2026-01-21").Add(time.Minute))
	if !slices.Contains(a.since(0), "customer.subscription.trial_will_end") {
		t.Errorf("three days before: %q", a.since(0))
	}
	for _, step := range []struct {
		at     time.Time
		status string
	}{
		{date("2026-01-23"), "trialing"},
		{date("2026-01-24").Add(time.Minute), "active"},
		{date("2026-01-24").Add(61 * time.Minute), "past_due"},
	} {
		a.AdvanceTo(step.at)
		if got := a.seen(t, x.ID).Status; got != step.status {
			t.Errorf("at %s it is %s, want %s", step.at, got, step.status)
		}
	}
}

func TestTrialEndsWithoutACard(t *testing.T) {
	t.Parallel()
	for behavior, want := range map[string]string{"cancel": "canceled", "pause": "paused", "create_invoice": "past_due"} {
		t.Run(behavior, func(t *testing.T) {
			t.Parallel()
			a := newAccount(t, stripetest.Options{})
			succeed(t, a.SetCard(a.customer, stripetest.CardNone))
			x := must(a.api.Subscriptions.New(&stripe.SubscriptionParams{
				Customer: stripe.String(a.customer), TrialPeriodDays: stripe.Int64(14),
				Items:         []*stripe.SubscriptionItemsParams{{Price: stripe.String(a.price), Quantity: stripe.Int64(1)}},
				TrialSettings: &stripe.SubscriptionTrialSettingsParams{EndBehavior: &stripe.SubscriptionTrialSettingsEndBehaviorParams{MissingPaymentMethod: stripe.String(behavior)}},
			}))(t)
			a.Advance(15 * 24 * time.Hour)
			if got := a.seen(t, x.ID).Status; got != want {
				t.Fatalf("it is %s, want %s", got, want)
			}
			if want != "paused" {
				return
			}
			succeed(t, a.SetCard(a.customer, stripetest.CardGood))
			if got := must(a.api.Subscriptions.Resume(x.ID, &stripe.SubscriptionResumeParams{}))(t); got.Status != "active" {
				t.Errorf("resumed it is %s", got.Status)
			}
		})
	}
}

func TestFailedPaymentsEndAsTheAccountSays(t *testing.T) {
	t.Parallel()
	for _, after := range []stripetest.AfterRetries{stripetest.ThenCanceled, stripetest.ThenUnpaid, stripetest.ThenPastDue} {
		t.Run(string(after), func(t *testing.T) {
			t.Parallel()
			a := newAccount(t, stripetest.Options{AfterRetries: after})
			x := a.subscribe(t, 2, 0)
			succeed(t, a.SetCard(a.customer, stripetest.CardDeclined))
			failed := date("2026-02-10").Add(time.Hour)
			var attempts []int64
			for _, days := range []time.Duration{0, 3, 8, 15} {
				a.AdvanceTo(failed.Add(days * 24 * time.Hour))
				attempts = append(attempts, a.Invoices(a.customer)[0].Attempts)
			}
			if diff := cmp.Diff([]int64{1, 2, 3, 4}, attempts); diff != "" {
				t.Errorf("attempts after 0, 3, 8 and 15 days: %s", diff)
			}
			if got := a.seen(t, x.ID).Status; got != string(after) {
				t.Fatalf("after the last retry it is %s", got)
			}
			a.AdvanceTo(date("2026-03-10").Add(2 * time.Hour))
			newest := a.Invoices(a.customer)[0]
			switch after {
			case stripetest.ThenCanceled:
				if newest.Reason != "subscription_cycle" || newest.Created.Month() != time.February || newest.Status != "open" {
					t.Errorf("a canceled subscription went on: %+v", newest)
				}
			case stripetest.ThenUnpaid:
				if newest.Status != "draft" {
					t.Errorf("the next invoice of an unpaid one is %s", newest.Status)
				}
			case stripetest.ThenPastDue:
				if newest.Status != "open" || newest.Attempts != 1 {
					t.Errorf("the next invoice is %s after %d tries", newest.Status, newest.Attempts)
				}
			}
		})
	}
}

func TestRetriesWaitForACard(t *testing.T) {
	t.Parallel()
	a := newAccount(t, stripetest.Options{})
	x := a.subscribe(t, 2, 0)
	succeed(t, a.SetCard(a.customer, stripetest.CardNone))
	a.AdvanceTo(date("2026-02-14"))
	if got := a.Invoices(a.customer)[0]; got.Attempts != 1 || got.NextAttempt.IsZero() {
		t.Errorf("without a card there were %d tries, the next %s", got.Attempts, got.NextAttempt)
	}
	succeed(t, a.SetCard(a.customer, stripetest.CardGood))
	a.AdvanceTo(date("2026-02-19"))
	if got := a.seen(t, x.ID).Status; got != "active" {
		t.Errorf("with a card again it is %s", got)
	}
}

func TestIncompleteRunsOut(t *testing.T) {
	t.Parallel()
	a := newAccount(t, stripetest.Options{})
	succeed(t, a.SetCard(a.customer, stripetest.CardDeclined))
	x := a.subscribe(t, 1, 0)
	a.Advance(22 * time.Hour)
	if got := a.seen(t, x.ID).Status; got != "incomplete" {
		t.Errorf("it is %s", got)
	}
	a.Advance(2 * time.Hour)
	if got := a.seen(t, x.ID).Status; got != "incomplete_expired" || a.Invoices(a.customer)[0].Status != "void" {
		t.Errorf("after 24 hours it is %s, its invoice %s", got, a.Invoices(a.customer)[0].Status)
	}
	if list := a.api.Subscriptions.List(&stripe.SubscriptionListParams{Customer: stripe.String(a.customer)}); list.Next() {
		t.Error("an ended subscription is listed without being asked for")
	}
}

// TestACreditFoolsTheStatus: the status follows the latest finalised invoice alone, so a credit that is "paid" at once makes
// an indebted subscription active, and tells of a payment.
func TestACreditFoolsTheStatus(t *testing.T) {
	t.Parallel()
	a := newAccount(t, stripetest.Options{})
	x := a.subscribe(t, 10, 0)
	succeed(t, a.SetCard(a.customer, stripetest.CardDeclined))
	a.AdvanceTo(date("2026-02-10").Add(2 * time.Hour))
	if got := a.seen(t, x.ID).Status; got != "past_due" {
		t.Fatalf("it is %s", got)
	}
	n := len(a.Events())
	must(a.api.Subscriptions.Update(x.ID, &stripe.SubscriptionParams{
		Items:             []*stripe.SubscriptionItemsParams{{ID: stripe.String(x.Items.Data[0].ID), Quantity: stripe.Int64(1)}},
		ProrationBehavior: stripe.String("always_invoice"),
	}))(t)
	credit, owed := a.Invoices(a.customer)[0], a.Invoices(a.customer)[1]
	if credit.Total >= 0 || credit.Status != "paid" || owed.Status != "open" || !slices.Contains(a.since(n), "invoice.payment_succeeded") {
		t.Errorf("the credit is %d and %s beside an invoice that is %s: %q", credit.Total, credit.Status, owed.Status, a.since(n))
	}
	if got := a.seen(t, x.ID).Status; got != "active" {
		t.Errorf("it is %s", got)
	}
	if got := a.Customers()[0].Balance; got != credit.Total {
		t.Errorf("the balance is %d, the credit %d", got, credit.Total)
	}
	succeed(t, a.PayInvoice(owed.ID))
	a.AdvanceTo(date("2026-03-10").Add(2 * time.Hour))
	if got := a.Invoices(a.customer)[0]; got.Total != 1000 || got.Due != 0 || a.Customers()[0].Balance != credit.Total+1000 {
		t.Errorf("the next renewal takes %d of %d from the credit, which leaves %d", got.Due, got.Total, a.Customers()[0].Balance)
	}
}

func TestLessThanTheLeastIsCarriedOver(t *testing.T) {
	t.Parallel()
	a := newAccount(t, stripetest.Options{})
	cents := a.AddPrice(stripetest.Price{Currency: "usd", UnitAmount: 20})
	id := must(a.SubscribeByHand(a.customer, cents, 1))(t)
	first := a.Invoices(a.customer)[0]
	if first.Status != "paid" || first.Due != 0 || a.Customers()[0].Balance != 20 {
		t.Errorf("20 cents are %s, due %d, balance %d", first.Status, first.Due, a.Customers()[0].Balance)
	}
	for a.seen(t, id).PeriodEnd.Before(date("2026-04-10")) {
		a.Advance(24 * time.Hour)
	}
	a.Advance(2 * time.Hour)
	if got := a.Invoices(a.customer)[0]; got.Due != 60 || got.Paid != 60 {
		t.Errorf("in the third month %d are due and %d paid", got.Due, got.Paid)
	}
}

func TestEndsOfASubscription(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		end      func(a *account, id string) error
		billed   bool // the proration that waits is billed
		gone     bool // at once
		byDelete bool
	}{
		{"at the period's end", func(a *account, id string) error { return a.CancelByHand(id, true) }, true, false, false},
		{"at a moment", func(a *account, id string) error { return a.CancelAtByHand(id, date("2026-02-01")) }, true, false, false},
		{"at once", func(a *account, id string) error { return a.CancelByHand(id, false) }, false, true, false},
		{"with its customer", func(a *account, _ string) error { return a.DeleteCustomer(a.customer) }, false, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := newAccount(t, stripetest.Options{})
			x := a.subscribe(t, 2, 0)
			a.AdvanceTo(date("2026-01-20"))
			must(a.setQuantity(x, 3, time.Time{}))(t)
			succeed(t, c.end(a, x.ID))
			if got := a.seen(t, x.ID).Status; (got == "canceled") != c.gone {
				t.Errorf("at once it is %s", got)
			}
			a.AdvanceTo(date("2026-02-10").Add(2 * time.Hour))
			last := a.Invoices(a.customer)[0]
			if got := a.seen(t, x.ID).Status; got != "canceled" || (last.Reason == "subscription_cycle") != c.billed {
				t.Errorf("in the end it is %s, the last invoice %s over %d", got, last.Reason, last.Total)
			}
			if c.billed && (last.Status != "paid" && last.Total > 0) {
				t.Errorf("the last invoice over %d is %s", last.Total, last.Status)
			}
			if _, err := a.setQuantity(x, 4, time.Time{}); err == nil {
				t.Error("an ended subscription took a change")
			}
			got := must(a.api.Customers.Get(a.customer, nil))(t)
			if got.Deleted != c.byDelete || !slices.Contains(a.since(0), "customer.subscription.deleted") {
				t.Errorf("deleted %v, events %q", got.Deleted, a.since(0))
			}
		})
	}
}

func TestAPlannedEndIsTakenBack(t *testing.T) {
	t.Parallel()
	a := newAccount(t, stripetest.Options{})
	x := a.subscribe(t, 2, 0)
	planned := must(a.api.Subscriptions.Update(x.ID, &stripe.SubscriptionParams{CancelAtPeriodEnd: stripe.Bool(true)}))(t)
	if !planned.CancelAtPeriodEnd || planned.CancelAt != planned.CurrentPeriodEnd || planned.Status != "active" {
		t.Errorf("planned: %v, %d", planned.CancelAtPeriodEnd, planned.CancelAt)
	}
	if _, err := a.api.Invoices.Upcoming(&stripe.InvoiceUpcomingParams{Customer: stripe.String(a.customer)}); err == nil {
		t.Error("there is an upcoming invoice although the subscription ends")
	}
	back := must(a.api.Subscriptions.Update(x.ID, &stripe.SubscriptionParams{CancelAtPeriodEnd: stripe.Bool(false)}))(t)
	if back.CancelAtPeriodEnd || back.CancelAt != 0 {
		t.Errorf("taken back: %v, %d", back.CancelAtPeriodEnd, back.CancelAt)
	}
	succeed(t, a.CancelAtByHand(x.ID, date("2026-02-01")))
	unset := &stripe.SubscriptionParams{}
	unset.AddExtra("cancel_at", "")
	must(a.api.Subscriptions.Update(x.ID, unset))(t)
	a.AdvanceTo(date("2026-02-11"))
	if got := a.seen(t, x.ID); got.Status != "active" || !got.CancelAt.IsZero() {
		t.Errorf("it is %s, cancel at %s", got.Status, got.CancelAt)
	}
}

func TestMoneyThatGoesBack(t *testing.T) {
	t.Parallel()
	a := newAccount(t, stripetest.Options{})
	x := a.subscribe(t, 2, 0)
	invoice := a.Invoices(a.customer)[0]
	dispute := must(a.Dispute(invoice.ID))(t)
	succeed(t, a.CloseDispute(dispute, false))
	succeed(t, a.Refund(invoice.ID))
	charge := must(a.api.Invoices.Get(invoice.ID, &stripe.InvoiceParams{Expand: stripe.StringSlice([]string{"charge"})}))(t).Charge
	if !charge.Disputed || !charge.Refunded || charge.AmountRefunded != 2000 {
		t.Errorf("the charge: disputed %v, refunded %v %d", charge.Disputed, charge.Refunded, charge.AmountRefunded)
	}
	if a.Invoices(a.customer)[0].Status != "paid" || a.seen(t, x.ID).Status != "active" {
		t.Error("a refund or a dispute changed the invoice or the subscription")
	}
	want := []string{"charge.dispute.created", "charge.dispute.closed", "charge.refunded"}
	if got := a.since(len(a.Events()) - 3); !cmp.Equal(want, got) {
		t.Errorf("events %q", got)
	}
}

func TestInvoicesGivenUpAndTakenBack(t *testing.T) {
	t.Parallel()
	a := newAccount(t, stripetest.Options{})
	x := a.subscribe(t, 2, 0)
	succeed(t, a.SetCard(a.customer, stripetest.CardDeclined))
	a.AdvanceTo(date("2026-02-11"))
	open := a.Invoices(a.customer)[0]
	if _, err := a.api.Invoices.Pay(open.ID, &stripe.InvoicePayParams{}); err == nil {
		t.Error("a declined card paid")
	}
	must(a.api.Invoices.VoidInvoice(open.ID, &stripe.InvoiceVoidInvoiceParams{}))(t)
	if got := a.seen(t, x.ID).Status; got != "active" {
		t.Errorf("with its invoice void it is %s", got)
	}
	a.AdvanceTo(date("2026-03-11"))
	open = a.Invoices(a.customer)[0]
	must(a.api.Invoices.MarkUncollectible(open.ID, &stripe.InvoiceMarkUncollectibleParams{}))(t)
	if got := a.seen(t, x.ID).Status; got != "past_due" || a.Invoices(a.customer)[0].Status != "uncollectible" {
		t.Errorf("given up it is %s", got)
	}
	a.AdvanceTo(date("2026-04-11"))
	succeed(t, a.MarkPaid(a.Invoices(a.customer)[0].ID))
	if got := a.seen(t, x.ID).Status; got != "active" {
		t.Errorf("paid by other means it is %s", got)
	}
}
