// Restoring: into a folder of its own, checked there, and only then moved to
// where it belongs. The start, the restore command, verify and the drill all go
// this way.

package replica

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/benbjohnson/litestream"
	"github.com/superfly/ltx"
)

// restored tells what was brought back.
type restored struct {
	transaction uint64
	bytes       int64
	took        time.Duration
}

// order says what to restore.
type order struct {
	at    time.Time // a moment; zero is the newest
	full  bool      // integrity_check instead of quick_check
	least uint64    // the transaction that must be in it
}

// restoreInto makes the file path, which must not exist, and checks it. The file
// is on the disk, under its name, when this returns; when it fails there is none.
func restoreInto(ctx context.Context, from *fenced, path string, what order, log *slog.Logger) (restored, error) {
	began := time.Now()
	reader := &restoreClient{fenced: from}
	plan, err := litestream.CalcRestorePlan(ctx, reader, 0, what.at, log)
	if err != nil {
		return restored{}, err
	}
	reached := plan[len(plan)-1].MaxTXID
	if uint64(reached) < what.least {
		return restored{}, fmt.Errorf("%w: transaction %d was copied, and the replica can be restored to %d only", errGap, what.least, reached)
	}
	options := litestream.NewRestoreOptions()
	options.OutputPath, options.IntegrityCheck = path, litestream.IntegrityCheckQuick
	if options.Timestamp = what.at; what.at.IsZero() {
		options.TXID = reached
	}
	if what.full {
		options.IntegrityCheck = litestream.IntegrityCheckFull
	}
	// Litestream logs through a database, and counts each one until it is closed.
	db := litestream.NewDB(path)
	db.SetLogger(log)
	db.Replica = litestream.NewReplicaWithClient(db, reader)
	err = db.Replica.Restore(ctx, options)
	if err = errors.Join(err, db.Close(context.WithoutCancel(ctx))); err != nil {
		return restored{}, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return restored{}, err
	}
	return restored{transaction: uint64(reached), bytes: sizeOf(path), took: time.Since(began)}, nil
}

// errGap: the replica lacks something in the middle, or at its end.
var errGap = errors.New("the replica has a gap")

// restoreClient reads behind the fence, whether that is open or not. Each level
// is listed once for a restore: a listing costs as much as a write.
type restoreClient struct {
	*fenced

	mu     sync.Mutex
	levels map[listing][]*ltx.FileInfo
}

type listing struct {
	level    int
	metadata bool
}

func (r *restoreClient) LTXFiles(ctx context.Context, level int, seek ltx.TXID, metadata bool) (ltx.FileIterator, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := listing{level, metadata}
	all, ok := r.levels[key]
	if !ok {
		var err error
		if all, err = r.list(ctx, level, 0, metadata); err != nil {
			return nil, err
		}
		if r.levels == nil {
			r.levels = map[listing][]*ltx.FileInfo{}
		}
		r.levels[key] = all
	}
	var files []*ltx.FileInfo
	for _, info := range all {
		if info.MinTXID >= seek {
			files = append(files, info)
		}
	}
	return ltx.NewFileInfoSliceIterator(files), nil
}

// OpenLTXFile forgets the listings when a file has gone meanwhile, so that the
// next plan is made of what is there.
func (r *restoreClient) OpenLTXFile(ctx context.Context, level int, low, high ltx.TXID, offset, size int64) (io.ReadCloser, error) {
	body, err := r.fenced.OpenLTXFile(ctx, level, low, high, offset, size)
	if errors.Is(err, fs.ErrNotExist) {
		r.mu.Lock()
		r.levels = nil
		r.mu.Unlock()
	}
	return body, err
}

// restoreDatabase brings a database to its place, which must be free. ready is
// asked when the file is whole, before it gets its name.
func restoreDatabase(ctx context.Context, from *fenced, f *folder, to string, what order, log *slog.Logger, ready func(path string, got restored) error) (restored, error) {
	work, remove, err := f.workspace()
	if err != nil {
		return restored{}, folderProblem(f.path, err)
	}
	defer remove()
	aside := filepath.Join(work, filepath.Base(to))
	got, err := restoreInto(ctx, from, aside, what, log)
	if err == nil {
		err = ready(aside, got)
	}
	if err != nil {
		return got, err
	}
	return got, moveInto(aside, to)
}

// moveInto gives a finished file its name, which nothing may have.
func moveInto(from, to string) error {
	if exists(to) {
		return &Problem{Kind: InTheWay, What: to + " exists already", Do: "name another file, or move that one away first"}
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(to))
}

// restoreProblem puts into words what came of a restore.
func restoreProblem(where string, at time.Time, err error) error {
	var known *Problem
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, litestream.ErrTxNotAvailable) && at.IsZero(), errors.Is(err, litestream.ErrNoSnapshots) && at.IsZero():
		return &Problem{
			Kind: NothingThere, Err: err, What: fmt.Sprintf("the replica (%s) holds no copy of the whole database, so nothing can be restored from it", where),
			Do: "check the replica's address, and whether somebody deleted files there; a database that is still somewhere is the better copy",
		}
	case errors.Is(err, litestream.ErrTxNotAvailable), errors.Is(err, litestream.ErrNoSnapshots):
		return &Problem{
			Kind: NothingThere, Err: err, What: fmt.Sprintf("the replica (%s) holds nothing from that time", where),
			Do: "ask for a later moment, or check the replica's address",
		}
	case isAway(err):
		return awayProblem(where, err)
	case isFull(err):
		return &Problem{Kind: Failed, Err: err, What: "the disk is full: the database can't be restored there", Do: "free some space and try again; nothing was changed"}
	}
	return &Problem{
		Kind: Damaged, Err: err, What: fmt.Sprintf("the replica (%s) can't be restored (%s)", where, oneLine(err)),
		Do: "try an earlier moment with restore --at; nothing was changed",
	}
}
