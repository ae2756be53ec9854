package billing

// guard.go decides what a new complete count may do to the bill. A count that
// looks like a mistake bills nobody: it is held, the old quantity stands, and a
// second count or a person lets it through. Nothing here reads or writes.

import (
	"fmt"
	"time"
)

// The reasons to hold a count.
const (
	holdZero    = "zero"    // no listing at all: a second zero an hour later lets it through
	holdDrop    = "drop"    // less than a third: a second count like it, six hours later
	holdSpike   = "spike"   // more than three times and 25 more: likewise
	holdTenfold = "tenfold" // a spike of ten times and more: a person lets it through
	holdUnpaid  = "unpaid"  // fewer listings while an invoice is overdue: waits for the payment
)

const (
	spikeFactor   = 3
	spikeMargin   = 25 // listings; a small org may grow by this much at once
	tenfold       = 10
	dropFactor    = 3
	zeroConfirm   = time.Hour
	changeConfirm = 6 * time.Hour
	// Two counts say the same thing when they differ by at most a tenth, or two listings.
	agreeShare, agreeLeast = 10, 2
)

// heldCount is a count that waits. The zero value means that none does.
type heldCount struct {
	Reason   string
	Quantity int
	Since    time.Time // of the first count that said so
}

func (h heldCount) waits() bool { return h.Reason != "" }

// standing is what an org is billed for when a count comes in.
type standing struct {
	Quantity int
	Counted  bool // false before the first complete count
	Billed   bool // a subscription is live: the quantity is money
	Overdue  bool // an invoice is open past its day
	Held     heldCount
}

// act is what a count leads to.
type act string

const (
	actKeep    act = "keep"    // the number is the one billed; what was held is forgotten
	actApply   act = "apply"   // bill the new number from the time of the count
	actHold    act = "hold"    // bill the old number, and wait
	actRelease act = "release" // bill the new number from when it was first seen
)

// verdict is what the guard says to a count.
type verdict struct {
	Act act
	// Held is what waits from now on. For actRelease it is empty.
	Held heldCount
	// From is when the new quantity is billed from, for actApply and actRelease. With
	// a release, the counts since then are billed each from its own time on.
	From time.Time
	// Fresh tells that this count began the hold, so that people are told once.
	Fresh bool
}

// judge looks at a complete count of n active listings, made at the given time.
func judge(s standing, n int, at time.Time) verdict {
	reason := ""
	if s.Counted && s.Billed && n != s.Quantity {
		reason = suspicion(s, n)
	}
	switch {
	case reason != "":
		return suspect(s, n, at, reason)
	case s.Held.Reason == holdUnpaid && !s.Overdue:
		return verdict{Act: actRelease, From: s.Held.Since}
	case n == s.Quantity && s.Counted:
		return verdict{Act: actKeep}
	default:
		return verdict{Act: actApply, From: at}
	}
}

// suspect holds a count, or lets it through where it is the second that says so.
func suspect(s standing, n int, at time.Time, reason string) verdict {
	held := heldCount{Reason: reason, Quantity: n, Since: at}
	if !confirms(s.Held, reason, n) {
		return verdict{Act: actHold, Held: held, Fresh: true}
	}
	held.Since = s.Held.Since
	if s.Held.Reason == holdTenfold && reason == holdSpike {
		held.Reason = holdTenfold // it takes a person once it took one
	}
	if wait, ever := confirmation(held.Reason); ever && at.Sub(held.Since) >= wait {
		return verdict{Act: actRelease, From: held.Since}
	}
	return verdict{Act: actHold, Held: held, Fresh: held.Reason != s.Held.Reason}
}

// suspicion is the reason to hold n, "" for none.
func suspicion(s standing, n int) string {
	old := s.Quantity
	switch {
	case n < old && s.Overdue:
		return holdUnpaid
	case n == 0:
		return holdZero
	case n*dropFactor < old:
		return holdDrop
	case n <= max(spikeFactor*old, old+spikeMargin):
		return ""
	case n >= tenfold*max(old, 1):
		return holdTenfold
	default:
		return holdSpike
	}
}

// confirmation is how long after the first count a second one lets the number
// through, and whether one ever does.
func confirmation(reason string) (time.Duration, bool) {
	switch reason {
	case holdZero:
		return zeroConfirm, true
	case holdDrop, holdSpike:
		return changeConfirm, true
	default:
		return 0, false
	}
}

// confirms tells whether a count says what the held one said. What waited for a
// payment was seen all the same, so it counts as a first sight of a drop.
func confirms(held heldCount, reason string, n int) bool {
	switch {
	case !held.waits():
		return false
	case held.Reason == holdUnpaid && reason == holdUnpaid:
		return true // whatever the number is: the newest one is applied after the payment
	case reason == holdZero || held.Quantity == 0:
		return n == held.Quantity
	default:
		return agree(held.Quantity, n) && (rises(held.Reason) == rises(reason))
	}
}

func rises(reason string) bool { return reason == holdSpike || reason == holdTenfold }

// agree tells whether two counts say the same thing.
func agree(a, b int) bool {
	return max(a-b, b-a) <= max(agreeLeast, max(a, b)/agreeShare)
}

// clamp moves a proration date into the subscription's period, as Stripe demands
// (Stripe docs, Prorations, 2023-10-16). What lies before the period is lost, and
// so it is told.
func clamp(at, start, now time.Time) (date time.Time, moved bool) {
	if at.Before(start) {
		return start, true
	}
	if at.After(now) {
		return now, true
	}
	return at, false
}

// holdSentence says to a person why a number waits and what ends it.
func holdSentence(h heldCount, billed int) string {
	counted := listings(h.Quantity)
	switch h.Reason {
	case holdZero:
		return fmt.Sprintf("Hostaway showed no active listing; %s stay billed until a second count, an hour later, shows none either.", listings(billed))
	case holdDrop:
		return fmt.Sprintf("Hostaway showed %s, less than a third of the %s billed; the new number counts when a second count agrees, six hours later.", counted, listings(billed))
	case holdSpike:
		return fmt.Sprintf("Hostaway showed %s, more than three times the %s billed; the new number counts when a second count agrees, six hours later.", counted, listings(billed))
	case holdTenfold:
		return fmt.Sprintf("Hostaway showed %s, ten times the %s billed and more; the new number counts when a person of this service has looked at it.", counted, listings(billed))
	case holdUnpaid:
		return fmt.Sprintf("Hostaway showed %s and %s stay billed while an invoice is overdue; the new number counts, from when it was seen, once it is paid.", counted, listings(billed))
	default:
		return ""
	}
}

func listings(n int) string {
	if n == 1 {
		return "1 active listing"
	}
	return fmt.Sprintf("%d active listings", n)
}
