package billing

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"hostaway-mcp/billing/stripetest"
)

// TestUndeliveredEventsAreOurs: what Stripe can't deliver is a finding while it can't be delivered here, and none for
// another endpoint of the account, or once events come again.
func TestUndeliveredEventsAreOurs(t *testing.T) {
	t.Parallel()
	k := newTown(t, stripetest.Options{})
	k.stripe.AddEndpoint(stripetest.Endpoint{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError) // of something else that the account is used for
	})})
	acme, id := k.subscribed(t, "acme", 1, 4)
	_, other := k.subscribed(t, "other", 2, 4)
	broken := func(when string, want ...string) {
		t.Helper()
		k.stripe.Advance(2 * time.Hour)
		all, err := k.Invariants(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var subjects []string
		for _, i := range all {
			if i.ID == invEvents {
				for _, f := range i.Broken {
					subjects = append(subjects, f.Subject)
				}
			}
		}
		if !slices.Equal(subjects, want) {
			t.Errorf("%s: %q, want %q", when, subjects, want)
		}
	}
	change := func(sub string) {
		t.Helper()
		if err := k.stripe.CancelByHand(sub, true); err != nil {
			t.Fatal(err)
		}
		k.settle(t)
	}
	broken("another endpoint fails")
	secrets := k.cfg.WebhookSecrets
	k.cfg.WebhookSecrets = nil // nothing is believed
	change(id)
	broken("ours fails", "endpoint")
	k.cfg.WebhookSecrets = secrets
	change(other)
	broken("an event came again")
	if _, err := k.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a := k.account(t, acme); a.CancelAt == nil {
		t.Error("what was not delivered is not made up for by a sweep")
	}
}
