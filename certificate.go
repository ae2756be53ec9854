// The certificate of HMCP_DOMAIN: fetched from an ACME authority, kept in the
// data folder, and renewed when a third of its time is left.
//
// The orders are autocert's. When to order is decided here: left alone, autocert
// lets every visitor without a certificate begin an order, which uses up what
// the authority allows, and tells nobody why a renewal failed.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

const (
	renewShare    = 3           // renewed when 1/renewShare of its life is left
	longestPause  = time.Hour   // between two looks at the clock, which may be set meanwhile
	managerMargin = time.Minute // see order
)

// certificate is the one certificate of this server. Its methods may be called
// at once.
type certificate struct {
	domain    string
	email     string
	authority *authority
	kept      autocert.Cache // account key, certificate and its key
	now       func() time.Time
	log       *slog.Logger

	current atomic.Pointer[tls.Certificate] // nil: there is none
	asked   atomic.Pointer[proof]           // nil: no order has begun

	mu       sync.Mutex
	failure  error // of the last try; nil after a good one
	failures int   // in a row
	tried    bool
}

// proof answers the authority's questions while an order runs.
type proof struct {
	manager *autocert.Manager
	http    http.Handler
}

// keep loads the kept certificate, and then fetches and renews until ctx ends.
func (c *certificate) keep(ctx context.Context) {
	for {
		pause := c.tend(ctx)
		timer := time.NewTimer(min(pause, longestPause))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// load takes up the certificate that an earlier run kept, if it still serves.
func (c *certificate) load(ctx context.Context) {
	kept, err := keptCertificate(ctx, c.kept, c.domain)
	switch {
	case errors.Is(err, autocert.ErrCacheMiss):
	case err != nil:
		c.log.Warn("the kept certificate can't be used; a new one is fetched", "domain", c.domain, "error", err)
	case c.now().Before(kept.Leaf.NotAfter):
		c.current.Store(kept)
	}
}

// tend fetches or renews the certificate if it is time, and returns how long
// to wait before looking again.
func (c *certificate) tend(ctx context.Context) time.Duration {
	if wait := c.untilDue(); wait > 0 {
		return wait
	}
	fresh, err := c.order(ctx)
	if ctx.Err() != nil {
		return longestPause
	}
	c.mu.Lock()
	c.tried, c.failure = true, err
	if err == nil {
		c.failures = 0
	} else {
		c.failures++
	}
	pause := pauseAfter(c.failures, err, c.now())
	c.mu.Unlock()
	if err != nil {
		c.log.Error("the certificate could not be had; the server goes on without a new one", "domain", c.domain, "error", err,
			"do", c.remedy(), "next_try_in", pause)
		return pause
	}
	c.current.Store(fresh)
	c.log.Info("a new certificate is in use", "domain", c.domain, "until", fresh.Leaf.NotAfter)
	return max(c.untilDue(), longestPause) // with a clock that is wrong, a new one may look old
}

func (c *certificate) remedy() string {
	return fmt.Sprintf("make sure that %s leads to this machine and that the ports 80 and 443 can be reached from outside", c.domain)
}

// untilDue is how long the current certificate serves before it is renewed;
// zero or less: now.
func (c *certificate) untilDue() time.Duration {
	current := c.current.Load()
	if current == nil {
		return 0
	}
	return renewAt(current).Sub(c.now())
}

func renewAt(c *tls.Certificate) time.Time {
	return c.Leaf.NotAfter.Add(-c.Leaf.NotAfter.Sub(c.Leaf.NotBefore) / renewShare)
}

// pauseAfter spaces tries out. Authorities count failures, a few an hour; a
// wait that the authority itself asks for is kept.
func pauseAfter(failures int, err error, now time.Time) time.Duration {
	pauses := []time.Duration{0, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour}
	pause := pauses[min(failures, len(pauses)-1)]
	var said *acme.Error
	if errors.As(err, &said) {
		if asked, limited := acme.RateLimit(said); limited && asked > pause {
			pause = asked
		}
	}
	return pause
}

// order proves to the authority that the domain is ours and returns a new
// certificate, which is kept. Each order has a manager of its own that does not
// see the certificate at hand and would hand that one out. The manager's own
// renewal is left to the last minute, and finds a newer certificate then.
func (c *certificate) order(ctx context.Context) (*tls.Certificate, error) {
	manager := &autocert.Manager{
		Prompt: autocert.AcceptTOS, Email: c.email, HostPolicy: c.policy, RenewBefore: managerMargin,
		Cache: &anew{Cache: c.kept, domain: c.domain, log: c.log}, Client: c.authority.client(ctx),
	}
	c.asked.Store(&proof{manager: manager, http: manager.HTTPHandler(http.HandlerFunc(nothingHere))})
	c.authority.forget()
	fresh, err := manager.GetCertificate(&tls.ClientHelloInfo{
		ServerName: c.domain, CipherSuites: cipherSuites(),
		SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}, SupportedCurves: []tls.CurveID{tls.CurveP256},
	})
	if err != nil {
		return nil, c.authority.explain(err)
	}
	return fresh, nil
}

// policy lets nobody but our own domain have a certificate.
func (c *certificate) policy(_ context.Context, host string) error {
	if !c.isOurs(host) {
		return errors.New("there is a certificate for one domain only, which is another")
	}
	return nil
}

// isOurs tells whether host, with or without a port, is our domain.
func (c *certificate) isOurs(host string) bool {
	return strings.EqualFold(strings.TrimSuffix(hostOf(host), "."), c.domain)
}

// get answers a TLS handshake, from memory: a stranger can't make us order
// anything. Only the authority's own question is passed on.
func (c *certificate) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if !c.isOurs(hello.ServerName) {
		return nil, errors.New("the handshake is for another name")
	}
	if slices.Equal(hello.SupportedProtos, []string{acme.ALPNProto}) {
		if asked := c.asked.Load(); asked != nil {
			return asked.manager.GetCertificate(hello)
		}
		return nil, errors.New("no order is running")
	}
	current := c.current.Load()
	if current == nil {
		return nil, errors.New("there is no certificate yet")
	}
	return current, nil
}

// part is the certificate's part of the health.
func (c *certificate) part(context.Context) []check {
	c.mu.Lock()
	failure, tried := c.failure, c.tried
	c.mu.Unlock()
	current := c.current.Load()
	if current == nil && !tried {
		return []check{{
			Name: certificateCheck, State: stateWarn, Public: "the certificate is being fetched",
			Text: "the certificate of " + c.domain + " is being fetched", Do: "wait a minute",
		}}
	}
	return []check{judgeCertificate(current, c.domain, failure, c.remedy(), c.now())}
}

const certificateCheck = "certificate"

// judgeCertificate says how well a certificate (nil: there is none) serves at a
// moment. failure is what the last try to get a new one ended with.
func judgeCertificate(current *tls.Certificate, domain string, failure error, remedy string, now time.Time) check {
	why := ""
	if failure != nil {
		why = ": " + oneLine(failure.Error())
	}
	c := check{Name: certificateCheck, State: stateFail, Do: remedy}
	switch {
	case current == nil:
		c.Text, c.Public = "there is no certificate for "+domain+why, "there is no certificate"
	case !now.Before(current.Leaf.NotAfter):
		c.Text, c.Public = fmt.Sprintf("the certificate of %s ended on %s%s", domain, day(current.Leaf.NotAfter), why), "the certificate has ended"
	case failure != nil || now.After(renewAt(current).Add(longestPause)):
		c.State, c.Public = stateWarn, "the certificate could not be renewed"
		c.Text = fmt.Sprintf("the certificate of %s ends in %s and could not be renewed%s", domain, daysLeft(current, now), why)
	default:
		return good(certificateCheck, fmt.Sprintf("good for %s for another %s", domain, daysLeft(current, now)))
	}
	return c
}

func daysLeft(c *tls.Certificate, now time.Time) string {
	left := c.Leaf.NotAfter.Sub(now)
	if left < 48*time.Hour {
		return fmt.Sprintf("%d hours", int(left.Hours()))
	}
	return fmt.Sprintf("%d days", int(left.Hours()/24))
}
