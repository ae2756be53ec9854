// Invoices and their lines, and how Stripe shows them.
package stripetest

import (
	"fmt"
	"strconv"
)

type line struct {
	id, description              string
	amount, quantity, start, end int64
	proration                    bool
	invoiceItem                  string
	subscription, item, price    string
}

type invoice struct {
	id, customer, subscription, status, reason, number string
	lines                                              []*line
	currency                                           string
	total, due, paid                                   int64
	startBalance, endBalance                           int64
	attempts                                           int64
	retry                                              int // how many retries were planned
	nextAttempt, finalizeAt, created                   int64
	periodStart, periodEnd                             int64
	finalizedAt, paidAt, voidedAt, uncollectibleAt     int64
	manual                                             bool // Stripe does nothing more with it by itself
	outOfBand                                          bool
	payment                                            *payment
	tax                                                bool
}

func total(lines []*line) int64 {
	var sum int64
	for _, l := range lines {
		sum += l.amount
	}
	return sum
}

func (s *Server) showLine(l *line, invoiceID string) object {
	p := s.prices[l.price]
	out := s.shaped("line_item", object{
		"id": l.id, "amount": l.amount, "amount_excluding_tax": l.amount, "currency": p.currency, "description": l.description, "discountable": !l.proration,
		"invoice": orNull(invoiceID), "period": object{"start": l.start, "end": l.end}, "price": s.showPrice(p), "proration": l.proration,
		"proration_details": object{"credited_items": nil}, "quantity": l.quantity, "subscription": l.subscription, "subscription_item": l.item,
		"type": "subscription", "unit_amount_excluding_tax": strconv.FormatInt(p.unit, 10),
	})
	if l.proration {
		out["type"], out["invoice_item"] = "invoiceitem", l.invoiceItem
	}
	return out
}

// embeddedLines is how many lines an invoice itself shows; the rest comes in pages.
const embeddedLines = 10

func (s *Server) showInvoice(v *invoice) object {
	c := s.customers[v.customer]
	lines := make([]object, 0, embeddedLines)
	for _, l := range v.lines[:min(len(v.lines), embeddedLines)] {
		lines = append(lines, s.showLine(l, v.id))
	}
	url := "/v1/invoices/upcoming/lines"
	if v.id != "" {
		url = "/v1/invoices/" + v.id + "/lines"
	}
	out := s.shaped("invoice", object{
		"customer": v.customer, "customer_email": orNull(c.email), "customer_name": orNull(c.name), "subscription": orNull(v.subscription),
		"status": v.status, "billing_reason": v.reason, "created": v.created, "currency": v.currency, "number": orNull(v.number),
		"lines":    listObject(url, lines, len(v.lines) > embeddedLines),
		"subtotal": v.total, "subtotal_excluding_tax": v.total, "total": v.total, "total_excluding_tax": v.total,
		"amount_due": v.due, "amount_paid": v.paid, "amount_remaining": v.due - v.paid,
		"starting_balance": v.startBalance, "ending_balance": v.shownEndBalance(),
		"attempt_count": v.attempts, "attempted": v.attempts > 0 || v.status == "paid", "auto_advance": !v.manual && (v.status == "draft" || v.status == "open"),
		"next_payment_attempt": orNull(v.nextTry()), "period_start": v.periodStart, "period_end": v.periodEnd, "paid": v.status == "paid", "paid_out_of_band": v.outOfBand,
		"status_transitions": object{
			"finalized_at": orNull(v.finalizedAt), "marked_uncollectible_at": orNull(v.uncollectibleAt), "paid_at": orNull(v.paidAt), "voided_at": orNull(v.voidedAt),
		},
		"effective_at": orNull(v.finalizedAt), "subscription_details": object{"metadata": s.metadataOf(v.subscription)}, "test_clock": orNull(c.testClock),
	})
	s.addPayment(out, v)
	if v.tax {
		out["automatic_tax"] = object{"enabled": true, "liability": object{"type": "self"}, "status": "complete"}
		out["tax"] = 0
	}
	if v.id == "" {
		delete(out, "id") // the upcoming invoice has none
	} else {
		out["id"] = v.id
	}
	return out
}

func (s *Server) addPayment(out object, v *invoice) {
	if v.payment != nil {
		out["payment_intent"], out["charge"] = v.payment.intent, orNull(v.payment.charge)
	}
	if v.finalizedAt != 0 {
		out["hosted_invoice_url"], out["invoice_pdf"] = s.address+"/pages/invoice/"+v.id, s.address+"/pages/invoice/"+v.id+"/pdf"
	}
}

func (v *invoice) shownEndBalance() any {
	if v.finalizedAt == 0 {
		return nil
	}
	return v.endBalance
}

func (v *invoice) nextTry() int64 {
	if v.status == "draft" {
		return v.finalizeAt
	}
	return v.nextAttempt
}

func (s *Server) metadataOf(subscriptionID string) any {
	if x := s.subscriptions[subscriptionID]; x != nil {
		return metadataObject(x.metadata)
	}
	return nil
}

func (s *Server) tellInvoice(kind string, v *invoice) { s.emit(kind, s.showInvoice(v), v.id) }

func (s *Server) getInvoice(q *request) (object, error) {
	v := s.invoices[q.PathValue("id")]
	if v == nil {
		return nil, noSuch("invoice", q.PathValue("id"))
	}
	return s.showInvoice(v), nil
}

func (s *Server) listInvoices(q *request) (object, error) {
	if err := s.knownCustomer(q); err != nil {
		return nil, err
	}
	var found []*invoice
	for _, v := range newest(s.invoices, nil) {
		within, err := createdWithin(q, v.created)
		if err != nil {
			return nil, err
		}
		if within && (!q.has("customer") || v.customer == q.text("customer")) && (!q.has("subscription") || v.subscription == q.text("subscription")) &&
			(!q.has("status") || v.status == q.text("status")) {
			found = append(found, v)
		}
	}
	return paged(q, found, func(v *invoice) string { return v.id }, s.showInvoice)
}

func (s *Server) listLines(q *request) (object, error) {
	v := s.invoices[q.PathValue("id")]
	if v == nil {
		return nil, noSuch("invoice", q.PathValue("id"))
	}
	return paged(q, v.lines, func(l *line) string { return l.id }, func(l *line) object { return s.showLine(l, v.id) })
}

func (s *Server) upcomingInvoice(q *request) (object, error) {
	v, err := s.upcoming(q)
	if err != nil {
		return nil, err
	}
	return s.showInvoice(v), nil
}

func (s *Server) upcomingLines(q *request) (object, error) {
	v, err := s.upcoming(q)
	if err != nil {
		return nil, err
	}
	return paged(q, v.lines, func(l *line) string { return l.id }, func(l *line) object { return s.showLine(l, "") })
}

// upcoming is the next invoice as it would be now, or after a change that the parameters preview.
func (s *Server) upcoming(q *request) (*invoice, error) {
	if q.has("customer") {
		if _, err := s.liveCustomer(q, "customer"); err != nil {
			return nil, err
		}
	}
	x, err := s.upcomingSubscription(q)
	if err != nil {
		return nil, err
	}
	now := *x
	pending := append([]*line(nil), x.pending...)
	if n := q.count("subscription_items"); n > 0 {
		changed, err := s.preview(q, &now)
		if err != nil {
			return nil, err
		}
		pending = append(pending, changed...)
	}
	ending := x.cancelAtPeriodEnd || x.cancelAt != 0 && x.cancelAt <= x.end
	if q.has("subscription_cancel_at_period_end") {
		ending = q.flag("subscription_cancel_at_period_end")
	}
	lines := pending
	if !ending {
		lines = append(lines, s.nextCycle(&now)...)
	}
	if len(lines) == 0 {
		return nil, noUpcoming(x.customer)
	}
	return s.asUpcoming(x, lines), nil
}

func (s *Server) nextCycle(x *subscription) []*line {
	next := *x
	next.status = "active"
	return s.cycleLines(&next, x.end, nextMonth(x.end, x.anchor))
}

func (s *Server) asUpcoming(x *subscription, lines []*line) *invoice {
	for i, l := range lines {
		copied := *l
		copied.id = fmt.Sprintf("il_tmp_%s_%d", serialOf(x.id), i)
		lines[i] = &copied
	}
	c := s.customers[x.customer]
	v := &invoice{
		customer: x.customer, subscription: x.id, status: "draft", reason: "upcoming", lines: lines, currency: s.currencyOf(x), created: x.end, tax: x.tax,
		periodStart: x.start, periodEnd: x.end, total: total(lines), startBalance: c.balance, nextAttempt: x.end,
	}
	v.due = max(v.total+c.balance, 0)
	v.finalizeAt = x.end + draftFor
	return v
}

func noUpcoming(customerID string) *refusal {
	r := coded("invoice_upcoming_none", "", "No upcoming invoices for customer: %s", customerID)
	r.status = 404
	return r
}

func (s *Server) upcomingSubscription(q *request) (*subscription, error) {
	if id := q.text("subscription"); id != "" {
		x := s.subscriptions[id]
		if x == nil || q.has("customer") && x.customer != q.text("customer") {
			return nil, noSuchParam("subscription", "subscription", id)
		}
		if !x.isLive() || x.status == "paused" || x.status == "incomplete" {
			return nil, noUpcoming(x.customer)
		}
		return x, nil
	}
	found := newest(s.subscriptions, func(x *subscription) bool {
		return x.customer == q.text("customer") && x.isLive() && x.status != "paused" && x.status != "incomplete"
	})
	if len(found) == 0 {
		return nil, noUpcoming(q.text("customer"))
	}
	next := found[0]
	for _, x := range found {
		if x.end < next.end {
			next = x
		}
	}
	return next, nil
}

// preview gives the lines that a change would make, and leaves x, a copy, as it would be after it.
func (s *Server) preview(q *request, x *subscription) ([]*line, error) {
	at, err := s.prorationDate(q, "subscription_proration_date", x)
	if err != nil {
		return nil, err
	}
	items := make([]*item, len(x.items))
	var lines []*line
	for n, i := range x.items {
		copied := *i
		items[n] = &copied
	}
	for n := range q.count("subscription_items") {
		key := func(name string) string { return indexed("subscription_items", n, name) }
		var changed *item
		for _, i := range items {
			if i.id == q.text(key("id")) {
				changed = i
			}
		}
		if changed == nil {
			return nil, noSuchParam("subscription item", key("id"), q.text(key("id")))
		}
		quantity, err := q.number(key("quantity"))
		if err != nil {
			return nil, err
		}
		if !q.has(key("quantity")) {
			quantity = changed.quantity
		}
		if q.text("subscription_proration_behavior") != "none" {
			lines = append(lines, s.changeLines(x, changed, changed.quantity, quantity, at)...)
		}
		changed.quantity = quantity
	}
	x.items = items
	return lines, nil
}
