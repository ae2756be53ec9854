// Everything about the fake that can be set at the start.
package stripetest

import (
	"net/http"
	"time"
)

// APIVersion is the only version of the API that the fake speaks.
const APIVersion = "2023-10-16"

// Options sets up a Server. The zero value is an account in test mode whose clock stands at 2026-01-10 00:00 UTC, which
// retries failed payments after 3, 5 and 7 days and then cancels, and whose events wait until Deliver.
type Options struct {
	// Now is where the clock starts; zero means 2026-01-10 00:00 UTC.
	Now time.Time
	// Ticks lets the clock run with the time of the machine, besides Advance.
	Ticks bool
	// Live makes it an account in live mode: it takes only live keys, and says livemode.
	Live bool
	// Keys are the secret keys it takes; none means every key of its mode.
	Keys []string
	// Retries are the times between a failed payment and the next try; nil means 3, 5 and 7 days.
	Retries []time.Duration
	// AfterRetries is what becomes of a subscription after the last try; "" means canceled.
	AfterRetries AfterRetries
	// AccountVersion is the API version of endpoints that ask for none; "" means 2023-10-16. With any other, events carry
	// the shapes of 2025 and later.
	AccountVersion string
	// DeliverAtOnce posts events as they happen, in the background, one after the other.
	DeliverAtOnce bool
	// SignedAt is the time in the signatures of webhooks; nil means the clock of the machine, as receivers compare with theirs.
	SignedAt func() time.Time
	// Network is what happens to events on their way.
	Network Network
	// Check looks at every request and every answer.
	Check Check
	// OnViolation is told what a client did that the fake can't answer for, and what Check found; nil fails the test.
	OnViolation func(string)
}

// Check holds requests and answers against a description of the API. Both fields may be nil.
type Check struct {
	Request func(method, uri string, header http.Header, body []byte) error
	Answer  func(body []byte) error // one object, list or event
}

// AfterRetries is the account's setting for subscriptions whose payment failed for good.
type AfterRetries string

// What may become of a subscription after the last retry.
const (
	ThenCanceled AfterRetries = "canceled"
	ThenUnpaid   AfterRetries = "unpaid"
	ThenPastDue  AfterRetries = "past_due"
)

const day = 24 * time.Hour

func (o Options) withDefaults() Options {
	if o.Now.IsZero() {
		o.Now = time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC)
		if o.Ticks {
			o.Now = time.Now()
		}
	}
	if o.Retries == nil {
		o.Retries = []time.Duration{3 * day, 5 * day, 7 * day}
	}
	if o.AfterRetries == "" {
		o.AfterRetries = ThenCanceled
	}
	if o.AccountVersion == "" {
		o.AccountVersion = APIVersion
	}
	if o.SignedAt == nil {
		o.SignedAt = time.Now
	}
	return o
}
