// Cancel and resume. A subscription ends with the period that is paid; until then it
// can be taken back, and afterwards one subscribes again through Checkout.

package billing

import (
	"context"
	"fmt"
	"unicode/utf8"

	"hostaway-mcp/store"
)

// LongestReason is how long the reason for a cancellation may be, in characters.
const LongestReason = 500

// Cancel has the subscription end with its period. It may be called twice. reason is
// what the person gave, for the audit log alone.
// Errors: *Fault of kind no plan or unreachable; *store.InputError for a reason that
// is too long, and then nothing was done.
func (b *Billing) Cancel(ctx context.Context, org *store.Org, by store.Actor, reason string) error {
	if n := utf8.RuneCountInString(reason); n > LongestReason {
		return &store.InputError{Field: "reason", Problem: fmt.Sprintf("it may have %d characters, and has %d", LongestReason, n)}
	}
	return b.changeEnd(ctx, org, func(account store.BillingAccount) error {
		if account.CancelAt != nil {
			return nil
		}
		_, err := b.stripe.cancelAtPeriodEnd(ctx, account.SubscriptionID, true, onceKey("cancel", account.SubscriptionID))
		if err != nil {
			return err
		}
		return org.RecordAction(ctx, by, store.Action{Name: "billing.canceled", Target: account.SubscriptionID, Detail: reason})
	})
}

// Resume takes a cancellation back that has not come yet, here or in the portal. It
// may be called twice. Errors: *Fault of kind no plan or unreachable.
func (b *Billing) Resume(ctx context.Context, org *store.Org, by store.Actor) error {
	return b.changeEnd(ctx, org, func(account store.BillingAccount) error {
		if account.CancelAt == nil {
			return nil
		}
		key := onceKey("resume", account.SubscriptionID)
		s, err := b.stripe.cancelAtPeriodEnd(ctx, account.SubscriptionID, false, key)
		if err == nil && !s.CancelAt.IsZero() { // a date of its own, as some portals set
			_, err = b.stripe.clearCancelAt(ctx, account.SubscriptionID, key+":date")
		}
		if err != nil {
			return err
		}
		return org.RecordAction(ctx, by, store.Action{Name: "billing.resumed", Target: account.SubscriptionID})
	})
}

// changeEnd reads the state, changes it, and reads it again.
func (b *Billing) changeEnd(ctx context.Context, org *store.Org, change func(store.BillingAccount) error) error {
	release, err := b.orgs.hold(ctx, org.ID())
	if err != nil {
		return err
	}
	defer release()
	account, err := b.refreshHeld(ctx, org)
	if err != nil {
		return asFault(err)
	}
	if !living(account.Status) {
		return &Fault{Kind: FaultNotSubscribed}
	}
	err = change(account)
	if err == nil {
		_, err = b.refreshHeld(ctx, org)
	}
	return asFault(err)
}
