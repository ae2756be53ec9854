// The outbox: queued once, to whom, sealed until it is sent and gone afterwards.

package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/secret"
)

// dueNow is what is due, as kind:text>addresses, sorted.
func dueNow(t *testing.T, st *Store, at time.Time) (texts []string, mails []Mail) {
	t.Helper()
	mails, err := st.DueMails(t.Context(), at, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mails {
		text := m.Kind + ":" + m.Payload.Reveal() + ">"
		for _, to := range m.To {
			text += to.Email + " "
		}
		texts = append(texts, text)
	}
	slices.Sort(texts)
	return texts, mails
}

// TestOwnersAreToldWhenHostawayRefuses: with the refusal, once for each version of the
// connection, whether or not anybody pays; and nobody where no mail is sent.
func TestOwnersAreToldWhenHostawayRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name          string
		billing, mail bool
		want          []string
	}{
		{"billing", true, true, []string{`credentials_invalid:{"unit_amount":500,"currency":"usd","listings":7,"account_id":1}>acme@example.com `}},
		{"no billing", false, true, []string{`credentials_invalid:{"account_id":1}>acme@example.com `}},
		{"no mail", true, false, nil},
	} {
		now := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
		st := openAt(t, &now)
		ctx := t.Context()
		o := &Org{store: st, id: newParty(t, st, "Acme", 1).org}
		newParty(t, st, "Beach", 2) // hears nothing
		bill(t, st, o.id, "Acme")
		st.billing, st.mail = test.billing, test.mail
		err := o.write(ctx, func(d orgDoor) error {
			if err := d.exec(ctx, `DELETE FROM mails`, nil); err != nil {
				return err
			}
			if err := d.exec(ctx, `UPDATE billing_accounts SET unit_amount = 500, currency = 'usd'`, nil); err != nil {
				return err
			}
			return d.exec(ctx, `UPDATE desired_quantities SET quantity = 7`, nil)
		})
		if err != nil {
			t.Fatal(err)
		}
		c, err := o.Connection(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // refused, taken once more, and refused again: it is the same secret
			for range 2 {
				if err := o.MarkConnectionRefused(ctx, c.Version, "invalid_client"); err != nil {
					t.Fatal(err)
				}
			}
			if got, _ := dueNow(t, st, now); !slices.Equal(got, test.want) {
				t.Errorf("%s: mails %q, want %q", test.name, got, test.want)
			}
			if err := o.MarkConnectionChecked(ctx, c.Version, nil, time.Time{}); err != nil {
				t.Fatal(err)
			}
		}
		if c, err = o.Connect(ctx, Actor{}, NewConnection{AccountID: 1, Secret: secret.New("another-secret-of-hostaway-1234")}); err != nil {
			t.Fatal(err)
		}
		if err := o.MarkConnectionRefused(ctx, c.Version, "invalid_client"); err != nil {
			t.Fatal(err)
		}
		if got, _ := dueNow(t, st, now); len(got) != 2*len(test.want) {
			t.Errorf("%s: the next secret was refused too: mails %q", test.name, got)
		}
	}
}

func TestMailsGoToEachOfARoleOnce(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	st := openAt(t, &now)
	ctx := t.Context()
	o := &Org{store: st, id: newParty(t, st, "Acme", 1).org}
	newParty(t, st, "Beach", 2)
	fail := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var gone Member
	for email, role := range map[string]Role{"second@example.com": RoleOwner, "admin@example.com": RoleAdmin, "mia@example.com": RoleMember, "gone@example.com": RoleOwner} {
		m, err := o.AddMember(ctx, Actor{}, email, "Somebody", role, secret.New("violet-harbour-28"))
		fail(err)
		if email == "gone@example.com" {
			gone = m
		}
	}
	fail(st.SetOperator(ctx, "beach@example.com", true))
	fail(st.SetOperator(ctx, "second@example.com", true))
	fail(o.EnqueueMails(ctx,
		NewMail{"suspended", ToOwners, "a", []byte("1")}, NewMail{"trial", ToAdmins, "b", []byte("2")},
		NewMail{"held", ToOperators, "c", []byte("3")}, NewMail{"hello", Recipient(gone.ID), "d", []byte("4")}))
	fail(o.RemoveMember(ctx, Actor{}, gone.ID))
	// The same cause a second time queues nothing.
	fail(o.EnqueueMails(ctx, NewMail{"suspended", ToOwners, "a", []byte("again")}, NewMail{"held", ToOperators, "c", []byte("again")}))
	texts, mails := dueNow(t, st, now)
	if diff := cmp.Diff([]string{
		"held:3>beach@example.com second@example.com ",
		"hello:4>", // whoever is gone meanwhile has no address
		"suspended:1>", "suspended:1>acme@example.com ", "suspended:1>second@example.com ",
		"trial:2>", "trial:2>acme@example.com ", "trial:2>admin@example.com ", "trial:2>second@example.com ",
	}, texts); diff != "" {
		t.Errorf("due (-want +got):\n%s", diff)
	}
	for _, m := range mails {
		if m.Org == nil || m.Org.ID() != o.id || m.Attempts != 0 || !m.CreatedAt.Equal(now) {
			t.Errorf("%+v", m)
		}
	}
	var input *InputError
	for _, bad := range []NewMail{{To: ToOwners, DedupeKey: "x"}, {Kind: "x", DedupeKey: "x"}, {Kind: "x", To: ToOwners}} {
		if err := o.EnqueueMails(ctx, bad); !errors.As(err, &input) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestMailsAreTriedAgainAndEnd(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	st := openAt(t, &now)
	ctx := t.Context()
	o := &Org{store: st, id: newParty(t, st, "Acme", 1).org}
	user, err := st.Users(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		key := fmt.Sprint(i)
		if err := errors.Join(o.EnqueueMails(ctx, NewMail{"org" + key, ToOwners, key, []byte("text")}),
			st.EnqueueUserMail(ctx, NewUserMail{user[0].ID, "user" + key, key, []byte("link")})); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Second)
	}
	if err := st.EnqueueUserMail(ctx, NewUserMail{user[0].ID, "again", "1", nil}); err != nil {
		t.Error(err)
	}
	if err := st.EnqueueUserMail(ctx, NewUserMail{"usr_x", "k", "9", nil}); !errors.Is(err, ErrNotFound) {
		t.Errorf("a mail to nobody: %v", err)
	}
	all, err := st.DueMails(ctx, now, 100)
	if err != nil || len(all) != 6 {
		t.Fatalf("%d are due, %v", len(all), err)
	}
	if two, err := st.DueMails(ctx, now, 2); err != nil || len(two) != 2 || two[0].CreatedAt.After(two[1].CreatedAt) || !two[1].CreatedAt.Equal(two[0].CreatedAt) {
		t.Errorf("the two that wait longest: %+v, %v", two, err)
	}
	for i, m := range all {
		switch i / 2 {
		case 0:
			err = st.FinishMail(ctx, m)
		case 1:
			err = st.DeferMail(ctx, m, now.Add(time.Minute), "451 later")
		case 2:
			err = st.GiveUpMail(ctx, m, "550 no such address")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if texts, _ := dueNow(t, st, now); len(texts) != 0 {
		t.Errorf("due at once: %q", texts)
	}
	_, later := dueNow(t, st, now.Add(time.Minute))
	if len(later) != 2 || later[0].Attempts != 1 || later[0].Payload.IsZero() || later[1].Attempts != 1 {
		t.Errorf("due later: %+v", later)
	}
	// What has ended stays ended, whoever finishes it a second time, and holds no text.
	for _, m := range all {
		if err := errors.Join(st.GiveUpMail(ctx, m, "late"), st.DeferMail(ctx, m, now, "late")); err != nil {
			t.Error(err)
		}
	}
	for _, text := range []string{
		`SELECT count(*) FROM mails_all WHERE payload IS NOT NULL OR (state = 'sent' AND (kind <> 'org0' OR last_error <> ''))`,
		`SELECT count(*) FROM user_mails WHERE payload IS NOT NULL OR (state = 'sent' AND (kind <> 'user0' OR last_error <> ''))`,
	} {
		var n int
		if err := (hands{st.keeper}).get(ctx, text, nil, &n); err != nil || n != 0 {
			t.Errorf("%s: %d, %v", text, n, err)
		}
	}
}

// A link in a mail lets people in: it is nowhere in the file, while the mail waits and
// afterwards, and nothing of it is left when org and person are gone.
func TestNoTextOfAMailLiesInTheFile(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	st := openAt(t, &now)
	ctx := t.Context()
	o := &Org{store: st, id: newParty(t, st, "Acme", 1).org}
	users, err := st.Users(ctx)
	if err != nil {
		t.Fatal(err)
	}
	link := newToken(resetPrefix).Reveal()
	marks := map[string][]byte{"the link": []byte("https://x/reset?token=" + link), "the token": []byte(link), "half of it": []byte(link[10:30])}
	if found := search(t, st.path, marks); len(found) > 0 {
		t.Fatal(found)
	}
	payload := []byte(`{"link":"https://x/reset?token=` + link + `"}`)
	if err := errors.Join(o.EnqueueMails(ctx, NewMail{"suspended", ToOwners, "a", payload}),
		st.EnqueueUserMail(ctx, NewUserMail{users[0].ID, "reset", "a", payload})); err != nil {
		t.Fatal(err)
	}
	if found := search(t, st.path, marks); len(found) > 0 {
		t.Errorf("while it waits: %v", found)
	}
	sealed := map[string][]byte{}
	for _, text := range []string{`SELECT id, payload FROM mails_all`, `SELECT id, payload FROM user_mails`} {
		rows, err := list(ctx, hands{st.keeper}, text, nil, scanEnvelope)
		if err != nil || len(rows) != 1 {
			t.Fatal(rows, err)
		}
		sealed[text] = rows[0].bytes
	}
	if found := search(t, st.path, sealed); len(found) < 2 {
		t.Errorf("the search finds no envelope: %v", found)
	}
	texts, mails := dueNow(t, st, now)
	if len(texts) != 2 || texts[0] != "reset:"+string(payload)+">acme@example.com " {
		t.Fatalf("due: %q", texts)
	}
	if shown := fmt.Sprintf("%v %+v %#v", mails, mails, mails); strings.Contains(shown, link) {
		t.Errorf("a mail shows its text: %s", shown)
	}
	if _, err := st.DeleteOrg(ctx, o); err != nil {
		t.Fatal(err)
	}
	maps.Copy(marks, sealed)
	if found := search(t, st.path, marks); len(found) > 0 {
		t.Errorf("after the org is gone: %v", found)
	}
}

func TestMailsAreSealedAnew(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "reseal.db")
	oldKey, newKey := secret.GenerateKey(), secret.GenerateKey()
	st := openInside(t, path, ringOf(t, oldKey), locks{})
	ctx := t.Context()
	for i := range int64(3) {
		o := &Org{store: st, id: newParty(t, st, "Org"+string(rune('a'+i)), 100+i).org}
		if err := o.EnqueueMails(ctx, NewMail{"k", ToOwners, "a", []byte(o.id)}); err != nil {
			t.Fatal(err)
		}
		if i == 0 { // nothing is left but the mail
			if err := o.Disconnect(ctx, Actor{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	users, err := st.Users(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i, u := range users {
		if err := st.EnqueueUserMail(ctx, NewUserMail{u.ID, "reset", fmt.Sprint(i), []byte("link")}); err != nil {
			t.Fatal(err)
		}
	}
	before, _ := dueNow(t, st, time.Now())
	closeStore(t, st)

	st = openInside(t, path, ringOf(t, newKey, oldKey), locks{})
	want := [][2]int{{2, 4}, {2, 2}, {2, 0}, {0, 0}} // three orgs, then three people
	for _, step := range want {
		done, left, err := st.Reseal(ctx, 2)
		if err != nil || [2]int{done, left} != step {
			t.Errorf("Reseal(2) = %d, %d, %v, want %v", done, left, err, step)
		}
		by, err := st.SealedBy(ctx)
		if err != nil || (by[ringOf(t, oldKey).PrimaryID()] == 0) != (left == 0) {
			t.Errorf("%d are left, and %v are sealed, %v", left, by, err)
		}
	}
	closeStore(t, st)
	st = openInside(t, path, ringOf(t, newKey), locks{})
	defer closeStore(t, st)
	after, _ := dueNow(t, st, time.Now())
	if diff := cmp.Diff(before, after); diff != "" || len(after) != 6 {
		t.Errorf("with the new key alone (-before +after):\n%s", diff)
	}
}

// A mail that can't be opened keeps no other from being sent; and one row's text is
// no other's.
func TestAMailThatCannotBeOpenedIsGivenUp(t *testing.T) {
	t.Parallel()
	d := newDuel(t) // with a mail in each org
	behind(t, d.path,
		`CREATE TEMP TABLE sealed AS SELECT payload FROM mails_all WHERE org_id = '`+d.b.org+`'`,
		`UPDATE mails_all SET payload = (SELECT payload FROM sealed) WHERE org_id = '`+d.a.org+`'`)
	st := openInside(t, d.path, d.ring, locks{})
	defer closeStore(t, st)
	for range 2 {
		texts, mails := dueNow(t, st, time.Now())
		if len(texts) != 1 || mails[0].Org.ID() != d.b.org {
			t.Errorf("due: %q", texts)
		}
	}
	var state string
	err := (hands{st.keeper}).get(t.Context(), `SELECT state || last_error FROM mails_all WHERE org_id = ?`, args{d.a.org}, &state)
	if err != nil || state != "failedits text can't be opened" {
		t.Errorf("the mail with another org's text: %q, %v", state, err)
	}
}

func TestWithoutMailNothingIsQueued(t *testing.T) {
	t.Parallel()
	ring := ringOf(t, secret.GenerateKey())
	st, err := Open(t.Context(), Config{
		Path: filepath.Join(t.TempDir(), "x.db"), PasswordCost: PasswordCost{64, 1, 1},
		Keyring: func(context.Context, bool) (*secret.Keyring, error) { return ring, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, st)
	bill(t, st, newParty(t, st, "Acme", 1).org, "Acme")
	users, err := st.Users(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := st.EnqueueUserMail(t.Context(), NewUserMail{users[0].ID, "k", "a", nil}); err != nil {
		t.Error(err)
	}
	if got := countRows(t, st, "mails_all", "user_mails"); got["mails_all"]+got["user_mails"] != 0 {
		t.Errorf("queued: %v", got)
	}
}
