// A forgotten password. This server sends no mail, so the page says who can help.
package dashboard

import "github.com/gofiber/fiber/v2"

type forgotData struct{ Binary string }

func (d *Dashboard) forgotPage(c *fiber.Ctx, v *visit) error {
	return d.show(c, v, shown{Page: "forgot", Title: "Forgot your password?", Data: forgotData{d.cfg.Binary}})
}
