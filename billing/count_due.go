package billing

// count_due.go says which orgs are to be counted now, and counts them: each once a
// day at an hour of its own, and again before its trial ends, so that the first
// invoice is right.

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"hostaway-mcp/store"
)

const (
	day            = 24 * time.Hour
	countsAtOnce   = 4
	syncEvery      = 10 * time.Minute // between two that a person asks for
	syncDaily      = 20               // in any 24 hours
	trialFirstLook = 3 * day          // before the trial ends
	trialLastLook  = 8 * time.Hour
)

// TooSoonError: the org was counted a moment ago because somebody asked, or too
// often in a day. Next is when it may be asked again.
type TooSoonError struct{ Next time.Time }

func (e *TooSoonError) Error() string {
	return "the listings were counted a moment ago; ask again at " + e.Next.UTC().Format("15:04:05 MST")
}

// SyncNow counts because somebody asked. A running count is joined; otherwise the
// next may be asked for after 10 minutes, and 20 in a day.
// Errors: *TooSoonError and those of Count.
func (b *Billing) SyncNow(ctx context.Context, org *store.Org, by store.Actor) (CountResult, error) {
	return b.countWith(ctx, org, store.CountManual, by, func(ctx context.Context) error {
		next, err := b.NextSyncAt(ctx, org)
		if err == nil && next != nil {
			err = &TooSoonError{Next: *next}
		}
		return err
	})
}

// NextSyncAt is when SyncNow may be asked for again; nil is at once.
func (b *Billing) NextSyncAt(ctx context.Context, org *store.Org) (*time.Time, error) {
	now := b.now()
	counts, err := org.ListingCounts(ctx, now.Add(-day), now.Add(day))
	if err != nil {
		return nil, err
	}
	var asked []time.Time
	for _, c := range counts {
		if c.Source == store.CountManual {
			asked = append(asked, c.CountedAt)
		}
	}
	var next time.Time
	if n := len(asked); n > 0 {
		next = asked[n-1].Add(syncEvery)
		if n >= syncDaily {
			next = later(next, asked[n-syncDaily].Add(day))
		}
	}
	if !next.After(now) {
		return nil, nil
	}
	return &next, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// CountDue counts every org that is due, a few at once, and says in a few words how
// that went. It is for a job that comes each hour; what it could not count is due
// again with the next.
func (b *Billing) CountDue(ctx context.Context) (did string, err error) {
	due, err := b.dueCounts(ctx)
	if err != nil {
		return "", err
	}
	var group sync.WaitGroup
	var mu sync.Mutex
	var counted, partial, refused int
	var failures []error
	turns := make(chan struct{}, countsAtOnce)
	for _, d := range due {
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			_, err := b.Count(ctx, d.org, d.source, system())
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				counted++
			case errors.Is(err, ErrRefused):
				refused++
			case errors.Is(err, ErrIncomplete):
				partial++
			case errors.Is(err, ErrNotConnected): // disconnected a moment ago
			default:
				failures = append(failures, fmt.Errorf("org %s: %w", d.org.ID(), err))
			}
		})
	}
	group.Wait()
	if len(due) == 0 {
		return "", nil
	}
	return fmt.Sprintf("%d orgs counted, %d walks not complete, %d credentials refused", counted, partial, refused), errors.Join(failures...)
}

type dueCount struct {
	org    *store.Org
	source store.CountSource
}

// dueCounts lists the orgs that are to be counted now.
func (b *Billing) dueCounts(ctx context.Context) (due []dueCount, err error) {
	now := b.now()
	for org, err := range b.cfg.Store.EachOrg(ctx) {
		if err != nil {
			return nil, err
		}
		source, err := b.dueOf(ctx, org, now)
		if err != nil {
			return nil, fmt.Errorf("see whether org %s is to be counted: %w", org.ID(), err)
		}
		if source != "" {
			due = append(due, dueCount{org, source})
		}
	}
	return due, nil
}

// dueOf is what the org is to be counted for now, "" for nothing.
func (b *Billing) dueOf(ctx context.Context, org *store.Org, now time.Time) (store.CountSource, error) {
	account, err := org.Billing(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	if err != nil || !counted(account, now) {
		return "", err
	}
	connection, err := org.Connection(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	// Refused credentials are tried once a day, everything else until it is complete.
	newest, err := org.NewestCompleteCount(ctx)
	if connection.State == store.ConnectionRefused {
		newest, err = org.NewestCount(ctx)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", err
	}
	return dueFor(org.ID(), newest.CountedAt, account.TrialEndsAt, now), nil
}

// counted tells whether an org's listings are counted daily: while it is billed, or
// tries the tools. Who does neither is counted when somebody asks.
func counted(account store.BillingAccount, now time.Time) bool {
	return lives(account) || account.AccessAt(now).Access == store.AccessTrial
}

// dueFor compares the newest count (zero: none) with the last times at which there
// should have been one.
func dueFor(orgID string, newest time.Time, trialEnds *time.Time, now time.Time) store.CountSource {
	if trialEnds != nil && now.Before(*trialEnds) {
		for _, before := range []time.Duration{trialLastLook, trialFirstLook} {
			if look := trialEnds.Add(-before); !now.Before(look) && newest.Before(look) {
				return store.CountTrialEnd
			}
		}
	}
	if newest.Before(lastHourOf(orgID, now)) {
		return store.CountDaily
	}
	return ""
}

// lastHourOf is when the org's hour of the day, which is spread over all orgs, began
// the last time.
func lastHourOf(orgID string, now time.Time) time.Time {
	h := fnv.New32a()
	_, _ = h.Write([]byte(orgID)) // never fails
	at := now.UTC().Truncate(day).Add(time.Duration(h.Sum32()%24) * time.Hour)
	if at.After(now) {
		at = at.Add(-day)
	}
	return at
}
