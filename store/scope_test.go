// Lock 2 under attack: every way that we know to reach another org's rows, from
// inside of an org's door, with all locks on and with each one off.

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/secret"
)

// victim is org B of the attacks: all its names carry this mark.
const victim = "VICTIM"

// attack is a statement that org A's door is made to run. {a} and {b} are the
// orgs' ids, {akey} and {bkey} ids of their keys, {bhash} a key's hash of B.
type attack struct {
	name, sql string
	refused   bool // otherwise it runs, and is contained
	own       int  // for a count: what A may count
}

var attacks = []attack{
	{name: "select without a filter", sql: `SELECT * FROM api_keys`},
	{name: "select of every table", sql: `SELECT * FROM orgs, members, connections, audit, usage, confirmations, billing_accounts, listing_counts, billable_changes, desired_quantities, mails`},
	{name: "count without a filter", sql: `SELECT count(*) FROM api_keys`, own: 2},
	{name: "select with the other's id", sql: `SELECT * FROM api_keys WHERE org_id = '{b}'`},
	{name: "count with the other's id", sql: `SELECT count(*) FROM api_keys WHERE org_id = '{b}'`},
	{name: "join with one side unfiltered", sql: `SELECT k.*, m.* FROM api_keys k JOIN members m ON m.org_id = k.org_id OR 1`},
	{name: "join that forgets the org", sql: `SELECT c.*, k.* FROM confirmations c JOIN api_keys k ON k.id = c.key_id OR k.name <> ''`},
	{name: "join with the table itself", sql: `SELECT b.* FROM api_keys k, main.api_keys_all b`, refused: true},
	{name: "subquery on the table", sql: `SELECT (SELECT name FROM main.api_keys_all WHERE org_id = '{b}') FROM api_keys`, refused: true},
	{name: "exists on the table", sql: `SELECT 1 FROM api_keys WHERE EXISTS (SELECT 1 FROM api_keys_all b WHERE b.org_id = '{b}')`, refused: true},
	{name: "union with the table", sql: `SELECT name FROM api_keys UNION SELECT name FROM api_keys_all`, refused: true},
	{name: "cte on the view", sql: `WITH x AS (SELECT * FROM api_keys) SELECT * FROM x`},
	{name: "cte on the table", sql: `WITH x AS (SELECT * FROM main.api_keys_all) SELECT * FROM x`, refused: true},
	{name: "cte that is called like the view", sql: `WITH api_keys AS (SELECT * FROM main.api_keys_all) SELECT * FROM api_keys`, refused: true},
	{name: "cte that is called like a trigger", sql: `WITH api_keys_all_org_fixed AS (SELECT * FROM main.api_keys_all) SELECT * FROM api_keys_all_org_fixed`, refused: true},
	{name: "recursive cte", sql: `WITH RECURSIVE x (n, c) AS (SELECT 1, '' UNION ALL SELECT n + 1, (SELECT group_concat(name) FROM api_keys_all) FROM x WHERE n < 3) SELECT * FROM x`, refused: true},
	{name: "main.t", sql: `SELECT * FROM main.api_keys_all`, refused: true},
	{name: "main.t, one column", sql: `SELECT name FROM main.api_keys_all WHERE org_id = '{b}'`, refused: true},
	{name: "count of main.t", sql: `SELECT count(*) FROM main.api_keys_all`, refused: true},
	{name: "the orgs", sql: `SELECT name FROM orgs`},
	{name: "main.orgs", sql: `SELECT name FROM main.orgs_all`, refused: true},
	{name: "people of the server", sql: `SELECT email, password FROM users`, refused: true},
	{name: "sessions", sql: `SELECT * FROM sessions`, refused: true},
	{name: "a statement of the system door", sql: sysOrgsAfter, refused: true},
	{
		name: "insert other org", refused: true,
		sql: `INSERT INTO api_keys (org_id, id, name, slot, hash, last4, created_by, created_at) VALUES ('{b}', 'key_x', 'planted', 5, x'00', '', '', 1)`,
	},
	{
		name: "insert other org into the table", refused: true,
		sql: `INSERT INTO main.api_keys_all (org_id, id, name, slot, hash, last4, created_by, created_at) VALUES ('{b}', 'key_x', 'planted', 5, x'00', '', '', 1)`,
	},
	{
		name: "insert from select", refused: true,
		sql: `INSERT INTO api_keys (org_id, id, name, slot, hash, last4, created_by, created_at) SELECT '{a}', id, name, 4, x'00', last4, '', 1 FROM main.api_keys_all WHERE org_id = '{b}'`,
	},
	{
		name: "insert from select of the view",
		sql:  `INSERT INTO api_keys (org_id, id, name, slot, hash, last4, created_by, created_at) SELECT '{a}', id || 'x', name, 4, x'00', last4, '', 1 FROM api_keys WHERE slot = 1`,
	},
	{
		name: "insert that refers to the other's row", refused: true,
		sql: `INSERT INTO confirmations (org_id, id, key_id, tool, arguments_hash, token_hash, created_at, expires_at) VALUES ('{a}', 'cnf_x', '{bkey}', 't', x'00', x'00', 1, 1)`,
	},
	{name: "update without a filter", sql: `UPDATE api_keys SET name = 'taken'`},
	{name: "update with the other's id", sql: `UPDATE api_keys SET name = 'taken' WHERE id = '{bkey}' OR org_id = '{b}'`},
	{name: "update the table", sql: `UPDATE main.api_keys_all SET name = 'taken'`, refused: true},
	{name: "update the table, other org", sql: `UPDATE main.api_keys_all SET name = 'taken' WHERE org_id = '{b}'`, refused: true},
	{name: "update moves a row to the other", sql: `UPDATE api_keys SET org_id = '{b}'`, refused: true},
	{name: "update to an id of the other", sql: `UPDATE api_keys SET id = '{bkey}' WHERE id = '{akey}'`, refused: true},
	{name: "update from another table", sql: `UPDATE api_keys SET name = m.name FROM main.members_all m WHERE m.org_id = '{b}'`, refused: true},
	{name: "update from itself", sql: `UPDATE api_keys SET name = b.name FROM main.api_keys_all b WHERE b.org_id = '{b}'`, refused: true},
	{name: "update the table from itself", sql: `UPDATE main.api_keys_all SET name = b.name FROM main.api_keys_all b WHERE b.org_id = '{b}'`, refused: true},
	{name: "update from the view of another table", sql: `UPDATE api_keys SET name = m.name FROM members m`},
	{name: "update from the view itself", sql: `UPDATE api_keys SET name = b.name FROM api_keys b WHERE b.id <> api_keys.id`},
	{name: "update by a subquery", sql: `UPDATE api_keys SET name = (SELECT group_concat(name) FROM api_keys_all)`, refused: true},
	{name: "update where exists", sql: `UPDATE api_keys SET name = 'yes' WHERE EXISTS (SELECT 1 FROM api_keys_all WHERE org_id = '{b}')`, refused: true},
	{name: "update returning", sql: `UPDATE api_keys SET name = 'taken' RETURNING org_id, id, name`},
	{name: "update returning of the table", sql: `UPDATE main.api_keys_all SET slot = slot RETURNING org_id, id, name`, refused: true},
	{name: "update returning by a subquery", sql: `UPDATE api_keys SET slot = slot RETURNING (SELECT group_concat(name) FROM api_keys_all)`, refused: true},
	{name: "delete without a filter", sql: `DELETE FROM confirmations`},
	{name: "delete with the other's id", sql: `DELETE FROM api_keys WHERE id = '{bkey}' OR org_id = '{b}'`},
	{name: "delete from the table", sql: `DELETE FROM main.confirmations_all`, refused: true},
	{name: "delete by a subquery", sql: `DELETE FROM confirmations WHERE key_id IN (SELECT id FROM api_keys_all)`, refused: true},
	{
		name: "upsert onto the other's unique key", refused: true,
		sql: `INSERT INTO api_keys (org_id, id, name, slot, hash, last4, created_by, created_at) VALUES ('{a}', 'key_x', 'x', 5, x'{bhash}', '', '', 1) ON CONFLICT (hash) DO UPDATE SET name = 'taken'`,
	},
	{
		name: "upsert on the table", refused: true,
		sql: `INSERT INTO main.api_keys_all (org_id, id, name, slot, hash, last4, created_by, created_at) VALUES ('{a}', 'key_x', 'x', 5, x'{bhash}', '', '', 1) ON CONFLICT (hash) DO UPDATE SET name = 'taken'`,
	},
	{
		name: "replace onto the other's unique key", refused: true,
		sql: `REPLACE INTO api_keys (org_id, id, name, slot, hash, last4, created_by, created_at) VALUES ('{a}', 'key_x', 'x', 5, x'{bhash}', '', '', 1)`,
	},
	{name: "update or replace onto the other's unique key", sql: `UPDATE OR REPLACE api_keys SET hash = x'{bhash}' WHERE id = '{akey}'`, refused: true},
	{
		name: "replace other org", refused: true,
		sql: `REPLACE INTO api_keys (org_id, id, name, slot, hash, last4, created_by, created_at) VALUES ('{b}', '{bkey}', 'taken', 1, x'00', '', '', 1)`,
	},
	{
		name: "insert or ignore onto the other's unique key",
		sql:  `INSERT OR IGNORE INTO api_keys (org_id, id, name, slot, hash, last4, created_by, created_at) VALUES ('{a}', 'key_x', 'x', 5, x'{bhash}', '', '', 1)`,
	},
	{name: "attach", sql: `ATTACH '{path}' AS other`, refused: true},
	{name: "detach", sql: `DETACH main`, refused: true},
	{name: "pragma", sql: `PRAGMA query_only = 0`, refused: true},
	{name: "pragma writable_schema", sql: `PRAGMA writable_schema = 1`, refused: true},
	{name: "pragma as a table", sql: `SELECT * FROM pragma_database_list`, refused: true},
	{name: "drop the view", sql: `DROP VIEW temp.api_keys`, refused: true},
	{name: "drop a guard of the table", sql: `DROP TRIGGER api_keys_all_org_fixed`, refused: true},
	{name: "drop the table", sql: `DROP TABLE main.api_keys_all`, refused: true},
	{name: "alter the table", sql: `ALTER TABLE main.api_keys_all RENAME TO mine`, refused: true},
	{name: "create a view", sql: `CREATE TEMP VIEW peek AS SELECT * FROM main.api_keys_all`, refused: true},
	{name: "create a trigger", sql: `CREATE TEMP TRIGGER peek AFTER INSERT ON main.audit_all BEGIN DELETE FROM api_keys_all; END`, refused: true},
	{name: "create a table", sql: `CREATE TABLE main.copy AS SELECT * FROM api_keys`, refused: true},
	{name: "the schema", sql: `SELECT sql FROM main.sqlite_schema`, refused: true},
	{name: "the temp schema, which tells the random prefix", sql: `SELECT name FROM temp.sqlite_schema`, refused: true},
	{name: "vacuum into a file", sql: `VACUUM INTO '{path}'`, refused: true},
}

// duel is a database with two orgs, closed, to be copied for each attack.
type duel struct {
	path  string
	ring  *secret.Keyring
	a, b  party
	rowsB string // B's rows before any attack
}

type party struct{ org, key, hash string }

func openInside(t *testing.T, path string, ring *secret.Keyring, off locks) *Store {
	t.Helper()
	st, err := Open(t.Context(), Config{
		Path: path, Log: slog.New(slog.DiscardHandler), PasswordCost: PasswordCost{64, 1, 1}, Billing: true, Mail: true, locks: off,
		Keyring: func(context.Context, bool) (*secret.Keyring, error) { return ring, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func closeStore(t *testing.T, st *Store) {
	t.Helper()
	if err := st.Close(); err != nil {
		t.Error(err)
	}
}

func newDuel(t *testing.T) duel {
	t.Helper()
	ring, err := secret.ParseKeyring(secret.GenerateKey().Reveal())
	if err != nil {
		t.Fatal(err)
	}
	d := duel{path: filepath.Join(t.TempDir(), "duel.db"), ring: ring}
	st := openInside(t, d.path, ring, locks{})
	d.a = newParty(t, st, "Attacker", 111)
	d.b = newParty(t, st, victim, 222)
	bill(t, st, d.a.org, "Attacker")
	bill(t, st, d.b.org, victim)
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	d.rowsB = rowsOf(t, d.path, d.b.org)[0]
	return d
}

func newParty(t *testing.T, st *Store, name string, account int64) party {
	t.Helper()
	ctx, by := t.Context(), Actor{Kind: ActorSystem, Name: name}
	fail := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	o, _, err := st.CreateOrg(ctx, NewOrg{
		Name: name, Email: strings.ToLower(name) + "@example.com", MemberName: name, Password: secret.New("violet-harbour-28"),
	}, by)
	fail(err)
	first, token, err := o.CreateAPIKey(ctx, by, name+" one")
	fail(err)
	_, _, err = o.CreateAPIKey(ctx, by, name+" two")
	fail(err)
	_, err = o.Connect(ctx, by, NewConnection{AccountID: account, Secret: secret.New(name + " secret of Hostaway")})
	fail(err)
	_, _, err = o.CreateConfirmation(ctx, Confirmation{KeyID: first.ID, Tool: name, ArgumentsHash: []byte{1}})
	fail(err)
	fail(o.RecordToolCall(ctx, ToolCall{KeyID: first.ID, KeyName: name, Tool: name, Outcome: OutcomeOK, StartedAt: time.Now()}))
	hash, _ := hashToken(keyPrefix, token)
	return party{org: o.id, key: first.ID, hash: fmt.Sprintf("%x", hash)}
}

// bill gives a connected org a row in each table of billing.
func bill(t *testing.T, st *Store, org, name string) {
	t.Helper()
	ctx, o, by := t.Context(), &Org{store: st, id: org}, Actor{Kind: ActorSystem, Name: name}
	a, err := o.Billing(ctx)
	if errors.Is(err, ErrNotFound) { // billing is off
		a.Access = AccessNone
	} else if err != nil {
		t.Fatal(err)
	}
	a.CustomerID = "cus_" + name
	if _, err := o.SaveBilling(ctx, by, a, NewMail{Kind: "trial_started", To: ToOwners, DedupeKey: name, Payload: []byte(name)}); err != nil {
		t.Fatal(err)
	}
	at := st.now()
	_, err = o.RecordCount(ctx, by, ListingCount{
		CountedAt: at, Active: 2, Total: 3, Pages: 1, Complete: true, ConnectionVersion: 1, Source: CountConnect, IDs: []int64{11, 7},
	}, QuantityChange{
		Desired:  &DesiredQuantity{Quantity: 2, CountedAt: at, State: QuantityDirty},
		Billable: []BillableChange{{EffectiveAt: at, Quantity: 2, Reason: BillableTrial}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// run plays one attack on a copy of the database and tells the breach, if any.
func (d duel) run(t *testing.T, at attack, off locks) (breach string, err error) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "copy.db")
	content, readErr := os.ReadFile(d.path)
	if readErr == nil {
		readErr = os.WriteFile(path, content, 0o600)
	}
	if readErr != nil {
		t.Fatal(readErr)
	}
	st := openInside(t, path, d.ring, off)
	text := strings.NewReplacer("{a}", d.a.org, "{b}", d.b.org, "{akey}", d.a.key, "{bkey}", d.b.key, "{bhash}", d.b.hash,
		"{path}", filepath.Join(dir, "other.db")).Replace(at.sql)
	seen, err := attackText(t.Context(), st, d.a.org, text)
	if closeErr := st.Close(); closeErr != nil {
		t.Fatal(closeErr)
	}
	rows := rowsOf(t, path, d.a.org, d.b.org)
	switch {
	case strings.Contains(seen, victim):
		return "saw " + seen, err
	case strings.HasPrefix(at.name, "count") && err == nil && seen != fmt.Sprintf("%d ", at.own):
		return "counted " + seen, err
	case rows[1] != d.rowsB:
		return "changed the other's rows", err
	case strings.Contains(rows[0], victim), strings.Contains(rows[0], d.b.key):
		return "brought the other's data into its own rows", err
	}
	return "", err
}

// attackText runs a statement behind org A's door, in a transaction, and returns
// everything that it answers.
func attackText(ctx context.Context, st *Store, org, text string) (seen string, err error) {
	o := &Org{store: st, id: org}
	err = o.write(ctx, func(d orgDoor) error {
		rows, err := d.st.QueryContext(ctx, text, args{"", 100}[:strings.Count(text, "?")]...)
		if err != nil {
			return err
		}
		defer rows.Close()
		columns, err := rows.Columns()
		for err == nil && rows.Next() {
			values := make([]sql.NullString, len(columns))
			into := make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			err = rows.Scan(into...)
			for _, v := range values {
				seen += v.String + " "
			}
		}
		if err == nil {
			err = rows.Err()
		}
		return err
	})
	return seen, err
}

// rowsOf reads all rows of each org without any lock.
func rowsOf(t *testing.T, path string, orgs ...string) []string {
	t.Helper()
	db, err := openPlain(dsn(Config{Path: path}))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tables, err := orgTables(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	all := make([]string, len(orgs))
	for _, table := range tables {
		concat := "quote(" + strings.Join(table.columns, ") || ',' || quote(") + ")"
		for i, org := range orgs {
			rows, err := list(t.Context(), hands{db}, "SELECT "+concat+" FROM "+table.name+" WHERE "+table.orgCol+" = ? ORDER BY 1", args{org},
				func(row *sql.Rows, to *string) error { return row.Scan(to) })
			if err != nil {
				t.Fatal(err)
			}
			all[i] += table.name + strings.Join(rows, "\n")
		}
	}
	return all
}

func TestEveryAttackIsContainedOrRefused(t *testing.T) {
	t.Parallel()
	d := newDuel(t)
	for _, at := range attacks {
		breach, err := d.run(t, at, locks{})
		if breach != "" {
			t.Errorf("%s: BREACH: it %s", at.name, breach)
		}
		if (err != nil) != at.refused {
			t.Errorf("%s: refused is %t, want %t (error: %v)", at.name, err != nil, at.refused, err)
		}
	}
}

// Each lock must be needed: with any one off, some attack gets through.
func TestAttacksSeeEachMissingLock(t *testing.T) {
	t.Parallel()
	d := newDuel(t)
	for name, off := range map[string]locks{
		"the views' filter": {noFilter: true},
		"the authorizer":    {noAuthorizer: true},
		"the guards":        {noGuards: true},
		"the foreign keys":  {noForeignKeys: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, at := range attacks {
				if breach, _ := d.run(t, at, off); breach != "" {
					t.Logf("without %s this gets through: %s", name, at.name)
					return
				}
			}
			t.Errorf("without %s no attack gets through: nothing tests that lock", name)
		})
	}
}

// leftovers counts the keys that a connection sees which an org used before and
// which nobody gave an org since.
func leftovers(t *testing.T, d duel, off locks) (seen int) {
	t.Helper()
	st := openInside(t, filepath.Join(t.TempDir(), "copy.db"), d.ring, off)
	defer closeStore(t, st)
	p := newParty(t, st, "Earlier", 333)
	o := &Org{store: st, id: p.org}
	if err := o.read(t.Context(), func(d orgDoor) error { return d.get(t.Context(), `SELECT 1 FROM api_keys`, nil, new(int)) }); err != nil {
		t.Fatal(err)
	}
	for _, pool := range []*sql.DB{st.readers, st.writer} {
		var n int
		if err := pool.QueryRowContext(t.Context(), `SELECT count(*) FROM api_keys`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		seen += n
	}
	return seen
}

func TestConnectionWithoutOrgSeesNothing(t *testing.T) {
	t.Parallel()
	d := newDuel(t)
	if n := leftovers(t, d, locks{}); n != 0 {
		t.Errorf("a connection that went back to the pool still shows %d keys", n)
	}
	if n := leftovers(t, d, locks{noReset: true}); n == 0 {
		t.Error("without the reset nothing is seen either: nothing tests that lock")
	}
}

func TestReadersCannotWrite(t *testing.T) {
	t.Parallel()
	d := newDuel(t)
	st := openInside(t, d.path, d.ring, locks{})
	defer closeStore(t, st)
	o := &Org{store: st, id: d.a.org}
	err := o.read(t.Context(), func(d orgDoor) error {
		return d.exec(t.Context(), `UPDATE api_keys SET name = 'x'`, nil)
	})
	if err == nil {
		t.Error("a reader wrote through the view")
	}
	err = st.read(t.Context(), func(d systemDoor) error { return d.exec(t.Context(), sysForgetAttempts, args{0}) })
	if err == nil {
		t.Error("a reader at the system door wrote")
	}
}

func TestSystemDoorTakesListedStatementsOnly(t *testing.T) {
	t.Parallel()
	d := newDuel(t)
	st := openInside(t, d.path, d.ring, locks{})
	defer closeStore(t, st)
	for _, text := range []string{
		`SELECT name FROM orgs_all`,
		sysOrgsAfter + ` OFFSET 0`,
		`UPDATE api_keys_all SET name = 'x'`,
	} {
		err := st.write(t.Context(), func(d systemDoor) error { return d.exec(t.Context(), text, nil) })
		if err == nil {
			t.Errorf("the system door ran %q", text)
		}
	}
}
