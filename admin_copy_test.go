package main

import (
	"context"
	"errors"
	"testing"
)

// copier is a server that captures changes and copies them, seen a look at a time.
type copier struct {
	written, captured, copied uint64
	began                     uint64 // what a capture that is under way has seen; 0 for none
	off, away                 bool   // no server; no storage
	looks                     int
}

// look lets the server do one thing, and says how far it is.
func (c *copier) look(context.Context) (uint64, uint64, error) {
	c.looks++
	switch {
	case c.off:
	case c.began > 0: // ends
		c.captured, c.began = c.captured+1, 0
	case c.written > 0: // begins with what is there now
		c.began, c.written = c.written, 0
	case !c.away:
		c.copied = c.captured
	}
	return c.captured, c.copied, nil
}

func (c *copier) nudge(context.Context) error { c.written++; return nil }

var errPatience = errors.New("time is up")

func (c *copier) pause(context.Context) error {
	if c.looks > 100 {
		return errPatience
	}
	return nil
}

func TestCommandsWaitForTheServersCopy(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		copier
		fails bool
	}{
		"nothing under way":                {copier: copier{captured: 7, copied: 7, written: 1}},
		"a capture that began before":      {copier: copier{captured: 7, copied: 7, began: 1, written: 1}},
		"captured already, not yet copied": {copier: copier{captured: 8, copied: 7}},
		"no server":                        {copier: copier{captured: 7, copied: 7, off: true}, fails: true},
		"no storage":                       {copier: copier{captured: 7, copied: 7, away: true}, fails: true},
	} {
		c := tt.copier
		start := c.captured
		err := copyWatch{look: c.look, nudge: c.nudge, pause: c.pause}.wait(t.Context())
		if (err != nil) != tt.fails || (tt.fails && !errors.Is(err, errPatience)) {
			t.Errorf("%s: %v", name, err)
		}
		if !tt.fails && (c.captured < start+2 || c.copied < start+2) {
			t.Errorf("%s: returned after the capture %d and the copy of %d; one that began before %d may lack the change", name, c.captured, c.copied, start+2)
		}
	}
	broken := errors.New("broken")
	err := copyWatch{look: func(context.Context) (uint64, uint64, error) { return 0, 0, broken }}.wait(t.Context())
	if !errors.Is(err, broken) {
		t.Errorf("a storage that fails: %v", err)
	}
}
