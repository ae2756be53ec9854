// Observing: what the outside may see of the commits at work, so that figures and
// traces are made there. No row and no org is in it.

package store

import (
	"context"
	"time"
)

// Observer is told of the group commits of tool calls. Its methods must be quick
// and safe for concurrent use.
type Observer interface {
	// Recording begins the wait of one tool call until it is durable. ended is
	// called exactly once, with how that went.
	Recording(ctx context.Context) (ended func(error))
	// Committed tells of one transaction: how many tool calls it wrote, and how
	// long it took from the wait for the writer to the disk's answer.
	Committed(calls int, took time.Duration, err error)
}

// nobody observes nothing.
type nobody struct{}

func (nobody) Recording(context.Context) func(error)     { return noEnd }
func (nobody) Committed(_ int, _ time.Duration, _ error) {}

func noEnd(error) {}
