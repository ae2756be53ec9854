// What can be wrong with a replica, in words for the operator.

package replica

import "errors"

// ErrNotReplicated: the write is on this disk, and the replica did not confirm
// it in time. The same request may be sent again.
var ErrNotReplicated = errors.New("the replica did not confirm the write in time")

// ErrLocked: another process holds the lock of the file.
var ErrLocked = errors.New("the file is locked")

// Kind says which guard spoke, for callers that act on it.
type Kind string

// The kinds of problems.
const (
	BadSettings    Kind = "settings"     // litestream.yml or a setting has to change first
	Locked         Kind = "locked"       // another process uses the data folder
	Unreachable    Kind = "unreachable"  // the storage can't be reached, or refuses us
	NothingThere   Kind = "empty"        // the replica holds nothing
	WrongReplica   Kind = "installation" // the replica belongs to another installation
	NotUsable      Kind = "not usable"   // a database that this server would not open; the cause says why
	RolledBack     Kind = "rolled back"  // the database is older than the replica
	LeaseElsewhere Kind = "lease"        // another server may write the replica
	Damaged        Kind = "damaged"      // what was restored does not pass its check
	InTheWay       Kind = "in the way"   // a file that would have to be overwritten
	Failed         Kind = "failed"       // anything else, such as a full disk
)

// Problem is an error a person has to act on: what happened and what to do. It
// never holds credentials.
type Problem struct {
	Kind Kind
	What string
	Do   string
	Err  error // the cause; may be nil
}

func (p *Problem) Error() string {
	if p.Do == "" {
		return p.What
	}
	return p.What + ": " + p.Do
}

func (p *Problem) Unwrap() error { return p.Err }
