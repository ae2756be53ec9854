// Mail: the room that sends it runs beside the server, where a mail server is set.
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hostaway-mcp/mail"
	"hostaway-mcp/store"
)

// newMail builds the room from the settings. Nobody is connected to.
func newMail(c config, outbox mail.Outbox, now func() time.Time, w watch) (*mail.Mail, error) {
	m, err := mail.New(mail.Config{
		URL: c.SMTPURL, From: c.MailFrom, BaseURL: c.BaseURL, Outbox: outbox, Observe: w.mails(), Now: now, Log: w.log,
	})
	if err != nil {
		return nil, failed(err, fmt.Sprintf("mail can't be set up (%v)", err), "correct HMCP_SMTP_URL and HMCP_MAIL_FROM, or leave both out")
	}
	return m, nil
}

// postman sends what waits in the outbox. nil is where no mail server is set.
type postman struct {
	stop context.CancelFunc
	done chan struct{}
}

// startMail begins to send; nil without a mail server.
func startMail(ctx context.Context, c config, db *store.Store, now func() time.Time, w watch) (*postman, error) {
	if !c.mails() {
		return nil, nil
	}
	if w.metrics != nil {
		w.metrics.countMails(db.BillingFigures, now)
	}
	m, err := newMail(c, db, now, w)
	if err != nil {
		return nil, err
	}
	p := &postman{done: make(chan struct{})}
	ctx, p.stop = context.WithCancel(ctx)
	go func() {
		defer close(p.done)
		m.Run(ctx)
	}()
	return p, nil
}

// close ends the sending and waits for it. What was not sent waits for the next start.
func (p *postman) close() {
	if p == nil {
		return
	}
	p.stop()
	<-p.done
}

// mailLate is how long a mail may wait before the operator should look. A recipient's
// server that asks for patience has had four tries by then.
const mailLate = time.Hour

// mailPart looks at what waits to be sent.
func mailPart(figures func(context.Context) (store.BillingFigures, error), now func() time.Time) examine {
	return func(ctx context.Context) []check {
		const name = "mail"
		f, err := figures(ctx)
		if err != nil {
			return []check{{Name: name, State: stateWarn, Public: "whether mail waits is unknown", Text: fmt.Sprintf("what waits can't be counted (%v)", err), Do: "look at the log"}}
		}
		if f.OldestMail == nil {
			return []check{good(name, "none waits")}
		}
		text := fmt.Sprintf("waiting to be sent: %d, the oldest for %s", f.QueuedMails, now().Sub(*f.OldestMail).Round(time.Second))
		if now().Sub(*f.OldestMail) < mailLate {
			return []check{good(name, text)}
		}
		return []check{{
			Name: name, State: stateWarn, Public: "some mails could not be sent yet", Text: text,
			Do: fmt.Sprintf("the log says why; `%s doctor` tries the mail server. They are sent when it takes them, for 48 hours", binaryName),
		}}
	}
}

// mailService is the mail server for doctor: it is greeted and signed in to, and
// nothing is sent.
func mailService(c config) service {
	s := service{name: "mail", why: "no mail is sent meanwhile"}
	if !c.mails() {
		return s
	}
	s.address = "the mail server"
	s.probe = func(ctx context.Context, d *doctor) (string, error) {
		if c.BaseURL == "" {
			c.BaseURL = d.baseURL()
		}
		m, err := newMail(c, nil, d.now, watch{})
		if err != nil {
			return "", err
		}
		ctx, cancel := context.WithTimeout(ctx, doctorPatience)
		defer cancel()
		how, err := m.Probe(ctx)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%s takes mail, %s; none was sent", m.Server(), how), nil
	}
	return s
}

// mails is for the mail room; nil when nobody looks.
func (w watch) mails() func(mail.Outcome) {
	if w.metrics == nil {
		return nil
	}
	return func(o mail.Outcome) { w.metrics.mails.WithLabelValues(string(o)).Inc() }
}

// countMails begins the counts of mails at zero, and asks what waits at each scrape.
func (m *metrics) countMails(figures func(context.Context) (store.BillingFigures, error), now func() time.Time) {
	m.mails = m.counter("mails_total", "Tries to send a mail by outcome: sent, deferred (it is tried again), failed (it is not).", "outcome")
	for _, o := range mail.Outcomes() {
		m.mails.WithLabelValues(string(o))
	}
	waiting := figure("mails_waiting", "Mails that wait to be sent.")
	oldest := figure("mail_oldest_wait_seconds", "Time that the oldest mail has waited to be sent; 0 when none waits.")
	added(m, question{descs: []*prometheus.Desc{waiting, oldest}, ask: func(ctx context.Context) ([]prometheus.Metric, error) {
		f, err := figures(ctx)
		if err != nil {
			return nil, err
		}
		age := 0.0
		if f.OldestMail != nil {
			age = max(0, now().Sub(*f.OldestMail).Seconds())
		}
		return []prometheus.Metric{gaugeOf(waiting, float64(f.QueuedMails)), gaugeOf(oldest, age)}, nil
	}})
}
