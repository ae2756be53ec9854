// Leaving: an org is about to be deleted, so nothing may bill it any more.

package billing

import (
	"context"
	"errors"

	"github.com/stripe/stripe-go/v76"

	"hostaway-mcp/store"
)

// Leave ends every subscription of the org at once, and closes the page where it could
// begin one. Nothing is given back: that is the operator's to decide, in Stripe's
// dashboard, where the customer stays, with the mark that its org left: the reconciler
// asks no more whose it is. It returns the ids of what it ended, and may be called again. Errors: *Error when Stripe can't be asked; what it ended is returned.
func (b *Billing) Leave(ctx context.Context, org *store.Org) (ended []string, err error) {
	release, err := b.orgs.hold(ctx, org.ID())
	if err != nil {
		return nil, err
	}
	defer release()
	account, err := org.Billing(ctx)
	if errors.Is(err, store.ErrNotFound) || err == nil && account.CustomerID == "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if account.CheckoutSession != "" {
		_, err := b.stripe.expireCheckout(ctx, account.CheckoutSession, onceKey("leave", account.CheckoutSession))
		if kind := kindOf(err); err != nil && kind != KindNotFound && kind != KindInvalid { // it was paid, or has run out
			return nil, err
		}
	}
	all, err := b.stripe.subscriptionsOf(ctx, account.CustomerID)
	if kindOf(err) == KindNotFound {
		return nil, nil // the customer was deleted
	}
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		if over(s) {
			continue
		}
		if _, err := b.stripe.cancelNow(ctx, s.ID, onceKey("leave", s.ID)); err != nil && kindOf(err) != KindNotFound {
			return ended, err
		}
		ended = append(ended, s.ID)
	}
	if err := b.stripe.markLeft(ctx, account.CustomerID, onceKey("left", account.CustomerID)); err != nil && kindOf(err) != KindNotFound {
		return ended, err
	}
	return ended, nil
}

// MarkLeft marks the customer of the org as one whose org left, and ends nothing: a
// person sees to that. It returns the ids of the subscriptions that go on, and may be
// called again. Errors: *Error when Stripe can't be asked.
func (b *Billing) MarkLeft(ctx context.Context, org *store.Org) (goOn []string, err error) {
	account, err := org.Billing(ctx)
	if errors.Is(err, store.ErrNotFound) || err == nil && account.CustomerID == "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	all, err := b.stripe.subscriptionsOf(ctx, account.CustomerID)
	if kindOf(err) == KindNotFound {
		return nil, nil // the customer was deleted
	}
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		if !over(s) {
			goOn = append(goOn, s.ID)
		}
	}
	if err := b.stripe.markLeft(ctx, account.CustomerID, onceKey("left", account.CustomerID)); err != nil && kindOf(err) != KindNotFound {
		return goOn, err
	}
	return goOn, nil
}

// OpenInvoice is one that is finalized and neither paid nor voided.
type OpenInvoice struct {
	ID, Number string
	Remaining  int64 // minor units
	Currency   string
}

// OpenInvoices lists what the org owes at Stripe. It stays owed when a subscription
// ends, though Stripe stops collecting it then (Stripe docs, Cancel subscriptions,
// 2023-10-16). Errors: *Error, the store's.
func (b *Billing) OpenInvoices(ctx context.Context, org *store.Org) (open []OpenInvoice, err error) {
	account, err := org.Billing(ctx)
	if errors.Is(err, store.ErrNotFound) || err == nil && account.CustomerID == "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found, err := b.stripe.openInvoices(ctx, account.CustomerID)
	if kindOf(err) == KindNotFound {
		return nil, nil // the customer was deleted
	}
	for _, i := range found {
		open = append(open, OpenInvoice{ID: i.ID, Number: i.Number, Remaining: i.AmountRemaining, Currency: i.Currency})
	}
	return open, err
}

// over tells whether a subscription bills nobody any more.
func over(s stripeSubscription) bool { return ended(s.Status) }

// markLeft marks the customer as one whose org left. What else it has stays.
func (a *stripeAPI) markLeft(ctx context.Context, customerID, key string) error {
	p := &stripe.CustomerParams{Params: writing(ctx, key), Metadata: map[string]string{metadataLeft: marked}}
	c, err := a.customers.Update(customerID, p)
	_, err = one(ctx, "mark the customer as left", c, err, readCustomer)
	return err
}

// cancelNow ends the subscription at once.
func (a *stripeAPI) cancelNow(ctx context.Context, subscriptionID, key string) (stripeSubscription, error) {
	p := &stripe.SubscriptionCancelParams{Params: writing(ctx, key), InvoiceNow: stripe.Bool(false), Prorate: stripe.Bool(false)}
	s, err := a.subscriptions.Cancel(subscriptionID, p)
	return one(ctx, "end the subscription", s, err, readSubscription)
}
