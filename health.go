// Health: one list of checks on the running server, each with what was found
// and what to do. /readyz, the operator's page and doctor all show this list.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// checkState says how well one thing is.
type checkState string

const (
	stateOK   checkState = "ok"
	stateWarn checkState = "warn" // works, and somebody should look after it
	stateFail checkState = "fail" // does not work
)

// check is what was found out about one thing.
type check struct {
	Name  string     `json:"name"`
	State checkState `json:"state"`
	Text  string     `json:"text"`         // what was found, for the operator
	Do    string     `json:"do,omitempty"` // what to do about it, for the operator; empty when all is well

	// Public is what anybody may be told: no figures, no paths, no causes.
	Public string `json:"-"`
	// Blocks means that nobody should be sent here while it lasts. Replication
	// and a full disk never do: what can be answered is answered.
	Blocks bool `json:"-"`
}

func good(name, text string) check { return check{Name: name, State: stateOK, Text: text} }

// examine looks at one part of the server. It answers from memory, or with one
// small question, and returns one check or more.
type examine func(ctx context.Context) []check

const (
	healthAge  = time.Second // for so long a list is given out again: asking often costs nothing
	healthWait = time.Second // for all parts together
)

// health keeps the newest list. Parts are added as they are built, and the figures
// may be asked for before that.
type health struct {
	stopping atomic.Bool
	now      func() time.Time
	log      *slog.Logger

	mu     sync.Mutex
	parts  []examine
	checks []check
	at     time.Time
	told   map[string]checkState // what the log was told, by name
}

func newHealth(now func() time.Time, log *slog.Logger, parts ...examine) *health {
	return &health{parts: parts, now: now, log: log, told: map[string]checkState{}}
}

// add takes one more part, which the next list has.
func (h *health) add(part examine) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.parts, h.checks = append(h.parts, part), nil
}

// stop makes the server not ready from now on.
func (h *health) stop() { h.stopping.Store(true) }

// look returns the list, at most healthAge old. However many ask at once, each
// part is asked once.
func (h *health) look(ctx context.Context) []check {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	if age := now.Sub(h.at); h.checks == nil || age >= healthAge || age < 0 {
		h.checks, h.at = h.examine(ctx), now
	}
	if h.stopping.Load() {
		stopping := check{
			Name: "server", State: stateWarn, Blocks: true,
			Text: "the server is stopping", Do: "nothing: running calls may finish", Public: "stopping",
		}
		return append([]check{stopping}, h.checks...)
	}
	return append([]check(nil), h.checks...)
}

// examine asks all parts. The list is shared, so the one who asks can't spoil
// it by going away.
func (h *health) examine(ctx context.Context) []check {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), healthWait)
	defer cancel()
	var checks []check
	for _, part := range h.parts {
		checks = append(checks, part(ctx)...)
	}
	for _, c := range checks {
		h.tell(c)
	}
	return checks
}

// tell writes to the log when a state changes.
func (h *health) tell(c check) {
	before, seen := h.told[c.Name]
	h.told[c.Name] = c.State
	switch {
	case before == c.State || (!seen && c.State == stateOK):
	case c.State == stateOK:
		h.log.Info("health: "+c.Name+" is well again", "check", c.Name, "found", c.Text)
	default:
		h.log.Warn(fmt.Sprintf("health: %s needs attention: %s", c.Name, c.Text), "check", c.Name, "state", string(c.State), "found", c.Text, "do", c.Do)
	}
}

// ready tells whether calls should be sent here.
func ready(checks []check) bool {
	for _, c := range checks {
		if c.Blocks {
			return false
		}
	}
	return true
}
