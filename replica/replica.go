// Package replica keeps a copy of the database on another machine while the
// server runs, and brings it back on one where the database is missing. It is
// the only room that knows Litestream.
//
// Litestream alone takes a wrong bucket for "no backup yet", an old database
// file for the newest, and two servers for one. The guards against that are
// here: a lease on the replica with a fence before every write (lease.go,
// fence.go), and a comparison of both sides before anything is begun (guard.go).
package replica

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Replica is the copy of one database. Open makes one before the database is
// opened, Start begins copying after that, and Close ends it after the database
// was closed. Its methods may be called by several goroutines.
type Replica struct {
	o      Options
	pace   pace
	log    *slog.Logger
	folder *folder

	// The rest is there with a replica only.
	storage  *storage
	lease    *lease
	fence    *fenced
	memory   memory
	pump     pump
	here     facts    // what was known of this side before anything was begun
	stray    bool     // Litestream's files beside the database can't be gone on from
	foreseen foreseen // what is going to be done, as it looked before the lease was taken

	engineMu sync.RWMutex // locked while the engine is replaced or closed
	engine   *engine

	mending sync.Mutex // one copy of the whole database at a time

	noteMu sync.Mutex
	note   note

	installation string      // set by Start
	marked       atomic.Bool // its id is beside the replica

	background context.Context // ends with Close; the lease is kept until after that
	stop       context.CancelFunc
	leaseEnd   context.CancelFunc
	work       sync.WaitGroup // what stops first
	keeping    sync.WaitGroup // the lease

	lost     chan struct{}
	loseOnce sync.Once
}

// Open takes the data folder for this process and, where a replica is configured,
// the right to write it. A database that is missing is restored and checked. Open
// waits for as long as another server has the right; when it is not clear that
// this database may be copied there, it refuses. With a local database and a
// storage that can't be reached, it goes on behind the fence.
//
// Errors are *Problem, or what ended ctx.
func Open(ctx context.Context, o Options) (*Replica, error) {
	return open(ctx, o, usualPace())
}

func open(ctx context.Context, o Options, p pace) (*Replica, error) {
	o = o.withDefaults()
	r := &Replica{o: o, pace: p, log: o.Log, lost: make(chan struct{})}
	meta := ""
	if o.Configured() {
		if err := o.check(); err != nil {
			return nil, err
		}
		meta = o.file.DBs[0].MetaPath
	}
	var err error
	if r.folder, err = openFolder(o.DataDir, absolute(o.Database), meta, o.Now); err != nil {
		return nil, err
	}
	if !o.Configured() {
		return r, nil
	}
	if err := r.openReplica(ctx); err != nil {
		return nil, errors.Join(err, r.giveUp(ctx))
	}
	if err := r.begin(ctx); err != nil {
		return nil, errors.Join(err, r.giveUp(ctx))
	}
	return r, nil
}

// begin lets Litestream open the database before anybody else does. Whoever opens
// it alone and closes it again, as to look at its version, empties the log: what
// a crash left in it that was not captured would be in the database then, and in
// no copy, or the whole database would have to be copied anew.
func (r *Replica) begin(ctx context.Context) error {
	if err := r.engine.open(ctx); err != nil {
		return &Problem{Kind: Failed, Err: err, What: fmt.Sprintf("copying can't be begun (%s)", oneLine(err)), Do: "look at the data folder and its rights"}
	}
	if !exists(r.folder.database) {
		return nil
	}
	done := make(chan struct{})
	r.work.Go(func() { // may take long: then it goes on while the service begins
		defer close(done)
		r.engineMu.RLock()
		defer r.engineMu.RUnlock()
		if _, err := r.engine.capture(r.background); err != nil {
			r.log.Debug("replica: nothing captured yet", "error", oneLine(err))
		}
	})
	for !r.engine.ready() {
		select {
		case <-done:
			return nil
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// giveUp takes back what Open has begun.
func (r *Replica) giveUp(ctx context.Context) error {
	ended, cancel := context.WithCancel(context.WithoutCancel(ctx))
	cancel() // nothing is copied any more
	r.stop()
	r.work.Wait()
	r.engineMu.Lock()
	_ = r.engine.close(ended)
	r.engineMu.Unlock()
	r.endLease(context.WithoutCancel(ctx))
	r.foreseen.forget()
	return r.folder.close()
}

// endLease stops renewing, and gives the right back.
func (r *Replica) endLease(ctx context.Context) {
	if r.lease == nil {
		return
	}
	r.stop()
	r.leaseEnd()
	r.keeping.Wait()
	if err := r.lease.release(ctx); err != nil {
		r.log.Warn("the lease on the replica could not be given back; another server has to wait for it to end", "error", oneLine(err))
	}
}

// Start begins copying, now that the database is open. The id of the installation
// is kept beside the replica. It does not wait for the storage.
func (r *Replica) Start(_ context.Context, installation string) error {
	if r.storage == nil {
		r.log.Warn("no replica is configured: if this disk is lost, everything is; set HMCP_REPLICA_URL to have the database copied elsewhere")
		return nil
	}
	r.installation = installation
	for _, f := range []func(context.Context){r.run, r.relieve, r.keepNote, r.drills, r.joins} {
		r.work.Go(func() { f(r.background) })
	}
	return nil
}

// Lost is closed when the server must end; Reason says why.
func (r *Replica) Lost() <-chan struct{} { return r.lost }

// Reason is why Lost was closed, nil before that.
func (r *Replica) Reason() error {
	r.memory.mu.Lock()
	defer r.memory.mu.Unlock()
	if r.memory.lost == nil {
		return nil
	}
	return r.memory.lost
}

func (r *Replica) lose(why *Problem) {
	r.loseOnce.Do(func() {
		r.memory.set(func(m *memory) { m.lost = why })
		r.log.Error("replica: "+why.What, "do", why.Do)
		close(r.lost)
	})
}

// Close copies what is left and gives the lease and the folder back. The database
// must be closed before. It takes as long as shutdown-sync-timeout at most, or
// until ctx ends. An error means that the replica may lack the last changes;
// they are on this disk, and are copied after the next start.
func (r *Replica) Close(ctx context.Context) error {
	if r.storage == nil {
		return r.folder.close()
	}
	r.stop()
	r.work.Wait()
	err := r.lastSync(ctx)
	r.saveNote(context.WithoutCancel(ctx))
	r.endLease(context.WithoutCancel(ctx))
	return errors.Join(err, r.folder.close())
}

// lastSync captures and copies what is left, where that is allowed. Captured is
// then all there is: the database is closed.
func (r *Replica) lastSync(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.o.file.stopTimeout())
	defer cancel()
	r.engineMu.Lock()
	defer r.engineMu.Unlock()
	may := r.mayFinish(ctx)
	began := time.Now()
	var err error
	if may {
		err = r.captureRest(ctx)
	} else {
		cancel() // closes the files, and tries nothing
	}
	if e := r.engine.close(ctx); err == nil {
		err = e
	}
	local, _ := r.engine.position()
	have := r.fence.replicated()
	switch {
	case r.Reason() != nil: // was said already
		return nil
	case r.refusal() != nil && r.refusal().Kind == Damaged:
		return r.refusal()
	case err == nil && have >= local && may:
		r.log.Info("replica: everything is copied", "transaction", have, "took", time.Since(began).Round(time.Millisecond))
		return nil
	case !may && have >= local && r.Status().Lag == 0:
		return nil
	}
	p := &Problem{
		Kind: Unreachable, Err: err, What: fmt.Sprintf("the last changes are not in the replica (%s)", r.storage.where),
		Do: "they are safe on this disk and are copied after the next start; keep the data folder until then",
	}
	if err != nil && may {
		p.What += " (" + oneLine(err) + ")"
	}
	return p
}

// mayFinish tells whether the replica may be written for a last time.
func (r *Replica) mayFinish(ctx context.Context) bool {
	if r.fence.open.Load() && !r.lease.held() && r.Reason() == nil { // the storage may have come back just now
		if err := r.lease.renew(ctx); err != nil {
			r.log.Debug("replica: the lease is not renewed", "error", oneLine(err))
		}
	}
	return r.fence.mayWrite() == nil
}

// captureRest captures what a server that stops at once has not captured yet:
// closing alone would not.
func (r *Replica) captureRest(ctx context.Context) error {
	if err := r.mark(ctx); err != nil {
		return err
	}
	if _, err := r.engine.capture(ctx); err != nil {
		return err
	}
	if err := r.engine.landmark(ctx, r.folder.database+"-wal"); err != nil {
		r.log.Debug("replica: the next start copies the whole database", "error", oneLine(err))
	}
	return nil
}
