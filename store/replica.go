// The copy on another machine, as far as the store knows of it: some changes are
// acknowledged only when the copy has them, and a copy sometimes needs a moment
// without a writer.

package store

import (
	"context"
	"errors"
	"fmt"
)

// ErrNotReplicated: the change is committed here, and the copy on another machine
// does not have it yet. A method that answers with it has done its work: what
// else it returns is good, and doing it again would do it twice. Call Replicated
// until the copy has it.
var ErrNotReplicated = errors.New("saved on this machine, and not yet in the copy on another one")

// Replicated waits until the copy has everything that was committed before the
// call; without a copy, or where it need not wait, it returns at once.
// Error: ErrNotReplicated.
func (s *Store) Replicated(ctx context.Context) error {
	if s.replicated == nil {
		return nil
	}
	if err := s.replicated(ctx); err != nil {
		if errors.Is(err, ErrNotReplicated) {
			return err
		}
		return fmt.Errorf("%w (%w)", ErrNotReplicated, err)
	}
	return nil
}

// Nudge makes a change that means nothing, so that whoever copies the database
// captures it once more.
func (s *Store) Nudge(ctx context.Context) error {
	if err := s.writeOnReserve(ctx, func(d systemDoor) error { return d.exec(ctx, sysProbe, nil) }); err != nil {
		return fmt.Errorf("nudge the replica: %w", err)
	}
	return nil
}

// transactCritical is transact for what must not get lost with the machine: who
// may come in and with what. Error also: ErrNotReplicated, and then all is done.
func (s *Store) transactCritical(ctx context.Context, f func(*transaction) error) error {
	if err := s.transact(ctx, f); err != nil {
		return err
	}
	return s.Replicated(ctx)
}

// writeCritical is write for the same.
func (o *Org) writeCritical(ctx context.Context, f func(orgDoor) error) error {
	return o.store.transactCritical(ctx, func(t *transaction) error { return t.asOrg(o, f) })
}

// undone says whether an error means that the change was not made.
func undone(err error) bool { return err != nil && !errors.Is(err, ErrNotReplicated) }

// Quiet runs f while nobody of this process writes: a checkpoint then finishes.
// Callers that want to write wait; f must be short and must not write itself.
func (s *Store) Quiet(ctx context.Context, f func(ctx context.Context) error) error {
	conn, err := s.writer.Conn(ctx)
	if err != nil {
		return fmt.Errorf("wait for the writer: %w", translate(err))
	}
	return errors.Join(f(ctx), conn.Close())
}
