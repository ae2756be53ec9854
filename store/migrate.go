// Migrations: numbered files, applied once and in order, each in a transaction
// of its own together with the version number in user_version.

package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrate brings the database to the newest version on a connection of its own,
// before any scoped connection exists, and returns the tables of rows of all
// orgs, which the scoped connections hide behind views.
func migrate(ctx context.Context, cfg Config, log *slog.Logger) (tables []orgTable, err error) {
	db, err := openPlain(dsn(cfg, pragmasOfNew(cfg.Path)...))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	texts, err := migrationTexts()
	if err != nil {
		return nil, err
	}
	have, err := version(ctx, db)
	if err != nil {
		return nil, fmt.Errorf("read its version: %w", translate(err))
	}
	if have > len(texts) {
		return nil, &NewerError{Have: have, Want: len(texts)}
	}
	if err := checkAtStart(ctx, db, cfg, have, log); err != nil {
		return nil, err
	}
	for i := have; i < len(texts); i++ {
		if err := migrateTo(ctx, db, i+1, texts[i]); err != nil {
			return nil, fmt.Errorf("bring it to version %d: %w", i+1, translate(err))
		}
	}
	if have == versionWithoutAutoVacuum {
		if err := rewrite(ctx, db); err != nil {
			return nil, fmt.Errorf("write it anew: %w", translate(err))
		}
	}
	return orgTables(ctx, db)
}

// versionWithoutAutoVacuum was the last whose new databases could not give pages
// back, and which did not overwrite what was deleted.
const versionWithoutAutoVacuum = 1

// versionWithInstallation was the first with the table installation.
const versionWithInstallation = 2

// rewrite gives an old database what a new one has from its first page. It takes
// as long as copying the file, once. A disk too full for it is no reason not to start.
func rewrite(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, "PRAGMA auto_vacuum = INCREMENTAL; VACUUM;")
	if err = translate(err); errors.Is(err, ErrDiskFull) {
		return nil
	}
	return err
}

// pragmasOfNew is what has to be said before the first page of a file is written:
// that its free pages can be given back in small steps (space.go).
func pragmasOfNew(path string) []string {
	if info, err := os.Stat(path); err == nil && info.Size() > 0 {
		return nil
	}
	return []string{"auto_vacuum(INCREMENTAL)"}
}

// firstOpenWait bounds how long to wait for another process that opens the same
// new database: the change to WAL does not wait for a lock by itself.
const firstOpenWait = 5 * time.Second

func version(ctx context.Context, db *sql.DB) (have int, err error) {
	for deadline := time.Now().Add(firstOpenWait); ; {
		err = db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have)
		if code(err)&0xff != sqlite3.SQLITE_BUSY || time.Now().After(deadline) {
			return have, err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// openPlain opens one unscoped connection: for migrations, before the doors exist.
func openPlain(dsn string) (*sql.DB, error) {
	c, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, fmt.Errorf("read the database address: %w", err)
	}
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(1)
	return db, nil
}

// migrationTexts returns the files in order; the first makes version 1.
func migrationTexts() ([]string, error) {
	entries, err := fs.ReadDir(migrationFiles, "migrations")
	if err != nil {
		return nil, fmt.Errorf("list the migrations: %w", err)
	}
	var texts []string
	for i, e := range entries {
		if want := fmt.Sprintf("%04d_", i+1); !strings.HasPrefix(e.Name(), want) {
			return nil, fmt.Errorf("migration %s: its name must start with %s", e.Name(), want)
		}
		text, err := migrationFiles.ReadFile("migrations/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("read the migration: %w", err)
		}
		texts = append(texts, string(text))
	}
	return texts, nil
}

func migrateTo(ctx context.Context, db *sql.DB, version int, text string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	// Two processes that start at once: the second one finds the work done.
	var have int
	err = tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have)
	if err == nil && have < version {
		_, err = tx.ExecContext(ctx, text+fmt.Sprintf("\nPRAGMA user_version = %d;", version))
	}
	if err != nil {
		_ = tx.Rollback() // the cause is what matters
		return err
	}
	return tx.Commit()
}

// orgTables reads the tables of rows of all orgs, with their columns and keys.
func orgTables(ctx context.Context, db *sql.DB) ([]orgTable, error) {
	h := hands{db}
	names, err := list(ctx, h, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE '%\\_all' ESCAPE '\\' ORDER BY name", nil,
		func(row *sql.Rows, to *string) error { return row.Scan(to) })
	if err != nil {
		return nil, fmt.Errorf("list the tables: %w", err)
	}
	tables := make([]orgTable, len(names))
	for i, name := range names {
		tables[i] = orgTable{name: name, orgCol: "org_id"}
		if name == "orgs_all" {
			tables[i].orgCol = "id"
		}
		type column struct {
			name string
			key  int
		}
		columns, err := list(ctx, h, "SELECT name, pk FROM pragma_table_info(?) ORDER BY cid", args{name},
			func(row *sql.Rows, to *column) error { return row.Scan(&to.name, &to.key) })
		if err != nil {
			return nil, fmt.Errorf("list the columns of %s: %w", name, err)
		}
		err = h.get(ctx, `SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND name = ?)`, args{name + "_append_only"}, &tables[i].ledger)
		if err != nil {
			return nil, fmt.Errorf("read the triggers of %s: %w", name, err)
		}
		for _, c := range columns {
			tables[i].columns = append(tables[i].columns, c.name)
			if c.key > 0 {
				tables[i].key = append(tables[i].key, c.name)
			}
		}
	}
	return tables, nil
}
