package billing

// count.go counts an org's active listings and writes down what follows: the count,
// what is billed from when, what Stripe is to have, and the mails, all in one
// transaction. Only a complete walk changes what is billed.

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/store"
)

// Counter counts an org's active listings at Hostaway. A walk that may have missed
// something comes back incomplete and says why in its Problem.
// Errors: store.ErrNotFound (not connected), a *hostaway.Error with
// CredentialsRefused (with the count), the end of ctx, and the store's own.
type Counter interface {
	CountListings(ctx context.Context, org *store.Org) (store.ListingCount, error)
}

// Why there is no new complete count. What is billed stays as it was.
var (
	ErrNotConnected = errors.New("the org has no Hostaway account connected")
	ErrRefused      = errors.New("the org's credentials are refused by Hostaway")
	ErrIncomplete   = errors.New("not all listings were shown by Hostaway")
)

const (
	countLimit   = 15 * time.Minute // the longest that one walk may take
	writeRetries = 5                // when somebody else wrote meanwhile
)

// CountResult is a complete count and what it led to.
type CountResult struct {
	Count   store.ListingCount
	Before  *int                  // how many were billed until now; nil: this is the first count
	Desired store.DesiredQuantity // from now on, with the hold if there is one
	Joined  bool                  // somebody else's count was waited for
}

// Count counts the org's listings, or joins a count that runs already, and has
// Stripe brought up to date. by is nobody for what happens by itself.
// Errors: ErrNotConnected, ErrRefused, ErrIncomplete, all with what was billed
// before unchanged; the end of ctx.
func (b *Billing) Count(ctx context.Context, org *store.Org, source store.CountSource, by store.Actor) (CountResult, error) {
	return b.countWith(ctx, org, source, by, nil)
}

// countWith runs allowed first, unless a running count is joined.
func (b *Billing) countWith(ctx context.Context, org *store.Org, source store.CountSource, by store.Actor, allowed func(context.Context) error) (CountResult, error) {
	result, joined, err := b.counts.join(ctx, org.ID(), func(ctx context.Context) (CountResult, error) {
		ctx, cancel := context.WithTimeout(ctx, countLimit)
		defer cancel()
		if allowed != nil {
			if err := allowed(ctx); err != nil {
				return CountResult{}, err
			}
		}
		return b.count(ctx, org, source, by)
	})
	result.Joined = joined
	if err != nil {
		return CountResult{}, fmt.Errorf("count the listings: %w", err)
	}
	return result, nil
}

func (b *Billing) count(ctx context.Context, org *store.Org, source store.CountSource, by store.Actor) (CountResult, error) {
	count, err := b.cfg.Counter.CountListings(ctx, org)
	count.Source, count.CountedAt = source, count.CountedAt.UTC().Truncate(time.Second) // Stripe's times have no more
	switch {
	case ctx.Err() != nil:
		return CountResult{}, ctx.Err()
	case errors.Is(err, store.ErrNotFound):
		return CountResult{}, ErrNotConnected
	case hostaway.CodeOf(err) == hostaway.CredentialsRefused:
		return CountResult{}, b.refused(ctx, org, by, count)
	case err != nil:
		return CountResult{}, err
	case !count.Complete:
		return CountResult{}, b.incomplete(ctx, org, by, count)
	}
	result, err := b.record(ctx, org, by, count)
	if errors.Is(err, store.ErrNotFound) {
		count.Complete, count.Problem = false, "the connection was changed while its listings were counted"
		return CountResult{}, b.incomplete(ctx, org, by, count)
	}
	if err == nil && result.Desired.State == store.QuantityDirty {
		b.wakeQuantities()
	}
	return result, err
}

// incomplete writes down a count that may not be relied on. Nothing else changes.
func (b *Billing) incomplete(ctx context.Context, org *store.Org, by store.Actor, count store.ListingCount) error {
	if _, err := org.RecordCount(ctx, by, count, store.QuantityChange{}); undone(err) {
		return err
	}
	return fmt.Errorf("%w: %s", ErrIncomplete, count.Problem)
}

// refused writes down that Hostaway takes the credentials no more. The store has told
// the owners when the connection was marked so.
func (b *Billing) refused(ctx context.Context, org *store.Org, by store.Actor, count store.ListingCount) error {
	count.Complete = false
	if err := b.incomplete(ctx, org, by, count); !errors.Is(err, ErrIncomplete) {
		return err
	}
	return ErrRefused
}

// moneyOf is what is known of the org's subscription and quantity; zero values
// where nothing is.
func (b *Billing) moneyOf(ctx context.Context, org *store.Org) (account store.BillingAccount, desired store.DesiredQuantity, err error) {
	if account, err = org.Billing(ctx); err != nil && !errors.Is(err, store.ErrNotFound) {
		return account, desired, err
	}
	if desired, err = org.Desired(ctx); err != nil && !errors.Is(err, store.ErrNotFound) {
		return account, desired, err
	}
	return account, desired, nil
}

// record judges a complete count and writes it down with what follows.
func (b *Billing) record(ctx context.Context, org *store.Org, by store.Actor, count store.ListingCount) (CountResult, error) {
	for try := 1; ; try++ {
		result, change, err := b.follows(ctx, org, count)
		if err != nil {
			return CountResult{}, err
		}
		result.Count, err = org.RecordCount(ctx, by, count, change)
		switch {
		case errors.Is(err, store.ErrOlderCount): // a newer one came first: this one is kept for the record
			result.Count, err = org.RecordCount(ctx, by, count, store.QuantityChange{})
			if !undone(err) {
				result.Desired, err = org.Desired(ctx)
			}
			return result, err
		case errors.Is(err, store.ErrConflict) && try < writeRetries:
			continue
		case undone(err):
			return CountResult{}, err
		}
		if err != nil {
			b.log.WarnContext(ctx, "a count is not copied to the replica yet", "org", org.ID(), "error", err)
		}
		result.Desired, err = org.Desired(ctx)
		return result, err
	}
}

// follows reads how the org stands and works out what a count leads to.
func (b *Billing) follows(ctx context.Context, org *store.Org, count store.ListingCount) (CountResult, store.QuantityChange, error) {
	account, desired, err := b.moneyOf(ctx, org)
	if err != nil {
		return CountResult{}, store.QuantityChange{}, err
	}
	s := standingOf(account, desired)
	result := CountResult{}
	if s.Counted {
		result.Before = &s.Quantity
	}
	f := follow{account: account, standing: s, desired: desired, count: count}
	if f.inForce, err = inForce(ctx, org, count.CountedAt); err != nil {
		return result, store.QuantityChange{}, err
	}
	if s.Held.waits() {
		if f.earlier, err = org.ListingCounts(ctx, s.Held.Since, count.CountedAt); err != nil {
			return result, store.QuantityChange{}, err
		}
	}
	change, err := f.change()
	return result, change, err
}

// inForce is the newest row of the ledger of what is billed, whatever its time.
func inForce(ctx context.Context, org *store.Org, now time.Time) (store.BillableChange, error) {
	far := now.AddDate(1, 0, 0) // no row lies further ahead than a clock may be wrong
	rows, err := org.Billable(ctx, far, far.Add(time.Millisecond))
	if err != nil || len(rows) == 0 {
		return store.BillableChange{}, err
	}
	return rows[0], nil
}

// undone tells whether a write that returned err was not made. One that the replica
// does not have yet was.
func undone(err error) bool { return err != nil && !errors.Is(err, store.ErrNotReplicated) }
