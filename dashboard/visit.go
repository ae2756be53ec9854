// One visit: who is calling, in which org, under which request id, and the cookies that carry this.
package dashboard

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

// keepFor is how long a kept session's cookie lives: as long as the store's longest session.
const keepFor = 30 * 24 * time.Hour

// visit is what the middleware found out about the caller. Handlers get it as an argument; org is nil without a session.
type visit struct {
	requestID string
	org       *store.Org
	session   store.Session
	token     secret.Text // the session's token
	formToken string      // ties forms to a visitor without a session
	hadCookie bool        // a session cookie came that opened nothing: the session has ended
	plan      *plan       // once it was looked up; the page and its frame show the same
}

func (v *visit) signedIn() bool { return v.org != nil }

// owns is true for owners of the org.
func (v *visit) owns() bool { return v.signedIn() && v.session.Member.Role == store.RoleOwner }

// manages is true for the roles that may change the connection and the keys.
func (v *visit) manages() bool {
	return v.signedIn() && (v.session.Member.Role == store.RoleOwner || v.session.Member.Role == store.RoleAdmin)
}

// actor names the member for the audit log.
func (v *visit) actor(c *fiber.Ctx) store.Actor {
	m := v.session.Member
	name := m.Name
	if name == "" {
		name = m.Email
	}
	return store.Actor{Kind: store.ActorMember, ID: m.ID, Name: name, IP: c.IP(), UserAgent: userAgent(c), RequestID: v.requestID}
}

// userAgent is the caller's own description, cut to a sane length.
func userAgent(c *fiber.Ctx) string {
	const most = 200
	ua := c.Get(fiber.HeaderUserAgent)
	if len(ua) > most {
		ua = strings.ToValidUTF8(ua[:most], "")
	}
	return ua
}

type localKey int

const visitKey localKey = 0

// visitOf is the visit of this request; it exists from the first middleware on, without a session at first.
func (d *Dashboard) visitOf(c *fiber.Ctx) *visit {
	if v, ok := c.Locals(visitKey).(*visit); ok {
		return v
	}
	v := &visit{requestID: requestID(c)}
	c.Locals(visitKey, v)
	return v
}

// requestID takes the id of the outer server; without one, or when it does not look like an id, it makes its own.
func requestID(c *fiber.Ctx) string {
	const ours = "req_"
	id := c.Get(fiber.HeaderXRequestID)
	ok := strings.HasPrefix(id, ours) && len(id) <= 64
	for _, r := range strings.TrimPrefix(id, ours) {
		ok = ok && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9')
	}
	if ok {
		return id
	}
	return ours + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(randomBytes(10)))
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// identify opens the session of the cookie, if there is one.
func (d *Dashboard) identify(c *fiber.Ctx) error {
	v := d.visitOf(c)
	v.formToken = c.Cookies(d.cookieName("form"))
	token := secret.New(c.Cookies(d.cookieName("session")))
	if token.IsZero() {
		return c.Next()
	}
	org, session, err := d.cfg.Store.OrgBySession(c.UserContext(), token)
	switch {
	case errors.Is(err, store.ErrNotFound):
		v.hadCookie = true
	case err != nil:
		return err
	default:
		v.org, v.session, v.token = org, session, token
		c.Set(fiber.HeaderCacheControl, "no-store")
	}
	return c.Next()
}

// cookieName adds the prefix with which browsers promise that a cookie came over https, from this very host, for all of it.
func (d *Dashboard) cookieName(name string) string {
	if d.secure {
		return "__Host-" + name
	}
	return name
}

// setCookie writes a cookie that scripts can't read and other sites can't send with changes. keep 0 ends it with the browser, below 0 now.
func (d *Dashboard) setCookie(c *fiber.Ctx, name, value string, keep time.Duration) {
	cookie := &fiber.Cookie{
		Name: d.cookieName(name), Value: value, Path: "/", HTTPOnly: true, Secure: d.secure, SameSite: fiber.CookieSameSiteLaxMode,
		SessionOnly: keep == 0, MaxAge: int(keep / time.Second),
	}
	if keep < 0 {
		cookie.MaxAge, cookie.Expires = -1, time.Unix(0, 0)
	}
	c.Cookie(cookie)
}

// startSession gives the browser the token of a new session.
func (d *Dashboard) startSession(c *fiber.Ctx, token secret.Text, keep bool) {
	var life time.Duration
	if keep {
		life = keepFor
	}
	d.setCookie(c, "session", token.Reveal(), life)
}

// csrfFor is the masked token for the forms of a page. A visitor without a session gets a cookie that ties the form to this browser.
func (d *Dashboard) csrfFor(c *fiber.Ctx, v *visit) string {
	if v.signedIn() {
		return maskToken(v.session.CSRF)
	}
	if v.formToken == "" {
		v.formToken = base64.RawURLEncoding.EncodeToString(randomBytes(32))
		d.setCookie(c, "form", v.formToken, 0)
	}
	return maskToken(v.formToken)
}
