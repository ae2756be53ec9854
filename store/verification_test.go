// Addresses that are shown to be a person's own: by a link in a mail, good once, a
// few a day, and known to the store by its hash alone.

package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// mailed opens a store that sends mail.
func mailed(t *testing.T, more ...storetest.Option) (*store.Store, *storetest.Clock) {
	t.Helper()
	clock := clockAt(noon)
	return storetest.Open(t, append(more, storetest.WithClock(clock), func(c *store.Config) { c.Mail = true })...), clock
}

// letters are the mails of this kind that wait, with their payloads.
func letters(t *testing.T, st *store.Store, kind string) (all []store.MailedLink) {
	t.Helper()
	due, err := st.DueMails(t.Context(), noon.AddDate(1, 0, 0), 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range due {
		if m.Kind != kind {
			continue
		}
		var l store.MailedLink
		if text := m.Payload.Reveal(); text != "" {
			if err := json.Unmarshal([]byte(text), &l); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, l)
	}
	return all
}

func newcomer(email string) store.SignUp {
	return store.SignUp{OrgName: "Quiet Coast", Email: email, MemberName: "Jonas", Password: goodPassword, IP: "192.0.2.1"}
}

// signedIn is the user of a new session.
func signedIn(t *testing.T, st *store.Store, email string, password secret.Text) store.User {
	t.Helper()
	_, session, err := st.SignIn(t.Context(), store.SignIn{Email: email, Password: password, IP: "192.0.2.9"})
	if err != nil {
		t.Fatal(err)
	}
	return session.User
}

func TestANewcomerVerifiesTheAddress(t *testing.T) {
	t.Parallel()
	st, clock := mailed(t)
	if err := st.SignUpToVerify(t.Context(), newcomer("Jonas@example.com")); err != nil {
		t.Fatal(err)
	}
	user := signedIn(t, st, "jonas@example.com", goodPassword)
	if user.Verified {
		t.Fatal("verified from the start")
	}
	links := letters(t, st, store.MailVerifyAddress)
	if len(links) != 1 || !links[0].EndsAt.Equal(noon.Add(24*time.Hour)) {
		t.Fatalf("mails: %+v", links)
	}
	link := secret.New(links[0].Token)
	for range 2 { // looking does not use it up
		if email, err := st.CheckVerification(t.Context(), link); err != nil || email != "jonas@example.com" {
			t.Errorf("CheckVerification() = %q, %v", email, err)
		}
	}
	clock.Advance(time.Hour)
	if err := st.SendVerification(t.Context(), user.ID); err != nil { // a second mail
		t.Fatal(err)
	}
	if got, err := st.Verify(t.Context(), link, "192.0.2.1"); err != nil || got != user.ID {
		t.Fatalf("Verify() = %q, %v", got, err)
	}
	if !signedIn(t, st, "jonas@example.com", goodPassword).Verified {
		t.Error("not verified")
	}
	for _, l := range letters(t, st, store.MailVerifyAddress) {
		if _, err := st.Verify(t.Context(), secret.New(l.Token), "192.0.2.1"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a link is good a second time: %v", err)
		}
	}
	if err := st.SendVerification(t.Context(), user.ID); err != nil || len(letters(t, st, store.MailVerifyAddress)) != 2 {
		t.Errorf("a mail for an address that is verified: %v", err)
	}
}

func TestVerifyingLinksEnd(t *testing.T) {
	t.Parallel()
	st, clock := mailed(t)
	if err := st.SignUpToVerify(t.Context(), newcomer("jonas@example.com")); err != nil {
		t.Fatal(err)
	}
	link := secret.New(letters(t, st, store.MailVerifyAddress)[0].Token)
	clock.Advance(24 * time.Hour)
	if _, err := st.Verify(t.Context(), link, "192.0.2.1"); !errors.Is(err, store.ErrExpired) {
		t.Errorf("a day later: %v", err)
	}
	for _, wrong := range []string{"", "nonsense", "hmcpv_" + strings.Repeat("0", 43), strings.Replace(link.Reveal(), "hmcpv_", "hmcpr_", 1)} {
		if _, err := st.CheckVerification(t.Context(), secret.New(wrong)); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("CheckVerification(%q) = %v", wrong, err)
		}
	}
	var attempts *store.AttemptsError
	var err error
	for range 40 {
		_, err = st.Verify(t.Context(), secret.New("hmcpv_"+strings.Repeat("0", 43)), "198.51.100.7")
	}
	if !errors.As(err, &attempts) {
		t.Errorf("guessing at links is not slowed: %v", err)
	}
	clock.Advance(40 * 24 * time.Hour)
	if n, err := st.RetainSignIns(t.Context()); err != nil || n == 0 {
		t.Errorf("old links stay: %d, %v", n, err)
	}
	if _, err := st.CheckVerification(t.Context(), link); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("after a month: %v", err)
	}
}

// One mail a minute, five a day; and the store says when the next may go.
func TestVerificationsAreLimited(t *testing.T) {
	t.Parallel()
	st, clock := mailed(t)
	if err := st.SignUpToVerify(t.Context(), newcomer("jonas@example.com")); err != nil {
		t.Fatal(err)
	}
	user := signedIn(t, st, "jonas@example.com", goodPassword)
	send := func() time.Duration {
		t.Helper()
		next := must[time.Time](t)(st.NextVerification(t.Context(), user.ID))
		err := st.SendVerification(t.Context(), user.ID)
		var attempts *store.AttemptsError
		switch {
		case err == nil:
			if next.After(clock.Now()) {
				t.Errorf("sent although the next was said to go at %s", next)
			}
			return 0
		case !errors.As(err, &attempts) || next.Sub(clock.Now()) != attempts.RetryAfter:
			t.Fatalf("%v; the next is said to go at %s", err, next)
		}
		return attempts.RetryAfter
	}
	if wait := send(); wait != time.Minute {
		t.Errorf("at once: %s", wait)
	}
	for range 4 {
		clock.Advance(time.Minute)
		if wait := send(); wait != 0 {
			t.Errorf("after a minute: %s", wait)
		}
	}
	clock.Advance(time.Minute)
	if wait := send(); wait != 24*time.Hour-5*time.Minute {
		t.Errorf("the sixth: %s", wait)
	}
	clock.Advance(24 * time.Hour)
	if wait := send(); wait != 0 {
		t.Errorf("the next day: %s", wait)
	}
	if n := len(letters(t, st, store.MailVerifyAddress)); n != 6 {
		t.Errorf("%d mails", n)
	}
}

// Who is let in by somebody is verified: the first user, the invited, those of the
// operator. Who signs up alone is not, and nobody is sent a mail where there is none.
func TestWhoIsVerified(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t)
	link := must[secret.Text](t)(st.CreateSignUpLink(t.Context(), store.SetUp, time.Hour, system))
	invite := must[secret.Text](t)(st.CreateSignUpLink(t.Context(), store.Invite, time.Hour, system))
	for _, tc := range []struct {
		email string
		link  secret.Text
		want  bool
	}{
		{"first@example.com", link, true},
		{"invited@example.com", invite, true},
		{"alone@example.com", secret.Text{}, false},
	} {
		in := newcomer(tc.email)
		in.Link = tc.link
		if _, session, err := st.SignUp(t.Context(), in); err != nil || session.User.Verified != tc.want {
			t.Errorf("%s: verified is %t, %v", in.Email, session.User.Verified, err)
		}
	}
	f := storetest.Org(t, st, "Acme")
	if !signedIn(t, st, f.Email, f.Password).Verified {
		t.Error("whom the operator let in is not verified")
	}
	for _, email := range []string{"mia@example.com", "alone@example.com"} {
		if _, err := f.Org.AddMember(t.Context(), f.By(), email, "Mia", store.RoleMember, goodPassword); err != nil {
			t.Fatal(err)
		}
		if !signedIn(t, st, email, goodPassword).Verified {
			t.Errorf("%s was let into an org and is not verified", email)
		}
	}
	if err := st.SendVerification(t.Context(), f.Member.UserID); err != nil || len(letters(t, st, store.MailVerifyAddress)) != 0 {
		t.Errorf("a mail without a mail server: %v", err)
	}
}

// commits counts what is written.
type commits struct{ n atomic.Int64 }

func (c *commits) count(cfg *store.Config) {
	cfg.Refuse = func() error { c.n.Add(1); return nil }
}

// An address that is known and one that is not get the same answers, and the same
// number of commits, which is what the time goes into.
func TestNobodyLearnsWhichAddressesAreKnown(t *testing.T) {
	t.Parallel()
	var written commits
	st, clock := mailed(t, written.count)
	f := storetest.Org(t, st, "Acme")
	ask := func(name string, f func(email string) error, known string) {
		t.Helper()
		var costs []int64
		for i, email := range []string{"nobody-" + fmt.Sprint(clock.Now().UnixMilli()) + "@example.com", known} {
			before := written.n.Load()
			if err := f(email); err != nil {
				t.Errorf("%s, address %d: %v", name, i, err)
			}
			costs = append(costs, written.n.Load()-before)
		}
		if costs[0] != costs[1] || costs[0] < 2 {
			t.Errorf("%s: %d commits for an unknown address, %d for a known one", name, costs[0], costs[1])
		}
	}
	for i := range 7 { // past the point from which no more mails are sent
		clock.Advance(5 * time.Minute)
		ask(fmt.Sprintf("forgot %d", i), func(email string) error { return st.SendPasswordReset(t.Context(), email, "192.0.2.1") }, f.Email)
		ask(fmt.Sprintf("sign up %d", i), func(email string) error { return st.SignUpToVerify(t.Context(), newcomer(email)) }, f.Email)
	}
	if n := len(letters(t, st, store.MailResetPassword)); n != 5 {
		t.Errorf("%d mails with a link, want 5", n)
	}
	if n := len(letters(t, st, store.MailAddressKnown)); n != 1 {
		t.Errorf("%d mails that the address is known, want 1 a day", n)
	}
	if !signedIn(t, st, f.Email, f.Password).Verified {
		t.Error("a stranger changed the account")
	}
}

func TestAskingForLinksIsLimited(t *testing.T) {
	t.Parallel()
	st, _ := mailed(t)
	f := storetest.Org(t, st, "Acme")
	for _, email := range []string{f.Email, "nobody@example.com"} {
		var attempts *store.AttemptsError
		tries := 0
		for ; tries < 50; tries++ {
			if err := st.SendPasswordReset(t.Context(), email, "192.0.2.1"); errors.As(err, &attempts) {
				break
			}
		}
		if tries != 5 {
			t.Errorf("%d asks for one address at once, want 5", tries)
		}
	}
	var input *store.InputError
	if err := st.SendPasswordReset(t.Context(), "no address", "192.0.2.1"); !errors.As(err, &input) {
		t.Errorf("no address: %v", err)
	}
}

// Each link in a mail is good until one of them is used; then all are gone, the
// address is verified, and the person is told.
func TestAPasswordIsResetByMail(t *testing.T) {
	t.Parallel()
	st, clock := mailed(t)
	if err := st.SignUpToVerify(t.Context(), newcomer("jonas@example.com")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		clock.Advance(time.Minute)
		if err := st.SendPasswordReset(t.Context(), "jonas@example.com", "192.0.2.1"); err != nil {
			t.Fatal(err)
		}
	}
	links := letters(t, st, store.MailResetPassword)
	if len(links) != 2 {
		t.Fatalf("%d mails", len(links))
	}
	if err := st.ResetPassword(t.Context(), secret.New(links[0].Token), secret.New("another-good-word-7"), "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	if err := st.ResetPassword(t.Context(), secret.New(links[1].Token), secret.New("another-good-word-8"), "192.0.2.1"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the second link: %v", err)
	}
	if !signedIn(t, st, "jonas@example.com", secret.New("another-good-word-7")).Verified {
		t.Error("who read the mail is not verified")
	}
	if told := letters(t, st, store.MailPasswordChanged); len(told) != 1 || !told[0].At.Equal(clock.Now()) {
		t.Errorf("told: %+v", told)
	}
}

// A link that the operator hands over shows nothing about the address.
func TestAnOperatorsLinkVerifiesNobody(t *testing.T) {
	t.Parallel()
	st, _ := mailed(t)
	if err := st.SignUpToVerify(t.Context(), newcomer("jonas@example.com")); err != nil {
		t.Fatal(err)
	}
	link := must[secret.Text](t)(st.CreatePasswordReset(t.Context(), "jonas@example.com", system))
	if err := st.ResetPassword(t.Context(), link, secret.New("another-good-word-7"), "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	if signedIn(t, st, "jonas@example.com", secret.New("another-good-word-7")).Verified {
		t.Error("verified by a link that came another way")
	}
}

// Nothing that opens a link stands in the files.
func TestLinksAreNotInTheFiles(t *testing.T) {
	t.Parallel()
	var path string
	st, _ := mailed(t, func(c *store.Config) { path = c.Path })
	if err := st.SignUpToVerify(t.Context(), newcomer("jonas@example.com")); err != nil {
		t.Fatal(err)
	}
	if err := st.SendPasswordReset(t.Context(), "jonas@example.com", "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	tokens := []string{letters(t, st, store.MailVerifyAddress)[0].Token, letters(t, st, store.MailResetPassword)[0].Token}
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) < 2 {
		t.Fatalf("files: %v, %v", files, err)
	}
	seen := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		seen += strings.Count(string(text), "jonas@example.com")
		for _, token := range tokens {
			if strings.Contains(string(text), token[6:]) {
				t.Errorf("%s holds a link", file)
			}
		}
	}
	if seen == 0 {
		t.Error("the search finds nothing at all")
	}
}
