package e2e

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	netmail "net/mail"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// postOffice is a mail server with the mails that it took.
type postOffice struct {
	mu    sync.Mutex
	mails []letter
	came  chan struct{}
}

// letter is a mail as its reader has it.
type letter struct{ to, id, subject, text string }

// openPostOffice listens on the address; "127.0.0.1:0" is any.
func openPostOffice(t *testing.T, address string) (o *postOffice, at string) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	must(t, err)
	o = &postOffice{came: make(chan struct{}, 1000)}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &counter{office: o}, nil }))
	server.ErrorLog = quiet{}
	done := make(chan struct{})
	go func() { _ = server.Serve(l); close(done) }()
	t.Cleanup(func() { _ = l.Close(); _ = server.Close(); <-done })
	return o, l.Addr().String()
}

// counter is where one mail after the other is handed in.
type counter struct {
	office *postOffice
	to     string
}

func (c *counter) Mail(string, *smtp.MailOptions) error      { return nil }
func (c *counter) Rcpt(to string, _ *smtp.RcptOptions) error { c.to = to; return nil }
func (c *counter) Reset()                                    {}
func (c *counter) Logout() error                             { return nil }

func (c *counter) Data(r io.Reader) error {
	one, err := readLetter(r)
	if err != nil {
		return err
	}
	one.to = c.to
	c.office.mu.Lock()
	c.office.mails = append(c.office.mails, one)
	c.office.mu.Unlock()
	c.office.came <- struct{}{}
	return nil
}

func readLetter(r io.Reader) (one letter, err error) {
	msg, err := netmail.ReadMessage(r)
	if err != nil {
		return one, err
	}
	one.id = msg.Header.Get("Message-Id")
	if one.subject, err = new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject")); err != nil {
		return one, err
	}
	_, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil {
		return one, err
	}
	part, err := multipart.NewReader(msg.Body, params["boundary"]).NextRawPart() // the plain text comes first
	if err != nil {
		return one, err
	}
	text, err := io.ReadAll(quotedprintable.NewReader(part))
	if err == nil && len(text) == 0 {
		err = errors.New("an empty mail")
	}
	one.text = string(text)
	return one, err
}

// find waits for the first mail to this address with this subject.
func (o *postOffice) find(t *testing.T, to, subject string) letter {
	t.Helper()
	return o.await(t, to, subject, 1)[0]
}

// await waits for so many mails to this address with this subject.
func (o *postOffice) await(t *testing.T, to, subject string, n int) (found []letter) {
	t.Helper()
	for deadline := time.After(patience); ; found = nil {
		for _, one := range o.all() {
			if one.to == to && one.subject == subject {
				found = append(found, one)
			}
		}
		if len(found) >= n {
			return found
		}
		select {
		case <-o.came:
		case <-deadline:
			t.Fatalf("%d mails %q for %s, want %d; there are %+v", len(found), subject, to, n, o.all())
		}
	}
}

func (o *postOffice) all() []letter {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]letter(nil), o.mails...)
}

var mailedLink = regexp.MustCompile(`(?m)^http://\S+(/(?:reset|verify)/(\S+))$`)

// link is the path that the mail leads to, and the token in it.
func (l letter) link(t *testing.T) (path, token string) {
	t.Helper()
	found := mailedLink.FindStringSubmatch(strings.ReplaceAll(l.text, "\r", ""))
	if found == nil {
		t.Fatalf("no link in %s", l.text)
	}
	return found[1], found[2]
}

func mailSettings(at string) []string {
	return []string{"HMCP_SMTP_URL=smtp://" + at, "HMCP_MAIL_FROM=Hostaway MCP <hello@mail.example.com>", "HMCP_SIGNUP=open", "HMCP_LOG_LEVEL=debug"}
}

// landsOn fails the test when a form led elsewhere.
func landsOn(t *testing.T, landed page, path, says string) {
	t.Helper()
	if landed.status != http.StatusOK || landed.path != path || !strings.Contains(landed.body, says) {
		t.Fatalf("landed on %s (%d), want %s with %q:\n%s", landed.path, landed.status, path, says, clip(landed.body))
	}
}

func (v *visitor) signIn(p person) page {
	v.t.Helper()
	return v.submit(v.get("/login"), "/login", map[string]string{"email": p.email, "password": p.password})
}

// A forgotten password, and a newcomer's address: the links come by mail, work once,
// and stand in no file and in no line of the log.
func TestLinksComeByMail(t *testing.T) {
	t.Parallel()
	office, at := openPostOffice(t, "127.0.0.1:0")
	heard := &corpus{}
	s := newServer(t, newUpstream(t, nil), mailSettings(at)...).run(t)
	first := newVisitor(t, s.base)
	first.signUp(s.setUpLink(), owner())
	first.createKey("nobody asks the first person")

	landsOn(t, first.submit(first.get("/forgot"), "/forgot", map[string]string{"email": owner().email}), "/forgot", "If the address has an account here")
	reset, resetToken := office.find(t, owner().email, "Choose a new password").link(t)
	again := owner()
	again.password = "another correct horse 18"
	back := newVisitor(t, s.base)
	landsOn(t, back.submit(back.get(reset), reset, map[string]string{"password": again.password, "repeat": again.password}), "/login", "Your password is changed")
	landsOn(t, back.signIn(again), "/", owner().org)
	if landed := first.get("/"); landed.path != "/login" {
		t.Errorf("the old session is still on %s", landed.path)
	}
	if used := back.get(reset); used.status != http.StatusGone {
		t.Errorf("the used link answers %d", used.status)
	}
	office.find(t, owner().email, "Your password was changed")

	verifyToken := newcomerByMail(t, s, office)
	gather(t, s, heard, "while running")
	s.stop()
	gather(t, s, heard, "at the end")
	for _, leak := range heard.findLeaks(map[string]string{"reset link": resetToken, "verify link": verifyToken}) {
		t.Error(leak)
	}
	if n := len(office.all()); n != 4 {
		t.Errorf("%d mails came, want 4: %+v", n, office.all())
	}
}

// newcomerByMail signs up, shows the address and makes a key; and signs up a second
// time, which only the mail tells apart.
func newcomerByMail(t *testing.T, s *server, office *postOffice) (token string) {
	t.Helper()
	v, me := newVisitor(t, s.base), other()
	fields := map[string]string{"org": me.org, "person": me.name, "email": me.email, "password": me.password}
	landsOn(t, v.submit(v.get("/signup"), "/signup", fields), "/signup/sent", "Check your email")
	verify, token := office.find(t, me.email, "Confirm your email address").link(t)
	landsOn(t, v.signIn(me), "/", "Confirm your email address")
	if landed := v.get("/keys/new"); landed.path != "/verify" {
		t.Errorf("a key before the address is confirmed: %s", landed.path)
	}
	v.get(verify) // as a scanner does
	landsOn(t, v.submit(v.get(verify), verify, nil), "/", "Your email address is confirmed.")
	v.createKey("after that")

	stranger := newVisitor(t, s.base)
	fields["email"] = owner().email
	landsOn(t, stranger.submit(stranger.get("/signup"), "/signup", fields), "/signup/sent", "Check your email")
	office.find(t, owner().email, "You already have an account")
	return token
}

// A mail that nobody takes waits, also over a restart, and comes once.
func TestAMailWaitsForItsServer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	at := l.Addr().String()
	must(t, l.Close()) // nobody listens there for now
	s := newServer(t, newUpstream(t, nil), mailSettings(at)...).run(t)
	v := newVisitor(t, s.base)
	v.signUp(s.setUpLink(), owner())
	landsOn(t, v.submit(v.get("/forgot"), "/forgot", map[string]string{"email": owner().email}), "/forgot", "on its way")
	s.waitFor(s.errOut, `the mail server takes no mail`)
	if code := s.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	office, _ := openPostOffice(t, at)
	s.run(t)
	path, _ := office.find(t, owner().email, "Choose a new password").link(t)
	landsOn(t, newVisitor(t, s.base).get(path), path, owner().email)
	s.stop()
	s.run(t) // what was sent is not sent again
	v = newVisitor(t, s.base)
	landsOn(t, v.submit(v.get("/forgot"), "/forgot", map[string]string{"email": owner().email}), "/forgot", "on its way")
	office.await(t, owner().email, "Choose a new password", 2)
	ids := map[string]bool{}
	for _, one := range office.all() {
		ids[one.id] = true
	}
	if len(ids) != 2 || len(office.all()) != 2 {
		t.Errorf("two links were asked for, and these mails came: %+v", office.all())
	}
}

// quiet is what the mail server of the tests says of itself.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}
