// Sending one mail, and judging what came of it.

package mail

import (
	"context"
	"errors"
	"fmt"

	gomail "github.com/wneessen/go-mail"
)

// envelope is a letter with where it goes.
type envelope struct {
	id   string // of the outbox row: the same at each try, so that a mail that came twice can be told
	to   string
	mail letter
}

// sendError is a mail that was not taken. Permanent: trying again is no use. It
// holds no word of the server's, which may repeat what stood in the mail.
type sendError struct {
	what      string
	code      int // of the SMTP answer; 0 when there was none
	permanent bool
	cause     error
}

func (e *sendError) Error() string {
	if e.code == 0 {
		return e.what
	}
	return fmt.Sprintf("%s: the server answered %d", e.what, e.code)
}

func (e *sendError) Unwrap() error { return e.cause }

// send hands one mail in. nil means that the server took it. Where the connection
// breaks while it answers, it may have taken it all the same.
// Errors: *connectError, *sendError, the context's.
func (m *Mail) send(ctx context.Context, e envelope) error {
	msg, err := m.message(e)
	if err != nil {
		return &sendError{what: "write the mail", permanent: true, cause: err}
	}
	one, err := m.server.session()
	if err != nil {
		return err
	}
	err = one.run(ctx, func(c *gomail.Client) error { return c.Send(msg) })
	if msg.IsDelivered() {
		return nil
	}
	return judge(err)
}

// message puts the letter into MIME. Nothing in it names this machine or the
// library.
func (m *Mail) message(e envelope) (*gomail.Msg, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := msg.FromFormat(m.from.Name, m.from.Address); err != nil {
		return nil, fmt.Errorf("set the sender: %w", err)
	}
	if err := msg.To(e.to); err != nil {
		return nil, fmt.Errorf("set the recipient: %w", err)
	}
	msg.Subject(e.mail.subject)
	msg.SetDateWithValue(m.now())
	msg.SetMessageIDWithValue(e.id + "@" + m.domain)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no machine answers it
	msg.SetBodyString(gomail.TypeTextPlain, e.mail.plain)
	msg.AddAlternativeString(gomail.TypeTextHTML, e.mail.html)
	return msg, nil
}

// judge turns what the library says into ours. Only what the server says of the
// recipient or of the mail itself is final: a wrong password or a sender that it
// does not like is the operator's to mend.
func judge(err error) error {
	var refused *gomail.SendError
	if !errors.As(err, &refused) {
		return err
	}
	final := refused.Reason == gomail.ErrSMTPRcptTo || refused.Reason == gomail.ErrSMTPData || refused.Reason == gomail.ErrSMTPDataClose
	return &sendError{what: reasons[refused.Reason], code: refused.ErrorCode(), permanent: final && refused.ErrorCode() >= 500, cause: err}
}

// reasons are the steps at which a mail can fail.
var reasons = map[gomail.SendErrReason]string{
	gomail.ErrGetSender:     "read the sender",
	gomail.ErrGetRcpts:      "read the recipient",
	gomail.ErrSMTPMailFrom:  "name the sender",
	gomail.ErrSMTPRcptTo:    "name the recipient",
	gomail.ErrSMTPData:      "begin the mail",
	gomail.ErrSMTPDataClose: "end the mail",
	gomail.ErrWriteContent:  "write the mail",
	gomail.ErrConnCheck:     "check the connection",
	gomail.ErrNoUnencoded:   "write the mail",
	gomail.ErrAmbiguous:     "send the mail",
}

// Probe connects to the server and signs in, as for a mail, and sends none. It
// says in a few words how the connection is protected.
func (m *Mail) Probe(ctx context.Context) (how string, err error) {
	one, err := m.server.session()
	if err != nil {
		return "", err
	}
	if err := one.run(ctx, func(*gomail.Client) error { return nil }); err != nil {
		return "", err
	}
	how = "over TLS"
	if m.server.plain {
		how = "on this machine"
	}
	if m.server.user != "" {
		how += ", signed in"
	}
	return how, nil
}
