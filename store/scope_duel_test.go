package store

// scope_duel_test.go sets org A on org B, in a copy of a database for each attack.

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
