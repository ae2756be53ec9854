// A forgotten password. Where the server sends mail, it sends a link, and answers the same whether the address is known or
// not; where it doesn't, the page says who can help.
package dashboard

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"
)

// answerAfter is when answers go out that must not tell a known address from an unknown one: well after the work is done. The
// store makes as many commits for both; the little that they differ by does not show in a fixed time.
const answerAfter = 500 * time.Millisecond

// steadily calls f and returns when answerAfter has passed.
func steadily(ctx context.Context, f func() error) error {
	timer := time.NewTimer(answerAfter)
	defer timer.Stop()
	err := f()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return err
}

type forgotData struct {
	Binary string
	Mail   bool
	Sent   bool
	Form   form
}

func (d *Dashboard) forgotPage(c *fiber.Ctx, v *visit) error {
	return d.showForgot(c, v, form{}, 0)
}

func (d *Dashboard) showForgot(c *fiber.Ctx, v *visit, f form, status int) error {
	c.Set(fiber.HeaderCacheControl, "no-store")
	data := forgotData{Binary: d.cfg.Binary, Mail: d.cfg.Mail, Sent: d.cfg.Mail && c.Query("sent") != "", Form: f}
	return d.show(c, v, shown{Page: "forgot", Title: "Forgot your password?", Status: status, Data: data})
}

func (d *Dashboard) forgot(c *fiber.Ctx, v *visit) error {
	if !d.cfg.Mail {
		return errNotFound
	}
	f := readForm(c, "email")
	err := steadily(c.UserContext(), func() error { return d.cfg.Store.SendPasswordReset(c.UserContext(), f.Values["email"], c.IP()) })
	if f.refused(err, map[string]string{"email": "email"}) {
		return d.showForgot(c, v, f, fiber.StatusUnprocessableEntity)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/forgot?sent=1", fiber.StatusSeeOther)
}
