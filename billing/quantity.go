package billing

// quantity.go brings each org's quantity to Stripe. It is a state and no queue of
// commands: the subscription is read, compared with what the ledger says since it
// was brought there the last time, and set; whatever became of an earlier try shows
// in what is read. Where more than one change waits, after an outage say, each is
// set with its own date, so that Stripe's bill is the ledger's integral.

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/stripe/stripe-go/v76"

	"hostaway-mcp/store"
)

const (
	updateEvery     = time.Hour   // the most often that one subscription is changed
	bringRetryFirst = time.Minute // after a failure; twice as long after each further one
	bringRetryMost  = time.Hour
	bringPage       = 100
	bringAtOnce     = 4
	bringLook       = time.Minute // between two looks when nobody says that there is something
)

// wakeQuantities says that there is a quantity to bring to Stripe.
func (b *Billing) wakeQuantities() {
	select {
	case b.quantitiesWoken <- struct{}{}:
	default:
	}
}

// runQuantities brings quantities to Stripe until ctx ends, at once when a count
// changes one.
func (b *Billing) runQuantities(ctx context.Context) {
	for ctx.Err() == nil {
		if err := b.BringQuantities(ctx); err != nil && ctx.Err() == nil {
			b.log.ErrorContext(ctx, "quantities can't be brought to Stripe; it is tried again", "error", err)
		}
		timer := time.NewTimer(bringLook)
		select {
		case <-b.quantitiesWoken:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// BringQuantities brings every quantity that is due to Stripe. What Stripe does not
// take is due again later; the error is of our own store alone.
func (b *Billing) BringQuantities(ctx context.Context) error {
	tried := map[string]bool{}
	for ctx.Err() == nil {
		due, err := b.cfg.Store.DirtyQuantities(ctx, b.now(), bringPage)
		if err != nil {
			return err
		}
		var fresh []*store.Org
		for _, org := range due {
			if !tried[org.ID()] {
				tried[org.ID()] = true
				fresh = append(fresh, org)
			}
		}
		if len(fresh) == 0 {
			return nil
		}
		if err := b.bringAll(ctx, fresh); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (b *Billing) bringAll(ctx context.Context, orgs []*store.Org) error {
	var group sync.WaitGroup
	turns := make(chan struct{}, bringAtOnce)
	failures := make([]error, len(orgs))
	for i, org := range orgs {
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			if err := b.bringQuantity(ctx, org); err != nil {
				failures[i] = fmt.Errorf("bring the quantity of org %s to Stripe: %w", org.ID(), err)
			}
		})
	}
	group.Wait()
	return errors.Join(failures...)
}

// bringQuantity does it for one org, under its lock.
func (b *Billing) bringQuantity(ctx context.Context, org *store.Org) error {
	release, err := b.orgs.hold(ctx, org.ID())
	if err != nil {
		return err
	}
	defer release()
	account, desired, err := b.moneyOf(ctx, org)
	if err != nil {
		return err
	}
	if desired.State != store.QuantityDirty || desired.NextTry.After(b.now()) {
		return nil
	}
	if !lives(account) {
		return b.edit(ctx, org, desired, nil, false, settled(time.Time{}))
	}
	sub, err := b.stripe.subscription(ctx, account.SubscriptionID)
	if err != nil {
		return b.later(ctx, org, desired, "", err)
	}
	return b.bringTo(ctx, org, account, desired, sub)
}

// bringTo takes one step towards what is desired, from what Stripe has.
func (b *Billing) bringTo(ctx context.Context, org *store.Org, account store.BillingAccount, desired store.DesiredQuantity, sub stripeSubscription) error {
	if ended(sub.Status) || sub.Status == stripe.SubscriptionStatusIncomplete {
		return b.edit(ctx, org, desired, nil, false, settled(time.Time{})) // who reads the account sees to it when it is paid
	}
	item, err := ourItem(account, sub)
	if err != nil {
		return b.later(ctx, org, desired, "", err)
	}
	rows, err := org.Billable(ctx, sub.CreatedAt, b.now().AddDate(1, 0, 0))
	if err != nil {
		return err
	}
	f := planFacts{Subscription: sub, Quantity: int(item.Quantity), Desired: desired, Ledger: rows, Overdue: isUnpaid(account, sub), Now: b.now()}
	p, err := b.withoutGift(ctx, account, f, planOf(f))
	if err != nil {
		return b.later(ctx, org, desired, "", err)
	}
	if p.Hold != nil {
		return b.edit(ctx, org, desired, p.Rows, false, p.hold)
	}
	if p.Next == nil {
		return b.edit(ctx, org, desired, p.Rows, false, settled(b.now()))
	}
	_, err = b.stripe.updateQuantity(ctx, sub.ID, item.ID, int64(p.Next.Quantity), p.Date, p.Key)
	if err != nil {
		return b.later(ctx, org, desired, p.Key, err)
	}
	b.log.InfoContext(ctx, "Stripe has a new quantity", "org", org.ID(), "from", item.Quantity, "to", p.Next.Quantity, "since", p.Next.At)
	return b.edit(ctx, org, desired, p.Rows, true, p.brought(b.now()))
}

// isUnpaid: an invoice is overdue, by what is known here or by what was just read.
func isUnpaid(account store.BillingAccount, sub stripeSubscription) bool {
	return account.OverdueSince != nil || sub.Status == stripe.SubscriptionStatusPastDue || sub.Status == stripe.SubscriptionStatusUnpaid
}

// errNotOneItem: the subscription is not of the form that we made, so nothing of it
// is changed until a person has looked.
var errNotOneItem = errors.New("the subscription must have exactly one item, with our price; put that right in Stripe's dashboard")

// ourItem is the subscription's one item.
func ourItem(account store.BillingAccount, sub stripeSubscription) (stripeItem, error) {
	if len(sub.Items) != 1 || account.PriceID != "" && sub.Items[0].Price.ID != account.PriceID {
		return stripeItem{}, errNotOneItem
	}
	return sub.Items[0], nil
}

// later notes a failed try. A key whose try was answered is never used again, since
// Stripe repeats its answer, a failure too; one that was not answered is.
func (b *Billing) later(ctx context.Context, org *store.Org, desired store.DesiredQuantity, key string, cause error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	b.log.WarnContext(ctx, "Stripe has not taken a quantity; it is tried again", "org", org.ID(), "error", cause)
	return b.edit(ctx, org, desired, nil, key != "", func(q *store.DesiredQuantity, _ bool) {
		if key != "" {
			q.OperationKey = withFailed(q.OperationKey, key, kindOf(cause) != KindUnreachable)
		}
		wait := bringRetryMost
		if kindOf(cause) == KindInvalid || outage(cause) { // a date may have become one of a period before
			wait = min(bringRetryFirst<<min(q.Attempts, 10), bringRetryMost)
		}
		q.Attempts++
		q.NextTry, q.LastError = b.now().Add(wait), cause.Error()
	})
}

// settled: Stripe has what is desired, or has nothing to have it for (zero time).
func settled(at time.Time) func(*store.DesiredQuantity, bool) {
	return func(q *store.DesiredQuantity, _ bool) {
		q.State, q.Attempts, q.LastError = store.QuantityClean, 0, ""
		q.AtStripe = nil
		if !at.IsZero() {
			has := q.Quantity
			q.SyncedAt, q.AtStripe = &at, &has
		}
	}
}

// edit writes what became of the desired quantity. When a count came meanwhile, that
// is worked out anew the next time; but what was posted is noted all the same, by a
// change that is told that it is stale.
func (b *Billing) edit(ctx context.Context, org *store.Org, seen store.DesiredQuantity, rows []store.BillableChange, posted bool, change func(q *store.DesiredQuantity, stale bool)) error {
	for try := 1; ; try++ {
		next := seen
		change(&next, try > 1)
		err := org.SetDesired(ctx, system(), store.QuantityChange{Desired: &next, Billable: rows})
		switch {
		case !undone(err), errors.Is(err, store.ErrConflict) && !posted:
			return nil
		case !errors.Is(err, store.ErrConflict) || try == writeRetries:
			return err
		}
		if seen, err = org.Desired(ctx); err != nil {
			return err
		}
	}
}
