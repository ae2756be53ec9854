// The pump: captures what was committed, and copies it, in rounds. A round takes
// all that was written before it, in one file: were each tenth of a second a file
// of its own, a storage that answers more slowly than that would never catch up.

package replica

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"
)

// pump is what the rounds and those who wait for them share.
type pump struct {
	mu      sync.Mutex
	waiting []chan error  // for the next round
	kick    chan struct{} // somebody waits
}

func (p *pump) wake() chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kick == nil {
		p.kick = make(chan struct{}, 1)
	}
	return p.kick
}

// join waits for the end of a round that begins after now.
func (p *pump) join() <-chan error {
	done := make(chan error, 1)
	kick := p.wake()
	p.mu.Lock()
	p.waiting = append(p.waiting, done)
	p.mu.Unlock()
	select {
	case kick <- struct{}{}:
	default:
	}
	return done
}

func (p *pump) take() []chan error {
	p.mu.Lock()
	defer p.mu.Unlock()
	waiting := p.waiting
	p.waiting = nil
	return waiting
}

// Replicated waits until the replica holds everything committed before the call,
// for CriticalWait at most. When it does not, the answer is nil, and Status tells
// of it; with Options.Wait it is ErrNotReplicated.
func (r *Replica) Replicated(ctx context.Context) error {
	if r.storage == nil {
		return nil
	}
	err := r.awaitRound(ctx)
	r.memory.set(func(m *memory) {
		if err == nil {
			m.critical.Confirmed++
			return
		}
		m.critical.Missed++
		m.critical.MissedAt = r.o.Now()
	})
	if err != nil && r.o.Wait {
		return ErrNotReplicated
	}
	return nil
}

// awaitRound joins rounds until one succeeds. Where the local disk is good enough
// and it is known that the storage is away, nobody has to wait for it.
func (r *Replica) awaitRound(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.o.CriticalWait)
	defer cancel()
	for {
		if !r.o.Wait && (r.fence.mayWrite() != nil || r.failing()) {
			return errFenced
		}
		select {
		case err := <-r.pump.join():
			if err == nil {
				return nil
			}
			if !sleep(ctx, 100*time.Millisecond) {
				return ctx.Err()
			}
		case <-ctx.Done():
			return ctx.Err()
		case <-r.background.Done():
			return errFenced
		}
	}
}

// failing tells whether the storage has not taken anything for some time.
func (r *Replica) failing() bool {
	r.memory.mu.Lock()
	defer r.memory.mu.Unlock()
	return r.memory.failures > 1
}

// logState is what the write-ahead log looks like from outside.
type logState struct {
	size    int64
	changed time.Time
}

func (r *Replica) logNow() logState {
	info, err := os.Stat(r.folder.database + "-wal")
	if err != nil {
		return logState{}
	}
	return logState{size: info.Size(), changed: info.ModTime()}
}

// run makes rounds until ctx ends: as often as sync-interval allows while there is
// something to copy, at once for whoever waits, and rarely otherwise.
func (r *Replica) run(ctx context.Context) {
	every, least := r.o.file.monitorInterval(), r.o.file.syncInterval()
	look := time.NewTimer(0)
	defer look.Stop()
	kick := r.pump.wake()
	var seen logState
	var began, next time.Time
	for {
		asked := false
		select {
		case <-ctx.Done():
			answer(r.pump.take(), errFenced)
			return
		case <-look.C:
		case <-kick:
			asked = true
		}
		log, now := r.logNow(), time.Now()
		// The clock of a file may stand still for some milliseconds.
		changed := log != seen || now.Sub(log.changed) < time.Second
		r.noteLog(log, changed && log != seen)
		failing := r.failures() > 0
		if asked && !failing || now.After(next) && (changed && now.Sub(began) >= least || now.Sub(began) >= r.pace.force) {
			began, seen = now, log
			waiting := r.pump.take()
			err := r.round(ctx, log)
			answer(waiting, err)
			next = time.Now().Add(r.backoff(err))
		}
		// The next look comes when the next round may begin, if that is soon.
		wait := every
		if left := least - time.Since(began); left > 0 {
			wait = min(wait, left)
		}
		look.Reset(wait)
	}
}

func answer(waiting []chan error, err error) {
	for _, w := range waiting {
		w <- err
	}
}

func (r *Replica) failures() int {
	r.memory.mu.Lock()
	defer r.memory.mu.Unlock()
	return r.memory.failures
}

// backoff is how long to wait after a round: 1, 2, 4, 8, 10 seconds after failures.
func (r *Replica) backoff(err error) time.Duration {
	if err == nil {
		return 0
	}
	return min(r.pace.retry, time.Second<<min(max(r.failures()-1, 0), 10))
}

// noteLog remembers since when there is something to copy.
func (r *Replica) noteLog(log logState, changed bool) {
	now := r.o.Now()
	r.memory.set(func(m *memory) {
		m.walBytes = log.size
		if changed && m.dirtySince.IsZero() {
			m.dirtySince = now
		}
	})
}

// round captures and copies once. log is what the log looked like before.
func (r *Replica) round(ctx context.Context, log logState) error {
	began := r.o.Now()
	r.engineMu.RLock()
	local, err := r.engine.capture(ctx)
	if err == nil && r.fence.mayWrite() != nil {
		err = errFenced
	}
	if err == nil {
		err = r.mark(ctx)
	}
	if err == nil {
		err = r.engine.upload(ctx)
	}
	r.engineMu.RUnlock()
	if ctx.Err() != nil {
		return errFenced
	}
	have := r.fence.replicated()
	if err == nil && have < local {
		err = errGap
	}
	after := r.logNow()
	failed := 0
	r.memory.set(func(m *memory) {
		m.local = max(m.local, local)
		if err != nil {
			if !errors.Is(err, errFenced) {
				m.failures, m.failure = m.failures+1, err
			}
			failed = m.failures
			return
		}
		failed = m.failures
		m.failures, m.failure, m.started, m.syncedAt = 0, nil, true, began
		if m.dirtySince = began; after == log {
			m.dirtySince = time.Time{}
		}
	})
	r.tell(ctx, err, failed)
	return err
}

// tell logs when copying stops and when it goes on, and mends what mends itself
// only by beginning anew.
func (r *Replica) tell(ctx context.Context, err error, failed int) {
	switch {
	case err == nil && failed > 0:
		r.log.Info("replica: copying goes on", "failures", failed)
	case err == nil || errors.Is(err, errFenced):
	case failed == 1 && isCorrupt(err): // Litestream can't even begin
		if err := r.sound(ctx); err != nil && !errors.Is(err, errDamagedHere) {
			r.log.Warn("replica: the database can't be checked", "error", oneLine(err))
		}
	case failed == 3 && isStuck(err):
		r.log.Warn("replica: Litestream's files beside the database are damaged; the whole database is copied again", "error", oneLine(err))
		if err := r.renewEngine(ctx, func() error { return nil }); err != nil {
			r.log.Error("replica: copying can't be begun anew", "error", oneLine(err))
		}
	case failed == 3:
		r.log.Warn("replica: copying fails; the service goes on, and it is tried again", "where", r.storage.where, "error", oneLine(err))
	}
}
