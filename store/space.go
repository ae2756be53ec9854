// Space: pages that deletions left free go back to the file system, in steps that
// no writer notices. A full VACUUM is never needed, and never done: it would write
// the whole file anew, and the copy on another machine with it.

package store

import (
	"context"
	"database/sql"
	"fmt"
)

const (
	spaceStep    = 256      // pages given back in one transaction: 1 MB, some milliseconds
	spaceKept    = 10       // the tenth part of the file stays free: the next rows go there
	walKeptBytes = 16 << 20 // a -wal that is larger is cut off
)

// GiveBackSpace gives free pages back to the file system, as long as more than a
// tenth of the file is free, and says how many. It may be broken off at any time.
func (s *Store) GiveBackSpace(ctx context.Context) (pages int64, err error) {
	if err := s.holdBack(ctx); err != nil {
		return 0, fmt.Errorf("give free pages back: %w", err)
	}
	for {
		before, err := s.Figures(ctx)
		if err != nil {
			return pages, err
		}
		if before.FreePages <= max(spaceStep, before.Pages/spaceKept) {
			return pages, s.cutWAL(ctx, before)
		}
		err = s.Quiet(ctx, func(ctx context.Context) error {
			// One row comes for each page; the work is done while they are read.
			_, err := list(ctx, hands{s.keeper}, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", spaceStep), nil,
				func(*sql.Rows, *struct{}) error { return nil })
			return err
		})
		if err != nil {
			return pages, fmt.Errorf("give free pages back: %w", err)
		}
		after, err := s.Figures(ctx)
		if err != nil {
			return pages, err
		}
		if after.Pages >= before.Pages { // a file that can't give pages back
			return pages, s.cutWAL(ctx, after)
		}
		pages += before.Pages - after.Pages
	}
}

// cutWAL empties a large -wal, unless a replica reads it. Readers that are busy
// keep it as it is until the next time.
func (s *Store) cutWAL(ctx context.Context, f Figures) error {
	if s.replicaOwnsCheckpoints || f.WALBytes <= walKeptBytes {
		return nil
	}
	_, err := s.truncateWAL(ctx)
	return err
}

// truncateWAL brings everything into the database file and empties the -wal. It
// answers false when somebody still reads what it would throw away.
func (s *Store) truncateWAL(ctx context.Context) (done bool, err error) {
	var busy, frames, moved int
	err = s.Quiet(ctx, func(ctx context.Context) error {
		return hands{s.keeper}.get(ctx, "PRAGMA wal_checkpoint(TRUNCATE)", nil, &busy, &frames, &moved)
	})
	if err != nil {
		return false, fmt.Errorf("empty the write-ahead log: %w", err)
	}
	return busy == 0, nil
}

// RefreshStatistics lets SQLite look at its tables where that is due, so that it
// chooses the right index. It reads at most a few hundred rows of each.
func (s *Store) RefreshStatistics(ctx context.Context) error {
	if err := s.holdBack(ctx); err != nil {
		return fmt.Errorf("refresh the statistics: %w", err)
	}
	err := s.Quiet(ctx, func(ctx context.Context) error {
		h := hands{s.keeper}
		if err := h.exec(ctx, "PRAGMA analysis_limit = 400", nil); err != nil {
			return err
		}
		return h.exec(ctx, "PRAGMA optimize = 0x10002", nil) // also tables that this connection never asked about
	})
	if err != nil {
		return fmt.Errorf("refresh the statistics: %w", err)
	}
	return nil
}
