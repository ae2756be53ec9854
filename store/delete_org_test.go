// An org that is deleted is gone: from the tables, from the file, from memory.
// Nobody else notices.

package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/secret"
)

func TestDeleteOrg(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	st := openAt(t, &now)
	ctx := t.Context()
	a, b := newParty(t, st, "Acme", 1), newParty(t, st, "Beach", 2)
	orgA, orgB := &Org{store: st, id: a.org}, &Org{store: st, id: b.org}
	fill(t, st, a.org, 3*retainStep+7, now)
	bill(t, st, a.org, "Acme")
	bill(t, st, b.org, "Beach")
	sessions := peopleOfBoth(t, st, orgA, orgB)
	before := rowsOf(t, st.path, b.org)[0]

	gone, err := st.DeleteOrg(ctx, orgA)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, rowsOf(t, st.path, b.org)[0]); diff != "" {
		t.Errorf("the other org changed:\n%s", diff)
	}
	for _, table := range tablesOf(t, st) {
		var left int
		if err := (hands{st.keeper}).get(ctx, "SELECT count(*) FROM "+table.name+" WHERE "+table.orgCol+" = ?", args{a.org}, &left); err != nil || left != 0 {
			t.Errorf("%s: %d rows are left, %v", table.name, left, err)
		}
	}
	want := Deleted{
		Rows: map[string]int{
			"orgs": 1, "members": 3, "api_keys": 2, "connections": 1, "confirmations": 1, "usage": 1, "audit": 3*retainStep + 7 + 9,
			"billing_accounts": 1, "desired_quantities": 1, "billable_changes": 1, "listing_counts": 1, "mails": 1,
		},
		Users: 1, Operators: 1, Sessions: 3, WALEmptied: true,
	}
	if diff := cmp.Diff(want, gone); diff != "" {
		t.Errorf("what is said to be gone (-want +got):\n%s", diff)
	}
	for email, opens := range map[string]bool{"acme@example.com": false, "op@example.com": false, "both@example.com": true, "beach@example.com": true} {
		o, _, err := st.OrgBySession(ctx, sessions[email])
		if (err == nil) != opens || (opens && o.ID() != b.org) {
			t.Errorf("the session of %s opens %v, %v", email, o, err)
		}
	}
	users, err := st.Users(ctx)
	if err != nil || len(users) != 3 || !users[2].Operator {
		t.Errorf("left are %+v, %v", users, err)
	}
	if _, err := st.DeleteOrg(ctx, orgA); !errors.Is(err, ErrNotFound) {
		t.Errorf("a second time: %v", err)
	}
	if err := CheckFile(ctx, st.path, true); err != nil {
		t.Error(err)
	}
}

// peopleOfBoth are sessions by email: of the owners, of a person of both orgs who looks at
// the first, and of an operator of the first alone. A reset of its owner's password waits.
func peopleOfBoth(t *testing.T, st *Store, orgA, orgB *Org) map[string]secret.Text {
	t.Helper()
	ctx := t.Context()
	both := secret.New("violet-harbour-28")
	for _, m := range []struct {
		org   *Org
		email string
	}{{orgA, "both@example.com"}, {orgB, "both@example.com"}, {orgA, "op@example.com"}} {
		if _, err := m.org.AddMember(ctx, Actor{}, m.email, "Somebody", RoleMember, both); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.SetOperator(ctx, "op@example.com", true); err != nil {
		t.Fatal(err)
	}
	sessions := map[string]secret.Text{}
	for _, email := range []string{"acme@example.com", "both@example.com", "op@example.com", "beach@example.com"} {
		token, _, err := st.SignIn(ctx, SignIn{Email: email, Password: both})
		if err != nil {
			t.Fatal(err)
		}
		sessions[email] = token
	}
	if err := st.SwitchOrg(ctx, sessions["both@example.com"], orgA.ID()); err != nil {
		t.Fatal(err)
	}
	if _, err := st.CreatePasswordReset(ctx, "acme@example.com", Actor{Kind: ActorOperator}); err != nil {
		t.Fatal(err)
	}
	return sessions
}

// forms are the ways in which a secret could lie in a file.
func forms(b []byte) map[string][]byte {
	return map[string][]byte{
		"as it is": b, "in hex": []byte(hex.EncodeToString(b)), "in HEX": []byte(strings.ToUpper(hex.EncodeToString(b))),
		"in base64": []byte(strings.TrimRight(base64.StdEncoding.EncodeToString(b), "=")),
	}
}

// search looks for each mark, in every form, in the database file and beside it.
func search(t *testing.T, path string, marks map[string][]byte) (found []string) {
	t.Helper()
	for _, side := range []string{"", "-wal", "-shm"} {
		content, err := os.ReadFile(path + side)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for name, mark := range marks {
			for form, text := range forms(mark) {
				if bytes.Contains(content, text) {
					found = append(found, fmt.Sprintf("%s, %s, in the file%s", name, form, side))
				}
			}
		}
	}
	return found
}

// tracesOf are what an org's life leaves in the file: what is sealed, hashed or an
// address, and what also stands in its log.
func tracesOf(t *testing.T, st *Store, org string, secrets, log map[string][]byte) {
	t.Helper()
	for _, trace := range []struct {
		what, text string
		into       map[string][]byte
	}{
		{"secret", `SELECT secret FROM connections_all WHERE org_id = ?`, secrets},
		{"token", `SELECT token FROM connections_all WHERE org_id = ? AND token IS NOT NULL`, secrets},
		{"key hash", `SELECT hash FROM api_keys_all WHERE org_id = ?`, secrets},
		{"confirm hash", `SELECT token_hash FROM confirmations_all WHERE org_id = ?`, secrets},
		{"address", `SELECT CAST(email AS BLOB) FROM members_all WHERE org_id = ?`, secrets},
		{"id", `SELECT CAST(id AS BLOB) FROM orgs_all WHERE id = ?`, log},
		{"entry", `SELECT CAST(id AS BLOB) FROM audit_all WHERE org_id = ?`, log},
	} {
		values, err := list(t.Context(), hands{st.keeper}, trace.text, args{org}, func(row *sql.Rows, to *[]byte) error { return row.Scan(to) })
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			trace.into[fmt.Sprintf("%s %x", trace.what, v)] = v
		}
	}
}

// A life of many changes, so that pages split, merge and are used again; and then no
// secret that the org ever had is in the file or in its -wal, in any form. Once the
// file is written anew, nothing of the org is.
func TestADeletedOrgLeavesNothingInTheFile(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	now := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	st := openAt(t, &now)
	ctx := t.Context()
	var orgs []*Org
	for i := range 12 {
		p := newParty(t, st, fmt.Sprintf("Org%02d", i), int64(1000+i))
		orgs = append(orgs, &Org{store: st, id: p.org})
	}
	doomed := orgs[5]
	secrets, log := map[string][]byte{"plain secret": []byte("Org05 secret of Hostaway")}, map[string][]byte{}
	for range 150 {
		o := orgs[dice.IntN(len(orgs))]
		if dice.IntN(2) == 0 {
			o = doomed
		}
		if err := changeSomething(ctx, st, o, dice, &now); err != nil {
			t.Fatal(err)
		}
		tracesOf(t, st, doomed.id, secrets, log)
	}
	if found := search(t, st.path, secrets); len(found) < 5 {
		t.Fatalf("of %d secrets only %v are in the file while the org lives: the search finds nothing", len(secrets), found)
	}
	before := make([]string, 0, len(orgs))
	for _, o := range orgs {
		before = append(before, rowsOf(t, st.path, o.id)...)
	}
	if _, err := st.DeleteOrg(ctx, doomed); err != nil {
		t.Fatal(err)
	}
	if found := search(t, st.path, secrets); len(found) > 0 {
		t.Errorf("of %d secrets are still there: %s", len(secrets), strings.Join(found, "; "))
	}
	if err := st.Rewrite(ctx); err != nil {
		t.Fatal(err)
	}
	maps.Copy(secrets, log)
	if found := search(t, st.path, secrets); len(found) > 0 {
		t.Errorf("after the file was written anew, of %d traces are still there: %s", len(secrets), strings.Join(found, "; "))
	}
	for i, o := range orgs {
		if o != doomed && rowsOf(t, st.path, o.id)[0] != before[i] {
			t.Errorf("the org %d changed", i)
		}
	}
	if err := CheckFile(ctx, st.path, true); err != nil {
		t.Error(err)
	}
}

// changeSomething does one of the things that an org does in its life.
func changeSomething(ctx context.Context, st *Store, o *Org, dice *rand.Rand, now *time.Time) error {
	*now = now.Add(time.Minute)
	by := Actor{Kind: ActorSystem, Name: o.id}
	c, err := o.Connection(ctx)
	if errors.Is(err, ErrNotFound) {
		_, err := o.Connect(ctx, by, NewConnection{AccountID: dice.Int64N(1 << 40), Secret: secret.New(fmt.Sprintf("%0*x", 10+dice.IntN(300), dice.Uint64()))})
		return err
	}
	if err != nil {
		return err
	}
	keys, err := o.ListAPIKeys(ctx)
	if err != nil {
		return err
	}
	switch dice.IntN(7) {
	case 0:
		return o.Disconnect(ctx, by)
	case 1:
		_, err := o.Connect(ctx, by, NewConnection{AccountID: c.AccountID, Secret: secret.New(fmt.Sprintf("%0*x", 10+dice.IntN(300), dice.Uint64()))})
		return err
	case 2:
		return o.SaveHostawayToken(ctx, c.Version, HostawayToken{Value: secret.New(fmt.Sprintf("%0*x", 900+dice.IntN(300), dice.Uint64()))})
	case 3:
		_, _, err := o.RegenerateAPIKey(ctx, by, keys[0].ID)
		return err
	case 4:
		if err := o.RevokeAPIKey(ctx, by, keys[0].ID); err != nil {
			return err
		}
		_, _, err := o.CreateAPIKey(ctx, by, "another")
		return err
	case 5:
		_, _, err := o.CreateConfirmation(ctx, Confirmation{KeyID: keys[0].ID, Tool: "x", ArgumentsHash: []byte{1}})
		return err
	}
	if _, err := st.GiveBackSpace(ctx); err != nil {
		return err
	}
	return o.RecordToolCall(ctx, ToolCall{KeyID: keys[0].ID, Tool: "x", Outcome: OutcomeOK, StartedAt: *now, Arguments: bytes.Repeat([]byte(" "), dice.IntN(3000))})
}

// The deletion is cut off after its first transaction: nobody comes in any more,
// and asking again finishes it.
func TestADeletionThatWasCutOffIsFinished(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	st := openAt(t, &now)
	p := newParty(t, st, "Acme", 1)
	o := &Org{store: st, id: p.org}
	_, key, err := o.CreateAPIKey(t.Context(), Actor{}, "third")
	if err != nil {
		t.Fatal(err)
	}
	gone := Deleted{Rows: map[string]int{}}
	if err := st.transact(t.Context(), func(tx *transaction) error { return gone.entrances(t.Context(), tx, o) }); err != nil {
		t.Fatal(err)
	}
	if _, _, err := st.OrgByAPIKey(t.Context(), key); !errors.Is(err, ErrNotFound) {
		t.Errorf("the key of an org that is being deleted: %v", err)
	}
	// A call that was running is still recorded, and goes with the rest.
	if err := o.RecordToolCall(t.Context(), ToolCall{KeyID: p.key, Tool: "late", Outcome: OutcomeOK, StartedAt: now}); err != nil {
		t.Error(err)
	}
	rest, err := st.DeleteOrg(t.Context(), o)
	if err != nil || rest.Rows["orgs"] != 1 || rest.Rows["audit"] == 0 || rest.Rows["members"] != 0 {
		t.Errorf("%+v, %v", rest, err)
	}
	if err := o.RecordToolCall(t.Context(), ToolCall{KeyID: p.key, Tool: "late", Outcome: OutcomeOK, StartedAt: now}); err == nil {
		t.Error("a call of an org that is gone was recorded")
	}
}

// Where a replica makes the checkpoints, we make none, and say so.
func TestDeleteOrgBesideAReplica(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	st := openAt(t, &now)
	st.replicaOwnsCheckpoints = true
	p := newParty(t, st, "Acme", 1)
	away := errors.New("away")
	st.replicated = func(context.Context) error { return away }
	gone, err := st.DeleteOrg(t.Context(), &Org{store: st, id: p.org})
	if !errors.Is(err, ErrNotReplicated) || gone.WALEmptied || gone.Rows["orgs"] != 1 {
		t.Errorf("%+v, %v", gone, err)
	}
	if f, err := st.Figures(t.Context()); err != nil || f.WALBytes == 0 {
		t.Errorf("the -wal has %d bytes, %v", f.WALBytes, err)
	}
}
