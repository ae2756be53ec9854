// accessOf: from what Stripe says now to what an org may do now. It is the only place
// where that is decided, it has no side effects, and it knows no event: an event's
// name is fooled by an invoice over nothing, by a credit, and by coming late.

package billing

import (
	"cmp"
	"slices"
	"time"

	"github.com/stripe/stripe-go/v76"

	"hostaway-mcp/store"
)

// facts are what access follows from.
type facts struct {
	Subscriptions   []stripeSubscription // all of the customer, ended ones too
	Open            []stripeInvoice      // finalized and not paid
	Latest          *stripeInvoice       // of the subscription that counts; nil: not known
	Charges         []stripeCharge       // of the customer; nil: none, or not known
	Returned        []returned           // refunds and disputes as they were known so far
	CustomerDeleted bool
	TrialEndsAt     *time.Time // our own trial; nil: this org had none
	OverdueSince    *time.Time // as it was known so far
}

// accessVerdict is what follows.
type accessVerdict struct {
	Access store.Access
	Reason store.AccessReason
	// Subscription is the one that counts: of several that live the oldest, else the
	// last that ended; nil without any. Others are further ones that live.
	Subscription *stripeSubscription
	Others       []stripeSubscription
	CancelAt     *time.Time // when it ends by itself
	OverdueSince *time.Time // since when a payment is overdue
	GraceEndsAt  *time.Time // when tools stop for it
	Overdue      *stripeInvoice
	// LatestStatus is the latest invoice's status, or "refunded" or "disputed".
	LatestStatus string
	// Returned are all refunds and disputes that are known, and NewlyReturned those of
	// them that were not before.
	Returned, NewlyReturned []returned
}

// What the latest invoice can be beyond Stripe's own statuses.
const (
	invoiceRefunded = "refunded"
	invoiceDisputed = "disputed"
)

// accessOf: tools answer while our trial runs, or while a subscription is trialing or
// active and none of its invoices is overdue for longer than grace. That Stripe calls
// a subscription active is not enough, since it looks at the latest invoice alone
// (Stripe docs, Subscription statuses). Invoices of another subscription that has
// ended are debts, and stop nothing that is paid for anew.
// A refund or a dispute changes no access: what becomes of the subscription then is
// the operator's decision, and when they end it, access ends.
func accessOf(f facts, now time.Time, grace time.Duration) accessVerdict {
	v := accessVerdict{Access: store.AccessNone, Reason: noneReason(f)}
	v.Subscription, v.Others = pick(f.Subscriptions)
	v.Returned = f.Returned
	if s := v.Subscription; s != nil {
		v.Returned, v.NewlyReturned = f.returns(s.LatestInvoiceID)
		v.subscribed(f, *s, now, grace)
	}
	if f.TrialEndsAt != nil && now.Before(*f.TrialEndsAt) && v.Access != store.AccessActive {
		v.Access, v.Reason = store.AccessTrial, trialReason(v.Reason)
	}
	return v
}

// trialReason: tools answer for the trial whatever became of a subscription, but what
// is wrong with that one (a debt, an end, a pause) must not be hidden behind the trial.
func trialReason(without store.AccessReason) store.AccessReason {
	if without == store.ReasonTrialEnded {
		return store.ReasonTrial
	}
	return without
}

func noneReason(f facts) store.AccessReason {
	if f.TrialEndsAt == nil {
		return store.ReasonTrialUsed
	}
	return store.ReasonTrialEnded
}

func (v *accessVerdict) subscribed(f facts, s stripeSubscription, now time.Time, grace time.Duration) {
	if f.Latest != nil && f.Latest.ID == s.LatestInvoiceID {
		v.LatestStatus = latestStatus(*f.Latest, f.chargeOf(*f.Latest))
	}
	if !ended(s.Status) {
		v.CancelAt = endOf(s)
		v.overdue(f, s, now)
	}
	switch s.Status {
	case stripe.SubscriptionStatusActive, stripe.SubscriptionStatusTrialing, stripe.SubscriptionStatusPastDue:
		v.Access, v.Reason = store.AccessActive, store.ReasonSubscribed
		v.Reason = cmp.Or(returnReason(v.Returned, s.LatestInvoiceID), v.Reason)
		if len(v.Others) > 0 {
			v.Reason = store.ReasonTwoSubscriptions
		}
		if v.OverdueSince != nil {
			v.late(now, grace)
		}
	case stripe.SubscriptionStatusUnpaid:
		v.Access, v.Reason = store.AccessSuspended, store.ReasonUnpaid
	case stripe.SubscriptionStatusPaused:
		v.Access, v.Reason = store.AccessSuspended, store.ReasonPaused
	case stripe.SubscriptionStatusIncomplete:
		v.Access, v.Reason = store.AccessNone, store.ReasonPaymentPending
	case stripe.SubscriptionStatusCanceled:
		v.Access, v.Reason = store.AccessCanceled, canceledReason(f, s)
	case stripe.SubscriptionStatusIncompleteExpired:
		// The first payment never came: as if nobody had subscribed.
	default:
		// A status of a later version: whatever it is, Stripe collects nothing that we
		// know of. It is not active.
		v.Access, v.Reason = store.AccessSuspended, store.ReasonUnpaid
	}
}

// late: a payment is overdue. Without grace tools stop at once.
func (v *accessVerdict) late(now time.Time, grace time.Duration) {
	end := v.OverdueSince.Add(grace)
	v.GraceEndsAt, v.Reason, v.Access = &end, store.ReasonPaymentFailed, store.AccessSuspended
	if now.Before(end) {
		v.Access = store.AccessGrace
	}
}

// overdue finds the oldest invoice of the subscription that should have been paid.
func (v *accessVerdict) overdue(f facts, s stripeSubscription, now time.Time) {
	for _, i := range f.Open {
		if i.SubscriptionID != s.ID || !isOverdue(i, now) {
			continue
		}
		if since := f.begun(overdueSince(i), now); v.OverdueSince == nil || since.Before(*v.OverdueSince) {
			v.Overdue, v.OverdueSince = &i, &since
		}
	}
	if v.OverdueSince != nil || s.Status != stripe.SubscriptionStatusPastDue && s.Status != stripe.SubscriptionStatusUnpaid {
		return
	}
	// Stripe says so and shows no such invoice: it was written off, or is just being
	// paid. The time that is known already stands.
	v.OverdueSince = &now
	if f.OverdueSince != nil && !f.OverdueSince.After(now) {
		v.OverdueSince = f.OverdueSince
	}
}

// begun is since when a debt is one, by our clock. Stripe's may be ahead of it, and what
// it reports has happened: then since it was seen here first.
func (f facts) begun(since, now time.Time) time.Time {
	switch {
	case !since.After(now):
		return since
	case f.OverdueSince != nil && !f.OverdueSince.After(now):
		return *f.OverdueSince
	default:
		return now
	}
}

// isOverdue: a charge was tried and failed, or the day by which to pay has passed. An
// invoice in its first hour, before the first try, is not.
func isOverdue(i stripeInvoice, now time.Time) bool {
	if i.Status != string(stripe.InvoiceStatusOpen) || i.AmountRemaining <= 0 {
		return false
	}
	if !i.DueAt.IsZero() {
		return !now.Before(i.DueAt)
	}
	return i.Attempted
}

// overdueSince is the time of the first try, which follows the finalization at once.
func overdueSince(i stripeInvoice) time.Time {
	for _, t := range []time.Time{i.DueAt, i.FinalizedAt} {
		if !t.IsZero() {
			return t
		}
	}
	return i.CreatedAt
}

// endOf is when a living subscription ends by itself. Dashboard and portal set one
// of two fields for the same thing.
func endOf(s stripeSubscription) *time.Time {
	if s.CancelAtPeriodEnd && s.CancelAt.IsZero() {
		return known(s.PeriodEnd)
	}
	return known(s.CancelAt)
}

func canceledReason(f facts, s stripeSubscription) store.AccessReason {
	if f.CustomerDeleted {
		return store.ReasonCustomerDeleted
	}
	byCause := map[string]store.AccessReason{
		"payment_failed":   store.ReasonPaymentFailed,
		"payment_disputed": store.ReasonDisputed,
	}
	return cmp.Or(byCause[s.CancelReason], store.ReasonCanceled)
}

// chargeOf is the charge that paid an invoice, nil where there is none, or it is not known.
func (f facts) chargeOf(i stripeInvoice) *stripeCharge {
	for k := range f.Charges {
		if f.Charges[k].ID == i.ChargeID {
			return &f.Charges[k]
		}
	}
	return nil
}

func latestStatus(i stripeInvoice, c *stripeCharge) string {
	if c != nil && c.ID == i.ChargeID && i.Status == string(stripe.InvoiceStatusPaid) {
		switch {
		case c.Disputed:
			return invoiceDisputed
		case c.Amount > 0 && c.Refunded >= c.Amount:
			return invoiceRefunded
		}
	}
	return i.Status
}

func ended(s stripe.SubscriptionStatus) bool {
	return s == stripe.SubscriptionStatusCanceled || s == stripe.SubscriptionStatusIncompleteExpired
}

// pick chooses the subscription that counts, and gives the further ones that live.
func pick(all []stripeSubscription) (chosen *stripeSubscription, others []stripeSubscription) {
	sorted := slices.SortedStableFunc(slices.Values(all), func(a, b stripeSubscription) int {
		if ra, rb := rank(a), rank(b); ra != rb {
			return cmp.Compare(ra, rb)
		}
		if ended(a.Status) {
			return b.CreatedAt.Compare(a.CreatedAt)
		}
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	for i, s := range sorted {
		if i == 0 {
			chosen = &sorted[0]
		} else if !ended(s.Status) && s.Status != stripe.SubscriptionStatusIncomplete {
			others = append(others, s)
		}
	}
	return chosen, others
}

// living tells whether a subscription in this status was paid for once and goes on.
func living(status string) bool {
	return status != "" && rank(stripeSubscription{Status: stripe.SubscriptionStatus(status)}) < 2
}

// rank orders by how much a subscription has to say: what was paid for once, what is
// stopped, what waits for its first payment, what was canceled, what never began.
func rank(s stripeSubscription) int {
	switch s.Status {
	case stripe.SubscriptionStatusActive, stripe.SubscriptionStatusTrialing, stripe.SubscriptionStatusPastDue:
		return 0
	case stripe.SubscriptionStatusIncomplete:
		return 2
	case stripe.SubscriptionStatusCanceled:
		return 3
	case stripe.SubscriptionStatusIncompleteExpired:
		return 4
	default:
		return 1
	}
}
