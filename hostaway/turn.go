package hostaway

// turn.go: whose turn it is: one line per account and gate, served in turns.

import (
	"slices"
	"strings"
	"time"
)

// gate names one of the counters that Hostaway keeps per account.
type gate int

const (
	gateGeneral gate = iota
	gateMessageSends
	gatePriceDetails
	gateCreateReservations
)

// gateFor tells which counter a call counts in (Hostaway docs, Rate limits, 2026-08).
func gateFor(method, path string) gate {
	switch {
	case method != "POST":
		return gateGeneral
	case strings.HasPrefix(path, "/conversations/") && strings.HasSuffix(path, "/messages"):
		return gateMessageSends
	case strings.HasPrefix(path, "/listings/") && strings.HasSuffix(path, "/calendar/priceDetails"):
		return gatePriceDetails
	case path == "/reservations":
		return gateCreateReservations
	}
	return gateGeneral
}

type priority int

const (
	interactive priority = iota
	background
)

// backgroundShare is after how many interactive turns a waiting background call gets one.
const backgroundShare = 7

type lineKey struct {
	account int64
	gate    gate
	asker   string // instead of an account, for calls that only claim one
}

// line is the queue of one account, or of one asker, at one gate.
type line struct {
	key    lineKey
	pool   *pool
	queues [2][]*waiter
	passed int    // interactive turns of this line since its last background turn, while a background call waited
	served uint64 // the number of its last turn
}

type waiter struct {
	line     *line
	priority priority
	ready    chan struct{}
	slot     *slot
}

func (l *line) remove(w *waiter) {
	l.queues[w.priority] = slices.DeleteFunc(l.queues[w.priority], func(other *waiter) bool { return other == w })
}

func (l *line) waiting() int { return len(l.queues[interactive]) + len(l.queues[background]) }

// shared tells whether the line also counts in the limit of the process's address.
func (l *line) shared() bool { return l.key.gate == gateGeneral }

func (l *line) passes(p, ip *pool) bool { return p == l.pool || p == ip && l.shared() }

func (b *Budget) line(key lineKey) *line {
	l, ok := b.lines[key]
	if !ok {
		l = &line{key: key, pool: newPool(b.rates[key.gate])}
		b.lines[key] = l
	}
	return l
}

// sweep lets time pass: calls leave their windows, limits recover, and lines without anything to remember are forgotten.
func (b *Budget) sweep(now time.Time) {
	b.ip.sweep(now, b.recovery)
	for key, l := range b.lines {
		l.pool.sweep(now, b.recovery)
		if l.waiting() == 0 && l.pool.idle(now) {
			delete(b.lines, key)
		}
	}
}

// dispatch gives out all turns that there is room for, and sets the clock for the next.
func (b *Budget) dispatch(now time.Time) {
	for {
		l, p := b.next(now)
		if l == nil {
			break
		}
		b.grant(l, p, now)
	}
	b.schedule(now)
}

// next finds the line whose turn it is, and which of its two queues is served.
func (b *Budget) next(now time.Time) (*line, priority) {
	order := []priority{interactive, background}
	if b.passed >= backgroundShare {
		order = []priority{background, interactive}
	}
	for _, p := range order {
		if l := b.longestWithout(p, now); l != nil {
			if p == interactive && l.passed >= backgroundShare && len(l.queues[background]) > 0 {
				p = background
			}
			return l, p
		}
	}
	return nil, interactive
}

// longestWithout gives the line with a waiter of this priority and room for it that was served the longest ago.
func (b *Budget) longestWithout(p priority, now time.Time) *line {
	var found *line
	for _, l := range b.lines {
		if len(l.queues[p]) == 0 || !l.pool.open(now) || l.shared() && !b.ip.open(now) {
			continue
		}
		if found == nil || l.served < found.served || l.served == found.served && l.before(found) {
			found = l
		}
	}
	return found
}

func (l *line) before(other *line) bool {
	if l.key.account != other.key.account {
		return l.key.account < other.key.account
	}
	if l.key.asker != other.key.asker {
		return l.key.asker < other.key.asker
	}
	return l.key.gate < other.key.gate
}

// grant serves the first waiter of a queue.
func (b *Budget) grant(l *line, p priority, now time.Time) {
	w := l.queues[p][0]
	l.queues[p] = l.queues[p][1:]
	w.slot = &slot{budget: b, line: l, sent: now, counts: now.Add(lateArrival)}
	l.pool.slots = append(l.pool.slots, w.slot)
	if l.shared() {
		b.ip.slots = append(b.ip.slots, w.slot)
	}
	b.served++
	l.served = b.served
	if p == background {
		b.passed, l.passed = 0, 0
	} else {
		b.passed = passedBy(b.passed, b.backgroundWaits())
		l.passed = passedBy(l.passed, len(l.queues[background]) > 0)
	}
	close(w.ready)
}

func passedBy(passed int, waits bool) int {
	if !waits {
		return 0
	}
	return passed + 1
}

func (b *Budget) backgroundWaits() bool {
	for _, l := range b.lines {
		if len(l.queues[background]) > 0 && l.shared() {
			return true
		}
	}
	return false
}

// schedule wakes the budget when the next waiter may get its turn.
func (b *Budget) schedule(now time.Time) {
	var next time.Time
	for _, l := range b.lines {
		if l.waiting() == 0 {
			continue
		}
		at := l.pool.turns(now)
		if l.shared() && b.ip.turns(now).After(at) {
			at = b.ip.turns(now)
		}
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	if b.timer != nil {
		b.timer.Stop()
		b.timer = nil
	}
	if !next.IsZero() {
		b.timer = time.AfterFunc(max(time.Millisecond, next.Sub(now)), b.wake)
	}
}

func (b *Budget) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.sweep(now)
	b.dispatch(now)
}

// estimate gives the moment of the turn of a caller who would join now, if nobody else came.
func (b *Budget) estimate(l *line, p priority, now time.Time) time.Time {
	before := len(l.queues[interactive])
	if p == background {
		before += len(l.queues[background])
	}
	at := l.pool.opens(now, before)
	if !l.shared() {
		return at
	}
	all := before
	for _, other := range b.lines {
		if other == l || !other.shared() {
			continue
		}
		if p == interactive {
			all += min(len(other.queues[interactive]), before+1)
		} else {
			all += len(other.queues[interactive]) + min(len(other.queues[background]), before+1)
		}
	}
	if ip := b.ip.opens(now, all); ip.After(at) {
		at = ip
	}
	return at
}
