// Retention: the one place where rows go because of their age. Everything is
// deleted in small steps, each in a transaction of its own, so that nobody waits
// long for the writer and a run may be broken off at any time.

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

const (
	retainStep       = 500                 // rows in one transaction: some milliseconds
	linksKept        = 30 * 24 * time.Hour // after a link was used or has ended: it can still be told apart from an unknown one
	eventsKept       = 60 * 24 * time.Hour // after a Stripe event has ended
	mailsKept        = 90 * 24 * time.Hour // after a mail has ended; findings too
	retainMost       = 7 * 24 * time.Hour  // that one run shortens the audit log by
	confirmationKept = 24 * time.Hour      // after a confirm token has ended, for the same
)

// RetainAudit deletes the entries of all orgs from before a time, but goes on by at
// most a week from where it got the last time: a clock that is years ahead must not
// take the whole log with it before somebody notices.
func (s *Store) RetainAudit(ctx context.Context, before time.Time) (deleted int, err error) {
	err = s.write(ctx, func(d systemDoor) error {
		before, err = d.moveRetention(ctx, before)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("move the end of the audit log: %w", err)
	}
	return s.retainOfEach(ctx, "audit log", func(o *Org) (int, error) { return o.PruneAudit(ctx, before) })
}

// moveRetention notes how far back the log goes from now on. What was newest must
// not fall when the last entry of all goes (ReadNewest).
func (d systemDoor) moveRetention(ctx context.Context, before time.Time) (time.Time, error) {
	var last sql.NullInt64
	if err := d.get(ctx, sysPrunedTo, nil, &last); err != nil {
		return before, err
	}
	if last.Valid {
		before = time.UnixMilli(min(before.UnixMilli(), last.Int64+retainMost.Milliseconds()))
	}
	to := max(before.UnixMilli(), last.Int64)
	return before, errors.Join(d.exec(ctx, sysSetPrunedTo, args{to}), d.exec(ctx, sysMarkNewest, args{firstID("aud", before)}))
}

// RetainConfirmations deletes the confirm tokens of all orgs that ended a day ago
// or earlier, used or not.
func (s *Store) RetainConfirmations(ctx context.Context) (deleted int, err error) {
	before := s.now().Add(-confirmationKept).UnixMilli()
	return s.retainOfEach(ctx, "confirm tokens", func(o *Org) (int, error) {
		return o.deleteOld(ctx, func(d orgDoor) ([]string, error) {
			return list(ctx, d.hands, `
DELETE FROM confirmations WHERE id IN (SELECT id FROM confirmations WHERE expires_at < ? ORDER BY expires_at LIMIT ?) RETURNING id`,
				args{before, retainStep}, scanText)
		})
	})
}

// RetainSignIns deletes what signing in leaves behind: sessions that have ended,
// links that ended or were used 30 days ago, and attempts that no longer count.
func (s *Store) RetainSignIns(ctx context.Context) (deleted int, err error) {
	now := s.now()
	linksBefore := now.Add(-linksKept).UnixMilli()
	for what, stale := range map[string]struct {
		text   string
		values args
	}{
		"sessions":        {sysDropEndedSessions, args{now.UnixMilli(), now.Add(-sessionIdle).UnixMilli(), retainStep}},
		"sign-up links":   {sysDropOldSignUpLinks, args{linksBefore, linksBefore, retainStep}},
		"password resets": {sysDropOldPasswordResets, args{linksBefore, linksBefore, retainStep}},
		"verifications":   {sysDropOldVerifying, args{linksBefore, retainStep}},
		"attempts":        {sysDropAttempts, args{now.Add(-attemptsForgotten).UnixMilli(), retainStep}},
	} {
		n, err := s.dropOld(ctx, stale.text, stale.values)
		deleted += n
		if err != nil {
			return deleted, fmt.Errorf("delete old %s: %w", what, err)
		}
	}
	return deleted, nil
}

// RetainBilling deletes Stripe's events that ended 60 days ago or earlier, and mails
// and findings that ended 90 days ago. The ledgers stay.
func (s *Store) RetainBilling(ctx context.Context) (deleted int, err error) {
	mailsBefore := s.now().Add(-mailsKept).UnixMilli()
	for what, stale := range map[string]struct {
		text   string
		values args
	}{
		"Stripe events":    {sysDropOldEvents, args{s.now().Add(-eventsKept).UnixMilli(), retainStep}},
		"people's mails":   {sysDropOldUserMails, args{mailsBefore, retainStep}},
		"billing findings": {sysDropOldFindings, args{mailsBefore, retainStep}},
	} {
		n, err := s.dropOld(ctx, stale.text, stale.values)
		deleted += n
		if err != nil {
			return deleted, fmt.Errorf("delete old %s: %w", what, err)
		}
	}
	n, err := s.retainOfEach(ctx, "mails", func(o *Org) (int, error) {
		return o.deleteOld(ctx, func(d orgDoor) ([]string, error) {
			return list(ctx, d.hands, `
DELETE FROM mails WHERE id IN (SELECT id FROM mails WHERE state <> 'queued' AND ended_at < ? LIMIT ?) RETURNING id`,
				args{mailsBefore, retainStep}, scanText)
		})
	})
	return deleted + n, err
}

// dropOld runs a statement of the system door, which returns a row for each that
// it deletes, until it finds less than a whole step.
func (s *Store) dropOld(ctx context.Context, text string, values args) (deleted int, err error) {
	for {
		var gone []int
		err := s.write(ctx, func(d systemDoor) (err error) {
			gone, err = list(ctx, d.hands, text, values, func(row *sql.Rows, to *int) error { return row.Scan(to) })
			return err
		})
		deleted += len(gone)
		if err != nil || len(gone) < retainStep {
			return deleted, err
		}
	}
}

func (s *Store) retainOfEach(ctx context.Context, what string, prune func(*Org) (int, error)) (deleted int, err error) {
	for o, err := range s.EachOrg(ctx) {
		if err != nil {
			return deleted, err
		}
		n, err := prune(o)
		deleted += n
		if err != nil {
			return deleted, fmt.Errorf("delete old rows of the %s: %w", what, err)
		}
	}
	return deleted, nil
}

// PruneAudit deletes the org's entries from before a time and says how many went.
// An entry's age is its id's, so that only what goes is read: where the clock was
// set back, that is the time before it was.
func (o *Org) PruneAudit(ctx context.Context, before time.Time) (deleted int, err error) {
	deleted, err = o.deleteOld(ctx, func(d orgDoor) ([]string, error) {
		return list(ctx, d.hands, `DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE id < ? ORDER BY id LIMIT ?) RETURNING id`,
			args{firstID("aud", before), retainStep}, scanText)
	})
	if err != nil {
		return deleted, fmt.Errorf("prune the audit log: %w", err)
	}
	return deleted, nil
}

// deleteOld runs step, which deletes up to retainStep rows and returns their ids,
// until it finds less than that.
func (o *Org) deleteOld(ctx context.Context, step func(orgDoor) ([]string, error)) (deleted int, err error) {
	for {
		var ids []string
		err := o.write(ctx, func(d orgDoor) (err error) {
			ids, err = step(d)
			return err
		})
		deleted += len(ids)
		if err != nil || len(ids) < retainStep {
			return deleted, err
		}
	}
}

func scanText(row *sql.Rows, to *string) error { return row.Scan(to) }
