// What a test may look at: copies of the account's state.
package stripetest

import (
	"maps"
	"time"
)

// Subscription is a subscription as it is now.
type Subscription struct {
	ID, Customer, Status, LatestInvoice string
	Items                               []Item
	PeriodStart, PeriodEnd              time.Time
	TrialEnd, CancelAt, EndedAt         time.Time // zero for none
	CancelAtPeriodEnd                   bool
	Created                             time.Time
	Metadata                            map[string]string
	Pending                             []Line // prorations that wait for the next invoice
}

// Quantity is that of all items together.
func (x Subscription) Quantity() int64 {
	var sum int64
	for _, i := range x.Items {
		sum += i.Quantity
	}
	return sum
}

// Item is one price of a subscription.
type Item struct {
	ID, Price string
	Quantity  int64
}

// Line is a line of an invoice, in minor units.
type Line struct {
	ID, Description  string
	Amount, Quantity int64
	Start, End       time.Time
	Proration        bool
}

// Invoice is an invoice as it is now, in minor units.
type Invoice struct {
	ID, Customer, Subscription, Status, Reason, Currency string
	Total, Due, Paid                                     int64
	Attempts                                             int64
	Created, PeriodStart, PeriodEnd                      time.Time
	NextAttempt                                          time.Time // zero for none
	Lines                                                []Line
}

// Customer is a customer as it is now.
type Customer struct {
	ID, Email string
	Metadata  map[string]string
	Balance   int64 // negative is credit
	Deleted   bool
}

// Session is a Checkout session as it is now.
type Session struct {
	ID, Customer, Status, Subscription string
	Quantity                           int64
	TrialEnd                           time.Time // zero for none, or one in days
	ExpiresAt                          time.Time
}

func moment(at int64) time.Time {
	if at == 0 {
		return time.Time{}
	}
	return time.Unix(at, 0).UTC()
}

func linesSeen(lines []*line) []Line {
	out := make([]Line, len(lines))
	for i, l := range lines {
		out[i] = Line{
			ID: l.id, Description: l.description, Amount: l.amount, Quantity: l.quantity, Start: moment(l.start), End: moment(l.end), Proration: l.proration,
		}
	}
	return out
}

// Subscriptions gives those of a customer, or all for "", the newest first.
func (s *Server) Subscriptions(customerID string) []Subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	var out []Subscription
	for _, x := range newest(s.subscriptions, func(x *subscription) bool { return customerID == "" || x.customer == customerID }) {
		out = append(out, x.seen())
	}
	return out
}

// Subscription gives one by its id; ok tells whether there is one.
func (s *Server) Subscription(id string) (seen Subscription, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	x := s.subscriptions[id]
	if x == nil {
		return Subscription{}, false
	}
	return x.seen(), true
}

func (x *subscription) seen() Subscription {
	out := Subscription{
		ID: x.id, Customer: x.customer, Status: x.status, LatestInvoice: x.latestInvoice, PeriodStart: moment(x.start), PeriodEnd: moment(x.end),
		TrialEnd: moment(x.trialEnd), CancelAt: moment(x.cancelAt), EndedAt: moment(x.endedAt), CancelAtPeriodEnd: x.cancelAtPeriodEnd,
		Created: moment(x.created), Metadata: maps.Clone(x.metadata), Pending: linesSeen(x.pending),
	}
	for _, i := range x.items {
		out.Items = append(out.Items, Item{ID: i.id, Price: i.price, Quantity: i.quantity})
	}
	return out
}

// Invoices gives those of a customer, or all for "", the newest first.
func (s *Server) Invoices(customerID string) []Invoice {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	var out []Invoice
	for _, v := range newest(s.invoices, func(v *invoice) bool { return customerID == "" || v.customer == customerID }) {
		out = append(out, Invoice{
			ID: v.id, Customer: v.customer, Subscription: v.subscription, Status: v.status, Reason: v.reason, Currency: v.currency,
			Total: v.total, Due: v.due, Paid: v.paid, Attempts: v.attempts, Created: moment(v.created),
			PeriodStart: moment(v.periodStart), PeriodEnd: moment(v.periodEnd), NextAttempt: moment(v.nextAttempt), Lines: linesSeen(v.lines),
		})
	}
	return out
}

// Customers gives all customers, the newest first.
func (s *Server) Customers() []Customer {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Customer
	for _, c := range newest(s.customers, nil) {
		out = append(out, Customer{ID: c.id, Email: c.email, Metadata: maps.Clone(c.metadata), Balance: c.balance, Deleted: c.deleted})
	}
	return out
}

// Sessions gives the Checkout sessions of a customer, or all for "", the newest first.
func (s *Server) Sessions(customerID string) []Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	var out []Session
	for _, c := range newest(s.sessions, func(c *session) bool { return customerID == "" || c.customer == customerID }) {
		quantity := int64(0)
		for _, i := range c.items {
			quantity += i.quantity
		}
		out = append(out, Session{
			ID: c.id, Customer: c.customer, Status: c.status, Subscription: c.subscription, Quantity: quantity, TrialEnd: moment(c.trialEnd), ExpiresAt: moment(c.expiresAt),
		})
	}
	return out
}
