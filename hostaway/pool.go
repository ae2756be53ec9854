package hostaway

// pool.go: one of Hostaway's rate limits as a sliding window: at most so many calls in any stretch of time of the given length.

import (
	"slices"
	"time"
)

// Rate is a number of calls in any stretch of time of length Per.
type Rate struct {
	Calls int
	Per   time.Duration
}

func (r Rate) or(standard Rate) Rate {
	if r.Calls <= 0 || r.Per <= 0 {
		return standard
	}
	return r
}

// lateArrival is how long after being sent a call may reach Hostaway's counter. A call counts from its answer, or from this
// long after it was sent if the answer takes longer, so that a slow network can't squeeze two windows into one.
const lateArrival = 3 * time.Second

// maxClosed bounds how far into the future a retry time is believed: Hostaway's windows are of seconds, and a wrong clock on
// either side must not stop an account for hours.
const maxClosed = 5 * time.Minute

// slot is the room that one call takes up in the pools it counts in.
type slot struct {
	budget *Budget
	line   *line
	sent   time.Time
	counts time.Time // the latest moment at which Hostaway may have counted the call
}

// pool is one sliding window. All methods want the budget's lock held.
type pool struct {
	rate        Rate // as configured
	limit       int  // as lowered after a 429
	changed     time.Time
	closedUntil time.Time
	slots       []*slot
}

// windowGuard keeps the first call of the next window clear of the last one's edge, on which clocks may differ.
const windowGuard = 25 * time.Millisecond

func newPool(rate Rate) *pool { return &pool{rate: rate, limit: rate.Calls} }

// sweep forgets the calls that have left the window and lets a lowered limit recover.
func (p *pool) sweep(now time.Time, recovery time.Duration) {
	p.slots = slices.DeleteFunc(p.slots, func(s *slot) bool { return !p.leaves(s.counts).After(now) })
	for p.limit < p.rate.Calls && now.Sub(p.changed) >= recovery {
		p.limit = min(p.rate.Calls, p.limit+max(1, p.rate.Calls/10))
		p.changed = p.changed.Add(recovery)
	}
}

func (p *pool) open(now time.Time) bool {
	return len(p.slots) < p.limit && !p.closedUntil.After(now)
}

// opens gives the moment at which the caller with this many others before it gets its turn. It is exact for calls that were
// answered; of those under way it supposes that they are answered at once, so it never says later than it can be.
func (p *pool) opens(now time.Time, before int) time.Time {
	free := p.limit - len(p.slots)
	rounds, place := before/p.limit, before%p.limit
	at := now
	if place >= free {
		at = p.departures(now)[place-free]
	}
	if p.closedUntil.After(at) {
		at = p.closedUntil
	}
	return at.Add(time.Duration(rounds) * (p.rate.Per + windowGuard))
}

func (p *pool) leaves(counts time.Time) time.Time { return counts.Add(p.rate.Per + windowGuard) }

// departures gives the moments at which the calls leave the window, the first one first, if none of those under way counts later
// than latest.
func (p *pool) departures(latest time.Time) []time.Time {
	times := make([]time.Time, len(p.slots))
	for i, s := range p.slots {
		times[i] = p.leaves(minTime(s.counts, latest))
	}
	slices.SortFunc(times, time.Time.Compare)
	return times
}

// turns gives the next moment at which open may become true by the passing of time alone.
func (p *pool) turns(now time.Time) time.Time {
	if len(p.slots) < p.limit {
		return p.closedUntil
	}
	at := p.departures(now.Add(lateArrival))[len(p.slots)-p.limit]
	if p.closedUntil.After(at) {
		at = p.closedUntil
	}
	return at
}

// close shuts the pool until a moment, and lowers its limit if Hostaway named a smaller one.
func (p *pool) close(now, until time.Time, limit int) {
	until = minTime(until, now.Add(maxClosed))
	if until.After(p.closedUntil) {
		p.closedUntil = until
	}
	if limit > 0 && limit < p.limit {
		p.limit = limit
	}
	p.changed = now
}

func (p *pool) drop(s *slot) {
	p.slots = slices.DeleteFunc(p.slots, func(other *slot) bool { return other == s })
}

func (p *pool) idle(now time.Time) bool {
	return len(p.slots) == 0 && p.limit == p.rate.Calls && !p.closedUntil.After(now)
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
