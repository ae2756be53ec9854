// Figures of billing, for metrics and for the operator.

package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// BillingFigures says how billing is doing at one moment, over all orgs. Of what
// waits, the time is that of the one that waits longest; nil when none does.
type BillingFigures struct {
	Orgs           map[Access]int // that have an account, by their access now
	Dirty          int            // desired quantities that Stripe may not have
	OldestDirty    *time.Time     // when it was changed
	Held           int            // counts that are not billed
	OldestHeld     *time.Time
	PendingEvents  int        // without those of customers that are no org's
	OldestEvent    *time.Time // when it was received
	NewestEvent    *time.Time // when the last one that is kept was received, of whichever state
	QueuedMails    int
	OldestMail     *time.Time // when it was queued
	FailedMails    int        // given up in the last months
	BrokenFindings map[string]int
}

// BillingFigures counts them.
func (s *Store) BillingFigures(ctx context.Context) (f BillingFigures, err error) {
	err = s.read(ctx, func(d systemDoor) error {
		if f.Orgs, err = tally[Access](ctx, d, sysBillingAccess, args{s.now().UnixMilli()}); err != nil {
			return err
		}
		if f.BrokenFindings, err = tally[string](ctx, d, sysFindingFigures, nil); err != nil {
			return err
		}
		var dirty, held, event, newest, mail sql.NullInt64
		err := d.get(ctx, sysBillingFigures, nil, &f.Dirty, &dirty, &f.Held, &held, &f.PendingEvents, &event, &newest, &f.QueuedMails, &mail, &f.FailedMails)
		f.OldestDirty, f.OldestHeld, f.OldestEvent, f.OldestMail = fromNullMilli(dirty), fromNullMilli(held), fromNullMilli(event), fromNullMilli(mail)
		f.NewestEvent = fromNullMilli(newest)
		return err
	})
	if err != nil {
		return BillingFigures{}, fmt.Errorf("count what billing has: %w", err)
	}
	return f, nil
}

// tally reads rows of a word and a number.
func tally[K ~string](ctx context.Context, d systemDoor, text string, values args) (map[K]int, error) {
	type count struct {
		key K
		n   int
	}
	counts, err := list(ctx, d.hands, text, values, func(row *sql.Rows, to *count) error { return row.Scan(&to.key, &to.n) })
	by := map[K]int{}
	for _, c := range counts {
		by[c.key] = c.n
	}
	return by, err
}

// RefusedConnections opens up to limit orgs whose credentials Hostaway has refused
// since that time or longer, the longest refused first.
func (s *Store) RefusedConnections(ctx context.Context, since time.Time, limit int) (refused []*Org, err error) {
	err = s.read(ctx, func(d systemDoor) error {
		refused, err = list(ctx, d.hands, sysRefusedConnections, args{since.UnixMilli(), limit}, s.scanOrg)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the refused connections: %w", err)
	}
	return refused, nil
}
