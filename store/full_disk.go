// A full disk: reads go on, every write is refused with ErrDiskFull and leaves
// nothing behind, and the first write that finds room ends it. SQLite needs no help
// for that; here it is only noticed, told once, and shown to whoever asks.

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

// noteRefused looks at how a write ended, and says whether the disk was full.
func (s *Store) noteRefused(ctx context.Context, err error) bool {
	full := errors.Is(err, ErrDiskFull)
	if full && s.fullSince.CompareAndSwap(0, s.now().UnixMilli()) {
		s.log.ErrorContext(ctx, "the disk is full: what is there can be read, and nothing can be changed until there is room", "error", err)
	}
	return full
}

// noteWritten ends a full disk, after something reached it.
func (s *Store) noteWritten(ctx context.Context) {
	if at := s.fullSince.Swap(0); at != 0 {
		s.log.InfoContext(ctx, "there is room on the disk again: changes are taken", "full_for", s.now().Sub(fromMilli(at)).Round(time.Second))
	}
}

// noteTransaction looks at how a transaction ended. One that went well may have
// changed nothing, which a full disk allows: then a small write tells.
func (s *Store) noteTransaction(ctx context.Context, err error) {
	if s.noteRefused(ctx, err) || err != nil || s.fullSince.Load() == 0 {
		return
	}
	probe := func(t *transaction) error {
		return t.asSystem(func(d systemDoor) error { return d.exec(ctx, sysProbe, nil) })
	}
	if err := s.transactUnnoted(ctx, probe); err == nil {
		s.noteWritten(ctx)
	}
}
