package billing

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/store"
)

func TestAChangeCostsOneReadAndOnePost(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org, sub := o.subscriber(t, 1, 10)
	o.stripe.Advance(24 * time.Hour)
	o.asked()
	o.count(t, org, 10)
	o.bring(t)
	if got := o.asked(); len(got) != 0 {
		t.Errorf("a count that changes nothing asked Stripe %v", got)
	}
	o.count(t, org, 12)
	o.bring(t)
	o.bring(t)
	if diff := cmp.Diff(map[string]int{"GET": 1, "POST": 1}, o.asked()); diff != "" {
		t.Errorf("calls for a change (-want +got):\n%s", diff)
	}
	if o.quantity(t, sub) != 12 || o.desired(t, org).State != store.QuantityClean {
		t.Errorf("Stripe bills %d, %+v", o.quantity(t, sub), o.desired(t, org))
	}
}

func TestASubscriptionIsChangedOnceAnHourAtMost(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org, sub := o.subscriber(t, 1, 10)
	for _, n := range []int{11, 12, 13, 14} {
		o.stripe.Advance(15 * time.Minute)
		o.count(t, org, n)
		o.bring(t)
	}
	o.asked()
	for range 8 {
		o.stripe.Advance(30 * time.Minute)
		o.bring(t)
	}
	o.bills(t, sub, 14)
	if got := o.asked()["POST"]; got != 3 {
		t.Errorf("%d posts for the three changes that were left", got)
	}
	o.stripe.Advance(40 * 24 * time.Hour)
	o.settlesExactly(t, org, sub)
}

func TestWhatSomebodyChangesAtStripeIsSetBack(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org, sub := o.subscriber(t, 1, 10)
	o.stripe.Advance(3 * 24 * time.Hour)
	must(t, o.stripe.ChangeQuantityByHand(sub, 99))
	o.refresh(t, org)
	o.bring(t)
	o.bills(t, sub, 10)
	must(t, o.stripe.ChangeQuantityByHand(sub, 99)) // and again, in a moment: an earlier key must not be sent
	o.refresh(t, org)
	o.stripe.Advance(time.Hour)
	o.bring(t)
	o.bills(t, sub, 10)
}

func TestASecondItemStopsEverything(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org, sub := o.subscriber(t, 1, 10)
	must(t, o.stripe.AddItemByHand(sub, o.stripe.AddPrice(stripetest.Price{Currency: "usd", UnitAmount: 100}), 1))
	o.stripe.Advance(24 * time.Hour)
	o.asked()
	o.count(t, org, 12)
	o.bring(t)
	if got := o.asked(); got["POST"] != 0 {
		t.Errorf("%v", got)
	}
	if d := o.desired(t, org); d.State != store.QuantityDirty || !strings.Contains(d.LastError, "exactly one item") {
		t.Errorf("%+v", d)
	}
}

func TestTheWorkerEndsWithItsContextAndWakesAtOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org, sub := o.subscriber(t, 1, 10)
	o.stripe.Advance(24 * time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); o.Run(ctx) }()
	for n := 11; n <= 13; n++ { // the first it may find as it begins, for the others it was woken
		o.stripe.Advance(2 * time.Hour)
		o.count(t, org, n)
		waitFor(t, func() bool { return o.quantity(t, sub) == n && o.desired(t, org).State == store.QuantityClean })
	}
	cancel()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the worker did not end")
	}
}
