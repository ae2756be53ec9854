// What the operator's pages show of the server itself, gathered from the parts
// that know it. Everything comes from memory or costs microseconds.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"hostaway-mcp/dashboard"
	"hostaway-mcp/replica"
	"hostaway-mcp/store"
)

const (
	lookEvery   = 10 * time.Second // between two looks at the replica, for the chart
	replicaLate = 10 * time.Second // a lag from which on somebody should look
	jobGrace    = 10 * time.Minute
)

// overseer implements dashboard.Operator.
type overseer struct {
	health   *health
	problems *lastErrors // nil where nobody looks
	figures  func(context.Context) (store.Figures, error)
	disk     func() (space, error) // of the data folder
	jobs     func() []jobStatus
	replica  func() replica.Status // nil without a replica
	hour     *lastHour
	storage  hourly
	started  time.Time
	now      func() time.Time
}

// newOverseer looks at a house that is being built: its jobs start later.
func newOverseer(h *house, db *store.Store, folder string, now func() time.Time) *overseer {
	return &overseer{
		health: h.health, problems: h.watch.problems, figures: db.Figures, disk: func() (space, error) { return freeSpace(folder) },
		jobs: func() []jobStatus {
			if h.jobs == nil {
				return nil
			}
			return h.jobs.Status()
		},
		hour: newLastHour(now), started: now(), now: now,
	}
}

// Health is the list that /readyz goes by.
func (o *overseer) Health(ctx context.Context) []dashboard.HealthCheck {
	checks := o.health.look(ctx)
	all := make([]dashboard.HealthCheck, 0, len(checks))
	for _, c := range checks {
		all = append(all, dashboard.HealthCheck{Name: c.Name, State: dashboard.HealthState(c.State), Text: c.Text, Do: c.Do})
	}
	return all
}

// Server is everything else.
func (o *overseer) Server(ctx context.Context) dashboard.ServerStatus {
	now := o.now()
	s := dashboard.ServerStatus{
		Version: buildVersion(), StartedAt: o.started, MemoryBytes: heldMemory(), Goroutines: runtime.NumGoroutine(),
		DatabaseBytes: -1, WALBytes: -1, DiskFreeBytes: -1, DiskBytes: -1, Calls: o.hour.calls(now), Replica: o.copy(now),
	}
	if f, err := o.figures(ctx); err == nil { // else the checks say what is wrong
		s.DatabaseBytes, s.WALBytes = f.DatabaseBytes, f.WALBytes
	}
	if disk, err := o.disk(); err == nil {
		s.DiskFreeBytes, s.DiskBytes = int64(min(disk.free, math.MaxInt64)), int64(min(disk.size, math.MaxInt64))
	}
	for _, j := range o.jobs() {
		s.Jobs = append(s.Jobs, o.job(j, now))
	}
	if o.problems != nil {
		warnings, errors := o.problems.Counts()
		s.WarningCount, s.ErrorCount = int(warnings), int(errors)
		s.Errors = loggedErrors(o.problems.List())
	}
	return s
}

// keepLooking follows the replica for the chart of its lag, until ctx ends.
func (o *overseer) keepLooking(ctx context.Context) {
	if o.replica == nil {
		return
	}
	for {
		o.look()
		select {
		case <-time.After(lookEvery):
		case <-ctx.Done():
			return
		}
	}
}

func (o *overseer) look() {
	now, s := o.now(), o.replica()
	o.hour.lagged(now, s.Lag, isLate(s))
	o.storage.look(now, storageCalls(s))
}

func isLate(s replica.Status) bool { return s.Lag > replicaLate }

func storageCalls(s replica.Status) (n int64) {
	for _, c := range s.Calls {
		n += c.N
	}
	return n
}

// copy is how the replica does.
func (o *overseer) copy(now time.Time) dashboard.Replica {
	if o.replica == nil {
		return dashboard.Replica{}
	}
	s := o.replica()
	if s.State == replica.StateOff {
		return dashboard.Replica{}
	}
	o.look() // the running minute is as new as the rest of the page
	r := dashboard.Replica{
		Configured: true, State: replicaState(s), Word: replicaWord(s.State), Where: s.Where, Lag: s.Lag, Lags: o.hour.lags(now),
		Drill: dashboard.Drill{At: s.Drill.At, OK: s.Drill.OK, Text: s.Drill.Text, Took: s.Drill.Took}, WALBytes: s.WALBytes,
		StorageCalls: int(o.storage.since(storageCalls(s))), Lease: leaseWords(s.Lease),
		CriticalWrites: int(s.Critical.Confirmed + s.Critical.Missed), LocallyOnly: int(s.Critical.Missed),
	}
	if !s.LastSyncAt.IsZero() {
		r.LastSyncAt = &s.LastSyncAt
	}
	for _, t := range s.Troubles {
		r.Troubles = append(r.Troubles, dashboard.Trouble{What: t.What, Do: t.Do, Grave: t.Grave})
	}
	return r
}

// replicaState is as grave as the gravest trouble.
func replicaState(s replica.Status) dashboard.HealthState {
	state := dashboard.HealthOK
	if s.State != replica.StateCopying || len(s.Troubles) > 0 {
		state = dashboard.HealthWarn
	}
	for _, t := range s.Troubles {
		if t.Grave {
			state = dashboard.HealthFail
		}
	}
	return state
}

// replicaWord is the state for people.
func replicaWord(state replica.State) string {
	switch state {
	case replica.StateFenced:
		return "fenced off"
	case replica.StateRefused:
		return "stopped by a guard"
	case replica.StateLost:
		return "taken over"
	default:
		return string(state)
	}
}

func leaseWords(l replica.LeaseStatus) string {
	switch {
	case l.Held:
		return "held by this server"
	case l.Holder != "":
		return "held by " + l.Holder
	}
	return "not held"
}

// job is one line of the table. How long a run took is known of the last one
// only, and not while it runs.
func (o *overseer) job(j jobStatus, now time.Time) dashboard.Job {
	out := dashboard.Job{Name: j.Name, About: j.About, Every: j.Every, Problem: j.LastError, NextRunAt: j.Next, OverdueBy: j.overdue(now, o.started)}
	if !j.LastStart.IsZero() {
		out.LastRunAt = &j.LastStart
	}
	end := j.LastSuccess
	if j.LastFailure.After(end) {
		end = j.LastFailure
	}
	switch {
	case j.Running:
		out.Outcome = dashboard.JobRunning
	case end.IsZero():
	case j.Failures > 0:
		out.Outcome = dashboard.JobFailed
	default:
		out.Outcome = dashboard.JobOK
	}
	out.Took = max(0, end.Sub(j.LastStart))
	return out
}

// overdue is for how long the job should have succeeded and did not; zero while
// it is in time. It comes at the latest after five quarters of its period.
func (j jobStatus) overdue(now, started time.Time) time.Duration {
	since := j.LastSuccess
	if since.IsZero() {
		since = started
	}
	if late := now.Sub(since) - j.Every - j.Every/4; late > jobGrace {
		return late
	}
	return 0
}

// loggedErrors puts the lines of the log into the page's words.
func loggedErrors(lines []loggedLine) []dashboard.LoggedError {
	all := make([]dashboard.LoggedError, 0, len(lines))
	seen := map[string]int{}
	for _, line := range lines {
		e := dashboard.LoggedError{At: line.At, Warning: line.Level < slog.LevelError, Message: line.Message}
		for _, a := range line.Attributes {
			if a.Name == requestIDField {
				e.RequestID = a.Value
				continue
			}
			e.Fields = append(e.Fields, dashboard.LoggedField{Name: a.Name, Value: a.Value})
		}
		// Newest first: of two lines of one moment, the older one keeps its id.
		e.ID = strconv.FormatInt(line.At.UnixNano(), 36)
		seen[e.ID]++
		all = append(all, e)
	}
	for i := range all {
		if n := seen[all[i].ID]; n > 1 {
			seen[all[i].ID]--
			all[i].ID = fmt.Sprintf("%s-%d", all[i].ID, n)
		}
	}
	return all
}

// heldMemory is what the system counts as this process's memory, in bytes. Where
// it does not say, it is what the Go runtime holds, without SQLite's part.
func heldMemory() int64 {
	if text, err := os.ReadFile("/proc/self/statm"); err == nil {
		if fields := strings.Fields(string(text)); len(fields) > 1 {
			if pages, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
				return pages * int64(os.Getpagesize())
			}
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(min(m.Sys-m.HeapReleased, math.MaxInt64))
}
