package main

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/billing/stripetest"
)

// An older Checkout form, sent again after its page ran out or was paid, at once or
// after a while, is led by what Stripe says now.
func TestAnOlderCheckoutFormAgain(t *testing.T) {
	t.Parallel()
	for _, wait := range []time.Duration{0, 5 * time.Minute} {
		t.Run(fmt.Sprint(wait), func(t *testing.T) {
			t.Parallel()
			h := newStateHouse(t, 0, stripetest.Options{})
			h.connect()
			b := h.signIn()
			form := b.form("/billing", "/billing/checkout")
			open := func() string {
				t.Helper()
				w := b.do(http.MethodPost, "/billing/checkout", form)
				address := regexp.MustCompile(`http-equiv="refresh" content="0;url=([^"]+)"`).FindStringSubmatch(w.Body.String())
				if w.Code != http.StatusOK || address == nil {
					t.Fatalf("the form is answered %d: %s", w.Code, w.Body)
				}
				return address[1]
			}
			first := open()
			h.do(h.stripe.ExpireCheckout(h.account().CheckoutSession))
			h.stripe.Advance(wait)
			second := open()
			if second == first {
				t.Error("the form leads to a page that has run out")
			}
			if again := open(); again != second {
				t.Errorf("a double click leads to %s, want %s", again, second)
			}
			_, err := h.stripe.CompleteCheckout(h.account().CheckoutSession)
			h.do(err)
			h.stripe.Advance(wait)
			if w := b.do(http.MethodPost, "/billing/checkout", form); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/billing" {
				t.Errorf("after paying the form is answered %d to %q", w.Code, w.Header().Get("Location"))
			}
			if page := b.do(http.MethodGet, "/billing", nil).Body.String(); strings.Contains(page, "Start subscription") {
				t.Error("the page offers a second subscription")
			}
		})
	}
}
