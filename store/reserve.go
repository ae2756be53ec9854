// The reserve: space that a server keeps on the disk while there is room, in a file
// that nobody reads. It is given back when SQLite first meets a full disk, and from
// then on only what lets reading go on may write: tool calls are recorded, people
// sign in. Everything else is refused, so that it lasts for thousands of calls. An
// empty file says, over restarts too, that it was given back.

package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// ReserveFile is the reserve's name, beside the database; while it is written, a
// suffix follows.
const ReserveFile = "reserve"

const (
	reserveLook  = 10 * time.Second // between two looks at the file and at the free space
	reserveRetry = 5 * time.Minute  // the longest wait after a refill that failed
	reserveTight = 1 << 20          // bytes; with less, a server starts on its reserve
	reserveBlock = 64 << 10
)

// Reserve is the space that is kept for the time in which the disk is full. The
// zero value keeps none.
type Reserve struct {
	// Bytes that are kept.
	Bytes int64
	// Spare are the bytes that have to be free besides, before the reserve is made
	// or made again. With it a full disk ends.
	Spare int64
	// Free tells how many bytes of the disk may still be used.
	Free func() (int64, error)
}

const (
	reserveAbsent int32 = iota // there was no room for one
	reserveWhole
	reserveGiven // it was given back, and is being used up
)

// reserve is the file. Only a server makes it; others look at it.
type reserve struct {
	Reserve
	path  string
	owned bool

	state  atomic.Int32
	given  atomic.Int64 // how often it was given back
	usedUp atomic.Bool  // and then there was no room again

	mu   sync.Mutex // held while the file changes
	wait time.Duration
	next time.Time // when to try again
}

// beginReserve looks at what the last server left. It runs before anything is
// written: what the start writes may need the reserve.
func (s *Store) beginReserve(ctx context.Context, cfg Config) {
	r := &s.reserve
	r.Reserve, r.path = cfg.Reserve, filepath.Join(filepath.Dir(cfg.Path), ReserveFile)
	if r.owned = cfg.Serving && r.Bytes > 0; !r.owned {
		return
	}
	_ = os.Remove(r.fresh()) // of a server that was killed over it
	info, err := os.Stat(r.path)
	if err != nil {
		return
	}
	if info.Size() == 0 {
		r.state.Store(reserveGiven)
		s.fullSince.Store(info.ModTime().UnixMilli())
		if !r.room() {
			s.log.WarnContext(ctx, "the disk is still full: nothing can be changed until there is room", "since", info.ModTime().UTC())
		}
		return
	}
	r.state.Store(reserveWhole)
	if free, err := r.Free(); err == nil && free < reserveTight {
		s.noteRefused(ctx, fmt.Errorf("%w (%d bytes are left)", ErrDiskFull, free))
	}
}

// keepReserve makes the reserve, and makes it again when there is room. The
// function that it returns ends that.
func (s *Store) keepReserve(ctx context.Context) (end func()) {
	if !s.reserve.owned {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		look := time.NewTicker(reserveLook)
		defer look.Stop()
		for {
			s.reserve.notice()
			s.refillReserve(ctx)
			select {
			case <-look.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { cancel(); <-done }
}

// holdBack refuses a change with ErrDiskFull while the reserve is being used up,
// unless there is room again.
func (s *Store) holdBack(ctx context.Context) error {
	r := &s.reserve
	if r.Bytes > 0 && !r.owned { // a command; the server beside it may live on its reserve
		if info, err := os.Stat(r.path); err == nil && info.Size() == 0 && !r.room() {
			return ErrDiskFull
		}
		return nil
	}
	if r.state.Load() != reserveGiven {
		return nil
	}
	s.refillReserve(context.WithoutCancel(ctx))
	if r.state.Load() == reserveGiven {
		return ErrDiskFull
	}
	return nil
}

// refillReserve makes the reserve when it is not there and there is room; a full
// disk is over with it. After a failure it waits before it tries again: a quota
// refuses what the disk's figures promise.
func (s *Store) refillReserve(ctx context.Context) {
	r := &s.reserve
	if !r.owned || r.state.Load() == reserveWhole {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state.Load() == reserveWhole || time.Now().Before(r.next) || !r.room() {
		return
	}
	err := s.probe(ctx)
	if err == nil && r.state.Load() == reserveGiven {
		// Where there is less room than it seems, no writer may meet what is taken for a moment.
		err = s.Quiet(ctx, r.fill)
	} else if err == nil {
		err = r.fill(ctx)
	}
	if err != nil {
		r.wait = min(max(2*r.wait, reserveLook), reserveRetry)
		r.next = time.Now().Add(r.wait)
		s.log.DebugContext(ctx, "the reserve for a full disk can't be made", "error", err, "again_in", r.wait)
		return
	}
	r.wait = 0
	r.usedUp.Store(false)
	r.state.Store(reserveWhole)
	s.log.InfoContext(ctx, "space is kept for a full disk, out of which reading can be recorded", "bytes", r.Bytes)
	s.noteRoom(ctx)
}

func (r *reserve) fresh() string { return r.path + ".new" }

// room says whether the reserve could be made.
func (r *reserve) room() bool {
	free, err := r.Free()
	return err == nil && free >= r.Bytes+r.Spare
}

// giveBack gives the space back, once, and says that it did.
func (r *reserve) giveBack() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state.Load() != reserveWhole {
		return false
	}
	if err := emptyFile(r.path); err != nil {
		_ = os.Remove(r.path) // a file system that can't shorten a file when it is full
	}
	r.state.Store(reserveGiven)
	r.given.Add(1)
	return true
}

// emptyFile leaves nothing of a file but its name. Some file systems hand blocks
// out again only when they are synced.
func emptyFile(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// notice finds out that somebody has deleted the file, to make room perhaps.
func (r *reserve) notice() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := os.Stat(r.path); errors.Is(err, fs.ErrNotExist) {
		r.state.CompareAndSwap(reserveWhole, reserveAbsent)
	}
}

// fill writes the file. It takes real blocks: noise, which no file system stores
// in less than it is.
func (r *reserve) fill(ctx context.Context) (err error) {
	f, err := os.OpenFile(r.fresh(), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("make the reserve: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("make the reserve: %w", err), os.Remove(r.fresh()))
		}
	}()
	noise := rand.NewChaCha8([32]byte{})
	block := make([]byte, reserveBlock)
	for left := r.Bytes; left > 0 && err == nil; left -= reserveBlock {
		_, _ = noise.Read(block) // it never fails
		if _, err = f.Write(block[:min(left, reserveBlock)]); err == nil {
			err = ctx.Err()
		}
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(r.fresh(), r.path)
}
