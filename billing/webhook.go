// POST /webhooks/stripe: an event is verified over its raw bytes, recorded once, and
// answered. What it means is for inbox.go; nothing of its object is kept but whose it
// is. Stripe delivers again for three days what gets no 2xx (Stripe docs, Webhooks).

package billing

import (
	"crypto/hmac"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/webhook"

	"hostaway-mcp/store"
)

const (
	largestEvent  = 512 << 10 // bytes
	signatureSpan = 300 * time.Second
)

// refusal is why a post is not taken: what the log and the figures call it, and the
// status. Who posts is told the status alone.
type refusal struct {
	why    string
	status int
}

func (r *refusal) Error() string { return r.why }

// heard is what has been noticed of events since the start.
type heard struct {
	mu         sync.Mutex
	lastAt     time.Time
	mismatched int             // of another API version, mode or account
	versions   map[string]bool // warned of
}

// Mismatched counts the events of another API version, mode or account since the start.
func (b *Billing) Mismatched() int {
	b.heard.mu.Lock()
	defer b.heard.mu.Unlock()
	return b.heard.mismatched
}

// LastEventAt is when an event was taken the last time, zero: not since the start.
func (b *Billing) LastEventAt() time.Time {
	b.heard.mu.Lock()
	defer b.heard.mu.Unlock()
	return b.heard.lastAt
}

// Webhooks takes Stripe's events: 200 once an event is recorded, or known, or none of
// our concern; 4xx, with nothing stored, for what is forged, stale, of the other mode, of
// another account, too large or no event; 500 when it could not be stored.
func (b *Billing) Webhooks() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		outcome, err := b.takeEvent(w, r)
		var refused *refusal
		switch {
		case err == nil:
			w.WriteHeader(http.StatusOK)
		case errors.As(err, &refused):
			outcome = refused.why
			if speaksOfSecret(refused.why) {
				b.seen.refused(len(b.cfg.WebhookSecrets), refused.why, b.now())
			}
			b.log.WarnContext(r.Context(), "a post to the Stripe webhook was refused", "why", refused.why)
			http.Error(w, http.StatusText(refused.status), refused.status)
		default:
			outcome = "not stored"
			b.log.ErrorContext(r.Context(), "a Stripe event could not be stored; Stripe will deliver it again", "error", err)
			http.Error(w, "try again later", http.StatusInternalServerError)
		}
		b.cfg.Observe.EventPosted(outcome)
	})
}

func (b *Billing) takeEvent(w http.ResponseWriter, r *http.Request) (outcome string, err error) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return "", &refusal{"no post", http.StatusMethodNotAllowed}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestEvent))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return "", &refusal{"too large", http.StatusRequestEntityTooLarge}
	}
	if err != nil {
		return "", &refusal{"not read", http.StatusBadRequest}
	}
	secret, err := b.verify(body, r.Header.Values("Stripe-Signature"))
	if err != nil {
		return "", err
	}
	e, err := b.readPosted(body)
	if err != nil {
		return "", err
	}
	b.seen.verified(secret, b.now())
	b.noteVersion(e)
	if !concerns(e.Type) {
		return "of no concern", nil
	}
	fresh, err := b.cfg.Store.ReceiveStripeEvent(r.Context(), store.StripeEvent{
		ID: e.ID, Type: e.Type, Customer: e.CustomerID, ObjectID: e.ObjectID, Version: e.APIVersion, Livemode: e.Live, Created: e.CreatedAt,
	})
	if err != nil {
		return "", err
	}
	b.wakeInbox()
	if !fresh {
		return "known already", nil
	}
	return "recorded", nil
}

// verify takes a body that one of our secrets signed within the last or next five
// minutes, and tells the place of that secret. The library would take one of any future
// time, and, with an empty secret, anybody's.
func (b *Billing) verify(body []byte, headers []string) (secret int, err error) {
	if len(headers) != 1 || headers[0] == "" {
		return 0, &refusal{"not signed", http.StatusBadRequest}
	}
	signedAt, signatures, ok := parseSignature(headers[0])
	if !ok {
		return 0, &refusal{"not signed", http.StatusBadRequest}
	}
	secret, ok = b.signedByUs(body, signedAt, signatures)
	if !ok {
		return 0, &refusal{whyForged, http.StatusBadRequest}
	}
	switch off := b.now().Sub(signedAt); {
	case off > signatureSpan:
		return 0, &refusal{whyStale, http.StatusBadRequest}
	case off < -signatureSpan:
		return 0, &refusal{whyFuture, http.StatusBadRequest}
	}
	return secret, nil
}

func (b *Billing) signedByUs(body []byte, at time.Time, signatures [][]byte) (secret int, ok bool) {
	for place, s := range b.cfg.WebhookSecrets {
		want := webhook.ComputeSignature(at, body, s.Reveal())
		for _, got := range signatures {
			if hmac.Equal(want, got) {
				return place, true
			}
		}
	}
	return 0, false
}

// parseSignature reads "t=1700000000,v1=…,v1=…": one time, and a signature for each
// secret that is being replaced (Stripe docs, Verify webhook signatures).
func parseSignature(header string) (at time.Time, signatures [][]byte, ok bool) {
	times := 0
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "t":
			seconds, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return at, nil, false
			}
			times++
			at = time.Unix(seconds, 0)
		case "v1":
			if s, err := hex.DecodeString(value); err == nil {
				signatures = append(signatures, s)
			}
		}
	}
	return at, signatures, times == 1 && len(signatures) > 0
}

// noteVersion counts events of another version of the API. They do no harm, since
// nothing but the envelope is read; but the endpoint was not made by setup.
func (b *Billing) noteVersion(e stripeEvent) {
	b.heard.mu.Lock()
	defer b.heard.mu.Unlock()
	b.heard.lastAt = b.now()
	if e.APIVersion == stripe.APIVersion {
		return
	}
	b.heard.mismatched++
	if b.heard.versions == nil {
		b.heard.versions = map[string]bool{}
	}
	if version := nameOnly(e.APIVersion); !b.heard.versions[version] && len(b.heard.versions) < 100 {
		b.heard.versions[version] = true
		b.log.Warn("Stripe sends events of another API version; make the webhook endpoint with `hostaway-mcp billing setup`",
			"version", version, "wanted", stripe.APIVersion)
	}
}

// concerns tells whether something that we mirror may have changed.
func concerns(kind string) bool {
	for _, prefix := range []string{"customer.", "invoice.", "checkout.session.", "charge.refund", "charge.dispute."} {
		if strings.HasPrefix(kind, prefix) {
			return true
		}
	}
	return false
}

// subscribedEvents are what setup has Stripe send: few, and not invoice.created, which
// would hold an invoice up for as long as nobody answers.
func subscribedEvents() []string {
	return []string{
		"charge.dispute.closed", "charge.dispute.created", "charge.refunded",
		"checkout.session.completed", "checkout.session.expired",
		"customer.deleted", "customer.subscription.created", "customer.subscription.deleted", "customer.subscription.paused",
		"customer.subscription.resumed", "customer.subscription.trial_will_end", "customer.subscription.updated",
		"invoice.finalized", "invoice.marked_uncollectible", "invoice.paid", "invoice.payment_action_required",
		"invoice.payment_failed", "invoice.voided",
	}
}
