// An address that is shown to be the person's own. It is asked of those who signed up by themselves, where the server sends
// mail: until then they see everything, and make no key and no connection.
package dashboard

import (
	"errors"
	"time"

	"github.com/gofiber/fiber/v2"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

const (
	verifyHref = "/verify"
	signUpHref = "/signup"
)

// demandsVerified says whether this server asks anybody at all.
func (d *Dashboard) demandsVerified() bool { return d.cfg.Mail && d.cfg.SignUp == "open" }

// unverified is true for somebody who is asked and has not shown it yet.
func (d *Dashboard) unverified(v *visit) bool {
	return d.demandsVerified() && v.signedIn() && !v.session.User.Verified
}

var errUnverified = &problem{
	Status: 403, Code: "address_not_confirmed", Title: "Confirm your email address first",
	Message: "API keys and the connection to Hostaway need an email address that is known to be yours. Nothing was changed.",
	Next:    "Open the link in the mail that we sent you. The page Confirm your address sends it again.",
}

// askToVerify leads people to the page about it, and tells programs.
func (d *Dashboard) askToVerify(c *fiber.Ctx) error {
	if isAPI(c) || c.Method() != fiber.MethodGet {
		return errUnverified
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	if wantsPart(c) {
		c.Set("HX-Redirect", verifyHref)
		return c.SendStatus(fiber.StatusNoContent)
	}
	return c.Redirect(verifyHref, fiber.StatusSeeOther)
}

type verifyData struct {
	Email string
	Next  time.Time // when the mail may be sent again
	Wait  string    // until then, in words; "" for now
}

func (d *Dashboard) verifyPage(c *fiber.Ctx, v *visit) error {
	if !d.unverified(v) {
		return c.Redirect("/", fiber.StatusSeeOther)
	}
	next, err := d.cfg.Store.NextVerification(c.UserContext(), v.session.User.ID)
	if err != nil {
		return err
	}
	data := verifyData{Email: v.session.User.Email, Next: next}
	if wait := next.Sub(d.cfg.Now()); wait > 0 {
		data.Wait = span(wait)
	}
	return d.show(c, v, shown{Page: "verify", Title: "Confirm your email address", Current: verifyHref, Data: data})
}

// sendVerification sends the mail again; too often becomes the 429 page, which says how long to wait.
func (d *Dashboard) sendVerification(c *fiber.Ctx, v *visit) error {
	if !d.unverified(v) {
		return c.Redirect("/", fiber.StatusSeeOther)
	}
	if err := d.cfg.Store.SendVerification(c.UserContext(), v.session.User.ID); err != nil {
		return err
	}
	return d.done(c, verifyHref, "verification-sent")
}

var errBadVerification = &problem{
	Status: 410, Code: "link_expired", Title: "This link no longer works",
	Message: "Links that confirm an address are good once, for 24 hours.", Next: "Sign in: if the address is not confirmed yet, the dashboard sends you another one.",
}

type verifyLinkData struct{ Email string }

// verifyLinkPage asks for a button: scanners of mail open links too, and must not confirm anything.
func (d *Dashboard) verifyLinkPage(c *fiber.Ctx, v *visit) error {
	c.Set(fiber.HeaderCacheControl, "no-store")
	email, err := d.cfg.Store.CheckVerification(c.UserContext(), secret.New(c.Params("token")))
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrExpired) {
		return errBadVerification
	}
	if err != nil {
		return err
	}
	return d.show(c, v, shown{Page: "verify-link", Title: "Confirm your email address", Data: verifyLinkData{email}})
}

// verify uses the link up. It signs nobody in: who opens a link in a mail need not be who chose the password.
func (d *Dashboard) verify(c *fiber.Ctx, v *visit) error {
	_, err := d.cfg.Store.Verify(c.UserContext(), secret.New(c.Params("token")), c.IP())
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrExpired):
		return errBadVerification
	case err != nil:
		return err
	case v.signedIn():
		return d.done(c, "/", "verified")
	}
	return d.done(c, "/login", "verified-sign-in")
}
