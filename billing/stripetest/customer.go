// Customers and the cards they pay with.
package stripetest

import (
	"fmt"
	"strings"
)

type customer struct {
	id, email, name, description, phone string
	metadata                            map[string]string
	address                             map[string]string
	balance                             int64  // negative is credit
	currency                            string // of the first invoice; it stays
	method                              string // default payment method
	testClock                           string
	created, invoices                   int64
	deleted                             bool
}

// paymentMethod is a card. A declined one can be attached, and fails when it is charged.
type paymentMethod struct {
	id, customer string
	declines     bool
	created      int64
}

func (s *Server) showCustomer(c *customer) object {
	if c.deleted {
		return object{"id": c.id, "object": "customer", "deleted": true}
	}
	settings := object{"custom_fields": nil, "default_payment_method": orNull(c.method), "footer": nil, "rendering_options": nil}
	var address any
	if len(c.address) > 0 {
		full := object{"city": nil, "country": nil, "line1": nil, "line2": nil, "postal_code": nil, "state": nil}
		for key, value := range c.address {
			full[key] = value
		}
		address = full
	}
	return s.shaped("customer", object{
		"id": c.id, "email": orNull(c.email), "name": orNull(c.name), "description": orNull(c.description), "phone": orNull(c.phone),
		"metadata": metadataObject(c.metadata), "balance": c.balance, "currency": orNull(c.currency), "created": c.created,
		"invoice_prefix": c.prefix(), "next_invoice_sequence": c.invoices + 1, "invoice_settings": settings, "address": address,
		"delinquent": s.delinquent(c), "test_clock": orNull(c.testClock),
	})
}

func (c *customer) prefix() string { return "S" + serialOf(c.id)[1:] }

// delinquent: the latest charge of an invoice failed and it is still open.
func (s *Server) delinquent(c *customer) bool {
	for _, v := range s.invoices {
		if v.customer == c.id && v.status == "open" && v.attempts > 0 {
			return true
		}
	}
	return false
}

// liveCustomer finds a customer that a parameter names.
func (s *Server) liveCustomer(q *request, param string) (*customer, error) {
	c := s.customers[q.text(param)]
	if c == nil || c.deleted {
		return nil, noSuchParam("customer", param, q.text(param))
	}
	return c, nil
}

// knownCustomer refuses a list that asks for a customer there never was; what a deleted one had can still be listed.
func (s *Server) knownCustomer(q *request) error {
	if q.has("customer") && s.customers[q.text("customer")] == nil {
		return noSuchParam("customer", "customer", q.text("customer"))
	}
	return nil
}

func (s *Server) createCustomer(q *request) (object, error) {
	c := &customer{id: s.id("cus"), created: s.clock.now, testClock: q.text("test_clock")}
	if c.testClock != "" && s.testClocks[c.testClock] == nil {
		return nil, noSuchParam("test_helpers.test_clock", "test_clock", c.testClock)
	}
	s.customers[c.id] = c
	if id := q.text("payment_method"); id != "" {
		if _, err := s.attach(id, c); err != nil {
			delete(s.customers, c.id)
			return nil, err
		}
	}
	if err := s.changeCustomer(c, q); err != nil {
		delete(s.customers, c.id)
		return nil, err
	}
	s.emit("customer.created", s.showCustomer(c), c.id)
	return s.showCustomer(c), nil
}

func (s *Server) changeCustomer(c *customer, q *request) error {
	method := q.text("invoice_settings[default_payment_method]")
	if method != "" && (s.methods[method] == nil || s.methods[method].customer != c.id) {
		return noSuchParam("PaymentMethod", "invoice_settings[default_payment_method]", method)
	}
	balance, err := q.number("balance")
	if err != nil {
		return err
	}
	for key, field := range map[string]*string{"email": &c.email, "name": &c.name, "description": &c.description, "phone": &c.phone} {
		if q.has(key) {
			*field = q.text(key)
		}
	}
	if method != "" {
		c.method = method
	}
	if q.has("balance") {
		c.balance = balance
	}
	if address := q.under("address"); len(address) > 0 {
		c.address = address
	}
	keepMetadata(&c.metadata, q.under("metadata"))
	return nil
}

func (s *Server) getCustomer(q *request) (object, error) {
	c := s.customers[q.PathValue("id")]
	if c == nil {
		return nil, noSuch("customer", q.PathValue("id"))
	}
	return s.showCustomer(c), nil
}

func (s *Server) updateCustomer(q *request) (object, error) {
	c := s.customers[q.PathValue("id")]
	if c == nil || c.deleted {
		return nil, noSuch("customer", q.PathValue("id"))
	}
	if q.has("payment_method") || q.has("test_clock") {
		return nil, unknown("payment_method or test_clock when a customer is changed")
	}
	if err := s.changeCustomer(c, q); err != nil {
		return nil, err
	}
	s.emit("customer.updated", s.showCustomer(c), c.id)
	return s.showCustomer(c), nil
}

func (s *Server) deleteCustomer(q *request) (object, error) {
	c := s.customers[q.PathValue("id")]
	if c == nil || c.deleted {
		return nil, noSuch("customer", q.PathValue("id"))
	}
	s.removeCustomer(c)
	return s.showCustomer(c), nil
}

// removeCustomer cancels the subscriptions at once, without a last invoice (Stripe docs, Delete a customer).
func (s *Server) removeCustomer(c *customer) {
	shown := s.showCustomer(c)
	for _, x := range s.subscriptions {
		if x.customer == c.id && x.isLive() {
			s.end(x, "canceled", "cancellation_requested")
		}
	}
	c.deleted = true
	s.emit("customer.deleted", shown, c.id)
}

func (s *Server) listCustomers(q *request) (object, error) {
	var found []*customer
	for _, c := range newest(s.customers, func(c *customer) bool { return !c.deleted }) {
		within, err := createdWithin(q, c.created)
		if err != nil {
			return nil, err
		}
		if within && (!q.has("email") || c.email == q.text("email")) {
			found = append(found, c)
		}
	}
	return paged(q, found, func(c *customer) string { return c.id }, s.showCustomer)
}

func (s *Server) showMethod(m *paymentMethod) object {
	return s.shaped("payment_method", object{"id": m.id, "created": m.created, "customer": orNull(m.customer)})
}

// attach gives a card to a customer. The names are Stripe's own test cards, which stand for a new card each time.
func (s *Server) attach(id string, c *customer) (*paymentMethod, error) {
	m := s.methods[id]
	switch {
	case id == "pm_card_visa" || id == "pm_card_mastercard":
		m = &paymentMethod{id: s.id("pm"), created: s.clock.now}
	case id == "pm_card_chargeCustomerFail":
		m = &paymentMethod{id: s.id("pm"), created: s.clock.now, declines: true}
	case m == nil && strings.HasPrefix(id, "pm_card_"):
		return nil, unknown("the test card %s", id)
	case m == nil:
		return nil, noSuch("PaymentMethod", id)
	case m.customer != "" && m.customer != c.id:
		return nil, invalid("", "The payment method you provided has already been attached to a customer.")
	}
	m.customer = c.id
	s.methods[m.id] = m
	return m, nil
}

func (s *Server) attachMethod(q *request) (object, error) {
	c, err := s.liveCustomer(q, "customer")
	if err != nil {
		return nil, err
	}
	m, err := s.attach(q.PathValue("id"), c)
	if err != nil {
		return nil, err
	}
	return s.showMethod(m), nil
}

func (s *Server) detachMethod(q *request) (object, error) {
	m := s.methods[q.PathValue("id")]
	if m == nil {
		return nil, noSuch("PaymentMethod", q.PathValue("id"))
	}
	if c := s.customers[m.customer]; c != nil && c.method == m.id {
		c.method = ""
	}
	for _, x := range s.subscriptions {
		if x.method == m.id {
			x.method = ""
		}
	}
	m.customer = ""
	return s.showMethod(m), nil
}

func (s *Server) getMethod(q *request) (object, error) {
	m := s.methods[q.PathValue("id")]
	if m == nil {
		return nil, noSuch("PaymentMethod", q.PathValue("id"))
	}
	return s.showMethod(m), nil
}

func (s *Server) listMethods(q *request) (object, error) {
	if _, err := s.liveCustomer(q, "customer"); err != nil {
		return nil, err
	}
	return s.methodsOf(q, q.text("customer"))
}

func (s *Server) listCustomerMethods(q *request) (object, error) {
	if c := s.customers[q.PathValue("id")]; c == nil || c.deleted {
		return nil, noSuch("customer", q.PathValue("id"))
	}
	return s.methodsOf(q, q.PathValue("id"))
}

func (s *Server) methodsOf(q *request, customerID string) (object, error) {
	if kind := q.text("type"); kind != "" && kind != "card" {
		return nil, unknown("payment methods of type %s", kind)
	}
	found := newest(s.methods, func(m *paymentMethod) bool { return m.customer == customerID })
	return paged(q, found, func(m *paymentMethod) string { return m.id }, s.showMethod)
}

// card finds what a subscription is paid with: its own method, else the customer's.
func (s *Server) card(c *customer, x *subscription) *paymentMethod {
	if x != nil && x.method != "" {
		return s.methods[x.method]
	}
	return s.methods[c.method]
}

// giveCard makes a new card the one that everything of a customer is paid with.
func (s *Server) giveCard(c *customer, declines bool) {
	m := &paymentMethod{id: s.id("pm"), customer: c.id, declines: declines, created: s.clock.now}
	s.methods[m.id] = m
	c.method = m.id
	for _, x := range s.subscriptions {
		if x.customer == c.id && x.method != "" {
			x.method = m.id
		}
	}
}

func (c *customer) nextNumber() string {
	c.invoices++
	return fmt.Sprintf("%s-%04d", c.prefix(), c.invoices)
}
