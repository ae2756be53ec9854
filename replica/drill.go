// The drill: a copy that was never restored is a hope. So it is restored every
// hour, or every day when it is large, into a temporary folder, checked in full
// and thrown away. When it can't be, the whole database is copied anew, since the
// one on this disk is the truth.

package replica

import (
	"context"
	"fmt"
	"path/filepath"
	"time"
)

const (
	drillSmall = 100 << 20 // up to this size the drill is hourly
	drillRoom  = 256 << 20 // stays free at any rate
	drillOften = time.Hour
	drillDaily = 24 * time.Hour
)

// drills runs the drill when it is due, until ctx ends.
func (r *Replica) drills(ctx context.Context) {
	r.noteMu.Lock()
	last := r.note.DrilledAt
	r.noteMu.Unlock()
	wait := max(r.pace.drillFirst, r.drillEvery()-r.o.Now().Sub(last))
	for sleep(ctx, wait) {
		wait = r.drillEvery()
		if r.fence.mayWrite() != nil || r.failing() {
			wait = min(wait, r.pace.drillFirst) // there is nothing to be learned while the storage is away
			continue
		}
		if !r.drill(ctx) && ctx.Err() == nil {
			wait = r.mend(ctx, wait)
		}
	}
}

func (r *Replica) drillEvery() time.Duration {
	if sizeOf(r.folder.database) < drillSmall {
		return drillOften
	}
	return drillDaily
}

// drill restores the replica and says whether that went well.
func (r *Replica) drill(ctx context.Context) bool {
	if r.crowded(sizeOf(r.folder.database)) {
		r.log.Warn("replica: there is no room for a restore drill", "folder", r.folder.path)
		return true // tells nothing about the replica
	}
	work, remove, err := r.folder.workspace()
	if err != nil {
		r.log.Warn("replica: the restore drill could not be done", "error", oneLine(err))
		return true
	}
	path := filepath.Join(work, filepath.Base(r.folder.database))
	began := time.Now()
	got, err := restoreInto(ctx, r.fence, path, order{full: true, least: r.fence.replicated()}, quiet(r.log))
	if err == nil {
		err = r.drillBelongs(ctx, path)
	}
	remove()
	switch {
	case ctx.Err() != nil:
		return false
	case err != nil && (isAway(err) || isFull(err)):
		r.log.Info("replica: the restore drill could not be done", "error", oneLine(err))
		return true
	case err != nil:
		r.log.Error("replica: the restore drill failed", "error", oneLine(err))
		r.noteDrill(DrillStatus{Text: oneLine(err), Took: time.Since(began)})
		return false
	}
	r.noteDrill(DrillStatus{
		OK: true, Took: time.Since(began), Bytes: got.bytes,
		Text: fmt.Sprintf("transaction %d was restored and passed the full check", got.transaction),
	})
	return true
}

// crowded tells whether a second database of that size would take the last room of
// the disk.
func (r *Replica) crowded(bytes int64) bool {
	if r.o.Free == nil {
		return false
	}
	free, err := r.o.Free(r.folder.path)
	return err == nil && free < 2*uint64(bytes)+drillRoom
}

// drillBelongs makes sure that what was restored is our database, and that it can
// be read.
func (r *Replica) drillBelongs(ctx context.Context, path string) error {
	id, err := r.o.Installation(ctx, path)
	if err != nil {
		return err
	}
	if id != r.installation {
		return fmt.Errorf("what was restored is the database of another installation (%s)", id)
	}
	return nil
}

func (r *Replica) noteDrill(d DrillStatus) {
	d.At = r.o.Now()
	r.memory.set(func(m *memory) { m.drill = d })
}

// copyAnew writes the whole database and one change after it: the newest file of
// level 0, by which the next start goes on, may be missing too.
func (r *Replica) copyAnew(ctx context.Context) error {
	r.engineMu.RLock()
	err := r.engine.snapshot(ctx)
	if err == nil {
		err = r.engine.change(ctx)
	}
	r.engineMu.RUnlock()
	if err != nil {
		return err
	}
	select {
	case err := <-r.pump.join():
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// mend copies the whole database anew, and says when to drill again.
func (r *Replica) mend(ctx context.Context, wait time.Duration) time.Duration {
	r.mending.Lock()
	defer r.mending.Unlock()
	if err := r.copyAnew(ctx); err != nil {
		r.log.Warn("replica: the whole database can't be copied anew", "error", oneLine(err))
		return min(wait, r.pace.drillFirst)
	}
	r.log.Warn("replica: the whole database was copied anew, because it could not be restored")
	if r.drill(ctx) {
		return wait
	}
	return min(wait, r.pace.drillFirst)
}
