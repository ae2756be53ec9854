// What main tells the operator's pages about the server itself. All of it comes from memory or from one small question, so
// that the page may ask every ten seconds.
package dashboard

import (
	"context"
	"time"
)

// Operator tells how the server does. Main implements it; with nil there are no pages for an operator.
type Operator interface {
	// Health is the list of checks that /readyz goes by.
	Health(ctx context.Context) []HealthCheck
	// Server is everything else that the first page shows.
	Server(ctx context.Context) ServerStatus
}

// HealthState says how well one thing is.
type HealthState string

// The states, from well to broken.
const (
	HealthOK   HealthState = "ok"
	HealthWarn HealthState = "warn" // works, and somebody should look after it
	HealthFail HealthState = "fail" // does not work
	// HealthUnknown is a thing that nothing was found out about yet. No check of Health's is ever in it.
	HealthUnknown HealthState = "unknown"
)

// rank sorts the worst first.
func (s HealthState) rank() int {
	switch s {
	case HealthFail:
		return 0
	case HealthWarn:
		return 1
	default:
		return 2
	}
}

// HealthCheck is what was found out about one thing, and what to do about it; Do is empty when all is well.
type HealthCheck struct {
	Name     string
	State    HealthState
	Text, Do string
}

// ServerStatus is the server in figures. Sizes are bytes; a negative one is not known.
type ServerStatus struct {
	Version                  string
	StartedAt                time.Time
	DatabaseBytes, WALBytes  int64
	DiskFreeBytes, DiskBytes int64 // of the data folder's disk
	MemoryBytes              int64 // that the process holds
	Goroutines               int
	Calls                    []MinuteCalls // tool calls of the last hour, oldest first; the last minute is still running
	Replica                  Replica
	Jobs                     []Job
	Errors                   []LoggedError // the last warnings and errors, newest first
	ErrorCount, WarningCount int           // since the start, also of those that are no longer kept
}

// MinuteCalls counts the tool calls of one minute.
type MinuteCalls struct {
	Start      time.Time
	OK, Failed int
}

// Replica is how the copy of the database does.
type Replica struct {
	Configured bool
	State      HealthState
	Word       string // the state in a word or two, such as "copying"
	Where      string // the address, without credentials
	// Lag is the age of the oldest change that the copy does not hold; zero when it holds all.
	Lag                         time.Duration
	Lags                        []MinuteLag // of the last hour, oldest first
	LastSyncAt                  *time.Time  // when the copy last held everything
	Drill                       Drill
	WALBytes                    int64
	StorageCalls                int    // in this hour of the clock
	Lease                       string // who may write the copy, in words
	CriticalWrites, LocallyOnly int    // since the start: how many, and how many of them were answered before the copy had them
	Troubles                    []Trouble
}

// Drill is the last restore of the copy into a temporary folder. A zero At means that there was none yet.
type Drill struct {
	At   time.Time
	OK   bool
	Text string
	Took time.Duration
}

// Trouble is something a person should look at. Grave says that data could be lost if nothing is done.
type Trouble struct {
	What, Do string
	Grave    bool
}

// MinuteLag is the worst lag that was seen in one minute. Late says that it was more than it should be.
type MinuteLag struct {
	Start time.Time
	Worst time.Duration
	Late  bool
}

// JobOutcome is how the last run of a job ended.
type JobOutcome string

// The outcomes. JobWaiting: it has not run yet.
const (
	JobWaiting JobOutcome = ""
	JobRunning JobOutcome = "running"
	JobOK      JobOutcome = "ok"
	JobFailed  JobOutcome = "failed"
)

// Job is one of the things that the server does by itself, once in each period. Problem says why the last run failed; OverdueBy
// for how long it should have been done, zero while it is in time.
type Job struct {
	Name, About string
	Every       time.Duration
	LastRunAt   *time.Time
	Took        time.Duration
	Outcome     JobOutcome
	Problem     string
	NextRunAt   time.Time // zero: not planned
	OverdueBy   time.Duration
}

// LoggedError is one warning or error of the log. ID tells it from all others since the start.
type LoggedError struct {
	ID        string
	At        time.Time
	Warning   bool // not an error
	Message   string
	RequestID string
	Fields    []LoggedField
}

// LoggedField is a name and a value that the log line had.
type LoggedField struct{ Name, Value string }
