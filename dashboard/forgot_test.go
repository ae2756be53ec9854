package dashboard

import (
	"context"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

func TestForgotSaysWhoCanHelp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t)
	wantPage(t, b.get("/forgot"), 200, "sends no mail", "Ask the operator", "admin reset-password")
	wantPage(t, b.submit("/login", "/forgot", url.Values{"email": {"anna@example.com"}}), 404)
	wantPage(t, b.get("/forgot?sent=1"), 200, "sends no mail")
}

func TestForgotSendsALink(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.Mail = true })
	fix := storetest.Org(t, w.store, "Harbour Stays")
	b := w.browser(t)
	wantPage(t, b.submit("/forgot", "/forgot", url.Values{"email": {"anna"}}), 422, "not an e-mail address", `value="anna"`)
	wantRedirect(t, b.submit("/forgot", "/forgot", url.Values{"email": {" " + fix.Email}}), "/forgot?sent=1")
	wantPage(t, b.get("/forgot?sent=1"), 200, "If the address has an account here", "once, for one hour")
	mails := w.mails(store.MailResetPassword)
	if len(mails) != 1 {
		t.Fatalf("%d mails", len(mails))
	}
	at := "/reset/" + mails[0].Token
	wantPage(t, b.get(at), 200, fix.Email)
	wantRedirect(t, b.submit(at, at, url.Values{"password": {"brand-new-words-31"}, "repeat": {"brand-new-words-31"}}), "/login")
	b.signIn(fix.Email, secretOf("brand-new-words-31"))
	wantPage(t, w.browser(t).get(at), 410, "Choose Forgot? on the sign-in page")
	if n := len(w.mails(store.MailPasswordChanged)); n != 1 {
		t.Errorf("the person is told %d times, want once", n)
	}
}

// Asking over and over is slowed, for every address alike.
func TestForgotIsLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.Mail = true })
	fix := storetest.Org(t, w.store, "Harbour Stays")
	for _, email := range []string{fix.Email, "nobody@example.com"} {
		b := w.browser(t)
		for i := range 6 {
			p := b.submit("/forgot", "/forgot", url.Values{"email": {email}})
			if want := map[bool]int{true: 303, false: 429}[i < 5]; p.StatusCode != want {
				t.Errorf("%s, ask %d: %d, want %d", email, i+1, p.StatusCode, want)
			}
		}
	}
}

// However long the work takes, the answer comes at the same time; who goes away is not waited for.
func TestAnswersComeSteadily(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, work := range []time.Duration{0, time.Millisecond, answerAfter - time.Millisecond} {
			began := time.Now()
			if err := steadily(t.Context(), func() error { time.Sleep(work); return errInternal }); err != errInternal { //nolint:errorlint // the very one
				t.Errorf("the error is %v", err)
			}
			if took := time.Since(began); took != answerAfter {
				t.Errorf("work of %s is answered after %s", work, took)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		_ = steadily(ctx, func() error { return nil })
		if took := time.Since(began); took != 0 {
			t.Errorf("nobody waits for it, and it takes %s", took)
		}
	})
	w := newWorld(t, withMail)
	for what, send := range map[string]func(b *browser) page{
		"forgot": func(b *browser) page {
			return b.submit("/forgot", "/forgot", url.Values{"email": {"nobody@example.com"}})
		},
		"sign up": func(b *browser) page { return b.submit("/signup", "/signup", newcomer(nil)) },
	} {
		began := time.Now()
		send(w.browser(t))
		if took := time.Since(began); took < answerAfter {
			t.Errorf("%s is answered after %s", what, took)
		}
	}
}
