// The scheduler: jobs that come back every hour or every day, each by itself.
//
// Two clocks decide when. The wall clock is divided into slots of the job's
// period, and a job is due in each slot that it was not done for; so it comes
// again at the same time of each day, which is UTC and knows no daylight saving.
// A wall clock can jump. So the time that really went by since the last start,
// which a jump doesn't touch, bounds it on both sides: a job never comes sooner
// than after half its period, and at the latest after five quarters of it.
//
// Each start and end is in the database. A run of which nobody knows how it
// ended, because the process did, is repeated; so a job must bear that.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"hostaway-mcp/store"
)

const (
	jobsDelay   = time.Minute      // after a start: answering comes first
	jobsApart   = 10 * time.Second // between two jobs that are due at a start
	jobLookMost = time.Minute      // between two looks at the clock, which may have jumped
	jobRetry    = time.Minute      // after a failure; twice as long after each further one
	jobLimit    = 30 * time.Minute // the longest that a run may take, unless the job says otherwise
)

// job is something to be done once in each period.
type job struct {
	name  string // in the database, the log and the metrics
	about string // one line for the operator
	every time.Duration
	limit time.Duration // zero means jobLimit
	// run does it and says in a few words what it did, "" for nothing worth saying.
	// It may be repeated, and is broken off when the program stops.
	run func(ctx context.Context) (did string, err error)
}

// jobLedger remembers the jobs over restarts; the store does.
type jobLedger interface {
	Jobs(ctx context.Context) ([]store.Job, error)
	StartJob(ctx context.Context, name string, known *time.Time, at time.Time) error
	EndJob(ctx context.Context, name string, slot int64, at time.Time, failure string) error
}

// jobs is the scheduler.
type jobs struct {
	ledger jobLedger
	now    func() time.Time
	passed func() time.Duration // since some moment; no change of the wall clock touches it
	began  time.Duration
	log    *slog.Logger
	all    []*scheduled

	stop  context.CancelFunc
	group sync.WaitGroup
}

// scheduled is a job and what is known of it.
type scheduled struct {
	job
	offset time.Duration // of its slots, so that not everything comes at midnight
	delay  time.Duration // after the program's start

	mu      sync.Mutex
	state   store.Job
	noted   *time.Time    // the last start that the database knows of
	started time.Duration // on the clock passed, of the last start
	never   bool          // there was no start yet
	lost    bool          // an earlier process began a run and nobody knows how it ended
	running bool
	asked   bool // by a person, and not begun yet
	wake    chan struct{}
}

// jobStatus is a job as the operator sees it. Times are zero for never.
type jobStatus struct {
	Name, About                               string
	Every                                     time.Duration
	Running                                   bool
	LastStart, LastSuccess, LastFailure, Next time.Time
	LastError                                 string // of the last run, "" when it went well
	Failures                                  int    // since the last success
}

// newJobs reads what is remembered of the jobs. seed moves them within their
// periods: another server has other times.
func newJobs(ctx context.Context, ledger jobLedger, seed string, list []job, now func() time.Time, passed func() time.Duration, log *slog.Logger) (*jobs, error) {
	known, err := ledger.Jobs(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the state of the jobs: %w", err)
	}
	j := &jobs{ledger: ledger, now: now, passed: passed, began: passed(), log: log}
	for i, one := range list {
		s := &scheduled{job: one, offset: offsetOf(seed, one), delay: jobsDelay + time.Duration(i)*jobsApart, state: store.Job{Name: one.name}, never: true, wake: make(chan struct{}, 1)}
		for _, k := range known {
			if k.Name == one.name {
				s.recall(k, now(), j.began)
			}
		}
		j.all = append(j.all, s)
	}
	return j, nil
}

// offsetOf is the same moment of the hour for all jobs of a server: what they note of themselves is then copied to the replica together, and
// a storage that bills each call has one quiet server's writes once an hour, not once for each job.
func offsetOf(seed string, one job) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(seed)) // never fails
	return time.Duration(h.Sum64() % uint64(one.every)).Truncate(time.Second)
}

// recall takes over what an earlier process left. A start that lies ahead was
// written by a clock that has been set back since: it counts as just now.
func (s *scheduled) recall(k store.Job, now time.Time, passed time.Duration) {
	s.state, s.noted, s.lost, s.never = k, k.StartedAt, k.Running, k.StartedAt == nil
	if k.StartedAt != nil {
		s.started = passed - max(0, now.Sub(*k.StartedAt))
	}
}

// slot is the number of the period that now lies in, and how long until the next.
func (s *scheduled) slot(now time.Time) (number int64, left time.Duration) {
	at := now.UnixMilli() - s.offset.Milliseconds()
	every := s.every.Milliseconds()
	number = at / every
	if at%every < 0 {
		number--
	}
	return number, time.Duration((number+1)*every-at) * time.Millisecond
}

// wait is how long until the job is due, as far as the clocks go on evenly; zero
// or less when it is.
func (s *scheduled) wait(now time.Time, passed, sinceStart time.Duration) time.Duration {
	ready := s.delay - sinceStart
	if s.never || s.lost {
		return ready
	}
	since := passed - s.started
	if s.state.Failures > 0 {
		return max(ready, min(s.every/2, jobRetry<<min(s.state.Failures-1, 10))-since)
	}
	number, left := s.slot(now)
	if s.state.DoneSlot == nil || *s.state.DoneSlot != number {
		left = 0
	}
	return max(ready, s.every/2-since, min(left, s.every+s.every/4-since))
}

// start runs each job on its own until Close.
func (j *jobs) start(ctx context.Context) {
	ctx, j.stop = context.WithCancel(ctx)
	for _, s := range j.all {
		j.group.Go(func() { j.keep(ctx, s) })
	}
}

// close breaks off what runs and waits for it. What was broken off is repeated
// after the next start.
func (j *jobs) close() {
	if j.stop != nil {
		j.stop()
	}
	j.group.Wait()
}

func (j *jobs) keep(ctx context.Context, s *scheduled) {
	for ctx.Err() == nil {
		wait := min(j.look(ctx, s), jobLookMost)
		select {
		case <-time.After(max(wait, time.Second)):
		case <-s.wake:
		case <-ctx.Done():
		}
	}
}

// asking is what became of the wish that a job run now.
type asking string

const (
	askBegun  asking = "begun"
	askJoined asking = "joined" // it runs already
	askRecent asking = "recent" // it ran a moment ago
)

// ask has a job run now, unless it runs or began within the time given. Error:
// store.ErrNotFound for a job that is not there.
func (j *jobs) ask(name string, apart time.Duration) (asking, error) {
	for _, s := range j.all {
		if s.name == name {
			return s.ask(j.passed(), apart), nil
		}
	}
	return "", fmt.Errorf("run the job %s: %w", name, store.ErrNotFound)
}

func (s *scheduled) ask(passed, apart time.Duration) asking {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.running || s.asked:
		return askJoined
	case !s.never && passed-s.started < apart:
		return askRecent
	}
	s.asked = true
	select {
	case s.wake <- struct{}{}:
	default: // it has not been taken yet
	}
	return askBegun
}

// look runs the job if it is due, and says how long until it is due next.
func (j *jobs) look(ctx context.Context, s *scheduled) time.Duration {
	if wait := j.until(s); wait > 0 {
		return wait
	}
	j.once(ctx, s)
	return j.until(s)
}

func (j *jobs) until(s *scheduled) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked {
		return 0
	}
	passed := j.passed()
	return s.wait(j.now(), passed, passed-j.began)
}

// once is one run, from the mark in the database to the other.
func (j *jobs) once(ctx context.Context, s *scheduled) {
	at := j.now().UTC().Truncate(time.Millisecond)
	slot, _ := s.slot(at)
	s.mu.Lock()
	noted := s.noted
	s.mu.Unlock()
	err := j.ledger.StartJob(ctx, s.name, noted, at)
	if errors.Is(err, store.ErrConflict) { // another process does it
		j.catchUp(ctx, s)
		return
	}
	s.begin(at, j.passed(), err == nil)
	did := ""
	if err == nil {
		did, err = s.do(ctx)
	}
	if ctx.Err() != nil {
		return // we are told to stop: the mark stays, and the next start repeats it
	}
	j.end(ctx, s, slot, err)
	switch {
	case err != nil:
		j.log.ErrorContext(ctx, "a job failed; it is tried again", "job", s.name, "error", err)
	case did != "":
		j.log.InfoContext(ctx, "a job is done", "job", s.name, "did", did)
	}
}

func (s *scheduled) begin(at time.Time, passed time.Duration, noted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if noted {
		s.noted = &at
	}
	s.state.StartedAt, s.started = &at, passed
	s.never, s.lost, s.running, s.asked = false, false, true, false
}

// do runs the job, whatever it does.
func (s *scheduled) do(ctx context.Context) (did string, err error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(s.limit, jobLimit))
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return s.run(ctx)
}

// end notes how a run ended, here and in the database. Where that can't be
// written, this process knows, and the next one repeats the job.
func (j *jobs) end(ctx context.Context, s *scheduled, slot int64, failure error) {
	at, text := j.now().UTC().Truncate(time.Millisecond), ""
	if failure != nil {
		text = oneLine(failure.Error())
	}
	if err := j.ledger.EndJob(ctx, s.name, slot, at, text); err != nil && failure == nil {
		j.log.WarnContext(ctx, "the end of a job can't be noted", "job", s.name, "error", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = false
	if failure != nil {
		s.state.FailedAt, s.state.Error = &at, text
		s.state.Failures++
		return
	}
	s.state.DoneSlot, s.state.SucceededAt, s.state.Error, s.state.Failures = &slot, &at, "", 0
}

// catchUp reads what another process has done.
func (j *jobs) catchUp(ctx context.Context, s *scheduled) {
	known, err := j.ledger.Jobs(ctx)
	if err != nil {
		j.log.ErrorContext(ctx, "the state of the jobs can't be read", "error", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range known {
		if k.Name == s.name {
			s.recall(k, j.now(), j.passed())
			s.lost, s.asked = false, false // it may still be running there
		}
	}
}

// Status tells how every job is doing, in the order of their list.
func (j *jobs) Status() []jobStatus {
	var all []jobStatus
	for _, s := range j.all {
		next := j.now().Add(max(0, j.until(s))).UTC()
		s.mu.Lock()
		all = append(all, jobStatus{
			Name: s.name, About: s.about, Every: s.every, Running: s.running, Next: next, LastError: s.state.Error, Failures: s.state.Failures,
			LastStart: timeOr(s.state.StartedAt), LastSuccess: timeOr(s.state.SucceededAt), LastFailure: timeOr(s.state.FailedAt),
		})
		s.mu.Unlock()
	}
	return all
}

func timeOr(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
