package dashboard

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// TestPagesOfAServerWithMailLookRight looks at the pages that only such a server has.
func TestPagesOfAServerWithMailLookRight(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withMail)
	waiting, free := w.signUp(t, "waiting@example.com"), w.signUp(t, "free@example.com")
	waiting.signIn("waiting@example.com", secretOf("long-enough-words-9"))
	free.signIn("free@example.com", secretOf("long-enough-words-9"))
	links := w.mails(store.MailVerifyAddress)
	for person, sights := range map[*browser][]sight{
		nil: {
			{"forgot-mail", "/forgot", nil, ""},
			{"forgot-sent", "/forgot?sent=1", nil, ""},
			{"signup-sent", "/signup/sent", nil, ""},
			{"verify-link", "/verify/" + links[0].Token, nil, ""},
			{"verify-link-ended", "/verify/unknown", nil, ""},
		},
		waiting: {
			{"verify-wait", "/verify", nil, ""},
			{"verify-link-member", "/verify/" + links[0].Token, nil, ""},
			{"overview-unverified", "/", nil, ""},
		},
	} {
		x := w.window(t)
		if person != nil {
			x.use(person)
		}
		for _, s := range sights {
			x.inspect(s)
		}
	}
	w.clock.Advance(time.Minute)
	x := w.window(t).use(free)
	x.inspect(sight{"verify", "/verify", nil, ""})
}

// TestFromSignUpToAKeyByKeyboard goes the whole way without a pointer: sign up, the link of the mail, its button, sign in, and the
// dialog for a key, which leads to the page about the address before that.
func TestFromSignUpToAKeyByKeyboard(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withMail)
	x := w.window(t)
	x.look(false, 1440)
	x.open("/signup")
	x.click("#org")
	x.press("Quiet Coast", kb.Tab, "Jonas", kb.Tab, "jonas@example.com", kb.Tab, "long-enough-words-9", kb.Enter)
	x.await("the page that says where to look", `location.pathname === "/signup/sent" && document.readyState === "complete"`)
	signIn := func() {
		x.open("/login")
		x.click("#email")
		x.press("jonas@example.com", kb.Tab, kb.Tab, "long-enough-words-9", kb.Enter)
		x.await("signed in", `location.pathname === "/" && document.readyState === "complete"`)
	}
	signIn()
	x.open("/keys")
	x.click(`a[href="/keys/new"]`)
	x.await("the page about the address", `location.pathname === "/verify" && document.readyState === "complete"`)

	link := w.mails(store.MailVerifyAddress)[0].Token
	x.open("/verify/" + link)
	x.do("focus the button", chromedp.Focus(chromedp.CSS("main form .primary")))
	x.press(kb.Enter)
	x.await("the address is confirmed", `location.pathname === "/" && document.body.textContent.includes("Your email address is confirmed.")`)
	x.open("/keys")
	x.click(`a[href="/keys/new"]`)
	x.await("the dialog", `document.querySelector("#dialog").open && document.activeElement.id === "key-name"`)
	x.press("Claude", kb.Enter)
	x.await("the key is shown", `!!document.querySelector("#key")`)
}

// TestForgotByKeyboard asks for a link, and sets the password with it.
func TestForgotByKeyboard(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withMail)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	x := w.window(t)
	x.look(true, 390)
	x.open("/login")
	x.click(`a[href="/forgot"]`)
	x.await("the form", `location.pathname === "/forgot" && !!document.querySelector("#email")`)
	x.click("#email")
	x.press(fix.Email, kb.Enter)
	x.await("the answer", `location.search === "?sent=1" && document.body.textContent.includes("on its way")`)
	x.open("/reset/" + w.mails(store.MailResetPassword)[0].Token)
	x.click("#password")
	x.press("brand-new-words-31", kb.Tab, "brand-new-words-31", kb.Enter)
	x.await("back at signing in", `location.pathname === "/login" && document.body.textContent.includes("Your password is changed")`)
}
