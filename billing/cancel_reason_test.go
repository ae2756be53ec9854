package billing

import (
	"errors"
	"strings"
	"testing"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/store"
)

// TestAReasonIsBounded: one that is too long cancels nothing, and is not kept.
func TestAReasonIsBounded(t *testing.T) {
	t.Parallel()
	k := newTown(t, stripetest.Options{})
	o := k.charged(t, "a", 1, 3)
	k.stripe.ResetCalls()
	var input *store.InputError
	if err := k.Cancel(t.Context(), o, k.actor(), strings.Repeat("é", LongestReason+1)); !errors.As(err, &input) || input.Field != "reason" {
		t.Errorf("a reason that is too long: %v", err)
	}
	if n := len(k.stripe.Calls()); n != 0 || k.account(t, o).CancelAt != nil {
		t.Errorf("%d calls to Stripe", n)
	}
	if err := k.Cancel(t.Context(), o, k.actor(), strings.Repeat("é", LongestReason)); err != nil || k.account(t, o).CancelAt == nil {
		t.Errorf("the longest reason: %v", err)
	}
}
