package dashboard

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// withMail is a server that sends mail and lets anybody sign up.
func withMail(c *Config) { c.Mail, c.SignUp = true, "open" }

// mails are the people's mails of this kind that wait, the newest last.
func (w *world) mails(kind string) (all []store.MailedLink) {
	w.t.Helper()
	due, err := w.store.DueMails(w.t.Context(), w.clock.Now().AddDate(1, 0, 0), 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, m := range due {
		if m.Kind == kind {
			var l store.MailedLink
			if text := m.Payload.Reveal(); text != "" {
				if err := json.Unmarshal([]byte(text), &l); err != nil {
					w.t.Fatal(err)
				}
			}
			all = append(all, l)
		}
	}
	return all
}

// signUp is somebody who signed up by themselves and has not shown the address.
func (w *world) signUp(t *testing.T, email string) *browser {
	t.Helper()
	b := w.browser(t)
	wantRedirect(t, b.submit("/signup", "/signup", newcomer(map[string]string{"email": email})), "/signup/sent")
	wantPage(t, b.get("/signup/sent"), 200, "Check your email")
	return b
}

func TestOpenSignUpAsksForTheAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withMail)
	b := w.signUp(t, "jonas@example.com")
	wantRedirect(t, b.get("/"), "/login") // nobody is signed in yet
	b.signIn("jonas@example.com", secretOf("long-enough-words-9"))

	wantPage(t, b.get("/"), 200, "Confirm your email address to make API keys", `href="/verify"`, "0 of 4 done")
	wantRedirect(t, b.get("/keys/new"), "/verify")
	if p := b.get("/keys/new", "HX-Request: true"); p.StatusCode != 204 || p.Header.Get("HX-Redirect") != "/verify" {
		t.Errorf("in a dialog: %s to %q", p.Status, p.Header.Get("HX-Redirect"))
	}
	wantPage(t, b.submit("/keys", "/keys", url.Values{"name": {"Claude"}}), 403, "Confirm your email address first", "Nothing was changed")
	wantPage(t, b.submit("/connection", "/connection", creds("40160", accountSecret)), 403, "Confirm your email address first")
	token := b.token("/keys")
	p := b.do("POST", "/api/api-keys/generate", `{"name":"x"}`, "X-CSRF-Token: "+token, "Content-Type: application/json")
	wantPage(t, p, 403, `"code":"address_not_confirmed"`)
	if len(w.hostaway.checked) != 0 {
		t.Error("Hostaway was asked all the same")
	}

	at := "/verify/" + w.mails(store.MailVerifyAddress)[0].Token
	for range 2 { // looking does not use it up
		wantPage(t, w.browser(t).get(at), 200, "jonas@example.com", "Yes, confirm this address")
	}
	wantPage(t, b.get("/verify"), 200, "jonas@example.com")
	wantRedirect(t, b.submit(at, at, nil), "/")
	wantPage(t, b.get("/"), 200, "Your email address is confirmed.", "0 of 3 done")
	wantNot(t, b.get("/"), "Confirm your email address")
	wantPage(t, b.submit("/keys/new", "/keys", url.Values{"name": {"Claude"}}), 200, "hmcp_")
	wantRedirect(t, b.submit("/connection", "/connection", creds("40160", accountSecret)), "/connection")
	wantRedirect(t, b.get("/verify"), "/")
	wantPage(t, w.browser(t).get(at), 410, "This link no longer works")
}

// A link that is opened where nobody is signed in confirms the address, and leads to
// signing in: it is no way in by itself.
func TestALinkSignsNobodyIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withMail)
	w.signUp(t, "jonas@example.com")
	at, b := "/verify/"+w.mails(store.MailVerifyAddress)[0].Token, w.browser(t)
	wantRedirect(t, b.submit(at, at, nil), "/login")
	wantPage(t, b.get("/login"), 200, "Your email address is confirmed. Sign in to go on.")
	wantRedirect(t, b.get("/keys"), "/login?next=%2Fkeys")
	wantPage(t, b.submit("/login", at, nil), 410, "good once")
	wantPage(t, b.submit("/login", "/verify/nonsense", nil), 410)
}

func TestTheMailIsSentAgainWithinLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withMail)
	b := w.signUp(t, "jonas@example.com")
	b.signIn("jonas@example.com", secretOf("long-enough-words-9"))
	wantPage(t, b.get("/verify"), 200, "can be sent again in 1 minute", "disabled")
	wantPage(t, b.submit("/keys", "/verify", nil), 429, "Wait")
	w.clock.Advance(time.Minute)
	wantNot(t, b.get("/verify"), "disabled")
	wantRedirect(t, b.submit("/verify", "/verify", nil), "/verify")
	wantPage(t, b.get("/verify"), 200, "The mail is on its way.")
	if n := len(w.mails(store.MailVerifyAddress)); n != 2 {
		t.Errorf("%d mails, want 2", n)
	}
}

// The pages say the same to an address that is new and to one that has an account.
func TestStrangersDoNotLearnWhoHasAnAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withMail)
	taken := storetest.Org(t, w.store, "Harbour Stays")
	for name, send := range map[string]func(b *browser, email string) page{
		"sign up": func(b *browser, email string) page {
			return b.submit("/signup", "/signup", newcomer(map[string]string{"email": email}))
		},
		"forgot": func(b *browser, email string) page {
			return b.submit("/forgot", "/forgot", url.Values{"email": {email}})
		},
	} {
		var said []string
		for _, email := range []string{taken.Email, "new@example.com"} {
			b := w.browser(t)
			p := send(b, email)
			next := b.get(p.location())
			said = append(said, same(p, email)+p.location()+p.Header.Get("Set-Cookie")+same(next, email))
			if strings.Contains(next.Body, email) {
				t.Errorf("%s: the answer shows the address", name)
			}
		}
		if said[0] != said[1] {
			t.Errorf("%s: the answers differ:\n%s\n%s", name, said[0], said[1])
		}
	}
	if len(w.mails(store.MailAddressKnown)) != 1 || len(w.mails(store.MailVerifyAddress)) != 1 {
		t.Error("the mails are not one of each")
	}
	if n, err := w.store.CountOrgs(t.Context()); err != nil || n != 2 {
		t.Errorf("%d orgs, %v", n, err)
	}
}

// Whoever was let in, or came where nobody is asked, makes keys without showing anything.
func TestWhoIsNeverAsked(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		mail   bool
		signUp string
		join   func(t *testing.T, w *world) *browser
	}{
		"the first user": {true, "open", func(t *testing.T, w *world) *browser {
			b, link := w.browser(t), w.signUpLink(t, store.SetUp)
			wantRedirect(t, b.submit("/setup?link="+link, "/setup", newcomer(map[string]string{"link": link})), "/")
			return b
		}},
		"somebody invited": {true, "open", func(t *testing.T, w *world) *browser {
			b, link := w.browser(t), w.signUpLink(t, store.Invite)
			wantRedirect(t, b.submit("/signup?link="+link, "/signup", newcomer(map[string]string{"link": link})), "/")
			return b
		}},
		"without mail": {false, "open", func(t *testing.T, w *world) *browser {
			b := w.browser(t)
			wantRedirect(t, b.submit("/signup", "/signup", newcomer(nil)), "/")
			return b
		}},
		"whom the operator added": {true, "open", func(t *testing.T, w *world) *browser {
			return w.owner(t, storetest.Org(t, w.store, "Harbour Stays"))
		}},
		"closed sign-up": {true, "closed", func(t *testing.T, w *world) *browser {
			if err := w.store.SignUpToVerify(t.Context(), store.SignUp{OrgName: "Q", Email: "j@example.com", MemberName: "J", Password: secretOf("long-enough-words-9")}); err != nil {
				t.Fatal(err)
			}
			return w.browser(t).signIn("j@example.com", secretOf("long-enough-words-9"))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(c *Config) { c.Mail, c.SignUp = tc.mail, tc.signUp })
			b := tc.join(t, w)
			wantNot(t, b.get("/"), "Confirm your email address")
			wantPage(t, b.submit("/keys/new", "/keys", url.Values{"name": {"Claude"}}), 200, "hmcp_")
		})
	}
}

func TestVerifyingLinksOnThePageEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withMail)
	w.signUp(t, "jonas@example.com")
	at := "/verify/" + w.mails(store.MailVerifyAddress)[0].Token
	w.clock.Advance(24 * time.Hour)
	p := w.browser(t).get(at)
	wantPage(t, p, 410, "good once, for 24 hours")
	wantNot(t, p, "jonas@example.com")
}
