// The mails about billing: their kinds, and what their texts are made of. Who has a
// cause queues one, who writes letters reads it.

package store

import (
	"encoding/json"
	"fmt"
	"time"
)

// The kinds of mail about billing. What stands behind each is what its payload has.
const (
	MailPaymentFailed      = "payment_failed"      // Amount, Currency, StopsAt (nil: tools have stopped)
	MailSuspended          = "suspended"           // Reason
	MailRestored           = "restored"            //
	MailTrialEnding        = "trial_ending"        // EndsAt, Listings, UnitAmount, Currency; Reason and StopsAt where a subscription is not in order
	MailTrialEnded         = "trial_ended"         // Listings, UnitAmount, Currency
	MailCanceled           = "canceled"            // EndsAt, which may be past; Reason; StopsAt where our trial goes on after it
	MailRefunded           = "refunded"            // Amount, Currency; Reason where tools are switched off
	MailDisputed           = "disputed"            // Amount, Currency; Reason where tools are switched off
	MailTwoSubscriptions   = "two_subscriptions"   // Amount, Currency: what the second one costs
	MailCredentialsInvalid = "credentials_invalid" // AccountID, Listings, UnitAmount, Currency
	MailCredentialsDecide  = "credentials_decide"  // to operators: AccountID, Since, Listings
	MailCountHeld          = "count_held"          // Reason, Found, Listings
)

// BillingMail is the payload of all of them; each kind has its part. Amounts are in
// minor units of Currency; Listings are those that are billed, Found those that the
// newest count found.
type BillingMail struct {
	Amount     int64      `json:"amount,omitempty"`
	UnitAmount int64      `json:"unit_amount,omitempty"`
	Currency   string     `json:"currency,omitempty"`
	Listings   int        `json:"listings,omitempty"`
	Found      int        `json:"found,omitempty"`
	AccountID  int64      `json:"account_id,omitempty"`
	Reason     string     `json:"reason,omitempty"`
	StopsAt    *time.Time `json:"stops_at,omitempty"`
	EndsAt     *time.Time `json:"ends_at,omitempty"`
	Since      *time.Time `json:"since,omitempty"`
}

// NewBillingMail makes a mail of its payload. Of mails of an org with the same
// dedupeKey only the first is kept.
func NewBillingMail(kind string, to Recipient, dedupeKey string, payload BillingMail) (NewMail, error) {
	body, err := json.Marshal(payload)
	if err != nil {
		return NewMail{}, fmt.Errorf("write the mail %s: %w", kind, err)
	}
	return NewMail{Kind: kind, To: to, DedupeKey: dedupeKey, Payload: body}, nil
}
