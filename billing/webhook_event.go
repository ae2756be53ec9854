// What an event of ours looks like. A signature tells who posts and not what: an
// endpoint that was made by hand may bring events of the other mode, or of accounts
// that are connected to ours, and who has the secret may write anything. What is not
// of Stripe's shape is kept nowhere.

package billing

import (
	"encoding/json"
	"net/http"
	"regexp"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// The shapes of what is kept of an event. Ids have at most 255 characters (Stripe docs,
// API upgrades, Backward-compatible changes); those of customers may have been chosen
// by another program long ago, and begin with anything.
var (
	eventIDs   = regexp.MustCompile(`\Aevt_[0-9A-Za-z_]{1,251}\z`)
	objectIDs  = regexp.MustCompile(`\A[0-9A-Za-z_-]{0,255}\z`)
	eventKinds = regexp.MustCompile(`\A[0-9a-z_.]{1,100}\z`)
	versions   = regexp.MustCompile(`\A[0-9A-Za-z_.-]{0,80}\z`)
)

// An event is not from before Stripe began, nor from far ahead. Test clocks go ahead of
// the time by years (Stripe docs, Test clocks), and no live event does.
const (
	stripeBegan = 1_300_000_000 // March 2011, in seconds
	aheadLive   = time.Hour
	aheadTest   = 20 * 365 * day
)

func (b *Billing) readPosted(body []byte) (stripeEvent, error) {
	none := &refusal{"no event", http.StatusBadRequest}
	var posted stripe.Event
	if err := json.Unmarshal(body, &posted); err != nil || posted.Object != "event" || posted.Data == nil {
		return stripeEvent{}, none
	}
	e := readEvent(&posted)
	if !b.wellShaped(e) {
		return stripeEvent{}, none
	}
	switch {
	case posted.Account != "": // of a connected account; ours are not so marked (Stripe docs, Connect webhooks)
		b.noteMismatch()
		return stripeEvent{}, &refusal{whyAccount, http.StatusBadRequest}
	case e.Live != b.live:
		b.noteMismatch()
		return stripeEvent{}, &refusal{whyMode, http.StatusBadRequest}
	}
	return e, nil
}

// wellShaped tells whether all that would be kept of an event is of Stripe's shape.
func (b *Billing) wellShaped(e stripeEvent) bool {
	ahead := aheadTest
	if b.live {
		ahead = aheadLive
	}
	return eventIDs.MatchString(e.ID) && eventKinds.MatchString(e.Type) && versions.MatchString(e.APIVersion) &&
		objectIDs.MatchString(e.ObjectID) && objectIDs.MatchString(e.CustomerID) &&
		e.CreatedAt.Unix() >= stripeBegan && e.CreatedAt.Before(b.now().Add(ahead))
}

// noteMismatch counts an event of another account, mode or version.
func (b *Billing) noteMismatch() {
	b.heard.mu.Lock()
	defer b.heard.mu.Unlock()
	b.heard.mismatched++
}
