package replica

// app_file_test.go is what the tests read of database files that lie about, as main does of its own.

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"
)

// copyDatabase keeps the database with its side files under another name.
func copyDatabase(t testing.TB, from, to string) {
	t.Helper()
	for _, side := range []string{"", "-wal"} {
		data, err := os.ReadFile(from + side)
		if os.IsNotExist(err) {
			_ = os.Remove(to + side)
			continue
		}
		must(t, err)
		must(t, os.WriteFile(to+side, data, 0o600))
	}
	_ = os.Remove(to + "-shm")
}

// readOnly opens a database file that is not in use, or is.
func readOnly(path string, f func(*sql.DB) error) error {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	mode := "mode=ro&immutable=1" // as store reads files: nothing beside it is touched
	if exists(path + "-wal") {
		mode = "mode=ro"
	}
	db, err := sql.Open("sqlite", "file:"+path+"?"+mode+"&_pragma=busy_timeout(5000)")
	if err != nil {
		return err
	}
	err = f(db)
	if e := db.Close(); err == nil {
		err = e
	}
	return err
}

func readTestInstallation(ctx context.Context, path string) (id string, err error) {
	err = readOnly(path, func(db *sql.DB) error {
		return db.QueryRowContext(ctx, `SELECT id FROM installation WHERE one = 1`).Scan(&id)
	})
	return id, err
}

func readTestNewest(ctx context.Context, path string) (newest string, err error) {
	err = readOnly(path, func(db *sql.DB) error {
		var n int64
		err := db.QueryRowContext(ctx, `SELECT coalesce(max(id), 0) FROM things`).Scan(&n)
		newest = fmt.Sprintf("%020d", n)
		return err
	})
	return newest, err
}

func readTestContents(ctx context.Context, path string) (tables map[string]string, err error) {
	err = readOnly(path, func(db *sql.DB) error {
		rows, err := db.QueryContext(ctx, `SELECT id, body FROM things ORDER BY id`)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		digest := sha256.New()
		for rows.Next() {
			var id int64
			var body []byte
			if err := rows.Scan(&id, &body); err != nil {
				return err
			}
			_, _ = fmt.Fprintf(digest, "%d %x\n", id, body)
		}
		tables = map[string]string{"things": hex.EncodeToString(digest.Sum(nil))}
		return rows.Err()
	})
	return tables, err
}

func findTestDamage(ctx context.Context, path string) (found string, err error) {
	err = readOnly(path, func(db *sql.DB) error {
		return db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&found)
	})
	if found == "ok" || err != nil && strings.Contains(err.Error(), "malformed") {
		return strings.TrimPrefix(found, "ok"), nil
	}
	return found, err
}

// rowsIn counts the rows of a database file and checks it in full.
func rowsIn(t testing.TB, path string) (n int64) {
	t.Helper()
	must(t, readOnly(path, func(db *sql.DB) error {
		var ok string
		if err := db.QueryRow(`PRAGMA integrity_check`).Scan(&ok); err != nil || ok != "ok" {
			return fmt.Errorf("integrity_check: %s %w", ok, err)
		}
		return db.QueryRow(`SELECT count(*) FROM things`).Scan(&n)
	}))
	return n
}
