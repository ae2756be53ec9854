// Keeping the lease, and getting it where the storage could not be asked at the
// start.

package replica

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
)

// keepLease renews the right until ctx ends or another server has it.
func (r *Replica) keepLease(ctx context.Context) {
	wait := r.pace.leaseRenew
	for sleep(ctx, wait) {
		err := r.lease.renew(ctx)
		var taken *takenError
		switch {
		case err == nil:
			r.leaseAnswered()
			wait = r.pace.leaseRenew
			continue
		case ctx.Err() != nil:
			return
		case errors.As(err, &taken):
			r.taken(taken.by)
			return
		}
		r.leaseFailed(err)
		// Nothing begun within the margin would end in time: the last try comes before.
		wait = min(r.pace.leaseRetry, max(r.lease.remaining(), r.pace.leaseRetry/5))
	}
}

func (r *Replica) leaseAnswered() {
	var was error
	r.memory.set(func(m *memory) { was, m.leaseErr, m.holder = m.leaseErr, nil, "" })
	if was != nil {
		r.log.Info("replica: the lease is kept again; copying goes on")
	}
}

// leaseFailed notes why the right was not renewed, and ends the server where that
// was asked for.
func (r *Replica) leaseFailed(err error) {
	first := false
	r.memory.set(func(m *memory) { first, m.leaseErr = m.leaseErr == nil, err })
	if first {
		r.log.Warn("replica: the lease can't be renewed; the service goes on, and it is tried again", "where", r.storage.where, "error", oneLine(err))
	}
	if !r.lease.held() && r.o.LeaseLost == LeaseLostExit {
		p := awayProblem(r.storage.where, err)
		p.What = "this server may no longer write its replica, and HMCP_LEASE_LOST=exit ends it then: " + p.What
		r.lose(p)
	}
}

// taken ends the server: another one has the right, and serves. What this one did
// not copy is kept under a name that is decided now.
func (r *Replica) taken(by leaseRecord) {
	if by.Host == "" {
		by.Host = "another machine"
	}
	r.noteMu.Lock()
	if r.note.Aside == "" {
		r.note.Aside = r.folder.asideName("superseded")
	}
	aside := r.folder.in(r.note.Aside)
	err := r.folder.writeNote(r.note)
	r.noteMu.Unlock()
	if err != nil {
		r.log.Error("replica: the note about what to set aside can't be written", "error", oneLine(err))
	}
	r.lose(&Problem{
		Kind: LeaseElsewhere, Err: &takenError{by: by},
		What: fmt.Sprintf("the server on %s has taken the replica (%s) over, so this one ends", by.Host, r.storage.where),
		Do: fmt.Sprintf("send people to that server; what this one had not copied stays in its database, which the next start here moves to %s before it restores the replica",
			filepath.Join(aside, filepath.Base(r.folder.database))),
	})
}

// attach tries for the right until it has it, compares both sides, and then
// keeps it.
func (r *Replica) attach(ctx context.Context) {
	var other leaseRecord // who had it when we first looked
	for sleep(ctx, r.pace.leaseRetry) {
		before, err := r.acquireLate(ctx)
		var held *heldError
		var taken *takenError
		var problem *Problem
		switch {
		case err == nil:
			if !r.attached(ctx, before) {
				return
			}
			r.keepLease(ctx)
			return
		case ctx.Err() != nil:
			return
		case errors.As(err, &problem):
			r.refuse(problem)
			return
		case errors.As(err, &taken):
			r.taken(taken.by)
			return
		case !errors.As(err, &held):
			r.leaseFailed(err)
		case held.by.Node != r.o.Node, other.Holder != "" && other != held.by:
			r.taken(held.by) // another server, or a copy of this one, lives
			return
		default:
			other = held.by
			r.memory.set(func(m *memory) { m.leaseErr, m.holder = nil, held.by.Host })
		}
	}
}

// acquireLate is acquire for a database that is in use already. It takes nothing
// where the two sides don't fit.
// Errors: *heldError, *Problem, *takenError when another server wrote since, and those of
// the storage.
func (r *Replica) acquireLate(ctx context.Context) (leaseRecord, error) {
	before, wait, err := r.lease.peek(ctx)
	if err != nil {
		return before, err
	}
	if wait > 0 {
		return before, &heldError{by: before, wait: wait}
	}
	f := r.here
	f.lease = before
	if f.remote, err = look(ctx, r.fence, r.storage.objects); err != nil {
		return before, err
	}
	what, problem := judge(f, r.o.FirstStart, r.o.AcceptRollback)
	switch {
	case problem != nil:
		return before, problem
	case what == yield:
		return before, &takenError{by: before}
	}
	return r.lease.acquire(ctx)
}

// attached compares both sides after the fact, and opens the fence. It tells
// whether the lease is to be kept.
func (r *Replica) attached(ctx context.Context, before leaseRecord) bool {
	for {
		err := r.compareLate(ctx, before)
		var problem *Problem
		switch {
		case err == nil:
			r.leaseAnswered()
			r.log.Info("replica: both sides are compared; copying begins", "where", r.storage.where)
			return true
		case ctx.Err() != nil || r.Reason() != nil:
			return false
		case errors.As(err, &problem) && problem.Kind != Unreachable && problem.Kind != Failed:
			r.refuse(problem)
			if err := r.lease.release(ctx); err != nil {
				r.log.Warn("replica: the lease could not be given back", "error", oneLine(err))
			}
			return false
		}
		r.leaseFailed(err)
		if !sleep(ctx, r.pace.leaseRetry) {
			return false
		}
		err = r.lease.renew(ctx)
		var taken *takenError
		if errors.As(err, &taken) {
			r.taken(taken.by)
			return false
		}
		if err != nil {
			r.leaseFailed(err)
		}
	}
}

// compareLate is compare, for a database that is in use already: it can't be set
// aside, but what Litestream noted beside it can.
func (r *Replica) compareLate(ctx context.Context, before leaseRecord) error {
	if err := r.probeLease(ctx); err != nil {
		return err
	}
	f := r.here
	f.lease = before
	var err error
	if f.remote, err = look(ctx, r.fence, r.storage.objects); err != nil {
		return err
	}
	what, problem := judge(f, r.o.FirstStart, r.o.AcceptRollback)
	if problem != nil {
		return problem
	}
	if what == yield {
		r.taken(leaseRecord{Host: before.Host})
		return r.Reason()
	}
	// However far it was captured since: it counts on from where it was at the start.
	if (what != goOn && what != begin) || f.local < f.remote.newest {
		return r.renewEngine(ctx, func() error { return r.openFence(ctx, f.remote) })
	}
	return r.openFence(ctx, f.remote)
}

// renewEngine throws away what Litestream noted beside the database, so that it
// begins anew with the whole of it.
func (r *Replica) renewEngine(ctx context.Context, between func() error) error {
	r.engineMu.Lock()
	defer r.engineMu.Unlock()
	if err := r.background.Err(); err != nil { // Close has been here
		return err
	}
	ended, cancel := context.WithCancel(ctx)
	cancel() // closes the files, and tries nothing
	_ = r.engine.close(ended)
	if _, err := r.folder.setAside(r.folder.asideName("replica-notes"), r.folder.meta); err != nil {
		return err
	}
	if err := between(); err != nil {
		return err
	}
	r.engine = r.newEngine()
	return r.engine.open(ctx)
}

// keepNote writes down how far both sides are, as often as that changes.
func (r *Replica) keepNote(ctx context.Context) {
	type reached struct{ here, there uint64 }
	var noted reached
	for sleep(ctx, r.pace.keep) {
		if now := (reached{r.Status().Local, r.fence.replicated()}); now != noted {
			r.saveNote(ctx)
			noted = now
		}
	}
}

// saveNote reads the newest thing in the database before it looks at the replica:
// what is noted must surely have been there.
func (r *Replica) saveNote(ctx context.Context) {
	r.noteMu.Lock()
	defer r.noteMu.Unlock()
	n := r.note
	if !r.fence.open.Load() || n.Aside != "" {
		return
	}
	n.Replicated = max(n.Replicated, r.fence.replicated())
	if r.o.Newest != nil && exists(r.folder.database) {
		newest, err := r.o.Newest(ctx, r.folder.database)
		if err != nil {
			return // a busy moment; the next one comes
		}
		n.Newest = newest
	}
	r.memory.set(func(m *memory) {
		if m.drill.OK && m.drill.At.After(n.DrilledAt) {
			n.DrilledAt = m.drill.At.UTC()
		}
	})
	same := n
	same.At = r.note.At
	if same == r.note {
		return
	}
	n.At = r.o.Now().UTC()
	if err := r.folder.writeNote(n); err != nil {
		r.log.Warn("replica: how far it is can't be noted", "error", oneLine(err))
		return
	}
	r.note = n
}

// mark puts the installation's id beside the replica before anything else is put
// there: a replica of nobody could be taken by the next one.
func (r *Replica) mark(ctx context.Context) error {
	id := r.installation
	if id == "" { // the store was not opened
		id = r.here.installation
	}
	if r.marked.Load() || id == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.pace.call)
	defer cancel()
	if err := writeInstallation(ctx, r.storage.objects, id, r.o.Now()); err != nil {
		return err
	}
	r.marked.Store(true)
	return nil
}
