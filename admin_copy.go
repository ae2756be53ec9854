// Admin commands beside a server that copies the database: with
// HMCP_CRITICAL_WRITES=wait they, too, say that something is done only when the copy
// has it. The server makes the copy, so a command can only watch.
package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"hostaway-mcp/replica"
	"hostaway-mcp/store"
)

const (
	besideWait = 3 * time.Second        // as long as a server waits itself
	besideLook = 100 * time.Millisecond // between two looks
)

// copyWatch waits for the copy that another process makes. The newest transaction
// that it captured here is a number that rises. A capture may have begun before our
// change and end after it; but the one after that begins later than our change, and
// holds it. Two small changes bring two captures about.
type copyWatch struct {
	look  func(ctx context.Context) (captured, copied uint64, err error)
	nudge func(ctx context.Context) error
	pause func(ctx context.Context) error
}

var errNoServer = errors.New("no server captures what is written")

// wait returns when the copy has everything that was committed before the call.
func (w copyWatch) wait(ctx context.Context) error {
	captured, _, err := w.look(ctx)
	for range 2 {
		if err == nil {
			err = w.nudge(ctx)
		}
		if err == nil {
			captured, err = w.until(ctx, func(now, _ uint64) bool { return now > captured })
		}
	}
	if err != nil {
		return err
	}
	_, err = w.until(ctx, func(_, copied uint64) bool { return copied >= captured })
	return err
}

func (w copyWatch) until(ctx context.Context, enough func(captured, copied uint64) bool) (uint64, error) {
	for {
		captured, copied, err := w.look(ctx)
		if err != nil {
			return 0, err
		}
		if enough(captured, copied) {
			return captured, nil
		}
		if err := w.pause(ctx); err != nil {
			return 0, errors.Join(errNoServer, err)
		}
	}
}

// besideReplica adjusts the store of a command: where there is a replica, its
// server makes the checkpoints, and with wait the copy is waited for.
func (p *process) besideReplica(c config, log *slog.Logger) (func(*store.Config), func(*store.Store), error) {
	settings, err := p.replicaSettings(c)
	if err != nil || !settings.Configured() {
		return func(*store.Config) {}, func(*store.Store) {}, err
	}
	options := p.replicaOptions(c, settings, log)
	w := copyWatch{
		look: func(ctx context.Context) (uint64, uint64, error) {
			seen, err := replica.Look(ctx, options)
			return seen.Local, seen.Transaction, replicaProblem(err)
		},
		pause: func(ctx context.Context) error {
			select {
			case <-time.After(besideLook):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
	}
	adjust := func(s *store.Config) {
		s.ReplicaOwnsCheckpoints = true
		if c.CriticalWrites == "wait" {
			s.Replicated = func(ctx context.Context) error {
				ctx, cancel := context.WithTimeout(ctx, besideWait)
				defer cancel()
				return w.wait(ctx)
			}
		}
	}
	return adjust, func(db *store.Store) { w.nudge = db.Nudge }, nil
}
