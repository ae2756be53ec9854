// Opening: both sides are looked at (foresee.go), then the lease is taken, then they
// are compared again, and only then is anything changed.

package replica

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// openReplica prepares everything, and ends with the fence open, or closed where
// the storage can't be asked yet.
func (r *Replica) openReplica(ctx context.Context) error {
	r.background, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	leaseLife, end := context.WithCancel(context.WithoutCancel(ctx))
	r.leaseEnd = end
	r.storage = newStorage(r.o.Settings, r.o.Credentials)
	if r.storage.dropCABundle() {
		r.log.Warn("replica: AWS_CA_BUNDLE can't be used and is dropped; name the certificates in SSL_CERT_FILE")
	}
	host, _ := os.Hostname() // for people only
	r.lease = newLease(r.storage.objects, r.pace, r.o.Now, r.o.Node, host, thisProcess(r.folder.in(lockFileName)))
	r.fence = r.storage.fence(r.lease, r.pace)
	r.fence.sound = r.sound
	r.engine = r.newEngine()
	if r.storage.bucket != nil && r.storage.bucket.endpoint != "" { // AWS may give them later
		if err := r.storage.requireKeys(ctx, r.pace); err != nil {
			return err
		}
	}
	if err := r.lookHere(ctx); err != nil {
		return err
	}
	if r.o.FirstStart && r.storage.folder != nil {
		if err := os.MkdirAll(r.storage.folder.folder, 0o700); err != nil {
			return awayProblem(r.storage.where, err)
		}
	}
	before, err := r.takeLease(ctx)
	var held *heldError
	switch {
	case errors.As(err, &held), err != nil && isAway(err) && r.mayServeMeanwhile() && r.o.LeaseLost == LeaseLostServe:
		return r.openBehindFence(leaseLife, err)
	case err != nil && isAway(err):
		return r.unreachable(err)
	case err != nil:
		return err
	}
	keep, done := context.WithCancel(leaseLife)
	r.keeping.Go(func() {
		defer done()
		r.keepLease(keep)
	})
	if err = r.compare(ctx, before); isFull(err) && r.mayServeMeanwhile() {
		done() // what follows renews the lease itself
		r.openOnFullDisk(leaseLife, before, err)
		return nil
	}
	return err
}

// mayServeMeanwhile tells whether the database that is here may be served while the
// replica can't be used: not when another server is known to have gone on from it.
func (r *Replica) mayServeMeanwhile() bool { return r.here.here && r.foreseen.what != yield }

// openOnFullDisk goes on behind the fence: without the note that comes before the
// first write to the replica, a crash would make this database look like an older
// one. When there is room, both sides are compared again and copying begins.
func (r *Replica) openOnFullDisk(leaseLife context.Context, before leaseRecord, cause error) {
	r.freshEngine(leaseLife)
	r.memory.set(func(m *memory) { m.leaseErr = cause })
	r.log.Warn("replica: the disk is full; serving without copying for now", "reason", oneLine(cause))
	r.keeping.Go(func() {
		if r.attached(leaseLife, before) {
			r.keepLease(leaseLife)
		}
	})
}

func (r *Replica) newEngine() *engine {
	return newEngine(r.o.Settings, r.folder.database, r.folder.meta, r.fence, quiet(r.log))
}

// freshEngine forgets what Litestream remembers of files that were set aside since.
func (r *Replica) freshEngine(ctx context.Context) {
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_ = r.engine.close(ended) // it was never opened
	r.engine = r.newEngine()
}

// lookHere notes what is on this disk, and changes nothing.
func (r *Replica) lookHere(ctx context.Context) error {
	n, err := r.folder.readNote()
	if err != nil {
		return err
	}
	r.note = n
	r.here = facts{where: r.storage.where, database: r.folder.database, node: r.o.Node, here: sizeOf(r.folder.database) > 0}
	r.lookAtCapture()
	r.here.note = r.note
	if !r.here.here {
		return nil
	}
	if r.here.installation, err = r.o.Installation(ctx, r.folder.database); err == nil && r.o.Newest != nil {
		r.here.newest, err = r.o.Newest(ctx, r.folder.database)
	}
	if err != nil {
		return &Problem{
			Kind: Damaged, Err: err, What: fmt.Sprintf("the database at %s can't be read (%s)", r.folder.database, oneLine(err)),
			Do: "move it away and start again: it is restored from the replica; keep the moved file until all is well",
		}
	}
	return r.usable(ctx, r.folder.database)
}

// usable refuses a database that this server would not open.
func (r *Replica) usable(ctx context.Context, path string) error {
	if r.o.Usable == nil {
		return nil
	}
	if err := r.o.Usable(ctx, path); err != nil {
		return &Problem{Kind: NotUsable, Err: err, What: oneLine(err)}
	}
	return nil
}

// lookAtCapture notes how far Litestream's files beside the database go, and
// whether they mean anything.
func (r *Replica) lookAtCapture() {
	newest, broken := r.engine.position()
	r.note, r.here.local, r.stray = countable(r.note, newest, broken)
}

// dropStray sets files of Litestream aside that mean nothing any more: the whole
// database is copied again then.
func (r *Replica) dropStray(ctx context.Context) error {
	if !r.stray {
		return nil
	}
	where, err := r.folder.setAside(r.folder.asideName("replica-notes"), r.folder.meta)
	if err != nil {
		return err
	}
	r.stray = false
	r.log.Warn("replica: Litestream's files beside the database can't be gone on from; they were set aside, and the whole database is copied again", "folder", where)
	r.freshEngine(ctx)
	return nil
}

// probeLease says plainly when the storage can't keep two servers apart.
func (r *Replica) probeLease(ctx context.Context) error {
	if err := r.lease.probe(ctx); err != nil {
		return err
	}
	if !r.lease.isEnforced() {
		r.memory.set(func(m *memory) { m.unenforced = true })
		r.log.Warn("replica: the storage does not refuse conditional writes; two servers on this replica can't be kept apart, so make sure that there is only one", "where", r.storage.where)
	}
	return nil
}

// openBehindFence goes on with the database that is here; the lease is tried for
// in the background.
func (r *Replica) openBehindFence(leaseLife context.Context, cause error) error {
	if err := r.dropStray(leaseLife); err != nil {
		return err
	}
	r.memory.set(func(m *memory) { m.leaseErr = cause })
	if r.here.local < r.note.Replicated {
		r.note.Uncounted = true
		if err := r.folder.writeNote(r.note); err != nil {
			return folderProblem(r.folder.path, err)
		}
	}
	r.log.Warn("replica: serving without copying for now", "where", r.storage.where, "reason", oneLine(cause))
	r.keeping.Go(func() { r.attach(leaseLife) })
	return nil
}

func (r *Replica) unreachable(cause error) error {
	p := awayProblem(r.storage.where, cause)
	switch {
	case r.here.here && !r.mayServeMeanwhile():
		p.What += "; another server wrote the replica since, so the database here is not served without it"
	case r.here.here:
		p.What += "; HMCP_LEASE_LOST=exit does not serve without it"
	default:
		p.What += fmt.Sprintf("; there is no database at %s, and whether the replica holds it can't be known", r.folder.database)
	}
	return p
}

// compare asks the storage what it holds, decides, and does it.
func (r *Replica) compare(ctx context.Context, before leaseRecord) error {
	f := r.here
	f.lease = before
	var err error
	if f.remote, err = look(ctx, r.fence, r.storage.objects); err != nil {
		return awayProblem(r.storage.where, err)
	}
	what, problem := judge(f, r.o.FirstStart, r.o.AcceptRollback)
	if problem != nil {
		return problem
	}
	r.foreseen.what = what // it may have changed since
	r.needless(what)
	if err := r.dropStray(ctx); err != nil {
		return err
	}
	if err := r.carryOut(ctx, what, f); err != nil {
		return err
	}
	r.freshEngine(ctx)
	return r.openFence(ctx, f.remote)
}

// needless tells an operator that a leave given for once is still given: it would
// hide the next mistake.
func (r *Replica) needless(what verdict) {
	if r.o.FirstStart && what != begin && what != beginNew {
		r.log.Warn("replica: --first-start is not needed; leave it out, or a wrong address will not be noticed")
	}
	if r.o.AcceptRollback && what != overrule {
		r.log.Warn("replica: --accept-rollback is not needed; leave it out, or an old database will not be noticed")
	}
}

// carryOut prepares this disk for what was decided.
func (r *Replica) carryOut(ctx context.Context, what verdict, f facts) error {
	switch what {
	case begin:
		r.log.Info("replica: a new one is begun", "where", r.storage.where)
		if !f.here {
			return r.tidy("before-first-start", r.folder.besides()...)
		}
	case beginNew, overrule:
		r.log.Warn("replica: the database here is made the truth, as told", "where", r.storage.where)
		return r.tidy("replica-notes", r.folder.meta)
	case yield, restore:
		return r.bringBack(ctx, what, f)
	case goOn:
	}
	return nil
}

// tidy sets files aside that would do harm, and says so.
func (r *Replica) tidy(why string, paths ...string) error {
	where, err := r.folder.setAside(r.folder.asideName(why), paths...)
	if err == nil && where != "" {
		r.log.Warn("replica: files that do not belong to what comes now were set aside", "folder", where)
	}
	return err
}

// bringBack restores the newest state. What is here makes room only when that is
// whole, and known to be ours. Where it stands is noted before it is put in place:
// after a crash in between, a database nobody knows would be refused.
func (r *Replica) bringBack(ctx context.Context, what verdict, f facts) error {
	if err := r.restoreAside(ctx, f); err != nil {
		return err
	}
	defer r.foreseen.forget()
	if err := r.makeRoom(what); err != nil {
		return err
	}
	got := r.foreseen.got
	r.note = note{Where: r.storage.where, Epoch: r.lease.epoch(), Replicated: got.transaction, At: r.o.Now().UTC(), DrilledAt: r.note.DrilledAt}
	if err := r.folder.writeNote(r.note); err != nil {
		return folderProblem(r.folder.path, err)
	}
	if err := moveInto(r.foreseen.path, r.folder.database); err != nil {
		return restoreProblem(r.storage.where, time.Time{}, err)
	}
	r.log.Info("replica: the database is back and passed its check", "file", filepath.Base(r.folder.database), "bytes", got.bytes, "transaction", got.transaction, "took", got.took.Round(time.Millisecond))
	return nil
}

// makeRoom sets aside what lies where the restored database is to lie.
func (r *Replica) makeRoom(what verdict) error {
	all := append([]string{r.folder.database}, r.folder.besides()...) // the file may be there and empty
	if what == restore {
		return r.tidy("before-restore", all...)
	}
	name := r.note.Aside
	if name == "" {
		name = r.folder.asideName("superseded")
	}
	r.log.Warn("replica: another server wrote since; the database here is set aside and the replica's taken", "folder", r.folder.in(name))
	_, err := r.folder.setAside(name, all...)
	return err
}

// openFence lets writes through from now on. What could be mistaken after a crash
// in between is written first: here, then there.
func (r *Replica) openFence(ctx context.Context, remote remoteFacts) error {
	r.noteMu.Lock()
	r.note.Where, r.note.Epoch, r.note.Aside, r.note.Uncounted = r.storage.where, r.lease.epoch(), "", false
	r.note.Replicated, r.note.At = remote.newest, r.o.Now().UTC()
	err := r.folder.writeNote(r.note)
	r.noteMu.Unlock()
	if err != nil {
		return folderProblem(r.folder.path, err)
	}
	if err := r.lease.declare(ctx); err != nil {
		return awayProblem(r.storage.where, err)
	}
	r.marked.Store(remote.installation != "")
	r.fence.setReplicated(remote.newest)
	r.fence.setKnown(remote.files0)
	r.fence.open.Store(true)
	return nil
}
