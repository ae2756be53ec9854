// BillableChange: what is billed from when. The integral of this ledger over a
// period is what the period costs; like the counts, it is only ever added to.

package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// BillableReason says why a quantity is billed from its time on.
type BillableReason string

// Start and end are the subscription's. A hold goes on at the old quantity; a clamp
// moves a change to the begin of the period that is open.
const (
	BillableStart   BillableReason = "start"
	BillableCount   BillableReason = "count"
	BillableHold    BillableReason = "hold"
	BillableRelease BillableReason = "release"
	BillableClamp   BillableReason = "clamp"
	BillableTrial   BillableReason = "trial"
	BillableEnd     BillableReason = "end"
)

// BillableChange is one row: Quantity is billed from EffectiveAt until the next
// row's. Of rows with the same EffectiveAt the last one stands. CountID is the count
// that it rests on, or "". ID and RecordedAt are the store's.
type BillableChange struct {
	ID                      string
	EffectiveAt, RecordedAt time.Time
	Quantity                int
	Reason                  BillableReason
	CountID                 string
}

func (d orgDoor) addBillable(ctx context.Context, c BillableChange) error {
	if c.EffectiveAt.UnixMilli() <= 0 {
		return &InputError{"effective_at", "it must be the time from which the quantity is billed"}
	}
	var count any
	if c.CountID != "" {
		count = c.CountID
	}
	now := d.org.store.now()
	err := d.exec(ctx, `
INSERT INTO billable_changes (org_id, id, effective_at, recorded_at, quantity, reason, count_id) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		args{d.org.id, d.org.store.auditIDs.next("bil", now), c.EffectiveAt.UnixMilli(), now.UnixMilli(), c.Quantity, c.Reason, count})
	switch {
	case isChecked(err):
		return &InputError{"billable", "the quantity is below zero, or the reason is none of the ledger's"}
	case isDangling(err):
		return fmt.Errorf("%w: the count that a billable change rests on", ErrNotFound)
	}
	return err
}

// Billable returns what is billed in [from, to): the row that is in force at from,
// if there is one, and the rows that take effect after it and before to; by
// EffectiveAt, those of one time in the order in which they were recorded.
func (o *Org) Billable(ctx context.Context, from, to time.Time) (all []BillableChange, err error) {
	err = o.read(ctx, func(d orgDoor) error {
		all, err = list(ctx, d.hands, `
SELECT id, effective_at, recorded_at, quantity, reason, coalesce(count_id, '') FROM billable_changes
WHERE effective_at < ?2 AND (effective_at > ?1
  OR id = (SELECT id FROM billable_changes WHERE effective_at <= ?1 ORDER BY effective_at DESC, id DESC LIMIT 1))
ORDER BY effective_at, id`,
			args{from.UnixMilli(), to.UnixMilli()}, func(row *sql.Rows, c *BillableChange) error {
				var effective, recorded int64
				err := row.Scan(&c.ID, &effective, &recorded, &c.Quantity, &c.Reason, &c.CountID)
				c.EffectiveAt, c.RecordedAt = fromMilli(effective), fromMilli(recorded)
				return err
			})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what is billed: %w", err)
	}
	return all, nil
}
