// People and orgs: members come and go, one person in two orgs, operators.

package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

var goodPassword = secret.New("amber-canal-boat-5")

func TestMembersComeAndGo(t *testing.T) {
	t.Parallel()
	clock := clockAt(noon)
	st := storetest.Open(t, storetest.WithClock(clock))
	f := storetest.Org(t, st, "Acme")
	ctx := t.Context()
	clock.Advance(1e9)
	mia, err := f.Org.AddMember(ctx, f.By(), " Mia@Example.com ", "Mia", store.RoleMember, goodPassword)
	if err != nil || mia.Email != "mia@example.com" {
		t.Fatalf("AddMember() = %+v, %v", mia, err)
	}
	all := must[[]store.Member](t)(f.Org.Members(ctx))
	if !slices.Equal(all, []store.Member{f.Member, mia}) {
		t.Errorf("Members() = %+v", all)
	}
	if _, err := f.Org.AddMember(ctx, f.By(), "mia@example.com", "Mia", store.RoleAdmin, goodPassword); !errors.Is(err, store.ErrConflict) {
		t.Errorf("the same person twice: %v, want a conflict", err)
	}
	if err := f.Org.SetRole(ctx, f.By(), mia.ID, store.RoleAdmin); err != nil {
		t.Fatal(err)
	}
	if err := f.Org.SetRole(ctx, f.By(), f.Member.ID, store.RoleMember); !errors.Is(err, store.ErrConflict) {
		t.Errorf("the last owner's role: %v, want a conflict", err)
	}
	if err := f.Org.RemoveMember(ctx, f.By(), f.Member.ID); !errors.Is(err, store.ErrConflict) {
		t.Errorf("remove the last owner: %v, want a conflict", err)
	}
	token, session, err := st.SignIn(ctx, store.SignIn{Email: "mia@example.com", Password: goodPassword})
	if err != nil || session.Member.Role != store.RoleAdmin {
		t.Fatalf("SignIn() = %+v, %v", session, err)
	}
	if err := f.Org.RemoveMember(ctx, f.By(), mia.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := st.OrgBySession(ctx, token); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a removed member's session: %v, want not found", err)
	}
	if _, _, err := st.SignIn(ctx, store.SignIn{Email: "mia@example.com", Password: goodPassword}); !errors.Is(err, store.ErrWrongPassword) {
		t.Errorf("a removed member signs in: %v", err)
	}
	for _, err := range []error{f.Org.RemoveMember(ctx, f.By(), mia.ID), f.Org.SetRole(ctx, f.By(), mia.ID, store.RoleOwner)} {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a removed member: %v, want not found", err)
		}
	}
	wantActions(t, f.Org, "member.removed", "member.role_changed", "member.added", "api_key.created", "org.created")
}

// A person may be in two orgs. Neither learns from adding the address that it is
// known, nor what the other org calls the person.
func TestOnePersonInTwoOrgs(t *testing.T) {
	t.Parallel()
	clock := clockAt(noon)
	st := storetest.Open(t, storetest.WithClock(clock))
	a, b := storetest.Org(t, st, "Acme"), storetest.Org(t, st, "Beta")
	ctx := t.Context()
	clock.Advance(time.Minute)
	if _, err := b.Org.AddMember(ctx, b.By(), a.Email, "The accountant", store.RoleMember, goodPassword); err != nil {
		t.Fatal(err)
	}
	if seen := fmt.Sprint(must[[]store.Member](t)(b.Org.Members(ctx))); strings.Contains(seen, "Acme") || strings.Count(seen, "Olive Owner") != 1 {
		t.Errorf("Beta sees what Acme knows: %s", seen)
	}
	token, session := signIn(t, st, a) // with the password of before
	if session.Member.ID != a.Member.ID {
		t.Errorf("the session starts in another org: %+v", session)
	}
	mine := must[[]store.Membership](t)(st.Memberships(ctx, token))
	want := []store.Membership{{OrgID: a.Org.ID(), OrgName: "Acme", Role: store.RoleOwner}, {OrgID: b.Org.ID(), OrgName: "Beta", Role: store.RoleMember}}
	if !slices.Equal(mine, want) {
		t.Errorf("Memberships() = %+v, want %+v", mine, want)
	}
	if err := st.SwitchOrg(ctx, token, b.Org.ID()); err != nil {
		t.Fatal(err)
	}
	o, session, err := st.OrgBySession(ctx, token)
	if err != nil || o.ID() != b.Org.ID() || session.Member.Name != "The accountant" || session.Member.Role != store.RoleMember {
		t.Errorf("after the switch: %+v, %+v, %v", o, session, err)
	}
	if err := b.Org.RemoveMember(ctx, b.By(), session.Member.ID); err != nil {
		t.Fatal(err)
	}
	if o, _, err := st.OrgBySession(ctx, token); err != nil || o.ID() != a.Org.ID() {
		t.Errorf("removed from Beta, the session leads to %v, %v; want Acme", o, err)
	}
	stranger := storetest.Org(t, st, "Gamma")
	for _, id := range []string{b.Org.ID(), stranger.Org.ID(), "org_nobody"} {
		if err := st.SwitchOrg(ctx, token, id); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("switch to %s: %v, want not found", id, err)
		}
	}
}

// Whoever adds a stranger to an org with an early name must not become what that
// person sees first.
func TestANewSessionStartsInTheOldestMembership(t *testing.T) {
	t.Parallel()
	clock := clockAt(noon)
	st := storetest.Open(t, storetest.WithClock(clock))
	own, early := storetest.Org(t, st, "Zeta"), storetest.Org(t, st, "AAA")
	clock.Advance(time.Minute)
	if _, err := early.Org.AddMember(t.Context(), early.By(), own.Email, "Olive", store.RoleMember, goodPassword); err != nil {
		t.Fatal(err)
	}
	token, _ := signIn(t, st, own)
	if o, _, err := st.OrgBySession(t.Context(), token); err != nil || o.Name() != "Zeta" {
		t.Errorf("the session starts in %v, %v; want Zeta", o, err)
	}
}

func TestMemberInputIsChecked(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t)
	f := storetest.Org(t, st, "Acme")
	for _, c := range []struct{ email, name, role, field string }{
		{"", "Mia", "member", "email"},
		{"mia", "Mia", "member", "email"},
		{"mia@localhost", "Mia", "member", "email"},
		{"Mia <mia@example.com>", "Mia", "member", "email"},
		{"mia@example.com\nBcc: x@example.com", "Mia", "member", "email"},
		{strings.Repeat("m", 250) + "@example.com", "Mia", "member", "email"},
		{"mia@example.com", "", "member", "member_name"},
		{"mia@example.com", "Mia", "emperor", "role"},
	} {
		_, err := f.Org.AddMember(t.Context(), f.By(), c.email, c.name, store.Role(c.role), goodPassword)
		var bad *store.InputError
		if !errors.As(err, &bad) || bad.Field != c.field {
			t.Errorf("AddMember(%q, %q, %q) = %v, want an InputError for %s", c.email, c.name, c.role, err, c.field)
		}
	}
	var bad *store.InputError
	if err := f.Org.SetRole(t.Context(), f.By(), f.Member.ID, "emperor"); !errors.As(err, &bad) {
		t.Errorf("SetRole(emperor) = %v", err)
	}
}

func TestOrgsAreCreatedAndListed(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t)
	ctx := t.Context()
	for o, err := range st.EachOrg(ctx) {
		t.Errorf("an empty store has %v, %v", o, err)
	}
	ids := map[string]bool{}
	for i := range 3 {
		ids[storetest.Org(t, st, fmt.Sprintf("Org %d", i)).Org.ID()] = true
	}
	if n, err := st.CountOrgs(ctx); err != nil || n != 3 {
		t.Errorf("CountOrgs() = %d, %v", n, err)
	}
	for o, err := range st.EachOrg(ctx) {
		if err != nil || !ids[o.ID()] {
			t.Errorf("EachOrg gives %v, %v", o, err)
			continue
		}
		delete(ids, o.ID())
		if err := o.Rename(ctx, store.Actor{Kind: store.ActorOperator, Name: "cli"}, "Renamed "+o.Name()); err != nil {
			t.Errorf("an org of EachOrg can't be used: %v", err)
		}
	}
	for o, err := range st.EachOrg(ctx) {
		if err != nil || !strings.HasPrefix(o.Name(), "Renamed Org ") {
			t.Errorf("the org is %+v, %v", o, err)
		}
		break // an early end is fine
	}
	if len(ids) != 0 {
		t.Errorf("EachOrg left out %v", ids)
	}
	f := storetest.Org(t, st, "Acme")
	_, _, err := st.CreateOrg(ctx, store.NewOrg{Name: "Twin", Email: f.Email, MemberName: "X", Password: goodPassword}, f.By())
	if !errors.Is(err, store.ErrConflict) {
		t.Errorf("an address that is known: %v, want a conflict", err)
	}
	if n, _ := st.CountOrgs(ctx); n != 4 {
		t.Errorf("%d orgs: the refused one stayed by half", n)
	}
	for field, n := range map[string]store.NewOrg{
		"org_name":    {Email: "x@example.com", MemberName: "X", Password: goodPassword},
		"member_name": {Name: "X", Email: "x@example.com", Password: goodPassword},
		"email":       {Name: "X", MemberName: "X", Password: goodPassword},
		"password":    {Name: "X", Email: "x@example.com", MemberName: "X"},
	} {
		var bad *store.InputError
		if _, _, err := st.CreateOrg(ctx, n, f.By()); !errors.As(err, &bad) || bad.Field != field {
			t.Errorf("CreateOrg(%+v) = %v, want an InputError for %s", n, err, field)
		}
	}
	var bad *store.InputError
	if err := f.Org.Rename(ctx, f.By(), " "); !errors.As(err, &bad) {
		t.Errorf("Rename to nothing: %v", err)
	}
	canceled, cancel := contextCanceled(t)
	cancel()
	for _, err := range st.EachOrg(canceled) {
		if err == nil {
			t.Error("EachOrg goes on after its context ended")
		}
	}
}

func TestOperators(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t)
	f := storetest.Org(t, st, "Acme")
	ctx := t.Context()
	operator := func() bool {
		users := must[[]store.User](t)(st.Users(ctx))
		if len(users) != 1 || users[0].Email != f.Email {
			t.Fatalf("Users() = %+v", users)
		}
		return users[0].Operator
	}
	if operator() {
		t.Error("an owner is an operator from the start")
	}
	if err := st.SetOperator(ctx, f.Email, true); err != nil || !operator() {
		t.Errorf("SetOperator: %v", err)
	}
	if _, session := signIn(t, st, f); !session.User.Operator {
		t.Error("the session does not know")
	}
	if err := st.SetOperator(ctx, f.Email, false); err != nil || operator() {
		t.Errorf("SetOperator: %v", err)
	}
	if err := st.SetOperator(ctx, "nobody@example.com", true); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an unknown address: %v", err)
	}
	if err := st.SetOperator(ctx, "nobody", true); err == nil {
		t.Error("no address at all went well")
	}
}
