package main

import (
	"testing"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// TestTheGraceIsAppliedBeforeAnybodyIsLetIn: also while Stripe is away.
func TestTheGraceIsAppliedBeforeAnybodyIsLetIn(t *testing.T) {
	t.Parallel()
	for _, answer := range []error{nil, stripeSays("unreachable")} {
		b, room := billedWith(store.BillingFigures{}, answer)
		if err := b.begin(t.Context(), config{}, storetest.Open(t, storetest.WithBilling())); err != nil {
			t.Fatal(err)
		}
		if n := room.graced.Load(); n != 1 {
			t.Errorf("applied %d times at a start, Stripe says %v", n, answer)
		}
	}
}
