// Which mails follow when an org's state changes. Each has a key made of what it is
// about, so that a state that is read again tells nobody anything twice.

package billing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stripe/stripe-go/v76"

	"hostaway-mcp/store"
)

// draft is a mail before it is written.
type draft struct {
	kind, key string
	to        []store.Recipient
	payload   store.BillingMail
}

// change is a state and the one before it.
type change struct {
	old, next store.BillingAccount
	v         accessVerdict
	now       time.Time
}

func mailsOf(old, next store.BillingAccount, v accessVerdict, now time.Time) ([]store.NewMail, error) {
	c := change{old: old, next: next, v: v, now: now}
	var drafts []draft
	for _, rule := range []func() []draft{c.overdue, c.moved, c.suspended, c.restored, c.canceled, c.returned, c.twice} {
		drafts = append(drafts, rule()...)
	}
	return writeMails(drafts)
}

func writeMails(drafts []draft) (mails []store.NewMail, err error) {
	for _, d := range drafts {
		for _, to := range d.to {
			m, err := store.NewBillingMail(d.kind, to, d.kind+":"+d.key+":"+string(to), d.payload)
			if err != nil {
				return nil, err
			}
			mails = append(mails, m)
		}
	}
	return mails, nil
}

func owners() []store.Recipient { return []store.Recipient{store.ToOwners} }

func ownersAndOperators() []store.Recipient {
	return []store.Recipient{store.ToOwners, store.ToOperators}
}

// overdue: each failed try of an invoice is told once, with what it means for tools.
// Behind a trial of ours it is a debt as well.
func (c change) overdue() []draft {
	i := c.v.Overdue
	if i == nil || c.next.Access != store.AccessGrace && c.next.Access != store.AccessSuspended && c.next.Access != store.AccessTrial {
		return nil
	}
	payload := store.BillingMail{Amount: i.AmountRemaining, Currency: i.Currency, StopsAt: toolsStop(c.next)}
	return []draft{{kind: store.MailPaymentFailed, key: fmt.Sprintf("%s:%d", i.ID, i.Attempts), to: owners(), payload: payload}}
}

// moved: the operator gives more time to pay than was told, or less.
func (c change) moved() []draft {
	before, stops := toolsStop(c.old), toolsStop(c.next)
	sameDebt := c.old.OverdueSince != nil && c.next.OverdueSince != nil && c.old.OverdueSince.Equal(*c.next.OverdueSince)
	if !sameDebt || c.old.GraceEndsAt == nil || c.next.GraceEndsAt == nil || c.old.GraceEndsAt.Equal(*c.next.GraceEndsAt) || stops == nil || before != nil && before.Equal(*stops) {
		return nil
	}
	payload := store.BillingMail{StopsAt: stops}
	if i := c.v.Overdue; i != nil {
		payload.Amount, payload.Currency = i.AmountRemaining, i.Currency
	}
	return []draft{{kind: store.MailPaymentFailed, key: c.next.SubscriptionID + ":" + stamp(c.next.OverdueSince, c.now) + ":" + stamp(stops, c.now), to: owners(), payload: payload}}
}

// toolsStop is when a debt stops the tools that still answer: with the grace, or with
// the subscription if that ends before, or with our own trial where that runs longer;
// nil when it has, or there is none.
func toolsStop(a store.BillingAccount) *time.Time {
	stops := a.GraceEndsAt
	if stops != nil && a.CancelAt != nil && a.CancelAt.Before(*stops) {
		stops = a.CancelAt
	}
	switch a.Access {
	case store.AccessGrace:
		return stops
	case store.AccessTrial:
		if stops != nil && a.TrialEndsAt != nil && stops.After(*a.TrialEndsAt) {
			return stops
		}
		return a.TrialEndsAt
	default:
		return nil
	}
}

// suspended: tools have stopped, and the mail about a payment that failed has not said so.
func (c change) suspended() []draft {
	if c.next.Access != store.AccessSuspended || c.old.Access == store.AccessSuspended {
		return nil
	}
	if c.next.AccessReason == store.ReasonPaymentFailed && c.old.OverdueSince == nil {
		return nil
	}
	return []draft{{
		kind: store.MailSuspended, key: c.next.SubscriptionID + ":" + string(c.next.AccessReason) + ":" + stamp(c.next.OverdueSince, c.now), to: owners(),
		payload: store.BillingMail{Reason: string(c.next.AccessReason)},
	}}
}

func (c change) restored() []draft {
	if c.old.Access != store.AccessSuspended || c.next.Access != store.AccessActive {
		return nil
	}
	return []draft{{kind: store.MailRestored, key: c.next.SubscriptionID + ":" + stamp(c.old.OverdueSince, c.now), to: owners()}}
}

// canceled: an end is set for later, or has come. Where it came while a trial of ours
// ran, tools stop later, with that, and this is told then.
func (c change) canceled() []draft {
	to := func(key string, payload store.BillingMail) []draft {
		if end := c.next.TrialEndsAt; end != nil && payload.EndsAt != nil && end.After(c.now) && end.After(*payload.EndsAt) {
			payload.StopsAt = end
		}
		return []draft{{kind: store.MailCanceled, key: c.next.SubscriptionID + ":" + key, to: owners(), payload: payload}}
	}
	if c.next.Status == string(stripe.SubscriptionStatusCanceled) {
		known := c.old.Status == c.next.Status && c.old.SubscriptionID == c.next.SubscriptionID
		payload := store.BillingMail{EndsAt: c.endedAt(), Reason: string(c.next.AccessReason)}
		switch {
		case c.next.SubscriptionID == "":
			return nil
		case !known:
			return to("ended", payload)
		case c.old.Access == store.AccessTrial && c.next.Access == store.AccessCanceled:
			return to("stopped", payload)
		}
		return nil
	}
	if c.next.CancelAt == nil || c.old.CancelAt != nil && c.old.CancelAt.Equal(*c.next.CancelAt) {
		return nil
	}
	asked := c.now
	if s := c.v.Subscription; s != nil && !s.CanceledAt.IsZero() {
		asked = s.CanceledAt
	}
	return to(stamp(c.next.CancelAt, c.now)+":"+stamp(&asked, c.now), c.endAhead())
}

// endAhead: tools answer until the end, unless a debt or a pause has stopped them, or
// will before. Then the reason is that one, and StopsAt when it is still to come.
func (c change) endAhead() store.BillingMail {
	payload := store.BillingMail{EndsAt: c.next.CancelAt, Reason: string(store.ReasonCanceled)}
	if !c.next.Access.Allowed() {
		payload.Reason = string(c.next.AccessReason)
	} else if stops := toolsStop(c.next); stops != nil && stops.Before(*c.next.CancelAt) {
		payload.Reason, payload.StopsAt = string(c.next.AccessReason), stops
	}
	return payload
}

func (c change) endedAt() *time.Time {
	if c.v.Subscription == nil {
		return &c.now
	}
	return endOfEnded(c.old, *c.v.Subscription, c.now)
}

// returned: the money of an invoice went back, or is asked back. Access stays; what
// becomes of the subscription is the operator's decision.
func (c change) returned() (drafts []draft) {
	for _, r := range c.v.NewlyReturned {
		d := draft{kind: store.MailDisputed, key: r.Invoice, to: ownersAndOperators(), payload: store.BillingMail{Amount: r.Charge.Amount, Currency: r.Charge.Currency}}
		if r.Kind == invoiceRefunded {
			d.kind, d.payload.Amount = store.MailRefunded, r.Charge.Refunded
		}
		if !c.next.Access.Allowed() {
			d.payload.Reason = string(c.next.AccessReason)
		}
		drafts = append(drafts, d)
	}
	return drafts
}

// twice: a second subscription was paid, in two tabs or by hand. The older one counts;
// which one goes is decided by a person, for money has to be given back.
func (c change) twice() (drafts []draft) {
	for _, other := range c.v.Others {
		payload := store.BillingMail{Currency: other.Currency, Reason: other.ID}
		for _, item := range other.Items {
			payload.Amount += item.Quantity * item.Price.UnitAmount
		}
		drafts = append(drafts, draft{kind: store.MailTwoSubscriptions, key: other.ID, to: ownersAndOperators(), payload: payload})
	}
	return drafts
}

func stamp(t *time.Time, orElse time.Time) string {
	if t == nil {
		t = &orElse
	}
	return t.UTC().Format("20060102T150405")
}

// expected is what an org pays a month by the newest complete count; without one,
// nothing is known.
func (b *Billing) expected(ctx context.Context, org *store.Org) (store.BillingMail, error) {
	var m store.BillingMail
	count, err := org.NewestCompleteCount(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return m, nil
	}
	if err != nil {
		return m, err
	}
	price, _ := b.knownPrice()
	m.Listings, m.UnitAmount, m.Currency = count.Active, price.UnitAmount, price.Currency
	return m, nil
}
