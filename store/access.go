// Access: whether an org's tools answer, and why. What billing worked out the last
// time is stored; what time changes by itself is compared with the time of the call.

package store

import (
	"database/sql"
	"time"
)

// Access is what an org may do with its tools.
type Access string

// AccessTrial is our own trial, without a subscription. AccessGrace: a payment has
// failed and tools go on for a while. AccessNone: there is no subscription yet.
const (
	AccessExempt    Access = "exempt"
	AccessTrial     Access = "trial"
	AccessActive    Access = "active"
	AccessGrace     Access = "grace"
	AccessSuspended Access = "suspended"
	AccessCanceled  Access = "canceled"
	AccessNone      Access = "none"
)

// Allowed says whether tools answer.
func (a Access) Allowed() bool {
	return a == AccessExempt || a == AccessTrial || a == AccessActive || a == AccessGrace
}

// AccessReason says why an org has the access that it has, in one word.
type AccessReason string

// The reasons. Others may follow: whoever explains one has words for the rest.
const (
	ReasonBillingOff      AccessReason = "billing_off"
	ReasonNotConnected    AccessReason = "not_connected" // no trial yet: it starts with the connection
	ReasonTrial           AccessReason = "trial"
	ReasonTrialEnded      AccessReason = "trial_ended"
	ReasonTrialUsed       AccessReason = "trial_used" // this Hostaway account had its trial
	ReasonSubscribed      AccessReason = "subscribed"
	ReasonPaymentFailed   AccessReason = "payment_failed"
	ReasonPaymentPending  AccessReason = "payment_pending" // the first payment is not confirmed
	ReasonUnpaid          AccessReason = "unpaid"          // Stripe has given up collecting
	ReasonPaused          AccessReason = "paused"
	ReasonCanceled        AccessReason = "canceled"
	ReasonRefunded        AccessReason = "refunded"
	ReasonDisputed        AccessReason = "disputed"
	ReasonCustomerDeleted AccessReason = "customer_deleted"
	// ReasonTwoSubscriptions: the older one counts, and both are charged.
	ReasonTwoSubscriptions AccessReason = "two_subscriptions"
)

// AccessState is an org's access and what is needed to explain it. The times are
// those that change it by themselves; nil: none does.
type AccessState struct {
	Access                             Access
	Reason                             AccessReason
	TrialEndsAt, CancelAt, GraceEndsAt *time.Time
}

// Allowed says whether tools answer.
func (a AccessState) Allowed() bool { return a.Access.Allowed() }

// at is the state at a time: a trial, a subscription that was canceled for a day and
// the time of grace each end at their moment, whoever has looked since.
func (a AccessState) at(now time.Time) AccessState {
	past := func(t *time.Time) bool { return t != nil && !now.Before(*t) }
	switch {
	case a.Access == AccessTrial && past(a.TrialEndsAt):
		a.Access, a.Reason = a.afterTrial(past(a.CancelAt), a.GraceEndsAt != nil && !past(a.GraceEndsAt))
	case (a.Access == AccessActive || a.Access == AccessGrace) && past(a.CancelAt):
		a.Access, a.Reason = AccessCanceled, ReasonCanceled
		if a.TrialEndsAt != nil && !past(a.TrialEndsAt) {
			a.Access = AccessTrial
		}
	case a.Access == AccessGrace && past(a.GraceEndsAt):
		a.Access, a.Reason = AccessSuspended, ReasonPaymentFailed
	}
	return a
}

// afterTrial is what is left when a trial ends: without a subscription nothing, else
// what has become of it. ended: it has ended since, or by then; late: the time of
// grace for its debt goes on.
func (a AccessState) afterTrial(ended, late bool) (Access, AccessReason) {
	switch a.Reason {
	case ReasonPaymentFailed, ReasonUnpaid, ReasonPaused:
		switch {
		case ended && a.Reason != ReasonPaymentFailed:
			return AccessCanceled, ReasonCanceled
		case ended:
			return AccessCanceled, a.Reason
		case late:
			return AccessGrace, a.Reason
		}
		return AccessSuspended, a.Reason
	case ReasonCanceled, ReasonCustomerDeleted, ReasonDisputed:
		return AccessCanceled, a.Reason
	case ReasonPaymentPending:
		return AccessNone, a.Reason
	}
	return AccessNone, ReasonTrialEnded
}

// Access is the org's access now, by what was stored when the door was entered.
func (o *Org) Access() AccessState {
	if !o.store.billing {
		return AccessState{Access: AccessExempt, Reason: ReasonBillingOff}
	}
	if o.access.Access == "" {
		return AccessState{Access: AccessNone, Reason: ReasonNotConnected}
	}
	return o.access.at(o.store.now())
}

// orgRow reads the columns by which the system door's statements name an org:
// orgColumns, from orgs_all o and billing_accounts_all b.
type orgRow struct {
	created              int64
	access, reason       sql.NullString
	trial, cancel, grace sql.NullInt64
}

const (
	orgColumns = `o.id, o.name, o.created_at, b.access, b.access_reason, b.trial_ends_at, b.cancel_at, b.grace_ends_at`
	orgAccess  = ` LEFT JOIN billing_accounts_all b ON b.org_id = o.id`
)

func (r *orgRow) into(o *Org) []any {
	return []any{&o.id, &o.name, &r.created, &r.access, &r.reason, &r.trial, &r.cancel, &r.grace}
}

// fill completes the org after the scan.
func (r *orgRow) fill(o *Org) {
	o.createdAt = fromMilli(r.created)
	o.access = AccessState{
		Access: Access(r.access.String), Reason: AccessReason(r.reason.String),
		TrialEndsAt: fromNullMilli(r.trial), CancelAt: fromNullMilli(r.cancel), GraceEndsAt: fromNullMilli(r.grace),
	}
}

// scanOrg reads an org of this store from a row that has orgColumns alone.
func (s *Store) scanOrg(row *sql.Rows, to **Org) error {
	o, r := &Org{store: s}, orgRow{}
	err := row.Scan(r.into(o)...)
	r.fill(o)
	*to = o
	return err
}
