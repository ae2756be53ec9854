// ListingCount: one count of an org's active listings. The counts are a ledger that
// is only ever added to; each bill rests on it.

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// CountSource says what a count was made for.
type CountSource string

// The reasons to count.
const (
	CountDaily    CountSource = "daily"
	CountManual   CountSource = "manual"
	CountConnect  CountSource = "connect"
	CountTrialEnd CountSource = "trial_end"
)

// ListingCount is one walk over the org's listings at Hostaway. CountedAt is when it
// began. Complete: every listing was seen; IDs are then the active ones, and a count
// that is not complete says in Problem what was missing. ID, RecordedAt and IDsHash
// are the store's. ConnectionVersion is the connection that was walked.
type ListingCount struct {
	ID                    string
	CountedAt, RecordedAt time.Time
	Active, Total, Pages  int
	Complete              bool
	ConnectionVersion     int
	Source                CountSource
	IDsHash               []byte
	IDs                   []int64
	Problem               string
}

// QuantityChange is what goes with a count, or follows from it: all in one
// transaction. In RecordCount, an empty CountID or HeldCountID means the new count.
type QuantityChange struct {
	Desired  *DesiredQuantity // nil: stays as it is
	Billable []BillableChange
	Mails    []NewMail
}

// RecordCount adds a count to the ledger, and makes the change with it: all of it,
// or nothing. A count that bills nothing waits for no copy. Afterwards the desired quantity has its Version plus one.
// Errors: ErrNotFound (the connection is no longer of the count's version),
// ErrConflict (the desired quantity was changed meanwhile), ErrOlderCount,
// *InputError, ErrNotReplicated (with the count).
func (o *Org) RecordCount(ctx context.Context, by Actor, c ListingCount, change QuantityChange) (ListingCount, error) {
	if err := c.prepare(); err != nil {
		return ListingCount{}, err
	}
	now := o.store.now()
	c.ID, c.RecordedAt = o.store.auditIDs.next("cnt", now), now
	write := o.write
	if c.Complete || len(change.Billable) > 0 {
		write = o.writeCritical
	}
	err := write(ctx, func(d orgDoor) error {
		if _, err := d.connectionOf(ctx, c.ConnectionVersion); c.Complete && err != nil {
			return err
		}
		if err := d.addCount(ctx, c); err != nil {
			return err
		}
		return d.change(ctx, by, change.of(c.ID))
	})
	if undone(err) {
		return ListingCount{}, fmt.Errorf("record the count: %w", err)
	}
	return c, err
}

// prepare sorts the ids and refuses a count that contradicts itself.
func (c *ListingCount) prepare() error {
	c.CountedAt = c.CountedAt.UTC().Truncate(time.Millisecond)
	if c.CountedAt.UnixMilli() <= 0 {
		return &InputError{"counted_at", "it must be the time at which the count began"}
	}
	if !c.Complete {
		c.IDs, c.IDsHash = nil, nil
		return nil
	}
	sorted, ok := sortedIDs(c.IDs)
	switch {
	case !ok:
		return &InputError{"ids", "a listing comes twice"}
	case len(sorted) != c.Active || c.Active > c.Total:
		return &InputError{"active", fmt.Sprintf("%d listings are said to be active of %d, and %d are named", c.Active, c.Total, len(sorted))}
	case c.Problem != "":
		return &InputError{"problem", "a complete count has none"}
	}
	c.IDs, c.IDsHash = sorted, hashListingIDs(sorted)
	return nil
}

func (d orgDoor) addCount(ctx context.Context, c ListingCount) error {
	var ids, hash any
	if c.Complete {
		ids, hash = packListingIDs(c.IDs), c.IDsHash
	}
	err := d.exec(ctx, `
INSERT INTO listing_counts (org_id, id, counted_at, recorded_at, active, total, pages, complete, connection_version, source, ids_hash, ids, problem)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		args{
			d.org.id, c.ID, c.CountedAt.UnixMilli(), c.RecordedAt.UnixMilli(), c.Active, c.Total, c.Pages, c.Complete,
			c.ConnectionVersion, c.Source, hash, ids, c.Problem,
		})
	if isChecked(err) {
		return &InputError{"count", "a figure is below zero, or the source is none of daily, manual, connect and trial_end"}
	}
	return err
}

const countColumns = `id, counted_at, recorded_at, active, total, pages, complete, connection_version, source, ids_hash, problem`

func (c *ListingCount) scan(scan func(...any) error, more ...any) error {
	var counted, recorded int64
	err := scan(append([]any{
		&c.ID, &counted, &recorded, &c.Active, &c.Total, &c.Pages, &c.Complete, &c.ConnectionVersion, &c.Source, &c.IDsHash, &c.Problem,
	}, more...)...)
	c.CountedAt, c.RecordedAt = fromMilli(counted), fromMilli(recorded)
	return err
}

// ListingCounts lists the counts that began in [from, to), the oldest first, without
// their IDs.
func (o *Org) ListingCounts(ctx context.Context, from, to time.Time) (all []ListingCount, err error) {
	err = o.read(ctx, func(d orgDoor) error {
		all, err = list(ctx, d.hands, `
SELECT `+countColumns+` FROM listing_counts WHERE counted_at >= ? AND counted_at < ? ORDER BY counted_at, id`,
			args{from.UnixMilli(), to.UnixMilli()}, func(row *sql.Rows, c *ListingCount) error { return c.scan(row.Scan) })
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the counts: %w", err)
	}
	return all, nil
}

// ListingCount returns one count, with its IDs. Error: ErrNotFound.
func (o *Org) ListingCount(ctx context.Context, id string) (c ListingCount, err error) {
	err = o.read(ctx, func(d orgDoor) error {
		return d.readCount(ctx, &c, `SELECT `+countColumns+`, ids FROM listing_counts WHERE id = ?`, args{id})
	})
	if err != nil {
		return ListingCount{}, fmt.Errorf("read the count: %w", err)
	}
	return c, nil
}

// NewestCompleteCount returns the complete count that began last, with its IDs.
// Error: ErrNotFound.
func (o *Org) NewestCompleteCount(ctx context.Context) (c ListingCount, err error) {
	err = o.read(ctx, func(d orgDoor) error {
		return d.readCount(ctx, &c, `
SELECT `+countColumns+`, ids FROM listing_counts WHERE complete = 1 ORDER BY counted_at DESC, id DESC LIMIT 1`, nil)
	})
	if err != nil {
		return ListingCount{}, fmt.Errorf("read the newest complete count: %w", err)
	}
	return c, nil
}

// NewestCount returns the count that began last, complete or not, with its IDs.
// Error: ErrNotFound.
func (o *Org) NewestCount(ctx context.Context) (c ListingCount, err error) {
	err = o.read(ctx, func(d orgDoor) error {
		return d.readCount(ctx, &c, `SELECT `+countColumns+`, ids FROM listing_counts ORDER BY counted_at DESC, id DESC LIMIT 1`, nil)
	})
	if err != nil {
		return ListingCount{}, fmt.Errorf("read the newest count: %w", err)
	}
	return c, nil
}

func (d orgDoor) readCount(ctx context.Context, c *ListingCount, text string, values args) error {
	var packed []byte
	err := c.scan(func(dest ...any) error { return d.get(ctx, text, values, dest...) }, &packed)
	if err == nil && c.Complete {
		c.IDs, err = unpackListingIDs(packed)
	}
	return err
}

// ErrOlderCount: the desired quantity rests on a newer count already. Nothing was
// recorded; the count may be, without the change.
var ErrOlderCount = errors.New("the desired quantity rests on a newer count")
