package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata" // Europe/Berlin, wherever the test runs

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

func newMachine(t *testing.T, at time.Time, periods map[string]time.Duration) *machine {
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

var hourlyAndDaily = map[string]time.Duration{"hourly": time.Hour, "daily": 24 * time.Hour}

func TestJobsKeepTheirTime(t *testing.T) {
	t.Parallel()
	m := newMachine(t, time.Date(2026, 8, 1, 9, 30, 0, 0, time.UTC), hourlyAndDaily)
	m.live(10 * 24 * time.Hour)
	m.wantSpaced()
	m.wantOncePerSlot()
	if h, d := len(m.runs["hourly"]), len(m.runs["daily"]); h < 240 || h > 242 || d < 10 || d > 12 {
		t.Errorf("%d hourly and %d daily runs in ten days", h, d)
	}
	last := m.runs["daily"]
	for _, r := range last[3:] { // the first ones still find their time
		if at, want := r.wall.Format(time.TimeOnly), last[2].wall.Format(time.TimeOnly); at != want {
			t.Errorf("the daily job comes at %s, and came at %s before", at, want)
		}
	}
	if m.find("hourly").offset == m.find("daily").offset%time.Hour && m.find("hourly").offset == 0 {
		t.Error("all jobs come at midnight")
	}
}

// Clocks go forward on 29 March and back on 25 October; the program lives in Berlin.
func TestJobsKeepTheirTimeOverDaylightSaving(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range []time.Time{time.Date(2026, 3, 27, 12, 0, 0, 0, berlin), time.Date(2026, 10, 23, 12, 0, 0, 0, berlin)} {
		m := newMachine(t, from, hourlyAndDaily)
		_, before := m.wall.Zone()
		m.live(4 * 24 * time.Hour)
		if _, after := m.wall.Zone(); after == before {
			t.Fatalf("daylight saving did not change from %s to %s", from, m.wall)
		}
		m.wantSpaced()
		m.wantOncePerSlot()
	}
}

func TestJobsBearJumpsOfTheClock(t *testing.T) {
	t.Parallel()
	for _, jumps := range [][]time.Duration{
		{3 * time.Hour},
		{-2 * 24 * time.Hour},
		{-2 * 24 * time.Hour, 2 * 24 * time.Hour},
		{10 * 365 * 24 * time.Hour, -10 * 365 * 24 * time.Hour},
		{-30 * time.Minute, -30 * time.Minute, -30 * time.Minute, -30 * time.Minute},
		{-70 * 365 * 24 * time.Hour},
	} {
		m := newMachine(t, time.Date(2026, 8, 1, 9, 30, 0, 0, time.UTC), hourlyAndDaily)
		m.live(50*time.Hour + 40*time.Minute)
		for _, d := range jumps {
			m.jump(d)
			m.live(7*time.Hour + 13*time.Minute)
		}
		m.live(60 * time.Hour)
		m.wantSpaced()
		if t.Failed() {
			t.Fatalf("jumps %v", jumps)
		}
	}
}

func TestJobsBearAnyClock(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	for range 5 {
		m := newMachine(t, time.Date(2026, 8, 1, 9, 30, 0, 0, time.UTC), hourlyAndDaily)
		m.live(30 * time.Hour)
		var did []string
		for range 15 {
			d := time.Duration(dice.Int64N(int64(100*time.Hour))) - 50*time.Hour
			if dice.IntN(3) == 0 {
				d /= 100
			}
			after := time.Duration(dice.Int64N(int64(10 * time.Hour)))
			did = append(did, fmt.Sprintf("%s, live %s", d, after))
			m.jump(d)
			m.live(after)
		}
		m.wantSpaced()
		if t.Failed() {
			t.Fatal(strings.Join(did, "; "))
		}
	}
}

// Restarts bring no job twice, and a server that was away for days catches up with
// one run, not with many.
func TestJobsBearRestarts(t *testing.T) {
	t.Parallel()
	m := newMachine(t, time.Date(2026, 8, 1, 9, 30, 0, 0, time.UTC), hourlyAndDaily)
	for range 40 {
		m.live(37 * time.Minute)
		m.restart()
	}
	m.live(24 * time.Hour)
	m.wantSpaced()
	for _, away := range []time.Duration{time.Minute, 5 * time.Hour, 9 * 24 * time.Hour} {
		before := len(m.runs["daily"])
		m.wall, m.passed = m.wall.Add(away), m.passed+away // switched off
		m.restart()
		m.live(20 * time.Minute)
		if got := len(m.runs["daily"]) - before; got > 1 || (away > 48*time.Hour && got != 1) {
			t.Errorf("away for %s: the daily job ran %d times in the first 20 minutes", away, got)
		}
	}
	before := len(m.runs["daily"])
	m.jump(-3 * 24 * time.Hour) // set back while it was off: how long ago the last run was is not known
	m.restart()
	m.live(11 * time.Hour)
	if len(m.runs["daily"]) != before {
		t.Error("the daily job came again within half a day")
	}
	m.live(14 * time.Hour)
	if len(m.runs["daily"]) == before {
		t.Error("the daily job did not come for a day")
	}
}

// The process dies in the middle of a run: the next one repeats it, soon, once.
func TestAJobThatWasCutOffIsRepeated(t *testing.T) {
	t.Parallel()
	m := newMachine(t, time.Date(2026, 8, 1, 9, 30, 0, 0, time.UTC), map[string]time.Duration{"daily": 24 * time.Hour})
	m.live(30 * time.Hour)
	before := len(m.runs["daily"])
	s := m.find("daily")
	if err := m.store.StartJob(t.Context(), s.name, s.noted, m.wall); err != nil { // and then the power failed
		t.Fatal(err)
	}
	m.restart()
	m.live(10 * time.Minute)
	if got := len(m.runs["daily"]) - before; got != 1 {
		t.Errorf("repeated %d times, want once", got)
	}
	m.restart()
	m.live(10 * time.Minute)
	if got := len(m.runs["daily"]) - before; got != 1 {
		t.Errorf("after one more start it came %d times", got)
	}
}

func TestAJobThatFailsIsTriedAgain(t *testing.T) {
	t.Parallel()
	m := newMachine(t, time.Date(2026, 8, 1, 9, 30, 0, 0, time.UTC), hourlyAndDaily)
	m.fail["daily"] = errors.New("no\nluck")
	m.live(12 * time.Hour)
	tries := m.runs["daily"]
	if len(tries) < 8 || len(tries) > 12 {
		t.Errorf("%d tries in 12 hours", len(tries))
	}
	for i := 2; i < len(tries)-1; i++ {
		if tries[i+1].passed-tries[i].passed < tries[i].passed-tries[i-1].passed {
			t.Errorf("the tries come faster and faster: %+v", tries)
			break
		}
	}
	for _, s := range m.jobs.Status() {
		if failed := s.Name == "daily"; (s.Failures > 0) != failed || (s.LastError == "no luck") != failed || s.LastSuccess.IsZero() != failed || s.Running {
			t.Errorf("%+v", s)
		}
	}
	m.wantOthers("hourly", 12)
	m.restart() // what went wrong is not forgotten
	if s := m.find("daily"); s.state.Failures != len(tries) || s.state.Error != "no luck" {
		t.Errorf("after a restart: %+v", s.state)
	}
	delete(m.fail, "daily")
	m.live(13 * time.Hour)
	for _, s := range m.jobs.Status() {
		if s.LastError != "" || s.Failures != 0 || s.Next.Before(m.wall) || s.Next.Sub(m.wall) > s.Every {
			t.Errorf("%+v at %s", s, m.wall)
		}
	}
}

func (m *machine) wantOthers(name string, about int) {
	m.t.Helper()
	if got := len(m.runs[name]); got < about-1 || got > about+1 {
		m.t.Errorf("%s ran %d times, want about %d", name, got, about)
	}
}

// A job that hangs, and one that panics, keep nobody else from running.
func TestJobsDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t)
	var once sync.Once
	hanging, others := make(chan struct{}), make(chan string, 10)
	list := []job{
		{name: "hangs", every: time.Hour, run: func(ctx context.Context) (string, error) {
			once.Do(func() { close(hanging) })
			<-ctx.Done()
			return "", ctx.Err()
		}},
		{name: "panics", every: time.Hour, run: func(context.Context) (string, error) {
			others <- "panics"
			panic("a fault")
		}},
		{name: "works", every: time.Hour, run: func(context.Context) (string, error) {
			<-hanging
			others <- "works"
			return "all", nil
		}},
	}
	began := time.Now()
	j, err := newJobs(t.Context(), st, "x", list, time.Now, func() time.Duration { return time.Since(began) }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range j.all {
		s.delay = 0
	}
	j.start(t.Context())
	seen := map[string]bool{<-others: true, <-others: true}
	for _, s := range j.Status() {
		if s.Name == "hangs" && !s.Running {
			t.Errorf("%+v", s)
		}
	}
	j.close() // ends the one that hangs
	if !seen["panics"] || !seen["works"] {
		t.Errorf("ran: %v", seen)
	}
	known, err := st.Jobs(t.Context())
	if err != nil || len(known) != 3 {
		t.Fatalf("%+v, %v", known, err)
	}
	for _, k := range known {
		if k.Name == "hangs" && (!k.Running || k.DoneSlot != nil) {
			t.Errorf("the run that was broken off is not repeated: %+v", k)
		}
		if k.Name == "panics" && !k.Running && !strings.Contains(k.Error, "a fault") {
			t.Errorf("%+v", k)
		}
	}
}

// Two processes on one database share the work.
func TestTwoProcessesShareTheJobs(t *testing.T) {
	t.Parallel()
	m := newMachine(t, time.Date(2026, 8, 1, 9, 30, 0, 0, time.UTC), hourlyAndDaily)
	first := m.jobs
	m.restart()
	second := m.jobs
	for range 48 * 60 {
		m.wall, m.passed = m.wall.Add(time.Minute), m.passed+time.Minute
		for _, j := range []*jobs{first, second} {
			for _, s := range j.all {
				j.look(t.Context(), s)
			}
		}
	}
	m.wantSpaced()
}

// The disk is full: a job runs all the same, fails if it must, and nothing stops.
func TestJobsWhoseStateCannotBeNoted(t *testing.T) {
	t.Parallel()
	m := newMachine(t, time.Date(2026, 8, 1, 9, 30, 0, 0, time.UTC), hourlyAndDaily)
	m.live(30 * time.Hour)
	before := len(m.runs["hourly"])
	m.jobs.ledger = brokenLedger{m.store}
	m.live(3 * time.Hour)
	if len(m.runs["hourly"]) != before {
		t.Error("a run that was not noted took place: after a crash nobody would know")
	}
	for _, s := range m.jobs.Status() {
		if s.Name == "hourly" && !strings.Contains(s.LastError, "the disk is full") {
			t.Errorf("%+v", s)
		}
	}
	m.jobs.ledger = m.store
	m.live(2 * time.Hour)
	if len(m.runs["hourly"]) == before {
		t.Error("it does not go on once there is space")
	}
}

type brokenLedger struct{ jobLedger }

func (brokenLedger) StartJob(context.Context, string, *time.Time, time.Time) error {
	return store.ErrDiskFull
}

func (brokenLedger) EndJob(context.Context, string, int64, time.Time, string) error {
	return store.ErrDiskFull
}

// The jobs of the product, run once on a store with something to do.
func TestStoreJobs(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock(time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC))
	st := storetest.Open(t, storetest.WithClock(clock), storetest.WithPath(filepath.Join(t.TempDir(), "x.db")))
	f := storetest.Org(t, st, "Acme")
	if _, _, err := st.SignIn(t.Context(), store.SignIn{Email: f.Email, Password: f.Password}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Org.CreateConfirmation(t.Context(), store.Confirmation{KeyID: f.Key.ID, Tool: "x", ArgumentsHash: []byte{1}}); err != nil {
		t.Fatal(err)
	}
	clock.Set(clock.Now().AddDate(0, 14, 0))
	if err := f.Org.RecordAction(t.Context(), f.By(), store.Action{Name: "young"}); err != nil {
		t.Fatal(err)
	}
	did := map[string]string{}
	for _, j := range storeJobs(st, 13, clock.Now) {
		var err error
		if did[j.name], err = j.run(t.Context()); err != nil {
			t.Errorf("%s: %v", j.name, err)
		}
		if j.about == "" || j.every < time.Minute {
			t.Errorf("%+v", j)
		}
	}
	for name, want := range map[string]string{"audit-log": "rows deleted: 2", "sign-ins": "rows deleted: 1", "confirm-tokens": "rows deleted: 1"} {
		if did[name] != want {
			t.Errorf("%s did %q, want %q", name, did[name], want)
		}
	}
	page, _, err := f.Org.ListAudit(t.Context(), store.AuditFilter{})
	if err != nil || len(page) != 1 || page[0].Action != "young" {
		t.Errorf("left are %+v, %v", page, err)
	}
}
