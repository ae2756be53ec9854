package mail

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/secret"
)

var sample = envelope{id: "mail_0123", to: "anna@example.com", mail: letter{subject: "Grüße aus Köln", plain: "Hello.\n", html: "<p>Hello.</p>\n"}}

// with puts user and password into the address, as people do.
func with(scheme string, s *sink, password string) string {
	return (&url.URL{Scheme: scheme, Host: s.addr, User: url.UserPassword(sinkUser, password)}).String()
}

func TestAMailCarriesWhatItShouldAndNoMore(t *testing.T) {
	t.Parallel()
	s := newSink(t, sinkKind{})
	m := mailTo(t, "smtp://"+s.addr, s, func(c *Config) { c.Now = func() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) } })
	if err := m.send(t.Context(), sample); err != nil {
		t.Fatal(err)
	}
	mails := s.all()
	if len(mails) != 1 || mails[0].from != "hello@mail.example.com" || mails[0].to != "anna@example.com" {
		t.Fatalf("taken: %+v", mails)
	}
	h, parts := mails[0].read(t)
	for name, want := range map[string]string{
		"Message-Id": "<mail_0123@mail.example.com>", "From": `"Hostaway MCP" <hello@mail.example.com>`, "To": "<anna@example.com>",
		"Date": "Mon, 23 Nov 2026 12:00:00 +0000", "Auto-Submitted": "auto-generated", "User-Agent": "", "X-Mailer": "", "Bcc": "",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := subject(t, h); got != sample.mail.subject {
		t.Errorf("the subject is %q", got)
	}
	if parts["text/plain"] != sample.mail.plain || parts["text/html"] != sample.mail.html {
		t.Errorf("the parts are %q", parts)
	}
	if s.hellos[0] != "mcp.example.com" {
		t.Errorf("it says hello as %q", s.hellos[0])
	}
	// Where the mail goes is nobody's business on the way to a server that is this machine's.
	for _, of := range []string{"go-mail", "localhost"} {
		if strings.Contains(mails[0].raw, of) {
			t.Errorf("the mail says %q", of)
		}
	}
}

func TestTLSAndAuth(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, scheme, password string
		kind                   sinkKind
		untrusted              bool
		says                   string // of the error; "" when it works
	}{
		{"STARTTLS with a password", "smtp", sinkPassword, sinkKind{startTLS: true, auth: true}, false, ""},
		{"TLS from the first byte", "smtps", sinkPassword, sinkKind{implicitTLS: true, auth: true}, false, ""},
		{"this machine, in plain", "smtp", sinkPassword, sinkKind{auth: true}, false, ""},
		{"a wrong password", "smtp", "another", sinkKind{startTLS: true, auth: true}, false, "Authentication failed"},
		{"STARTTLS, unknown authority", "smtp", sinkPassword, sinkKind{startTLS: true, auth: true}, true, "unknown authority"},
		{"TLS, unknown authority", "smtps", sinkPassword, sinkKind{implicitTLS: true, auth: true}, true, "unknown authority"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newSink(t, tc.kind)
			m := mailTo(t, with(tc.scheme, s, tc.password), s)
			if tc.untrusted {
				m.server.tls.RootCAs = nil
			}
			_, probed := m.Probe(t.Context())
			sent := m.send(t.Context(), sample)
			for what, err := range map[string]error{"probe": probed, "send": sent} {
				var connect *connectError
				switch {
				case tc.says == "" && err != nil:
					t.Errorf("%s: %v", what, err)
				case tc.says != "" && (!errors.As(err, &connect) || !strings.Contains(err.Error(), tc.says)):
					t.Errorf("%s: %v, want %q", what, err, tc.says)
				case err != nil && strings.Contains(err.Error(), sinkPassword):
					t.Errorf("%s shows the password: %v", what, err)
				}
			}
			if want := map[bool]int{true: 1}[tc.says == ""]; len(s.all()) != want {
				t.Errorf("%d mails were taken, want %d", len(s.all()), want)
			}
			if tc.says == "" && s.auths != 2 {
				t.Errorf("signed in %d times, want 2", s.auths)
			}
		})
	}
}

// A server elsewhere that offers no TLS, or lost it on the way, gets no mail and
// no password.
func TestWithoutTLSNothingLeavesTheMachine(t *testing.T) {
	t.Parallel()
	s := newSink(t, sinkKind{auth: true})
	m := mailTo(t, with("smtp", s, sinkPassword), s)
	m.server.plain = false // as for every host but this machine
	if err := m.send(t.Context(), sample); err == nil || !strings.Contains(err.Error(), "STARTTLS") {
		t.Errorf("send: %v", err)
	}
	if len(s.all()) != 0 || s.auths != 0 {
		t.Errorf("it was told something: %d mails, %d sign-ins", len(s.all()), s.auths)
	}
}

func TestWhatIsFinalAndWhatIsTriedAgain(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		command   string
		code      int
		permanent bool
	}{
		{"MAIL", 451, false},
		{"MAIL", 550, false}, // about us, which the operator can mend
		{"RCPT", 451, false},
		{"RCPT", 550, true},
		{"DATA", 452, false},
		{"DATA", 554, true},
		{"END", 451, false},
		{"END", 554, true},
	} {
		s := newSink(t, sinkKind{})
		s.failing(tc.command, answering(tc.code))
		err := mailTo(t, "smtp://"+s.addr, s).send(t.Context(), sample)
		var refused *sendError
		if !errors.As(err, &refused) || refused.permanent != tc.permanent || refused.code != tc.code {
			t.Errorf("%s %d: %+v", tc.command, tc.code, err)
			continue
		}
		if strings.Contains(err.Error(), "secret-token") || strings.Contains(err.Error(), sample.to) {
			t.Errorf("%s %d: the error repeats the server's words: %v", tc.command, tc.code, err)
		}
	}
}

func TestAnAddressOfTwoLinesIsRefused(t *testing.T) {
	t.Parallel()
	s := newSink(t, sinkKind{})
	m := mailTo(t, "smtp://"+s.addr, s)
	for _, to := range []string{"anna@example.com\r\nBcc: eve@example.com", "anna@example.com, eve@example.com", "", "anna"} {
		var refused *sendError
		if err := m.send(t.Context(), envelope{id: "m", to: to, mail: sample.mail}); !errors.As(err, &refused) || !refused.permanent {
			t.Errorf("to %q: %v", to, err)
		}
	}
	if got := s.all(); len(got) != 0 {
		t.Errorf("taken: %+v", got)
	}
}

// silent takes connections and never says a word.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

func TestASilentServerIsLeft(t *testing.T) {
	t.Parallel()
	m := mailTo(t, "smtp://"+silent(t), &sink{})
	m.server.patience = 50 * time.Millisecond
	err := m.send(t.Context(), sample)
	var connect *connectError
	if !errors.As(err, &connect) || !strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("send: %v", err)
	}
	m.server.patience = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- m.send(ctx, sample) }()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("told to stop: %v", err)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	good := Config{URL: secret.New("smtp://u:s3cret@mail.example.com"), From: "hello@example.com", BaseURL: "https://mcp.example.com"}
	for name, change := range map[string]func(*Config){
		"no server":      func(c *Config) { c.URL = secret.Text{} },
		"another scheme": func(c *Config) { c.URL = secret.New("http://u:s3cret@mail.example.com") },
		"a bad port":     func(c *Config) { c.URL = secret.New("smtp://u:s3cret@mail.example.com:99999") },
		"an odd address": func(c *Config) { c.URL = secret.New("smtp://u:s3cret@mail.example.com:%zz") },
		"no sender":      func(c *Config) { c.From = "" },
		"no base":        func(c *Config) { c.BaseURL = "" },
	} {
		c := good
		change(&c)
		if _, err := New(c); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for address, want := range map[string]struct {
		at              string
		implicit, plain bool
	}{
		"smtp://mail.example.com":        {"mail.example.com:587", false, false},
		"smtps://mail.example.com":       {"mail.example.com:465", true, false},
		"smtp://mail.example.com:25":     {"mail.example.com:25", false, false},
		"smtp://127.0.0.1:1025":          {"127.0.0.1:1025", false, true},
		"smtp://localhost:1025":          {"localhost:1025", false, true},
		"smtp://[::1]:1025":              {"[::1]:1025", false, true},
		"smtps://localhost:1025":         {"localhost:1025", true, false},
		"smtp://127.0.0.1.example.com":   {"127.0.0.1.example.com:587", false, false},
		"smtp://localhost.example.com":   {"localhost.example.com:587", false, false},
		"smtp://192.0.2.7:587":           {"192.0.2.7:587", false, false},
		"smtp://[::ffff:127.0.0.1]:1025": {"[::ffff:127.0.0.1]:1025", false, true},
	} {
		s, err := parseServer(secret.New(address))
		if err != nil || s.String() != want.at || s.implicit != want.implicit || s.plain != want.plain {
			t.Errorf("%s: %s, implicit %t, plain %t, %v", address, s, s.implicit, s.plain, err)
		}
	}
	for base, want := range map[string]string{"https://mcp.example.com": "mcp.example.com", "http://127.0.0.1:8080": "[127.0.0.1]", "http://[::1]:8080": "[IPv6:::1]"} {
		u, err := url.Parse(base)
		if got := heloName(u); err != nil || got != want {
			t.Errorf("%s says hello as %q, want %q", base, got, want)
		}
	}
}
