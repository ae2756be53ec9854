// The fence: between Litestream and the storage stands a client that writes and
// deletes only while this server surely may. A transfer that is under way is cut
// off when the right ends. Every call has an end: Litestream alone waits for a
// connection that died silently for as long as the system does.

package replica

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/benbjohnson/litestream"
	"github.com/superfly/ltx"
)

var (
	errFenced    = errors.New("this server may not write the replica now")
	errDeleteAll = errors.New("a replica is never deleted as a whole")
	errStalled   = errors.New("the storage took or sent nothing for too long")
)

// place tells whether what should be there is there: an empty folder where a disk
// should be mounted looks like a replica without anything in it.
type place interface {
	readable() error
	writable() error
}

// right says for how long writing is allowed.
type right interface{ remaining() time.Duration }

// fenced is Litestream's client behind the fence.
type fenced struct {
	inner litestream.ReplicaClient
	right right
	pace  pace
	calls *calls

	// open is set once both sides were compared (guard.go). Before that the newest
	// level is shown as empty, so that Litestream begins to work locally although
	// the storage can't be reached; nothing is written.
	open atomic.Bool
	// place is a folder that may not be mounted; nil for a bucket.
	place place
	// sound is asked before all of the database is written; nil: that is not looked at.
	sound func(context.Context) error

	logged sync.Once // the logger is set: to set it again would race with calls

	// doubt has something in it when a listing gives reason to look at all files.
	doubt chan struct{}

	mu     sync.Mutex
	newest uint64                               // transaction that was surely written to level 0
	known  []*ltx.FileInfo                      // level 0 as it was just listed; nil when that was told, or is old
	listed [litestream.SnapshotLevel + 1]uint64 // the newest of each level when it was last listed
}

var _ litestream.ReplicaClient = (*fenced)(nil)

func (f *fenced) Type() string                    { return f.inner.Type() }
func (f *fenced) SetLogger(log *slog.Logger)      { f.logged.Do(func() { f.inner.SetLogger(log) }) }
func (f *fenced) DeleteAll(context.Context) error { return errDeleteAll }
func (f *fenced) Init(context.Context) error      { return nil } // each call does it, when it is needed
func (f *fenced) replicated() uint64              { f.mu.Lock(); defer f.mu.Unlock(); return f.newest }

func (f *fenced) setReplicated(transaction uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.newest = transaction
}

// LTXFiles reads a whole listing, so that an error shows here and the call has
// an end.
func (f *fenced) LTXFiles(ctx context.Context, level int, seek ltx.TXID, metadata bool) (ltx.FileIterator, error) {
	if !f.open.Load() {
		if level == 0 {
			return ltx.NewFileInfoSliceIterator(nil), nil
		}
		return nil, errFenced
	}
	if files := f.takeKnown(level, seek); files != nil {
		return ltx.NewFileInfoSliceIterator(files), nil
	}
	files, err := f.list(ctx, level, seek, metadata)
	if err != nil {
		return nil, err
	}
	if level == 0 { // a write whose answer was lost is there all the same
		for _, info := range files {
			f.wrote(info.MaxTXID)
		}
	}
	f.mistrust(level, seek, files)
	return ltx.NewFileInfoSliceIterator(files), nil
}

// wrote notes what the storage surely has.
func (f *fenced) wrote(high ltx.TXID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.newest, f.known = max(f.newest, uint64(high)), nil
}

// setKnown keeps a listing that was just made. Litestream asks for it before it
// begins, and were the storage away by then, it would not even capture.
func (f *fenced) setKnown(files []*ltx.FileInfo) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.known = files
}

// takeKnown gives that listing out, once.
func (f *fenced) takeKnown(level int, seek ltx.TXID) []*ltx.FileInfo {
	f.mu.Lock()
	defer f.mu.Unlock()
	if level != 0 || seek != 0 {
		return nil
	}
	files := f.known
	f.known = nil
	return files
}

// list reads a level whether the fence is open or not.
func (f *fenced) list(ctx context.Context, level int, seek ltx.TXID, metadata bool) (files []*ltx.FileInfo, err error) {
	most := f.pace.list
	if metadata { // asks for each file by itself
		most *= 10
	}
	ctx, cancel := context.WithTimeoutCause(ctx, most, errStalled)
	defer cancel()
	defer func() { f.calls.count(opList, err) }()
	if f.place != nil {
		if err := f.place.readable(); err != nil {
			return nil, err
		}
	}
	files, err = litestream.FindLTXFiles(ctx, f.inner, level, metadata, func(info *ltx.FileInfo) (bool, error) { return info.MinTXID >= seek, nil })
	return files, storageError(err)
}

// OpenLTXFile gives up on a file that does not go on.
func (f *fenced) OpenLTXFile(ctx context.Context, level int, low, high ltx.TXID, offset, size int64) (io.ReadCloser, error) {
	ctx, watch := newWatch(ctx, f.pace.stall)
	body, err := f.inner.OpenLTXFile(ctx, level, low, high, offset, size)
	f.calls.count(opGet, err)
	if err != nil {
		watch.stop()
		return nil, storageError(err)
	}
	watch.rest()
	return &watchedBody{ReadCloser: body, watch: watch}, nil
}

// WriteLTXFile writes while the right lasts, and not a byte longer.
func (f *fenced) WriteLTXFile(ctx context.Context, level int, low, high ltx.TXID, r io.Reader) (info *ltx.FileInfo, err error) {
	defer func() { f.calls.count(opPut, err) }()
	if err := f.mayWrite(); err != nil {
		return nil, err
	}
	if err := f.awaitNewest(ctx, level, high); err != nil {
		return nil, err
	}
	if f.sound != nil && isWholeCopy(level, r) {
		if err := f.sound(ctx); err != nil {
			return nil, err
		}
	}
	watched, watch := newWatch(ctx, f.patience(r))
	defer watch.stop()
	allowed, release := f.whileAllowed(watched)
	defer release()
	info, err = f.inner.WriteLTXFile(allowed, level, low, high, f.guarded(r, watch))
	if err != nil {
		if level == litestream.SnapshotLevel {
			drain(ctx, r)
		}
		if cause := context.Cause(allowed); cause != nil {
			err = fmt.Errorf("%w (%w)", cause, err)
		}
		if f.place != nil {
			err = fullFolder(err)
		}
		return nil, storageError(err)
	}
	if level == 0 {
		f.wrote(high)
	}
	return info, nil
}

// awaitNewest keeps a snapshot from being ahead of the changes that led to it. If
// the machine were lost then, the next one would go on counting below the
// snapshot, and a restore would put its changes on top of that.
func (f *fenced) awaitNewest(ctx context.Context, level int, high ltx.TXID) error {
	if level == 0 {
		return nil
	}
	for end := time.Now().Add(3 * f.pace.stall); f.replicated() < uint64(high); {
		if time.Now().After(end) {
			return errStalled
		}
		if !sleep(ctx, f.pace.walCheck/5) {
			return ctx.Err()
		}
	}
	return nil
}

func (f *fenced) DeleteLTXFiles(ctx context.Context, files []*ltx.FileInfo) (err error) {
	if len(files) == 0 {
		return nil
	}
	defer func() { f.calls.count(opDelete, err) }()
	if err := f.mayWrite(); err != nil {
		return err
	}
	ctx, release := f.whileAllowed(ctx)
	defer release()
	return storageError(f.inner.DeleteLTXFiles(ctx, files))
}

func (f *fenced) mayWrite() error {
	if !f.open.Load() || f.right.remaining() <= 0 {
		return errFenced
	}
	if f.place != nil {
		return f.place.writable()
	}
	return nil
}

// whileAllowed gives a context that ends when the right does, however often that
// is renewed meanwhile.
func (f *fenced) whileAllowed(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		for {
			left := f.right.remaining()
			if left <= 0 {
				cancel(errFenced)
				return
			}
			select {
			case <-time.After(left):
			case <-done:
				return
			}
		}
	}()
	return ctx, func() { close(done); cancel(nil) }
}

// drain waits for whoever makes a snapshot after the server was told to stop: he
// may still read the database, which is closed next.
func drain(ctx context.Context, r io.Reader) {
	if ctx.Err() != nil {
		_, _ = io.Copy(io.Discard, r)
	}
}

// slowest is a line that replication still works on, in bytes a second.
const slowest = 64 << 10

// patience is how long nothing may move. What is sent lies in buffers for a while
// without being asked for: a file as a whole, a stream as its parts of 5 MiB.
func (f *fenced) patience(r io.Reader) time.Duration {
	size := int64(5 * 5 << 20)
	if file, ok := r.(*os.File); ok {
		if info, err := file.Stat(); err == nil {
			size = min(size, info.Size())
		}
	}
	return f.pace.stall + time.Duration(size/slowest)*time.Second
}

// guarded gives out bytes only while the right lasts: a server that slept in the
// middle of a transfer must not finish it when it wakes.
func (f *fenced) guarded(r io.Reader, w *watch) io.Reader {
	g := guardedReader{Reader: r, fence: f, watch: w}
	if file, ok := r.(*os.File); ok { // its size is known, and it can be sent again
		return &guardedFile{guardedReader: g, file: file}
	}
	return &g
}

type guardedReader struct {
	io.Reader
	fence *fenced
	watch *watch
}

func (g *guardedReader) Read(p []byte) (int, error) {
	if g.fence.right.remaining() <= 0 {
		return 0, errFenced
	}
	g.watch.touch()
	return g.Reader.Read(p)
}

type guardedFile struct {
	guardedReader
	file *os.File
}

func (g *guardedFile) Seek(offset int64, whence int) (int64, error) {
	return g.file.Seek(offset, whence)
}

func (g *guardedFile) ReadAt(p []byte, offset int64) (int, error) {
	if g.fence.right.remaining() <= 0 {
		return 0, errFenced
	}
	g.watch.touch()
	return g.file.ReadAt(p, offset)
}

// watch ends a context when nothing has moved for a while.
type watch struct {
	timer *time.Timer
	most  time.Duration
	end   context.CancelCauseFunc
}

func newWatch(ctx context.Context, most time.Duration) (context.Context, *watch) {
	ctx, end := context.WithCancelCause(ctx)
	w := &watch{most: most, end: end}
	w.timer = time.AfterFunc(most, func() { end(errStalled) })
	return ctx, w
}

func (w *watch) touch() { w.timer.Reset(w.most) }

// rest waits without end until it is touched again.
func (w *watch) rest() { w.timer.Stop() }

func (w *watch) stop() {
	w.timer.Stop()
	w.end(nil)
}

// watchedBody is watched while somebody reads: of many files that a restore has
// open, most wait for their turn.
type watchedBody struct {
	io.ReadCloser
	watch *watch
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.watch.touch()
	defer b.watch.rest()
	return b.ReadCloser.Read(p)
}

func (b *watchedBody) Close() error {
	err := b.ReadCloser.Close()
	b.watch.stop()
	return err
}
