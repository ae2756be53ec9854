// Serving HMCP_DOMAIN over TLS: the port for it, and the port for plain HTTP,
// which proves the domain to the authority and leads everybody else to https.
package main

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/crypto/acme"
)

const (
	// For a year, browsers that were here ask over TLS only. The domain's other
	// hosts are not ours to speak for.
	strictTransport = "max-age=31536000"
	challengePath   = "/.well-known/acme-challenge/"
)

// newCertificate makes the certificate of the settings' domain; it does nothing
// until it is loaded and kept. transport reaches the authority.
func newCertificate(c config, transport http.RoundTripper, now func() time.Time, log *slog.Logger) *certificate {
	a := newAuthority(c.ACMEURL, transport)
	return &certificate{
		domain: c.Domain, email: c.ACMEEmail, authority: a, kept: acmeCache(c.DataDir, a.directory), now: now, log: log,
	}
}

// ports puts TLS on the main port, and plain HTTP on another one.
func (c *certificate) ports(main port, plain net.Listener, base string, to handlers) []port {
	main.name, main.handler, main.tls = "https", c.overTLS(main.handler), c.tlsConfig()
	return []port{main, {name: "plain HTTP", listener: plain, handler: c.overHTTP(base, to.live, to.ready)}}
}

// cipherSuites are what we take of TLS 1.2; those of TLS 1.3 are not to be
// chosen. All keep what was said secret when the key is lost later.
func cipherSuites() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

func (c *certificate) tlsConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, CipherSuites: cipherSuites(), GetCertificate: c.get,
		NextProtos: []string{"h2", "http/1.1", acme.ALPNProto},
	}
}

// overTLS stands before everything on the TLS port: it answers for our domain
// only, and asks browsers to come over TLS from now on.
func (c *certificate) overTLS(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Strict-Transport-Security", strictTransport)
		if !c.isOurs(r.Host) {
			misdirected(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// overHTTP answers on the plain port: the authority's questions, /livez and
// /readyz (who asks from the same machine has no name to ask for over TLS, and
// there may be no certificate yet), and the way to https. It leads to base,
// whatever the request says of itself.
func (c *certificate) overHTTP(base string, live, ready http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, asksProof := strings.CutPrefix(r.URL.Path, challengePath)
		asked := c.asked.Load()
		switch {
		case r.URL.Path == "/livez":
			live.ServeHTTP(w, r)
		case r.URL.Path == "/readyz":
			ready.ServeHTTP(w, r)
		case !c.isOurs(r.Host):
			misdirected(w)
		case asksProof && asked != nil && plainToken(token):
			asked.http.ServeHTTP(w, r)
		case asksProof:
			nothingHere(w, r)
		default:
			redirect(w, r, base)
		}
	})
}

// plainToken tells whether an authority may have made this token. Others are
// not looked for: they end up in the name of a file.
func plainToken(s string) bool {
	other := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	}
	return s != "" && len(s) <= 128 && !strings.ContainsFunc(s, other)
}

// redirect keeps the path and the method: 301 is for reading only, since many
// clients turn a POST into a GET with it.
func redirect(w http.ResponseWriter, r *http.Request, base string) {
	status := http.StatusPermanentRedirect
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		status = http.StatusMovedPermanently
	}
	w.Header().Set("Location", base+"/"+strings.TrimLeft(r.URL.RequestURI(), "/"))
	w.WriteHeader(status)
}

func misdirected(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusMisdirectedRequest)
	_, _ = io.WriteString(w, "This server answers for another name.\n")
}
