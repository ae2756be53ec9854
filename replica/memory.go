// What Status tells, kept in memory by those who find it out.

package replica

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"
)

// The figures from which on somebody should look.
const (
	behindAfter = 10 * time.Second
	graveAfter  = 5 * time.Minute
	walWarn     = 256 << 20
)

type memory struct {
	mu sync.Mutex

	started    bool      // everything was copied at least once since the start
	dirtySince time.Time // of the oldest change the replica does not hold; zero: none
	syncedAt   time.Time
	local      uint64
	walBytes   int64
	failures   int   // in a row
	failure    error // the last of them
	leaseErr   error // why the right can't be renewed
	holder     string
	refused    *Problem
	lost       *Problem
	unenforced bool
	drill      DrillStatus
	critical   CriticalStatus
}

func (m *memory) set(f func(*memory)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f(m)
}

// Status tells how the replica is doing, without a call to the storage.
func (r *Replica) Status() Status {
	if r.storage == nil {
		return Status{State: StateOff}
	}
	now := r.o.Now()
	lease, open := r.lease.status(), r.fence.open.Load()
	m := &r.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	s := Status{
		Where: r.storage.where, LastSyncAt: m.syncedAt, Local: m.local, Replicated: r.fence.replicated(), WALBytes: m.walBytes,
		Lease: lease, Drill: m.drill, Critical: m.critical, Calls: r.storage.calls.list(),
	}
	s.Lease.Holder = m.holder
	if !m.dirtySince.IsZero() {
		s.Lag = max(0, now.Sub(m.dirtySince))
	}
	s.State = m.state(s.Lag, lease.Held && open)
	s.Troubles = m.troubles(s)
	return s
}

func (m *memory) state(lag time.Duration, mayWrite bool) State {
	switch {
	case m.lost != nil:
		return StateLost
	case m.refused != nil:
		return StateRefused
	case !mayWrite:
		return StateFenced
	case m.failures > 0 && lag > 0:
		return StateBehind
	case !m.started: // the first copy of a large database takes its time
		return StateStarting
	case lag > behindAfter:
		return StateBehind
	}
	return StateCopying
}

// troubles lists what a person should look at.
func (m *memory) troubles(s Status) []Trouble {
	var all []Trouble
	add := func(t Trouble) { all = append(all, t) }
	stays := fmt.Sprintf("what is written stays on this disk alone, for %s so far", s.Lag.Round(time.Second))
	switch s.State {
	case StateLost:
		add(Trouble{What: m.lost.What, Do: m.lost.Do, Grave: true})
	case StateRefused:
		add(Trouble{What: "nothing is copied: " + m.refused.What, Do: m.refused.Do, Grave: true})
	case StateFenced, StateBehind:
		add(m.notCopying(s, stays))
	case StateOff, StateStarting, StateCopying:
	}
	if m.unenforced {
		add(Trouble{
			What: "the storage does not refuse conditional writes, so two servers on this replica can't be kept apart",
			Do:   "make sure that only one server ever runs on it, or use a storage that knows If-None-Match",
		})
	}
	if !m.drill.At.IsZero() && !m.drill.OK {
		add(Trouble{What: "the last restore drill failed: " + m.drill.Text, Do: "run `replica verify`; a new snapshot is made by itself when the storage takes it", Grave: true})
	}
	if m.walBytes > walWarn {
		add(Trouble{
			What: fmt.Sprintf("the write-ahead log has grown to %d MB", m.walBytes>>20),
			Do:   "look for a program that holds the database open for reading, such as a backup tool or a shell",
		})
	}
	slices.SortStableFunc(all, func(a, b Trouble) int { return cmp.Compare(weight(a), weight(b)) })
	return all
}

func weight(t Trouble) int {
	if t.Grave {
		return 0
	}
	return 1
}

// notCopying says why, from the cause that is known.
func (m *memory) notCopying(s Status, stays string) Trouble {
	t := Trouble{What: "the replica is behind: " + stays, Do: "nothing; it is tried again every few seconds", Grave: s.Lag > graveAfter}
	cause := m.leaseErr
	if cause == nil {
		cause = m.failure
	}
	switch {
	case s.State == StateFenced && m.holder != "":
		t.What = fmt.Sprintf("the server on %s may still write the replica; %s", m.holder, stays)
		t.Do = "nothing; this server takes over when that one has ended"
	case cause != nil && isAway(cause):
		p := awayProblem(s.Where, cause)
		t.What, t.Do = p.What+"; "+stays, p.Do+"; it is tried again every few seconds"
	case cause != nil && isFull(cause):
		t.What, t.Do = "the disk is full, so nothing can be captured for the replica; "+stays, "free some space; it goes on by itself"
	case cause != nil:
		t.What = fmt.Sprintf("copying fails (%s); %s", oneLine(cause), stays)
		t.Do = "look at the log; it is tried again every few seconds"
	}
	return t
}
