// Whether Stripe answers, as the calls of a running server see it: the health's list
// tells of a silence that no look at the settings has met.
package main

import (
	"sync"
	"time"

	"hostaway-mcp/billing"
)

// silentTries is how many tries in a row have to stay without an answer: a read is
// tried as often before it is given up, and a person who closes a page ends only one.
const silentTries = 3

// stripeAnswers is a billing.Observer that remembers since when nothing is answered.
type stripeAnswers struct {
	next billing.Observer // nil: there are no figures
	now  func() time.Time

	mu    sync.Mutex
	tries int       // in a row without an answer
	since time.Time // of the first of them
}

// StripeCalled notes whether Stripe answered; to say no is an answer.
func (a *stripeAnswers) StripeCalled(op string, failure billing.Kind, took time.Duration) {
	if a.next != nil {
		a.next.StripeCalled(op, failure, took)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if failure != billing.KindUnreachable && failure != billing.KindFailed {
		a.tries, a.since = 0, time.Time{}
		return
	}
	if a.tries++; a.tries == 1 {
		a.since = a.now()
	}
}

// EventPosted is not about what Stripe answers.
func (a *stripeAnswers) EventPosted(outcome string) {
	if a.next != nil {
		a.next.EventPosted(outcome)
	}
}

// AccessChanged is not about Stripe.
func (a *stripeAnswers) AccessChanged(to string) {
	if a.next != nil {
		a.next.AccessChanged(to)
	}
}

// silentSince is since when Stripe has not answered; zero while it does.
func (a *stripeAnswers) silentSince() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tries < silentTries {
		return time.Time{}
	}
	return a.since
}
