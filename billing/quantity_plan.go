package billing

// quantity_plan.go works out the next step from what Stripe has to what the ledger
// says, and what the ledger has to note for it. It reads and writes nothing.

import (
	"fmt"
	"slices"
	"time"

	"github.com/stripe/stripe-go/v76"

	"hostaway-mcp/store"
)

// planFacts are what the next step follows from.
type planFacts struct {
	Subscription stripeSubscription
	Quantity     int // that Stripe has
	Desired      store.DesiredQuantity
	Ledger       []store.BillableChange // in force when the subscription began, and since
	Overdue      bool
	Now          time.Time
}

// planStep is a quantity that is to be billed from a time on.
type planStep struct {
	At, RecordedAt time.Time
	Quantity       int
	Back           bool // no change of ours: somebody changed it at Stripe
}

// plan is what to do next.
type plan struct {
	Next *planStep // to be set now; nil: Stripe has what is desired
	Last bool      // after it nothing is left
	Date time.Time // of the proration; zero: without one
	Key  string
	// Rows go into the ledger together with the outcome.
	Rows []store.BillableChange
	// Hold: a decrease waits for a payment instead; Next is nil.
	Hold *planStep
	// kept is the quantity that Stripe has, for Hold.
	kept int
	// synced is up to when, by the time at which the ledger was written, Stripe has
	// everything once Next is set.
	synced time.Time
}

// planOf compares. A change from before the open period is clamped to its begin, as
// Stripe demands, and the ledger notes it; while a trial of Stripe's runs, nothing
// is prorated; while a payment is overdue, no decrease is set, or a credit note over
// time that was never paid would settle the debt.
func planOf(f planFacts) plan {
	p := plan{kept: f.Quantity}
	anchored := isAnchored(f.Ledger, f.Subscription.CreatedAt)
	if !anchored {
		p.Rows = append(p.Rows, store.BillableChange{EffectiveAt: f.Subscription.CreatedAt, Quantity: f.Quantity, Reason: store.BillableStart})
	}
	steps := f.outstanding(anchored)
	steps = f.afterTried(&p, steps)
	if f.Overdue {
		steps = f.withoutDecreases(&p, steps)
	}
	if len(steps) == 0 {
		return p
	}
	if f.trialing() {
		steps = steps[len(steps)-1:]
	}
	if steps = f.joinBefore(&p, steps); len(steps) == 0 {
		return p
	}
	next := steps[0]
	p.Next, p.Last, p.synced = &next, len(steps) == 1, next.RecordedAt
	if !p.Last && !steps[1].RecordedAt.After(p.synced) { // written down together, as the changes of a released hold are
		p.synced = steps[1].RecordedAt.Add(-time.Millisecond)
	}
	p.Date, p.Key = f.dateOf(next), f.key(f.dateOf(next), next.Quantity)
	p.Rows = append(p.Rows, f.noted(next)...)
	return p
}

// isAnchored: the ledger knows when this subscription began.
func isAnchored(ledger []store.BillableChange, created time.Time) bool {
	return slices.ContainsFunc(ledger, func(c store.BillableChange) bool {
		return c.Reason == store.BillableStart && !c.EffectiveAt.Before(created)
	})
}

func (f planFacts) trialing() bool {
	return f.Subscription.Status == stripe.SubscriptionStatusTrialing
}

// outstanding are the changes that Stripe does not have, as far as is known: those
// that were written down since it had everything, and what is desired.
func (f planFacts) outstanding(anchored bool) (steps []planStep) {
	standing := slices.Clone(f.Ledger)
	standing = slices.DeleteFunc(standing, func(c store.BillableChange) bool { return c.EffectiveAt.Before(f.Subscription.CreatedAt) })
	for i, c := range standing {
		overruled := i+1 < len(standing) && standing[i+1].EffectiveAt.Equal(c.EffectiveAt)
		counts := c.Reason == store.BillableCount || c.Reason == store.BillableRelease || c.Reason == store.BillableTrial
		if counts && !overruled && f.unsynced(c) {
			steps = append(steps, planStep{At: c.EffectiveAt, RecordedAt: c.RecordedAt, Quantity: c.Quantity})
		}
	}
	last := f.Quantity
	if len(steps) > 0 {
		last = steps[len(steps)-1].Quantity
	}
	if last != f.Desired.Quantity {
		steps = append(steps, planStep{At: f.since(anchored), RecordedAt: f.Now, Quantity: f.Desired.Quantity, Back: anchored})
	}
	return steps
}

func (f planFacts) unsynced(c store.BillableChange) bool {
	return f.Desired.SyncedAt == nil || c.RecordedAt.After(*f.Desired.SyncedAt)
}

// since is from when the desired quantity is billed where no outstanding change of the
// ledger says so: from the beginning of a subscription that began with another one,
// else from now on, since somebody changed it at Stripe. What the ledger noted before
// has nothing to say of that: an earlier date would give a credit for a number that
// was never charged.
func (f planFacts) since(anchored bool) time.Time {
	if !anchored {
		return f.Subscription.CreatedAt
	}
	return f.Now.Truncate(time.Second)
}

// afterTried drops the steps that Stripe has: up to the one that was tried last, if
// it shows, and whatever is there already.
func (f planFacts) afterTried(p *plan, steps []planStep) []planStep {
	for i := len(steps) - 1; i >= 0; i-- {
		s := steps[i]
		if s.Quantity != f.Quantity || !f.tried(s) {
			continue
		}
		if !f.triedOn(s.At, s) { // it was clamped
			p.Rows = append(p.Rows, f.noted(s)...)
		}
		steps = steps[i+1:]
		break
	}
	for len(steps) > 0 && steps[0].Quantity == f.Quantity {
		if !f.triedOn(steps[0].At, steps[0]) {
			p.Rows = append(p.Rows, f.noted(steps[0])...)
		}
		steps = steps[1:]
	}
	return steps
}

// tried tells whether one of the last operations was this step.
func (f planFacts) tried(s planStep) bool { return f.triedOn(s.At, s) || f.triedOn(f.dateOf(s), s) }

func (f planFacts) triedOn(date time.Time, s planStep) bool {
	return wasTried(f.Desired.OperationKey, keyOf(f.Subscription.ID, date, s.Quantity))
}

// withoutDecreases drops the steps to less than Stripe has, and says in the ledger
// that they wait. Where they end with less, all of them wait.
func (f planFacts) withoutDecreases(p *plan, steps []planStep) (kept []planStep) {
	wait := len(steps) > 0 && steps[len(steps)-1].Quantity < f.Quantity
	for _, s := range steps {
		less := s.Quantity < f.Quantity
		if !less && !wait {
			kept = append(kept, s)
			continue
		}
		p.Rows = append(p.Rows, store.BillableChange{EffectiveAt: s.At, Quantity: f.Quantity, Reason: store.BillableHold})
		if less && wait && p.Hold == nil {
			p.Hold = &planStep{At: s.At, Quantity: steps[len(steps)-1].Quantity}
		}
	}
	return kept
}

// joinBefore leaves one of the steps that lie before the open period, the last: none
// of them can be prorated any more.
func (f planFacts) joinBefore(p *plan, steps []planStep) []planStep {
	for len(steps) > 1 && !f.trialing() && !steps[1].At.After(f.Subscription.PeriodStart) {
		p.Rows = append(p.Rows, store.BillableChange{EffectiveAt: steps[0].At, Quantity: f.Quantity, Reason: store.BillableClamp})
		steps = steps[1:]
	}
	if len(steps) == 1 && steps[0].Quantity == f.Quantity { // there and back again, before the period
		p.Rows = append(p.Rows, f.noted(steps[0])...)
		return nil
	}
	return steps
}

// dateOf is the proration date of a step, zero in a trial.
func (f planFacts) dateOf(s planStep) time.Time {
	if f.trialing() {
		return time.Time{}
	}
	date, _ := clamp(s.At, f.Subscription.PeriodStart, f.Now.Truncate(time.Second))
	return date
}

// noted is what the ledger needs to say so that it is billed from the proration date:
// nothing, where the step is a row of its own already.
func (f planFacts) noted(s planStep) []store.BillableChange {
	date := f.dateOf(s)
	if date.IsZero() {
		date = later(s.At, f.Subscription.CreatedAt)
	}
	own := slices.ContainsFunc(f.Ledger, func(c store.BillableChange) bool {
		return c.EffectiveAt.Equal(s.At) && c.Quantity == s.Quantity && !c.EffectiveAt.Before(f.Subscription.CreatedAt)
	})
	var rows []store.BillableChange
	switch {
	case own && date.Equal(s.At):
		return nil
	case own && s.At.Before(date):
		rows = append(rows, store.BillableChange{EffectiveAt: s.At, Quantity: f.Quantity, Reason: store.BillableClamp})
	}
	return append(rows, store.BillableChange{EffectiveAt: date, Quantity: s.Quantity, Reason: store.BillableClamp})
}

// key is the idempotency key of setting a quantity: the one of an earlier try that
// was not answered, else a new one.
func (f planFacts) key(date time.Time, quantity int) string {
	start := keyOf(f.Subscription.ID, date, quantity)
	if key, ok := unanswered(f.Desired.OperationKey, start); ok {
		return key
	}
	return fmt.Sprintf("%s%d.%d", start, f.Desired.Version, f.Desired.Attempts)
}

// hold lets the decrease wait for the payment.
func (p plan) hold(q *store.DesiredQuantity, _ bool) {
	q.HoldReason, q.HeldQuantity, q.HeldSince, q.HeldCountID = holdUnpaid, p.Hold.Quantity, &p.Hold.At, q.CountID
	q.Quantity, q.State, q.Attempts, q.LastError, q.AtStripe = p.kept, store.QuantityClean, 0, "", &p.kept
}

// brought notes that Stripe has the step. Where more is left, or a count came
// meanwhile, that is next, an hour later.
func (p plan) brought(now time.Time) func(*store.DesiredQuantity, bool) {
	return func(q *store.DesiredQuantity, stale bool) {
		q.OperationKey, q.NextTry, q.Attempts, q.LastError = p.Key+keyDone, now.Add(updateEvery), 0, ""
		q.AtStripe = &p.Next.Quantity
		synced := p.synced
		if p.Last && !stale {
			q.State, synced = store.QuantityClean, now
		}
		if q.SyncedAt == nil || synced.After(*q.SyncedAt) {
			q.SyncedAt = &synced
		}
	}
}
