// Health: one list of checks on the running server, each with what was found
// and what to do. /readyz, the operator's page and doctor all show this list.
package main

import (
	"context"
	"errors"
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

// health keeps the newest list. Parts are added before it is first asked.
type health struct {
	parts    []examine
	stopping atomic.Bool
	now      func() time.Time
	log      *slog.Logger

	mu     sync.Mutex
	checks []check
	at     time.Time
	told   map[string]checkState // what the log was told, by name
}

func newHealth(now func() time.Time, log *slog.Logger, parts ...examine) *health {
	return &health{parts: parts, now: now, log: log, told: map[string]checkState{}}
}

func (h *health) add(part examine) { h.parts = append(h.parts, part) }

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
		h.log.Info("health: well again", "check", c.Name, "found", c.Text)
	default:
		h.log.Warn("health: needs attention", "check", c.Name, "state", string(c.State), "found", c.Text, "do", c.Do)
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

// databasePart asks the database one small question.
func databasePart(ask func(context.Context) error) examine {
	return func(ctx context.Context) []check {
		err := ask(ctx)
		switch {
		case err == nil:
			return []check{good("database", "it answers")}
		case errors.Is(err, context.DeadlineExceeded):
			err = fmt.Errorf("no answer within %s", healthWait)
		}
		return []check{{
			Name: "database", State: stateFail, Blocks: true, Public: "the database does not answer",
			Text: fmt.Sprintf("it can't be read (%v)", err),
			Do:   fmt.Sprintf("look at the disk and the log; `%s doctor` checks the file", binaryName),
		}}
	}
}

const (
	spaceFail  = 32 << 20 // below this, SQLite may need more than there is for one change
	spaceWarn  = 1 << 30
	spaceShare = 10 // warn below a tenth of the disk, if that is less than spaceMost
	spaceMost  = 5 << 30
)

// space is the room on a disk, in bytes.
type space struct{ free, size uint64 }

// diskPart looks at the room on the data folder's disk.
func diskPart(folder string, measure func(string) (space, error)) examine {
	return func(context.Context) []check {
		return []check{diskCheck(folder, measure)}
	}
}

func diskCheck(folder string, measure func(string) (space, error)) check {
	const name = "disk"
	s, err := measure(folder)
	if err != nil {
		return check{
			Name: name, State: stateWarn, Public: "the room on the disk is unknown",
			Text: fmt.Sprintf("the room on the disk of %s can't be measured (%s)", folder, reason(err)), Do: "look at that folder",
		}
	}
	found := fmt.Sprintf("%s of %s are free", size(s.free), size(s.size))
	switch {
	case s.free < spaceFail:
		return check{
			Name: name, State: stateFail, Public: "the disk is full: nothing can be changed",
			Text: found, Do: fmt.Sprintf("free some space on the disk of %s: until then what is there can be read and nothing be changed; it goes on by itself", folder),
		}
	case s.free < spaceWarn || (s.free < s.size/spaceShare && s.free < spaceMost):
		return check{
			Name: name, State: stateWarn, Public: "the disk is almost full",
			Text: found, Do: fmt.Sprintf("free some space on the disk of %s, or give it more", folder),
		}
	}
	return good(name, found)
}

// size writes a number of bytes for people.
func size(n uint64) string {
	units := []string{"KB", "MB", "GB", "TB"}
	if n < 1000 {
		return fmt.Sprintf("%d bytes", n)
	}
	v := float64(n)
	unit := ""
	for _, unit = range units {
		if v /= 1000; v < 999.5 {
			break
		}
	}
	if v < 9.95 {
		return fmt.Sprintf("%.1f %s", v, unit)
	}
	return fmt.Sprintf("%.0f %s", v, unit)
}
