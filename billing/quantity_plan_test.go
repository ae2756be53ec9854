package billing

// quantity_plan_test.go has what is to be done next, for all that Stripe and the ledger may say.

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stripe/stripe-go/v76"

	"hostaway-mcp/store"
)

// The plans are made on the fifth day of a subscription whose ledger begins with 10.

func planDay(n float64) time.Time {
	return time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC).Add(time.Duration(n * 24 * float64(time.Hour)))
}

const planNow = 5 // the day

// stripeHas are the facts of a subscription that has a quantity, since its first day.
func stripeHas(quantity int) planFacts {
	return planFacts{
		Subscription: stripeSubscription{
			ID: "sub_1", Status: stripe.SubscriptionStatusActive, CreatedAt: planDay(0), PeriodStart: planDay(0), PeriodEnd: planDay(31),
		},
		Quantity: quantity, Now: planDay(planNow),
	}
}

// desire are the facts when a quantity is desired that follows from these counts.
func (f planFacts) desire(quantity int, counts ...store.BillableChange) planFacts {
	return f.desireBy(quantity, append([]store.BillableChange{written(0, 10, store.BillableStart)}, counts...)...)
}

// desireBy are the facts when a quantity is desired, by a ledger of these rows. Stripe had
// everything on the first day.
func (f planFacts) desireBy(quantity int, ledger ...store.BillableChange) planFacts {
	synced := planDay(1)
	f.Desired = store.DesiredQuantity{Quantity: quantity, State: store.QuantityDirty, SyncedAt: &synced, Version: 7}
	f.Ledger = ledger
	return f
}

// afterKey are the facts when a key was sent, and what became of it is not known.
func (f planFacts) afterKey(key string) planFacts {
	f.Desired.OperationKey = key
	return f
}

// renewed are the facts when the open period began on the fourth day.
func (f planFacts) renewed() planFacts {
	f.Subscription.PeriodStart, f.Subscription.PeriodEnd = planDay(4), planDay(35)
	return f
}

func (f planFacts) onTrial() planFacts {
	f.Subscription.Status = stripe.SubscriptionStatusTrialing
	return f
}

func (f planFacts) overdue() planFacts {
	f.Overdue = true
	return f
}

// written is a row of the ledger; dayCount is one of a count.
func written(day float64, quantity int, reason store.BillableReason) store.BillableChange {
	return store.BillableChange{EffectiveAt: planDay(day), RecordedAt: planDay(day).Add(time.Second), Quantity: quantity, Reason: reason}
}

func dayCount(day float64, quantity int) store.BillableChange {
	return written(day, quantity, store.BillableCount)
}

// planKey is the key of a change at a version.
func planKey(day float64, quantity int, version string) string {
	return fmt.Sprintf("qty:sub_1:%d:%d:%s", planDay(day).Unix(), quantity, version)
}

// set is the plan that sets the quantity of a day, and has it billed from date on.
func set(day float64, quantity int, date float64) plan {
	return plan{Next: &planStep{At: planDay(day), Quantity: quantity}, Date: planDay(date), Key: planKey(date, quantity, "7.0")}
}

// back has the plan take back what somebody changed at Stripe.
func (p plan) back() plan {
	p.Next.Back = true
	return p
}

// hold is the plan that holds the quantity of a day.
func hold(day float64, quantity int) plan {
	return plan{Hold: &planStep{At: planDay(day), Quantity: quantity}}
}

// last is the plan after which nothing is left to do.
func (p plan) last() plan {
	p.Last = true
	return p
}

func (p plan) under(key string) plan {
	p.Key = key
	return p
}

// noting is the plan that writes one more row into the ledger.
func (p plan) noting(day float64, quantity int, reason store.BillableReason) plan {
	p.Rows = append(p.Rows, store.BillableChange{EffectiveAt: planDay(day), Quantity: quantity, Reason: reason})
	return p
}

type planCase struct {
	name  string
	facts planFacts
	want  plan
}

func changeCases() []planCase {
	lost := planKey(2, 12, "6.0")
	undated := set(3, 8, 0).last().under("qty:sub_1:0:8:7.0")
	undated.Date = time.Time{}
	return []planCase{
		{"Stripe has it", stripeHas(12).desire(12, dayCount(0.5, 12)), plan{}},
		{"a change", stripeHas(10).desire(12, dayCount(2, 12)), set(2, 12, 2).last()},
		{"two changes are set one after the other", stripeHas(10).desire(8, dayCount(2, 12), dayCount(3, 8)), set(2, 12, 2)},
		{"there and back again is billed too", stripeHas(10).desire(10, dayCount(2, 12), dayCount(3, 10)), set(2, 12, 2)},
		{"the first of two is there", stripeHas(12).desire(10, dayCount(2, 12), dayCount(3, 10)).afterKey(lost), set(3, 10, 3).last()},
		{"an answer was lost and the change is there", stripeHas(12).desire(12, dayCount(2, 12)).afterKey(lost), plan{}},
		{"an answer was lost and the change is not there", stripeHas(10).desire(12, dayCount(2, 12)).afterKey(lost), set(2, 12, 2).last().under(lost)},
		{"a key that was done with is never used again", stripeHas(10).desire(12, dayCount(2, 12)).afterKey(lost + "/done"), set(2, 12, 2).last()},
		{"a trial at Stripe is not prorated", stripeHas(10).desire(8, dayCount(2, 12), dayCount(3, 8)).onTrial(), undated},
		{
			"somebody changed it at Stripe", stripeHas(99).desire(12, dayCount(0.5, 12)),
			set(planNow, 12, planNow).back().last().noting(planNow, 12, store.BillableClamp),
		},
		{
			"a clock that runs ahead", stripeHas(10).desire(12, dayCount(6, 12)),
			set(6, 12, planNow).last().noting(planNow, 12, store.BillableClamp),
		},
	}
}

func periodCases() []planCase {
	return []planCase{
		{
			"counted before the period that is open", stripeHas(10).desire(12, dayCount(2, 12)).renewed(),
			set(2, 12, 4).last().noting(2, 10, store.BillableClamp).noting(4, 12, store.BillableClamp),
		},
		{
			"two counted before the period", stripeHas(10).desire(8, dayCount(2, 12), dayCount(3, 8)).renewed(),
			set(3, 8, 4).last().noting(2, 10, store.BillableClamp).noting(3, 10, store.BillableClamp).noting(4, 8, store.BillableClamp),
		},
		{
			"one before the period and one in it", stripeHas(10).desire(8, dayCount(2, 12), dayCount(4.5, 8)).renewed(),
			set(2, 12, 4).noting(2, 10, store.BillableClamp).noting(4, 12, store.BillableClamp),
		},
		{
			"there and back again before the period", stripeHas(10).desire(10, dayCount(2, 12), dayCount(3, 10)).renewed(),
			plan{}.noting(2, 10, store.BillableClamp).noting(3, 10, store.BillableClamp).noting(4, 10, store.BillableClamp),
		},
		{
			"set before the period, and the answer was lost",
			stripeHas(12).desire(12, dayCount(2, 12)).renewed().afterKey(planKey(2, 12, "6.0")),
			plan{},
		},
		{
			"a subscription that began with another quantity", stripeHas(10).desireBy(12, written(-1, 12, store.BillableTrial)),
			set(0, 12, 0).last().noting(0, 10, store.BillableStart).noting(0, 12, store.BillableClamp),
		},
		{
			"a subscription that began with the right one", stripeHas(12).desireBy(12, written(-1, 12, store.BillableTrial)),
			plan{}.noting(0, 12, store.BillableStart),
		},
	}
}

func overdueCases() []planCase {
	return []planCase{
		{
			"fewer while a payment is overdue", stripeHas(10).desire(8, dayCount(2, 8)).overdue(),
			hold(2, 8).noting(2, 10, store.BillableHold),
		},
		{
			"more and then fewer while a payment is overdue", stripeHas(10).desire(8, dayCount(2, 12), dayCount(3, 8)).overdue(),
			hold(3, 8).noting(2, 10, store.BillableHold).noting(3, 10, store.BillableHold),
		},
		{
			"fewer and then more while a payment is overdue", stripeHas(10).desire(12, dayCount(2, 8), dayCount(3, 12)).overdue(),
			set(3, 12, 3).last().noting(2, 10, store.BillableHold),
		},
	}
}

func TestPlanOf(t *testing.T) {
	t.Parallel()
	for _, test := range slices.Concat(changeCases(), periodCases(), overdueCases()) {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f, want := test.facts, test.want
			want.kept = f.Quantity
			got := planOf(f)
			if got.Next != nil {
				want.synced = got.Next.RecordedAt // of steps that were written down one by one
			}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(plan{}), cmpopts.IgnoreFields(planStep{}, "RecordedAt")); diff != "" {
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
