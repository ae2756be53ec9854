// Holds what this room asks of Stripe against Stripe's own description of API version 2023-10-16: stripe-mock, in this
// process, gets every request first, and refuses what the description does not know. stripetest holds the answers.
package billing

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/server"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/store"
)

// described is stripe-mock as a judge of requests.
type described struct {
	mu   sync.Mutex
	stub *server.StubServer
	took map[string]bool // which kinds of request it has seen
}

func newDescribed(t *testing.T) *described {
	t.Helper()
	d := &described{took: map[string]bool{}}
	var err error
	quietly(t, func() {
		spec, specErr := server.LoadSpec(embedded.OpenAPISpec, "")
		fixtures, fixturesErr := server.LoadFixtures(embedded.OpenAPIFixtures, "")
		if specErr != nil || fixturesErr != nil {
			err = fmt.Errorf("%w, %w", specErr, fixturesErr)
			return
		}
		d.stub, err = server.NewStubServer(fixtures, spec, true, false)
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// quietly keeps what stripe-mock prints out of the output of the tests. One call at a time.
func quietly(t *testing.T, do func()) {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	before := os.Stdout
	os.Stdout = null
	defer func() { os.Stdout = before }()
	do()
}

func (d *described) check(t *testing.T) func(method, uri string, header http.Header, body []byte) error {
	return func(method, uri string, header http.Header, body []byte) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		path, _, _ := strings.Cut(uri, "?")
		d.took[opOf(method, path)] = true
		r := httptest.NewRequest(method, uri, bytes.NewReader(body))
		r.Header = header.Clone()
		w := httptest.NewRecorder()
		quietly(t, func() { d.stub.HandleRequest(w, r) })
		if w.Code >= http.StatusBadRequest {
			return fmt.Errorf("stripe-mock answers %d: %s", w.Code, w.Body)
		}
		return nil
	}
}

// TestRequestsAreAsStripeDescribesThem goes through all that this room asks of Stripe. It runs alone: what stripe-mock prints
// is kept away by taking the output from everybody.
func TestRequestsAreAsStripeDescribesThem(t *testing.T) {
	d := newDescribed(t)
	k := newTown(t, stripetest.Options{Check: stripetest.Check{Request: d.check(t)}}, func(c *Config) { c.Tax, c.PromotionCodes = true, true })
	do := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	o, sub := k.subscribed(t, "a", 1, 9)
	k.stripe.Advance(14 * aDay)
	k.settle(t)
	var err error
	for range 6 { // so many lines that an invoice does not show them all
		k.stripe.Advance(aDay)
		k.listings[o.ID()]++
		_, err = k.Count(t.Context(), o, store.CountDaily, k.actor())
		do("count", err)
		k.settle(t)
	}
	_, err = k.Portal(t.Context(), o, k.actor())
	do("portal", err)
	do("cancel", k.Cancel(t.Context(), o, k.actor(), "too dear"))
	do("resume", k.Resume(t.Context(), o, k.actor()))
	do("plan an end", k.stripe.CancelAtByHand(sub, k.stripe.Now().Add(5*aDay).Truncate(time.Second)))
	do("resume from it", k.Resume(t.Context(), o, k.actor()))
	do("check", k.Check(t.Context()))
	two := k.connected(t, "b", 2, 3)
	for range 2 {
		_, err = k.StartCheckout(t.Context(), two, k.actor())
		do("Checkout in two tabs", err)
	}
	_, err = Setup(t.Context(), SetupConfig{
		Store: k.store, Key: k.cfg.Key, URL: k.cfg.URL, PriceLookup: "listing_v2", UnitAmount: 700, Currency: "eur", BaseURL: "http://127.0.0.1:9998",
	})
	do("set another price up", err)
	k.stripe.Advance(27 * aDay) // into the days after a period
	k.settle(t)
	_, err = k.Reconcile(t.Context())
	do("reconcile", err)
	_, err = k.dispute(t, o)
	do("dispute", err)
	k.settle(t)
	for _, want := range []string{
		"POST customers", "POST checkout/sessions", "GET checkout/sessions", "POST billing_portal/sessions", "POST subscriptions", "GET subscriptions",
		"GET invoices", "GET invoices/lines", "GET events", "GET prices", "GET charges", "GET customers", "POST webhook_endpoints", "POST products", "POST prices",
	} {
		if !d.took[want] {
			t.Errorf("%s was not asked: the life is too short (asked %q)", want, slices.Sorted(maps.Keys(d.took)))
		}
	}
}

// dispute has the bank take back what the org paid last.
func (k *town) dispute(t *testing.T, o *store.Org) (string, error) {
	t.Helper()
	for _, v := range k.stripe.Invoices(k.account(t, o).CustomerID) {
		if v.Paid > 0 {
			return k.stripe.Dispute(v.ID)
		}
	}
	return "", fmt.Errorf("nothing was paid")
}
