// Deleting an org: everything of it goes, and nobody has to wait for it.
//
// The first transaction takes away what lets anybody in and whatever is secret:
// from then on the org's keys are refused, though its log is still there. The log
// goes in small steps, and the org itself at the end, with all that was written
// meanwhile. A deletion that was cut off is finished by asking for it again.
//
// What is deleted is overwritten, and what held secrets, hashes or addresses is
// written anew (scrub.go); then the -wal is emptied. So none of these is anywhere on
// this disk. Pieces of the log may lie in unused parts of pages until Rewrite. Copies
// that were made before keep everything for as long as they are kept.

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Deleted says what went with an org.
type Deleted struct {
	Rows map[string]int // by table without _all: "audit": 1200
	// Users of no other org went too. Operators stay, so that a server is never
	// left without one; their sessions end.
	Users, Operators int
	// Sessions that looked at the org: their people look at another one now, or are
	// signed out.
	Sessions int
	// WALEmptied says that nothing of it is left in the file or the -wal. Otherwise both
	// hold it until the next checkpoints: a replica makes them, or somebody was reading.
	WALEmptied bool
}

// deletion empties one tenant table of an org's rows, a step at a time.
type deletion struct {
	table, text string
	log         bool // there may be many rows, and none of them lets anybody in
}

// deletions has every tenant table, in the order that their references want.
func (d orgDoor) deletions() []deletion {
	return []deletion{
		{table: "confirmations_all", text: `DELETE FROM confirmations WHERE id IN (SELECT id FROM confirmations LIMIT ?) RETURNING 1`},
		{table: "connections_all", text: `DELETE FROM connections WHERE id IN (SELECT id FROM connections LIMIT ?) RETURNING 1`},
		{table: "api_keys_all", text: `DELETE FROM api_keys WHERE id IN (SELECT id FROM api_keys LIMIT ?) RETURNING 1`},
		{table: "members_all", text: `DELETE FROM members WHERE id IN (SELECT id FROM members LIMIT ?) RETURNING 1`},
		{table: "billing_accounts_all", text: `DELETE FROM billing_accounts WHERE org_id IN (SELECT org_id FROM billing_accounts LIMIT ?) RETURNING 1`},
		{table: "mails_all", text: `DELETE FROM mails WHERE id IN (SELECT id FROM mails LIMIT ?) RETURNING 1`},
		{table: "desired_quantities_all", text: `DELETE FROM desired_quantities WHERE org_id IN (SELECT org_id FROM desired_quantities LIMIT ?) RETURNING 1`},
		{table: "billable_changes_all", text: `DELETE FROM billable_changes WHERE id IN (SELECT id FROM billable_changes ORDER BY id LIMIT ?) RETURNING 1`, log: true},
		{table: "listing_counts_all", text: `DELETE FROM listing_counts WHERE id IN (SELECT id FROM listing_counts ORDER BY id LIMIT ?) RETURNING 1`, log: true},
		{table: "audit_all", text: `DELETE FROM audit WHERE id IN (SELECT id FROM audit ORDER BY id LIMIT ?) RETURNING 1`, log: true},
		{table: "usage_all", text: `DELETE FROM usage WHERE (day, tool) IN (SELECT day, tool FROM usage LIMIT ?) RETURNING 1`, log: true},
		{table: "orgs_all", text: `DELETE FROM orgs WHERE id IN (SELECT id FROM orgs LIMIT ?) RETURNING 1`},
	}
}

// DeleteOrg deletes everything of the org. It may take long for a long log, and may
// be broken off and asked for again. Errors: ErrNotFound, ErrNotReplicated (and then all is done).
func (s *Store) DeleteOrg(ctx context.Context, o *Org) (Deleted, error) {
	gone := Deleted{Rows: map[string]int{}}
	err := s.transact(ctx, func(t *transaction) error {
		return errors.Join(s.markNewest(ctx, t, o), gone.entrances(ctx, t, o))
	})
	if err != nil {
		return gone, fmt.Errorf("delete what lets people into the org: %w", err)
	}
	if err := gone.logs(ctx, o); err != nil {
		return gone, fmt.Errorf("delete the org's log: %w", err)
	}
	err = s.transact(ctx, func(t *transaction) error {
		if err := gone.entrances(ctx, t, o); err != nil { // somebody may have been let in meanwhile
			return err
		}
		return t.asOrg(o, func(d orgDoor) error { return gone.all(ctx, d, func(deletion) bool { return true }) })
	})
	if err == nil && gone.Rows["orgs"] == 0 {
		err = ErrNotFound // somebody else has deleted it
	}
	if err != nil {
		return gone, fmt.Errorf("delete the org: %w", err)
	}
	if err := s.scrub(ctx); err != nil {
		return gone, fmt.Errorf("take the org's traces out of the file: %w", err)
	}
	if !s.replicaOwnsCheckpoints {
		if gone.WALEmptied, err = s.truncateWAL(ctx); err != nil {
			return gone, err
		}
	}
	return gone, s.Replicated(ctx)
}

// markNewest keeps what was newest in the database from falling when the org's log
// goes: a file in which it fell would pass for an older one (ReadNewest).
func (s *Store) markNewest(ctx context.Context, t *transaction, o *Org) error {
	newest := s.auditIDs.next("aud", s.now())
	err := t.asOrg(o, func(d orgDoor) error {
		var last string
		err := d.get(ctx, `SELECT coalesce(max(id), '') FROM audit`, nil, &last)
		newest = max(newest, last)
		return err
	})
	if err != nil {
		return err
	}
	return t.asSystem(func(d systemDoor) error { return d.exec(ctx, sysMarkNewest, args{newest}) })
}

// entrances deletes members, keys, the connection with its secrets, and people who
// belong nowhere else.
func (g *Deleted) entrances(ctx context.Context, t *transaction, o *Org) error {
	var users []string
	err := t.asOrg(o, func(d orgDoor) (err error) {
		if users, err = list(ctx, d.hands, `SELECT user_id FROM members`, nil, scanText); err != nil {
			return err
		}
		return g.all(ctx, d, func(x deletion) bool { return !x.log && x.table != "orgs_all" })
	})
	if err != nil {
		return err
	}
	return t.asSystem(func(d systemDoor) error {
		moved, err := list(ctx, d.hands, sysLeaveOrg, args{o.id}, func(row *sql.Rows, to *int) error { return row.Scan(to) })
		if err != nil {
			return err
		}
		g.Sessions += len(moved)
		if err := d.exec(ctx, sysDropFindingsOf, args{o.id}); err != nil {
			return err
		}
		for _, id := range users {
			if err := g.person(ctx, d, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// person deletes somebody who is a member of no org any more.
func (g *Deleted) person(ctx context.Context, d systemDoor, id string) error {
	var org string
	if err := d.get(ctx, sysFirstOrg, args{id}, &org); !errors.Is(err, ErrNotFound) {
		return err // a member elsewhere, or a failure
	}
	if err := errors.Join(d.exec(ctx, sysEndSessionsOf, args{id}), d.exec(ctx, sysDropPasswordResets, args{id}), d.exec(ctx, sysDropVerifyLinks, args{id}),
		d.exec(ctx, sysDropUserMails, args{id})); err != nil {
		return err
	}
	err := d.get(ctx, sysDropUser, args{id}, &id)
	switch {
	case err == nil:
		g.Users++
	case errors.Is(err, ErrNotFound):
		g.Operators++
		err = nil
	}
	return err
}

// logs deletes what there may be much of, each step in a transaction of its own.
func (g *Deleted) logs(ctx context.Context, o *Org) error {
	for _, x := range (orgDoor{}).deletions() {
		for more := x.log; more; {
			err := o.write(ctx, func(d orgDoor) error {
				n, err := d.delete(ctx, x)
				g.count(x, n)
				more = n == retainStep
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// all empties the tables that which picks, in this transaction.
func (g *Deleted) all(ctx context.Context, d orgDoor, which func(deletion) bool) error {
	for _, x := range d.deletions() {
		for more := which(x); more; {
			n, err := d.delete(ctx, x)
			if err != nil {
				return fmt.Errorf("delete from %s: %w", x.table, err)
			}
			g.count(x, n)
			more = n == retainStep
		}
	}
	return nil
}

func (d orgDoor) delete(ctx context.Context, x deletion) (n int, err error) {
	gone, err := list(ctx, d.hands, x.text, args{retainStep}, func(row *sql.Rows, to *int) error { return row.Scan(to) })
	return len(gone), err
}

func (g *Deleted) count(x deletion, n int) {
	if n > 0 {
		g.Rows[orgTable{name: x.table}.view()] += n
	}
}
