// Checking that the file is whole: in short at a start after which nobody closed
// it, and in full for whoever asks.

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// findingsMost bounds what a check tells: one finding is enough to stop.
const findingsMost = 10

// CheckFile reads a database file that may be in use and finds out whether it is
// whole. In full it also compares every index with its table and every reference
// with its row; that takes two to four times as long. While it runs on a file in
// use, the -wal can't begin anew. Errors: fs.ErrNotExist, ErrDamaged with the findings.
func CheckFile(ctx context.Context, path string, full bool) error {
	err := readFile(ctx, path, func(h hands) error { return checkPages(ctx, h, full) })
	if err != nil {
		return fmt.Errorf("check %s: %w", path, err)
	}
	return nil
}

func checkPages(ctx context.Context, h hands, full bool) error {
	text := fmt.Sprintf("PRAGMA quick_check(%d)", findingsMost)
	if full {
		text = fmt.Sprintf("PRAGMA integrity_check(%d)", findingsMost)
	}
	findings, err := list(ctx, h, text, nil, func(row *sql.Rows, to *string) error { return row.Scan(to) })
	if err == nil && len(findings) == 1 && findings[0] == "ok" {
		findings = nil
	}
	if err == nil && full && len(findings) == 0 {
		findings, err = list(ctx, h, "PRAGMA foreign_key_check", nil, scanDangling)
	}
	if err != nil {
		return err
	}
	if len(findings) > 0 {
		return fmt.Errorf("%w: %s", ErrDamaged, strings.Join(findings[:min(len(findings), findingsMost)], "; "))
	}
	return nil
}

func scanDangling(row *sql.Rows, to *string) error {
	var table, parent string
	var rowID, key sql.NullInt64 // without rowid there is none
	err := row.Scan(&table, &rowID, &parent, &key)
	*to = "a row of " + table + " refers to a row of " + parent + " that is missing"
	return err
}

// checkAtStart checks a database that a server left without closing it, and one
// of which the caller knows no better.
func checkAtStart(ctx context.Context, db *sql.DB, cfg Config, version int, log *slog.Logger) error {
	if version < versionWithInstallation {
		return nil
	}
	why := "the caller asked for it"
	if !cfg.Check {
		if !cfg.Serving {
			return nil
		}
		var since sql.NullInt64
		if err := (hands{db}).get(ctx, `SELECT serving_since FROM installation WHERE one = 1`, nil, &since); err != nil || !since.Valid {
			return err
		}
		why = "the server that ran since " + fromMilli(since.Int64).Format(time.RFC3339) + " did not close it"
	}
	began := time.Now()
	if err := checkPages(ctx, hands{db}, false); err != nil {
		return err
	}
	log.InfoContext(ctx, "checked the database: it is whole", "why", why, "took", time.Since(began).Round(time.Millisecond))
	return nil
}

// beginServing leaves the mark that Close takes away. A full disk is no reason
// not to start: reading goes on, and the next start does not check.
func (s *Store) beginServing(ctx context.Context) error {
	err := s.writeOnReserve(ctx, func(d systemDoor) error { return d.exec(ctx, sysSetServing, args{s.now().UnixMilli()}) })
	if errors.Is(err, ErrDiskFull) {
		s.log.WarnContext(ctx, "the disk is full: what is in the database can be read, and nothing can be changed", "error", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("mark the database as in use: %w", err)
	}
	s.serving = true
	return nil
}

// endServing takes the mark away. If that fails, the next start checks the file
// for nothing.
func (s *Store) endServing(ctx context.Context) {
	if !s.serving {
		return
	}
	if err := s.writeOnReserve(ctx, func(d systemDoor) error { return d.exec(ctx, sysSetServing, args{nil}) }); err != nil {
		s.log.WarnContext(ctx, "the database can't be marked as closed; the next start checks it", "error", err)
	}
}
