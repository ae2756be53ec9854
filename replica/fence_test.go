package replica

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/benbjohnson/litestream"
	"github.com/superfly/ltx"
)

// rope is a right that the test gives and takes.
type rope struct {
	mu  sync.Mutex
	end time.Time
}

func (r *rope) give(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end = time.Now().Add(d)
}

func (r *rope) remaining() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Until(r.end)
}

// sink is a storage that takes what it is given, or waits.
type sink struct {
	mu      sync.Mutex
	written map[string]int
	deletes int
	slow    chan struct{} // a write waits for it, or for its context
	silent  bool          // an opened file never sends anything
}

func (s *sink) Type() string                                          { return "sink" }
func (s *sink) Init(context.Context) error                            { return nil }
func (s *sink) SetLogger(*slog.Logger)                                {}
func (s *sink) DeleteAll(context.Context) error                       { s.deletes += 1000; return nil }
func (s *sink) DeleteLTXFiles(context.Context, []*ltx.FileInfo) error { s.deletes++; return nil }

func (s *sink) LTXFiles(ctx context.Context, _ int, _ ltx.TXID, _ bool) (ltx.FileIterator, error) {
	if s.silent {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return ltx.NewFileInfoSliceIterator([]*ltx.FileInfo{{MinTXID: 1, MaxTXID: 7}}), nil
}

func (s *sink) OpenLTXFile(ctx context.Context, _ int, _, _ ltx.TXID, _, _ int64) (io.ReadCloser, error) {
	if s.silent {
		r, w := io.Pipe()
		context.AfterFunc(ctx, func() { _ = w.CloseWithError(ctx.Err()) })
		return r, nil
	}
	return io.NopCloser(bytes.NewReader([]byte("file"))), nil
}

func (s *sink) WriteLTXFile(ctx context.Context, _ int, low, high ltx.TXID, r io.Reader) (*ltx.FileInfo, error) {
	if s.slow != nil {
		select {
		case <-s.slow:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written[ltx.FormatFilename(low, high)] = len(data)
	return &ltx.FileInfo{MinTXID: low, MaxTXID: high, Size: int64(len(data))}, nil
}

func newFenced() (*fenced, *sink, *rope) {
	s, r := &sink{written: map[string]int{}}, &rope{}
	r.give(time.Hour)
	f := &fenced{inner: s, right: r, pace: quick(), calls: &calls{}, doubt: make(chan struct{}, 1)}
	f.pace.stall, f.pace.list = 100*time.Millisecond, 100*time.Millisecond
	f.open.Store(true)
	return f, s, r
}

var _ litestream.ReplicaClient = (*sink)(nil)

func TestNothingIsWrittenWithoutTheRight(t *testing.T) {
	t.Parallel()
	files := []*ltx.FileInfo{{MinTXID: 1, MaxTXID: 1}}
	for name, close := range map[string]func(*fenced, *rope){
		"the lease ended":        func(_ *fenced, r *rope) { r.give(-1) },
		"nothing was compared":   func(f *fenced, _ *rope) { f.open.Store(false) },
		"the folder has changed": func(f *fenced, _ *rope) { f.place = folderObjects{folder: filepath.Join(t.TempDir(), "none")} },
	} {
		f, s, r := newFenced()
		close(f, r)
		_, err := f.WriteLTXFile(t.Context(), 0, 1, 1, bytes.NewReader([]byte("x")))
		if err == nil {
			t.Errorf("%s: written", name)
		}
		if err := f.DeleteLTXFiles(t.Context(), files); err == nil || len(s.written) > 0 || s.deletes > 0 {
			t.Errorf("%s: deleted (%v), or reached the storage", name, err)
		}
		if f.replicated() != 0 {
			t.Errorf("%s: taken for written", name)
		}
	}
	f, s, _ := newFenced()
	if err := f.DeleteAll(t.Context()); err == nil || s.deletes > 0 {
		t.Errorf("all was deleted: %v", err)
	}
}

func TestWhatIsWrittenIsRemembered(t *testing.T) {
	t.Parallel()
	f, s, _ := newFenced()
	_, err := f.WriteLTXFile(t.Context(), 0, 7, 8, bytes.NewReader([]byte("hello")))
	must(t, err)
	must(t, f.DeleteLTXFiles(t.Context(), []*ltx.FileInfo{{}}))
	must(t, f.DeleteLTXFiles(t.Context(), nil))
	if f.replicated() != 8 || s.written[ltx.FormatFilename(7, 8)] != 5 || s.deletes != 1 {
		t.Errorf("replicated %d, written %v, deletes %d", f.replicated(), s.written, s.deletes)
	}
	f.setReplicated(3) // as when the answer to a write was lost
	_, err = f.LTXFiles(t.Context(), 0, 0, false)
	must(t, err)
	if f.replicated() != 7 {
		t.Errorf("listed up to 7, and %d are taken for replicated", f.replicated())
	}
	got := f.calls.list()
	if len(got) != 3 || got[0] != (CallCount{opDelete, callOK, 1}) || got[1] != (CallCount{opList, callOK, 1}) || got[2] != (CallCount{opPut, callOK, 1}) {
		t.Errorf("calls: %+v", got)
	}
}

// TestATransferEndsWithTheRight also when all but its end was sent.
func TestATransferEndsWithTheRight(t *testing.T) {
	t.Parallel()
	f, s, r := newFenced()
	s.slow = make(chan struct{})
	r.give(50 * time.Millisecond)
	_, err := f.WriteLTXFile(t.Context(), 0, 1, 1, bytes.NewReader([]byte("x")))
	if !errors.Is(err, errFenced) {
		t.Errorf("a write that waits: %v", err)
	}

	f, s, r = newFenced()
	from, to := io.Pipe()
	go func() {
		_, _ = to.Write([]byte("first half"))
		r.give(-1)
		_, _ = to.Write([]byte("second half"))
		_ = to.Close()
	}()
	if _, err := f.WriteLTXFile(t.Context(), 0, 1, 1, from); !errors.Is(err, errFenced) || len(s.written) > 0 {
		t.Errorf("the rest was sent: %v, %v", err, s.written)
	}
	_ = from.Close()

	path := filepath.Join(t.TempDir(), "x")
	must(t, os.WriteFile(path, []byte("a file"), 0o600))
	file, err := os.Open(path)
	must(t, err)
	defer func() { _ = file.Close() }()
	f, s, r = newFenced()
	guarded := f.guarded(file, &watch{timer: time.NewTimer(time.Hour)})
	r.give(-1)
	if _, err := io.ReadAll(guarded); !errors.Is(err, errFenced) {
		t.Errorf("a file: %v", err)
	}
	if _, err := guarded.(io.ReaderAt).ReadAt(make([]byte, 1), 0); !errors.Is(err, errFenced) {
		t.Errorf("a part of a file: %v", err)
	}
	_ = s
}

func TestARenewedRightLetsATransferGoOn(t *testing.T) {
	t.Parallel()
	f, s, r := newFenced()
	f.pace.stall = time.Minute
	s.slow = make(chan struct{})
	r.give(500 * time.Millisecond)
	go func() {
		for range 20 { // well beyond the first end
			time.Sleep(50 * time.Millisecond)
			r.give(500 * time.Millisecond)
		}
		close(s.slow)
		r.give(time.Hour)
	}()
	_, err := f.WriteLTXFile(t.Context(), 0, 1, 1, bytes.NewReader([]byte("x")))
	must(t, err)
}

func TestAStorageThatDoesNotAnswerIsGivenUp(t *testing.T) {
	t.Parallel()
	f, s, _ := newFenced()
	s.silent = true
	if _, err := f.LTXFiles(t.Context(), 0, 0, false); err == nil {
		t.Error("a listing that never comes")
	}
	body, err := f.OpenLTXFile(t.Context(), 0, 1, 1, 0, 0)
	must(t, err)
	time.Sleep(2 * f.pace.stall) // waiting for its turn is no stall
	if _, err := io.ReadAll(body); err == nil {
		t.Error("a file that never comes")
	}
	_ = body.Close()
	s.silent, s.slow = false, make(chan struct{})
	file, err := os.Create(filepath.Join(t.TempDir(), "x"))
	must(t, err)
	defer func() { _ = file.Close() }()
	if _, err := f.WriteLTXFile(t.Context(), 0, 1, 1, file); !errors.Is(err, errStalled) {
		t.Errorf("a write that is never taken: %v", err)
	}
}

// TestASnapshotWaitsForTheChanges that led to it.
func TestASnapshotWaitsForTheChanges(t *testing.T) {
	t.Parallel()
	f, s, _ := newFenced()
	if _, err := f.WriteLTXFile(t.Context(), litestream.SnapshotLevel, 1, 5, bytes.NewReader([]byte("all"))); !errors.Is(err, errStalled) || len(s.written) > 0 {
		t.Errorf("written ahead: %v, %v", err, s.written)
	}
	done := make(chan error)
	go func() {
		_, err := f.WriteLTXFile(t.Context(), litestream.SnapshotLevel, 1, 5, bytes.NewReader([]byte("all")))
		done <- err
	}()
	_, err := f.WriteLTXFile(t.Context(), 0, 5, 5, bytes.NewReader([]byte("change")))
	must(t, err)
	must(t, <-done)
	if len(s.written) != 2 {
		t.Errorf("written: %v", s.written)
	}
}

// TestBehindAClosedFenceLitestreamSeesNothing of level 0, so that it begins to
// capture; the other levels it can't ask for.
func TestBehindAClosedFenceLitestreamSeesNothing(t *testing.T) {
	t.Parallel()
	f, _, _ := newFenced()
	f.open.Store(false)
	files, err := f.LTXFiles(t.Context(), 0, 0, false)
	must(t, err)
	if files.Next() {
		t.Error("something was listed")
	}
	if _, err := f.LTXFiles(t.Context(), 1, 0, false); !errors.Is(err, errFenced) {
		t.Errorf("level 1: %v", err)
	}
	if got, err := f.list(t.Context(), 0, 0, false); err != nil || len(got) != 1 {
		t.Errorf("the guard itself must see: %v, %v", got, err)
	}
}

// TestASnapshotIsOverBeforeTheDatabaseIsClosed: whoever makes it may still read
// the database.
func TestASnapshotIsOverBeforeTheDatabaseIsClosed(t *testing.T) {
	t.Parallel()
	f, s, _ := newFenced()
	s.slow = make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	from, to := io.Pipe()
	ended := false
	go func() {
		<-ctx.Done()
		for range 5 {
			_, _ = to.Write([]byte("still reading"))
			time.Sleep(5 * time.Millisecond)
		}
		ended = true
		_ = to.Close()
	}()
	f.setReplicated(1)
	cancel()
	if _, err := f.WriteLTXFile(ctx, litestream.SnapshotLevel, 1, 1, from); err == nil {
		t.Error("written after the end")
	}
	if !ended {
		t.Error("came back while the pipe was still being filled")
	}
}
