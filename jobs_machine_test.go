package main

// jobs_machine_test.go is a computer for the tests of jobs, on which time passes as they say.

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// machine is a computer whose wall clock may jump, with a server on it that looks
// at its jobs every minute and may be killed.
type machine struct {
	t      *testing.T
	wall   time.Time
	passed time.Duration // real time since the machine was bought
	store  *store.Store
	list   []job
	jobs   *jobs
	runs   map[string][]jobRun
	fail   map[string]error
}

// jobRun is one start of a job: when by the wall clock, after how much real time, and
// for which period.
type jobRun struct {
	wall   time.Time
	passed time.Duration
	slot   int64
}

// newMachine is switched on at half past nine on a day in August.
func newMachine(t *testing.T, periods map[string]time.Duration) *machine {
	t.Helper()
	return newMachineAt(t, time.Date(2026, 8, 1, 9, 30, 0, 0, time.UTC), periods)
}

func newMachineAt(t *testing.T, at time.Time, periods map[string]time.Duration) *machine {
	t.Helper()
	m := &machine{t: t, wall: at, passed: time.Hour, runs: map[string][]jobRun{}, fail: map[string]error{}}
	m.store = storetest.Open(t, storetest.WithNow(func() time.Time { return m.wall }))
	for name, every := range periods {
		m.list = append(m.list, job{name: name, every: every, run: func(context.Context) (string, error) {
			slot, _ := m.find(name).slot(m.wall)
			m.runs[name] = append(m.runs[name], jobRun{m.wall, m.passed, slot})
			return "", m.fail[name]
		}})
	}
	m.restart()
	return m
}

func (m *machine) find(name string) *scheduled {
	for _, s := range m.jobs.all {
		if s.name == name {
			return s
		}
	}
	m.t.Fatalf("no job %s", name)
	return nil
}

// restart is a new process on the same database.
func (m *machine) restart() {
	m.t.Helper()
	var err error
	m.jobs, err = newJobs(m.t.Context(), m.store, "ins_test", m.list, func() time.Time { return m.wall }, func() time.Duration { return m.passed }, slog.New(slog.DiscardHandler))
	if err != nil {
		m.t.Fatal(err)
	}
}

// live lets time go by, a minute at a time.
func (m *machine) live(d time.Duration) {
	for range int(d / time.Minute) {
		m.wall, m.passed = m.wall.Add(time.Minute), m.passed+time.Minute
		for _, s := range m.jobs.all {
			m.jobs.look(m.t.Context(), s)
		}
	}
}

// jump sets the wall clock.
func (m *machine) jump(d time.Duration) { m.wall = m.wall.Add(d) }

// wantSpaced checks that no job came twice and none was left out, in real time:
// two starts lie at least half a period apart, and at most five quarters of one.
func (m *machine) wantSpaced() {
	m.t.Helper()
	const tick = time.Minute
	for _, j := range m.list {
		runs := m.runs[j.name]
		if len(runs) == 0 {
			m.t.Errorf("%s never ran", j.name)
			continue
		}
		ends := append(runs, jobRun{passed: m.passed})
		for i := 1; i < len(ends); i++ {
			gap := ends[i].passed - ends[i-1].passed
			if i < len(runs) && gap < j.every/2 {
				m.t.Errorf("%s came twice within %s, at %s and %s", j.name, gap, runs[i-1].wall, runs[i].wall)
			}
			if gap > j.every+j.every/4+2*tick {
				m.t.Errorf("%s was left out for %s after %s", j.name, gap, runs[i-1].wall)
			}
		}
	}
}

// wantOncePerSlot checks that the job ran in each period, once.
func (m *machine) wantOncePerSlot() {
	m.t.Helper()
	for _, j := range m.list {
		for i, r := range m.runs[j.name] {
			if i > 0 && r.slot != m.runs[j.name][i-1].slot+1 {
				m.t.Errorf("%s ran for the period %d after %d, at %s", j.name, r.slot, m.runs[j.name][i-1].slot, r.wall)
			}
		}
	}
}

func (m *machine) wantOthers(name string, about int) {
	m.t.Helper()
	if got := len(m.runs[name]); got < about-1 || got > about+1 {
		m.t.Errorf("%s ran %d times, want about %d", name, got, about)
	}
}

var hourlyAndDaily = map[string]time.Duration{"hourly": time.Hour, "daily": 24 * time.Hour}
