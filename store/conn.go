// The pooled connection: it forwards to the driver's connection, carries the
// scope, and keeps its prepared statements. A statement is owned by one caller
// at a time: Prepare takes it out of the idle ones, Close puts it back.

package store

import (
	"context"
	"database/sql/driver"
	"errors"

	"modernc.org/sqlite"
)

// rawConn is what we use of the driver's connection.
type rawConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
	sqlite.AuthorizerRegisterer
}

type scopedConn struct {
	raw   rawConn
	scope scope
	locks locks
	idle  map[stmtKey]driver.Stmt
}

// stmtKey: a statement that was allowed for one door is not reused at another.
type stmtKey struct {
	door door
	text string
}

// orgScope is the SQL function org_scope(): the scope's org, or NULL.
func (c *scopedConn) orgScope(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) {
	if c.scope.org == "" {
		return nil, nil
	}
	return c.scope.org, nil
}

var errUnlisted = errors.New("the statement is not on the system door's list")

func (c *scopedConn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	key := stmtKey{c.scope.door, text}
	if st, ok := c.idle[key]; ok {
		delete(c.idle, key)
		return &scopedStmt{Stmt: st, conn: c, key: key}, nil
	}
	if c.scope.door == doorSystem && !c.locks.noAuthorizer && !listed(text) {
		return nil, errUnlisted
	}
	st, err := c.raw.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	return &scopedStmt{Stmt: st, conn: c, key: key}, nil
}

func (c *scopedConn) Prepare(text string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), text)
}

func (c *scopedConn) Close() error {
	var errs []error
	for _, st := range c.idle {
		errs = append(errs, st.Close())
	}
	clear(c.idle)
	return errors.Join(append(errs, c.raw.Close())...)
}

func (c *scopedConn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

func (c *scopedConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	return c.raw.BeginTx(ctx, o)
}

func (c *scopedConn) Ping(ctx context.Context) error { return c.raw.Ping(ctx) }

// ResetSession shuts the door before the pool hands the connection out again.
func (c *scopedConn) ResetSession(ctx context.Context) error {
	if !c.locks.noReset {
		c.scope = scope{}
	}
	return c.raw.ResetSession(ctx)
}

func (c *scopedConn) IsValid() bool { return c.raw.IsValid() }

type scopedStmt struct {
	driver.Stmt
	conn *scopedConn
	key  stmtKey
}

func (s *scopedStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

func (s *scopedStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}

// Close keeps the statement for the next caller. The driver reset it when its
// rows were closed.
func (s *scopedStmt) Close() error {
	if _, taken := s.conn.idle[s.key]; taken {
		return s.Stmt.Close()
	}
	s.conn.idle[s.key] = s.Stmt
	return nil
}
