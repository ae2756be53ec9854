// The mail server of the tests: it keeps what it is given and fails as told.
package mail

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"hostaway-mcp/secret"
)

const (
	sinkUser     = "hostaway"
	sinkPassword = "a p@ss:word/of mail"
)

// sink is a mail server with what it took.
type sink struct {
	addr  string
	roots *x509.CertPool

	mu     sync.Mutex
	fail   map[string]func(to string) error // by command: HELLO, MAIL, RCPT, DATA, and END for after the mail was taken
	taken  []taken
	hellos []string
	auths  int
	got    chan struct{} // a mail was taken
}

// taken is one mail as it came over the wire.
type taken struct {
	from, to string
	raw      string
}

// sinkKind is how the server is spoken to.
type sinkKind struct{ startTLS, implicitTLS, auth bool }

func newSink(t *testing.T, kind sinkKind) *sink {
	t.Helper()
	s := &sink{fail: map[string]func(string) error{}, got: make(chan struct{}, 1000)}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		if err := s.failure("HELLO", ""); err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.hellos = append(s.hellos, c.Hostname())
		return &sinkSession{sink: s, auth: kind.auth}, nil
	}))
	server.Domain, server.AllowInsecureAuth, server.ErrorLog = "localhost", !kind.startTLS, quiet{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	if kind.startTLS || kind.implicitTLS {
		server.TLSConfig, s.roots = selfSigned(t)
	}
	if kind.implicitTLS {
		l = tls.NewListener(l, server.TLSConfig)
	}
	done := make(chan struct{})
	go func() { _ = server.Serve(l); close(done) }()
	// Serve may not have taken the listener yet, and then Close does not know it.
	t.Cleanup(func() { _ = l.Close(); _ = server.Close(); <-done })
	return s
}

// failing lets a command fail from now on; nil lets it work again.
func (s *sink) failing(command string, with func(to string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail[command] = with
}

func (s *sink) failure(command, to string) error {
	s.mu.Lock()
	f := s.fail[command]
	s.mu.Unlock()
	if f == nil {
		return nil
	}
	return f(to)
}

// all are the mails that were taken.
func (s *sink) all() []taken {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]taken(nil), s.taken...)
}

// answering is a failure with an SMTP code.
func answering(code int) func(string) error {
	return func(string) error {
		return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: "as the test wanted: https://example.com/reset/secret-token"}
	}
}

type sinkSession struct {
	sink     *sink
	auth     bool
	signedIn bool
	from, to string
}

func (c *sinkSession) AuthMechanisms() []string {
	if !c.auth {
		return nil
	}
	return []string{sasl.Plain}
}

func (c *sinkSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != sinkUser || password != sinkPassword {
			return smtp.ErrAuthFailed
		}
		c.signedIn = true
		c.sink.mu.Lock()
		defer c.sink.mu.Unlock()
		c.sink.auths++
		return nil
	}), nil
}

func (c *sinkSession) Mail(from string, _ *smtp.MailOptions) error {
	if c.auth && !c.signedIn {
		return smtp.ErrAuthRequired
	}
	c.from = from
	return c.sink.failure("MAIL", "")
}

func (c *sinkSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.to = to
	return c.sink.failure("RCPT", to)
}

func (c *sinkSession) Data(r io.Reader) error {
	if err := c.sink.failure("DATA", c.to); err != nil {
		return err
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	c.sink.mu.Lock()
	c.sink.taken = append(c.sink.taken, taken{c.from, c.to, string(raw)})
	c.sink.mu.Unlock()
	c.sink.got <- struct{}{}
	return c.sink.failure("END", c.to)
}

func (c *sinkSession) Reset()        {}
func (c *sinkSession) Logout() error { return nil }

// selfSigned is a certificate for this machine that only its own roots trust.
func selfSigned(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(made)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}, pool
}

// read takes a mail apart: its headers, decoded, and its parts by content type.
func (m taken) read(t *testing.T) (netmail.Header, map[string]string) {
	t.Helper()
	msg, err := netmail.ReadMessage(strings.NewReader(m.raw))
	if err != nil {
		t.Fatalf("read the mail: %v\n%s", err, m.raw)
	}
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("the mail is %s, %v", kind, err)
	}
	parts := map[string]string{}
	for r := multipart.NewReader(msg.Body, params["boundary"]); ; {
		part, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return msg.Header, parts
		}
		if err != nil {
			t.Fatal(err)
		}
		var body io.Reader = part
		if part.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
			body = quotedprintable.NewReader(part)
		}
		text, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
		parts[kind] = strings.ReplaceAll(string(text), "\r\n", "\n")
	}
}

// subject decodes the subject line.
func subject(t *testing.T, h netmail.Header) string {
	t.Helper()
	text, err := new(mime.WordDecoder).DecodeHeader(h.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// mailTo is a Mail whose server is the sink.
func mailTo(t *testing.T, url string, s *sink, change ...func(*Config)) *Mail {
	t.Helper()
	cfg := Config{URL: secret.New(url), From: "Hostaway MCP <hello@mail.example.com>", BaseURL: "https://mcp.example.com"}
	for _, f := range change {
		f(&cfg)
	}
	m, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if s.roots != nil { // as if it were elsewhere: this machine's own would be spoken to in plain
		m.server.plain, m.server.tls.RootCAs = false, s.roots
	}
	return m
}

// quiet is what the mail server of the tests says of itself.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}
