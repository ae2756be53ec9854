// Sign in and out.
package dashboard

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

type loginData struct {
	Form   form
	Next   string
	SignUp string
	Demo   *DemoHint
}

func (d *Dashboard) loginPage(c *fiber.Ctx, v *visit) error {
	next := safeNext(c.Query("next"))
	if v.signedIn() {
		return c.Redirect(next, fiber.StatusSeeOther)
	}
	return d.showLogin(c, v, form{}, next, 0)
}

func (d *Dashboard) showLogin(c *fiber.Ctx, v *visit, f form, next string, status int) error {
	c.Set(fiber.HeaderCacheControl, "no-store")
	return d.show(c, v, shown{Page: "login", Title: "Sign in", Status: status, Data: loginData{f, next, d.cfg.SignUp, d.cfg.Demo}})
}

// login answers wrong address and wrong password alike; too many attempts become the 429 page.
func (d *Dashboard) login(c *fiber.Ctx, v *visit) error {
	f := readForm(c, "email")
	next := safeNext(posted(c, "next"))
	keep := posted(c, "keep") == "on"
	token, _, err := d.cfg.Store.SignIn(c.UserContext(), store.SignIn{
		Email: f.Values["email"], Password: secret.New(posted(c, "password")), IP: c.IP(), UserAgent: userAgent(c), Keep: keep,
	})
	var in *store.InputError
	if errors.Is(err, store.ErrWrongPassword) || errors.As(err, &in) {
		f.Summary = "Email or password is wrong."
		return d.showLogin(c, v, f, next, fiber.StatusUnprocessableEntity)
	}
	if err != nil {
		return err
	}
	d.startSession(c, token, keep)
	return d.done(c, next, "")
}

// logout ends the session here and in the store; without one it just leads to the sign-in page.
func (d *Dashboard) logout(c *fiber.Ctx, v *visit) error {
	if v.signedIn() {
		if err := d.cfg.Store.SignOut(c.UserContext(), v.token); err != nil {
			return err
		}
	}
	d.setCookie(c, "session", "", -1)
	if posted(c, "next") == signUpHref { // from the page that asks to confirm an address, which may be a wrong one
		return d.done(c, signUpHref, "signed-out")
	}
	return d.done(c, "/login", "signed-out")
}
