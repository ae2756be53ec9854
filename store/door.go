// The doors: how the methods of this package reach a connection. A method of an
// org gets an orgDoor, whose statements see that org; work across orgs gets the
// systemDoor, whose statements are listed in system.go. One transaction may step
// through both.

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// args are a statement's parameters, in order.
type args []any

// hands runs statements on one connection, within its scope.
type hands struct {
	st interface {
		ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error)
		QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error)
	}
}

type (
	orgDoor struct {
		hands
		org *Org
	}
	systemDoor struct{ hands }
)

// exec runs a statement whose effect needs no answer. A write through an org's
// view counts no rows: a statement that must hit a row returns its id to get.
func (h hands) exec(ctx context.Context, text string, a args) error {
	_, err := h.st.ExecContext(ctx, text, a...)
	return translate(err)
}

// get reads the one row of a statement into dest. ErrNotFound when there is none.
func (h hands) get(ctx context.Context, text string, a args, dest ...any) (err error) {
	rows, err := h.st.QueryContext(ctx, text, a...)
	if err != nil {
		return translate(err)
	}
	defer func() {
		if closeErr := rows.Close(); err == nil {
			err = translate(closeErr)
		}
	}()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return translate(err)
		}
		return ErrNotFound
	}
	return rows.Scan(dest...)
}

// list reads all rows of a statement.
func list[T any](ctx context.Context, h hands, text string, a args, scan func(row *sql.Rows, to *T) error) (all []T, err error) {
	rows, err := h.st.QueryContext(ctx, text, a...)
	if err != nil {
		return nil, translate(err)
	}
	defer func() {
		if closeErr := rows.Close(); err == nil {
			err = translate(closeErr)
		}
	}()
	for rows.Next() {
		var one T
		if err := scan(rows, &one); err != nil {
			return nil, fmt.Errorf("read a row: %w", err)
		}
		all = append(all, one)
	}
	return all, translate(rows.Err())
}

// enter takes a connection of the pool and sets its scope. The scope ends when
// the pool hands the connection out again.
func enter(ctx context.Context, pool *sql.DB, sc scope) (*sql.Conn, error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, translate(err)
	}
	if err := setScope(conn, sc); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

func setScope(conn *sql.Conn, sc scope) error {
	return conn.Raw(func(dc any) error {
		dc.(*scopedConn).scope = sc
		return nil
	})
}

// read runs f with a reader that sees this org only.
func (o *Org) read(ctx context.Context, f func(orgDoor) error) error {
	conn, err := enter(ctx, o.store.readers, scope{doorOrg, o.id})
	if err != nil {
		return err
	}
	return errors.Join(f(orgDoor{hands{conn}, o}), conn.Close())
}

// read runs f with a reader at the system door.
func (s *Store) read(ctx context.Context, f func(systemDoor) error) error {
	conn, err := enter(ctx, s.system, scope{door: doorSystem})
	if err != nil {
		return err
	}
	return errors.Join(f(systemDoor{hands{conn}}), conn.Close())
}

// transaction is one write transaction on the one write connection. All of it is
// kept, or nothing.
type transaction struct {
	store *Store
	conn  *sql.Conn
	tx    *sql.Tx
}

// transact is for changes, which wait for room when the disk is full.
func (s *Store) transact(ctx context.Context, f func(*transaction) error) error {
	if err := s.holdBack(ctx); err != nil {
		return err
	}
	err := s.transactUnnoted(ctx, f)
	s.noteTransaction(ctx, err)
	return err
}

// transactOnReserve is for the little without which reading does not go on. When it
// meets a full disk, f may run twice.
func (s *Store) transactOnReserve(ctx context.Context, f func(*transaction) error) error {
	return s.onReserve(ctx, func() error {
		err := s.transactUnnoted(ctx, f)
		s.noteTransaction(ctx, err)
		return err
	})
}

func (s *Store) transactUnnoted(ctx context.Context, f func(*transaction) error) error {
	if err := s.refuse(); err != nil {
		return err
	}
	conn, err := enter(ctx, s.writer, scope{})
	if err != nil {
		return err
	}
	return errors.Join(s.runTransaction(ctx, conn, f), conn.Close())
}

func (s *Store) runTransaction(ctx context.Context, conn *sql.Conn, f func(*transaction) error) error {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return translate(err)
	}
	if err := f(&transaction{s, conn, tx}); err != nil {
		// SQLite may have rolled back by itself (full disk), and then says so.
		_ = tx.Rollback()
		return err
	}
	if err := tx.Commit(); err != nil {
		return translate(err)
	}
	s.outbox.tell()
	return nil
}

// asOrg steps through the door of an org.
func (t *transaction) asOrg(o *Org, f func(orgDoor) error) error {
	if err := setScope(t.conn, scope{doorOrg, o.id}); err != nil {
		return err
	}
	return f(orgDoor{hands{t.tx}, o})
}

// asSystem steps through the system door.
func (t *transaction) asSystem(f func(systemDoor) error) error {
	if err := setScope(t.conn, scope{door: doorSystem}); err != nil {
		return err
	}
	return f(systemDoor{hands{t.tx}})
}

// write runs f in a transaction that sees this org only.
func (o *Org) write(ctx context.Context, f func(orgDoor) error) error {
	return o.store.transact(ctx, func(t *transaction) error { return t.asOrg(o, f) })
}

// write runs f in a transaction at the system door.
func (s *Store) write(ctx context.Context, f func(systemDoor) error) error {
	return s.transact(ctx, func(t *transaction) error { return t.asSystem(f) })
}

// writeOnReserve is write for what may use the reserve.
func (o *Org) writeOnReserve(ctx context.Context, f func(orgDoor) error) error {
	return o.store.transactOnReserve(ctx, func(t *transaction) error { return t.asOrg(o, f) })
}

// writeOnReserve is write for what may use the reserve.
func (s *Store) writeOnReserve(ctx context.Context, f func(systemDoor) error) error {
	return s.transactOnReserve(ctx, func(t *transaction) error { return t.asSystem(f) })
}

// translate turns what SQLite says about the disk into ErrDiskFull.
func translate(err error) error {
	switch code(err) {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC,
		sqlite3.SQLITE_IOERR_TRUNCATE, sqlite3.SQLITE_IOERR_SHMSIZE:
		return fmt.Errorf("%w (%w)", ErrDiskFull, err)
	}
	return err
}

func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return sqlite3.SQLITE_OK
}

func isTaken(err error) bool {
	c := code(err)
	return c == sqlite3.SQLITE_CONSTRAINT_UNIQUE || c == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
}

func isConstraint(err error) bool { return code(err)&0xff == sqlite3.SQLITE_CONSTRAINT }

func isDangling(err error) bool { return code(err) == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY }

func isChecked(err error) bool { return code(err) == sqlite3.SQLITE_CONSTRAINT_CHECK }
