// The engine: Litestream's own objects for the one database. Its loops that copy
// are off; ours (pump.go) know when the storage is back, see every error, and
// don't write a file to the storage for each tenth of a second. Compaction,
// snapshots and retention are Litestream's.

package replica

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/benbjohnson/litestream"
)

type engine struct {
	db    *litestream.DB
	copy  *litestream.Replica
	store *litestream.Store
	kept  atomic.Bool // the log outlives the connections
}

func newEngine(s Settings, database, meta string, client *fenced, log *slog.Logger) *engine {
	f := s.file
	d := f.DBs[0]
	db := litestream.NewDB(database)
	db.SetMetaPath(meta)
	db.MonitorInterval = 0
	db.CheckpointInterval = or(d.CheckpointInterval, db.CheckpointInterval)
	db.BusyTimeout = or(d.BusyTimeout, db.BusyTimeout)
	db.MinCheckpointPageN = or(d.MinCheckpointPageN, db.MinCheckpointPageN)
	db.TruncatePageN = or(d.TruncatePageN, db.TruncatePageN)
	db.MaxSyncWALBytes = or(d.MaxSyncWALBytes, db.MaxSyncWALBytes)
	db.Replica = litestream.NewReplicaWithClient(db, client)
	db.Replica.MonitorEnabled = false
	db.Replica.SyncInterval = f.syncInterval()

	st := litestream.NewStore([]*litestream.DB{db}, f.levels())
	st.Logger = log
	db.SetLogger(log)
	st.SnapshotInterval, st.SnapshotRetention = f.snapshotInterval(), f.snapshotRetention()
	st.SetL0Retention(or(f.L0Retention, st.L0Retention))
	st.L0RetentionCheckInterval = or(f.L0RetentionCheckInterval, st.L0RetentionCheckInterval)
	st.ValidationInterval = or(f.Validation.Interval, st.ValidationInterval)
	st.SetVerifyCompaction(f.VerifyCompaction)
	st.SetRetentionEnabled(or(f.Retention.Enabled, true))
	st.SetShutdownSyncTimeout(f.stopTimeout())
	st.SetShutdownSyncInterval(or(f.ShutdownSyncInterval, st.ShutdownSyncInterval))
	if f.HeartbeatURL != "" {
		st.Heartbeat = litestream.NewHeartbeatClient(f.HeartbeatURL, or(f.HeartbeatInterval, litestream.DefaultHeartbeatInterval))
	}
	return &engine{db: db, copy: db.Replica, store: st}
}

// open starts compaction, snapshots and retention.
func (e *engine) open(ctx context.Context) error { return e.store.Open(ctx) }

// ready tells whether Litestream has the database open.
func (e *engine) ready() bool { return e.db.PageSize() > 0 }

// close captures and copies what is left, unless ctx has ended.
func (e *engine) close(ctx context.Context) error { return e.store.Close(ctx) }

// capture takes what was committed into files beside the database, and returns
// the newest transaction captured.
func (e *engine) capture(ctx context.Context) (uint64, error) {
	if err := e.db.Sync(ctx); err != nil {
		return 0, err
	}
	if !e.kept.Load() {
		e.kept.Store(e.keepLog(ctx) == nil)
	}
	pos, err := e.db.Pos()
	return uint64(pos.TXID), err
}

// upload writes what was captured to the storage.
func (e *engine) upload(ctx context.Context) error { return e.copy.Sync(ctx) }

// checkpoint moves the log into the database, as far as readers allow.
func (e *engine) checkpoint(ctx context.Context) error {
	return e.db.Checkpoint(ctx, litestream.CheckpointModePassive)
}

// keepLog has SQLite leave the log's file when the last connection is closed.
// Litestream asks for that on one of its connections, and not always is that the
// last one.
func (e *engine) keepLog(ctx context.Context) (err error) {
	pool := e.db.SQLDB()
	if pool == nil {
		return errors.New("the database is not open yet")
	}
	stats := pool.Stats()
	for range max(1, stats.OpenConnections-stats.InUse) {
		conn, e := pool.Conn(ctx)
		if e != nil {
			return errors.Join(err, e)
		}
		defer func() { err = errors.Join(err, conn.Close()) }() // all are held until each was asked
		err = errors.Join(err, conn.Raw(func(driver any) error {
			control, ok := driver.(interface {
				FileControlPersistWAL(database string, mode int) (int, error)
			})
			if !ok {
				return errors.New("the driver can't keep the log")
			}
			_, err := control.FileControlPersistWAL("main", 1)
			return err
		}))
	}
	return err
}

// changeNothing writes to Litestream's own table.
const changeNothing = `INSERT INTO _litestream_seq (id, seq) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET seq = seq + 1`

// landmark makes the log so long that the next start does not write over its end.
// SQLite empties the log when the last connection is closed, and begins it anew
// with the next write; Litestream finds its place again by the last frame that it
// knows. Without that it copies the whole database at every start.
func (e *engine) landmark(ctx context.Context, wal string) error {
	const long = 128 * 4096 // more than a start writes before the first capture
	if err := e.keepLog(ctx); err != nil {
		return err
	}
	conn, err := e.db.SQLDB().Conn(ctx)
	if err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, `PRAGMA synchronous = OFF`) // all of this may get lost
	for n := 0; err == nil && n < 256 && logInUse(wal) < long; n++ {
		_, err = conn.ExecContext(ctx, changeNothing)
	}
	return errors.Join(err, conn.Close())
}

// change makes a change that means nothing, for something to be captured.
func (e *engine) change(ctx context.Context) error {
	_, err := e.db.SQLDB().ExecContext(ctx, changeNothing)
	return err
}

// snapshot writes the whole database to the storage.
func (e *engine) snapshot(ctx context.Context) error {
	_, err := e.db.Snapshot(ctx)
	return err
}

// position reads how far the files beside the database go. broken says that the
// last of them can't be read.
func (e *engine) position() (transaction uint64, broken bool) {
	transaction, broken = captured(e.db.MetaPath())
	if _, err := e.db.Pos(); err != nil { // Litestream has the last word on its own files
		broken = true
	}
	return transaction, broken
}

// isCorrupt tells whether SQLite found the database damaged. Its error's own type is
// the store's to know.
func isCorrupt(err error) bool {
	return strings.Contains(err.Error(), "database disk image is malformed") || strings.Contains(err.Error(), "file is not a database")
}

// isStuck tells whether Litestream's files beside the database are damaged or
// missing: then it tries the same for ever.
func isStuck(err error) bool {
	var file *litestream.LTXError
	return errors.As(err, &file) && file.IsAutoRecoverable()
}

// quietHandler keeps Litestream's daily news out of the log, and what we say
// ourselves in our own words.
type quietHandler struct{ slog.Handler }

func quiet(log *slog.Logger) *slog.Logger {
	return slog.New(quietHandler{log.Handler()}).With("part", "litestream")
}

// Enabled drops what is less than a warning, unless all is wanted.
func (h quietHandler) Enabled(ctx context.Context, level slog.Level) bool {
	if level < slog.LevelWarn {
		level = slog.LevelDebug
	}
	return h.Handler.Enabled(ctx, level)
}

func (h quietHandler) Handle(ctx context.Context, r slog.Record) error {
	expected := false
	r.Attrs(func(a slog.Attr) bool {
		err, ok := a.Value.Any().(error)
		expected = ok && (errors.Is(err, errFenced) || errors.Is(err, errDamagedHere) || errors.Is(err, context.Canceled) || isAway(err) || isFull(err))
		return !expected
	})
	if r.Level < slog.LevelWarn || expected {
		if !h.Handler.Enabled(ctx, slog.LevelDebug) {
			return nil
		}
		r.Level = min(r.Level, slog.LevelDebug)
	}
	return h.Handler.Handle(ctx, r)
}

func (h quietHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quietHandler{h.Handler.WithAttrs(attrs)}
}

func (h quietHandler) WithGroup(name string) slog.Handler {
	return quietHandler{h.Handler.WithGroup(name)}
}

// sleep waits, and tells whether ctx lasted.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
