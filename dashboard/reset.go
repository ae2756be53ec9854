// A new password by the link that came by mail, or that the operator made. Looking at the link does not use it up.
package dashboard

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

type resetData struct {
	Form  form
	Email string
}

// badReset says how to get a new link.
func (d *Dashboard) badReset() *problem {
	p := &problem{
		Status: 410, Code: "link_expired", Title: "This link no longer works",
		Message: "Reset links are good once and for a limited time.", Next: "Ask the operator of this server for a new one.",
	}
	if d.cfg.Mail {
		p.Next = "Choose Forgot? on the sign-in page, and another one is sent to you."
	}
	return p
}

func (d *Dashboard) resetPage(c *fiber.Ctx, v *visit) error { return d.showReset(c, v, form{}, 0) }

func (d *Dashboard) showReset(c *fiber.Ctx, v *visit, f form, status int) error {
	c.Set(fiber.HeaderCacheControl, "no-store")
	email, err := d.cfg.Store.CheckPasswordReset(c.UserContext(), secret.New(c.Params("token")))
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrExpired) {
		return d.badReset()
	}
	if err != nil {
		return err
	}
	return d.show(c, v, shown{Page: "reset", Title: "Choose a new password", Status: status, Data: resetData{f, email}})
}

// reset sets the password and ends all sessions of the person, this browser's too.
func (d *Dashboard) reset(c *fiber.Ctx, v *visit) error {
	f := readForm(c)
	if posted(c, "password") != posted(c, "repeat") {
		f.Errors["repeat"] = "The two passwords differ."
		f.summarize()
		return d.showReset(c, v, f, fiber.StatusUnprocessableEntity)
	}
	err := d.cfg.Store.ResetPassword(c.UserContext(), secret.New(c.Params("token")), secret.New(posted(c, "password")), c.IP())
	switch {
	case err == nil:
		d.setCookie(c, "session", "", -1)
		return d.done(c, "/login", "password-changed")
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrExpired):
		return d.badReset()
	case f.refused(err, map[string]string{"password": "password"}):
		return d.showReset(c, v, f, fiber.StatusUnprocessableEntity)
	default:
		return err
	}
}
