// Scrubbing: taking out of the file what deletions leave in it.
//
// SQLite overwrites a row that it deletes (secure_delete). But where a page was
// split before, the halves still hold copies of rows that have moved: nothing
// points at them, and they stay until that part of the page is used again. Emptying
// a table frees its pages, and a page that is freed is overwritten as a whole.

package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// scrub writes every table anew but the two that can be large: all that hold
// secrets, hashes and addresses. It takes some milliseconds per thousand rows.
func (s *Store) scrub(ctx context.Context) error {
	h := hands{s.keeper}
	tables, err := schemaOf(ctx, h)
	if err != nil {
		return fmt.Errorf("list the tables: %w", err)
	}
	for _, x := range (orgDoor{}).deletions() {
		if x.log {
			tables = slices.DeleteFunc(tables, func(name string) bool { return name == x.table })
		}
	}
	return s.Quiet(ctx, func(ctx context.Context) error {
		// The rows come back as they were, so no reference ends; SQLite would look for
		// each, and empty the table row by row.
		err := h.exec(ctx, "PRAGMA foreign_keys = 0", nil)
		for _, table := range tables {
			if err == nil {
				err = scrubTable(ctx, h, table)
			}
		}
		return errors.Join(err, h.exec(context.WithoutCancel(ctx), "PRAGMA foreign_keys = 1", nil))
	})
}

func scrubTable(ctx context.Context, h hands, table string) error {
	err := h.exec(ctx, fmt.Sprintf("BEGIN IMMEDIATE; CREATE TEMP TABLE scrubbed AS SELECT * FROM main.%[1]s; "+
		"DELETE FROM main.%[1]s; INSERT INTO main.%[1]s SELECT * FROM temp.scrubbed; DROP TABLE temp.scrubbed; COMMIT", table), nil)
	if err != nil {
		_ = h.exec(context.WithoutCancel(ctx), "ROLLBACK", nil) // the cause is what matters; SQLite may have done it already
		return fmt.Errorf("write %s anew: %w", table, err)
	}
	return nil
}

// Rewrite writes the whole database anew, so that nothing that was ever deleted is
// left in it. Writers wait for as long as that takes, readers don't; it needs as
// much free space as the database has, twice, and a copy elsewhere is made anew too.
func (s *Store) Rewrite(ctx context.Context) error {
	err := s.holdBack(ctx)
	if err == nil {
		err = s.Quiet(ctx, func(ctx context.Context) error { return hands{s.keeper}.exec(ctx, "VACUUM", nil) })
	}
	if err == nil && !s.replicaOwnsCheckpoints {
		_, err = s.truncateWAL(ctx)
	}
	if err != nil {
		return fmt.Errorf("write the database anew: %w", err)
	}
	return nil
}
