package dashboard

import (
	"context"
	"sync"
	"testing"
	"time"

	"hostaway-mcp/store/storetest"
)

// fakeOperator answers with what the test put in.
type fakeOperator struct {
	mu     sync.Mutex
	checks []HealthCheck
	server ServerStatus
}

func (f *fakeOperator) Health(context.Context) []HealthCheck {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.checks
}

func (f *fakeOperator) Server(context.Context) ServerStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.server
}

// set changes what the operator sees.
func (f *fakeOperator) set(change func(*fakeOperator)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

// wellOperator is a server on which all is well, with a replica.
func wellOperator() *fakeOperator {
	sync, ran := noon.Add(-2*time.Second), noon.Add(-25*time.Minute)
	f := &fakeOperator{
		checks: []HealthCheck{
			{"database", HealthOK, "it answers", ""},
			{"disk", HealthOK, "61 GB of 98 GB are free", ""},
			{"replica", HealthOK, "copied 2 s ago, passed its last restore drill", ""},
			{"certificate", HealthOK, "valid until 20 Jan 2027", ""},
			{"jobs", HealthOK, "none is overdue", ""},
		},
		server: ServerStatus{
			Version: "v1.4.0", StartedAt: noon.Add(-75 * time.Hour), DatabaseBytes: 48_200_000, WALBytes: 4_120_000,
			DiskFreeBytes: 61_000_000_000, DiskBytes: 98_000_000_000, MemoryBytes: 71_500_000, Goroutines: 84,
			Replica: Replica{
				Configured: true, State: HealthOK, Word: "copying", Where: "s3://harbour-backup/hostaway-mcp (fra1.example.com)", Lag: 310 * time.Millisecond,
				LastSyncAt: &sync, Drill: Drill{At: ran, OK: true, Text: "restored and checked", Took: 1900 * time.Millisecond}, WALBytes: 4_120_000,
				StorageCalls: 87, Lease: "held by this server", CriticalWrites: 41,
			},
			Jobs: []Job{
				{"audit", "deletes what is older than 13 months from the audit logs", 24 * time.Hour, &ran, 340 * time.Millisecond, JobOK, "", noon.Add(23 * time.Hour), 0},
				{"sessions", "deletes sessions and links that have ended", time.Hour, &ran, 1900 * time.Millisecond, JobOK, "", noon.Add(35 * time.Minute), 0},
				{"space", "gives free pages back to the file system", 24 * time.Hour, nil, 0, JobWaiting, "", noon.Add(50 * time.Hour), 0},
			},
		},
	}
	for back := 47; back >= 0; back-- {
		at := noon.Add(-time.Duration(back) * time.Minute)
		lag := time.Duration(180+(back*37)%300) * time.Millisecond
		if back == 20 {
			lag = 2600 * time.Millisecond
		}
		f.server.Replica.Lags = append(f.server.Replica.Lags, MinuteLag{at, lag, false})
		f.server.Calls = append(f.server.Calls, MinuteCalls{at, 12 + (back*29)%31, map[bool]int{true: 2}[back%13 == 4]})
	}
	return f
}

// troubled makes everything go wrong that the page can tell.
func (f *fakeOperator) troubled() {
	f.set(func(f *fakeOperator) {
		longAgo, ran := noon.Add(-38*time.Minute), noon.Add(-26*time.Hour)
		f.checks = []HealthCheck{
			{"database", HealthOK, "it answers", ""},
			{"certificate", HealthWarn, "it expires in 6 days and could not be renewed: the authority can't reach port 80", "open port 80 to the internet, or stop the program that holds it"},
			{"disk", HealthFail, "21 MB of 98 GB are free", "free some space on the disk of /var/lib/hostaway-mcp: until then what is there can be read and nothing be changed; it goes on by itself"},
			{"replica", HealthFail, "nothing was copied for 38 minutes", "see the card of the replica"},
			{"jobs", HealthWarn, "audit is overdue by 2 h", "look for its name among the last errors"},
		}
		s := &f.server
		s.DiskFreeBytes = 21_000_000
		s.ErrorCount, s.WarningCount = 12, 31
		r := &s.Replica
		r.State, r.Word, r.Lag, r.LastSyncAt, r.Lease, r.LocallyOnly = HealthFail, "fenced off", 38*time.Minute, &longAgo, "not held: another server has it until 12:01 UTC", 3
		r.Drill = Drill{At: ran, Text: "the restored database has 3 pages that are malformed", Took: 2 * time.Second}
		r.Troubles = []Trouble{
			{"Another server writes this replica.", "Stop one of the two; what this one wrote since 11:22 UTC is on its own disk only.", true},
			{"The storage does not refuse conditional writes.", "Two servers can't be kept apart there: choose other storage, or never start a second one.", false},
		}
		for i := range r.Lags {
			if back := len(r.Lags) - 1 - i; back < 38 {
				r.Lags[i] = MinuteLag{r.Lags[i].Start, time.Duration(38-back) * time.Minute, true}
			}
		}
		s.Jobs[0].Outcome, s.Jobs[0].Problem, s.Jobs[0].OverdueBy, s.Jobs[0].LastRunAt = JobFailed, "the disk is full: free some space and try again; nothing was changed", 2*time.Hour, &ran
		s.Jobs[1].Outcome = JobRunning
		s.Errors = []LoggedError{
			{"9", noon.Add(-40 * time.Second), false, "record the tool call", "req_k7dd2q5v3mxa7w4e", []LoggedField{{"error", "the disk is full: free some space and try again; nothing was changed (database or disk is full (13))"}, {"org", "org_01hx3v7k2m9q8r5t6w0z"}, {"tool", "hostaway_search_bookings"}}},
			{"8", noon.Add(-9 * time.Minute), true, "health: needs attention", "", []LoggedField{{"check", "disk"}, {"state", "fail"}, {"found", "21 MB of 98 GB are free"}}},
			{"7", noon.Add(-38 * time.Minute), false, "the replica's lease is held by another server, so nothing is copied any more until it is released or this server ends", "", nil},
		}
	})
}

// bare is a server that has just started, without replica, jobs or errors.
func (f *fakeOperator) bare() {
	f.set(func(f *fakeOperator) {
		f.checks = nil
		f.server = ServerStatus{Version: "(devel)", StartedAt: noon.Add(-3 * time.Second), DiskBytes: -1, DiskFreeBytes: -1, MemoryBytes: 41_000_000, Goroutines: 31}
	})
}

// runs makes the owner of the org an operator and signs in.
func (w *world) runs(t *testing.T, fix storetest.Fixture) *browser {
	t.Helper()
	if err := w.store.SetOperator(t.Context(), fix.Email, true); err != nil {
		t.Fatal(err)
	}
	return w.owner(t, fix)
}
