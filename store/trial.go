// The trial: two weeks from the first connection, once for each Hostaway account,
// whatever org connects it.

package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// TrialDays is how long the trial lasts.
const TrialDays = 14

// StartTrial gives the org, which is connected, its trial, unless it or its Hostaway
// account had one; then the org gets an account without access. It may be repeated.
// Connect does this by itself. Without billing it does nothing.
// Errors: ErrNotFound (not connected), ErrNotReplicated.
func (o *Org) StartTrial(ctx context.Context) error {
	err := o.store.transactCritical(ctx, func(t *transaction) error {
		var c Connection
		err := t.asOrg(o, func(d orgDoor) (err error) {
			c, err = d.connection(ctx)
			return err
		})
		if err != nil {
			return err
		}
		return t.startTrial(ctx, o, c.AccountID)
	})
	if err != nil {
		return fmt.Errorf("start the trial: %w", err)
	}
	return nil
}

// StartTrials does it for every org that was connected before billing was turned on,
// and says how many now have an account. It may be repeated.
func (s *Store) StartTrials(ctx context.Context) (started int, err error) {
	if !s.billing {
		return 0, nil
	}
	var late error
	for o, err := range s.EachOrg(ctx) {
		if err != nil {
			return started, fmt.Errorf("start the trials: %w", err)
		}
		if o.access.Access != "" {
			continue
		}
		err := o.StartTrial(ctx)
		switch {
		case errors.Is(err, ErrNotFound): // not connected: its trial starts when it is
		case undone(err):
			return started, err
		default:
			started++
			late = errors.Join(late, err)
		}
	}
	return started, late
}

// startTrial is the part of a connection's transaction that billing adds.
func (t *transaction) startTrial(ctx context.Context, o *Org, account int64) error {
	if !t.store.billing {
		return nil
	}
	now := t.store.now()
	var fresh bool
	err := t.asSystem(func(d systemDoor) error {
		var at int64
		err := d.get(ctx, sysUseTrial, args{trialHash(account), now.UnixMilli()}, &at)
		fresh = err == nil
		if errors.Is(err, ErrNotFound) {
			err = nil
		}
		return err
	})
	if err != nil {
		return err
	}
	return t.asOrg(o, func(d orgDoor) error {
		old, err := d.billing(ctx)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		a := old
		switch {
		case old.TrialEndsAt != nil || old.SubscriptionID != "" || (old.Version > 0 && !fresh):
			return nil
		case fresh:
			ends := now.Add(TrialDays * 24 * time.Hour)
			a.Access, a.AccessReason, a.TrialEndsAt = AccessTrial, ReasonTrial, &ends
		default:
			a.Access, a.AccessReason = AccessNone, ReasonTrialUsed
		}
		return d.saveBilling(ctx, Actor{Kind: ActorSystem, Name: "billing"}, old, a)
	})
}

// trialHash is what is kept of an account: enough to know it again. Account numbers
// are short, so it hides them from a glance and not from somebody who tries them all.
func trialHash(account int64) []byte {
	sum := sha256.Sum256([]byte("trial of the Hostaway account " + strconv.FormatInt(account, 10)))
	return sum[:]
}
