package billing

import (
	"testing"

	"hostaway-mcp/store"
)

// TestAWriteMeanwhileIsNotLost: somebody changes the account while Stripe is being read.
func TestAWriteMeanwhileIsNotLost(t *testing.T) {
	t.Parallel()
	k := newBench(t)
	o := k.org(t, "a")
	k.tellSubscription("a", "active", 0)
	read := k.account(t, o)
	f, err := k.read(t.Context(), read)
	if err != nil {
		t.Fatal(err)
	}
	other := read
	other.Access, other.AccessReason = store.AccessExempt, "complimentary"
	if _, err := o.SaveBilling(t.Context(), system(), other); err != nil {
		t.Fatal(err)
	}
	if _, err := k.keep(t.Context(), o, read, f); err == nil {
		t.Error("a stale account was written over a newer one")
	}
	if _, err := k.refreshHeld(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if a := k.account(t, o); a.Access != store.AccessExempt || a.Status != "active" {
		t.Errorf("access %s, status %q: both should stand", a.Access, a.Status)
	}
}

// TestAPortalThatWasNeverSetUp says what to do.
func TestAPortalThatWasNeverSetUp(t *testing.T) {
	t.Parallel()
	k := newBench(t)
	o := k.org(t, "a")
	k.stripe.tell("/v1/billing_portal/configurations", `{"object":"list","data":[]}`)
	k.stripe.tell("/v1/billing_portal/sessions", `{"error":{"type":"invalid_request_error","message":"No configuration provided"}}`)
	k.stripe.refuse("/v1/billing_portal/sessions", 400)
	_, err := k.Portal(t.Context(), o, system())
	if err == nil || !contains(err, "billing setup") || contains(err, "No configuration provided") {
		t.Errorf("got %v", err)
	}
}
