// The mails to a person, about their address and their password. They hold nothing
// that somebody typed: whoever signs up with a stranger's address must not get to
// write to that stranger.

package store

import "time"

// The kinds of mail to a person.
const (
	MailVerifyAddress   = "verify_address"   // Token, EndsAt
	MailResetPassword   = "reset_password"   // Token, EndsAt
	MailPasswordChanged = "password_changed" // At
	MailAddressKnown    = "address_known"    // an address that signs up again
)

// MailedLink is the payload of all of them. Token is of a link that is good once,
// until EndsAt; At is when what the mail tells of happened.
type MailedLink struct {
	Token  string     `json:"token,omitempty"`
	EndsAt *time.Time `json:"ends_at,omitempty"`
	At     *time.Time `json:"at,omitempty"`
}
