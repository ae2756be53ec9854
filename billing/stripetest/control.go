// What people do in Stripe's own pages and dashboard, for tests to do: pay, change a card, refund, and meddle.
package stripetest

import (
	"errors"
	"fmt"
	"time"
)

// Card is what a customer pays with.
type Card int

// The cards.
const (
	CardGood     Card = iota
	CardDeclined      // can be saved, and fails when it is charged
	CardNone
)

// Price is a monthly price of one unit, in minor units.
type Price struct {
	LookupKey, Currency, Nickname string
	UnitAmount                    int64
}

// AddPrice makes a product with that price, as the operator does in the dashboard, and gives the price's id.
func (s *Server) AddPrice(p Price) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	thing := &product{id: s.id("prod"), name: "Active listing", created: s.clock.now}
	s.products[thing.id] = thing
	one := &price{
		id: s.id("price"), product: thing.id, currency: p.Currency, lookupKey: p.LookupKey, nickname: p.Nickname, unit: p.UnitAmount, created: s.clock.now,
	}
	s.prices[one.id] = one
	return one.id
}

// ArchivePrice makes a price inactive, or active again.
func (s *Server) ArchivePrice(id string, archived bool) error {
	return changeOne(s, s.prices, id, func(p *price) error { p.inactive = archived; return nil })
}

// changeOne runs a change of one object under the lock.
func changeOne[T any](s *Server, all map[string]*T, id string, with func(*T) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	one := all[id]
	if one == nil {
		return fmt.Errorf("stripetest: no such object %q", id)
	}
	return with(one)
}

// CompleteCheckout pays a Checkout session with a good card, and gives the subscription's id.
func (s *Server) CompleteCheckout(sessionID string) (string, error) {
	var made string
	err := changeOne(s, s.sessions, sessionID, func(c *session) error {
		x, err := s.complete(c)
		if err != nil {
			return err
		}
		made = x.id
		return nil
	})
	return made, err
}

// FailCheckout has the card declined in Checkout: the session stays open, and there is no subscription.
func (s *Server) FailCheckout(sessionID string) error {
	return changeOne(s, s.sessions, sessionID, func(c *session) error {
		if c.status != "open" {
			return errors.New("the Checkout session is " + c.status)
		}
		return nil
	})
}

// ExpireCheckout lets an open session run out now.
func (s *Server) ExpireCheckout(sessionID string) error {
	return changeOne(s, s.sessions, sessionID, func(c *session) error {
		if c.status != "open" {
			return errors.New("the Checkout session is " + c.status)
		}
		s.expire(c)
		return nil
	})
}

// SetCard changes what a customer pays with from now on. Open invoices wait for their next try, or for PayInvoice.
func (s *Server) SetCard(customerID string, card Card) error {
	return changeOne(s, s.customers, customerID, func(c *customer) error {
		if card == CardNone {
			c.method = ""
			for _, x := range s.subscriptions {
				if x.customer == c.id {
					x.method = ""
				}
			}
		} else {
			s.giveCard(c, card == CardDeclined)
		}
		s.emit("customer.updated", s.showCustomer(c), c.id)
		return nil
	})
}

// PayInvoice has the customer pay an open invoice with a good card on Stripe's own page; the card stays the default.
func (s *Server) PayInvoice(invoiceID string) error {
	return changeOne(s, s.invoices, invoiceID, func(v *invoice) error {
		if v.status != "open" {
			return errors.New("the invoice is " + v.status)
		}
		s.giveCard(s.customers[v.customer], false)
		s.try(v)
		return nil
	})
}

// RetryInvoice tries an open invoice with the customer's card, as "Retry charge" in the dashboard does.
func (s *Server) RetryInvoice(invoiceID string) error {
	return changeOne(s, s.invoices, invoiceID, func(v *invoice) error {
		if v.status != "open" {
			return errors.New("the invoice is " + v.status)
		}
		s.try(v)
		return nil
	})
}

// MarkPaid marks an open invoice as paid outside of Stripe.
func (s *Server) MarkPaid(invoiceID string) error {
	return changeOne(s, s.invoices, invoiceID, func(v *invoice) error {
		if v.status != "open" {
			return errors.New("the invoice is " + v.status)
		}
		v.outOfBand = true
		v.paid = v.due
		s.setPaid(v)
		return nil
	})
}

// VoidInvoice takes an open invoice back.
func (s *Server) VoidInvoice(invoiceID string) error {
	return changeOne(s, s.invoices, invoiceID, func(v *invoice) error {
		if v.status != "open" {
			return errors.New("the invoice is " + v.status)
		}
		s.setVoid(v)
		s.judge(s.subscriptions[v.subscription])
		return nil
	})
}

// MarkUncollectible gives an open invoice up.
func (s *Server) MarkUncollectible(invoiceID string) error {
	return changeOne(s, s.invoices, invoiceID, func(v *invoice) error {
		if v.status != "open" {
			return errors.New("the invoice is " + v.status)
		}
		s.setUncollectible(v)
		return nil
	})
}

// Refund gives back what an invoice's charge took.
func (s *Server) Refund(invoiceID string) error {
	return changeOne(s, s.invoices, invoiceID, func(v *invoice) error {
		if v.payment == nil || !v.payment.succeeded || v.payment.refunded == v.payment.amount {
			return errors.New("the invoice has nothing to refund")
		}
		s.refund(v.payment, v.payment.amount-v.payment.refunded, "requested_by_customer")
		return nil
	})
}

// Dispute has the customer's bank take an invoice's money back, and gives the dispute's id.
func (s *Server) Dispute(invoiceID string) (string, error) {
	var made string
	err := changeOne(s, s.invoices, invoiceID, func(v *invoice) error {
		if v.payment == nil || !v.payment.succeeded || v.payment.disputed {
			return errors.New("the invoice has nothing to dispute")
		}
		d := &dispute{id: s.id("dp"), status: "needs_response", payment: v.payment, created: s.clock.now}
		s.disputes[d.id] = d
		v.payment.disputed = true
		s.emit("charge.dispute.created", s.showDispute(d), d.id)
		made = d.id
		return nil
	})
	return made, err
}

// CloseDispute ends a dispute.
func (s *Server) CloseDispute(disputeID string, won bool) error {
	return changeOne(s, s.disputes, disputeID, func(d *dispute) error {
		d.status = "lost"
		if won {
			d.status = "won"
		}
		s.emit("charge.dispute.closed", s.showDispute(d), d.id)
		return nil
	})
}

// DeleteCustomer deletes a customer with all its subscriptions.
func (s *Server) DeleteCustomer(customerID string) error {
	return changeOne(s, s.customers, customerID, func(c *customer) error {
		if c.deleted {
			return errors.New("the customer is deleted already")
		}
		s.removeCustomer(c)
		return nil
	})
}

// ChangeQuantityByHand changes the quantity of a subscription's first item in the dashboard, with prorations.
func (s *Server) ChangeQuantityByHand(subscriptionID string, quantity int64) error {
	return s.ChangeQuantityWith(subscriptionID, quantity, "create_prorations")
}

// ChangeQuantityWith does it with another proration_behavior: none, or always_invoice.
func (s *Server) ChangeQuantityWith(subscriptionID string, quantity int64, behavior string) error {
	return changeOne(s, s.subscriptions, subscriptionID, func(x *subscription) error {
		if !x.isLive() {
			return errors.New("the subscription is " + x.status)
		}
		s.changeItems(x, []change{{item: x.items[0], quantity: quantity}}, behavior, s.clock.now, s.showSubscription(x))
		return nil
	})
}

// AddItemByHand adds an item of another price to a subscription.
func (s *Server) AddItemByHand(subscriptionID, priceID string, quantity int64) error {
	return changeOne(s, s.subscriptions, subscriptionID, func(x *subscription) error {
		if !x.isLive() || s.prices[priceID] == nil {
			return errors.New("the subscription has ended, or there is no such price")
		}
		s.changeItems(x, []change{{price: priceID, quantity: quantity}}, "create_prorations", s.clock.now, s.showSubscription(x))
		return nil
	})
}

// SubscribeByHand makes one more subscription for a customer in the dashboard, and gives its id.
func (s *Server) SubscribeByHand(customerID, priceID string, quantity int64) (string, error) {
	var made string
	err := changeOne(s, s.customers, customerID, func(c *customer) error {
		if c.deleted || s.prices[priceID] == nil {
			return errors.New("the customer is deleted, or there is no such price")
		}
		made = s.begin(order{customer: c, items: []*item{{price: priceID, quantity: quantity}}}).id
		return nil
	})
	return made, err
}

// CancelByHand ends a subscription in the dashboard: at once, or at the end of its period.
func (s *Server) CancelByHand(subscriptionID string, atPeriodEnd bool) error {
	return changeOne(s, s.subscriptions, subscriptionID, func(x *subscription) error {
		if !x.isLive() {
			return errors.New("the subscription is " + x.status)
		}
		if !atPeriodEnd {
			s.end(x, "canceled", "cancellation_requested")
			return nil
		}
		s.scheduleEnd(x, true)
		s.tellSubscription("customer.subscription.updated", x)
		return nil
	})
}

// CancelAtByHand plans the end for a moment, which shows as cancel_at without cancel_at_period_end, as the portal has been
// seen to do; the zero time takes the plan back.
func (s *Server) CancelAtByHand(subscriptionID string, moment time.Time) error {
	return changeOne(s, s.subscriptions, subscriptionID, func(x *subscription) error {
		if !x.isLive() {
			return errors.New("the subscription is " + x.status)
		}
		at := int64(0)
		if !moment.IsZero() {
			at = moment.Unix()
		}
		s.setCancelAt(x, at)
		s.tellSubscription("customer.subscription.updated", x)
		return nil
	})
}

// ResumeByHand takes a planned end back.
func (s *Server) ResumeByHand(subscriptionID string) error {
	return changeOne(s, s.subscriptions, subscriptionID, func(x *subscription) error {
		if !x.isLive() {
			return errors.New("the subscription is " + x.status)
		}
		s.scheduleEnd(x, false)
		s.setCancelAt(x, 0)
		s.tellSubscription("customer.subscription.updated", x)
		return nil
	})
}
