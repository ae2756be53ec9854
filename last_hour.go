// The last hour by the minute: how many tool calls there were and how far the
// replica was behind, for the charts of the operator's page.
package main

import (
	"context"
	"sync"
	"time"

	"hostaway-mcp/dashboard"
	"hostaway-mcp/mcp"
)

const hourMinutes = 60

// lastHour counts in memory: a ring with a place for each minute.
type lastHour struct {
	began int64 // the first minute that was counted
	now   func() time.Time

	mu      sync.Mutex
	minutes [hourMinutes]minute
}

// minute is numbered since 1970.
type minute struct {
	number     int64
	ok, failed int
	lag        time.Duration // the worst
	late       bool
	looked     bool // at the lag
}

func newLastHour(now func() time.Time) *lastHour {
	return &lastHour{now: now, began: numberOf(now())}
}

func numberOf(at time.Time) int64 { return at.Unix() / 60 }

// at is the place of a minute, emptied when it was another's. The lock is held.
func (h *lastHour) at(number int64) *minute {
	m := &h.minutes[((number%hourMinutes)+hourMinutes)%hourMinutes]
	if m.number != number {
		*m = minute{number: number}
	}
	return m
}

func (h *lastHour) called(ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if m := h.at(numberOf(h.now())); ok {
		m.ok++
	} else {
		m.failed++
	}
}

func (h *lastHour) lagged(at time.Time, lag time.Duration, late bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := h.at(numberOf(at))
	m.lag, m.late, m.looked = max(m.lag, lag), m.late || late, true
}

// each gives the minutes of the hour up to now, oldest first; those from before
// the server's start are left out, those in which nothing happened are empty.
func (h *lastHour) each(now time.Time, f func(start time.Time, m minute)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	last := numberOf(now)
	for number := max(last-hourMinutes+1, min(h.began, last)); number <= last; number++ {
		m := h.minutes[((number%hourMinutes)+hourMinutes)%hourMinutes]
		if m.number != number {
			m = minute{number: number}
		}
		f(time.Unix(number*60, 0).UTC(), m)
	}
}

func (h *lastHour) calls(now time.Time) (all []dashboard.MinuteCalls) {
	h.each(now, func(start time.Time, m minute) {
		all = append(all, dashboard.MinuteCalls{Start: start, OK: m.ok, Failed: m.failed})
	})
	return all
}

// lags leaves out the minutes in which nobody looked.
func (h *lastHour) lags(now time.Time) (all []dashboard.MinuteLag) {
	h.each(now, func(start time.Time, m minute) {
		if m.looked {
			all = append(all, dashboard.MinuteLag{Start: start, Worst: m.lag, Late: m.late})
		}
	})
	return all
}

// observe counts the tool calls that another observer, which may be nil, sees too.
func (h *lastHour) observe(next mcp.Observer) mcp.Observer { return hourWatch{h, next} }

type hourWatch struct {
	hour *lastHour
	next mcp.Observer
}

func (w hourWatch) ToolCall(ctx context.Context, begun mcp.CallBegun) (context.Context, func(mcp.CallEnded)) {
	ended := func(mcp.CallEnded) {}
	if w.next != nil {
		ctx, ended = w.next.ToolCall(ctx, begun)
	}
	return ctx, func(e mcp.CallEnded) {
		if e.Outcome != mcp.CallStopping { // it may have run or not
			w.hour.called(e.Outcome == mcp.CallOK)
		}
		ended(e)
	}
}

func (w hourWatch) KeyChecked(outcome mcp.KeyOutcome, took time.Duration) {
	if w.next != nil {
		w.next.KeyChecked(outcome, took)
	}
}

func (w hourWatch) RateLimited() {
	if w.next != nil {
		w.next.RateLimited()
	}
}

// hourly turns a count since the start into one of this hour of the clock.
type hourly struct {
	mu         sync.Mutex
	hour       int64
	base, last int64
}

// look takes the count down. What came between the last look of an hour and its
// end counts for the next one.
func (h *hourly) look(now time.Time, count int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if hour := now.Unix() / 3600; hour != h.hour {
		h.hour, h.base = hour, h.last
	}
	h.last = count
}

// since is how much of count came in this hour.
func (h *hourly) since(count int64) int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return max(0, count-h.base)
}
