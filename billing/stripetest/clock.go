// The clock of the account: it stands still until it is moved, and what falls due on the way happens in its order.
package stripetest

import (
	"container/heap"
	"fmt"
	"net/http"
	"time"
)

// clock holds the time in Unix seconds, as Stripe counts, and what waits for its moment.
type clock struct {
	now     int64
	started time.Time // of the machine, for Ticks
	passed  int64     // seconds of the machine's time that are in now
	waiting timers
	serial  int
}

// timer is something that happens at a moment. What it changes may have changed before: it looks again.
type timer struct {
	at     int64
	serial int
	run    func()
}

type timers []timer

func (t timers) Len() int      { return len(t) }
func (t timers) Swap(i, j int) { t[i], t[j] = t[j], t[i] }
func (t *timers) Push(x any)   { *t = append(*t, x.(timer)) }
func (t timers) Less(i, j int) bool {
	return t[i].at < t[j].at || t[i].at == t[j].at && t[i].serial < t[j].serial
}

func (t *timers) Pop() any {
	last := len(*t) - 1
	out := (*t)[last]
	*t = (*t)[:last]
	return out
}

// at has something happen when the clock reaches a moment.
func (s *Server) at(moment int64, run func()) {
	s.clock.serial++
	heap.Push(&s.clock.waiting, timer{at: moment, serial: s.clock.serial, run: run})
}

// Now is the time of the account.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	return time.Unix(s.clock.now, 0).UTC()
}

// Advance moves the clock on.
func (s *Server) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	s.advanceTo(s.clock.now + int64(d/time.Second))
}

// AdvanceTo moves the clock to a moment; one in the past changes nothing.
func (s *Server) AdvanceTo(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	s.advanceTo(t.Unix())
}

// settle lets the machine's time pass too, with Ticks, and does what is due.
func (s *Server) settle() {
	target := s.clock.now
	if s.options.Ticks {
		passed := int64(time.Since(s.clock.started) / time.Second)
		target += passed - s.clock.passed
		s.clock.passed = passed
	}
	s.advanceTo(target)
}

func (s *Server) advanceTo(target int64) {
	for len(s.clock.waiting) > 0 && s.clock.waiting[0].at <= target {
		next := heap.Pop(&s.clock.waiting).(timer)
		s.clock.now = max(s.clock.now, next.at)
		next.run()
	}
	s.clock.now = max(s.clock.now, target)
}

// nextMonth gives the first moment after t that lies whole calendar months after the anchor: the same day and time, or the
// last day of a shorter month (Stripe docs, Billing cycle: an anchor on 31 January bills on 28 February, 31 March, 30 April).
func nextMonth(t, anchor int64) int64 {
	a, from := time.Unix(anchor, 0).UTC(), time.Unix(t, 0).UTC()
	months := (from.Year()-a.Year())*12 + int(from.Month()) - int(a.Month())
	for n := months; ; n++ {
		if at := monthsAfter(a, n); at > t {
			return at
		}
	}
}

func monthsAfter(a time.Time, n int) int64 {
	first := time.Date(a.Year(), a.Month()+time.Month(n), 1, a.Hour(), a.Minute(), a.Second(), 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(a.Day(), last)-1).Unix()
}

// testClock is Stripe's own handle for moving time in test mode. Here there is one clock, and every handle moves it.
type testClock struct {
	id, name string
	created  int64
}

func (s *Server) createTestClock(q *request) (object, error) {
	frozen, err := q.number("frozen_time")
	if err != nil {
		return nil, err
	}
	if frozen < s.clock.now {
		return nil, unknown("a test clock in its own past: now is %d", s.clock.now)
	}
	s.advanceTo(frozen)
	c := &testClock{id: s.id("clock"), name: q.text("name"), created: s.clock.now}
	s.testClocks[c.id] = c
	return s.showTestClock(c), nil
}

func (s *Server) getTestClock(q *request) (object, error) {
	c := s.testClocks[q.PathValue("id")]
	if c == nil {
		return nil, noSuch("test_helpers.test_clock", q.PathValue("id"))
	}
	return s.showTestClock(c), nil
}

// advanceTestClock moves at most two months, as Stripe does for monthly subscriptions.
func (s *Server) advanceTestClock(q *request) (object, error) {
	c := s.testClocks[q.PathValue("id")]
	if c == nil {
		return nil, noSuch("test_helpers.test_clock", q.PathValue("id"))
	}
	frozen, err := q.number("frozen_time")
	if err != nil {
		return nil, err
	}
	if frozen <= s.clock.now || frozen > monthsAfter(time.Unix(s.clock.now, 0).UTC(), 2) {
		return nil, invalid("frozen_time", "The frozen_time must be after the clock's and at most two intervals of the shortest subscription ahead.")
	}
	s.advanceTo(frozen)
	return s.showTestClock(c), nil
}

func (s *Server) deleteTestClock(q *request) (object, error) {
	id := q.PathValue("id")
	if s.testClocks[id] == nil {
		return nil, noSuch("test_helpers.test_clock", id)
	}
	delete(s.testClocks, id)
	return object{"id": id, "object": "test_helpers.test_clock", "deleted": true}, nil
}

func (s *Server) showTestClock(c *testClock) object {
	return s.shaped("test_helpers.test_clock", object{
		"id": c.id, "created": c.created, "deletes_after": c.created + int64(30*day/time.Second),
		"frozen_time": s.clock.now, "name": orNull(c.name), "status": "ready",
	})
}

func (s *Server) showAccount(*request) (object, error) {
	out := s.shaped("account", object{"id": "acct_stripetest", "created": s.options.Now.Unix(), "email": "operator@example.com"})
	delete(out, "livemode")
	return out, nil
}

func (s *Server) showBalance(*request) (object, error) {
	empty := []object{{"amount": 0, "currency": "usd"}}
	return s.shaped("balance", object{"available": empty, "pending": empty}), nil
}

// unrouted answers what the fake has no route for.
func (s *Server) unrouted(w http.ResponseWriter, r *http.Request) {
	s.calls.begin(r, "", nil, s.Now()).finish(http.StatusNotImplemented)
	_, raw, _ := s.refuse(r, unknown("%s %s", r.Method, r.URL.Path), nil)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusNotImplemented)
	fmt.Fprintf(w, "%s", raw)
}
