package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/mail"
	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// mailServer takes every mail, and counts them.
type mailServer struct{ mails chan string }

func (s *mailServer) NewSession(*smtp.Conn) (smtp.Session, error) { return s, nil }
func (s *mailServer) Mail(string, *smtp.MailOptions) error        { return nil }
func (s *mailServer) Rcpt(to string, _ *smtp.RcptOptions) error   { s.mails <- to; return nil }
func (s *mailServer) Reset()                                      {}
func (s *mailServer) Logout() error                               { return nil }
func (s *mailServer) Data(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

func startMailServer(t *testing.T) (s *mailServer, address string) {
	t.Helper()
	s = &mailServer{mails: make(chan string, 100)}
	server := smtp.NewServer(s)
	server.ErrorLog = quiet{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = server.Serve(l); close(done) }()
	t.Cleanup(func() { _ = l.Close(); _ = server.Close(); <-done })
	return s, l.Addr().String()
}

func mailConfig(address string) config {
	return config{SMTPURL: secret.New("smtp://" + address), MailFrom: "Hostaway MCP <hello@example.com>", BaseURL: "https://mcp.example.com"}
}

func TestDoctorTriesTheMailServerAndSendsNothing(t *testing.T) {
	t.Parallel()
	sink, address := startMailServer(t)
	d := &doctor{process: &process{now: time.Now}}
	ask := func(c config) []check {
		s := mailService(c)
		if s.address == "" {
			return nil
		}
		return s.examine(t.Context(), d)
	}
	if got := ask(config{}); got != nil {
		t.Errorf("without a mail server: %+v", got)
	}
	got := ask(mailConfig(address))
	want := []check{{Name: "mail", State: stateOK, Text: address + " takes mail, on this machine; none was sent"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(sink.mails) != 0 {
		t.Error("doctor sent a mail")
	}
	away := mailConfig("127.0.0.1:1")
	away.SMTPURL = secret.New("smtp://user:s3cret@127.0.0.1:1")
	got = ask(away)
	if len(got) != 1 || got[0].State != stateFail || got[0].Do == "" || strings.Contains(got[0].Text+got[0].Do, "s3cret") {
		t.Errorf("a server that does not answer: %+v", got)
	}
}

func TestMailPart(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	queued := func(ago time.Duration) store.BillingFigures {
		at := now.Add(-ago)
		return store.BillingFigures{QueuedMails: 3, OldestMail: &at}
	}
	for name, tc := range map[string]struct {
		figures store.BillingFigures
		err     error
		state   checkState
		text    string
	}{
		"none":    {text: "none waits", state: stateOK},
		"some":    {figures: queued(time.Minute), state: stateOK, text: "waiting to be sent: 3, the oldest for 1m0s"},
		"late":    {figures: queued(2 * time.Hour), state: stateWarn, text: "waiting to be sent: 3, the oldest for 2h0m0s"},
		"unknown": {err: errors.New("broken"), state: stateWarn, text: "what waits can't be counted (broken)"},
	} {
		part := mailPart(func(context.Context) (store.BillingFigures, error) { return tc.figures, tc.err }, func() time.Time { return now })
		got := part(t.Context())
		if len(got) != 1 || got[0].State != tc.state || got[0].Text != tc.text || (tc.state == stateWarn) != (got[0].Do != "" && got[0].Public != "") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// What is queued is sent while the server runs, shows in the figures, and the
// sending ends when it is told to.
func TestTheServerSendsItsMail(t *testing.T) {
	t.Parallel()
	sink, address := startMailServer(t)
	db := storetest.Open(t, func(c *store.Config) { c.Mail = true })
	fix := storetest.Org(t, db, "Acme")
	w := watch{log: slog.New(slog.DiscardHandler), metrics: newMetrics(buildFigures{})}
	post, err := startMail(t.Context(), mailConfig(address), db, time.Now, w)
	if err != nil {
		t.Fatal(err)
	}
	if err := fix.Org.EnqueueMails(t.Context(), store.NewMail{Kind: store.MailRestored, To: store.ToOwners, DedupeKey: "1"}); err != nil {
		t.Fatal(err)
	}
	if to := <-sink.mails; to != fix.Email {
		t.Errorf("sent to %s", to)
	}
	post.close()
	want := map[string]float64{"s_total{outcome=sent}": 1, "s_total{outcome=deferred}": 0, "s_total{outcome=failed}": 0, "s_waiting": 0, "_oldest_wait_seconds": 0}
	if diff := cmp.Diff(want, valuesOf(t, w.metrics, figures+"_mail")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWithoutAMailServerNothingIsSent(t *testing.T) {
	t.Parallel()
	post, err := startMail(t.Context(), config{}, nil, time.Now, watch{})
	if post != nil || err != nil {
		t.Errorf("%v, %v", post, err)
	}
	post.close()
	if (watch{}).mails() != nil {
		t.Error("somebody counts although nobody looks")
	}
	if got := mail.Outcomes(); len(got) != 3 {
		t.Errorf("outcomes: %v", got)
	}
}

// quiet is what the mail server of the tests says of itself.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}
