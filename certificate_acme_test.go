package main

// certificate_acme_test.go gets certificates from a real authority (pebble_test.go).

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const ourDomain = "mcp.example.com"

// serveDomain starts serve for our domain and leads the authority to it.
func (p *pebble) serveDomain(t *testing.T, data string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{t: t, out: &lockedBuffer{}, errOut: &lockedBuffer{}}
	process := &process{
		environ: []string{
			"HMCP_DOMAIN=" + ourDomain, "HMCP_ACME_URL=" + p.url, "HMCP_ACME_EMAIL=ops@example.com", "HMCP_DATA_DIR=" + data,
			"HMCP_LISTEN=127.0.0.1:0", "HMCP_LISTEN_HTTP=127.0.0.1:0",
		},
		in: strings.NewReader(""), out: r.out, errOut: r.errOut, now: time.Now, web: p.transport,
	}
	code := make(chan int, 1)
	go func() { code <- report(r.errOut, process.dispatch(ctx, nil)) }()
	r.stop = func() int { cancel(); c := <-code; code <- c; return c }
	t.Cleanup(func() { r.stop() })
	p.http.lead(r.waitFor(r.errOut, `msg="serving plain HTTP.*address=(\S+)`))
	p.https.lead(r.waitFor(r.errOut, `msg=serving address=(\S+) url=https://`+regexp.QuoteMeta(ourDomain)))
	return r
}

// client reaches our domain as people do, except that their network leads here.
func (p *pebble) client() *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DisableKeepAlives: true, ForceAttemptHTTP2: true,
			TLSClientConfig: &tls.Config{RootCAs: p.roots, ServerName: ourDomain, MinVersion: tls.VersionTLS12},
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				port := p.https.port
				if strings.HasSuffix(address, ":80") {
					port = p.http.port
				}
				return (&net.Dialer{}).DialContext(ctx, network, fmt.Sprintf("127.0.0.1:%d", port))
			},
		},
	}
}

// awaitTLS asks until there is a certificate.
func (p *pebble) awaitTLS(t *testing.T, r *running) *http.Response {
	t.Helper()
	var failure error
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		w, err := p.client().Get("https://" + ourDomain + "/livez")
		if err == nil {
			_ = w.Body.Close()
			return w
		}
		failure = err
	}
	t.Fatalf("no certificate: %v\n%s", failure, r.errOut)
	return nil
}

// A server with a domain gets its certificate by itself, and has it still after
// a restart with no authority to be reached.
func TestServeGetsItsCertificateByItself(t *testing.T) {
	t.Parallel()
	p := startPebble(t)
	data := filepath.Join(t.TempDir(), "data")
	r := p.serveDomain(t, data)
	w := p.awaitTLS(t, r)
	leaf := w.TLS.PeerCertificates[0]
	if w.StatusCode != http.StatusOK || w.ProtoMajor != 2 || w.TLS.Version != tls.VersionTLS13 || w.Header.Get("Strict-Transport-Security") != strictTransport {
		t.Errorf("%s over %s (TLS %x): %v", w.Status, w.Proto, w.TLS.Version, w.Header)
	}
	if fmt.Sprint(leaf.DNSNames) != "["+ourDomain+"]" {
		t.Errorf("the certificate is for %v", leaf.DNSNames)
	}
	link := r.waitFor(r.out, `(https://\S+/setup\?link=\S+)`)
	if page, err := p.client().Get(link); err != nil || page.StatusCode != http.StatusOK {
		t.Errorf("the set-up link: %v %v", page, err)
	} else {
		_ = page.Body.Close()
	}
	if flaws, err := fileFlaws(data); err != nil || len(flaws) > 0 {
		t.Errorf("open to others: %v %v", flaws, err)
	}
	if code := r.stop(); code != exitOK {
		t.Errorf("exit code %d: %s", code, r.errOut)
	}
	p.stop() // from here on, nobody signs anything
	again := p.serveDomain(t, data)
	if w := p.awaitTLS(t, again); w.TLS.PeerCertificates[0].SerialNumber.Cmp(leaf.SerialNumber) != 0 {
		t.Error("another certificate after the restart")
	}
	if strings.Contains(again.errOut.String(), "certificate") {
		t.Errorf("the second start was busy with its certificate:\n%s", again.errOut)
	}
}

// managed is a certificate with its ports served, and a clock to move.
type managed struct {
	*certificate
	clock *steadyClock
	log   *lockedBuffer
}

func (p *pebble) manage(t *testing.T, domain string) managed {
	t.Helper()
	m := managed{clock: &steadyClock{at: time.Now()}, log: &lockedBuffer{}}
	c := config{Domain: domain, DataDir: t.TempDir(), ACMEURL: p.url, ACMEEmail: "ops@example.com"}
	log := slog.New(slog.NewTextHandler(m.log, nil))
	m.certificate = newCertificate(c, p.transport, m.clock.now, log)
	var listeners [2]net.Listener
	for i := range listeners {
		var err error
		if listeners[i], err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	p.https.lead(listeners[0].Addr().String())
	p.http.lead(listeners[1].Addr().String())
	main := port{name: "http", listener: listeners[0], handler: liveHandler("srv_1")}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	f := front{
		ports: m.ports(main, listeners[1], "https://"+domain, handlers{live: liveHandler("srv_1"), ready: liveHandler("srv_1")}),
		drain: func(context.Context) error { return nil }, log: log,
	}
	go func() { ended <- f.serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return m
}

func (m managed) serial(t *testing.T) string {
	t.Helper()
	current := m.current.Load()
	if current == nil {
		t.Fatalf("no certificate:\n%s", m.log)
	}
	return current.Leaf.SerialNumber.String()
}

// Renewed when a third of its time is left, with a new key, and not before;
// what is served meanwhile is the old one.
func TestCertificateIsRenewedInTime(t *testing.T) {
	t.Parallel()
	p := startPebble(t)
	m := p.manage(t, ourDomain)
	m.tend(t.Context())
	first, leaf := m.serial(t), m.current.Load().Leaf
	third := leaf.NotAfter.Sub(leaf.NotBefore) / 3
	m.clock.move(leaf.NotAfter.Add(-third).Sub(m.clock.now()) - time.Minute)
	if wait := m.tend(t.Context()); wait <= 0 || wait > time.Minute || m.serial(t) != first {
		t.Errorf("a minute before it is due: wait %s, serial %s, was %s", wait, m.serial(t), first)
	}
	m.clock.move(time.Minute)
	m.tend(t.Context())
	if m.serial(t) == first || leaf.PublicKey.(*ecdsa.PublicKey).Equal(m.current.Load().Leaf.PublicKey) {
		t.Errorf("not renewed with a new key when due:\n%s", m.log)
	}
	kept, err := keptCertificate(t.Context(), m.kept, ourDomain)
	if err != nil || kept.Leaf.SerialNumber.String() != m.serial(t) {
		t.Errorf("what is kept is not what is served: %v", err)
	}
	second := m.serial(t)
	p.stop()
	m.clock.move(m.current.Load().Leaf.NotAfter.Sub(m.clock.now()) - 24*time.Hour)
	if wait := m.tend(t.Context()); wait != 2*time.Minute || m.serial(t) != second {
		t.Errorf("without an authority: wait %s", wait)
	}
	if c := m.part(t.Context())[0]; c.State != stateWarn || !strings.Contains(c.Text, "ends in 24 hours and could not be renewed") || c.Do == "" {
		t.Errorf("%+v", c)
	}
	m.clock.move(25 * time.Hour)
	if c := m.part(t.Context())[0]; c.State != stateFail || c.Blocks || !strings.Contains(c.Text, "ended on") {
		t.Errorf("%+v", c)
	}
}

// One way to prove the domain is enough: here the TLS port can't be reached.
func TestCertificateOverPlainHTTPAlone(t *testing.T) {
	t.Parallel()
	p := startPebble(t)
	m := p.manage(t, ourDomain)
	p.https.lead(silent)
	m.tend(t.Context())
	m.serial(t)
}

// What can't be had is said in the authority's words, and costs nothing but
// the certificate.
func TestCertificateThatCannotBeHad(t *testing.T) {
	t.Parallel()
	p := startPebble(t)
	tests := map[string]struct {
		domain  string
		cut     bool
		want    string
		forSure string
	}{
		"a domain that leads elsewhere":  {ourDomain, true, "the authority says: ", "Failed to connect"},
		"a domain that is not to be had": {"blocked.example.com", false, "blocked.example.com", "policy"},
	}
	for name, tt := range tests {
		m := p.manage(t, tt.domain)
		if tt.cut {
			p.https.lead(silent)
			p.http.lead(silent)
		}
		if c := m.part(t.Context())[0]; c.State != stateWarn {
			t.Errorf("%s: before the first try: %+v", name, c)
		}
		var pauses []time.Duration
		for range 2 {
			pauses = append(pauses, m.tend(t.Context()))
		}
		c := m.part(t.Context())[0]
		if c.State != stateFail || c.Blocks || !strings.Contains(c.Text, tt.want) || !strings.Contains(c.Text, tt.forSure) || !strings.Contains(c.Do, tt.domain) {
			t.Errorf("%s: %+v", name, c)
		}
		if pauses[0] != 2*time.Minute || pauses[1] != 10*time.Minute {
			t.Errorf("%s: tried again after %v", name, pauses)
		}
		if n := strings.Count(m.log.String(), "could not be had"); n != 2 || !strings.Contains(m.log.String(), tt.forSure) {
			t.Errorf("%s: log:\n%s", name, m.log)
		}
	}
}
