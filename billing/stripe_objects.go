// What we read of Stripe's objects, in types of our own: few fields, times as times
// (zero: not given), and those alone that mean the same in every version of the
// API where there is a choice (Stripe docs, API reference, 2023-10-16).

package billing

import (
	"time"

	"github.com/stripe/stripe-go/v76"
)

// Keys of the metadata that we leave at Stripe: the org of a customer or a
// subscription, that this org left, the program that made an object, and what a
// Checkout page offers.
const (
	metadataOrg    = "org_id"
	metadataLeft   = LeftMark
	metadataMadeBy = "made_by"
	metadataTerms  = "terms"
	madeBy         = "hostaway-mcp"
	marked         = LeftValue
)

// LeftMark is the key of a customer's metadata that says that its org left, LeftValue
// what it is set to. People set it too, in Stripe's dashboard.
const (
	LeftMark  = "org_left"
	LeftValue = "true"
)

type stripeCustomer struct {
	ID, OrgID, Currency string
	Deleted             bool
	Left                bool // its org was deleted, or is about to be
	CreatedAt           time.Time
	Balance             int64 // minor units; negative is in the customer's favour
}

// stripeSubscription is a subscription with its items; a proper one of ours has one
// item with our price.
type stripeSubscription struct {
	ID, CustomerID, OrgID, Currency, LatestInvoiceID string
	Status                                           stripe.SubscriptionStatus
	CreatedAt, PeriodStart, PeriodEnd                time.Time
	TrialEnd, CancelAt, CanceledAt, EndedAt          time.Time
	CancelAtPeriodEnd                                bool
	Items                                            []stripeItem
	CancelReason                                     string // "payment_failed", "cancellation_requested", …
	Metadata                                         map[string]string
}

type stripeItem struct {
	ID       string
	Price    stripePrice
	Quantity int64
}

type stripePrice struct {
	ID, ProductID, LookupKey, Currency string
	Active                             bool
	UnitAmount                         int64 // minor units
	Recurring                          bool
	Interval                           string // "month"
	IntervalCount                      int64
	UsageType, Scheme                  string // "licensed", "per_unit"
	Transformed                        bool   // counted in packs
}

type stripeInvoice struct {
	ID, Number, CustomerID, SubscriptionID, ChargeID string
	Currency, Status, Reason                         string // status: draft, open, paid, uncollectible, void
	CreatedAt, FinalizedAt, PaidAt, DueAt            time.Time
	NextAttemptAt, PeriodStart, PeriodEnd            time.Time
	Total, Subtotal, Tax, Discount                   int64 // minor units
	AmountDue, AmountPaid, AmountRemaining           int64
	StartingBalance                                  int64
	Attempts                                         int64
	Attempted                                        bool
	HostedURL, PDF                                   string        // expire: never stored
	Charge                                           *stripeCharge // nil: none, or not asked for
	Lines                                            []stripeLine
	MoreLines                                        bool // Lines are the first ten only
}

type stripeLine struct {
	ID, Description, PriceID, SubscriptionID string
	Amount, Quantity                         int64 // minor units before tax and discounts
	Proration                                bool
	From, To                                 time.Time
}

type stripeCheckout struct {
	ID, URL, Status, CustomerID, SubscriptionID, OrgID, Terms string // status: open, complete, expired
	CreatedAt, ExpiresAt                                      time.Time
}

type stripeCharge struct {
	ID, CustomerID, InvoiceID, Currency string
	Amount, Refunded                    int64 // minor units
	Disputed                            bool  // now, or once
}

// stripeEvent is an event's envelope. What it carries is not read: it may be of
// any version of the API, and of any age.
type stripeEvent struct {
	ID, Type, APIVersion, ObjectID, CustomerID string
	CreatedAt                                  time.Time
	Live                                       bool
}

type stripeEndpoint struct {
	ID, URL, APIVersion, Status string
	Events                      []string
	Live                        bool
	Ours                        bool   // made by setup
	Secret                      string // in the answer to its creation alone
}

// at is a time of Stripe's, in seconds; 0 is none.
func at(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// known is the time, or nil for none.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func readCustomer(c *stripe.Customer) stripeCustomer {
	return stripeCustomer{
		ID: c.ID, OrgID: c.Metadata[metadataOrg], Currency: string(c.Currency), Deleted: c.Deleted,
		Left: c.Metadata[metadataLeft] == marked, CreatedAt: at(c.Created), Balance: c.Balance,
	}
}

func readSubscription(s *stripe.Subscription) stripeSubscription {
	read := stripeSubscription{
		ID: s.ID, CustomerID: idOf(s.Customer), OrgID: s.Metadata[metadataOrg], Currency: string(s.Currency),
		LatestInvoiceID: invoiceID(s.LatestInvoice), Status: s.Status,
		CreatedAt: at(s.Created), PeriodStart: at(s.CurrentPeriodStart), PeriodEnd: at(s.CurrentPeriodEnd),
		TrialEnd: at(s.TrialEnd), CancelAt: at(s.CancelAt), CanceledAt: at(s.CanceledAt), EndedAt: at(s.EndedAt),
		CancelAtPeriodEnd: s.CancelAtPeriodEnd, Metadata: s.Metadata,
	}
	if s.CancellationDetails != nil {
		read.CancelReason = string(s.CancellationDetails.Reason)
	}
	if s.Items != nil {
		for _, item := range s.Items.Data {
			read.Items = append(read.Items, stripeItem{ID: item.ID, Price: readPrice(item.Price), Quantity: item.Quantity})
		}
	}
	return read
}

func readPrice(p *stripe.Price) stripePrice {
	if p == nil {
		return stripePrice{}
	}
	read := stripePrice{
		ID: p.ID, LookupKey: p.LookupKey, Currency: string(p.Currency), Active: p.Active, UnitAmount: p.UnitAmount,
		Scheme: string(p.BillingScheme), Transformed: p.TransformQuantity != nil,
	}
	if p.Product != nil {
		read.ProductID = p.Product.ID
	}
	if p.Recurring != nil {
		read.Recurring, read.Interval, read.IntervalCount = true, string(p.Recurring.Interval), p.Recurring.IntervalCount
		read.UsageType = string(p.Recurring.UsageType)
	}
	return read
}

func readInvoice(i *stripe.Invoice) stripeInvoice {
	read := stripeInvoice{
		ID: i.ID, Number: i.Number, CustomerID: idOf(i.Customer), Currency: string(i.Currency),
		Status: string(i.Status), Reason: string(i.BillingReason),
		CreatedAt: at(i.Created), DueAt: at(i.DueDate), NextAttemptAt: at(i.NextPaymentAttempt),
		PeriodStart: at(i.PeriodStart), PeriodEnd: at(i.PeriodEnd),
		Total: i.Total, Subtotal: i.Subtotal, Tax: i.Tax,
		AmountDue: i.AmountDue, AmountPaid: i.AmountPaid, AmountRemaining: i.AmountRemaining, StartingBalance: i.StartingBalance,
		Attempts: i.AttemptCount, Attempted: i.Attempted, HostedURL: i.HostedInvoiceURL, PDF: i.InvoicePDF,
	}
	if i.Subscription != nil {
		read.SubscriptionID = i.Subscription.ID
	}
	if i.Charge != nil {
		read.ChargeID = i.Charge.ID
		if i.Charge.Object != "" {
			charge := readCharge(i.Charge)
			read.Charge = &charge
		}
	}
	if t := i.StatusTransitions; t != nil {
		read.FinalizedAt, read.PaidAt = at(t.FinalizedAt), at(t.PaidAt)
	}
	for _, d := range i.TotalDiscountAmounts {
		read.Discount += d.Amount
	}
	if i.Lines != nil {
		read.MoreLines = i.Lines.HasMore
		for _, line := range i.Lines.Data {
			read.Lines = append(read.Lines, readLine(line))
		}
	}
	return read
}

func readLine(l *stripe.InvoiceLineItem) stripeLine {
	read := stripeLine{ID: l.ID, Description: l.Description, Amount: l.Amount, Quantity: l.Quantity, Proration: l.Proration}
	if l.Price != nil {
		read.PriceID = l.Price.ID
	}
	if l.Subscription != nil {
		read.SubscriptionID = l.Subscription.ID
	}
	if l.Period != nil {
		read.From, read.To = at(l.Period.Start), at(l.Period.End)
	}
	return read
}

func readCheckout(s *stripe.CheckoutSession) stripeCheckout {
	read := stripeCheckout{
		ID: s.ID, URL: s.URL, Status: string(s.Status), CustomerID: idOf(s.Customer), OrgID: s.ClientReferenceID,
		Terms:     s.Metadata[metadataTerms],
		CreatedAt: at(s.Created), ExpiresAt: at(s.ExpiresAt),
	}
	if s.Subscription != nil {
		read.SubscriptionID = s.Subscription.ID
	}
	return read
}

func readCharge(c *stripe.Charge) stripeCharge {
	return stripeCharge{
		ID: c.ID, CustomerID: idOf(c.Customer), InvoiceID: invoiceID(c.Invoice), Currency: string(c.Currency),
		Amount: c.Amount, Refunded: c.AmountRefunded, Disputed: c.Disputed,
	}
}

// readEvent reads the envelope, and of the object only what it is and whose.
func readEvent(e *stripe.Event) stripeEvent {
	read := stripeEvent{ID: e.ID, Type: string(e.Type), APIVersion: e.APIVersion, CreatedAt: at(e.Created), Live: e.Livemode}
	if e.Data == nil {
		return read
	}
	text := func(name string) string {
		switch v := e.Data.Object[name].(type) {
		case string:
			return v
		case map[string]any: // expanded
			id, _ := v["id"].(string)
			return id
		default:
			return ""
		}
	}
	read.ObjectID, read.CustomerID = text("id"), text("customer")
	switch text("object") {
	case "customer":
		read.CustomerID = read.ObjectID
	case "dispute":
		read.ObjectID = text("charge") // which is whose the dispute is
	}
	return read
}

func readEndpoint(w *stripe.WebhookEndpoint) stripeEndpoint {
	return stripeEndpoint{
		ID: w.ID, URL: w.URL, APIVersion: w.APIVersion, Status: w.Status, Events: w.EnabledEvents, Live: w.Livemode,
		Ours: w.Metadata[metadataMadeBy] == madeBy, Secret: w.Secret,
	}
}

func idOf(c *stripe.Customer) string {
	if c == nil {
		return ""
	}
	return c.ID
}

func invoiceID(i *stripe.Invoice) string {
	if i == nil {
		return ""
	}
	return i.ID
}
