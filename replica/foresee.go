// Looking before the lease is taken. A start that is going to be refused leaves the
// lease, the replica and the folder as they are: the address may be mistyped and be
// somebody else's, and a server that can't serve must not take the place of one
// that can. So what would be brought back is restored already, and tried, before
// anything is said to the storage.

package replica

import (
	"context"
	"errors"
	"path/filepath"
	"time"
)

// foreseen is what a start is going to do, as it looked before the lease was taken.
type foreseen struct {
	what   verdict
	by     leaseRecord // who had written the replica
	path   string      // a restored database that passed, not yet in its place; "" none
	got    restored
	remove func()
}

func (f *foreseen) forget() {
	if f.remove != nil {
		f.remove()
	}
	f.path, f.remove = "", nil
}

// takeLease gets the right to write, unless the start would be refused. It waits
// while another server has it, except where that was this one before the machine
// was started anew: then the database here is served meanwhile, and *heldError
// returned.
func (r *Replica) takeLease(ctx context.Context) (leaseRecord, error) {
	said := false
	for {
		before, wait, err := r.lease.peek(ctx)
		if err != nil {
			return before, err
		}
		if wait <= 0 {
			if err := r.foresee(ctx, before); err != nil {
				return before, err
			}
			r.o.Step(StepOpening)
			before, err = r.lease.acquire(ctx)
			var held *heldError
			if !errors.As(err, &held) {
				if err == nil {
					err = r.probeLease(ctx)
				}
				return before, err
			}
			r.foreseen.forget() // another server was quicker
			wait = held.wait
		}
		held := &heldError{by: before, wait: wait}
		if r.here.here && before.Node == r.o.Node {
			return before, held
		}
		if !said {
			said = true
			if err := r.standBy(ctx, held); err != nil {
				return before, err
			}
		}
		r.o.Step(StepWaiting)
		if !sleep(ctx, min(wait, r.pace.leaseRetry)) {
			return before, ctx.Err()
		}
	}
}

// foresee decides without the lease, as it will be decided with it. A database that
// has to be brought back is restored and tried.
func (r *Replica) foresee(ctx context.Context, by leaseRecord) error {
	f := r.here
	f.lease = by
	var err error
	if f.remote, err = look(ctx, r.fence, r.storage.objects); err != nil {
		return err
	}
	what, problem := judge(f, r.o.FirstStart, r.o.AcceptRollback)
	if problem != nil {
		return problem
	}
	r.foreseen.what, r.foreseen.by = what, by
	if what != restore && what != yield {
		return nil
	}
	return r.restoreAside(ctx, f)
}

// restoreAside makes a restored database that is whole, belongs here and will be
// taken by this server, in a folder of its own. The one that was made before the
// lease was taken serves when nobody can have written since.
func (r *Replica) restoreAside(ctx context.Context, f facts) error {
	if r.foreseen.path != "" && r.foreseen.by == f.lease && r.foreseen.got.transaction >= f.remote.transaction {
		return nil
	}
	r.foreseen.forget()
	r.o.Step(StepRestoring)
	work, remove, err := r.folder.workspace()
	if err != nil {
		return folderProblem(r.folder.path, err)
	}
	r.log.Info("replica: restoring the database", "where", r.storage.where, "transaction", f.remote.transaction)
	path := filepath.Join(work, filepath.Base(r.folder.database))
	got, err := restoreInto(ctx, r.fence, path, order{least: f.remote.transaction}, quiet(r.log))
	if err == nil {
		err = r.vouch(ctx, path, f)
	}
	if err != nil {
		remove()
		return restoreProblem(r.storage.where, time.Time{}, err)
	}
	r.foreseen.path, r.foreseen.got, r.foreseen.remove = path, got, remove
	return nil
}

// vouch makes sure that what was restored is of this installation, and that this
// server will take it.
func (r *Replica) vouch(ctx context.Context, path string, f facts) error {
	id, err := r.o.Installation(ctx, path)
	if err != nil {
		return err
	}
	if f.remote.installation != "" && id != f.remote.installation {
		f.installation = id
		return wrongReplica(f)
	}
	return r.usable(ctx, path)
}

// standBy is asked once, before another server is waited for: a standby that could
// never take over is refused at its start, and not when it is needed. That the
// replica can't be restored at this moment is no reason: that server is at work.
func (r *Replica) standBy(ctx context.Context, held *heldError) error {
	f := r.here
	var err error
	if f.remote, err = look(ctx, r.fence, r.storage.objects); err != nil {
		return err
	}
	if f.isForeign() {
		return wrongReplica(f)
	}
	r.log.Warn("replica: "+held.Error()+"; waiting until it is free", "where", r.storage.where)
	if f.remote.empty() || r.crowded(f.remote.bytes) {
		return nil
	}
	f.remote.transaction = 0 // whichever can be had
	err = r.restoreAside(ctx, f)
	r.foreseen.forget()
	var p *Problem
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &p) && (p.Kind == NotUsable || p.Kind == WrongReplica):
		return p
	case err != nil:
		r.log.Warn("replica: it could not be tried whether it can be restored here", "error", oneLine(err))
	default:
		r.log.Info("replica: it was restored on trial, and can be served from here", "where", r.storage.where)
	}
	return nil
}
