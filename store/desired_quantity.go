// DesiredQuantity: how many listings Stripe is to bill an org for. It is a state and
// not a queue of commands: whoever brings it to Stripe brings the newest.

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// QuantityState says whether Stripe has the desired quantity.
type QuantityState string

// Dirty: Stripe may not have it yet.
const (
	QuantityClean QuantityState = "clean"
	QuantityDirty QuantityState = "dirty"
)

// DesiredQuantity is an org's one row. Quantity rests on the count CountID of
// CountedAt. A hold stands beside it, whatever State says: HoldReason ("" is none),
// the HeldQuantity that the count HeldCountID would bill, and since when.
// Attempts, NextTry, OperationKey and LastError are those of bringing it to Stripe;
// a zero NextTry is at once. SyncedAt is when Stripe had it last. AtStripe is what
// Stripe was seen to bill the last time; nil: not seen yet, or nothing is subscribed.
// Version is compared and set: 0 means that there is no row yet.
type DesiredQuantity struct {
	Quantity     int
	CountedAt    time.Time
	CountID      string
	State        QuantityState
	HoldReason   string
	HeldQuantity int
	HeldSince    *time.Time
	HeldCountID  string
	Attempts     int
	NextTry      time.Time
	OperationKey string
	LastError    string
	ChangedAt    time.Time
	SyncedAt     *time.Time
	AtStripe     *int
	Version      int64
}

// Held says whether a newer count waits and is not billed.
func (q DesiredQuantity) Held() bool { return q.HoldReason != "" }

// Desired returns the org's desired quantity. ErrNotFound: nothing was counted yet.
func (o *Org) Desired(ctx context.Context) (q DesiredQuantity, err error) {
	err = o.read(ctx, func(d orgDoor) error {
		q, err = d.desired(ctx)
		return err
	})
	if err != nil {
		return DesiredQuantity{}, fmt.Errorf("read the desired quantity: %w", err)
	}
	return q, nil
}

func (d orgDoor) desired(ctx context.Context) (q DesiredQuantity, err error) {
	var counted, next, changed int64
	var held, since, synced, atStripe sql.NullInt64
	var heldCount sql.NullString
	err = d.get(ctx, `
SELECT quantity, counted_at, count_id, state, hold_reason, held_quantity, held_since_at, held_count_id,
  attempts, next_try_at, operation_key, last_error, changed_at, synced_at, stripe_quantity, version
FROM desired_quantities`, nil,
		&q.Quantity, &counted, &q.CountID, &q.State, &q.HoldReason, &held, &since, &heldCount,
		&q.Attempts, &next, &q.OperationKey, &q.LastError, &changed, &synced, &atStripe, &q.Version)
	q.CountedAt, q.NextTry, q.ChangedAt = fromMilli(counted), fromMilli(next), fromMilli(changed)
	q.HeldQuantity, q.HeldCountID, q.HeldSince, q.SyncedAt = int(held.Int64), heldCount.String, fromNullMilli(since), fromNullMilli(synced)
	if atStripe.Valid {
		n := int(atStripe.Int64)
		q.AtStripe = &n
	}
	return q, err
}

// SetDesired makes a change that comes from no new count: a hold is released,
// Stripe has the quantity or did not take it. Afterwards the desired quantity has its
// Version plus one. Errors: ErrConflict (changed meanwhile: read it again),
// ErrOlderCount, ErrNotFound (a count that it rests on), *InputError, ErrNotReplicated
// (and then all is done; only where something of the ledger changed).
func (o *Org) SetDesired(ctx context.Context, by Actor, change QuantityChange) error {
	write := o.write
	if len(change.Billable) > 0 {
		write = o.writeCritical
	}
	err := write(ctx, func(d orgDoor) error { return d.change(ctx, by, change) })
	if err != nil {
		return fmt.Errorf("set the desired quantity: %w", err)
	}
	return nil
}

// of fills in the count that the change comes with.
func (c QuantityChange) of(count string) QuantityChange {
	if c.Desired != nil {
		q := *c.Desired
		if q.CountID == "" {
			q.CountID = count
		}
		if q.Held() && q.HeldCountID == "" {
			q.HeldCountID = count
		}
		c.Desired = &q
	}
	billable := make([]BillableChange, len(c.Billable))
	for i, b := range c.Billable {
		if b.CountID == "" {
			b.CountID = count
		}
		billable[i] = b
	}
	c.Billable = billable
	return c
}

func (d orgDoor) change(ctx context.Context, by Actor, c QuantityChange) error {
	for _, b := range c.Billable {
		if err := d.addBillable(ctx, b); err != nil {
			return err
		}
	}
	if c.Desired != nil {
		if err := d.setDesired(ctx, by, *c.Desired); err != nil {
			return err
		}
	}
	return d.enqueue(ctx, c.Mails)
}

func (d orgDoor) setDesired(ctx context.Context, by Actor, q DesiredQuantity) error {
	old, err := d.desired(ctx)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	switch {
	case old.Version != q.Version:
		return fmt.Errorf("%w: the desired quantity was changed meanwhile", ErrConflict)
	case q.CountedAt.Truncate(time.Millisecond).Before(old.CountedAt) && old.Version > 0:
		return ErrOlderCount
	}
	now := d.org.store.now()
	next := max(q.NextTry.UnixMilli(), 0) // the zero time is before 1970
	changed := old.ChangedAt
	if old.Version == 0 || old.Quantity != q.Quantity {
		changed = now
	}
	var held, heldCount any
	if q.Held() {
		held = q.HeldQuantity
		if q.HeldCountID != "" {
			heldCount = q.HeldCountID
		}
	} else {
		q.HeldSince = nil
	}
	var atStripe any
	if q.AtStripe != nil {
		atStripe = *q.AtStripe
	}
	row := args{
		q.Quantity, q.CountedAt.UnixMilli(), q.CountID, q.State, q.HoldReason, held, timeOrNull(q.HeldSince), heldCount,
		q.Attempts, next, q.OperationKey, q.LastError, changed.UnixMilli(), timeOrNull(q.SyncedAt), atStripe, q.Version + 1,
	}
	if old.Version > 0 {
		err = d.exec(ctx, `
UPDATE desired_quantities SET quantity = ?, counted_at = ?, count_id = ?, state = ?, hold_reason = ?, held_quantity = ?, held_since_at = ?,
  held_count_id = ?, attempts = ?, next_try_at = ?, operation_key = ?, last_error = ?, changed_at = ?, synced_at = ?, stripe_quantity = ?, version = ?`, row)
	} else {
		err = d.exec(ctx, `
INSERT INTO desired_quantities (quantity, counted_at, count_id, state, hold_reason, held_quantity, held_since_at, held_count_id,
  attempts, next_try_at, operation_key, last_error, changed_at, synced_at, stripe_quantity, version, org_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, append(row, d.org.id))
	}
	switch {
	case isChecked(err):
		return &InputError{"desired", "the quantity is below zero, the state is neither clean nor dirty, or a hold does not say since when"}
	case isDangling(err):
		return fmt.Errorf("%w: the count that the desired quantity rests on", ErrNotFound)
	case err != nil:
		return err
	}
	return d.auditQuantity(ctx, by, old, q)
}

// auditQuantity notes what the org's people should be able to look up: another
// quantity, and a hold that began or ended.
func (d orgDoor) auditQuantity(ctx context.Context, by Actor, old, q DesiredQuantity) error {
	if old.Version == 0 || old.Quantity != q.Quantity {
		detail := fmt.Sprintf("%d listings", q.Quantity)
		if old.Version > 0 {
			detail = fmt.Sprintf("from %d to %s", old.Quantity, detail)
		}
		if err := d.audit(ctx, by, Action{Name: "billing.quantity_changed", Target: q.CountID, Detail: detail}); err != nil {
			return err
		}
	}
	switch {
	case q.Held() && (old.HoldReason != q.HoldReason || old.HeldQuantity != q.HeldQuantity):
		return d.audit(ctx, by, Action{
			Name: "billing.count_held", Target: q.HeldCountID, Detail: fmt.Sprintf("%d listings were counted, %d are billed: %s", q.HeldQuantity, q.Quantity, q.HoldReason),
		})
	case old.Held() && !q.Held():
		return d.audit(ctx, by, Action{Name: "billing.hold_ended", Target: old.HeldCountID, Detail: fmt.Sprintf("%d listings are billed", q.Quantity)})
	}
	return nil
}

// DirtyQuantities opens up to limit orgs whose desired quantity is to be brought to
// Stripe at this time, those that wait longest first.
func (s *Store) DirtyQuantities(ctx context.Context, now time.Time, limit int) (due []*Org, err error) {
	err = s.read(ctx, func(d systemDoor) error {
		due, err = list(ctx, d.hands, sysDirtyQuantities, args{now.UnixMilli(), limit}, s.scanOrg)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the quantities to bring to Stripe: %w", err)
	}
	return due, nil
}

// HeldQuantities opens up to limit orgs whose newest count is held, the longest
// held first.
func (s *Store) HeldQuantities(ctx context.Context, limit int) (held []*Org, err error) {
	err = s.read(ctx, func(d systemDoor) error {
		held, err = list(ctx, d.hands, sysHeldQuantities, args{limit}, s.scanOrg)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the counts that are held: %w", err)
	}
	return held, nil
}
