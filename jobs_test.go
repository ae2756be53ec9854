package main

// jobs_test.go sees what becomes of jobs that are cut off, fail, hang, panic or have no disk, and
// what the jobs of the product do.

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// The process dies in the middle of a run: the next one repeats it, soon, once.
func TestAJobThatWasCutOffIsRepeated(t *testing.T) {
	t.Parallel()
	m := newMachine(t, map[string]time.Duration{"daily": 24 * time.Hour})
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
	m := newMachine(t, hourlyAndDaily)
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
	m := newMachine(t, hourlyAndDaily)
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
	m := newMachine(t, hourlyAndDaily)
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

// A job that a person asks for runs at once, one run at a time, and not again too soon.
func TestAJobRunsWhenItIsAskedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ran, free := 0, make(chan struct{})
		list := []job{{name: "rare", every: 24 * time.Hour, run: func(context.Context) (string, error) {
			ran++
			<-free
			return "", nil
		}}}
		began := time.Now()
		j, err := newJobs(t.Context(), &rememberedJobs{}, "x", list, time.Now, func() time.Duration { return time.Since(began) }, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		j.start(t.Context())
		defer j.close()
		for _, step := range []struct {
			after time.Duration
			free  bool
			want  asking
			ran   int
		}{{0, false, askBegun, 1}, {time.Second, false, askJoined, 1}, {time.Second, true, askRecent, 1}, {time.Minute, true, askBegun, 2}} {
			time.Sleep(step.after)
			if step.free && ran == 1 && j.Status()[0].Running {
				close(free)
				synctest.Wait()
			}
			if got, err := j.ask("rare", time.Minute); got != step.want || err != nil {
				t.Errorf("asked at %s: %s %v, want %s", time.Since(began), got, err, step.want)
			}
			synctest.Wait()
			if ran != step.ran {
				t.Errorf("ran %d times at %s, want %d", ran, time.Since(began), step.ran)
			}
		}
		if _, err := j.ask("another", time.Minute); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a job that is not there: %v", err)
		}
	})
}

// rememberedJobs is a ledger that takes everything.
type rememberedJobs struct{}

func (*rememberedJobs) Jobs(context.Context) ([]store.Job, error)                      { return nil, nil }
func (*rememberedJobs) StartJob(context.Context, string, *time.Time, time.Time) error  { return nil }
func (*rememberedJobs) EndJob(context.Context, string, int64, time.Time, string) error { return nil }
