package billing

// invariant_check.go compares a survey with the invariants. It reads and writes
// nothing: what follows from a finding is the reconciler's.

import (
	"fmt"
	"slices"
	"time"

	"github.com/stripe/stripe-go/v76"

	"hostaway-mcp/store"
)

const (
	bringWithin = 2 * time.Hour  // a new quantity is to be at Stripe
	countWithin = 26 * time.Hour // between two complete counts
	heldWithin  = 48 * time.Hour
	eventWithin = 10 * time.Minute
	refusedAsk  = 14 * day // then the operator decides
)

// remedy is what the reconciler can do about a finding by itself.
type remedy int

const (
	leave   remedy = iota
	refresh        // read the org at Stripe again
	setBack        // have the quantity brought to Stripe
)

// found is one finding of a run.
type found struct {
	invariant, subject string
	org                *store.Org // nil: it is of none
	detail             string
	remedy             remedy
	repaired           bool
}

// findings collects what a run finds.
type findings []found

func (f *findings) about(o *surveyed, invariant string, r remedy, format string, args ...any) {
	*f = append(*f, found{invariant: invariant, subject: o.org.ID(), org: o.org, detail: fmt.Sprintf(format, args...), remedy: r})
}

// second is the finding of I8 that an org has more than one subscription.
func (f *findings) second(org *store.Org, kept string, others []stripeSubscription) {
	detail := fmt.Sprintf("there are %d live subscriptions; %s is kept, %s is too many", len(others)+1, kept, others[0].ID)
	*f = append(*f, found{invariant: invStray, subject: org.ID(), org: org, detail: detail, remedy: leave})
}

func (f *findings) of(subject, invariant, format string, args ...any) {
	*f = append(*f, found{invariant: invariant, subject: subject, detail: fmt.Sprintf(format, args...)})
}

// examine checks all invariants but I4, which needs the lines of invoices.
func (s *survey) examine() findings {
	var f findings
	for _, o := range s.orgs {
		s.checkMirror(&f, o)
		s.checkSubscription(&f, o)
		s.checkQuantity(&f, o)
		s.checkAccess(&f, o)
		s.checkCounted(&f, o)
	}
	s.checkStrays(&f)
	s.checkEvents(&f)
	return f
}

// subscription is the live one that the account knows, nil without.
func (o *surveyed) subscription() *stripeSubscription {
	for i := range o.live {
		if o.live[i].ID == o.account.SubscriptionID {
			return &o.live[i]
		}
	}
	return nil
}

// checkMirror is I3.
func (s *survey) checkMirror(f *findings, o *surveyed) {
	a := o.account
	if a.CustomerID == "" {
		return
	}
	chosen, _ := pick(o.live)
	if chosen == nil {
		if lives(a) {
			f.about(o, invMirror, refresh, "the subscription %s is %s here, and Stripe lists it no more", a.SubscriptionID, a.Status)
		}
		return
	}
	switch overdue := o.overdueSince(s.now) != nil || unpaidStatus(chosen.Status); {
	case chosen.ID != a.SubscriptionID:
		f.about(o, invMirror, refresh, "Stripe has the subscription %s, and here %q is known", chosen.ID, a.SubscriptionID)
	case string(chosen.Status) != a.Status:
		f.about(o, invMirror, refresh, "the subscription is %s at Stripe and %s here", chosen.Status, a.Status)
	case !sameTime(a.CancelAt, endOf(*chosen)) || !sameTime(a.PeriodEnd, known(chosen.PeriodEnd)):
		f.about(o, invMirror, refresh, "the end of the period or of the subscription is another at Stripe")
	case chosen.LatestInvoiceID != a.LatestInvoiceID:
		f.about(o, invMirror, refresh, "the newest invoice is another at Stripe")
	case overdue != (a.OverdueSince != nil):
		f.about(o, invMirror, refresh, "a payment is overdue at Stripe: %t, and here: %t", overdue, a.OverdueSince != nil)
	}
}

func unpaidStatus(s stripe.SubscriptionStatus) bool {
	return s == stripe.SubscriptionStatusPastDue || s == stripe.SubscriptionStatusUnpaid
}

func sameTime(a, b *time.Time) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Equal(*b)
}

// overdueSince is since when the known subscription has an unpaid invoice.
func (o *surveyed) overdueSince(now time.Time) *time.Time {
	var since *time.Time
	for _, i := range o.open {
		if i.SubscriptionID != o.account.SubscriptionID || !isOverdue(i, now) {
			continue
		}
		if t := overdueSince(i); since == nil || t.Before(*since) {
			since = &t
		}
	}
	return since
}

// checkSubscription is I2, and of I8 that there is no second one.
func (s *survey) checkSubscription(f *findings, o *surveyed) {
	access := o.account.AccessAt(s.now).Access
	sub := o.subscription()
	if (access == store.AccessActive || access == store.AccessGrace) && sub == nil {
		f.about(o, invOneSub, refresh, "tools answer, and Stripe has no live subscription")
	}
	if sub != nil && !s.wellFormed(*sub) {
		f.about(o, invOneSub, leave, "the subscription %s must have one item with the price of a listing, and has %d, of the prices %v", sub.ID, len(sub.Items), pricesOf(*sub))
	}
	if _, others := pick(o.live); len(others) > 0 {
		f.second(o.org, o.account.SubscriptionID, others)
	}
}

func (s *survey) wellFormed(sub stripeSubscription) bool {
	return len(sub.Items) == 1 && sub.Items[0].Price.ProductID == s.price.ProductID
}

func pricesOf(sub stripeSubscription) (ids []string) {
	for _, item := range sub.Items {
		ids = append(ids, item.Price.ID)
	}
	return ids
}

// checkQuantity is I1, and of I8 that no count is held for long.
func (s *survey) checkQuantity(f *findings, o *surveyed) {
	d, sub := o.desired, o.subscription()
	if d.Held() && d.HeldSince != nil && s.now.Sub(*d.HeldSince) > heldWithin && d.HoldReason != holdUnpaid {
		f.about(o, invStray, leave, "held since %s: %s", d.HeldSince.Format(time.RFC3339), holdSentence(standingOf(o.account, d).Held, d.Quantity))
	}
	if sub == nil || d.Version == 0 || !s.wellFormed(*sub) || !lives(o.account) {
		return
	}
	if d.SyncedAt != nil && s.now.Sub(*d.SyncedAt) < eventWithin {
		return // it may have been brought there while the lists were read
	}
	has := int(sub.Items[0].Quantity)
	switch late := s.now.Sub(d.ChangedAt) > bringWithin && s.now.After(d.NextTry); {
	case d.State == store.QuantityClean && has != d.Quantity:
		f.about(o, invQuantity, setBack, "Stripe bills %d and %d are due", has, d.Quantity)
	case d.State == store.QuantityDirty && (late || d.Attempts > 5):
		f.about(o, invQuantity, leave, "Stripe bills %d and %d are due since %s: %s", has, d.Quantity, d.ChangedAt.Format(time.RFC3339), d.LastError)
	}
}

// checkAccess is I7.
func (s *survey) checkAccess(f *findings, o *surveyed) {
	access := o.account.AccessAt(s.now)
	since := o.overdueSince(s.now)
	switch {
	case o.account.Access == store.AccessExempt:
	case access.Access == store.AccessSuspended && access.Reason != store.ReasonPaused && since == nil:
		f.about(o, invAccess, refresh, "the org is suspended (%s), and none of its invoices is open", access.Reason)
	case (access.Access == store.AccessActive || access.Access == store.AccessGrace) && since != nil && s.now.Sub(*since) > s.grace+eventWithin:
		f.about(o, invAccess, refresh, "tools answer, and an invoice is overdue since %s", since.Format(time.RFC3339))
	}
}

// checkCounted is what I5 says of counts.
func (s *survey) checkCounted(f *findings, o *surveyed) {
	age := s.now.Sub(later(o.counted, o.org.CreatedAt()))
	if !counted(o.account, s.now) || o.offline || age <= countWithin {
		return
	}
	last := "never"
	if !o.counted.IsZero() {
		last = o.counted.Format(time.RFC3339)
	}
	switch {
	case o.refused != nil && s.now.Sub(*o.refused) >= refusedAsk:
		f.about(o, invKnown, leave, "Hostaway refuses the credentials since %s; the last complete count (%s) is billed: decide what to bill", o.refused.Format(time.RFC3339), last)
	case o.refused != nil:
		f.about(o, invKnown, leave, "Hostaway refuses the credentials since %s; the last complete count (%s) is billed", o.refused.Format(time.RFC3339), last)
	default:
		f.about(o, invKnown, leave, "the last complete count is of %s", last)
	}
}

// checkStrays is what I5 and I8 say of what belongs to nobody.
func (s *survey) checkStrays(f *findings) {
	known := map[string]string{} // org → customer
	for _, o := range s.orgs {
		known[o.org.ID()] = o.account.CustomerID
	}
	for _, sub := range s.strays {
		f.of(sub.CustomerID, invStray, "the subscription %s is of a customer that is no org's", sub.ID)
	}
	for _, c := range s.customers {
		stray := slices.ContainsFunc(s.strays, func(sub stripeSubscription) bool { return sub.CustomerID == c.ID })
		if customer, ok := known[c.OrgID]; !stray && (!ok || customer != c.ID) && s.now.Sub(c.CreatedAt) > time.Hour {
			f.of(c.ID, invStray, "the customer was made for org %s, which has the customer %q", c.OrgID, customer)
		}
	}
	for _, i := range s.paid {
		f.of(i.ID, invKnown, "the invoice was paid by the customer %s, which is no org's", i.CustomerID)
	}
}

// checkEvents is I6 as far as our own inbox goes.
func (s *survey) checkEvents(f *findings) {
	late, oldest := 0, s.now
	for _, e := range s.waiting {
		if s.now.Sub(e.ReceivedAt) > eventWithin {
			late++
			if e.ReceivedAt.Before(oldest) {
				oldest = e.ReceivedAt
			}
		}
	}
	if late > 0 {
		f.of("inbox", invEvents, "events of Stripe's that wait for more than ten minutes: %d, the oldest since %s", late, oldest.Format(time.RFC3339))
	}
}
