// A full disk: reads go on, changes are refused with ErrDiskFull and leave nothing
// behind, and it ends by itself when there is room. A server has a reserve
// (reserve.go), out of which it records that people read. Without one, or when it
// is used up, every write is refused, and the first that finds room ends it.

package store

import (
	"context"
	"errors"
	"time"
)

// FullSince is when the disk first took no more; zero when it does.
func (s *Store) FullSince() time.Time {
	if at := s.fullSince.Load(); at != 0 {
		return fromMilli(at)
	}
	return time.Time{}
}

// noteRefused looks at how a write ended, and says whether the disk was full. Then
// the reserve is given back.
func (s *Store) noteRefused(ctx context.Context, err error) bool {
	if !errors.Is(err, ErrDiskFull) {
		return false
	}
	first := s.fullSince.CompareAndSwap(0, s.now().UnixMilli())
	given := s.reserve.giveBack()
	switch {
	case given:
		s.log.ErrorContext(ctx, "the disk is full: what is there can be read, which is recorded in the reserve, and nothing can be changed until there is room",
			"error", err, "reserve_bytes", s.reserve.Bytes, "free_bytes_needed", s.reserve.Bytes+s.reserve.Spare)
	case first:
		s.log.ErrorContext(ctx, "the disk is full: what is there can be read, and nothing can be changed until there is room", "error", err)
	}
	return true
}

// onReserve runs a write that the reserve is for: again, when the reserve was given
// back after it had begun.
func (s *Store) onReserve(ctx context.Context, write func() error) error {
	given := s.reserve.given.Load()
	err := write()
	if errors.Is(err, ErrDiskFull) && s.reserve.given.Load() != given {
		err = write()
	}
	if errors.Is(err, ErrDiskFull) && s.reserve.state.Load() == reserveGiven && s.reserve.usedUp.CompareAndSwap(false, true) {
		s.log.ErrorContext(ctx, "the reserve for a full disk is used up: tool calls are refused, for they can't be recorded", "error", err)
	}
	return err
}

// noteWritten ends a full disk, after something reached it that was not written on
// the reserve.
func (s *Store) noteWritten(ctx context.Context) {
	if s.reserve.state.Load() != reserveGiven {
		s.noteRoom(ctx)
	}
}

func (s *Store) noteRoom(ctx context.Context) {
	if at := s.fullSince.Swap(0); at != 0 {
		s.log.InfoContext(ctx, "there is room on the disk again: changes are taken", "full_for", s.now().Sub(fromMilli(at)).Round(time.Second))
	}
}

// noteTransaction looks at how a transaction ended. One that went well may have
// changed nothing, which a full disk allows: then a small write tells.
func (s *Store) noteTransaction(ctx context.Context, err error) {
	if s.noteRefused(ctx, err) || err != nil || s.fullSince.Load() == 0 || s.reserve.state.Load() == reserveGiven {
		return
	}
	if err := s.probe(ctx); err == nil {
		s.noteWritten(ctx)
	}
}

// probe writes something that means nothing.
func (s *Store) probe(ctx context.Context) error {
	return s.transactUnnoted(ctx, func(t *transaction) error {
		return t.asSystem(func(d systemDoor) error { return d.exec(ctx, sysProbe, nil) })
	})
}
