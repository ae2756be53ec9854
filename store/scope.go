// Lock 2: the connection filters. Every pooled connection carries a scope, and
// SQLite itself keeps a statement inside it, whatever the statement says:
//
//   - The tables of all orgs are called <noun>_all. For each, a temp view called
//     <noun> shows only the scope's rows; SQL of this package names the views.
//   - Writes go through the views too: INSTEAD OF triggers carry them to the
//     table. So a WHERE, FROM, join or subquery of an UPDATE or DELETE sees what
//     a SELECT would see, and no statement has to be parsed or trusted.
//   - Temp guard triggers on the tables abort a write to another org's row, also
//     the silent delete of a REPLACE (recursive_triggers is on for that).
//   - An authorizer refuses every access to a table that does not come through
//     these views and triggers. SQLite names the innermost one as the source of an
//     access, but it names a CTE in the same way: a CTE called like the view would
//     pass for it. So the objects that may reach the tables carry a random prefix,
//     new for each connection, and sqlite_master can't be read.
//   - Pragmas, ATTACH and all changes of the schema are refused.
//   - A connection that nobody gave an org sees no rows: org_scope() is NULL.
//     ResetSession clears the scope before a pooled connection is used again.
//
// The system door (system.go) is the other scope: its statements may read every
// table and write those that belong to no org, and are a fixed list of texts.

package store

import (
	"context"
	"crypto/rand"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"modernc.org/sqlite"
)

// door is how a connection was entered.
type door uint8

const (
	doorShut   door = iota // nobody asked yet: no rows at all
	doorOrg                // one org's views
	doorSystem             // the named statements of system.go
)

type scope struct {
	door door
	org  string
}

// locks switches single parts of the locks off, which only the tests do, to
// prove that each part is needed. The zero value is the product.
type locks struct {
	noFilter, noAuthorizer, noGuards, noForeignKeys, noReset bool
}

// orgTable is a table of rows of all orgs.
type orgTable struct {
	name    string // of the table: api_keys_all
	orgCol  string // org_id, or id for the orgs themselves
	columns []string
	key     []string
	ledger  bool // rows are added, never changed, and go only with their org
}

func (t orgTable) view() string { return strings.TrimSuffix(t.name, "_all") }

// connector opens scoped connections of one pool.
type connector struct {
	dsn      string
	tables   []orgTable
	readOnly bool
	locks    locks
}

func (c *connector) Driver() driver.Driver { return &sqlite.Driver{} }

// Connect opens one connection: a driver value of its own, so that org_scope()
// can answer with this connection's scope; then views and triggers; then the
// authorizer, which from then on refuses to change them.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn := &scopedConn{locks: c.locks, idle: map[stmtKey]driver.Stmt{}}
	own := &sqlite.Driver{}
	err := own.RegisterFunction("org_scope", &sqlite.FunctionImpl{Deterministic: true, Scalar: conn.orgScope})
	if err != nil {
		return nil, fmt.Errorf("register org_scope: %w", err)
	}
	raw, err := own.Open(c.dsn)
	if err != nil {
		return nil, fmt.Errorf("open the database file: %w", err)
	}
	conn.raw = raw.(rawConn)
	if err := c.furnish(ctx, conn); err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	return conn, nil
}

func (c *connector) furnish(ctx context.Context, conn *scopedConn) error {
	var nonce [8]byte
	rand.Read(nonce[:])
	prefix := "own_" + hex.EncodeToString(nonce[:]) + "_"
	views := map[string]bool{}
	var script strings.Builder
	for _, t := range c.tables {
		views[t.view()], views[prefix+t.view()] = true, true
		script.WriteString(t.viewSQL(prefix, c.locks))
		if !c.readOnly {
			script.WriteString(t.writeSQL(prefix, c.locks))
		}
	}
	if c.readOnly {
		script.WriteString("PRAGMA query_only = 1;")
	}
	if _, err := conn.raw.ExecContext(ctx, script.String(), nil); err != nil {
		return fmt.Errorf("create the org views: %w", err)
	}
	if c.locks.noAuthorizer {
		return nil
	}
	allTables := map[string]bool{}
	for _, t := range c.tables {
		allTables[t.name] = true
	}
	gate := &gate{scope: &conn.scope, prefix: prefix, views: views, orgTables: allTables}
	return conn.raw.RegisterAuthorizer(gate.authorize)
}

func (t orgTable) viewSQL(prefix string, off locks) string {
	filter := fmt.Sprintf("WHERE %s = org_scope()", t.orgCol)
	if off.noFilter {
		filter = ""
	}
	cols := strings.Join(t.columns, ", ")
	return fmt.Sprintf("CREATE TEMP VIEW %[1]s%[2]s AS SELECT %[3]s FROM main.%[4]s %[5]s;\n"+
		"CREATE TEMP VIEW %[2]s AS SELECT %[3]s FROM %[1]s%[2]s;\n", prefix, t.view(), cols, t.name, filter)
}

// writeSQL carries writes through the view and guards the table. The key and
// the org of a row are not updated, and an attempt to is an error.
func (t orgTable) writeSQL(prefix string, off locks) string {
	isKey := map[string]bool{t.orgCol: true}
	var where []string
	for _, c := range t.key {
		isKey[c] = true
		where = append(where, c+" = OLD."+c)
	}
	var set, keyChange, fresh []string
	for _, c := range t.columns {
		fresh = append(fresh, "NEW."+c)
		if isKey[c] {
			keyChange = append(keyChange, fmt.Sprintf("NEW.%[1]s IS NOT OLD.%[1]s", c))
		} else {
			set = append(set, c+" = NEW."+c)
		}
	}
	r := strings.NewReplacer("{p}", prefix, "{view}", t.view(), "{table}", t.name, "{org}", t.orgCol,
		"{cols}", strings.Join(t.columns, ", "), "{fresh}", strings.Join(fresh, ", "), "{set}", strings.Join(set, ", "),
		"{where}", strings.Join(where, " AND "), "{keyChange}", strings.Join(keyChange, " OR "))
	text := `
CREATE TEMP TRIGGER {p}insert_{view} INSTEAD OF INSERT ON {view}
BEGIN INSERT INTO {table} ({cols}) VALUES ({fresh}); END;
CREATE TEMP TRIGGER {p}update_{view} INSTEAD OF UPDATE ON {view}
BEGIN
  SELECT RAISE(ABORT, 'the key of a row never changes') WHERE {keyChange};
  UPDATE {table} SET {set} WHERE {where};
END;
CREATE TEMP TRIGGER {p}delete_{view} INSTEAD OF DELETE ON {view}
BEGIN DELETE FROM {table} WHERE {where}; END;
`
	if !off.noGuards {
		text += `
CREATE TEMP TRIGGER {p}guard_insert_{view} BEFORE INSERT ON main.{table} WHEN NEW.{org} IS NOT org_scope()
BEGIN SELECT RAISE(ABORT, 'a row of another org'); END;
CREATE TEMP TRIGGER {p}guard_update_{view} BEFORE UPDATE ON main.{table} WHEN OLD.{org} IS NOT org_scope() OR NEW.{org} IS NOT org_scope()
BEGIN SELECT RAISE(ABORT, 'a row of another org'); END;
CREATE TEMP TRIGGER {p}guard_delete_{view} BEFORE DELETE ON main.{table} WHEN OLD.{org} IS NOT org_scope()
BEGIN SELECT RAISE(ABORT, 'a row of another org'); END;
`
	}
	if t.ledger {
		// An org always has an owner, until it is deleted: then its members go first.
		text += `
CREATE TEMP TRIGGER {p}keep_{view} BEFORE DELETE ON main.{table} WHEN EXISTS (SELECT 1 FROM members_all WHERE org_id = OLD.{org})
BEGIN SELECT RAISE(ABORT, 'the ledger is append only'); END;
`
	}
	return r.Replace(text)
}

// gate is the authorizer of one connection.
type gate struct {
	scope     *scope
	prefix    string
	views     map[string]bool
	orgTables map[string]bool
}

func (g *gate) authorize(action sqlite.AuthorizerActionCode, a1, _, db, via string) sqlite.AuthorizerReturnCode {
	switch action {
	case sqlite.AuthSelect, sqlite.AuthTransaction, sqlite.AuthFunction, sqlite.AuthRecursive:
		return sqlite.AuthorizerOK
	case sqlite.AuthRead:
		if g.mayTouch(a1, db, via) || g.systemMay(a1, db) {
			return sqlite.AuthorizerOK
		}
	case sqlite.AuthInsert, sqlite.AuthUpdate, sqlite.AuthDelete:
		if g.mayTouch(a1, db, via) || (g.systemMay(a1, db) && !g.orgTables[a1]) {
			return sqlite.AuthorizerOK
		}
	}
	return sqlite.AuthorizerDeny
}

// mayTouch: a view of ours by anybody, a table only through what is ours. For a
// table of which no column is used (count(*)) SQLite names no database.
func (g *gate) mayTouch(table, db, via string) bool {
	if g.views[table] {
		return db != "main"
	}
	return db != "temp" && strings.HasPrefix(via, g.prefix)
}

// systemMay: the system door reaches every table of ours, by itself. Those of
// SQLite and of the replication are not ours.
func (g *gate) systemMay(table, db string) bool {
	return g.scope.door == doorSystem && db != "temp" && !strings.HasPrefix(table, "sqlite_") && !strings.HasPrefix(table, "_litestream_")
}
