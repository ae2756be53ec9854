// Checkout sessions for subscriptions: made by the client, completed by a person.
package stripetest

import (
	"errors"
	"time"
)

type session struct {
	id, customer, reference, status string
	successURL, cancelURL           string
	items                           []*item
	trialEnd, trialDays             int64
	metadata, subscriptionMetadata  map[string]string
	missing, description, locale    string
	subscription                    string
	expiresAt, created              int64
	tax, taxIDs, promotionCodes     bool
	form                            map[string]string // what is only shown again
}

func (s *Server) showSession(c *session) object {
	currency := s.prices[c.items[0].price].currency
	sum := s.worth(c.items)
	if c.trialEnd != 0 || c.trialDays != 0 {
		sum = 0
	}
	tax := object{"enabled": c.tax, "liability": nil, "status": nil}
	if c.tax {
		tax["liability"] = object{"type": "self"}
	}
	out := s.shaped("checkout.session", object{
		"id": c.id, "customer": orNull(c.customer), "client_reference_id": orNull(c.reference), "status": c.status, "mode": "subscription",
		"success_url": orNull(c.successURL), "cancel_url": orNull(c.cancelURL), "metadata": metadataObject(c.metadata),
		"subscription": orNull(c.subscription), "expires_at": c.expiresAt, "created": c.created, "currency": currency,
		"amount_subtotal": sum, "amount_total": sum, "automatic_tax": tax, "tax_id_collection": object{"enabled": c.taxIDs},
		"allow_promotion_codes": orNull(c.promotionCodes), "locale": orNull(c.locale), "payment_status": "unpaid",
		"billing_address_collection": orNull(c.form["billing_address_collection"]),
		"total_details":              object{"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
	})
	if method := c.form["payment_method_collection"]; method != "" {
		out["payment_method_collection"] = method
	}
	switch c.status {
	case "open":
		out["url"] = s.address + "/pages/checkout/" + c.id
	case "complete":
		out["payment_status"], out["invoice"] = "paid", s.firstInvoice(c)
		if sum == 0 {
			out["payment_status"] = "no_payment_required"
		}
	}
	return out
}

func (s *Server) firstInvoice(c *session) any {
	for _, v := range s.invoices {
		if v.subscription == c.subscription && v.reason == "subscription_create" {
			return v.id
		}
	}
	return nil
}

func (s *Server) createSession(q *request) (object, error) {
	if q.text("mode") != "subscription" {
		return nil, unknown("Checkout in mode %q", q.text("mode"))
	}
	items, err := s.readItems(q, "line_items", 1)
	if err != nil {
		return nil, err
	}
	c := &session{
		reference: q.text("client_reference_id"), status: "open", items: items, created: s.clock.now, locale: q.text("locale"),
		successURL: q.text("success_url"), cancelURL: q.text("cancel_url"), metadata: q.under("metadata"),
		subscriptionMetadata: q.under("subscription_data[metadata]"), description: q.text("subscription_data[description]"),
		missing: q.text("subscription_data[trial_settings][end_behavior][missing_payment_method]"),
		tax:     q.flag("automatic_tax[enabled]"), taxIDs: q.flag("tax_id_collection[enabled]"), promotionCodes: q.flag("allow_promotion_codes"),
		form: map[string]string{"billing_address_collection": q.text("billing_address_collection"), "payment_method_collection": q.text("payment_method_collection")},
	}
	if c.successURL == "" {
		return nil, coded("parameter_missing", "success_url", "Missing required param: success_url.")
	}
	for _, step := range []func(*request, *session) error{s.sessionCustomer, s.sessionTrial, s.sessionExpiry} {
		if err := step(q, c); err != nil {
			return nil, err
		}
	}
	c.id = s.id("cs_test")
	s.sessions[c.id] = c
	s.at(c.expiresAt, func() { s.expire(c) })
	return s.showSession(c), nil
}

// sessionCustomer checks the customer, and what tax and tax ids need when one is given.
func (s *Server) sessionCustomer(q *request, c *session) error {
	if !q.has("customer") {
		if q.has("customer_update[address]") || q.has("customer_update[name]") {
			return invalid("customer_update", "customer_update can only be used with customer.")
		}
		return nil
	}
	owner, err := s.liveCustomer(q, "customer")
	if err != nil {
		return err
	}
	c.customer = owner.id
	if c.tax && len(owner.address) == 0 && q.text("customer_update[address]") != "auto" {
		return coded("customer_tax_location_invalid", "", "Automatic tax calculation in Checkout requires a valid address on the Customer, or customer_update[address]=auto.")
	}
	if c.taxIDs && q.text("customer_update[name]") != "auto" {
		return invalid("tax_id_collection[enabled]", "Tax ID collection for an existing customer requires customer_update[name]=auto.")
	}
	if owner.currency != "" && owner.currency != s.prices[c.items[0].price].currency {
		return invalid("", "You cannot combine currencies on a single customer.")
	}
	return nil
}

// sessionTrial: a trial's end lies at least 48 hours ahead, a trial in days lasts at least one (Stripe API, Checkout).
func (s *Server) sessionTrial(q *request, c *session) error {
	var err error
	if c.trialEnd, err = q.number("subscription_data[trial_end]"); err != nil {
		return err
	}
	if c.trialDays, err = q.number("subscription_data[trial_period_days]"); err != nil {
		return err
	}
	switch {
	case c.trialEnd != 0 && c.trialDays != 0:
		return invalid("subscription_data[trial_end]", "You may only specify one of trial_end and trial_period_days.")
	case q.has("subscription_data[trial_end]") && c.trialEnd < s.clock.now+int64(48*time.Hour/time.Second):
		return invalid("subscription_data[trial_end]", "The `trial_end` date has to be at least 2 days in the future.")
	case q.has("subscription_data[trial_period_days]") && c.trialDays < 1:
		return invalid("subscription_data[trial_period_days]", "The minimum number of trial period days is 1.")
	}
	return nil
}

// sessionExpiry: from half an hour to a day ahead, a day if nothing is said (Stripe API, Checkout, expires_at).
func (s *Server) sessionExpiry(q *request, c *session) error {
	var err error
	if c.expiresAt, err = q.number("expires_at"); err != nil {
		return err
	}
	if !q.has("expires_at") {
		c.expiresAt = s.clock.now + int64(day/time.Second)
	}
	if c.expiresAt < s.clock.now+int64(30*time.Minute/time.Second) || c.expiresAt > s.clock.now+int64(day/time.Second) {
		return invalid("expires_at", "The `expires_at` timestamp must be between 30 minutes and 24 hours from now.")
	}
	return nil
}

func (s *Server) expire(c *session) {
	if c.status != "open" {
		return
	}
	c.status = "expired"
	s.emit("checkout.session.expired", s.showSession(c), c.id)
}

func (s *Server) getSession(q *request) (object, error) {
	c := s.sessions[q.PathValue("id")]
	if c == nil {
		return nil, noSuch("checkout.session", q.PathValue("id"))
	}
	return s.showSession(c), nil
}

func (s *Server) expireSession(q *request) (object, error) {
	c := s.sessions[q.PathValue("id")]
	if c == nil {
		return nil, noSuch("checkout.session", q.PathValue("id"))
	}
	if c.status != "open" {
		return nil, invalid("", "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of %s.", c.status)
	}
	s.expire(c)
	return s.showSession(c), nil
}

func (s *Server) listSessions(q *request) (object, error) {
	found := newest(s.sessions, func(c *session) bool {
		return (!q.has("customer") || c.customer == q.text("customer")) && (!q.has("subscription") || c.subscription == q.text("subscription"))
	})
	return paged(q, found, func(c *session) string { return c.id }, s.showSession)
}

// complete is what a person with a good card does. Checkout never completes with a declined one.
func (s *Server) complete(c *session) (*subscription, error) {
	if c.status != "open" {
		return nil, errors.New("the Checkout session is " + c.status)
	}
	owner := s.customers[c.customer]
	if owner == nil {
		owner = &customer{id: s.id("cus"), created: s.clock.now}
		s.customers[owner.id] = owner
		c.customer = owner.id
		s.emit("customer.created", s.showCustomer(owner), owner.id)
	}
	if owner.deleted {
		return nil, errors.New("the customer of the Checkout session is deleted")
	}
	s.giveCard(owner, false)
	if c.tax && len(owner.address) == 0 {
		owner.address = map[string]string{"country": "US", "postal_code": "94110"}
	}
	trialEnd := c.trialEnd
	if c.trialDays > 0 {
		trialEnd = s.clock.now + c.trialDays*int64(day/time.Second)
	}
	if trialEnd <= s.clock.now {
		trialEnd = 0
	}
	items := make([]*item, len(c.items))
	for n, i := range c.items {
		items[n] = &item{price: i.price, quantity: i.quantity}
	}
	x := s.begin(order{
		customer: owner, items: items, trialEnd: trialEnd, metadata: c.subscriptionMetadata, missing: c.missing,
		method: owner.method, description: c.description, tax: c.tax,
	})
	c.status, c.subscription = "complete", x.id
	s.emit("checkout.session.completed", s.showSession(c), c.id)
	return x, nil
}
