package billing

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stripe/stripe-go/v76"

	"hostaway-mcp/store"
)

func TestPlanOf(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	days := func(n float64) time.Time { return begin.Add(time.Duration(n * 24 * float64(time.Hour))) }
	now := days(5)
	synced := days(1)
	row := func(at time.Time, quantity int, reason store.BillableReason) store.BillableChange {
		return store.BillableChange{EffectiveAt: at, RecordedAt: at.Add(time.Second), Quantity: quantity, Reason: reason}
	}
	start := row(begin, 10, store.BillableStart)
	desired := func(quantity int) store.DesiredQuantity {
		return store.DesiredQuantity{Quantity: quantity, State: store.QuantityDirty, SyncedAt: &synced, Version: 7}
	}
	tried := func(quantity int, key string) store.DesiredQuantity {
		d := desired(quantity)
		d.OperationKey = key
		return d
	}
	count := func(day float64, n int) store.BillableChange { return row(days(day), n, store.BillableCount) }
	sub := stripeSubscription{ID: "sub_1", Status: stripe.SubscriptionStatusActive, CreatedAt: begin, PeriodStart: begin, PeriodEnd: days(31)}
	renewed := sub
	renewed.PeriodStart, renewed.PeriodEnd = days(4), days(35)
	trial := sub
	trial.Status = stripe.SubscriptionStatusTrialing
	note := func(at time.Time, quantity int, reason store.BillableReason) store.BillableChange {
		return store.BillableChange{EffectiveAt: at, Quantity: quantity, Reason: reason}
	}
	key := func(date time.Time, quantity string) string {
		return "qty:sub_1:" + itoa(date.Unix()) + ":" + quantity + ":7.0"
	}
	for name, test := range map[string]struct {
		facts planFacts
		want  plan
	}{
		"Stripe has it": {
			planFacts{Quantity: 12, Desired: desired(12), Ledger: []store.BillableChange{start, count(0.5, 12)}},
			plan{},
		},
		"a change": {
			planFacts{Quantity: 10, Desired: desired(12), Ledger: []store.BillableChange{start, count(2, 12)}},
			plan{Next: &planStep{At: days(2), Quantity: 12}, Last: true, Date: days(2), Key: key(days(2), "12")},
		},
		"two changes are set one after the other": {
			planFacts{Quantity: 10, Desired: desired(8), Ledger: []store.BillableChange{start, count(2, 12), count(3, 8)}},
			plan{Next: &planStep{At: days(2), Quantity: 12}, Date: days(2), Key: key(days(2), "12")},
		},
		"there and back again is billed too": {
			planFacts{Quantity: 10, Desired: desired(10), Ledger: []store.BillableChange{start, count(2, 12), count(3, 10)}},
			plan{Next: &planStep{At: days(2), Quantity: 12}, Date: days(2), Key: key(days(2), "12")},
		},
		"the first of two is there": {
			planFacts{Quantity: 12, Desired: tried(10, "qty:sub_1:"+itoa(days(2).Unix())+":12:6.0"), Ledger: []store.BillableChange{start, count(2, 12), count(3, 10)}},
			plan{Next: &planStep{At: days(3), Quantity: 10}, Last: true, Date: days(3), Key: key(days(3), "10")},
		},
		"an answer was lost and the change is there": {
			planFacts{Quantity: 12, Desired: tried(12, "qty:sub_1:"+itoa(days(2).Unix())+":12:6.0"), Ledger: []store.BillableChange{start, count(2, 12)}},
			plan{},
		},
		"an answer was lost and the change is not there": {
			planFacts{Quantity: 10, Desired: tried(12, "qty:sub_1:"+itoa(days(2).Unix())+":12:6.0"), Ledger: []store.BillableChange{start, count(2, 12)}},
			plan{Next: &planStep{At: days(2), Quantity: 12}, Last: true, Date: days(2), Key: "qty:sub_1:" + itoa(days(2).Unix()) + ":12:6.0"},
		},
		"a key that was done with is never used again": {
			planFacts{Quantity: 10, Desired: tried(12, "qty:sub_1:"+itoa(days(2).Unix())+":12:6.0/done"), Ledger: []store.BillableChange{start, count(2, 12)}},
			plan{Next: &planStep{At: days(2), Quantity: 12}, Last: true, Date: days(2), Key: key(days(2), "12")},
		},
		"counted before the period that is open": {
			planFacts{Subscription: renewed, Quantity: 10, Desired: desired(12), Ledger: []store.BillableChange{start, count(2, 12)}},
			plan{
				Next: &planStep{At: days(2), Quantity: 12}, Last: true, Date: days(4), Key: key(days(4), "12"),
				Rows: []store.BillableChange{note(days(2), 10, store.BillableClamp), note(days(4), 12, store.BillableClamp)},
			},
		},
		"two counted before the period": {
			planFacts{Subscription: renewed, Quantity: 10, Desired: desired(8), Ledger: []store.BillableChange{start, count(2, 12), count(3, 8)}},
			plan{
				Next: &planStep{At: days(3), Quantity: 8}, Last: true, Date: days(4), Key: key(days(4), "8"),
				Rows: []store.BillableChange{note(days(2), 10, store.BillableClamp), note(days(3), 10, store.BillableClamp), note(days(4), 8, store.BillableClamp)},
			},
		},
		"one before the period and one in it": {
			planFacts{Subscription: renewed, Quantity: 10, Desired: desired(8), Ledger: []store.BillableChange{start, count(2, 12), count(4.5, 8)}},
			plan{
				Next: &planStep{At: days(2), Quantity: 12}, Date: days(4), Key: key(days(4), "12"),
				Rows: []store.BillableChange{note(days(2), 10, store.BillableClamp), note(days(4), 12, store.BillableClamp)},
			},
		},
		"there and back again before the period": {
			planFacts{Subscription: renewed, Quantity: 10, Desired: desired(10), Ledger: []store.BillableChange{start, count(2, 12), count(3, 10)}},
			plan{Rows: []store.BillableChange{note(days(2), 10, store.BillableClamp), note(days(3), 10, store.BillableClamp), note(days(4), 10, store.BillableClamp)}},
		},
		"set before the period, and the answer was lost": {
			planFacts{Subscription: renewed, Quantity: 12, Desired: tried(12, "qty:sub_1:"+itoa(days(2).Unix())+":12:6.0"), Ledger: []store.BillableChange{start, count(2, 12)}},
			plan{},
		},
		"a subscription that began with another quantity": {
			planFacts{Quantity: 10, Desired: desired(12), Ledger: []store.BillableChange{row(days(-1), 12, store.BillableTrial)}},
			plan{
				Next: &planStep{At: begin, Quantity: 12}, Last: true, Date: begin, Key: key(begin, "12"),
				Rows: []store.BillableChange{note(begin, 10, store.BillableStart), note(begin, 12, store.BillableClamp)},
			},
		},
		"a subscription that began with the right one": {
			planFacts{Quantity: 12, Desired: desired(12), Ledger: []store.BillableChange{row(days(-1), 12, store.BillableTrial)}},
			plan{Rows: []store.BillableChange{note(begin, 12, store.BillableStart)}},
		},
		"somebody changed it at Stripe": {
			planFacts{Quantity: 99, Desired: desired(12), Ledger: []store.BillableChange{start, count(0.5, 12)}},
			plan{
				Next: &planStep{At: now, Quantity: 12}, Last: true, Date: now, Key: key(now, "12"),
				Rows: []store.BillableChange{note(now, 12, store.BillableClamp)},
			},
		},
		"a trial at Stripe is not prorated": {
			planFacts{Subscription: trial, Quantity: 10, Desired: desired(8), Ledger: []store.BillableChange{start, count(2, 12), count(3, 8)}},
			plan{Next: &planStep{At: days(3), Quantity: 8}, Last: true, Key: "qty:sub_1:0:8:7.0"},
		},
		"fewer while a payment is overdue": {
			planFacts{Quantity: 10, Desired: desired(8), Ledger: []store.BillableChange{start, count(2, 8)}, Overdue: true},
			plan{Hold: &planStep{At: days(2), Quantity: 8}, Rows: []store.BillableChange{note(days(2), 10, store.BillableHold)}},
		},
		"more and then fewer while a payment is overdue": {
			planFacts{Quantity: 10, Desired: desired(8), Ledger: []store.BillableChange{start, count(2, 12), count(3, 8)}, Overdue: true},
			plan{Hold: &planStep{At: days(3), Quantity: 8}, Rows: []store.BillableChange{note(days(2), 10, store.BillableHold), note(days(3), 10, store.BillableHold)}},
		},
		"fewer and then more while a payment is overdue": {
			planFacts{Quantity: 10, Desired: desired(12), Ledger: []store.BillableChange{start, count(2, 8), count(3, 12)}, Overdue: true},
			plan{
				Next: &planStep{At: days(3), Quantity: 12}, Last: true, Date: days(3), Key: key(days(3), "12"),
				Rows: []store.BillableChange{note(days(2), 10, store.BillableHold)},
			},
		},
		"a clock that runs ahead": {
			planFacts{Quantity: 10, Desired: desired(12), Ledger: []store.BillableChange{start, count(6, 12)}},
			plan{
				Next: &planStep{At: days(6), Quantity: 12}, Last: true, Date: now, Key: key(now, "12"),
				Rows: []store.BillableChange{note(now, 12, store.BillableClamp)},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := test.facts
			f.Now = now
			if f.Subscription.ID == "" {
				f.Subscription = sub
			}
			test.want.kept = f.Quantity
			got := planOf(f)
			if got.Next != nil {
				test.want.synced = got.Next.RecordedAt // of steps that were written down one by one
			}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(plan{}), cmpopts.IgnoreFields(planStep{}, "RecordedAt")); diff != "" {
				t.Errorf("planOf (-want +got):\n%s", diff)
			}
			if got.Next != nil && !billedFrom(append(f.Ledger, got.Rows...), got) {
				t.Errorf("the ledger does not say that %d are billed from %s", got.Next.Quantity, got.Date)
			}
		})
	}
}

// billedFrom tells whether the ledger bills what is set from when it is set.
func billedFrom(rows []store.BillableChange, p plan) bool {
	if p.Date.IsZero() {
		return true
	}
	var steps []quantityStep
	for _, r := range rows {
		steps = append(steps, quantityStep{r.EffectiveAt, r.Quantity})
	}
	second := integral(steps, period{p.Date, p.Date.Add(time.Second)}, 1)
	return second.IsInt() && second.Num().Int64() == int64(p.Next.Quantity)
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
