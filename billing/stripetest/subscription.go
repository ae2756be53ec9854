// Subscriptions: what they hold, how they begin, and how Stripe shows them.
package stripetest

import (
	"net/http"
	"slices"
	"time"
)

type subscription struct {
	id, customer, status, description string
	items                             []*item
	start, end, anchor                int64 // the current period [start, end)
	trialStart, trialEnd              int64
	cancelAtPeriodEnd                 bool
	cancelAt, canceledAt, endedAt     int64
	created                           int64
	metadata                          map[string]string
	latestInvoice                     string
	missingMethod                     string // at the trial's end: create_invoice, cancel or pause
	method                            string // default payment method
	tax                               bool
	reason, comment, feedback         string // of the cancellation
	pending                           []*line
	quantityChanges, invoicesMade     []int64 // when, for the limits
}

type item struct {
	id, price string
	quantity  int64
	created   int64
}

// isLive: not at its end.
func (x *subscription) isLive() bool {
	return x.status != "canceled" && x.status != "incomplete_expired"
}

func (s *Server) currencyOf(x *subscription) string { return s.prices[x.items[0].price].currency }

func (s *Server) showItem(x *subscription, i *item) object {
	return s.withoutMode("subscription_item", object{
		"id": i.id, "created": i.created, "price": s.showPrice(s.prices[i.price]), "quantity": i.quantity, "subscription": x.id,
	})
}

// withoutMode is shaped for the objects that have no livemode.
func (s *Server) withoutMode(kind string, fields object) object {
	out := s.shaped(kind, fields)
	delete(out, "livemode")
	return out
}

func (s *Server) showSubscription(x *subscription) object {
	items := make([]object, len(x.items))
	for n, i := range x.items {
		items[n] = s.showItem(x, i)
	}
	tax := object{"enabled": x.tax, "liability": nil}
	if x.tax {
		tax["liability"] = object{"type": "self"}
	}
	return s.shaped("subscription", object{
		"id": x.id, "customer": x.customer, "status": x.status, "created": x.created, "start_date": x.created, "currency": s.currencyOf(x),
		"current_period_start": x.start, "current_period_end": x.end, "billing_cycle_anchor": x.anchor,
		"trial_start": orNull(x.trialStart), "trial_end": orNull(x.trialEnd),
		"cancel_at": orNull(x.cancelAt), "cancel_at_period_end": x.cancelAtPeriodEnd, "canceled_at": orNull(x.canceledAt), "ended_at": orNull(x.endedAt),
		"cancellation_details": object{"comment": orNull(x.comment), "feedback": orNull(x.feedback), "reason": orNull(x.reason)},
		"items":                listObject("/v1/subscription_items?subscription="+x.id, items, false),
		"latest_invoice":       orNull(x.latestInvoice), "metadata": metadataObject(x.metadata), "description": orNull(x.description),
		"default_payment_method": orNull(x.method), "automatic_tax": tax, "test_clock": orNull(s.customers[x.customer].testClock),
		"trial_settings": object{"end_behavior": object{"missing_payment_method": x.missingMethod}},
	})
}

func (s *Server) tellSubscription(kind string, x *subscription) {
	s.emit(kind, s.showSubscription(x), x.id)
}

// order is what a subscription is made of, by whatever way it comes.
type order struct {
	customer    *customer
	items       []*item
	trialEnd    int64 // 0: none
	metadata    map[string]string
	missing     string
	method      string
	description string
	tax         bool
	payment     string // payment_behavior
}

// begin makes a subscription with its first invoice, which is finalised and tried at once.
func (s *Server) begin(o order) *subscription {
	x := &subscription{
		id: s.id("sub"), customer: o.customer.id, status: "active", items: o.items, start: s.clock.now, anchor: s.clock.now, created: s.clock.now,
		metadata: o.metadata, missingMethod: o.missing, method: o.method, description: o.description, tax: o.tax,
	}
	if x.missingMethod == "" {
		x.missingMethod = "create_invoice"
	}
	for _, i := range x.items {
		i.id, i.created = s.id("si"), s.clock.now
	}
	s.subscriptions[x.id] = x
	if o.trialEnd > 0 {
		x.status, x.trialStart, x.trialEnd = "trialing", s.clock.now, o.trialEnd
		x.end, x.anchor = o.trialEnd, o.trialEnd
		s.tellSubscription("customer.subscription.created", x)
		s.bill(x, "subscription_create", s.cycleLines(x, x.start, x.end), false)
		s.warnOfTrialEnd(x)
		s.waitForPeriodEnd(x)
		return x
	}
	x.end = nextMonth(x.start, x.anchor)
	lines := s.cycleLines(x, x.start, x.end)
	if total(lines) > 0 && (o.payment == "default_incomplete" || !s.canPay(o.customer, x)) {
		x.status = "incomplete"
		s.at(s.clock.now+incompleteFor, func() { s.expireIncomplete(x) })
	}
	s.tellSubscription("customer.subscription.created", x)
	v := s.newInvoice(x, "subscription_create", lines)
	s.finalize(v)
	if v.status == "open" && o.payment != "default_incomplete" {
		s.try(v)
	}
	s.waitForPeriodEnd(x)
	return x
}

// incompleteFor is how long a first payment may be missing (Stripe docs, Subscriptions, statuses: 23 hours).
const incompleteFor = int64(23 * time.Hour / time.Second)

func (s *Server) expireIncomplete(x *subscription) {
	if x.status != "incomplete" {
		return
	}
	x.status, x.endedAt = "incomplete_expired", s.clock.now
	if v := s.invoices[x.latestInvoice]; v != nil && v.status == "open" {
		s.setVoid(v)
	}
	s.tellSubscription("customer.subscription.updated", x)
}

// warnOfTrialEnd tells of a trial's end three days before it, or at once when it is nearer.
func (s *Server) warnOfTrialEnd(x *subscription) {
	end := x.trialEnd
	s.at(max(s.clock.now, end-int64(3*day/time.Second)), func() {
		if x.status == "trialing" && x.trialEnd == end {
			s.tellSubscription("customer.subscription.trial_will_end", x)
		}
	})
}

func (s *Server) createSubscription(q *request) (object, error) {
	o, err := s.readOrder(q)
	if err != nil {
		return nil, err
	}
	if o.payment == "error_if_incomplete" && o.trialEnd == 0 && s.worth(o.items) > 0 && !s.canPay(o.customer, &subscription{method: o.method}) {
		r := declined()
		r.committed = false // nothing was made
		return nil, r
	}
	return s.showSubscription(s.begin(o)), nil
}

func (s *Server) worth(items []*item) int64 {
	var sum int64
	for _, i := range items {
		sum += s.prices[i.price].unit * i.quantity
	}
	return sum
}

func (s *Server) readOrder(q *request) (order, error) {
	c, err := s.liveCustomer(q, "customer")
	if err != nil {
		return order{}, err
	}
	items, err := s.readItems(q, "items", 0)
	if err != nil {
		return order{}, err
	}
	if q.has("cancel_at_period_end") || q.has("cancel_at") || q.has("trial_end") || q.has("proration_behavior") {
		return order{}, unknown("cancel_at, trial_end or proration_behavior when a subscription is made")
	}
	trial, err := q.number("trial_period_days")
	if err != nil {
		return order{}, err
	}
	o := order{
		customer: c, items: items, metadata: q.under("metadata"), missing: q.text("trial_settings[end_behavior][missing_payment_method]"),
		method: q.text("default_payment_method"), description: q.text("description"), tax: q.flag("automatic_tax[enabled]"), payment: q.text("payment_behavior"),
	}
	if trial > 0 {
		o.trialEnd = s.clock.now + trial*int64(day/time.Second)
	}
	if o.method != "" && (s.methods[o.method] == nil || s.methods[o.method].customer != c.id) {
		return order{}, noSuchParam("PaymentMethod", "default_payment_method", o.method)
	}
	if o.tax && len(c.address) == 0 {
		return order{}, coded("customer_tax_location_invalid", "", "The customer's location isn't recognized. Set a valid customer address in order to automatically calculate tax.")
	}
	return o, nil
}

// readItems reads prices and quantities; a quantity must be at least least.
func (s *Server) readItems(q *request, prefix string, least int64) ([]*item, error) {
	n := q.count(prefix)
	if n == 0 {
		return nil, coded("parameter_missing", prefix, "Missing required param: %s.", prefix)
	}
	var items []*item
	for i := range n {
		at := func(name string) string { return indexed(prefix, i, name) }
		p, err := s.usablePrice(q.text(at("price")), at("price"))
		if err != nil {
			return nil, err
		}
		quantity := int64(1)
		if q.has(at("quantity")) {
			if quantity, err = q.number(at("quantity")); err != nil {
				return nil, err
			}
		}
		if quantity < least || quantity < 0 {
			return nil, coded("parameter_invalid_integer", at("quantity"), "This value must be greater than or equal to %d.", max(least, 0))
		}
		if slices.ContainsFunc(items, func(other *item) bool { return other.price == p.id }) {
			return nil, invalid(prefix, "Cannot add multiple subscription items with the same plan: %s", p.id)
		}
		if len(items) > 0 && s.prices[items[0].price].currency != p.currency {
			return nil, invalid(prefix, "All prices on a subscription must have the same currency.")
		}
		items = append(items, &item{price: p.id, quantity: quantity})
	}
	return items, nil
}

func (s *Server) getSubscription(q *request) (object, error) {
	x := s.subscriptions[q.PathValue("id")]
	if x == nil {
		return nil, noSuch("subscription", q.PathValue("id"))
	}
	return s.showSubscription(x), nil
}

// listSubscriptions leaves out ended ones unless it is asked for them.
func (s *Server) listSubscriptions(q *request) (object, error) {
	status := q.text("status")
	if status == "ended" {
		return nil, unknown("status=ended")
	}
	if err := s.knownCustomer(q); err != nil {
		return nil, err
	}
	var found []*subscription
	for _, x := range newest(s.subscriptions, nil) {
		within, err := createdWithin(q, x.created)
		if err != nil {
			return nil, err
		}
		shown := status == "all" || status == x.status || status == "" && x.isLive()
		if !within || !shown || q.has("customer") && x.customer != q.text("customer") {
			continue
		}
		if q.has("price") && !slices.ContainsFunc(x.items, func(i *item) bool { return i.price == q.text("price") }) {
			continue
		}
		found = append(found, x)
	}
	return paged(q, found, func(x *subscription) string { return x.id }, s.showSubscription)
}

func (s *Server) listItems(q *request) (object, error) {
	x := s.subscriptions[q.text("subscription")]
	if x == nil {
		return nil, noSuchParam("subscription", "subscription", q.text("subscription"))
	}
	return paged(q, x.items, func(i *item) string { return i.id }, func(i *item) object { return s.showItem(x, i) })
}

// ended is the answer to changes of a subscription that is over.
func ended(x *subscription) *refusal {
	r := noSuch("subscription", x.id)
	r.status = http.StatusNotFound
	return r
}
