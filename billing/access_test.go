package billing

// access_test.go has every state that an org can be in, and the access that follows from it.

import (
	"slices"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"hostaway-mcp/store"
)

func noon(day int) time.Time { return time.Date(2026, 3, day, 12, 0, 0, 0, time.UTC) }

func ptr(t time.Time) *time.Time { return &t }

// sub is a subscription in a status, created on a day.
func sub(id string, status stripe.SubscriptionStatus, created int, change ...func(*stripeSubscription)) stripeSubscription {
	s := stripeSubscription{
		ID: id, Status: status, CreatedAt: noon(created), PeriodStart: noon(created), PeriodEnd: noon(created + 14),
		LatestInvoiceID: "in_latest",
	}
	for _, c := range change {
		c(&s)
	}
	return s
}

// failed is an open invoice of sub_1 whose first charge failed on a day.
func failed(day int, change ...func(*stripeInvoice)) stripeInvoice {
	i := stripeInvoice{
		ID: "in_open", SubscriptionID: "sub_1", Status: "open", Total: 1000, AmountDue: 1000, AmountRemaining: 1000,
		Attempted: true, Attempts: 1, CreatedAt: noon(day).Add(-time.Hour), FinalizedAt: noon(day),
	}
	for _, c := range change {
		c(&i)
	}
	return i
}

// having are the facts of a customer with these subscriptions.
func having(subscriptions ...stripeSubscription) facts { return facts{Subscriptions: subscriptions} }

// owing are the facts beside open invoices.
func (f facts) owing(open ...stripeInvoice) facts {
	f.Open = open
	return f
}

// latest are the facts beside the newest invoice of the subscription.
func (f facts) latest(i stripeInvoice) facts {
	f.Latest = &i
	return f
}

// charged are the facts beside a paid invoice and the charge that paid it.
func (f facts) charged(c stripeCharge) facts {
	f = f.latest(paidInvoice())
	c.InvoiceID = f.Latest.ID
	f.Charges = []stripeCharge{c}
	return f
}

// trialTo are the facts beside a trial of ours that ends on a day.
func (f facts) trialTo(day int) facts {
	f.TrialEndsAt = ptr(noon(day))
	return f
}

func (f facts) customerDeleted() facts {
	f.CustomerDeleted = true
	return f
}

func paidInvoice() stripeInvoice {
	return stripeInvoice{ID: "in_latest", SubscriptionID: "sub_1", Status: "paid", Total: 1000, AmountPaid: 1000, ChargeID: "ch_1"}
}

const (
	active, trialing, pastDue, unpaid = stripe.SubscriptionStatusActive, stripe.SubscriptionStatusTrialing, stripe.SubscriptionStatusPastDue, stripe.SubscriptionStatusUnpaid
	incomplete, expired               = stripe.SubscriptionStatusIncomplete, stripe.SubscriptionStatusIncompleteExpired
	paused, canceled                  = stripe.SubscriptionStatusPaused, stripe.SubscriptionStatusCanceled
)

// accessCase is a state that an org can be in on 20 March, at noon.
type accessCase struct {
	name   string
	f      facts
	grace  int // days
	access store.Access
	reason store.AccessReason
	check  func(t *testing.T, v accessVerdict)
}

// trialCases are the states of an org in its trial, and of one that had none.
func trialCases() []accessCase {
	return []accessCase{
		{name: "our trial runs", f: having().trialTo(21), access: store.AccessTrial, reason: store.ReasonTrial},
		{name: "our trial ends this moment", f: having().trialTo(20), access: store.AccessNone, reason: store.ReasonTrialEnded},
		{name: "our trial is over", f: having().trialTo(19), access: store.AccessNone, reason: store.ReasonTrialEnded},
		{name: "no trial, nothing subscribed", access: store.AccessNone, reason: store.ReasonTrialUsed},
		{name: "trialing at Stripe", f: having(sub("sub_1", trialing, 15)).trialTo(21), access: store.AccessActive, reason: store.ReasonSubscribed},
		{name: "incomplete while our trial runs", f: having(sub("sub_1", incomplete, 20)).trialTo(21), access: store.AccessTrial, reason: store.ReasonPaymentPending},
		{name: "incomplete, expired, while our trial runs", f: having(sub("sub_1", expired, 18)).trialTo(21), access: store.AccessTrial, reason: store.ReasonTrial},
		{name: "unpaid while our trial runs", f: having(sub("sub_1", unpaid, 1)).owing(failed(2)).trialTo(21), access: store.AccessTrial, reason: store.ReasonUnpaid},
		{name: "paused while our trial runs", f: having(sub("sub_1", paused, 1)).trialTo(21), access: store.AccessTrial, reason: store.ReasonPaused},
		{
			name: "past due while our trial runs", f: having(sub("sub_1", pastDue, 15)).owing(failed(18)).trialTo(21),
			access: store.AccessTrial, reason: store.ReasonPaymentFailed, check: isOverdueSince(18),
		},
		{name: "canceled while our trial runs", f: having(sub("sub_1", canceled, 15)).trialTo(21), access: store.AccessTrial, reason: store.ReasonCanceled},
		{
			name: "the customer was deleted while our trial runs", f: having(sub("sub_1", canceled, 15)).customerDeleted().trialTo(21),
			access: store.AccessTrial, reason: store.ReasonCustomerDeleted,
		},
	}
}

// payingCases are the states of an org that owes nothing.
func payingCases() []accessCase {
	draft := stripeInvoice{ID: "in_latest", SubscriptionID: "sub_1", Status: "draft", AmountRemaining: 1000}
	untried := failed(20, func(i *stripeInvoice) { i.Attempted, i.Attempts = false, 0 })
	dueTomorrow := failed(10, func(i *stripeInvoice) { i.DueAt, i.Attempted = noon(21), false })
	return []accessCase{
		{
			name: "the hour after the trial: active, nothing charged yet (trap 3)", f: having(sub("sub_1", active, 6)).latest(draft).trialTo(19),
			access: store.AccessActive, reason: store.ReasonSubscribed,
		},
		{name: "the same hour, finalized and not tried yet", f: having(sub("sub_1", active, 6)).owing(untried), access: store.AccessActive, reason: store.ReasonSubscribed},
		{name: "active", f: having(sub("sub_1", active, 1)), access: store.AccessActive, reason: store.ReasonSubscribed},
		{name: "an invoice to be paid by tomorrow", f: having(sub("sub_1", active, 1)).owing(dueTomorrow), access: store.AccessActive, reason: store.ReasonSubscribed},
		{
			name: "ends with its period", f: having(sub("sub_1", active, 10, func(s *stripeSubscription) { s.CancelAtPeriodEnd = true })),
			access: store.AccessActive, reason: store.ReasonSubscribed, check: endsOn(24),
		},
		{
			name: "ends on a day", f: having(sub("sub_1", active, 10, func(s *stripeSubscription) { s.CancelAt = noon(23) })),
			access: store.AccessActive, reason: store.ReasonSubscribed, check: endsOn(23),
		},
		{
			name: "refunded in full", f: having(sub("sub_1", active, 1)).charged(stripeCharge{ID: "ch_1", Amount: 1000, Refunded: 1000}),
			access: store.AccessActive, reason: store.ReasonRefunded,
		},
		{
			name: "refunded in part", f: having(sub("sub_1", active, 1)).charged(stripeCharge{ID: "ch_1", Amount: 1000, Refunded: 999}),
			access: store.AccessActive, reason: store.ReasonSubscribed,
		},
		{
			name: "disputed", f: having(sub("sub_1", active, 1)).charged(stripeCharge{ID: "ch_1", Amount: 1000, Disputed: true}),
			access: store.AccessActive, reason: store.ReasonDisputed,
		},
	}
}

// debtCases are the states of an org whose payment failed, or did not come.
func debtCases() []accessCase {
	nothing := stripeInvoice{ID: "in_latest", SubscriptionID: "sub_1", Status: "paid"}
	unshown := having(sub("sub_1", pastDue, 1))
	unshown.OverdueSince = ptr(noon(18))
	return []accessCase{
		{
			name: "past due without grace", f: having(sub("sub_1", pastDue, 1)).owing(failed(19)),
			access: store.AccessSuspended, reason: store.ReasonPaymentFailed, check: isOverdueByInvoice(19),
		},
		{
			name: "past due within grace", f: having(sub("sub_1", pastDue, 1)).owing(failed(18)), grace: 3,
			access: store.AccessGrace, reason: store.ReasonPaymentFailed, check: graceEndsOn(21),
		},
		{
			name: "past due, grace over", f: having(sub("sub_1", pastDue, 1)).owing(failed(17)), grace: 3,
			access: store.AccessSuspended, reason: store.ReasonPaymentFailed,
		},
		{
			name: "past due without an invoice to show for it", f: unshown, grace: 3,
			access: store.AccessGrace, reason: store.ReasonPaymentFailed, check: isOverdueSince(18),
		},
		{
			name: "active by the latest invoice, an older one is overdue (trap 1)", f: having(sub("sub_1", active, 1)).owing(failed(10)).latest(paidInvoice()),
			access: store.AccessSuspended, reason: store.ReasonPaymentFailed,
		},
		{
			name: "past due, and an invoice over nothing was paid (trap 2)", f: having(sub("sub_1", pastDue, 1)).owing(failed(19)).latest(nothing),
			access: store.AccessSuspended, reason: store.ReasonPaymentFailed,
		},
		{
			name: "a debt from a subscription that ended", f: having(sub("sub_2", active, 15), sub("sub_1", canceled, 1)).owing(failed(10)),
			access: store.AccessActive, reason: store.ReasonSubscribed,
		},
		{name: "unpaid", f: having(sub("sub_1", unpaid, 1)).owing(failed(2)), grace: 30, access: store.AccessSuspended, reason: store.ReasonUnpaid},
		{name: "incomplete", f: having(sub("sub_1", incomplete, 20)), access: store.AccessNone, reason: store.ReasonPaymentPending},
		{name: "paused", f: having(sub("sub_1", paused, 1)), access: store.AccessSuspended, reason: store.ReasonPaused},
		{name: "a status that is not known", f: having(sub("sub_1", "hibernating", 1)), access: store.AccessSuspended, reason: store.ReasonUnpaid},
	}
}

// endCases are the states of an org whose subscription ended, or never began.
func endCases() []accessCase {
	dunned := sub("sub_1", canceled, 1, func(s *stripeSubscription) { s.CancelReason = "payment_failed" })
	return []accessCase{
		{name: "incomplete, expired", f: having(sub("sub_1", expired, 18)).trialTo(19), access: store.AccessNone, reason: store.ReasonTrialEnded},
		{name: "canceled", f: having(sub("sub_1", canceled, 1)), access: store.AccessCanceled, reason: store.ReasonCanceled},
		{name: "the end of dunning", f: having(dunned).owing(failed(2)), access: store.AccessCanceled, reason: store.ReasonPaymentFailed},
		{name: "the customer was deleted", f: having(sub("sub_1", canceled, 1)).customerDeleted(), access: store.AccessCanceled, reason: store.ReasonCustomerDeleted},
	}
}

// severalCases are the states of an org with more than one subscription.
func severalCases() []accessCase {
	return []accessCase{
		{
			name: "two subscriptions: the older counts", f: having(sub("sub_2", active, 15), sub("sub_1", active, 14)),
			access: store.AccessActive, reason: store.ReasonTwoSubscriptions, check: counts("sub_1", "sub_2"),
		},
		{
			name: "an attempt beside a living one", f: having(sub("sub_2", active, 15), sub("sub_1", incomplete, 14)),
			access: store.AccessActive, reason: store.ReasonSubscribed, check: counts("sub_2"),
		},
		{
			name: "of several that ended, the last", f: having(sub("sub_1", canceled, 1), sub("sub_2", canceled, 9)),
			access: store.AccessCanceled, reason: store.ReasonCanceled, check: counts("sub_2"),
		},
	}
}

// counts sees that one subscription counts, beside others that live.
func counts(id string, others ...string) func(*testing.T, accessVerdict) {
	return func(t *testing.T, v accessVerdict) {
		var beside []string
		for _, o := range v.Others {
			beside = append(beside, o.ID)
		}
		if v.Subscription.ID != id || !slices.Equal(beside, others) {
			t.Errorf("counts %s beside %v, want %s beside %v", v.Subscription.ID, beside, id, others)
		}
	}
}

func isOverdueSince(day int) func(*testing.T, accessVerdict) {
	return func(t *testing.T, v accessVerdict) {
		if v.OverdueSince == nil || !v.OverdueSince.Equal(noon(day)) {
			t.Errorf("overdue since %v", v.OverdueSince)
		}
	}
}

// overdueByInvoice sees that an invoice shows since when the org is overdue.
func isOverdueByInvoice(day int) func(*testing.T, accessVerdict) {
	return func(t *testing.T, v accessVerdict) {
		isOverdueSince(day)(t, v)
		if v.Overdue == nil {
			t.Error("overdue without an invoice")
		}
	}
}

func graceEndsOn(day int) func(*testing.T, accessVerdict) {
	return func(t *testing.T, v accessVerdict) {
		if v.GraceEndsAt == nil || !v.GraceEndsAt.Equal(noon(day)) {
			t.Errorf("grace ends %v", v.GraceEndsAt)
		}
	}
}

func endsOn(day int) func(*testing.T, accessVerdict) {
	return func(t *testing.T, v accessVerdict) {
		if v.CancelAt == nil || !v.CancelAt.Equal(noon(day)) {
			t.Errorf("ends %v", v.CancelAt)
		}
	}
}

func TestAccessFollowsFromWhatStripeSaysNow(t *testing.T) {
	t.Parallel()
	for _, c := range slices.Concat(trialCases(), payingCases(), debtCases(), endCases(), severalCases()) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := accessOf(c.f, noon(20), time.Duration(c.grace)*aDay)
			if v.Access != c.access || v.Reason != c.reason {
				t.Errorf("access %s (%s), want %s (%s)", v.Access, v.Reason, c.access, c.reason)
			}
			if c.check != nil {
				c.check(t, v)
			}
		})
	}
}
