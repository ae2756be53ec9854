// Links that are good once: sign-up, invitation, password reset.

package store_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

var system = store.Actor{Kind: store.ActorSystem, Name: "test"}

func signUp(email string, link secret.Text) store.SignUp {
	return store.SignUp{OrgName: "Acme", Email: email, MemberName: "Ann", Password: goodPassword, Link: link, IP: "192.0.2.3"}
}

func TestSetUpLinkMakesTheOperatorOnce(t *testing.T) {
	t.Parallel()
	clock := clockAt(noon)
	st := storetest.Open(t, storetest.WithClock(clock))
	ctx := t.Context()
	link := must[secret.Text](t)(st.CreateSignUpLink(ctx, store.SetUp, time.Hour, system))
	for range 2 { // looking does not use it up
		if kind, err := st.CheckSignUpLink(ctx, link); err != nil || kind != store.SetUp {
			t.Fatalf("CheckSignUpLink() = %s, %v", kind, err)
		}
	}
	if _, _, err := st.SignUp(ctx, signUp("not an address", link)); err == nil {
		t.Fatal("signed up without an address")
	}
	token, session, err := st.SignUp(ctx, signUp("ann@example.com", link))
	if err != nil || !session.User.Operator || session.Member.Role != store.RoleOwner {
		t.Fatalf("SignUp() = %+v, %v: a refused attempt must not use the link up", session, err)
	}
	if o, _, err := st.OrgBySession(ctx, token); err != nil || o.Name() != "Acme" {
		t.Errorf("OrgBySession() = %+v, %v", o, err)
	}
	if _, err := st.CheckSignUpLink(ctx, link); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a used link: %v", err)
	}
	if _, _, err := st.SignUp(ctx, signUp("bob@example.com", link)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a used link: %v", err)
	}
	if n, _ := st.CountOrgs(ctx); n != 1 {
		t.Errorf("%d orgs, want 1", n)
	}
}

// Every start of a new server prints a link: only the newest may make the
// operator, and none once there is an org, however that was made.
func TestOnlyOneSetUpLinkMakesAnOperator(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	setUp := func(st *store.Store) secret.Text {
		t.Helper()
		return must[secret.Text](t)(st.CreateSignUpLink(ctx, store.SetUp, time.Hour, system))
	}
	st := storetest.Open(t)
	older, invite := setUp(st), must[secret.Text](t)(st.CreateSignUpLink(ctx, store.Invite, time.Hour, system))
	newest := setUp(st)
	if _, _, err := st.SignUp(ctx, signUp("old@example.com", older)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an older link: %v", err)
	}
	if _, session, err := st.SignUp(ctx, signUp("new@example.com", newest)); err != nil || !session.User.Operator {
		t.Errorf("the newest link: %+v, %v", session, err)
	}
	if _, session, err := st.SignUp(ctx, signUp("guest@example.com", invite)); err != nil || session.User.Operator {
		t.Errorf("an invitation: %+v, %v", session, err)
	}
	other := storetest.Open(t)
	unused := setUp(other)
	storetest.Org(t, other, "Made by command")
	if _, _, err := other.SignUp(ctx, signUp("late@example.com", unused)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a link after set-up: %v", err)
	}
}

func TestSignUpLinksAreGoodOnceForOne(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t)
	link := must[secret.Text](t)(st.CreateSignUpLink(t.Context(), store.Invite, time.Hour, system))
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wg.Go(func() {
			_, session, err := st.SignUp(t.Context(), signUp(string(rune('a'+i))+"@example.com", link))
			if errs[i] = err; session.User.Operator {
				t.Error("an invitation made an operator")
			}
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, store.ErrNotFound):
			t.Errorf("SignUp() = %v", err)
		}
	}
	if n, err := st.CountOrgs(t.Context()); won != 1 || n != 1 || err != nil {
		t.Errorf("%d signed up and %d orgs are there (%v), want one", won, n, err)
	}
}

func TestLinksThatAreNotGood(t *testing.T) {
	t.Parallel()
	clock := clockAt(noon)
	st := storetest.Open(t, storetest.WithClock(clock))
	ctx := t.Context()
	if _, err := st.CreateSignUpLink(ctx, "free", time.Hour, system); err == nil {
		t.Error("a link of an unknown kind")
	}
	link := must[secret.Text](t)(st.CreateSignUpLink(ctx, store.Invite, time.Hour, store.Actor{Kind: store.ActorOperator, ID: "usr_1"}))
	clock.Advance(time.Hour)
	for name, c := range map[string]struct {
		link secret.Text
		want error
	}{
		"too late": {link, store.ErrExpired}, "unknown": {secret.New("hmcpu_0"), store.ErrNotFound},
	} {
		if _, err := st.CheckSignUpLink(ctx, c.link); !errors.Is(err, c.want) {
			t.Errorf("%s: check says %v", name, err)
		}
		if _, _, err := st.SignUp(ctx, signUp("ann@example.com", c.link)); !errors.Is(err, c.want) {
			t.Errorf("%s: sign up says %v", name, err)
		}
	}
}

func TestOpenSignUpIsLimitedByIP(t *testing.T) {
	t.Parallel()
	clock := clockAt(noon)
	st := storetest.Open(t, storetest.WithClock(clock))
	if _, session, err := st.SignUp(t.Context(), signUp("ann@example.com", secret.Text{})); err != nil || session.User.Operator {
		t.Fatalf("SignUp() = %+v, %v", session, err)
	}
	var wait *store.AttemptsError
	for i := range 30 {
		_, _, err := st.SignUp(t.Context(), signUp("ann@example.com", secret.Text{}))
		if errors.As(err, &wait) {
			if i < 19 {
				t.Errorf("attempt %d has to wait already", i+1)
			}
			return
		}
		if !errors.Is(err, store.ErrConflict) {
			t.Fatalf("an address that is known: %v", err)
		}
	}
	t.Error("30 attempts from one IP, and no wait")
}

func TestPasswordReset(t *testing.T) {
	t.Parallel()
	clock := clockAt(noon)
	st := storetest.Open(t, storetest.WithClock(clock))
	f := storetest.Org(t, st, "Acme")
	ctx := t.Context()
	session, _ := signIn(t, st, f)
	if _, err := st.CreatePasswordReset(ctx, "nobody@example.com", system); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an unknown address: %v", err)
	}
	older := must[secret.Text](t)(st.CreatePasswordReset(ctx, f.Email, system))
	link := must[secret.Text](t)(st.CreatePasswordReset(ctx, f.Email, system))
	if _, err := st.CheckPasswordReset(ctx, older); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an older link: %v", err)
	}
	if email, err := st.CheckPasswordReset(ctx, link); err != nil || email != f.Email {
		t.Errorf("CheckPasswordReset() = %s, %v", email, err)
	}
	var bad *store.InputError
	if err := st.ResetPassword(ctx, link, secret.New("short"), "192.0.2.1"); !errors.As(err, &bad) {
		t.Errorf("a short password: %v", err)
	}
	if err := st.ResetPassword(ctx, link, goodPassword, "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := st.OrgBySession(ctx, session); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a session from before the reset: %v", err)
	}
	if _, _, err := st.SignIn(ctx, store.SignIn{Email: f.Email, Password: f.Password}); !errors.Is(err, store.ErrWrongPassword) {
		t.Errorf("the old password: %v", err)
	}
	f.Password = goodPassword
	signIn(t, st, f)
	if err := st.ResetPassword(ctx, link, goodPassword, "192.0.2.1"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a used link: %v", err)
	}
	late := must[secret.Text](t)(st.CreatePasswordReset(ctx, f.Email, system))
	clock.Advance(time.Hour)
	if err := st.ResetPassword(ctx, late, goodPassword, "192.0.2.1"); !errors.Is(err, store.ErrExpired) {
		t.Errorf("a link of an hour ago: %v", err)
	}
}

func TestPasswordResetsAreLimited(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t, storetest.WithClock(clockAt(noon)))
	f := storetest.Org(t, st, "Acme")
	ctx := t.Context()
	var wait *store.AttemptsError
	err := error(nil)
	asks := 0
	for ; err == nil && asks < 20; asks++ {
		_, err = st.CreatePasswordReset(ctx, f.Email, store.Actor{Kind: store.ActorMember, IP: "192.0.2.1"})
	}
	if !errors.As(err, &wait) || asks != 6 {
		t.Errorf("asked %d times: %v, want a wait after 5", asks, err)
	}
	if _, err := st.CreatePasswordReset(ctx, f.Email, store.Actor{Kind: store.ActorOperator}); err != nil {
		t.Errorf("the operator: %v", err)
	}
	guesses := 0
	for err = store.ErrNotFound; errors.Is(err, store.ErrNotFound) && guesses < 40; guesses++ {
		err = st.ResetPassword(ctx, secret.New("hmcpr_guess"), goodPassword, "192.0.2.1")
	}
	if !errors.As(err, &wait) || guesses != 21 {
		t.Errorf("guessed %d links: %v, want a wait after 20", guesses, err)
	}
}
