// The calls to Stripe about customers: subscriptions, invoices, events. Those of
// Checkout, portal and setup are beside what they serve.

package billing

import (
	"context"
	"iter"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// iterator is what all of stripe-go's iterators have.
type iterator interface {
	Next() bool
	Current() any
	Err() error
}

// walk yields all objects of a list. An error ends it.
func walk[T, R any](ctx context.Context, op string, it iterator, read func(*T) R) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		for it.Next() {
			if one, ok := it.Current().(*T); ok && !yield(read(one), nil) {
				return
			}
		}
		if err := it.Err(); err != nil {
			var none R
			yield(none, newError(op, err, ctx.Err()))
		}
	}
}

// all collects a walk; an error leaves nothing of it.
func all[R any](seq iter.Seq2[R, error]) ([]R, error) {
	var list []R
	for one, err := range seq {
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}

// one reads a single answer.
func one[T, R any](ctx context.Context, op string, answer *T, err error, read func(*T) R) (R, error) {
	if err != nil {
		var none R
		return none, newError(op, err, ctx.Err())
	}
	return read(answer), nil
}

func (a *stripeAPI) customer(ctx context.Context, id string) (stripeCustomer, error) {
	c, err := a.customers.Get(id, &stripe.CustomerParams{Params: reading(ctx)})
	return one(ctx, "read the customer", c, err, readCustomer)
}

// eachCustomer walks all customers of the account, deleted ones apart.
func (a *stripeAPI) eachCustomer(ctx context.Context) iter.Seq2[stripeCustomer, error] {
	return walk(ctx, "list the customers", a.customers.List(&stripe.CustomerListParams{ListParams: listing(ctx)}).Iter, readCustomer)
}

func (a *stripeAPI) subscription(ctx context.Context, id string) (stripeSubscription, error) {
	s, err := a.subscriptions.Get(id, &stripe.SubscriptionParams{Params: reading(ctx)})
	return one(ctx, "read the subscription", s, err, readSubscription)
}

// subscriptionsOf lists all subscriptions of a customer, ended ones too, newest first.
func (a *stripeAPI) subscriptionsOf(ctx context.Context, customerID string) ([]stripeSubscription, error) {
	return all(a.eachSubscription(ctx, stripe.SubscriptionListParams{Customer: stripe.String(customerID), Status: stripe.String("all")}))
}

// eachSubscription walks the subscriptions of the account that the filter lets
// through; without a status, those that are not canceled.
func (a *stripeAPI) eachSubscription(ctx context.Context, filter stripe.SubscriptionListParams) iter.Seq2[stripeSubscription, error] {
	filter.ListParams = listing(ctx)
	return walk(ctx, "list the subscriptions", a.subscriptions.List(&filter).Iter, readSubscription)
}

// updateQuantity sets the quantity of the subscription's item. What it costs or
// gives back for the rest of the period is reckoned from prorationDate (zero:
// without proration, as in a trial) and stands on the next invoice.
func (a *stripeAPI) updateQuantity(ctx context.Context, subscriptionID, itemID string, quantity int64, prorationDate time.Time, key string) (stripeSubscription, error) {
	p := &stripe.SubscriptionParams{
		Params:            writing(ctx, key),
		Items:             []*stripe.SubscriptionItemsParams{{ID: stripe.String(itemID), Quantity: stripe.Int64(quantity)}},
		ProrationBehavior: stripe.String("none"),
	}
	if !prorationDate.IsZero() {
		p.ProrationBehavior, p.ProrationDate = stripe.String("create_prorations"), stripe.Int64(prorationDate.Unix())
	}
	s, err := a.subscriptions.Update(subscriptionID, p)
	return one(ctx, "set the quantity", s, err, readSubscription)
}

// cancelAtPeriodEnd lets the subscription end with its period, or lets it go on.
func (a *stripeAPI) cancelAtPeriodEnd(ctx context.Context, subscriptionID string, cancel bool, key string) (stripeSubscription, error) {
	p := &stripe.SubscriptionParams{Params: writing(ctx, key), CancelAtPeriodEnd: stripe.Bool(cancel)}
	s, err := a.subscriptions.Update(subscriptionID, p)
	return one(ctx, "change the cancellation", s, err, readSubscription)
}

// clearCancelAt takes away a date of cancellation that the portal set.
func (a *stripeAPI) clearCancelAt(ctx context.Context, subscriptionID, key string) (stripeSubscription, error) {
	p := &stripe.SubscriptionParams{Params: writing(ctx, key)}
	p.AddExtra("cancel_at", "") // stripe-go v76 can't express "none"
	s, err := a.subscriptions.Update(subscriptionID, p)
	return one(ctx, "take back the cancellation", s, err, readSubscription)
}

func (a *stripeAPI) invoice(ctx context.Context, id string) (stripeInvoice, error) {
	i, err := a.invoices.Get(id, &stripe.InvoiceParams{Params: reading(ctx)})
	return one(ctx, "read the invoice", i, err, readInvoice)
}

// openInvoices lists the customer's invoices that are finalized and not paid.
func (a *stripeAPI) openInvoices(ctx context.Context, customerID string) ([]stripeInvoice, error) {
	return all(a.eachInvoice(ctx, stripe.InvoiceListParams{Customer: stripe.String(customerID), Status: stripe.String("open")}))
}

// eachInvoice walks the invoices of the account that the filter lets through,
// newest first.
func (a *stripeAPI) eachInvoice(ctx context.Context, filter stripe.InvoiceListParams) iter.Seq2[stripeInvoice, error] {
	filter.ListParams = listing(ctx)
	return walk(ctx, "list the invoices", a.invoices.List(&filter).Iter, readInvoice)
}

// invoicesOf gives at most n invoices of a customer that follow the invoice
// `after`, newest first, and whether there are more. Each is with the charge that paid
// it, where the key may read those.
func (a *stripeAPI) invoicesOf(ctx context.Context, customerID string, n int, after string) (page []stripeInvoice, more bool, err error) {
	for _, expand := range [][]*string{{stripe.String("data.charge")}, nil} {
		p := &stripe.InvoiceListParams{ListParams: onePage(ctx, n, after), Customer: stripe.String(customerID)}
		p.Expand = expand
		it := a.invoices.List(p)
		page, err = all(walk(ctx, "list the invoices", it.Iter, readInvoice))
		more = err == nil && it.Meta().HasMore
		if kindOf(err) != KindKey {
			break
		}
	}
	return page, more, err
}

// invoiceLines lists all lines of an invoice; the invoice itself carries ten.
func (a *stripeAPI) invoiceLines(ctx context.Context, invoiceID string) ([]stripeLine, error) {
	it := a.invoices.ListLines(&stripe.InvoiceListLinesParams{ListParams: listing(ctx), Invoice: stripe.String(invoiceID)})
	return all(walk(ctx, "list the lines of the invoice", it.Iter, readLine))
}

// upcoming previews the next invoice of a subscription. KindNotFound or
// KindInvalid with the code invoice_upcoming_none: there will be none.
func (a *stripeAPI) upcoming(ctx context.Context, customerID, subscriptionID string) (stripeInvoice, error) {
	i, err := a.invoices.Upcoming(&stripe.InvoiceUpcomingParams{
		Params: reading(ctx), Customer: stripe.String(customerID), Subscription: stripe.String(subscriptionID),
	})
	return one(ctx, "preview the next invoice", i, err, readInvoice)
}

// upcomingLines lists all lines of that preview.
func (a *stripeAPI) upcomingLines(ctx context.Context, customerID, subscriptionID string) ([]stripeLine, error) {
	it := a.invoices.UpcomingLines(&stripe.InvoiceUpcomingLinesParams{
		ListParams: listing(ctx), Customer: stripe.String(customerID), Subscription: stripe.String(subscriptionID),
	})
	return all(walk(ctx, "list the lines of the next invoice", it.Iter, readLine))
}

func (a *stripeAPI) charge(ctx context.Context, id string) (stripeCharge, error) {
	c, err := a.charges.Get(id, &stripe.ChargeParams{Params: reading(ctx)})
	return one(ctx, "read the charge", c, err, readCharge)
}

// chargesOf lists all charges of a customer, newest first.
func (a *stripeAPI) chargesOf(ctx context.Context, customerID string) ([]stripeCharge, error) {
	it := a.charges.List(&stripe.ChargeListParams{ListParams: listing(ctx), Customer: stripe.String(customerID)})
	return all(walk(ctx, "list the charges", it.Iter, readCharge))
}

// eachEvent walks the account's events since a time, newest first; Stripe keeps
// them for 30 days. With undelivered, only those that some endpoint did not take.
func (a *stripeAPI) eachEvent(ctx context.Context, since time.Time, undelivered bool) iter.Seq2[stripeEvent, error] {
	p := &stripe.EventListParams{ListParams: listing(ctx), CreatedRange: &stripe.RangeQueryParams{GreaterThanOrEqual: since.Unix()}}
	if undelivered {
		p.DeliverySuccess = stripe.Bool(false)
	}
	return walk(ctx, "list the events", a.events.List(p).Iter, readEvent)
}

// pricesByLookup lists the prices with a lookup key; there is at most one active.
func (a *stripeAPI) pricesByLookup(ctx context.Context, lookup string) ([]stripePrice, error) {
	it := a.prices.List(&stripe.PriceListParams{ListParams: listing(ctx), LookupKeys: []*string{stripe.String(lookup)}})
	return all(walk(ctx, "look up the price", it.Iter, readPrice))
}
