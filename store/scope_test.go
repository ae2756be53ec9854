// Lock 2 under attack: every way that we know to reach another org's rows, from
// inside of an org's door, with all locks on and with each one off.

package store

import (
	"testing"
)

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
