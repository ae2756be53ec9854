package billing

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/store"
)

// asked counts the calls to Stripe since the last time, by method.
func (o *office) asked() map[string]int {
	n := map[string]int{}
	for _, c := range o.stripe.Calls() {
		n[c.Method]++
	}
	o.stripe.ResetCalls()
	return n
}

func TestAChangeCostsOneReadAndOnePost(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org := o.org(t, 1, 10)
	sub := o.subscribe(t, org)
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
	org := o.org(t, 1, 10)
	sub := o.subscribe(t, org)
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
	if o.quantity(t, sub) != 14 {
		t.Errorf("Stripe bills %d", o.quantity(t, sub))
	}
	if got := o.asked()["POST"]; got != 3 {
		t.Errorf("%d posts for the three changes that were left", got)
	}
	o.stripe.Advance(40 * 24 * time.Hour)
	for p, s := range o.settlements(t, org, sub) {
		if !s.exact() {
			t.Errorf("%s: billed %d, the ledger says %s", p.Start, s.Billed, s.Expected.FloatString(2))
		}
	}
}

func TestADayWithoutStripeIsBilledToTheCent(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org := o.org(t, 1, 10)
	sub := o.subscribe(t, org)
	o.stripe.Advance(5 * 24 * time.Hour)
	o.stripe.Outage(o.now(), o.now().Add(60*time.Hour))
	for _, n := range []int{14, 9, 12} {
		o.count(t, org, n)
		o.bring(t)
		o.stripe.Advance(24 * time.Hour)
		o.bring(t)
	}
	for range 6 {
		o.stripe.Advance(2 * time.Hour)
		o.bring(t)
	}
	if o.quantity(t, sub) != 12 || o.desired(t, org).State != store.QuantityClean {
		t.Fatalf("Stripe bills %d, %+v", o.quantity(t, sub), o.desired(t, org))
	}
	o.stripe.Advance(40 * 24 * time.Hour)
	settled := o.settlements(t, org, sub)
	for p, s := range settled {
		if !s.exact() {
			t.Errorf("%s: billed %d, the ledger says %s", p.Start, s.Billed, s.Expected.FloatString(2))
		}
	}
	// The ledger itself says what was counted: 5 days of 10, one each of 14 and 9, 12 for the rest of 31.
	for p, s := range settled {
		if p.Start.Equal(o.stripe.Subscriptions("")[0].Created) {
			want := float64(o.unit) * (5*10 + 14 + 9 + 24*12) / 31
			if got, _ := s.Expected.Float64(); got < want-1 || got > want+1 {
				t.Errorf("the ledger says %.2f for the first period, want %.2f", got, want)
			}
		}
	}
}

// TestAChangeThatMissedItsPeriodIsBilledFromTheNext: Stripe prorates within the open
// period alone, so the slice before it is nobody's, and the ledger says so.
func TestAChangeThatMissedItsPeriodIsBilledFromTheNext(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org := o.org(t, 1, 10)
	sub := o.subscribe(t, org)
	end := *o.account(t, org).PeriodEnd
	for _, lost := range []stripetest.FaultKind{stripetest.NoFault, stripetest.ResetAfter} {
		o.stripe.AdvanceTo(end.Add(-10 * time.Hour))
		o.count(t, org, o.quantity(t, sub)+5)
		if lost != stripetest.NoFault { // it got there in time, and nobody heard
			o.stripe.Fail(stripetest.Fault{Method: "POST", Path: "/v1/subscriptions/*", Kind: lost, Times: 3})
			o.bring(t)
		}
		o.stripe.Outage(o.now(), o.now().Add(15*time.Hour))
		o.bring(t)
		o.stripe.Advance(16 * time.Hour)
		o.bring(t)
		if d := o.desired(t, org); d.State != store.QuantityClean || o.quantity(t, sub) != d.Quantity {
			t.Errorf("Stripe bills %d, %+v", o.quantity(t, sub), d)
		}
		o.refresh(t, org)
		end = *o.account(t, org).PeriodEnd
	}
	o.stripe.Advance(70 * 24 * time.Hour)
	settled := o.settlements(t, org, sub)
	for p, s := range settled {
		if !s.exact() {
			t.Errorf("%s: billed %d over %d lines, the ledger says %s", p.Start, s.Billed, s.Lines, s.Expected.FloatString(2))
		}
	}
	if len(settled) < 4 {
		t.Errorf("%d periods", len(settled))
	}
	clamped := 0
	for _, r := range o.reasons(t, org) {
		if r.Reason == store.BillableClamp {
			clamped++
		}
	}
	if clamped != 2 {
		t.Errorf("%d rows of the one clamp", clamped)
	}
}

// TestAnAnswerThatIsLostOrWrong: whatever happens to the one POST, it is done once,
// and a key whose answer came is never sent again.
func TestAnAnswerThatIsLostOrWrong(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind  stripetest.FaultKind
		times int
		keys  int // different keys that were sent
	}{
		"refused for now":                  {stripetest.RateLimited, 1, 2},
		"failed, and nothing was done":     {stripetest.Error500Before, 1, 2},
		"failed, and it was done":          {stripetest.Error500After, 1, 1},
		"cut off before":                   {stripetest.ResetBefore, 1, 1},
		"cut off after":                    {stripetest.ResetAfter, 1, 1},
		"cut off before, each of the time": {stripetest.ResetBefore, 9, 1},
		"cut off after, each of the time":  {stripetest.ResetAfter, 9, 1},
		"a proxy's page":                   {stripetest.BadGateway, 4, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			org := o.org(t, 1, 10)
			sub := o.subscribe(t, org)
			o.stripe.Advance(24 * time.Hour)
			o.asked()
			o.stripe.Fail(stripetest.Fault{Method: "POST", Path: "/v1/subscriptions/*", Kind: test.kind, Times: test.times})
			o.count(t, org, 12)
			var keys []string
			for range 12 {
				o.bring(t)
				o.stripe.Advance(10 * time.Minute)
			}
			for _, c := range o.stripe.Calls() {
				if c.Method == "POST" && !slices.Contains(keys, c.IdempotencyKey) {
					keys = append(keys, c.IdempotencyKey)
				}
			}
			if len(keys) != test.keys {
				t.Errorf("keys %v, want %d", keys, test.keys)
			}
			x, _ := o.stripe.Subscription(sub)
			if x.Quantity() != 12 || len(x.Pending) != 2 || o.desired(t, org).State != store.QuantityClean {
				t.Errorf("Stripe bills %d with %d lines, %+v", x.Quantity(), len(x.Pending), o.desired(t, org))
			}
		})
	}
}

func TestACrashBetweenPostAndNoteDoesNothingTwice(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org := o.org(t, 1, 10)
	sub := o.subscribe(t, org)
	o.stripe.Advance(24 * time.Hour)
	o.count(t, org, 12)
	x, _ := o.stripe.Subscription(sub)
	d := o.desired(t, org)
	p := planOf(planFacts{Subscription: stripeSubscription{ID: sub, Status: "active", CreatedAt: x.Created, PeriodStart: x.PeriodStart}, Quantity: 10, Desired: d, Ledger: o.ledger(t, org), Now: o.now()})
	if _, err := o.Billing.stripe.updateQuantity(t.Context(), sub, x.Items[0].ID, 12, p.Date, p.Key); err != nil {
		t.Fatal(err)
	}
	o.asked() // and here the process ends
	o.bring(t)
	if got := o.asked(); got["POST"] != 0 || o.desired(t, org).State != store.QuantityClean {
		t.Errorf("after the crash: %v, %+v", got, o.desired(t, org))
	}
}

func (o *office) ledger(t *testing.T, org *store.Org) []store.BillableChange {
	t.Helper()
	rows, err := org.Billable(t.Context(), time.Unix(0, 0), o.now().AddDate(1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestWhatSomebodyChangesAtStripeIsSetBack(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org := o.org(t, 1, 10)
	sub := o.subscribe(t, org)
	o.stripe.Advance(3 * 24 * time.Hour)
	if err := o.stripe.ChangeQuantityByHand(sub, 99); err != nil {
		t.Fatal(err)
	}
	o.refresh(t, org)
	o.bring(t)
	if o.quantity(t, sub) != 10 {
		t.Errorf("Stripe bills %d", o.quantity(t, sub))
	}
	if err := o.stripe.ChangeQuantityByHand(sub, 99); err != nil { // and again, in a moment: an earlier key must not be sent
		t.Fatal(err)
	}
	o.refresh(t, org)
	o.stripe.Advance(time.Hour)
	o.bring(t)
	if o.quantity(t, sub) != 10 {
		t.Errorf("the second time Stripe bills %d", o.quantity(t, sub))
	}
}

func TestASecondItemStopsEverything(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org := o.org(t, 1, 10)
	sub := o.subscribe(t, org)
	if err := o.stripe.AddItemByHand(sub, o.stripe.AddPrice(stripetest.Price{Currency: "usd", UnitAmount: 100}), 1); err != nil {
		t.Fatal(err)
	}
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

// TestADecreaseWaitsForThePayment: an org that owes money can't settle the debt by a
// credit over time that it never paid.
func TestADecreaseWaitsForThePayment(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org := o.org(t, 1, 10)
	sub := o.subscribe(t, org)
	customer := o.account(t, org).CustomerID
	if err := o.stripe.SetCard(customer, stripetest.CardDeclined); err != nil {
		t.Fatal(err)
	}
	o.stripe.Advance(31*24*time.Hour + 3*time.Hour)
	o.refresh(t, org)
	if a := o.account(t, org); a.OverdueSince == nil {
		t.Fatalf("not overdue: %+v", a)
	}
	o.count(t, org, 8)
	o.stripe.Advance(24 * time.Hour)
	o.count(t, org, 7)
	o.bring(t)
	if d := o.desired(t, org); d.HoldReason != holdUnpaid || d.HeldQuantity != 7 || d.Quantity != 10 || o.quantity(t, sub) != 10 {
		t.Fatalf("while it is overdue Stripe bills %d, %+v", o.quantity(t, sub), d)
	}
	for _, i := range o.stripe.Invoices(customer) {
		if i.Status == "open" {
			if err := o.stripe.PayInvoice(i.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	o.refresh(t, org)
	for range 3 {
		o.bring(t)
		o.stripe.Advance(time.Hour)
	}
	if d := o.desired(t, org); d.Held() || d.State != store.QuantityClean || o.quantity(t, sub) != 7 {
		t.Fatalf("after the payment Stripe bills %d, %+v", o.quantity(t, sub), d)
	}
	o.stripe.Advance(35 * 24 * time.Hour)
	settled := o.settlements(t, org, sub)
	for p, s := range settled {
		if !s.exact() {
			t.Errorf("%s: billed %d over %d lines, the ledger says %s", p.Start, s.Billed, s.Lines, s.Expected.FloatString(2))
		}
	}
	if len(settled) != 2 {
		t.Errorf("%d periods", len(settled))
	}
	if n := o.mails(t)[store.MailCountHeld]; n != 1 {
		t.Errorf("%d mails about the hold", n)
	}
}

// TestADecreaseThatIsOnItsWayWaitsToo: it was counted before the payment failed, and
// did not get to Stripe.
func TestADecreaseThatIsOnItsWayWaitsToo(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org := o.org(t, 1, 10)
	sub := o.subscribe(t, org)
	if err := o.stripe.SetCard(o.account(t, org).CustomerID, stripetest.CardDeclined); err != nil {
		t.Fatal(err)
	}
	o.stripe.Advance(31 * 24 * time.Hour)
	o.count(t, org, 5)
	o.stripe.Advance(3 * time.Hour)
	o.bring(t)
	if d := o.desired(t, org); d.HoldReason != holdUnpaid || d.HeldQuantity != 5 || d.Quantity != 10 || o.quantity(t, sub) != 10 {
		t.Errorf("Stripe bills %d, %+v", o.quantity(t, sub), d)
	}
	if steps := o.steps(t, org); steps[len(steps)-1].Quantity != 10 {
		t.Errorf("the ledger says %+v", steps)
	}
}

func TestAQuantityFollowsUntilTheEnd(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org := o.org(t, 1, 10)
	sub := o.subscribe(t, org)
	if err := o.stripe.CancelByHand(sub, true); err != nil {
		t.Fatal(err)
	}
	o.refresh(t, org)
	o.stripe.Advance(10 * 24 * time.Hour)
	o.count(t, org, 12)
	o.bring(t)
	if o.quantity(t, sub) != 12 {
		t.Errorf("canceled for later, Stripe bills %d", o.quantity(t, sub))
	}
	o.stripe.Advance(25 * 24 * time.Hour)
	o.refresh(t, org)
	o.asked()
	o.count(t, org, 14)
	o.bring(t)
	if got := o.asked(); len(got) != 0 {
		t.Errorf("after its end Stripe was asked %v", got)
	}
	end := slices.IndexFunc(o.ledger(t, org), func(c store.BillableChange) bool { return c.Reason == store.BillableEnd })
	if end < 0 || o.ledger(t, org)[end].Quantity != 0 {
		t.Errorf("the ledger does not end: %+v", o.ledger(t, org))
	}
	for p, s := range o.settlements(t, org, sub) {
		if !s.exact() {
			t.Errorf("%s: billed %d, the ledger says %s", p.Start, s.Billed, s.Expected.FloatString(2))
		}
	}
}

func TestTheWorkerEndsWithItsContextAndWakesAtOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org := o.org(t, 1, 10)
	sub := o.subscribe(t, org)
	o.stripe.Advance(24 * time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); o.Run(ctx) }()
	time.Sleep(20 * time.Millisecond) // it waits by now, or it will find the count anyway
	o.count(t, org, 12)
	begun := time.Now()
	for o.quantity(t, sub) != 12 {
		if time.Since(begun) > 10*time.Second {
			t.Fatal("the worker did not wake")
		}
		time.Sleep(time.Millisecond)
	}
	cancel()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the worker did not end")
	}
}

// TestATrialAtStripeCostsNothingAndTheFirstBillIsRight: the quantity follows without
// prorations, and what did not get there in time is billed from the end of the trial.
func TestATrialAtStripeCostsNothingAndTheFirstBillIsRight(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org := o.org(t, 1, 10)
	o.count(t, org, 10)
	customer := o.customer(t, org)
	ends := o.now().Add(9 * 24 * time.Hour)
	x, err := o.Billing.stripe.subscriptions.New(&stripe.SubscriptionParams{
		Params: stripe.Params{Context: t.Context(), IdempotencyKey: stripe.String("sub")}, Customer: stripe.String(customer), TrialPeriodDays: stripe.Int64(9),
		Items: []*stripe.SubscriptionItemsParams{{Price: stripe.String(o.price), Quantity: stripe.Int64(10)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	o.refresh(t, org)
	o.bring(t)
	for _, n := range []int{13, 11, 13} { // there and back again: each is set, with a key of its own
		o.stripe.Advance(48 * time.Hour)
		o.count(t, org, n)
		o.bring(t)
		if o.quantity(t, x.ID) != n {
			t.Fatalf("Stripe bills %d, want %d", o.quantity(t, x.ID), n)
		}
	}
	if err := o.stripe.ChangeQuantityByHand(x.ID, 50); err != nil { // without a date the key would be one that was used
		t.Fatal(err)
	}
	o.refresh(t, org)
	o.stripe.Advance(time.Hour)
	o.bring(t)
	if o.quantity(t, x.ID) != 13 {
		t.Errorf("changed by hand in the trial, Stripe bills %d", o.quantity(t, x.ID))
	}
	o.stripe.AdvanceTo(ends.Add(-time.Hour))
	o.stripe.Outage(o.now(), o.now().Add(5*time.Hour))
	o.count(t, org, 20)
	o.bring(t)
	o.stripe.AdvanceTo(ends.Add(6 * time.Hour))
	o.refresh(t, org)
	o.bring(t)
	if o.quantity(t, x.ID) != 20 {
		t.Errorf("Stripe bills %d", o.quantity(t, x.ID))
	}
	o.stripe.AdvanceTo(ends.Add(32 * 24 * time.Hour))
	checked := 0
	for p, s := range o.settlements(t, org, x.ID) {
		if p.End.Equal(ends) {
			if s.Billed != 0 {
				t.Errorf("the trial cost %d", s.Billed)
			}
			continue
		}
		checked++
		if want := 20 * o.unit; !s.exact() || s.Billed < want-2 || s.Billed > want+2 {
			t.Errorf("%s: billed %d, the ledger says %s, want %d", p.Start, s.Billed, s.Expected.FloatString(2), want)
		}
	}
	if checked != 1 {
		t.Errorf("%d periods", checked)
	}
	o.sweep(t, true)
	if open := o.found(t, invExact); len(open) != 0 {
		t.Errorf("%+v", open)
	}
}

// TestASecondSubscriptionBeginsItsOwnLedger: after an end, whatever was counted
// meanwhile costs nothing.
func TestASecondSubscriptionBeginsItsOwnLedger(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	org := o.org(t, 1, 10)
	first := o.subscribe(t, org)
	o.stripe.Advance(5 * 24 * time.Hour)
	if err := o.stripe.CancelByHand(first, false); err != nil {
		t.Fatal(err)
	}
	o.refresh(t, org)
	o.stripe.Advance(20 * 24 * time.Hour)
	o.count(t, org, 40)
	o.stripe.Advance(10 * 24 * time.Hour)
	second, err := o.stripe.SubscribeByHand(o.account(t, org).CustomerID, o.price, 40)
	if err != nil {
		t.Fatal(err)
	}
	o.refresh(t, org)
	o.bring(t)
	o.stripe.Advance(3 * 24 * time.Hour)
	o.count(t, org, 41)
	o.bring(t)
	if o.quantity(t, second) != 41 {
		t.Errorf("Stripe bills %d", o.quantity(t, second))
	}
	o.stripe.Advance(40 * 24 * time.Hour)
	settled := o.settlements(t, org, second)
	for p, s := range settled {
		if !s.exact() {
			t.Errorf("%s: billed %d, the ledger says %s", p.Start, s.Billed, s.Expected.FloatString(2))
		}
	}
	if len(settled) == 0 {
		t.Error("no period was closed")
	}
}
