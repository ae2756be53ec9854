// Charges and payment intents, and what may come after a payment: refunds and disputes.
package stripetest

type dispute struct {
	id, status string
	payment    *payment
	created    int64
}

func (s *Server) paymentBy(id string) *payment {
	if p := s.payments[id]; p != nil {
		return p
	}
	for _, p := range s.payments {
		if p.charge == id {
			return p
		}
	}
	return nil
}

func (s *Server) showIntent(p *payment) object {
	out := s.shaped("payment_intent", object{
		"id": p.intent, "amount": p.amount, "currency": p.currency, "customer": p.customer, "invoice": p.invoice, "created": p.created,
		"status": "requires_payment_method", "payment_method": orNull(p.method), "latest_charge": orNull(p.charge), "client_secret": p.intent + "_secret_test",
	})
	switch {
	case p.succeeded:
		out["status"], out["amount_received"] = "succeeded", p.amount
	case p.failed:
		out["last_payment_error"] = object{"type": "card_error", "code": "card_declined", "decline_code": "generic_decline", "message": "Your card was declined."}
	}
	return out
}

func (s *Server) showCharge(p *payment) object {
	return s.shaped("charge", object{
		"id": p.charge, "amount": p.amount, "amount_captured": p.amount, "amount_refunded": p.refunded, "currency": p.currency, "created": p.created,
		"customer": p.customer, "invoice": p.invoice, "payment_intent": p.intent, "payment_method": orNull(p.method), "paid": true, "status": "succeeded",
		"refunded": p.refunded == p.amount, "disputed": p.disputed,
	})
}

func (s *Server) getIntent(q *request) (object, error) {
	p := s.payments[q.PathValue("id")]
	if p == nil {
		return nil, noSuch("payment_intent", q.PathValue("id"))
	}
	return s.showIntent(p), nil
}

func (s *Server) getCharge(q *request) (object, error) {
	p := s.paymentBy(q.PathValue("id"))
	if p == nil || p.charge == "" {
		return nil, noSuch("charge", q.PathValue("id"))
	}
	return s.showCharge(p), nil
}

func (s *Server) listCharges(q *request) (object, error) {
	if err := s.knownCustomer(q); err != nil {
		return nil, err
	}
	found := newest(s.payments, func(p *payment) bool {
		return p.charge != "" && (!q.has("customer") || p.customer == q.text("customer"))
	})
	return paged(q, found, func(p *payment) string { return p.charge }, s.showCharge)
}

func (s *Server) createRefund(q *request) (object, error) {
	id := q.text("charge") + q.text("payment_intent")
	p := s.paymentBy(id)
	if p == nil || p.charge == "" {
		return nil, noSuchParam("charge", "charge", id)
	}
	amount, err := q.number("amount")
	if err != nil {
		return nil, err
	}
	if !q.has("amount") {
		amount = p.amount - p.refunded
	}
	if amount < 1 || amount > p.amount-p.refunded {
		return nil, coded("charge_already_refunded", "amount", "The amount is more than what is left of the charge.")
	}
	return s.refund(p, amount, q.text("reason")), nil
}

// refund gives money back. The invoice stays paid, and the subscription goes on (Stripe docs, Refunds).
func (s *Server) refund(p *payment, amount int64, reason string) object {
	p.refunded += amount
	s.emit("charge.refunded", s.showCharge(p), p.charge)
	out := s.withoutMode("refund", object{
		"id": s.id("re"), "amount": amount, "charge": p.charge, "payment_intent": p.intent, "currency": p.currency, "created": s.clock.now, "reason": orNull(reason),
	})
	return out
}

func (s *Server) showDispute(d *dispute) object {
	return s.shaped("dispute", object{
		"id": d.id, "amount": d.payment.amount, "charge": d.payment.charge, "payment_intent": d.payment.intent, "currency": d.payment.currency,
		"created": d.created, "reason": "fraudulent", "status": d.status,
	})
}

func (s *Server) getDispute(q *request) (object, error) {
	d := s.disputes[q.PathValue("id")]
	if d == nil {
		return nil, noSuch("dispute", q.PathValue("id"))
	}
	return s.showDispute(d), nil
}
