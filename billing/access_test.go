package billing

import (
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

type accessCase struct {
	name   string
	f      facts
	grace  time.Duration
	access store.Access
	reason store.AccessReason
	check  func(t *testing.T, v accessVerdict)
}

// accessCases is every state that an org can be in on 20 March, at noon.
func accessCases() []accessCase {
	const day = 24 * time.Hour
	one := func(s stripeSubscription) []stripeSubscription { return []stripeSubscription{s} }
	open := func(i ...stripeInvoice) []stripeInvoice { return i }
	before, after := ptr(noon(19)), ptr(noon(21))
	paid := stripeInvoice{ID: "in_latest", SubscriptionID: "sub_1", Status: "paid", Total: 1000, AmountPaid: 1000, ChargeID: "ch_1"}
	active, pastDue := stripe.SubscriptionStatusActive, stripe.SubscriptionStatusPastDue
	return []accessCase{
		{name: "our trial runs", f: facts{TrialEndsAt: after}, access: store.AccessTrial, reason: store.ReasonTrial},
		{name: "our trial ends this moment", f: facts{TrialEndsAt: ptr(noon(20))}, access: store.AccessNone, reason: store.ReasonTrialEnded},
		{name: "our trial is over", f: facts{TrialEndsAt: before}, access: store.AccessNone, reason: store.ReasonTrialEnded},
		{name: "no trial, nothing subscribed", access: store.AccessNone, reason: store.ReasonTrialUsed},
		{
			name: "trialing at Stripe", f: facts{Subscriptions: one(sub("sub_1", stripe.SubscriptionStatusTrialing, 15)), TrialEndsAt: after},
			access: store.AccessActive, reason: store.ReasonSubscribed,
		},
		{
			name: "the hour after the trial: active, nothing charged yet (trap 3)",
			f: facts{Subscriptions: one(sub("sub_1", active, 6)), TrialEndsAt: before, Latest: &stripeInvoice{
				ID: "in_latest", SubscriptionID: "sub_1", Status: "draft", AmountRemaining: 1000,
			}},
			access: store.AccessActive, reason: store.ReasonSubscribed,
		},
		{
			name:   "the same hour, finalized and not tried yet",
			f:      facts{Subscriptions: one(sub("sub_1", active, 6)), Open: open(failed(20, func(i *stripeInvoice) { i.Attempted, i.Attempts = false, 0 }))},
			access: store.AccessActive, reason: store.ReasonSubscribed,
		},
		{name: "active", f: facts{Subscriptions: one(sub("sub_1", active, 1))}, access: store.AccessActive, reason: store.ReasonSubscribed},
		{
			name:   "past due without grace",
			f:      facts{Subscriptions: one(sub("sub_1", pastDue, 1)), Open: open(failed(19))},
			access: store.AccessSuspended, reason: store.ReasonPaymentFailed,
			check: func(t *testing.T, v accessVerdict) {
				if v.Overdue == nil || !v.OverdueSince.Equal(noon(19)) {
					t.Errorf("overdue since %v by %v", v.OverdueSince, v.Overdue)
				}
			},
		},
		{
			name: "past due within grace", f: facts{Subscriptions: one(sub("sub_1", pastDue, 1)), Open: open(failed(18))}, grace: 3 * day,
			access: store.AccessGrace, reason: store.ReasonPaymentFailed,
			check: func(t *testing.T, v accessVerdict) {
				if !v.GraceEndsAt.Equal(noon(21)) {
					t.Errorf("grace ends %v", v.GraceEndsAt)
				}
			},
		},
		{
			name: "past due, grace over", f: facts{Subscriptions: one(sub("sub_1", pastDue, 1)), Open: open(failed(17))}, grace: 3 * day,
			access: store.AccessSuspended, reason: store.ReasonPaymentFailed,
		},
		{
			name: "past due without an invoice to show for it", f: facts{Subscriptions: one(sub("sub_1", pastDue, 1)), OverdueSince: ptr(noon(18))}, grace: 3 * day,
			access: store.AccessGrace, reason: store.ReasonPaymentFailed,
			check: func(t *testing.T, v accessVerdict) {
				if !v.OverdueSince.Equal(noon(18)) {
					t.Errorf("overdue since %v", v.OverdueSince)
				}
			},
		},
		{
			name:   "active by the latest invoice, an older one is overdue (trap 1)",
			f:      facts{Subscriptions: one(sub("sub_1", active, 1)), Open: open(failed(10)), Latest: &paid},
			access: store.AccessSuspended, reason: store.ReasonPaymentFailed,
		},
		{
			name: "past due, and an invoice over nothing was paid (trap 2)",
			f: facts{Subscriptions: one(sub("sub_1", pastDue, 1)), Open: open(failed(19)), Latest: &stripeInvoice{
				ID: "in_latest", SubscriptionID: "sub_1", Status: "paid",
			}},
			access: store.AccessSuspended, reason: store.ReasonPaymentFailed,
		},
		{
			name: "an invoice to be paid by tomorrow",
			f: facts{Subscriptions: one(sub("sub_1", active, 1)), Open: open(failed(10, func(i *stripeInvoice) {
				i.DueAt, i.Attempted = noon(21), false
			}))},
			access: store.AccessActive, reason: store.ReasonSubscribed,
		},
		{
			name:   "a debt from a subscription that ended",
			f:      facts{Subscriptions: []stripeSubscription{sub("sub_2", active, 15), sub("sub_1", stripe.SubscriptionStatusCanceled, 1)}, Open: open(failed(10))},
			access: store.AccessActive, reason: store.ReasonSubscribed,
		},
		{name: "unpaid", f: facts{Subscriptions: one(sub("sub_1", stripe.SubscriptionStatusUnpaid, 1)), Open: open(failed(2))}, grace: 30 * day, access: store.AccessSuspended, reason: store.ReasonUnpaid},
		{name: "incomplete", f: facts{Subscriptions: one(sub("sub_1", stripe.SubscriptionStatusIncomplete, 20))}, access: store.AccessNone, reason: store.ReasonPaymentPending},
		{name: "incomplete while our trial runs", f: facts{Subscriptions: one(sub("sub_1", stripe.SubscriptionStatusIncomplete, 20)), TrialEndsAt: after}, access: store.AccessTrial, reason: store.ReasonPaymentPending},
		{name: "incomplete, expired, while our trial runs", f: facts{Subscriptions: one(sub("sub_1", stripe.SubscriptionStatusIncompleteExpired, 18)), TrialEndsAt: after}, access: store.AccessTrial, reason: store.ReasonTrial},
		{name: "unpaid while our trial runs", f: facts{Subscriptions: one(sub("sub_1", stripe.SubscriptionStatusUnpaid, 1)), Open: open(failed(2)), TrialEndsAt: after}, access: store.AccessTrial, reason: store.ReasonUnpaid},
		{name: "paused while our trial runs", f: facts{Subscriptions: one(sub("sub_1", stripe.SubscriptionStatusPaused, 1)), TrialEndsAt: after}, access: store.AccessTrial, reason: store.ReasonPaused},
		{
			name: "past due while our trial runs", f: facts{Subscriptions: one(sub("sub_1", pastDue, 15)), Open: open(failed(18)), TrialEndsAt: after},
			access: store.AccessTrial, reason: store.ReasonPaymentFailed,
			check: func(t *testing.T, v accessVerdict) {
				if v.OverdueSince == nil || !v.OverdueSince.Equal(noon(18)) {
					t.Errorf("overdue since %v", v.OverdueSince)
				}
			},
		},
		{
			name:   "the customer was deleted while our trial runs",
			f:      facts{Subscriptions: one(sub("sub_1", stripe.SubscriptionStatusCanceled, 15)), CustomerDeleted: true, TrialEndsAt: after},
			access: store.AccessTrial, reason: store.ReasonCustomerDeleted,
		},
		{name: "incomplete, expired", f: facts{Subscriptions: one(sub("sub_1", stripe.SubscriptionStatusIncompleteExpired, 18)), TrialEndsAt: before}, access: store.AccessNone, reason: store.ReasonTrialEnded},
		{name: "paused", f: facts{Subscriptions: one(sub("sub_1", stripe.SubscriptionStatusPaused, 1))}, access: store.AccessSuspended, reason: store.ReasonPaused},
		{name: "a status that is not known", f: facts{Subscriptions: one(sub("sub_1", "hibernating", 1))}, access: store.AccessSuspended, reason: store.ReasonUnpaid},
		{name: "canceled", f: facts{Subscriptions: one(sub("sub_1", stripe.SubscriptionStatusCanceled, 1))}, access: store.AccessCanceled, reason: store.ReasonCanceled},
		{name: "canceled while our trial runs", f: facts{Subscriptions: one(sub("sub_1", stripe.SubscriptionStatusCanceled, 15)), TrialEndsAt: after}, access: store.AccessTrial, reason: store.ReasonCanceled},
		{
			name:   "the end of dunning",
			f:      facts{Subscriptions: one(sub("sub_1", stripe.SubscriptionStatusCanceled, 1, func(s *stripeSubscription) { s.CancelReason = "payment_failed" })), Open: open(failed(2))},
			access: store.AccessCanceled, reason: store.ReasonPaymentFailed,
		},
		{
			name:   "the customer was deleted",
			f:      facts{Subscriptions: one(sub("sub_1", stripe.SubscriptionStatusCanceled, 1)), CustomerDeleted: true},
			access: store.AccessCanceled, reason: store.ReasonCustomerDeleted,
		},
		{
			name:   "ends with its period",
			f:      facts{Subscriptions: one(sub("sub_1", active, 10, func(s *stripeSubscription) { s.CancelAtPeriodEnd = true }))},
			access: store.AccessActive, reason: store.ReasonSubscribed,
			check: endsOn(24),
		},
		{
			name:   "ends on a day",
			f:      facts{Subscriptions: one(sub("sub_1", active, 10, func(s *stripeSubscription) { s.CancelAt = noon(23) }))},
			access: store.AccessActive, reason: store.ReasonSubscribed,
			check: endsOn(23),
		},
		{
			name:   "refunded in full",
			f:      facts{Subscriptions: one(sub("sub_1", active, 1)), Latest: &paid, Charge: &stripeCharge{ID: "ch_1", Amount: 1000, Refunded: 1000}},
			access: store.AccessActive, reason: store.ReasonRefunded,
		},
		{
			name:   "refunded in part",
			f:      facts{Subscriptions: one(sub("sub_1", active, 1)), Latest: &paid, Charge: &stripeCharge{ID: "ch_1", Amount: 1000, Refunded: 999}},
			access: store.AccessActive, reason: store.ReasonSubscribed,
		},
		{
			name:   "disputed",
			f:      facts{Subscriptions: one(sub("sub_1", active, 1)), Latest: &paid, Charge: &stripeCharge{ID: "ch_1", Amount: 1000, Disputed: true}},
			access: store.AccessActive, reason: store.ReasonDisputed,
		},
		{
			name:   "two subscriptions: the older counts",
			f:      facts{Subscriptions: []stripeSubscription{sub("sub_2", active, 15), sub("sub_1", active, 14)}},
			access: store.AccessActive, reason: store.ReasonTwoSubscriptions,
			check: func(t *testing.T, v accessVerdict) {
				if v.Subscription.ID != "sub_1" || len(v.Others) != 1 || v.Others[0].ID != "sub_2" {
					t.Errorf("counts %s beside %v", v.Subscription.ID, v.Others)
				}
			},
		},
		{
			name:   "an attempt beside a living one",
			f:      facts{Subscriptions: []stripeSubscription{sub("sub_2", active, 15), sub("sub_1", stripe.SubscriptionStatusIncomplete, 14)}},
			access: store.AccessActive, reason: store.ReasonSubscribed,
			check: func(t *testing.T, v accessVerdict) {
				if v.Subscription.ID != "sub_2" || len(v.Others) != 0 {
					t.Errorf("counts %s beside %v", v.Subscription.ID, v.Others)
				}
			},
		},
		{
			name:   "of several that ended, the last",
			f:      facts{Subscriptions: []stripeSubscription{sub("sub_1", stripe.SubscriptionStatusCanceled, 1), sub("sub_2", stripe.SubscriptionStatusCanceled, 9)}},
			access: store.AccessCanceled, reason: store.ReasonCanceled,
			check: func(t *testing.T, v accessVerdict) {
				if v.Subscription.ID != "sub_2" {
					t.Errorf("counts %s", v.Subscription.ID)
				}
			},
		},
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
	for _, c := range accessCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := accessOf(c.f, noon(20), c.grace)
			if v.Access != c.access || v.Reason != c.reason {
				t.Errorf("access %s (%s), want %s (%s)", v.Access, v.Reason, c.access, c.reason)
			}
			if c.check != nil {
				c.check(t, v)
			}
		})
	}
}
