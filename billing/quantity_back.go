package billing

// quantity_back.go: a quantity that somebody changed at Stripe is set back with
// prorations only where the other number is charged. A change made there without
// prorations charges nothing, and a credit for what was never charged would be a gift.

import (
	"context"
	"errors"
	"slices"
	"time"

	"hostaway-mcp/store"
)

// withoutGift is the plan for setting a quantity back: without prorations where what
// Stripe has now is not charged for the rest of the period.
func (b *Billing) withoutGift(ctx context.Context, account store.BillingAccount, f planFacts, p plan) (plan, error) {
	if p.Next == nil || !p.Next.Back || p.Date.IsZero() {
		return p, nil
	}
	lines, err := b.stripeLinesOf(ctx, account)
	if err != nil {
		return p, err
	}
	pending, err := b.stripe.upcomingLines(ctx, account.CustomerID, account.SubscriptionID)
	var failed *Error
	if err != nil && (!errors.As(err, &failed) || failed.Code != codeNoUpcoming) {
		return p, err
	}
	if !charged(append(lines, pending...), period{f.Subscription.PeriodStart, f.Subscription.PeriodEnd}, f.Quantity) {
		p.Date, p.Key = time.Time{}, f.key(time.Time{}, p.Next.Quantity)
	}
	return p, nil
}

// charged tells whether the rest of a period is charged for this quantity: by the last
// proration, or where there is none by the line of the period itself. Where neither is
// known it is taken to be.
func charged(lines []stripeLine, p period, quantity int) bool {
	var last time.Time
	var now []int64 // the quantities that are charged from the last proration on, else for the period
	known := false
	for _, l := range lines {
		whole := !l.Proration && l.From.Equal(p.Start) && l.To.Equal(p.End)
		part := l.Proration && l.To.Equal(p.End) && !l.From.Before(p.Start)
		switch {
		case whole && last.IsZero():
			known, now = true, append(now, l.Quantity)
		case part && l.From.Before(last):
		case part:
			if l.From.After(last) {
				last, now = l.From, nil
			}
			known = true
			if l.Amount > 0 {
				now = append(now, l.Quantity)
			}
		}
	}
	return !known || slices.Contains(now, int64(quantity)) || quantity == 0 && len(now) == 0
}
