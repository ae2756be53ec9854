// What main gives the replica, and what it may ask of it.

package replica

import (
	"context"
	"log/slog"
	"time"

	"hostaway-mcp/secret"
)

// Credentials of the storage, used where litestream.yml names none.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey secret.Text
}

// What to do when the lease can't be renewed because the storage is away.
const (
	LeaseLostServe = "serve" // go on serving, without copying
	LeaseLostExit  = "exit"  // stop, for those who run a standby
)

// Options say what is copied where, and how main's other rooms are reached.
type Options struct {
	Settings
	Credentials Credentials

	Database string // path of the database file
	DataDir  string // folder that is locked, and holds what is set aside

	// CriticalWait bounds how long Replicated waits; zero is 3 seconds.
	CriticalWait time.Duration
	// Wait says that a critical write which the replica does not hold in time
	// fails with ErrNotReplicated. Otherwise the local disk is good enough.
	Wait bool
	// LeaseLost is LeaseLostServe (also when empty) or LeaseLostExit.
	LeaseLost string

	// FirstStart allows an empty replica. AcceptRollback makes the local
	// database the truth although the replica holds something newer.
	FirstStart, AcceptRollback bool

	// Step is told what Open is at, from the goroutine that opens. Nil: nobody is.
	Step func(Step)

	// Node is a random name of this data folder, in no copy of the database: by it
	// two servers of one database are told apart.
	Node string
	// Installation reads the installation id from a database file; "" when the
	// file has none yet.
	Installation func(ctx context.Context, path string) (string, error)
	// Usable finds out whether this server will take a database file once it is in
	// place: that no newer program wrote it, and that the master keys open what is
	// sealed in it. Whoever would not serve must not take the replica over. Nil: that
	// is not looked at.
	Usable func(ctx context.Context, path string) error
	// Newest reads from a database file something that sorts by when the database
	// was last changed: a file in which it is less than it was is an older one. Nil:
	// that is not looked at.
	Newest func(ctx context.Context, path string) (string, error)
	// Contents digests a database file table by table; two files with the same rows
	// have the same digests. For Verify; nil: nothing is compared.
	Contents func(ctx context.Context, path string) (map[string]string, error)
	// Damage checks a database file that may be in use and says what is wrong with it,
	// "" when nothing is. Asked before all of it is copied; nil: that is not looked at.
	Damage func(ctx context.Context, path string) (found string, err error)
	// Pause runs f while nothing else writes to the database.
	Pause func(ctx context.Context, f func(context.Context) error) error

	// Free tells how many bytes are free on the disk that holds path; nil: there is
	// room. A drill never takes the last of it.
	Free func(path string) (uint64, error)

	Now func() time.Time // nil is time.Now
	Log *slog.Logger     // nil drops it
}

// Step is a part of Open that may take long.
type Step string

// The steps.
const (
	StepOpening   Step = "opening"
	StepRestoring Step = "restoring" // the database is brought back
	StepWaiting   Step = "waiting"   // another server has the right to write the replica
)

func (o Options) withDefaults() Options {
	if o.CriticalWait <= 0 {
		o.CriticalWait = 3 * time.Second
	}
	if o.LeaseLost == "" {
		o.LeaseLost = LeaseLostServe
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Step == nil {
		o.Step = func(Step) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}
