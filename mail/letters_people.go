// Letters to a person of the server, about their address and their password.
// Nothing that somebody typed stands in them: whoever signs up with a stranger's
// address must not get to write to that stranger.

package mail

import (
	"time"

	"hostaway-mcp/store"
)

const (
	noAccount = "somebody typed this address there"
	ofAccount = "you have an account there"
)

func (m *Mail) verifyAddress(l store.MailedLink) words {
	return words{
		subject: "Confirm your email address",
		title:   "Confirm your email address",
		says: []string{
			"Somebody, hopefully you, signed up at " + m.host() + " with this address.",
			"Confirm that it is yours. Until then nobody can make an API key or connect Hostaway with this account.",
		},
		button: "Confirm this address", url: m.link("/verify/" + l.Token),
		after: []string{
			"The link works once, until " + when(l.EndsAt) + ".",
			"Was it not you? Then do nothing: without the button, the account stays of no use.",
		},
		because: noAccount,
	}
}

func (m *Mail) addressKnown(store.MailedLink) words {
	return words{
		subject: "You already have an account",
		title:   "You already have an account",
		says: []string{
			"Somebody, hopefully you, tried to sign up at " + m.host() + " with this address, which has an account there already. Nothing was changed.",
			"Sign in with the password that you chose then. If you forgot it, ask for a link to choose a new one: " + m.link("/forgot"),
		},
		button: "Sign in", url: m.link("/login"),
		after:   []string{"Was it not you? Then there is nothing to do: nobody got in, and your password is the same as before."},
		because: ofAccount,
	}
}

func (m *Mail) resetPassword(l store.MailedLink) words {
	return words{
		subject: "Choose a new password",
		title:   "Choose a new password",
		says:    []string{"Somebody, hopefully you, asked for a new password for your account at " + m.host() + "."},
		button:  "Choose a new password", url: m.link("/reset/" + l.Token),
		after: []string{
			"The link works once, until " + when(l.EndsAt) + ". Using it ends all sessions of the account, on every device.",
			"Was it not you? Then do nothing: your password stays as it is.",
		},
		because: ofAccount,
	}
}

func (m *Mail) passwordChanged(l store.MailedLink) words {
	return words{
		subject: "Your password was changed",
		title:   "Your password was changed",
		says: []string{
			"On " + when(l.At) + " a new password was set for your account at " + m.host() + " with a link from a mail or from the operator. All sessions were ended.",
			"Was it you? Then there is nothing to do.",
		},
		button: "It was not me: choose a new password", url: m.link("/forgot"),
		after:   []string{"If it was not you, somebody reads your mail or has the operator’s help: change the password of your mailbox first, then this one, and look at your org’s API keys."},
		because: ofAccount,
	}
}

// when writes a time to the minute.
func when(t *time.Time) string {
	if t == nil {
		return "a time that is not known"
	}
	return minute(*t)
}

// span writes a length of time in whole hours, at least one.
func span(d time.Duration) string {
	if h := int64(d / time.Hour); h > 1 {
		return grouped(h) + " hours"
	}
	return "one hour"
}
