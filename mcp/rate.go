// The rate limit: so many tool calls per org in any window of so many seconds (20 in 10 by default). It slides: a call is
// forgotten exactly one window after it was made, so there is no edge at which twice as many pass.

package mcp

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"hostaway-mcp/hostaway"
)

// otherFactor is how many times more requests that call no tool (initialize, tools/list) are allowed: clients send several for
// every conversation, and they cost us little.
const otherFactor = 10

type limiter struct {
	limit hostaway.Rate
	mu    sync.Mutex
	orgs  map[string]*window
	sweep time.Time // when to look for orgs that have gone quiet
}

// window holds the instants of the calls that still count, oldest first, from head on.
type window struct {
	at   []time.Time
	head int
}

func newLimiter(limit hostaway.Rate) *limiter {
	return &limiter{limit: limit, orgs: map[string]*window{}}
}

// standing is what the X-RateLimit headers say.
type standing struct {
	limit, remaining int
	// reset is how long until the oldest counted call is forgotten, and so one more call is free.
	reset   time.Duration
	allowed bool
}

// take counts a call of org at now, if there is room for it.
func (l *limiter) take(org string, now time.Time) standing {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.orgs[org]
	if w == nil {
		l.sweepQuiet(now)
		w = &window{}
		l.orgs[org] = w
	}
	w.forget(now.Add(-l.limit.Per))
	s := standing{limit: l.limit.Calls}
	if w.count() < l.limit.Calls {
		w.at = append(w.at, now)
		s.allowed = true
	}
	s.remaining = l.limit.Calls - w.count()
	if w.count() > 0 {
		s.reset = w.at[w.head].Add(l.limit.Per).Sub(now)
	}
	return s
}

func (w *window) count() int { return len(w.at) - w.head }

func (w *window) forget(until time.Time) {
	for w.head < len(w.at) && !w.at[w.head].After(until) {
		w.head++
	}
	if w.head > 32 && w.head*2 > len(w.at) {
		w.at = append(w.at[:0], w.at[w.head:]...)
		w.head = 0
	}
}

// sweepQuiet drops the orgs whose calls are all forgotten, once a minute at most.
func (l *limiter) sweepQuiet(now time.Time) {
	if now.Before(l.sweep) {
		return
	}
	l.sweep = now.Add(time.Minute)
	for org, w := range l.orgs {
		if w.forget(now.Add(-l.limit.Per)); w.count() == 0 {
			delete(l.orgs, org)
		}
	}
}

// writeTo sets the headers: counts of calls, and seconds until one more is free (rounded up).
func (s standing) writeTo(h http.Header) {
	h.Set("X-RateLimit-Limit", strconv.Itoa(s.limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(s.remaining))
	h.Set("X-RateLimit-Reset", s.resetSeconds())
}

func (s standing) resetSeconds() string {
	return strconv.Itoa(int((s.reset + time.Second - 1) / time.Second))
}
