package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// signed is a certificate in PEM.
type signed struct{ chain, key string }

// selfSigned makes a certificate for a name or an address, good in [from, to).
func selfSigned(t *testing.T, name string, from, to time.Time) signed {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(from.UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: to,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true,
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return signed{chain: encode("CERTIFICATE", der), key: encode("EC PRIVATE KEY", private)}
}

func (s signed) pair(t *testing.T) *tls.Certificate {
	t.Helper()
	pair, err := tls.X509KeyPair([]byte(s.chain), []byte(s.key))
	if err != nil {
		t.Fatal(err)
	}
	return &pair
}

// deaf is an authority that can't be reached, and counts who tries.
type deaf struct{ asked []time.Time }

func (d *deaf) RoundTrip(*http.Request) (*http.Response, error) {
	d.asked = append(d.asked, time.Now())
	return nil, errors.New("no route to host")
}

func newTestCertificate(t *testing.T, transport http.RoundTripper) *certificate {
	t.Helper()
	c := config{Domain: ourDomain, DataDir: t.TempDir()}
	return newCertificate(c, transport, time.Now, slog.New(slog.DiscardHandler))
}

func answers(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
}

// Plain HTTP leads to https, to our own host and to no other, whatever a
// request says of itself.
func TestPlainHTTPLeadsToHTTPSOfOurOwnHost(t *testing.T) {
	t.Parallel()
	c := newTestCertificate(t, nil)
	tests := []struct {
		method, target, host string
		status               int
		location             string
	}{
		{"GET", "/", ourDomain, 301, "https://mcp.example.com:8443/"},
		{"HEAD", "/login?next=%2Fkeys", ourDomain, 301, "https://mcp.example.com:8443/login?next=%2Fkeys"},
		{"POST", "/mcp", ourDomain + ":80", 308, "https://mcp.example.com:8443/mcp"},
		{"DELETE", "/x", "MCP.example.COM.", 308, "https://mcp.example.com:8443/x"},
		{"GET", "//evil.example/x", ourDomain, 301, "https://mcp.example.com:8443/evil.example/x"},
		{"GET", "/%2F%2Fevil.example", ourDomain, 301, "https://mcp.example.com:8443/%2F%2Fevil.example"},
		{"GET", "/a%0d%0aX-Evil:%201", ourDomain, 301, "https://mcp.example.com:8443/a%0d%0aX-Evil:%201"},
		{"GET", "http://evil.example/x", "evil.example", 421, ""},
		{"GET", "/", "evil.example", 421, ""},
		{"GET", "/", "mcp.example.com.evil.example", 421, ""},
		{"GET", "/", "192.0.2.1", 421, ""},
		{"GET", "/", "", 421, ""},
		{"GET", challengePath + "token", ourDomain, 404, ""},
		{"GET", "/livez", "127.0.0.1:80", 200, ""},
		{"GET", "/readyz", "127.0.0.1:80", 200, ""},
	}
	for _, tt := range tests {
		w := get(t, c.overHTTP("https://mcp.example.com:8443", answers("live"), answers("ready")), tt.method, tt.target, func(r *http.Request) { r.Host = tt.host })
		if w.Code != tt.status || w.Header().Get("Location") != tt.location {
			t.Errorf("%s %s of %q: %d %q, want %d %q", tt.method, tt.target, tt.host, w.Code, w.Header().Get("Location"), tt.status, tt.location)
		}
	}
}

// Tokens are looked for in files: what no authority makes is not.
func TestOnlyTokensAreLookedFor(t *testing.T) {
	t.Parallel()
	c := newTestCertificate(t, nil)
	looked := 0
	c.asked.Store(&proof{http: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { looked++ })})
	handler := c.overHTTP("https://"+ourDomain, answers("live"), answers("ready"))
	for _, token := range []string{"", "..", "a/b", "a.b", "%2e%2e%2fx", strings.Repeat("x", 129), "mcp.example.com+token"} {
		if w := get(t, handler, http.MethodGet, challengePath+token, func(r *http.Request) { r.Host = ourDomain }); w.Code != http.StatusNotFound || looked != 0 {
			t.Errorf("%q: %d, looked for %d times", token, w.Code, looked)
		}
	}
	if get(t, handler, http.MethodGet, challengePath+"LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0", func(r *http.Request) { r.Host = ourDomain }); looked != 1 {
		t.Error("a token is not looked for")
	}
}

// A client over TLS must ask for our name twice: in the handshake and in the
// request.
func TestTLSAnswersForOurNameOnly(t *testing.T) {
	t.Parallel()
	c := newTestCertificate(t, &deaf{})
	handler := c.overTLS(answers("hello"))
	for host, want := range map[string]int{ourDomain: 200, ourDomain + ":443": 200, "evil.example": 421, "127.0.0.1": 421} {
		w := get(t, handler, http.MethodGet, "/", func(r *http.Request) { r.Host = host })
		if w.Code != want || w.Header().Get("Strict-Transport-Security") != strictTransport {
			t.Errorf("%s: %d %v", host, w.Code, w.Header())
		}
	}
	ours := &tls.ClientHelloInfo{ServerName: "MCP.example.com"}
	if _, err := c.get(ours); err == nil {
		t.Error("a certificate from nowhere")
	}
	pair := selfSigned(t, ourDomain, time.Now(), time.Now().Add(time.Hour)).pair(t)
	c.current.Store(pair)
	if got, err := c.get(ours); err != nil || got != pair {
		t.Errorf("our name: %v", err)
	}
	for name, hello := range map[string]*tls.ClientHelloInfo{
		"another name":                    {ServerName: "evil.example"},
		"no name":                         {},
		"a question that nobody asked":    {ServerName: ourDomain, SupportedProtos: []string{acme.ALPNProto}},
		"a question about another domain": {ServerName: "evil.example", SupportedProtos: []string{acme.ALPNProto}},
	} {
		if _, err := c.get(hello); err == nil {
			t.Errorf("%s got a certificate", name)
		}
	}
	if err := c.policy(t.Context(), ourDomain+":5002"); err != nil {
		t.Error(err)
	}
	if err := c.policy(t.Context(), "www."+ourDomain); err == nil {
		t.Error("another host may have a certificate")
	}
}

func TestTLSIsModern(t *testing.T) {
	t.Parallel()
	c := newTestCertificate(t, nil)
	made := selfSigned(t, ourDomain, time.Now().Add(-time.Minute), time.Now().Add(time.Hour))
	c.current.Store(made.pair(t))
	server := httptest.NewUnstartedServer(c.overTLS(answers("hello")))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	server.TLS = c.tlsConfig()
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(made.chain))
	tests := map[string]struct {
		config *tls.Config
		want   uint16 // version; zero: refused
	}{
		"usual":                     {&tls.Config{}, tls.VersionTLS13},
		"TLS 1.2":                   {&tls.Config{MaxVersion: tls.VersionTLS12}, tls.VersionTLS12},
		"TLS 1.1":                   {&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, 0},
		"TLS 1.2 with old ciphers":  {&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}}, 0},
		"TLS 1.2 for an RSA server": {&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}}, 0},
	}
	for name, tt := range tests {
		tt.config.RootCAs, tt.config.ServerName = roots, ourDomain
		conn, err := tls.Dial("tcp", server.Listener.Addr().String(), tt.config)
		if (err == nil) != (tt.want != 0) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			if got := conn.ConnectionState().Version; got != tt.want {
				t.Errorf("%s: version %x", name, got)
			}
			_ = conn.Close()
		}
	}
}

// Authorities count failures: a server that can't be certified must not use up
// what they allow, nor let its visitors do so.
func TestFailedOrdersAreSpacedOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		away := &deaf{}
		c := newTestCertificate(t, away)
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		go c.keep(ctx)
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		for range 100 {
			_, _ = c.get(&tls.ClientHelloInfo{ServerName: ourDomain})
		}
		firstHour := 0
		for _, at := range away.asked {
			if at.Sub(began) < time.Hour {
				firstHour++
			}
		}
		if firstHour != 4 || len(away.asked) < 24 || len(away.asked) > 28 {
			t.Errorf("asked %d times in the first hour and %d times in a day", firstHour, len(away.asked))
		}
		if check := c.part(ctx)[0]; check.State != stateFail || !strings.Contains(check.Text, "no route to host") {
			t.Errorf("%+v", check)
		}
		cancel()
		synctest.Wait()
	})
}

func TestPausesAfterFailures(t *testing.T) {
	t.Parallel()
	limited := &acme.Error{
		StatusCode: http.StatusTooManyRequests, ProblemType: "urn:ietf:params:acme:error:rateLimited",
		Header: http.Header{"Retry-After": {"18000"}},
	}
	tests := []struct {
		failures int
		err      error
		want     time.Duration
	}{
		{1, io.EOF, 2 * time.Minute},
		{2, io.EOF, 10 * time.Minute},
		{3, io.EOF, 30 * time.Minute},
		{9, io.EOF, time.Hour},
		{1, &orderError{said: "too many", cause: fmt.Errorf("order: %w", limited)}, 5 * time.Hour},
		{9, &acme.Error{ProblemType: limited.ProblemType, Header: http.Header{"Retry-After": {"60"}}}, time.Hour},
	}
	for _, tt := range tests {
		if got := pauseAfter(tt.failures, tt.err, time.Now()); got != tt.want {
			t.Errorf("%d failures, %v: %s, want %s", tt.failures, tt.err, got, tt.want)
		}
	}
}

func TestCertificatesAreJudged(t *testing.T) {
	t.Parallel()
	now := newSteadyClock().now()
	daysTo := func(days int) *tls.Certificate {
		end := now.Add(time.Duration(days) * 24 * time.Hour)
		return selfSigned(t, ourDomain, end.Add(-90*24*time.Hour), end).pair(t)
	}
	tests := map[string]struct {
		current *tls.Certificate
		failure error
		want    checkState
		text    string
	}{
		"fresh":                    {daysTo(89), nil, stateOK, "another 89 days"},
		"fresh, and a try failed":  {daysTo(89), io.EOF, stateWarn, "could not be renewed: EOF"},
		"due, and nothing is done": {daysTo(29), nil, stateWarn, "ends in 29 days"},
		"due, and fails":           {daysTo(1), io.EOF, stateWarn, "ends in 24 hours and could not be renewed: EOF"},
		"ended":                    {daysTo(0), io.EOF, stateFail, "ended on 2026-11-20: EOF"},
		"none":                     {nil, io.EOF, stateFail, "no certificate for mcp.example.com: EOF"},
	}
	for name, tt := range tests {
		c := judgeCertificate(tt.current, ourDomain, tt.failure, "mend it", now)
		if c.State != tt.want || !strings.Contains(c.Text, tt.text) || c.Blocks || (c.Do == "") != (tt.want == stateOK) || (c.Public == "") != (tt.want == stateOK) {
			t.Errorf("%s: %+v", name, c)
		}
		if strings.Contains(c.Public, "EOF") {
			t.Errorf("%s: anybody is told the cause: %s", name, c.Public)
		}
	}
}

// What is kept is taken up only if it serves; anything else costs an order and
// not the start.
func TestKeptCertificates(t *testing.T) {
	t.Parallel()
	good := selfSigned(t, ourDomain, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	other := selfSigned(t, "other.example.com", time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	ended := selfSigned(t, ourDomain, time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour))
	tests := map[string]struct {
		text string
		used bool
	}{
		"good":         {good.key + good.chain, true},
		"of another":   {other.key + other.chain, false},
		"ended":        {ended.key + ended.chain, false},
		"without key":  {good.chain, false},
		"mixed":        {other.key + good.chain, false},
		"nonsense":     {"nonsense", false},
		"empty":        {"", false},
		"nothing kept": {"-", false},
	}
	for name, tt := range tests {
		c := newTestCertificate(t, nil)
		if tt.text != "-" {
			if err := c.kept.Put(t.Context(), ourDomain, []byte(tt.text)); err != nil {
				t.Fatal(err)
			}
		}
		c.load(t.Context())
		if used := c.current.Load() != nil; used != tt.used {
			t.Errorf("%s: used %v", name, used)
		}
	}
}

// Each authority's things are kept apart: a test authority's certificate must
// not be served after the change to the real one.
func TestAuthoritiesAreKeptApart(t *testing.T) {
	t.Parallel()
	seen := map[autocert.DirCache]bool{}
	for _, directory := range []string{
		acme.LetsEncryptURL, "https://acme-staging-v02.api.letsencrypt.org/directory", "https://127.0.0.1:14000/dir", "https://127.0.0.1:14001/dir", "https://x/../../etc",
	} {
		cache := acmeCache("/data", directory)
		if seen[cache] || filepath.Dir(string(cache)) != "/data/acme" {
			t.Errorf("%s is kept in %s", directory, cache)
		}
		seen[cache] = true
	}
}

// full is a cache on a full disk.
type full struct{ autocert.Cache }

func (full) Put(context.Context, string, []byte) error { return errors.New("no space left on device") }

func TestCertificateThatCannotBeKeptIsTold(t *testing.T) {
	t.Parallel()
	log := &lockedBuffer{}
	cache := &anew{Cache: full{acmeCache(t.TempDir(), "x")}, domain: ourDomain, log: slog.New(slog.NewTextHandler(log, nil))}
	if err := cache.Put(t.Context(), ourDomain, nil); err == nil || !strings.Contains(log.String(), "another one is ordered") {
		t.Errorf("%v %s", err, log)
	}
	if _, err := cache.Get(t.Context(), ourDomain); !errors.Is(err, autocert.ErrCacheMiss) {
		t.Error(err)
	}
}
