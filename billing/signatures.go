// What posts show of the webhook secrets. Stripe never tells a secret again, so that
// an event proves it is the only way to know that it is right; and posts that are
// signed and refused, while none is verified, are the only way to know that it is wrong.

package billing

import (
	"context"
	"slices"
	"sync"
	"time"

	"hostaway-mcp/store"
)

const (
	signaturesEvery = 15 * time.Second // between two looks whether there is something to keep
	verifiedEvery   = 10 * time.Minute // by which the time of the last verified event may be behind
	doubtFor        = 24 * time.Hour   // anybody may post: what was refused long ago says nothing
	doubtAfter      = time.Minute      // a second endpoint with another secret posts the same event at the same time
)

// why a signed post was refused that tells of the secret, or of this machine's clock.
const (
	whyForged  = "forged"
	whyMode    = "of the other mode"
	whyAccount = "of another account"
	whyStale   = "stale"
	whyFuture  = "of the future"
)

func speaksOfSecret(why string) bool {
	return slices.Contains([]string{whyForged, whyMode, whyAccount, whyStale, whyFuture}, why)
}

// Doubt is how sure it is that Stripe's events can be verified.
type Doubt string

const (
	// NoDoubt: an event was verified since the last signed post that was refused, or
	// none was refused for a day. That may mean that none came at all: see VerifiedAt.
	NoDoubt Doubt = ""
	// SomeDoubt: signed posts are refused since the last event that was verified.
	SomeDoubt Doubt = "some refused"
	// AllRefused: signed posts are refused, and none was ever verified.
	AllRefused Doubt = "all refused"
)

// Signatures says how the posts to the webhook stand with the secrets that are in use.
// Why is of the last refusal: "forged", "of the other mode", "of another account",
// "stale" or "of the future".
type Signatures struct {
	Doubt      Doubt
	VerifiedAt time.Time // when an event was last verified, zero: never
	Refused    int       // signed posts since then
	RefusedAt  time.Time // the last of them, zero: none
	Why        string
}

// signaturesOf judges what is known of the secrets in use: that which verified an event
// last speaks for all, since the others may be on their way out or in.
func signaturesOf(inUse []store.WebhookSecret, now time.Time) (s Signatures) {
	for _, w := range inUse {
		one := Signatures{VerifiedAt: orZero(w.VerifiedAt), Refused: w.Refused, RefusedAt: orZero(w.RefusedAt), Why: w.Why}
		if one.VerifiedAt.After(s.VerifiedAt) || one.VerifiedAt.Equal(s.VerifiedAt) && one.Refused > s.Refused {
			s = one
		}
	}
	switch {
	case s.Refused == 0 || now.Sub(s.RefusedAt) > doubtFor:
	case s.VerifiedAt.IsZero():
		s.Doubt = AllRefused
	case s.RefusedAt.Sub(s.VerifiedAt) > doubtAfter:
		s.Doubt = SomeDoubt
	}
	return s
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// Signatures reads how it stands. It may be behind by some seconds. Error: the store's.
func (b *Billing) Signatures(ctx context.Context) (Signatures, error) {
	known, err := b.cfg.Store.WebhookSecrets(ctx)
	if err != nil {
		return Signatures{}, err
	}
	return signaturesOf(b.cfg.inUse(known), b.now()), nil
}

// lastVerified is until when events surely came here: what a running server keeps may
// be behind by as long as it lets that time be.
func (b *Billing) lastVerified(ctx context.Context) (time.Time, error) {
	s, err := b.Signatures(ctx)
	if err != nil {
		return time.Time{}, err
	}
	came := b.LastEventAt()
	if kept := s.VerifiedAt.Add(verifiedEvery + signaturesEvery); !s.VerifiedAt.IsZero() && kept.After(came) {
		came = kept
	}
	return came, nil
}

// inUse keeps what is known of the secrets that are given.
func (c Config) inUse(known []store.WebhookSecret) (all []store.WebhookSecret) {
	for _, w := range known {
		if slices.ContainsFunc(c.WebhookSecrets, w.Of) {
			all = append(all, w)
		}
	}
	return all
}

// seenPosts is what was seen of each secret, by its place in the settings, and is not
// kept yet.
type seenPosts struct {
	mu     sync.Mutex
	unkept map[int]store.WebhookSecret
	keptAt map[int]time.Time // up to when the time of verified events was kept
	doubt  map[int]bool      // whether a refusal was kept since
}

// verified notes an event of ours that the secret at that place signed.
func (s *seenPosts) verified(place int, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(place, store.WebhookSecret{VerifiedAt: &now})
}

// refused notes a signed post: it counts for every secret that is given.
func (s *seenPosts) refused(places int, why string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for place := range places {
		w := s.unkept[place]
		w.Refused, w.RefusedAt, w.Why = w.Refused+1, &now, why
		s.put(place, w)
	}
}

func (s *seenPosts) put(place int, w store.WebhookSecret) {
	if s.unkept == nil {
		s.unkept, s.keptAt, s.doubt = map[int]store.WebhookSecret{}, map[int]time.Time{}, map[int]bool{}
	}
	s.unkept[place] = w
}

// take gives what is worth a write: a refusal, the end of a doubt, and every ten
// minutes that events are still verified.
func (s *seenPosts) take(now time.Time, everything bool) map[int]store.WebhookSecret {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := map[int]store.WebhookSecret{}
	for place, w := range s.unkept {
		if everything || w.Refused > 0 || s.doubt[place] || now.Sub(s.keptAt[place]) >= verifiedEvery {
			taken[place] = w
			delete(s.unkept, place)
			s.doubt[place] = w.Refused > 0 || s.doubt[place] && w.VerifiedAt == nil
			if w.VerifiedAt != nil {
				s.keptAt[place] = now
			}
		}
	}
	return taken
}

// giveBack returns what could not be kept, below what was seen meanwhile.
func (s *seenPosts) giveBack(place int, w store.WebhookSecret) {
	s.mu.Lock()
	defer s.mu.Unlock()
	newer, ok := s.unkept[place]
	switch {
	case ok && newer.VerifiedAt != nil:
		return
	case ok:
		w.Refused, w.RefusedAt, w.Why = w.Refused+newer.Refused, newer.RefusedAt, newer.Why
	}
	s.put(place, w)
}

// keepSignatures writes down what was seen; everything: also what could wait.
func (b *Billing) keepSignatures(ctx context.Context, everything bool) error {
	var first error
	for place, w := range b.seen.take(b.now(), everything) {
		if err := b.cfg.Store.SawWebhookPosts(ctx, b.cfg.WebhookSecrets[place], w); err != nil {
			b.seen.giveBack(place, w)
			first = err
		}
	}
	return first
}

// runSignatures works until ctx ends, and then once more.
func (b *Billing) runSignatures(ctx context.Context) {
	every := time.NewTicker(signaturesEvery)
	defer every.Stop()
	for {
		ended := false
		select {
		case <-ctx.Done():
			ended = true
		case <-every.C:
		}
		if err := b.keepSignatures(context.WithoutCancel(ctx), ended); err != nil {
			b.log.WarnContext(ctx, "what posts to the webhook have shown could not be kept; it is tried again", "error", err)
		}
		if ended {
			return
		}
	}
}
