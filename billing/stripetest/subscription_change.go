// Changes to a subscription: quantity, items, the planned end, and the end at once.
package stripetest

import (
	"fmt"
	"slices"
	"time"
)

// change is what an update asks of one item.
type change struct {
	item     *item // nil: a new one
	price    string
	quantity int64
	remove   bool
}

func indexed(prefix string, i int, name string) string {
	return fmt.Sprintf("%s[%d][%s]", prefix, i, name)
}

func (s *Server) updateSubscription(q *request) (object, error) {
	x := s.subscriptions[q.PathValue("id")]
	if x == nil {
		return nil, noSuch("subscription", q.PathValue("id"))
	}
	if !x.isLive() {
		return nil, ended(x)
	}
	for _, name := range []string{"off_session", "payment_settings[save_default_payment_method]", "automatic_tax[enabled]"} {
		if q.has(name) {
			return nil, unknown("%s when a subscription is changed", name)
		}
	}
	changes, err := s.readChanges(q, x)
	if err != nil {
		return nil, err
	}
	at, err := s.prorationDate(q, "proration_date", x)
	if err != nil {
		return nil, err
	}
	if err := s.checkPlainChanges(q, x); err != nil {
		return nil, err
	}
	if len(changes) > 0 {
		if err := s.withinLimits(x, q.text("proration_behavior")); err != nil {
			return nil, err
		}
	}
	before := s.showSubscription(x)
	if err := s.changePlainly(q, x); err != nil {
		return nil, err
	}
	s.changeItems(x, changes, q.text("proration_behavior"), at, before)
	return s.showSubscription(x), nil
}

// readChanges reads items[…]. One without an id is added beside the others, which is a classic mistake.
func (s *Server) readChanges(q *request, x *subscription) ([]change, error) {
	var out []change
	for n := range q.count("items") {
		at := func(name string) string { return indexed("items", n, name) }
		c := change{price: q.text(at("price")), quantity: 1, remove: q.flag(at("deleted"))}
		if id := q.text(at("id")); id != "" {
			found := slices.IndexFunc(x.items, func(i *item) bool { return i.id == id })
			if found < 0 {
				return nil, noSuchParam("subscription item", at("id"), id)
			}
			c.item = x.items[found]
			c.quantity = c.item.quantity
			if c.price != "" && c.price != c.item.price {
				return nil, unknown("an item that changes its price")
			}
		} else if _, err := s.usablePrice(c.price, at("price")); err != nil {
			return nil, err
		} else if slices.ContainsFunc(x.items, func(i *item) bool { return i.price == c.price }) {
			return nil, invalid("items", "Cannot add multiple subscription items with the same plan: %s", c.price)
		}
		if q.has(at("quantity")) {
			var err error
			if c.quantity, err = q.number(at("quantity")); err != nil {
				return nil, err
			}
		}
		if c.quantity < 0 {
			return nil, coded("parameter_invalid_integer", at("quantity"), "Invalid non-negative integer")
		}
		if c.remove && len(x.items) == 1 {
			return nil, invalid(at("deleted"), "A subscription must have at least one active plan.")
		}
		if x.status == "incomplete" {
			return nil, invalid("", "This subscription's first invoice is not paid yet; its items can't be changed.")
		}
		out = append(out, c)
	}
	return out, nil
}

// prorationDate reads a moment within the current period; absent it is now.
func (s *Server) prorationDate(q *request, param string, x *subscription) (int64, error) {
	if !q.has(param) {
		return s.clock.now, nil
	}
	at, err := q.number(param)
	if err != nil {
		return 0, err
	}
	if at < x.start || at > x.end {
		return 0, invalid(param, "Cannot specify a proration date outside of the current subscription period")
	}
	return at, nil
}

const (
	quantityChangesPerHour = 200
	invoicesPerDay         = 20
	invoicesPerMinute      = 10
)

// withinLimits counts changes of quantity, and the invoices of a change that is billed at once (Stripe docs, Rate limits:
// 200 quantity updates an hour, 10 new invoices a minute and 20 a day per subscription).
func (s *Server) withinLimits(x *subscription, behavior string) error {
	x.quantityChanges = slices.DeleteFunc(x.quantityChanges, func(at int64) bool { return at <= s.clock.now-int64(time.Hour/time.Second) })
	if len(x.quantityChanges) >= quantityChangesPerHour {
		return tooMany("rate_limit", "This subscription's quantity was updated %d times in the last hour.", quantityChangesPerHour)
	}
	if behavior == "always_invoice" {
		x.invoicesMade = slices.DeleteFunc(x.invoicesMade, func(at int64) bool { return at <= s.clock.now-int64(day/time.Second) })
		lastMinute := 0
		for _, at := range x.invoicesMade {
			if at > s.clock.now-60 {
				lastMinute++
			}
		}
		if len(x.invoicesMade) >= invoicesPerDay || lastMinute >= invoicesPerMinute {
			return tooMany("rate_limit", "This subscription has made too many invoices.")
		}
	}
	x.quantityChanges = append(x.quantityChanges, s.clock.now)
	return nil
}

func (s *Server) checkPlainChanges(q *request, x *subscription) error {
	if m := q.text("default_payment_method"); m != "" && (s.methods[m] == nil || s.methods[m].customer != x.customer) {
		return noSuchParam("PaymentMethod", "default_payment_method", m)
	}
	if behavior := q.text("proration_behavior"); behavior != "" && !slices.Contains([]string{"create_prorations", "always_invoice", "none"}, behavior) {
		return invalid("proration_behavior", "Invalid proration_behavior: must be one of create_prorations, none, or always_invoice")
	}
	if behavior := q.text("payment_behavior"); behavior != "" && behavior != "allow_incomplete" {
		return unknown("payment_behavior=%s when a subscription is changed", behavior)
	}
	if q.has("cancel_at") && q.has("cancel_at_period_end") {
		return invalid("cancel_at", "You may only specify one of cancel_at and cancel_at_period_end.")
	}
	if end := q.text("trial_end"); end != "" && (end != "now" || x.status != "trialing") {
		return unknown("trial_end other than now, for a subscription on trial")
	}
	return nil
}

func (s *Server) changePlainly(q *request, x *subscription) error {
	if q.has("cancel_at_period_end") {
		s.scheduleEnd(x, q.flag("cancel_at_period_end"))
	}
	if q.has("cancel_at") {
		at, err := q.number("cancel_at")
		if err != nil {
			return err
		}
		s.setCancelAt(x, at)
	}
	for key, field := range map[string]*string{
		"default_payment_method": &x.method, "description": &x.description, "trial_settings[end_behavior][missing_payment_method]": &x.missingMethod,
		"cancellation_details[comment]": &x.comment, "cancellation_details[feedback]": &x.feedback,
	} {
		if q.has(key) {
			*field = q.text(key)
		}
	}
	keepMetadata(&x.metadata, q.under("metadata"))
	if q.text("trial_end") == "now" {
		x.trialEnd, x.end, x.anchor = s.clock.now, s.clock.now, s.clock.now
		s.rollOver(x)
	}
	return nil
}

// changeItems applies the changes with their prorations, tells of them, and bills at once if asked to.
func (s *Server) changeItems(x *subscription, changes []change, behavior string, at int64, before object) {
	var lines []*line
	for _, c := range changes {
		i, from := c.item, int64(0)
		if i == nil {
			i = &item{id: s.id("si"), price: c.price, created: s.clock.now}
			x.items = append(x.items, i)
		} else {
			from = i.quantity
		}
		i.quantity = c.quantity
		if c.remove {
			i.quantity = 0
			x.items = slices.DeleteFunc(x.items, func(other *item) bool { return other == i })
		}
		if behavior != "none" {
			lines = append(lines, s.changeLines(x, i, from, i.quantity, at)...)
		}
	}
	x.pending = append(x.pending, lines...)
	if after := s.showSubscription(x); !sameObject(before, after) {
		s.tellSubscription("customer.subscription.updated", x)
	}
	if behavior == "always_invoice" && len(lines) > 0 {
		pending := x.pending
		x.pending = nil
		s.bill(x, "subscription_update", pending, false)
	}
}

func (s *Server) cancelSubscription(q *request) (object, error) {
	x := s.subscriptions[q.PathValue("id")]
	if x == nil {
		return nil, noSuch("subscription", q.PathValue("id"))
	}
	if !x.isLive() {
		return nil, ended(x)
	}
	x.comment, x.feedback = q.text("cancellation_details[comment]"), q.text("cancellation_details[feedback]")
	lines := x.pending
	if q.flag("prorate") {
		lines = append(lines, s.creditForTheRest(x)...)
	}
	s.end(x, "canceled", "cancellation_requested")
	if q.flag("invoice_now") && len(lines) > 0 {
		s.bill(x, "manual", lines, false)
	}
	return s.showSubscription(x), nil
}

// resumeSubscription takes up a paused subscription again, from now on.
func (s *Server) resumeSubscription(q *request) (object, error) {
	x := s.subscriptions[q.PathValue("id")]
	if x == nil {
		return nil, noSuch("subscription", q.PathValue("id"))
	}
	if x.status != "paused" {
		return nil, invalid("", "Only a paused subscription can be resumed; this one is %s.", x.status)
	}
	if anchor := q.text("billing_cycle_anchor"); anchor != "now" && anchor != "" {
		return nil, unknown("billing_cycle_anchor=%s", anchor)
	}
	x.status, x.anchor, x.start = "active", s.clock.now, s.clock.now
	x.end = nextMonth(x.start, x.anchor)
	s.tellSubscription("customer.subscription.resumed", x)
	s.bill(x, "subscription_cycle", s.cycleLines(x, x.start, x.end), false)
	s.waitForPeriodEnd(x)
	return s.showSubscription(x), nil
}
