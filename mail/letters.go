// The table of letters: for each kind of mail, which words it becomes.

package mail

import (
	"encoding/json"
	"fmt"
	"time"

	"hostaway-mcp/store"
)

// toPerson makes the words of a mail to one person, toOrg those of one to an org's
// people or to operators about it.
type (
	toPerson func(m *Mail, l store.MailedLink) words
	toOrg    func(m *Mail, org string, b store.BillingMail) words
)

var toPeople = map[string]toPerson{
	store.MailVerifyAddress:   (*Mail).verifyAddress,
	store.MailResetPassword:   (*Mail).resetPassword,
	store.MailPasswordChanged: (*Mail).passwordChanged,
	store.MailAddressKnown:    (*Mail).addressKnown,
}

var toOrgs = map[string]toOrg{
	store.MailPaymentFailed:      (*Mail).paymentFailed,
	store.MailSuspended:          (*Mail).orgSuspended,
	store.MailRestored:           (*Mail).orgRestored,
	store.MailTrialEnding:        (*Mail).trialEnding,
	store.MailTrialEnded:         (*Mail).trialEnded,
	store.MailCanceled:           (*Mail).canceled,
	store.MailRefunded:           (*Mail).refunded,
	store.MailDisputed:           (*Mail).disputed,
	store.MailTwoSubscriptions:   (*Mail).twoSubscriptions,
	store.MailCredentialsInvalid: (*Mail).credentialsInvalid,
	store.MailCredentialsDecide:  (*Mail).credentialsDecide,
	store.MailCountHeld:          (*Mail).countHeld,
}

// write makes the letter of a mail. An error tells nothing of what stands in it.
func (m *Mail) write(one store.Mail) (letter, error) {
	w, err := m.wordsOf(one)
	if err != nil {
		return letter{}, err
	}
	text, err := m.views.render(w, "Hostaway MCP", m.base.String())
	if err != nil {
		return letter{}, fmt.Errorf("write a mail of the kind %q: %w", one.Kind, err)
	}
	return text, nil
}

func (m *Mail) wordsOf(one store.Mail) (w words, err error) {
	if write := toPeople[one.Kind]; write != nil && one.Org == nil {
		l, err := payload[store.MailedLink](one)
		if err != nil {
			return w, err
		}
		return write(m, l), nil
	}
	if write := toOrgs[one.Kind]; write != nil && one.Org != nil {
		b, err := payload[store.BillingMail](one)
		if err != nil {
			return w, err
		}
		org := name(one.Org.Name())
		w := write(m, org, b)
		w.because = "you are an owner of " + org
		if one.Operators {
			w.because = "you are an operator of this server"
			if one.Kind != store.MailCredentialsDecide { // which only operators get
				w = m.forOperators(w, org, one)
			}
		}
		return w, nil
	}
	return w, fmt.Errorf("there is no text for a mail of the kind %q", one.Kind)
}

// payload reads what the text is made of. The error does not repeat it.
func payload[T any](one store.Mail) (p T, err error) {
	text := one.Payload.Reveal()
	if text == "" {
		return p, nil
	}
	if json.Unmarshal([]byte(text), &p) != nil {
		return p, fmt.Errorf("the payload of a mail of the kind %q can't be read", one.Kind)
	}
	return p, nil
}

// linkEnds is when the mail's link stops working; nil when it has none.
func linkEnds(one store.Mail) *time.Time {
	if toPeople[one.Kind] == nil {
		return nil
	}
	l, err := payload[store.MailedLink](one)
	if err != nil {
		return nil // write says so
	}
	return l.EndsAt
}
