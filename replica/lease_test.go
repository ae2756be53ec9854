package replica

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

// clock is set by the test. It has no monotonic reading unless real says so.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// shelf is a storage for objects with a clock of its own.
type shelf struct {
	clock *clock

	mu        sync.Mutex
	objects   map[string]shelved
	writes    int
	away      error // every call fails with it
	loseReply bool  // the next write is done, and its answer lost
	blind     bool  // conditions are ignored
	simple    bool  // conditions are refused
	ageless   bool  // it tells no clock
}

type shelved struct {
	data    []byte
	version string
	at      time.Time
}

func newShelf(c *clock) *shelf { return &shelf{clock: c, objects: map[string]shelved{}} }

func (s *shelf) get(_ context.Context, name string) (object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.objects[name]
	switch {
	case s.away != nil:
		return object{}, s.away
	case !ok:
		return object{}, errNoObject
	}
	return object{data: o.data, version: o.version, age: s.clock.Now().Sub(o.at), aged: !s.ageless}, nil
}

func (s *shelf) put(_ context.Context, name string, data []byte, on condition) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	is, there := s.objects[name]
	switch {
	case s.away != nil:
		return "", s.away
	case s.simple && on != (condition{}):
		return "", errConditions
	case s.blind:
	case on.absent && there, on.version != "" && on.version != is.version:
		return "", errConflict
	}
	s.writes++
	version := fmt.Sprintf("v%d", s.writes)
	s.objects[name] = shelved{data: data, version: version, at: s.clock.Now()}
	if s.loseReply {
		s.loseReply = false
		return "", context.DeadlineExceeded
	}
	return version, nil
}

func (s *shelf) record(t *testing.T) (r leaseRecord) {
	t.Helper()
	must(t, json.Unmarshal(s.objects[leaseObject].data, &r))
	return r
}

// leaseOf is the lease of a server on a machine of its own.
func leaseOf(s *shelf, now func() time.Time, name string) *lease {
	return newLease(s, usualPace(), now, "node of "+name, name, processMark{Boot: "boot of " + name, PID: 1, Lock: "lock of " + name})
}

func isHeld(err error) bool  { return errors.As(err, new(*heldError)) }
func isTaken(err error) bool { return errors.As(err, new(*takenError)) }

func TestOfTwoServersOneGetsTheLease(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := newShelf(c)
	a, b := leaseOf(s, c.Now, "a"), leaseOf(s, c.Now, "b")
	_, err := a.acquire(t.Context())
	must(t, err)
	if _, err := b.acquire(t.Context()); !isHeld(err) || b.held() {
		t.Fatalf("the second one: %v", err)
	}
	for range 10 { // renewed in time, it stays
		c.advance(20 * time.Second)
		must(t, a.renew(t.Context()))
		if _, err := b.acquire(t.Context()); !isHeld(err) {
			t.Fatalf("taken from a server that renews: %v", err)
		}
	}
	must(t, a.release(t.Context()))
	before, err := b.acquire(t.Context())
	must(t, err)
	if a.held() || !b.held() || before.Host != "a" || b.epoch() != a.epoch()+1 {
		t.Errorf("after the release: a %v, b %v, before %+v, epochs %d and %d", a.held(), b.held(), before, a.epoch(), b.epoch())
	}
}

func TestALeaseIsTakenOverAfterItsTime(t *testing.T) {
	t.Parallel()
	for name, ageless := range map[string]bool{"the storage tells its clock": false, "it tells none": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClock()
			s := newShelf(c)
			s.ageless = ageless
			a, b := leaseOf(s, c.Now, "a"), leaseOf(s, c.Now, "b")
			_, err := a.acquire(t.Context())
			must(t, err)
			for second := 0; ; second++ {
				if _, err := b.acquire(t.Context()); err == nil {
					break
				} else if !isHeld(err) || second > 70 {
					t.Fatalf("after %d s: %v", second, err)
				}
				c.advance(time.Second)
			}
			if a.held() {
				t.Error("both have the right")
			}
			if err := a.renew(t.Context()); !isTaken(err) {
				t.Errorf("the old one renews: %v", err)
			}
			if err := a.release(t.Context()); err != nil || s.record(t).Host != "b" {
				t.Errorf("the old one gives back what is the other's: %v", err)
			}
		})
	}
}

// TestClocksOfMachinesDontMatter: whoever takes over waits by the storage's clock,
// and whoever holds counts from its own request.
func TestClocksOfMachinesDontMatter(t *testing.T) {
	t.Parallel()
	storage := newClock()
	s := newShelf(storage)
	wrong := map[string]time.Duration{"a day behind": -24 * time.Hour, "a day ahead": 24 * time.Hour}
	for name, off := range wrong {
		a := leaseOf(s, func() time.Time { return storage.Now().Add(off) }, "a")
		b := leaseOf(s, storage.Now, "b")
		_, err := a.acquire(t.Context())
		must(t, err)
		storage.advance(44 * time.Second)
		if _, err := b.acquire(t.Context()); !isHeld(err) || !a.held() {
			t.Errorf("%s: taken over after 44 s (%v), or given up (%v)", name, err, a.held())
		}
		storage.advance(2 * time.Second)
		if a.held() {
			t.Errorf("%s: still held within the margin", name)
		}
		storage.advance(15 * time.Second)
		_, err = b.acquire(t.Context())
		must(t, err)
		must(t, b.release(t.Context()))
	}
}

// TestSleepEndsTheRight: while a machine sleeps, only the clock that people see
// goes on.
func TestSleepEndsTheRight(t *testing.T) {
	t.Parallel()
	base := time.Now()
	asleep := time.Duration(0)
	now := func() time.Time {
		if asleep == 0 {
			return base
		}
		return base.Round(0).Add(asleep) // no monotonic reading: that did not go on
	}
	a := leaseOf(newShelf(newClock()), now, "a")
	_, err := a.acquire(t.Context())
	must(t, err)
	if !a.held() {
		t.Fatal("not held")
	}
	if asleep = time.Hour; a.held() {
		t.Error("the machine slept for an hour, and the right is still held")
	}
}

func TestTheSameServerComesBackAtOnce(t *testing.T) {
	t.Parallel()
	c := newClock()
	mark := func(boot, lock string) processMark { return processMark{Boot: boot, PID: 1, Lock: lock} }
	cases := map[string]struct {
		before, after processMark
		atOnce        bool
	}{
		"the process crashed":           {mark("boot", "1:2"), mark("boot", "1:2"), true},
		"the folder was copied":         {mark("boot", "1:2"), mark("boot", "1:3"), false},
		"the machine was started anew":  {mark("boot", "1:2"), mark("other", "1:2"), false},
		"nothing is known of a process": {processMark{}, processMark{}, false},
	}
	for name, tt := range cases {
		s := newShelf(c)
		first := newLease(s, usualPace(), c.Now, "node", "host", tt.before)
		_, err := first.acquire(t.Context())
		must(t, err)
		again := newLease(s, usualPace(), c.Now, "node", "host", tt.after)
		if _, err := again.acquire(t.Context()); (err == nil) != tt.atOnce {
			t.Errorf("%s: %v; want at once: %v", name, err, tt.atOnce)
		}
	}
}

func TestALostAnswerIsNoLostLease(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := newShelf(c)
	a := leaseOf(s, c.Now, "a")
	_, err := a.acquire(t.Context())
	must(t, err)
	s.loseReply = true
	if err := a.renew(t.Context()); err == nil {
		t.Fatal("a lost answer was taken for one")
	}
	c.advance(20 * time.Second)
	must(t, a.renew(t.Context()))
	if !a.held() {
		t.Error("not held")
	}
	s.away = errors.New("unplugged")
	c.advance(30 * time.Second)
	if err := a.renew(t.Context()); err == nil || !a.held() {
		t.Errorf("away: %v, held %v", err, a.held())
	}
	c.advance(20 * time.Second)
	if a.held() {
		t.Error("held for 50 s without an answer")
	}
	s.away = nil
	c.advance(time.Hour)
	must(t, a.renew(t.Context())) // nobody else came
	if !a.held() {
		t.Error("not held though nobody else took it")
	}
}

// TestALeaseIsGivenBackThoughAnAnswerWasLost: a renewal that is broken off by the end
// may have arrived.
func TestALeaseIsGivenBackThoughAnAnswerWasLost(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := newShelf(c)
	a, b := leaseOf(s, c.Now, "a"), leaseOf(s, c.Now, "b")
	_, err := a.acquire(t.Context())
	must(t, err)
	s.loseReply = true
	if err := a.renew(t.Context()); err == nil {
		t.Fatal("a lost answer was taken for one")
	}
	must(t, a.release(t.Context()))
	if _, err := b.acquire(t.Context()); err != nil {
		t.Errorf("it was not given back: %v", err)
	}
	if err := a.release(t.Context()); err != nil || s.record(t).Released { // it is b's now
		t.Errorf("given back again: %v", err)
	}
}

func TestAVanishedLeaseIsNotMadeAnew(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := newShelf(c)
	a := leaseOf(s, c.Now, "a")
	_, err := a.acquire(t.Context())
	must(t, err)
	delete(s.objects, leaseObject)
	if err := a.renew(t.Context()); !errors.Is(err, errVanished) || len(s.objects) > 0 {
		t.Errorf("%v; %d objects", err, len(s.objects))
	}
}

func TestTheProbeFindsStoragesThatIgnoreConditions(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		adjust func(*shelf)
		want   bool
	}{
		"as it should be": {func(*shelf) {}, true},
		"ignores them":    {func(s *shelf) { s.blind = true }, false},
		"refuses them":    {func(s *shelf) { s.simple = true }, false},
	}
	for name, tt := range cases {
		c := newClock()
		s := newShelf(c)
		tt.adjust(s)
		a := leaseOf(s, c.Now, "a")
		_, err := a.acquire(t.Context())
		must(t, err)
		must(t, a.probe(t.Context()))
		if a.isEnforced() != tt.want {
			t.Errorf("%s: enforced %v", name, a.isEnforced())
		}
		must(t, a.renew(t.Context()))
		if !a.held() {
			t.Errorf("%s: not held", name)
		}
	}
}

func TestARecordThatCannotBeReadIsWaitedFor(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := newShelf(c)
	s.objects[leaseObject] = shelved{data: []byte("{"), version: "v0", at: c.Now()}
	a := leaseOf(s, c.Now, "a")
	if _, err := a.acquire(t.Context()); !isHeld(err) {
		t.Errorf("taken at once: %v", err)
	}
	c.advance(61 * time.Second)
	_, err := a.acquire(t.Context())
	must(t, err)
}

func TestOnlyWhoDeclaresItIsAWriter(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := newShelf(c)
	a, b := leaseOf(s, c.Now, "a"), leaseOf(s, c.Now, "b")
	_, err := a.acquire(t.Context())
	must(t, err)
	must(t, a.declare(t.Context()))
	must(t, a.release(t.Context()))
	_, err = b.acquire(t.Context()) // and only looks
	must(t, err)
	must(t, b.renew(t.Context()))
	must(t, b.release(t.Context()))
	if r := s.record(t); r.Writer != "node of a" || r.WriterEpoch != 1 || r.Epoch != 2 {
		t.Errorf("%+v", r)
	}
}
