package billing

// survey.go looks at everything once: at the store for each org, and at Stripe by
// lists of a hundred, so that a look at a thousand orgs costs a dozen calls.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stripe/stripe-go/v76"

	"hostaway-mcp/store"
)

// survey is what a run of the reconciler knows.
type survey struct {
	now       time.Time
	grace     time.Duration
	price     stripePrice // of new subscriptions; its product is that of all of ours
	orgs      []*surveyed
	strays    []stripeSubscription // of our product, of customers of nobody
	customers []stripeCustomer     // with the id of an org that did not leave; full runs only
	paid      []stripeInvoice      // of our product, of customers of nobody that are there and did not leave; full runs only
	waiting   []store.StripeEvent  // in the inbox, but for those of customers of nobody
	full      bool
}

// surveyed is one org that has an account.
type surveyed struct {
	org     *store.Org
	account store.BillingAccount
	desired store.DesiredQuantity
	counted time.Time // its newest complete count; zero: none
	refused *time.Time
	offline bool                 // not connected
	live    []stripeSubscription // of its customer, those that have not ended
	open    []stripeInvoice      // of its customer
}

// look makes a survey. Full runs list all customers and the invoices of the last
// days too. Errors: *Error, or the store's; then nothing is known.
func (b *Billing) look(ctx context.Context, full bool) (*survey, error) {
	s := &survey{now: b.now(), grace: b.cfg.Grace, full: full}
	var err error
	if s.price, err = b.currentPrice(ctx); err != nil {
		return nil, err
	}
	// Stripe first: what changes on the way shows in the store and not the other way round.
	subs, err := all(b.stripe.eachSubscription(ctx, stripe.SubscriptionListParams{}))
	if err != nil {
		return nil, err
	}
	open, err := all(b.stripe.eachInvoice(ctx, stripe.InvoiceListParams{Status: stripe.String("open")}))
	if err != nil {
		return nil, err
	}
	byCustomer, err := b.lookAtOrgs(ctx, s)
	if err != nil {
		return nil, err
	}
	for _, sub := range subs {
		switch o := byCustomer[sub.CustomerID]; {
		case ended(sub.Status):
		case o != nil:
			o.live = append(o.live, sub)
		case s.ours(sub):
			s.strays = append(s.strays, sub)
		}
	}
	for _, i := range open {
		if o := byCustomer[i.CustomerID]; o != nil {
			o.open = append(o.open, i)
		}
	}
	if s.waiting, err = b.waitingEvents(ctx, s.now); err != nil || !full {
		return s, err
	}
	return s, b.lookFurther(ctx, s, byCustomer)
}

// ours tells whether a subscription sells what we sell.
func (s *survey) ours(sub stripeSubscription) bool {
	for _, item := range sub.Items {
		if item.Price.ProductID == s.price.ProductID {
			return true
		}
	}
	return false
}

func (b *Billing) lookAtOrgs(ctx context.Context, s *survey) (map[string]*surveyed, error) {
	byCustomer := map[string]*surveyed{}
	for org, err := range b.cfg.Store.EachOrg(ctx) {
		if err != nil {
			return nil, err
		}
		o, err := b.lookAt(ctx, org)
		if err != nil {
			return nil, fmt.Errorf("look at org %s: %w", org.ID(), err)
		}
		if o == nil {
			continue
		}
		s.orgs = append(s.orgs, o)
		if o.account.CustomerID != "" {
			byCustomer[o.account.CustomerID] = o
		}
	}
	return byCustomer, nil
}

// lookAt reads what the store has of an org, nil for one without an account.
func (b *Billing) lookAt(ctx context.Context, org *store.Org) (*surveyed, error) {
	o := &surveyed{org: org}
	var err error
	if o.account, o.desired, err = b.moneyOf(ctx, org); err != nil || o.account.Version == 0 {
		return nil, err
	}
	newest, err := org.NewestCompleteCount(ctx)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	o.counted = newest.CountedAt
	connection, err := org.Connection(ctx)
	if errors.Is(err, store.ErrNotFound) {
		o.offline = true
		return o, nil
	}
	if connection.State == store.ConnectionRefused {
		o.refused = connection.RefusedAt
	}
	return o, err
}

// waitingEvents are those in the inbox that nobody has got to. Those of customers
// that are not known wait a day on purpose: the account may sell other things too.
func (b *Billing) waitingEvents(ctx context.Context, now time.Time) ([]store.StripeEvent, error) {
	pending, err := b.cfg.Store.PendingStripeEvents(ctx, now.Add(2*day), eventsMost)
	return slices.DeleteFunc(pending, func(e store.StripeEvent) bool { return e.Note == noteUnknown }), err
}

// paidWithin is how far back a full run looks for paid invoices of nobody. It comes
// every night.
const paidWithin = 3 * day

func (b *Billing) lookFurther(ctx context.Context, s *survey, byCustomer map[string]*surveyed) error {
	for c, err := range b.stripe.eachCustomer(ctx) {
		if err != nil {
			return err
		}
		if c.OrgID != "" && !c.Deleted && !c.Left {
			s.customers = append(s.customers, c)
		}
	}
	departed := map[string]bool{} // customer → whether it is, asked once each
	filter := stripe.InvoiceListParams{Status: stripe.String("paid"), CreatedRange: &stripe.RangeQueryParams{GreaterThanOrEqual: s.now.Add(-paidWithin).Unix()}}
	for i, err := range b.stripe.eachInvoice(ctx, filter) {
		if err != nil {
			return err
		}
		if i.Total == 0 || byCustomer[i.CustomerID] != nil || !s.billsOurs(i) {
			continue
		}
		gone, asked := departed[i.CustomerID]
		if !asked {
			if gone, err = b.departed(ctx, i.CustomerID); err != nil {
				return err
			}
			departed[i.CustomerID] = gone
		}
		if !gone {
			s.paid = append(s.paid, i)
		}
	}
	return nil
}

// departed tells whether the customer was deleted or its org left. The list of
// customers can't tell the first from one that it doesn't show.
func (b *Billing) departed(ctx context.Context, customerID string) (bool, error) {
	c, err := b.stripe.customer(ctx, customerID)
	if kindOf(err) == KindNotFound {
		return true, nil
	}
	return c.Deleted || c.Left, err
}

// billsOurs tells whether an invoice has a line of our price, or of one that an org
// of ours has.
func (s *survey) billsOurs(i stripeInvoice) bool {
	for _, l := range i.Lines {
		if l.PriceID == s.price.ID {
			return true
		}
		for _, o := range s.orgs {
			if l.PriceID != "" && l.PriceID == o.account.PriceID {
				return true
			}
		}
	}
	return false
}
