package billing

// quantity_seen.go is what a look at a subscription means for the quantity: it
// began, somebody changed it at Stripe, it was paid, it ended.

import (
	"context"
	"slices"
	"time"

	"hostaway-mcp/store"
)

// quantitySeen compares the org's quantity with the subscription that was just read
// and saved with the account. The caller holds the org's lock. Nothing is asked of
// Stripe; what there is to bring is brought by the worker.
func (b *Billing) quantitySeen(ctx context.Context, org *store.Org, account store.BillingAccount, sub *stripeSubscription) error {
	_, desired, err := b.moneyOf(ctx, org)
	if err != nil || desired.Version == 0 || sub == nil || sub.ID != account.SubscriptionID {
		return err
	}
	rows, err := org.Billable(ctx, sub.CreatedAt, b.now().AddDate(1, 0, 0))
	if err != nil {
		return err
	}
	if ended(sub.Status) {
		return b.quantityEnded(ctx, org, desired, *sub, rows)
	}
	if !lives(account) {
		return nil
	}
	if desired.HoldReason == holdUnpaid && !isUnpaid(account, *sub) {
		return b.releaseUnpaid(ctx, org, account, desired)
	}
	return b.quantityLives(ctx, org, desired, *sub, isAnchored(rows, sub.CreatedAt))
}

// quantityLives has the quantity of a subscription that goes on brought to Stripe,
// where the ledger has not seen it begin or where somebody changed it there. That is
// set back at once, whenever the last change was: what stands at Stripe is billed.
func (b *Billing) quantityLives(ctx context.Context, org *store.Org, desired store.DesiredQuantity, sub stripeSubscription, anchored bool) error {
	var has *int
	if len(sub.Items) == 1 {
		n := int(sub.Items[0].Quantity)
		has = &n
	}
	bring := desired.State != store.QuantityDirty && (!anchored || has != nil && *has != desired.Quantity)
	if bring && anchored {
		orgs, err := b.cfg.Store.CountOrgs(ctx)
		if err != nil {
			return err
		}
		bring = b.maySetBack(1, orgs) // too many of them in a day: the reconciler reports it
	}
	if !bring && sameNumber(desired.AtStripe, has) {
		return nil
	}
	err := b.edit(ctx, org, desired, nil, false, func(q *store.DesiredQuantity, _ bool) {
		if q.AtStripe = has; bring {
			*q = dirty(*q)
			q.NextTry = time.Time{}
		}
	})
	if bring {
		b.wakeQuantities()
	}
	return err
}

func sameNumber(a, b *int) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

// quantityEnded closes the ledger of a subscription that has ended.
func (b *Billing) quantityEnded(ctx context.Context, org *store.Org, desired store.DesiredQuantity, sub stripeSubscription, rows []store.BillableChange) error {
	closed := slices.ContainsFunc(rows, func(c store.BillableChange) bool {
		return c.Reason == store.BillableEnd && c.EffectiveAt.After(sub.CreatedAt)
	})
	if closed || !isAnchored(rows, sub.CreatedAt) {
		return nil
	}
	end := sub.EndedAt
	if end.IsZero() {
		end = sub.CanceledAt
	}
	if end.IsZero() {
		end = b.now()
	}
	for _, c := range rows {
		end = later(end, c.EffectiveAt)
	}
	return b.edit(ctx, org, desired, []store.BillableChange{{EffectiveAt: end, Quantity: 0, Reason: store.BillableEnd}}, false, settled(time.Time{}))
}

// releaseUnpaid lets a decrease that waited for a payment be billed, from when it was
// seen. One that would be held for another reason goes on to be held for that.
func (b *Billing) releaseUnpaid(ctx context.Context, org *store.Org, account store.BillingAccount, desired store.DesiredQuantity) error {
	s := standingOf(account, desired)
	s.Overdue = false
	if reason := suspicion(s, desired.HeldQuantity); reason != "" {
		return b.edit(ctx, org, desired, nil, false, func(q *store.DesiredQuantity, _ bool) { q.HoldReason = reason })
	}
	return b.letThrough(ctx, org, system(), account, desired)
}

// ReleaseHold lets a held count be billed from when it was first seen: a person's
// decision. Errors: store.ErrNotFound (none is held), store.ErrConflict (the count
// that is held now is not of so many listings).
func (b *Billing) ReleaseHold(ctx context.Context, org *store.Org, listings int, by store.Actor) error {
	account, desired, err := b.moneyOf(ctx, org)
	switch {
	case err != nil:
		return err
	case !desired.Held():
		return store.ErrNotFound
	case desired.HeldQuantity != listings:
		return store.ErrConflict
	}
	return b.letThrough(ctx, org, by, account, desired)
}

// letThrough bills what is held.
func (b *Billing) letThrough(ctx context.Context, org *store.Org, by store.Actor, account store.BillingAccount, desired store.DesiredQuantity) error {
	count, err := org.ListingCount(ctx, desired.HeldCountID)
	if err != nil {
		return err
	}
	f := follow{account: account, standing: standingOf(account, desired), desired: desired, count: count}
	if f.inForce, err = inForce(ctx, org, b.now()); err != nil {
		return err
	}
	since := f.standing.Held.Since
	if f.earlier, err = org.ListingCounts(ctx, since, later(count.CountedAt, since).Add(time.Millisecond)); err != nil {
		return err
	}
	err = org.SetDesired(ctx, by, f.released())
	if undone(err) {
		return err
	}
	b.wakeQuantities()
	return nil
}
