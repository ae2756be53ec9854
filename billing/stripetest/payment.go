// The life of an invoice: a draft for an hour, finalised, tried, retried, paid or given up; and what it makes of the
// subscription (Stripe docs, Invoice lifecycle; Subscription statuses).
package stripetest

import (
	"slices"
	"time"
)

// draftFor is how long the invoice of a renewal can still be changed.
const draftFor = int64(time.Hour / time.Second)

// payment is what an invoice's money went through: the payment intent, and the charge once there is one.
type payment struct {
	intent, charge, invoice, customer, currency, method string
	amount, refunded                                    int64
	succeeded, failed, disputed                         bool
	created                                             int64
}

func (s *Server) newInvoice(x *subscription, reason string, lines []*line) *invoice {
	v := &invoice{
		id: s.id("in"), customer: x.customer, subscription: x.id, status: "draft", reason: reason, lines: lines, currency: s.currencyOf(x), tax: x.tax,
		created: s.clock.now, periodStart: x.start, periodEnd: x.end, total: total(lines),
	}
	v.startBalance = s.customers[x.customer].balance
	v.due = max(v.total+v.startBalance, 0)
	if c := s.customers[x.customer]; c.currency == "" {
		c.currency = v.currency
	}
	s.invoices[v.id] = v
	x.latestInvoice = v.id
	x.invoicesMade = append(x.invoicesMade, s.clock.now)
	s.tellInvoice("invoice.created", v)
	return v
}

// bill makes an invoice that is finalised and tried now, or after its hour as a draft. One of an unpaid subscription stays
// a draft.
func (s *Server) bill(x *subscription, reason string, lines []*line, draft bool) {
	v := s.newInvoice(x, reason, lines)
	if x.status == "unpaid" {
		v.manual = true
		return
	}
	if !draft {
		s.finalizeAndTry(v)
		return
	}
	v.finalizeAt = s.clock.now + draftFor
	s.at(v.finalizeAt, func() {
		if v.status == "draft" && !v.manual {
			s.finalizeAndTry(v)
		}
	})
}

func (s *Server) finalizeAndTry(v *invoice) {
	s.finalize(v)
	if v.status == "open" {
		s.try(v)
	}
}

// leastCharge is the smallest amount that is charged; less is carried over on the customer's balance (Stripe docs, Minimum
// charge amounts: 0.50 in most currencies).
func leastCharge(currency string) int64 {
	switch currency {
	case "gbp":
		return 30
	case "dkk":
		return 250
	case "nok", "sek":
		return 300
	case "mxn":
		return 1000
	case "czk":
		return 1500
	case "huf":
		return 17500
	}
	return 50
}

// finalize fixes an invoice: credit is used, the number is given, and one that asks for nothing is paid at once.
func (s *Server) finalize(v *invoice) {
	c := s.customers[v.customer]
	v.startBalance = c.balance
	sum := v.total + c.balance
	switch {
	case sum < leastCharge(v.currency):
		c.balance, v.due = sum, 0
	default:
		c.balance, v.due = 0, sum
	}
	v.endBalance = c.balance
	v.status, v.finalizedAt, v.finalizeAt, v.number = "open", s.clock.now, 0, c.nextNumber()
	if v.due > 0 {
		v.payment = &payment{intent: s.id("pi"), invoice: v.id, customer: c.id, currency: v.currency, amount: v.due, created: s.clock.now}
		s.payments[v.payment.intent] = v.payment
	}
	s.tellInvoice("invoice.finalized", v)
	if v.due == 0 {
		s.setPaid(v)
	}
}

func (s *Server) canPay(c *customer, x *subscription) bool {
	card := s.card(c, x)
	return card != nil && !card.declines
}

// try charges the card of an open invoice.
func (s *Server) try(v *invoice) bool {
	c, x := s.customers[v.customer], s.subscriptions[v.subscription]
	v.attempts++
	if c.deleted || !s.canPay(c, x) {
		s.failed(v)
		return false
	}
	v.payment.succeeded, v.payment.charge, v.payment.method = true, s.id("ch"), s.card(c, x).id
	v.paid = v.due
	s.setPaid(v)
	return true
}

func (s *Server) setPaid(v *invoice) {
	v.status, v.paidAt, v.nextAttempt = "paid", s.clock.now, 0
	s.tellInvoice("invoice.paid", v)
	s.tellInvoice("invoice.payment_succeeded", v) // for nothing, too
	s.judge(s.subscriptions[v.subscription])
}

// failed plans the next try, or does what the account does after the last one.
func (s *Server) failed(v *invoice) {
	x := s.subscriptions[v.subscription]
	v.payment.failed = true
	last := false
	if x.status != "incomplete" && x.isLive() {
		last = !s.planRetry(v)
	}
	s.tellInvoice("invoice.payment_failed", v)
	if last && x.isLive() {
		s.afterRetries(v, x)
		return
	}
	s.judge(x)
}

func (s *Server) planRetry(v *invoice) bool {
	if v.retry >= len(s.options.Retries) {
		v.nextAttempt = 0
		return false
	}
	v.nextAttempt = s.clock.now + int64(s.options.Retries[v.retry]/time.Second)
	v.retry++
	due := v.nextAttempt
	s.at(due, func() { s.retryAt(v, due) })
	return true
}

// retryAt tries again. Without a card the try is left out, and the plan goes on (Stripe docs, Smart retries).
func (s *Server) retryAt(v *invoice, due int64) {
	if v.status != "open" || v.nextAttempt != due || v.manual {
		return
	}
	x := s.subscriptions[v.subscription]
	if s.card(s.customers[v.customer], x) != nil {
		s.try(v)
		return
	}
	if !s.planRetry(v) && x.isLive() {
		s.afterRetries(v, x)
	}
}

func (s *Server) afterRetries(v *invoice, x *subscription) {
	switch s.options.AfterRetries {
	case ThenCanceled:
		s.end(x, "canceled", "payment_failed")
	case ThenUnpaid:
		v.manual = true
		s.setStatus(x, "unpaid")
	case ThenPastDue:
		s.setStatus(x, "past_due")
	}
}

func (s *Server) setStatus(x *subscription, status string) {
	if x.status == status {
		return
	}
	x.status = status
	s.tellSubscription("customer.subscription.updated", x)
}

// latestFinalised decides alone about the status: an older invoice may be open beside it.
func (s *Server) latestFinalised(x *subscription) *invoice {
	var latest *invoice
	for _, v := range s.invoices {
		if v.subscription != x.id || v.finalizedAt == 0 || v.status == "void" {
			continue
		}
		if latest == nil || v.finalizedAt > latest.finalizedAt || v.finalizedAt == latest.finalizedAt && serialOf(v.id) > serialOf(latest.id) {
			latest = v
		}
	}
	return latest
}

// judge sets the status that follows from the latest finalised invoice.
func (s *Server) judge(x *subscription) {
	if !slices.Contains([]string{"active", "past_due", "unpaid", "incomplete"}, x.status) {
		return
	}
	v := s.latestFinalised(x)
	switch {
	case v == nil:
	case v.status == "paid":
		s.setStatus(x, "active")
	case v.status == "open" && v.attempts > 0 && x.status == "active":
		s.setStatus(x, "past_due")
	}
}

// setVoid takes an invoice back, and gives back the credit it used.
func (s *Server) setVoid(v *invoice) {
	v.status, v.voidedAt, v.nextAttempt = "void", s.clock.now, 0
	s.customers[v.customer].balance += v.startBalance - v.endBalance
	s.tellInvoice("invoice.voided", v)
}

func (s *Server) openInvoice(q *request) (*invoice, error) {
	v := s.invoices[q.PathValue("id")]
	if v == nil {
		return nil, noSuch("invoice", q.PathValue("id"))
	}
	if v.status != "open" {
		return nil, invalid("", "This invoice is %s; only an open one can be changed like that.", v.status)
	}
	return v, nil
}

func (s *Server) finalizeInvoice(q *request) (object, error) {
	v := s.invoices[q.PathValue("id")]
	if v == nil {
		return nil, noSuch("invoice", q.PathValue("id"))
	}
	if v.status != "draft" {
		return nil, invalid("", "This invoice is already finalized, you can't re-finalize a non-draft invoice.")
	}
	v.manual = q.has("auto_advance") && !q.flag("auto_advance")
	s.finalize(v)
	return s.showInvoice(v), nil
}

// payInvoice tries an open invoice now. A declined card answers 402, and the failed try stays.
func (s *Server) payInvoice(q *request) (object, error) {
	v, err := s.openInvoice(q)
	if err != nil {
		return nil, err
	}
	if q.has("payment_method") {
		return nil, unknown("paying with another method than the default one")
	}
	if s.card(s.customers[v.customer], s.subscriptions[v.subscription]) == nil {
		return nil, coded("resource_missing", "", "Cannot charge a customer that has no active card")
	}
	if !s.try(v) {
		return nil, declined()
	}
	return s.showInvoice(v), nil
}

func (s *Server) voidInvoice(q *request) (object, error) {
	v, err := s.openInvoice(q)
	if err != nil {
		return nil, err
	}
	s.setVoid(v)
	s.judge(s.subscriptions[v.subscription])
	return s.showInvoice(v), nil
}

func (s *Server) giveUpInvoice(q *request) (object, error) {
	v, err := s.openInvoice(q)
	if err != nil {
		return nil, err
	}
	s.setUncollectible(v)
	return s.showInvoice(v), nil
}

func (s *Server) setUncollectible(v *invoice) {
	v.status, v.uncollectibleAt, v.nextAttempt = "uncollectible", s.clock.now, 0
	s.tellInvoice("invoice.marked_uncollectible", v)
}
