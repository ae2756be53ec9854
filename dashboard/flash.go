// Short notes shown once after a change: the cookie carries only a code, so that nobody can put words into our pages.
package dashboard

import (
	"time"

	"github.com/gofiber/fiber/v2"
)

// flash is a note at the top of the next page.
type flash struct{ Kind, Icon, Text string }

// flashes are all notes there are.
var flashes = map[string]flash{
	"signed-out":        {"good", "circle-check", "You are signed out."},
	"session-ended":     {"warn", "circle-alert", "Your session has ended. Sign in again to go on."},
	"password-changed":  {"good", "circle-check", "Your password is changed, and all sessions have ended. Sign in with the new one."},
	"welcome":           {"good", "circle-check", "Welcome. Your org is ready; the steps below take about a minute."},
	"verification-sent": {"good", "circle-check", "The mail is on its way."},
	"verified":          {"good", "circle-check", "Your email address is confirmed."},
	"verified-sign-in":  {"good", "circle-check", "Your email address is confirmed. Sign in to go on."},
	"connected":         {"good", "circle-check", "Hostaway is connected."},
	"tested":            {"good", "circle-check", "Hostaway accepted the credentials just now."},
	"test-refused":      {"bad", "circle-alert", "Hostaway refused the stored credentials. Replace the secret to go on."},
	"test-unreachable":  {"bad", "circle-alert", "Hostaway could not be reached. The stored credentials stay; test again in a minute."},
	"test-limited":      {"warn", "circle-alert", "Hostaway is limiting calls for this account right now. Wait a minute, then test again."},
	"test-odd":          {"bad", "circle-alert", "Hostaway gave an answer that we do not understand. Test again; if it stays, tell the operator of this server."},
	"replaced":          {"good", "circle-check", "The new secret works and is stored."},
	"disconnected":      {"good", "circle-check", "Hostaway is disconnected and its credentials are deleted."},
	"key-revoked":       {"good", "circle-check", "The key is revoked. Its next call is refused."},
	"key-repeated":      {"warn", "circle-alert", "That form was sent already and its key was shown then. If you did not save it, regenerate the key."},
	"subscribed":        {"good", "circle-check", "Subscribed. Thank you; Stripe sends the receipts."},
	"canceled":          {"good", "circle-check", "The subscription is canceled. It ends with the running period, as the plan says below, and you can take it back until then."},
	"resumed":           {"good", "circle-check", "The subscription goes on."},
	"synced":            {"good", "circle-check", "The listings are counted."},
	"billing-repeated":  {"warn", "circle-alert", "That form was sent already. Nothing was done twice."},
	"released":          {"good", "circle-check", "The count is released; the bill follows within a few minutes."},
	"decided":           {"good", "circle-check", "The decision is kept and stands in the org's audit log."},
	"compare-begun":     {"good", "circle-check", "The comparison with Stripe has begun. Open the page again in a moment."},
	"compare-joined":    {"good", "circle-check", "A comparison with Stripe is running already. Open the page again in a moment."},
	"compare-recent":    {"warn", "circle-alert", "A comparison began less than a minute ago. Wait a minute, then choose it again."},
	"org-switched":      {"good", "circle-check", "You are in another org now."},
}

func (d *Dashboard) setFlash(c *fiber.Ctx, code string) { d.setCookie(c, "flash", code, time.Minute) }

// takeFlash reads the note and deletes it.
func (d *Dashboard) takeFlash(c *fiber.Ctx) *flash {
	code := c.Cookies(d.cookieName("flash"))
	if code == "" {
		return nil
	}
	d.setCookie(c, "flash", "", -1)
	f, ok := flashes[code]
	if !ok {
		f, ok = faultFlash(code)
	}
	if !ok {
		return nil
	}
	return &f
}

// ending is done for later.
func (d *Dashboard) ending(to, code string) handler {
	return func(c *fiber.Ctx, _ *visit) error { return d.done(c, to, code) }
}

// done sends the browser on after a change, with a note.
func (d *Dashboard) done(c *fiber.Ctx, to, code string) error {
	if code != "" {
		d.setFlash(c, code)
	}
	return c.Redirect(to, fiber.StatusSeeOther)
}
