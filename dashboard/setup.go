// The first page of a new server: the one-time link of the first start makes the first org and its owner, who is the operator.
package dashboard

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

// setupPage looks at the link without using it up: mail scanners and link previews open links too.
func (d *Dashboard) setupPage(c *fiber.Ctx, v *visit) error {
	link := c.Query("link")
	if err := d.checkLink(c, link, store.SetUp); err != nil {
		return err
	}
	return d.showSignUp(c, v, "setup", form{}, link, 0)
}

func (d *Dashboard) setup(c *fiber.Ctx, v *visit) error {
	return d.createFirst(c, v, "setup", posted(c, "link"), store.SetUp)
}

// checkLink wants a link of this kind that is still good.
func (d *Dashboard) checkLink(c *fiber.Ctx, link string, want store.SignUpKind) error {
	kind, err := d.cfg.Store.CheckSignUpLink(c.UserContext(), secret.New(link))
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrExpired), err == nil && kind != want:
		return badLink(want)
	default:
		return err
	}
}

// badLink says how to get a new link.
func badLink(kind store.SignUpKind) *problem {
	p := &problem{
		Status: 410, Code: "link_expired", Title: "This link no longer works",
		Message: "Sign-up links are good once and for a limited time.", Next: "Ask the operator of this server for a new invitation link.",
	}
	if kind == store.SetUp {
		p.Next = "If this is your server: sign in if you have an account already, or restart the server without an org to get a new set-up link."
	}
	return p
}
