// The mail server: what its address says, and the connection to it.

package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"

	gomail "github.com/wneessen/go-mail"

	"hostaway-mcp/secret"
)

// patience is how long one mail may take, from the first packet to the server's
// last word.
const patience = 30 * time.Second

// server is where mail is handed in.
type server struct {
	host     string
	port     int
	tls      *tls.Config
	implicit bool // TLS from the first byte; otherwise by STARTTLS
	plain    bool // without TLS: a server on this machine
	user     string
	password secret.Text
	helo     string // how we introduce ourselves
	patience time.Duration
}

// parseServer reads smtp://USER:PASSWORD@HOST:587 and smtps://…:465. With smtp,
// STARTTLS is demanded, except of a server on this machine. No error repeats the
// address, which may hold a password.
func parseServer(address secret.Text) (server, error) {
	u, err := url.Parse(address.Reveal())
	if err != nil || (u.Scheme != "smtp" && u.Scheme != "smtps") || u.Hostname() == "" {
		return server{}, errors.New("the address of the mail server must look like smtp://user:password@mail.example.com:587 or smtps://…")
	}
	s := server{host: u.Hostname(), port: 587, implicit: u.Scheme == "smtps", patience: patience}
	if s.implicit {
		s.port = 465
	}
	if u.Port() != "" {
		if s.port, err = strconv.Atoi(u.Port()); err != nil || s.port < 1 || s.port > 65535 {
			return server{}, errors.New("the port of the mail server must be a number from 1 to 65535")
		}
	}
	if u.User != nil {
		s.user = u.User.Username()
		password, _ := u.User.Password()
		s.password = secret.New(password)
	}
	s.plain = !s.implicit && isLoopback(s.host)
	s.tls = &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12}
	return s, nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// heloName is the name that the server goes by: the public host of the dashboard,
// or its address in brackets (RFC 5321, 4.1.3).
func heloName(base *url.URL) string {
	ip, err := netip.ParseAddr(base.Hostname())
	switch {
	case err != nil:
		return base.Hostname()
	case ip.Is4():
		return "[" + ip.String() + "]"
	}
	return "[IPv6:" + ip.WithZone("").String() + "]"
}

// String names the server without its password.
func (s server) String() string { return net.JoinHostPort(s.host, strconv.Itoa(s.port)) }

// session is one connection. The library's own dialing leaves the connection open
// when the greeting fails, and watches the context only until it stands: so the
// connection is ours.
type session struct {
	server server
	client *gomail.Client

	mu     sync.Mutex
	conn   net.Conn
	hungUp bool
}

// session prepares a connection; run dials.
func (s server) session() (*session, error) {
	one := &session{server: s}
	options := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithHELO(s.helo), gomail.WithTimeout(s.patience), gomail.WithTLSConfig(s.tls),
		gomail.WithoutNoop(), gomail.WithoutRset(), gomail.WithDialContextFunc(one.dial),
	}
	auth := []gomail.SMTPAuthType{gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthSCRAMSHA1, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin}
	switch {
	case s.implicit:
		options = append(options, gomail.WithSSL())
	case s.plain:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
		auth = []gomail.SMTPAuthType{gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthSCRAMSHA1, gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc}
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if s.user != "" {
		options = append(options, gomail.WithUsername(s.user), gomail.WithPassword(s.password.Reveal()), gomail.WithOpportunisticSMTPAuth(auth...))
	}
	var err error
	if one.client, err = gomail.NewClient(s.host, options...); err != nil {
		return nil, fmt.Errorf("set up the connection to the mail server: %w", err)
	}
	return one, nil
}

func (one *session) dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	if s := one.server; s.implicit {
		conn, err = (&tls.Dialer{Config: s.tls}).DialContext(ctx, network, address)
	} else {
		conn, err = (&net.Dialer{}).DialContext(ctx, network, address)
	}
	if err != nil {
		return nil, err
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	one.conn = conn
	if one.hungUp {
		_ = conn.Close() // nobody wants it any more; whoever reads it is told so
	}
	return conn, nil
}

func (one *session) hangUp() {
	one.mu.Lock()
	defer one.mu.Unlock()
	one.hungUp = true
	if one.conn != nil {
		_ = one.conn.Close() // the second time is an error that tells nothing
	}
}

// connectError is trouble with the server itself, before any mail was named:
// another mail would fare no better.
type connectError struct{ cause error }

func (e *connectError) Error() string { return "connect to the mail server: " + e.cause.Error() }

func (e *connectError) Unwrap() error { return e.cause }

// run connects, signs in, calls do, and hangs up; it is over within the server's
// patience, and at once when ctx ends. Error: *connectError, or that of do.
func (one *session) run(ctx context.Context, do func(*gomail.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, one.server.patience)
	defer cancel()
	defer context.AfterFunc(ctx, one.hangUp)()
	defer one.hangUp()
	if err := one.client.DialWithContext(ctx); err != nil {
		return &connectError{because(ctx, err)}
	}
	if err := do(one.client); err != nil {
		return because(ctx, err)
	}
	_ = one.client.Close() // all is done; whether the server says goodbye changes nothing
	return nil
}

// because names the end of the context where that closed the connection, and
// a server that says nothing.
func because(ctx context.Context, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case ctx.Err() != nil, errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("no answer in time (%w)", err)
	}
	return err
}
