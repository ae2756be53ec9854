// BillingFinding: what the reconciler found broken, for as long as it is, and for a
// while after.

package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

// BillingFinding is one invariant that does not hold for one subject: an org's id,
// or Stripe's id of what belongs to none of ours. OrgID is the org that it is about,
// or "". ResolvedAt is when a run repaired it or found it healed. Repairs counts how
// often it was repaired since FirstSeen.
type BillingFinding struct {
	Invariant, Subject, OrgID, Detail string
	FirstSeen, LastSeen               time.Time
	ResolvedAt                        *time.Time
	Repairs                           int
}

// NewFinding is what a run found. Repaired: all of it was put right. That is believed
// until a run finds it again, and not a second time.
type NewFinding struct {
	Invariant, Subject, OrgID, Detail string
	Repaired                          bool
}

// FindingsRun is what one run of the reconciler saw: the invariants that it looked
// at, what it found, and the subjects that it could not look at, whose findings stay.
type FindingsRun struct {
	Invariants []string
	Found      []NewFinding
	Unchecked  []string
}

const billingFindingsMost = 1000

// RecordFindings keeps what a run found, and notes as resolved what it looked at
// and did not find again.
func (s *Store) RecordFindings(ctx context.Context, run FindingsRun) error {
	now := s.now().UnixMilli()
	found := make([]string, len(run.Found))
	for i, f := range run.Found {
		found[i] = f.Invariant + " " + f.Subject
	}
	lists := args{now}
	for _, each := range [][]string{run.Invariants, run.Unchecked, found} {
		text, err := json.Marshal(append([]string{}, each...))
		if err != nil {
			return fmt.Errorf("write the list of findings: %w", err)
		}
		lists = append(lists, string(text))
	}
	err := s.write(ctx, func(d systemDoor) error {
		for _, f := range run.Found {
			repairs := 0
			if f.Repaired {
				repairs = 1
			}
			if err := d.exec(ctx, sysSawFinding, args{f.Invariant, f.Subject, f.OrgID, short(f.Detail), now, repairs}); err != nil {
				return err
			}
		}
		return d.exec(ctx, sysResolveFindings, lists)
	})
	if err != nil {
		return fmt.Errorf("record the findings: %w", err)
	}
	return nil
}

// BillingFindings lists what is broken, by invariant, the oldest first, and then what
// was resolved since a time: a thousand of them at most.
func (s *Store) BillingFindings(ctx context.Context, resolvedSince time.Time) (all []BillingFinding, err error) {
	err = s.read(ctx, func(d systemDoor) error {
		all, err = list(ctx, d.hands, sysListFindings, args{resolvedSince.UnixMilli(), billingFindingsMost}, func(row *sql.Rows, f *BillingFinding) error {
			var first, last int64
			var resolved sql.NullInt64
			err := row.Scan(&f.Invariant, &f.Subject, &f.OrgID, &f.Detail, &first, &last, &resolved, &f.Repairs)
			f.FirstSeen, f.LastSeen, f.ResolvedAt = fromMilli(first), fromMilli(last), fromNullMilli(resolved)
			return err
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the findings: %w", err)
	}
	return all, nil
}
