// Lock 4: the source itself. Every SQL literal of this package is prepared on a
// fresh database by the door that it belongs to, and every table takes part in
// locks 2 and 3 or stands on a short list of tables that belong to no org.

package store

import (
	"database/sql"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/secret"
)

var update = flag.Bool("update", false, "write the golden files anew")

// serverTables belong to no org.
var serverTables = []string{
	"attempts", "billing_findings", "canaries", "installation", "jobs", "password_resets", "sessions", "sign_up_links",
	"stripe_events", "stripe_setups", "trials", "user_mails", "users", "verifications", "webhook_secrets",
}

// acrossOrgs are the system statements that may read rows of all orgs.
var acrossOrgs = []string{
	"sysCountOrgs", "sysCountSealed", "sysDirtyQuantities", "sysFirstOrg", "sysHeldQuantities", "sysKeyByHash", "sysMemberships", "sysOrgByStripeCustomer", "sysOrgFacts", "sysOrgFailures",
	"sysOrgFigures", "sysOrgKeyFacts", "sysOrgKeys", "sysOrgsAfter", "sysSealedBy", "sysSessionByToken", "sysRefusedConnections", "sysBillingAccess", "sysBillingFigures", "sysDueMails", "sysSawFinding", "sysStaleOrgs",
}

// before any door: the statements of these files run on a connection of their own.
var withoutDoor = []string{"migrate.go", "installation.go", "check.go", "scrub.go", "contents.go"}

var (
	looksLikeSQL = regexp.MustCompile(`^\s*(SELECT|INSERT|UPDATE|DELETE|REPLACE|WITH)\s`)
	allTable     = regexp.MustCompile(`\b[a-z_]+_all\b`)
)

// literal is one SQL text of the source.
type literal struct {
	at, file, name, text string
	inOrgDoor            bool
}

// sourceLiterals finds the SQL texts, also those put together from constants.
func sourceLiterals(t *testing.T) []literal {
	t.Helper()
	fset := token.NewFileSet()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	r := &literalReader{fset: fset, consts: map[string]string{}}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
		r.readConsts(f)
	}
	for _, f := range files {
		r.walk(f, nil)
	}
	return r.found
}

type literalReader struct {
	fset   *token.FileSet
	consts map[string]string
	found  []literal
}

func (r *literalReader) readConsts(f *ast.File) {
	ast.Inspect(f, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			for i, v := range spec.Values {
				if text, ok := r.eval(v); ok && i < len(spec.Names) {
					r.consts[spec.Names[i].Name] = text
				}
			}
		}
		return true
	})
}

func (r *literalReader) eval(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, err := strconv.Unquote(e.Value)
			return text, err == nil
		}
	case *ast.Ident:
		text, ok := r.consts[e.Name]
		return text, ok
	case *ast.BinaryExpr:
		x, okX := r.eval(e.X)
		y, okY := r.eval(e.Y)
		return x + y, okX && okY && e.Op == token.ADD
	}
	return "", false
}

// walk visits a tree and remembers the functions that it is inside of.
func (r *literalReader) walk(root ast.Node, around []*ast.FieldList) {
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			r.walk(n.Body, append(slices.Clone(around), n.Recv, n.Type.Params))
			return false
		case *ast.FuncLit:
			r.walk(n.Body, append(slices.Clone(around), n.Type.Params))
			return false
		case *ast.ValueSpec:
			for i, v := range n.Values {
				r.keep(v, n.Names[i].Name, around)
			}
			return len(around) > 0
		case *ast.BasicLit, *ast.BinaryExpr:
			return !r.keep(n.(ast.Expr), "", around)
		}
		return true
	})
}

func (r *literalReader) keep(e ast.Expr, name string, around []*ast.FieldList) bool {
	text, ok := r.eval(e)
	if !ok || !looksLikeSQL.MatchString(text) {
		return false
	}
	pos := r.fset.Position(e.Pos())
	r.found = append(r.found, literal{at: pos.String(), file: pos.Filename, name: name, text: text, inOrgDoor: hasOrgDoor(around)})
	return true
}

// hasOrgDoor: some function around takes an orgDoor, or is the batch writer's,
// whose run method takes the org's scope with each statement.
func hasOrgDoor(around []*ast.FieldList) bool {
	for _, list := range around {
		if list == nil {
			continue
		}
		for _, field := range list.List {
			typ := field.Type
			if star, ok := typ.(*ast.StarExpr); ok {
				typ = star.X
			}
			if id, ok := typ.(*ast.Ident); ok && (id.Name == "orgDoor" || id.Name == "batchWriter") {
				return true
			}
		}
	}
	return false
}

func freshStore(t *testing.T) *Store {
	t.Helper()
	ring, err := secret.ParseKeyring(secret.GenerateKey().Reveal())
	if err != nil {
		t.Fatal(err)
	}
	st := openInside(t, filepath.Join(t.TempDir(), "fresh.db"), ring, locks{})
	t.Cleanup(func() { _ = st.Close() })
	return st
}

func TestEveryStatementBelongsToADoor(t *testing.T) {
	t.Parallel()
	st := freshStore(t)
	prepare := func(sc scope, text string) error {
		conn, err := enter(t.Context(), st.writer, sc)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		prepared, err := conn.PrepareContext(t.Context(), text)
		if err != nil {
			return err
		}
		defer prepared.Close()
		return nil
	}
	listed := systemStatements()
	var system, org int
	for _, l := range sourceLiterals(t) {
		switch {
		case slices.Contains(withoutDoor, l.file):
		case strings.HasPrefix(l.file, "system"):
			system++
			if !slices.Contains(listed, l.text) {
				t.Errorf("%s: %s is missing in systemStatements", l.at, l.name)
			}
			if allTable.MatchString(l.text) != slices.Contains(acrossOrgs, l.name) {
				t.Errorf("%s: %s and the list of statements across orgs do not agree", l.at, l.name)
			}
			if err := prepare(scope{door: doorSystem}, l.text); err != nil {
				t.Errorf("%s: the system door refuses it: %v", l.at, err)
			}
		default:
			org++
			if !l.inOrgDoor {
				t.Errorf("%s: a statement outside of an org's door: %s", l.at, l.text)
			}
			if err := prepare(scope{doorOrg, "org_x"}, l.text); err != nil {
				t.Errorf("%s: an org's door refuses it: %v", l.at, err)
			}
		}
	}
	if system != len(listed) || org < 30 {
		t.Errorf("found %d system statements and %d of orgs in the source; the list has %d", system, org, len(listed))
	}
}

func TestEveryTableHasItsLocks(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fresh.db")
	if _, err := migrate(t.Context(), Config{Path: path}, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	db, err := openPlain(dsn(Config{Path: path}))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	scoped, err := orgTables(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	texts := func(query string, a ...any) []string {
		all, err := list(t.Context(), hands{db}, query, a, func(row *sql.Rows, to *string) error { return row.Scan(to) })
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	names, err := schemaOf(t.Context(), hands{db})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		columns := texts(`SELECT name FROM pragma_table_info(?)`, name)
		parents := texts(`SELECT "table" FROM pragma_foreign_key_list(?)`, name)
		strict := texts(`SELECT name FROM pragma_table_list(?) WHERE strict`, name)
		if len(strict) == 0 {
			t.Errorf("%s is not STRICT", name)
		}
		isScoped := slices.ContainsFunc(scoped, func(o orgTable) bool { return o.name == name })
		switch {
		case name == "orgs_all":
		case !slices.Contains(columns, "org_id"):
			if !slices.Contains(serverTables, name) {
				t.Errorf("%s has no org_id and is not on the list of the server's own tables", name)
			}
			if slices.ContainsFunc(parents, func(p string) bool { return strings.HasSuffix(p, "_all") && p != "orgs_all" }) {
				t.Errorf("%s refers to an org's rows without org_id", name)
			}
		default:
			if !isScoped {
				t.Errorf("%s has an org_id and its name does not end in _all: lock 2 does not see it", name)
			}
			checkKeys(t, db, name)
		}
	}
}

// checkKeys: the key starts with org_id, references carry it, and it is fixed.
func checkKeys(t *testing.T, db *sql.DB, table string) {
	t.Helper()
	var first string
	if err := db.QueryRowContext(t.Context(), `SELECT name FROM pragma_table_info(?) WHERE pk = 1`, table).Scan(&first); err != nil || first != "org_id" {
		t.Errorf("%s: its key starts with %q (%v), want org_id", table, first, err)
	}
	var loose int
	err := db.QueryRowContext(t.Context(), `
SELECT count(*) FROM pragma_foreign_key_list(?1) f
WHERE f."table" LIKE '%\_all' ESCAPE '\' AND f."table" <> 'orgs_all'
  AND NOT EXISTS (SELECT 1 FROM pragma_foreign_key_list(?1) g WHERE g.id = f.id AND g."from" = 'org_id' AND g."to" = 'org_id')`, table).Scan(&loose)
	if err != nil || loose != 0 {
		t.Errorf("%s: %d references to another table's rows leave the org out (%v)", table, loose, err)
	}
	var fixed int
	err = db.QueryRowContext(t.Context(), `SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1 AND name = ?1 || '_org_fixed'
  AND sql LIKE '%BEFORE UPDATE OF org_id%RAISE(ABORT%'`, table).Scan(&fixed)
	if err != nil || fixed != 1 {
		t.Errorf("%s: nothing fixes the org of its rows (%v)", table, err)
	}
}

// Lock 3 alone, on a connection without any other: SQLite refuses a row that
// moves to another org or refers to another org's row.
func TestSchemaRefusesMixedRows(t *testing.T) {
	t.Parallel()
	d := newDuel(t)
	db, err := openPlain(dsn(Config{Path: d.path}))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tables, err := orgTables(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		if table.orgCol != "org_id" {
			continue
		}
		_, err := db.ExecContext(t.Context(), "UPDATE "+table.name+" SET org_id = ? WHERE org_id = ?", d.b.org, d.a.org)
		refused := err != nil && (strings.Contains(err.Error(), "never changes") || table.ledger && strings.Contains(err.Error(), "append only"))
		if !refused {
			t.Errorf("%s: a row moved to another org: %v", table.name, err)
		}
	}
	_, err = db.ExecContext(t.Context(), `UPDATE confirmations_all SET key_id = ? WHERE org_id = ?`, d.b.key, d.a.org)
	if !isDangling(err) {
		t.Errorf("a confirmation of A refers to a key of B: %v", err)
	}
}

func TestSchemaIsWrittenDown(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fresh.db")
	if _, err := migrate(t.Context(), Config{Path: path}, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	db, err := openPlain(dsn(Config{Path: path}))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	parts, err := list(t.Context(), hands{db}, `SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND tbl_name NOT LIKE '\_litestream\_%' ESCAPE '\' ORDER BY tbl_name, type <> 'table', name`, nil,
		func(row *sql.Rows, to *string) error { return row.Scan(to) })
	if err != nil {
		t.Fatal(err)
	}
	got := "-- What all migrations together make. Written by: go test ./store -run TestSchemaIsWrittenDown -update\n\n" + strings.Join(parts, ";\n\n") + ";\n"
	if *update {
		if err := os.WriteFile("schema.sql", []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("schema.sql is not what the migrations make (-file +database); run with -update:\n%s", diff)
	}
}
