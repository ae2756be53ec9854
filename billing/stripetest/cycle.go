// The life of a subscription between its beginning and its end: periods, the trial's end, cancellation.
package stripetest

import (
	"fmt"
	"time"
)

// waitForPeriodEnd has the current period end when its time comes, or the subscription before that.
func (s *Server) waitForPeriodEnd(x *subscription) {
	end := x.end
	s.at(end, func() {
		if x.end == end {
			s.rollOver(x)
		}
	})
}

// rollOver ends a period: the subscription ends or goes on, and an invoice begins as a draft (Stripe docs, Invoice
// lifecycle: about an hour). The order of events is the subscription's, then the invoice's.
func (s *Server) rollOver(x *subscription) {
	switch {
	case x.status == "trialing" && s.card(s.customers[x.customer], x) == nil && x.missingMethod == "cancel":
		s.end(x, "canceled", "payment_failed")
		return
	case x.status == "trialing" && s.card(s.customers[x.customer], x) == nil && x.missingMethod == "pause":
		x.status = "paused"
		s.tellSubscription("customer.subscription.paused", x)
		s.tellSubscription("customer.subscription.updated", x)
		return
	case x.status == "incomplete" || x.status == "paused" || !x.isLive():
		return
	}
	if x.cancelAtPeriodEnd || x.cancelAt != 0 && x.cancelAt <= x.end {
		s.endWithPending(x)
		return
	}
	if x.status == "trialing" {
		x.status = "active" // for the draft hour, before the first charge is tried
	}
	x.start, x.end = x.end, nextMonth(x.end, x.anchor)
	s.tellSubscription("customer.subscription.updated", x)
	lines := append(x.pending, s.cycleLines(x, x.start, x.end)...)
	x.pending = nil
	s.bill(x, "subscription_cycle", lines, true)
	s.waitForPeriodEnd(x)
	s.waitForCancelAt(x)
}

// endWithPending ends a subscription at the end of its period: prorations that wait are billed by a last invoice.
func (s *Server) endWithPending(x *subscription) {
	lines := x.pending
	x.pending = nil
	x.status, x.endedAt = "canceled", s.clock.now
	if len(lines) > 0 {
		s.bill(x, "subscription_cycle", lines, true)
	}
	s.tellSubscription("customer.subscription.deleted", x)
}

// end ends a subscription at once: prorations that wait are dropped, and open invoices are no longer tried (Stripe docs,
// Cancel subscriptions).
func (s *Server) end(x *subscription, status, reason string) {
	x.status, x.endedAt, x.pending = status, s.clock.now, nil
	if x.canceledAt == 0 {
		x.canceledAt = s.clock.now
	}
	if x.reason == "" {
		x.reason = reason
	}
	for _, v := range s.invoices {
		if v.subscription == x.id && (v.status == "open" || v.status == "draft") {
			v.nextAttempt, v.manual = 0, true
		}
	}
	s.tellSubscription("customer.subscription.deleted", x)
}

// scheduleEnd sets or removes the end at the period's end.
func (s *Server) scheduleEnd(x *subscription, on bool) {
	if x.cancelAtPeriodEnd == on {
		return
	}
	x.cancelAtPeriodEnd = on
	if on {
		x.cancelAt, x.canceledAt, x.reason = x.end, s.clock.now, "cancellation_requested"
	} else {
		x.cancelAt, x.canceledAt, x.reason = 0, 0, ""
	}
}

// setCancelAt plans the end for a moment, which may lie inside a period; 0 removes the plan.
func (s *Server) setCancelAt(x *subscription, moment int64) {
	x.cancelAt, x.cancelAtPeriodEnd = moment, false
	if moment == 0 {
		x.canceledAt, x.reason = 0, ""
		return
	}
	x.canceledAt, x.reason = s.clock.now, "cancellation_requested"
	s.waitForCancelAt(x)
}

func (s *Server) waitForCancelAt(x *subscription) {
	moment := x.cancelAt
	if moment == 0 || x.cancelAtPeriodEnd || moment >= x.end {
		return
	}
	s.at(moment, func() {
		if x.isLive() && x.cancelAt == moment && !x.cancelAtPeriodEnd {
			x.pending = append(x.pending, s.creditForTheRest(x)...)
			s.endWithPending(x)
		}
	})
}

// creditForTheRest gives back what is paid for after now.
func (s *Server) creditForTheRest(x *subscription) []*line {
	var lines []*line
	if x.status == "trialing" {
		return nil
	}
	for _, i := range x.items {
		if l := s.prorated(x, i, -i.quantity, s.clock.now); l != nil {
			lines = append(lines, l)
		}
	}
	return lines
}

// cycleLines are the lines of a whole period; those of a trial are zero.
func (s *Server) cycleLines(x *subscription, start, end int64) []*line {
	var lines []*line
	for _, i := range x.items {
		p := s.prices[i.price]
		l := &line{
			id: s.id("il"), quantity: i.quantity, start: start, end: end, subscription: x.id, item: i.id, price: p.id, amount: p.unit * i.quantity,
			description: fmt.Sprintf("%d × %s (at %s / month)", i.quantity, s.products[p.product].name, money(p.unit, p.currency)),
		}
		if x.status == "trialing" && end <= x.trialEnd {
			l.amount, l.description = 0, "Trial period for "+s.products[p.product].name
		}
		lines = append(lines, l)
	}
	return lines
}

// money writes an amount for descriptions; currencies without minor units have none.
func money(amount int64, currency string) string {
	if zeroDecimal(currency) {
		return fmt.Sprintf("%d %s", amount, currency)
	}
	return fmt.Sprintf("%d.%02d %s", amount/100, amount%100, currency)
}

func zeroDecimal(currency string) bool {
	switch currency {
	case "jpy", "krw", "vnd", "clp", "pyg", "xof", "xaf", "xpf", "bif", "djf", "gnf", "kmf", "mga", "rwf", "ugx", "vuv":
		return true
	}
	return false
}

func dated(at int64) string { return time.Unix(at, 0).UTC().Format("02 Jan 2006") }
