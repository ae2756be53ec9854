// The installation: a random id, made once with the database, that tells a copy
// of this database from a copy of any other.

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	sqlite3 "modernc.org/sqlite/lib"
)

// Installation is the id of this database, ins_… It is the same in every copy.
func (s *Store) Installation(ctx context.Context) (id string, err error) {
	err = s.read(ctx, func(d systemDoor) error { return d.get(ctx, sysInstallation, nil, &id) })
	if err != nil {
		return "", fmt.Errorf("read the installation's id: %w", err)
	}
	return id, nil
}

// ReadInstallation reads the id from a database file that need not be open, with
// or without what a crash left in its -wal. The file is opened for reading only,
// and nothing is left beside it that was not there.
// Errors: fs.ErrNotExist, ErrNotFound (a database from before there were ids, or
// none of ours), ErrDamaged.
func ReadInstallation(ctx context.Context, path string) (id string, err error) {
	err = readFile(ctx, path, func(h hands) error {
		var known int
		if err := h.get(ctx, `SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'installation'`, nil, &known); err != nil {
			return err
		}
		if known == 0 {
			return ErrNotFound
		}
		return h.get(ctx, `SELECT id FROM installation WHERE one = 1`, nil, &id)
	})
	if err != nil {
		return "", fmt.Errorf("read the installation's id from %s: %w", path, err)
	}
	return id, nil
}

// readFile runs f on one connection that can only read the file. With a -wal the
// file may be in use, or was left by a crash: SQLite's locks and its wal-index
// are needed. Without one nobody has it open, and it is read as it lies.
func readFile(ctx context.Context, path string, f func(hands) error) (err error) {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	if !exists(path + "-wal") {
		err := readAs(ctx, path, "mode=ro&immutable=1", f)
		if err == nil || !exists(path+"-wal") {
			return err
		}
		// Somebody opened it meanwhile, so what was read may have been half of two states.
	}
	if index := path + "-shm"; !exists(index) {
		// SQLite makes one, and a reader does not take it away again.
		defer func() { err = errors.Join(err, removeIfThere(index)) }()
	}
	return readAs(ctx, path, "mode=ro", f)
}

func readAs(ctx context.Context, path, mode string, f func(hands) error) (err error) {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()}
	db, err := openPlain(u.String() + "?" + mode + "&_dqs=0&_defensive=1&_pragma=busy_timeout(5000)&_pragma=temp_store(MEMORY)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return asDamage(f(hands{db}))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// asDamage marks what SQLite says about a file that is none, or no longer whole.
func asDamage(err error) error {
	switch code(err) & 0xff {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w (%w)", ErrDamaged, err)
	}
	return err
}

// schemaOf lists the names of the database's own tables: not those of SQLite, and
// not the two that replication keeps in the file.
func schemaOf(ctx context.Context, h hands) ([]string, error) {
	return list(ctx, h, `SELECT name FROM sqlite_schema WHERE type = 'table'
  AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND name NOT LIKE '\_litestream\_%' ESCAPE '\' ORDER BY name`, nil,
		func(row *sql.Rows, to *string) error { return row.Scan(to) })
}
