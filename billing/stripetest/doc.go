// Package stripetest is a Stripe that keeps state, at API version 2023-10-16, with a clock that tests move. It serves the
// tests of billing and of the whole program; it shares no code with the client, so that the two check each other.
//
// What it does: customers, products, prices, cards, Checkout, the customer portal, subscriptions with their items,
// prorations, invoices from draft to paid or given up, dunning, refunds, disputes, events and their delivery by webhook,
// idempotency, limits, and faults on demand. Time passes only by Advance (or by itself, with Options.Ticks), and everything
// that falls due on the way happens in its order.
//
// What it leaves out answers 501 and fails the test: a route or a parameter it does not know is never guessed. Taxes are
// always zero (an account that is registered nowhere), coupons do not exist, prices are monthly and per unit. Of Stripe's
// events it sends those of customers, subscriptions, invoices, Checkout, refunds and disputes.
//
// In a test:
//
//	s := stripetest.Start(t, stripetest.Options{})
//	s.AddPrice(stripetest.Price{LookupKey: "listing_v1", Currency: "usd", UnitAmount: 500})
//	s.AddEndpoint(stripetest.Endpoint{Handler: b.Webhooks(), Secret: "whsec_test"})
//	client := newClient(s.URL(), "sk_test_1")
//	…                                             // a customer, a Checkout session
//	sub, err := s.CompleteCheckout(session)       // as a person does with a good card
//	s.SetCard(customer, stripetest.CardDeclined)
//	s.Advance(31 * 24 * time.Hour)                // renewal, draft hour, declined, first retry
//	s.Deliver()                                   // posts the events that are due
//
// Outside facts come from Stripe's documentation and OpenAPI description of 2023-10-16; contract_test.go holds every answer
// and event against that description, and golden_test.go the arithmetic against amounts seen in real invoices. Where both
// are silent the harder reading is taken, and the comment says so.
package stripetest
