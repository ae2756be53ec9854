// The table of everything that answers here, and the middleware in front of it. Order of the checks: same site, session,
// form token, role, handler. An address that is not in the table is "not found" for everybody.
package dashboard

import (
	"fmt"
	"net/url"
	"runtime/debug"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// access says who may use a route.
type access int

const (
	anyone    access = iota
	member           // any signed-in member of the org
	manager          // owner or admin
	maker            // the same, with an address that is confirmed where that is asked
	owner            // an owner of the org
	operators        // who runs this server; for everybody else the route does not exist
)

// handler answers one route.
type handler func(c *fiber.Ctx, v *visit) error

type route struct {
	method, path string
	who          access
	handle       handler
}

// table lists all routes. Tests walk it: a route without a case there fails.
func (d *Dashboard) table() []route {
	table := []route{
		{"GET", "/setup", anyone, d.setupPage},
		{"POST", "/setup", anyone, d.setup},
		{"GET", "/signup", anyone, d.signupPage},
		{"POST", "/signup", anyone, d.signup},
		{"GET", "/login", anyone, d.loginPage},
		{"POST", "/login", anyone, d.login},
		{"POST", "/logout", anyone, d.logout},
		{"GET", "/signup/sent", anyone, d.signupSentPage},
		{"GET", "/forgot", anyone, d.forgotPage},
		{"POST", "/forgot", anyone, d.forgot},
		{"GET", "/reset/:token", anyone, d.resetPage},
		{"POST", "/reset/:token", anyone, d.reset},
		{"GET", "/verify/:token", anyone, d.verifyLinkPage},
		{"POST", "/verify/:token", anyone, d.verify},
		{"GET", "/verify", member, d.verifyPage},
		{"POST", "/verify", member, d.sendVerification},
		{"POST", "/theme", anyone, d.switchTheme},

		{"GET", "/", member, d.overviewPage},
		{"POST", "/switch-org", member, d.switchOrg},
		{"GET", "/usage", member, d.usagePage},
		{"GET", "/connection", member, d.connectionPage},
		{"POST", "/connection", maker, d.connect},
		{"POST", "/connection/test", manager, d.testConnection},
		{"GET", "/connection/secret", manager, d.replaceSecretPage},
		{"POST", "/connection/secret", manager, d.replaceSecret},
		{"GET", "/connection/disconnect", manager, d.disconnectPage},
		{"POST", "/connection/disconnect", manager, d.disconnect},
		{"GET", "/keys", member, d.keysPage},
		{"POST", "/keys", maker, d.createKey},
		{"GET", "/keys/new", maker, d.newKeyPage},
		{"GET", "/keys/:id/waiting", member, d.keyWaiting},
		{"GET", "/keys/:id/regenerate", manager, d.regenerateKeyPage},
		{"POST", "/keys/:id/regenerate", manager, d.regenerateKey},
		{"GET", "/keys/:id/revoke", manager, d.revokeKeyPage},
		{"POST", "/keys/:id/revoke", manager, d.revokeKey},

		{"GET", "/export", owner, d.exportPage},
		{"POST", "/export", owner, d.export},

		{"GET", "/operator", operators, d.operatorPage},
		{"GET", "/operator/orgs", operators, d.operatorOrgsPage},
		{"GET", "/operator/orgs/:id", operators, d.operatorOrgPage},

		{"GET", "/api/openapi.json", anyone, d.apiDescription},
		{"GET", "/api/api-keys", member, d.apiListKeys},
		{"POST", "/api/api-keys/generate", maker, d.apiCreateKey},
		{"DELETE", "/api/api-keys/:id", manager, d.apiRevokeKey},
		{"GET", "/api/usage", member, d.apiUsage},
		{"GET", "/api/operator/health", operators, d.apiHealth},
		{"GET", "/api/operator/orgs", operators, d.apiOrgs},
	}
	if d.cfg.Billing != nil {
		table = append(table, d.billingTable()...)
	}
	if d.cfg.Billing != nil && d.cfg.BillingOperator != nil {
		table = append(table, d.billingOperatorTable()...)
	}
	return table
}

// billingTable lists what is there when orgs pay; otherwise these addresses are unknown ones.
func (d *Dashboard) billingTable() []route {
	return []route{
		{"GET", "/billing", manager, d.billingPage},
		{"GET", "/billing/confirming", manager, d.billingConfirming},
		{"GET", "/billing/projected", manager, d.billingProjected},
		{"GET", "/billing/listings", manager, d.billingListings},
		{"GET", "/billing/invoices", manager, d.billingInvoices},
		{"GET", "/billing/invoices/:id/:form", manager, d.openInvoice},
		{"POST", "/billing/checkout", manager, d.startCheckout},
		{"POST", "/billing/portal", manager, d.openPortal},
		{"GET", "/billing/cancel", manager, d.cancelPage},
		{"POST", "/billing/cancel", manager, d.cancelPlan},
		{"POST", "/billing/resume", manager, d.resumePlan},
		{"POST", "/billing/sync", manager, d.syncListings},
		{"GET", "/api/billing", manager, d.apiBillingState},
		{"POST", "/api/billing/sync", manager, d.apiSync},
	}
}

// billingOperatorTable lists what an operator sees and decides of it.
func (d *Dashboard) billingOperatorTable() []route {
	return []route{
		{"GET", "/operator/billing", operators, d.operatorBillingPage},
		{"POST", "/operator/billing/compare", operators, d.compareNow},
		{"POST", "/operator/billing/release", operators, d.releaseCount},
		{"POST", "/operator/billing/refused", operators, d.decideRefused},
		{"GET", "/api/operator/billing", operators, d.apiOperatorBilling},
	}
}

// mount builds the Fiber app from the table.
func (d *Dashboard) mount() *fiber.App {
	app := fiber.New(fiber.Config{
		BodyLimit: bodyLimit, Immutable: true, StrictRouting: true, CaseSensitive: true, DisableStartupMessage: true,
		EnableTrustedProxyCheck: true, // with no proxy listed: no forwarded header is believed, the outer server has read it
		ErrorHandler:            d.failed,
	})
	app.Use(d.first, d.catchPanic, carry)
	app.Get("/assets/*", d.assets.serve)
	app.Use(d.identify)
	for _, r := range d.routes {
		app.Add(r.method, r.path, d.guarded(r))
		if r.method == fiber.MethodGet {
			app.Add(fiber.MethodHead, r.path, d.guarded(r))
		}
		if r.who == operators {
			app.All(r.path, d.refuseMethod)
		}
	}
	return app
}

// first sets what every answer carries. The policy has no exceptions: no inline script, no inline style, no other origin.
func (d *Dashboard) first(c *fiber.Ctx) error {
	c.Set(fiber.HeaderXRequestID, d.visitOf(c).requestID)
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "+
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'")
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderXFrameOptions, "DENY")
	c.Set(fiber.HeaderReferrerPolicy, "same-origin")
	c.Set("Cross-Origin-Opener-Policy", "same-origin")
	c.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	if d.secure {
		c.Set(fiber.HeaderStrictTransportSecurity, "max-age=31536000")
	}
	return c.Next()
}

// catchPanic turns a panic into the 500 page; the log has the stack.
func (d *Dashboard) catchPanic(c *fiber.Ctx) (err error) {
	defer func() {
		if r := recover(); r != nil {
			d.cfg.Log.ErrorContext(c.UserContext(), "panic in a dashboard handler", "panic", fmt.Sprint(r), "route", c.Route().Path, "request_id", d.visitOf(c).requestID, "stack", string(debug.Stack()))
			err = errInternal
		}
	}()
	return c.Next()
}

// guarded puts the checks in front of a handler.
func (d *Dashboard) guarded(r route) fiber.Handler {
	changes := r.method != fiber.MethodGet
	return func(c *fiber.Ctx) error {
		v := d.visitOf(c)
		if r.who == operators && !d.operates(v) {
			return errNotFound
		}
		if changes {
			if err := d.sameSite(c); err != nil {
				return err
			}
		}
		if r.who != anyone && !v.signedIn() {
			return d.askToSignIn(c, v)
		}
		if changes {
			if err := checkToken(c, v, r.who); err != nil {
				return err
			}
		}
		if (r.who == manager || r.who == maker) && !v.manages() {
			return errRole
		}
		if r.who == owner && !v.owns() {
			return errOwnersOnly
		}
		if r.who == maker && d.unverified(v) {
			return d.askToVerify(c)
		}
		if strings.HasPrefix(r.path, "/api/") && v.signedIn() && !changes {
			c.Set(csrfHeader, maskToken(v.session.CSRF))
		}
		if changes {
			if finished, err := d.finishHeld(c, v); finished {
				return err
			}
		}
		return r.handle(c, v)
	}
}

// askToSignIn answers 401 to programs and leads people to the sign-in page, and back afterwards.
func (d *Dashboard) askToSignIn(c *fiber.Ctx, v *visit) error {
	if isAPI(c) {
		return errUnauthorized
	}
	to := "/login"
	if c.Method() == fiber.MethodGet && c.OriginalURL() != "/" && !wantsPart(c) {
		to += "?next=" + url.QueryEscape(c.OriginalURL())
	}
	if v.hadCookie {
		d.setFlash(c, "session-ended")
		d.setCookie(c, "session", "", -1)
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	if wantsPart(c) {
		c.Set("HX-Redirect", to)
		return c.SendStatus(fiber.StatusNoContent)
	}
	return c.Redirect(to, fiber.StatusSeeOther)
}

// safeNext is where to go after sign-in: a path of our own, or the overview. "//host" and "/\host" are other sites to a browser.
func safeNext(next string) string {
	u, err := url.Parse(next)
	if err != nil || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") || u.Host != "" || u.Scheme != "" {
		return "/"
	}
	if u.Path == "/login" || u.Path == "/logout" || strings.HasPrefix(u.Path, "/api/") {
		return "/"
	}
	return u.RequestURI()
}
