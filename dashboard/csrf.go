// Protection of changes: the browser must say that the request comes from our own pages, and the form must carry a
// token that only our pages know. Both are asked of every POST and DELETE, of the JSON API too.
package dashboard

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"

	"github.com/gofiber/fiber/v2"
)

const (
	csrfField  = "csrf"
	csrfHeader = "X-Csrf-Token"
)

// maskToken hides a token under fresh random bytes: the text differs on every page, the token under it does not.
func maskToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	pad := make([]byte, 2*len(sum))
	_, _ = rand.Read(pad[:len(sum)]) // never fails
	subtle.XORBytes(pad[len(sum):], sum[:], pad)
	return base64.RawURLEncoding.EncodeToString(pad)
}

// tokenMatches takes a masked token, as pages carry it.
func tokenMatches(masked, token string) bool {
	raw, err := base64.RawURLEncoding.DecodeString(masked)
	if err != nil || len(raw) != 2*sha256.Size || token == "" {
		return false
	}
	subtle.XORBytes(raw[sha256.Size:], raw[sha256.Size:], raw[:sha256.Size])
	sum := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(raw[sha256.Size:], sum[:]) == 1
}

// sameSite refuses changes that a page of another site started, by the headers that browsers send.
func (d *Dashboard) sameSite(c *fiber.Ctx) error {
	r := &http.Request{Method: c.Method(), Host: string(c.Request().Host()), URL: &url.URL{Path: c.Path()}, Header: http.Header{}}
	for _, name := range []string{"Sec-Fetch-Site", "Origin"} {
		if value := c.Get(name); value != "" {
			r.Header.Set(name, value)
		}
	}
	if d.crossed.Check(r) != nil {
		return errCrossSite
	}
	return nil
}

// checkToken wants the token of the session, or, where no session is needed, that of the visitor's form cookie.
func checkToken(c *fiber.Ctx, v *visit, who access) error {
	sent := c.Get(csrfHeader)
	if sent == "" {
		sent = posted(c, csrfField)
	}
	if v.signedIn() && tokenMatches(sent, v.session.CSRF) {
		return nil
	}
	if who == anyone && tokenMatches(sent, v.formToken) {
		return nil
	}
	return errStaleForm
}
