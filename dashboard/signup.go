// Sign-up: closed, by invitation link, or open, as the operator set it. It creates an org with its owner and signs them in.
package dashboard

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

type signUpData struct {
	Form form
	Link string
	Mode string // of this server: closed, invite or open
	Can  bool   // the form may be used
}

// signUpFields maps the store's field names to the form's.
var signUpFields = map[string]string{"org_name": "org", "member_name": "person", "email": "email", "password": "password"}

func (d *Dashboard) signupPage(c *fiber.Ctx, v *visit) error {
	link := c.Query("link")
	if link != "" && d.cfg.SignUp != "closed" {
		if err := d.checkLink(c, link, store.Invite); err != nil {
			return err
		}
	}
	return d.showSignUp(c, v, "signup", form{}, link, 0)
}

func (d *Dashboard) signup(c *fiber.Ctx, v *visit) error {
	link := posted(c, "link")
	if d.cfg.SignUp == "closed" || (link == "" && d.cfg.SignUp != "open") {
		return d.showSignUp(c, v, "signup", form{}, "", fiber.StatusForbidden)
	}
	return d.createFirst(c, v, "signup", link, store.Invite)
}

// signupSentPage is the same for an address that is new and for one that has an account.
func (d *Dashboard) signupSentPage(c *fiber.Ctx, v *visit) error {
	if !d.demandsVerified() {
		return c.Redirect("/signup", fiber.StatusSeeOther)
	}
	return d.show(c, v, shown{Page: "signup-sent", Title: "Check your email"})
}

func (d *Dashboard) showSignUp(c *fiber.Ctx, v *visit, page string, f form, link string, status int) error {
	c.Set(fiber.HeaderCacheControl, "no-store")
	title := map[string]string{"setup": "Set up this server", "signup": "Create your org"}[page]
	can := page == "setup" || d.cfg.SignUp == "open" || (link != "" && d.cfg.SignUp == "invite")
	return d.show(c, v, shown{Page: page, Title: title, Status: status, Data: signUpData{f, link, d.cfg.SignUp, can}})
}

// createFirst makes the org with its owner and signs them in. A link is used up in the same step, or not at all.
func (d *Dashboard) createFirst(c *fiber.Ctx, v *visit, page, link string, kind store.SignUpKind) error {
	f := readForm(c, "org", "person", "email")
	f.require(map[string]string{"org": "Give your org a name.", "person": "Tell us your name.", "email": "Give your email address."})
	if posted(c, "password") == "" {
		f.Errors["password"] = "Choose a password."
		f.summarize()
	}
	if link != "" || kind == store.SetUp {
		if err := d.checkLink(c, link, kind); err != nil {
			return err
		}
	}
	if f.failed() {
		return d.showSignUp(c, v, page, f, link, fiber.StatusUnprocessableEntity)
	}
	in := store.SignUp{
		OrgName: f.Values["org"], MemberName: f.Values["person"], Email: f.Values["email"],
		Password: secret.New(posted(c, "password")), Link: secret.New(link), IP: c.IP(), UserAgent: userAgent(c),
	}
	if link == "" && d.demandsVerified() {
		return d.createUnverified(c, v, f, in)
	}
	token, _, err := d.cfg.Store.SignUp(c.UserContext(), in)
	switch {
	case err == nil, errors.Is(err, store.ErrNotReplicated):
		return d.whenCopied(c, v, err, func(c *fiber.Ctx, _ *visit) error {
			d.startSession(c, token, false)
			return d.done(c, "/", "welcome")
		})
	case errors.Is(err, store.ErrConflict):
		f.Errors["email"] = "This address has an account here. Sign in instead."
		f.summarize()
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrExpired):
		return badLink(kind)
	case !f.refused(err, signUpFields):
		return err
	}
	return d.showSignUp(c, v, page, f, link, fiber.StatusUnprocessableEntity)
}

// createUnverified makes the org, sends a mail and signs nobody in: the answer is the same for an address that has an account.
func (d *Dashboard) createUnverified(c *fiber.Ctx, v *visit, f form, in store.SignUp) error {
	err := steadily(c.UserContext(), func() error { return d.cfg.Store.SignUpToVerify(c.UserContext(), in) })
	switch {
	case err == nil, errors.Is(err, store.ErrNotReplicated):
		return d.whenCopied(c, v, err, func(c *fiber.Ctx, _ *visit) error { return c.Redirect("/signup/sent", fiber.StatusSeeOther) })
	case !f.refused(err, signUpFields):
		return err
	}
	return d.showSignUp(c, v, "signup", f, "", fiber.StatusUnprocessableEntity)
}
