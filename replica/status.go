// How the replica is doing, from memory only: looking at it costs no call to
// the storage.

package replica

import "time"

// State is the replica in one word.
type State string

// The states.
const (
	StateOff      State = "off"      // none is configured
	StateWaiting  State = "waiting"  // for the lease: another server has it, and this one has not begun
	StateStarting State = "starting" // nothing has been copied yet since the start
	StateCopying  State = "copying"  // what is written reaches the replica
	StateBehind   State = "behind"   // the storage does not take what is written; it is tried again
	StateFenced   State = "fenced"   // this server may not write the replica now
	StateRefused  State = "refused"  // a guard forbids copying; see Troubles
	StateLost     State = "lost"     // another server took over; this one must end
)

// Status is a snapshot of how the replica is doing.
type Status struct {
	State State
	Where string // the replica's place, without credentials; "" when off

	// Lag is the age of the oldest change that the replica does not hold; zero
	// when it holds all.
	Lag        time.Duration
	LastSyncAt time.Time // when the replica last held everything; zero: not yet
	Local      uint64    // the newest transaction captured here
	Replicated uint64    // the newest transaction the replica is known to hold
	WALBytes   int64     // size of the write-ahead log

	Lease LeaseStatus
	Drill DrillStatus // the last completed restore drill

	Critical CriticalStatus
	Calls    []CallCount // calls to the storage since the start
	Troubles []Trouble   // what a person should look at, the gravest first
}

// LeaseStatus tells who may write the replica.
type LeaseStatus struct {
	Held   bool
	Until  time.Time // when our right ends unless renewed
	Holder string    // who holds it, when it is not us
	// Enforced says that the storage refuses conditional writes as it should.
	// Without it, two servers can't be kept apart there.
	Enforced bool
}

// DrillStatus is the outcome of restoring the replica into a temporary folder.
type DrillStatus struct {
	At    time.Time // zero: none has ended yet
	OK    bool
	Text  string // what was found, in one sentence
	Took  time.Duration
	Bytes int64 // size of the restored database
}

// CriticalStatus counts the writes that are acknowledged once the replica has
// them.
type CriticalStatus struct {
	Confirmed int64
	Missed    int64     // not confirmed in time
	MissedAt  time.Time // the last of them
}

// CallCount counts calls to the storage. Operation is list, get, put or delete;
// Outcome is ok, failed or fenced.
type CallCount struct {
	Operation, Outcome string
	N                  int64
}

// Trouble is something a person should look at.
type Trouble struct {
	What, Do string
	// Grave says that data could be lost if nothing is done.
	Grave bool
}
