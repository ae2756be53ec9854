// The lease: one small object beside the replica says which server may write it,
// and every server writes that object on the condition that it is as it was
// read. A right lasts a minute from the moment it was asked for, by the clock of
// the one who holds it; whoever wants to take it over waits until the object has
// not changed for that long by the storage's own clock. So no two clocks are
// compared.

package replica

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"
)

// pace is how fast things go. Tests make it faster.
type pace struct {
	leaseTTL    time.Duration // how long a right lasts
	leaseRenew  time.Duration // how often it is renewed
	leaseMargin time.Duration // so long before its end nothing is begun any more
	leaseRetry  time.Duration // between tries while the storage is away, or another holds it
	call        time.Duration // for one small object
	list        time.Duration // for one listing
	stall       time.Duration // without a byte, a transfer is given up
	retry       time.Duration // the longest time between tries to copy
	keep        time.Duration // between notes of how far the replica is
	force       time.Duration // look into the log although it seems unchanged
	walCheck    time.Duration // between looks at the size of the log
	drillFirst  time.Duration // from the start to the first drill
	join        time.Duration // between looks whether the replica's files join up
}

func usualPace() pace {
	return pace{
		leaseTTL: 60 * time.Second, leaseRenew: 20 * time.Second, leaseMargin: 15 * time.Second, leaseRetry: 5 * time.Second,
		call: 10 * time.Second, list: time.Minute, stall: 20 * time.Second, retry: 10 * time.Second, keep: 5 * time.Second,
		force: 5 * time.Second, walCheck: 250 * time.Millisecond, drillFirst: 10 * time.Minute, join: 30 * time.Minute,
	}
}

// processMark tells one process of one machine from all others.
type processMark struct {
	Boot    string `json:"boot,omitempty"`  // of the machine, new with each start
	Space   string `json:"space,omitempty"` // in which process ids mean something
	PID     int    `json:"pid"`
	Started string `json:"started,omitempty"`
	Lock    string `json:"lock,omitempty"` // the file that keeps others off the data folder
}

// leaseRecord is the object.
type leaseRecord struct {
	Epoch   int64       `json:"epoch"`  // grows with each new holder
	Node    string      `json:"node"`   // the data folder of the holder
	Holder  string      `json:"holder"` // random, one for each process
	Host    string      `json:"host"`
	Process processMark `json:"process"`
	// Writer is the node that may have written the replica last, and in which
	// epoch. A server that only got the lease and looked does not count.
	Writer      string    `json:"writer,omitempty"`
	WriterEpoch int64     `json:"writer_epoch,omitempty"`
	Released    bool      `json:"released,omitempty"`
	ExpiresAt   time.Time `json:"expires_at"` // for people; nothing is decided by it
}

// heldError: another server has the right now.
type heldError struct {
	by   leaseRecord
	wait time.Duration // until it could be over; more when the holder lives
}

func (e *heldError) Error() string {
	return fmt.Sprintf("the server on %s holds the lease until %s", e.by.Host, e.by.ExpiresAt.UTC().Format(time.RFC3339))
}

// takenError: the right was ours, and another server has taken it.
type takenError struct{ by leaseRecord }

func (e *takenError) Error() string {
	return fmt.Sprintf("the server on %s took the lease over", e.by.Host)
}

// lease is our side of it. It is safe for use by several goroutines.
type lease struct {
	objects objects
	pace    pace
	now     func() time.Time
	me      leaseRecord // node, holder, host and process

	mu       sync.Mutex
	mine     leaseRecord // as last written; epoch 0: never held
	version  string
	since    time.Time // when the right was last asked for
	over     bool      // given back or taken
	enforced bool
	seen     seenLease
}

// seenLease is what another server's object looked like, and since when.
type seenLease struct {
	version string
	since   time.Time
}

func newLease(o objects, p pace, now func() time.Time, node, host string, process processMark) *lease {
	return &lease{
		objects: o, pace: p, now: now, enforced: true,
		me: leaseRecord{Node: node, Holder: rand.Text(), Host: host, Process: process},
	}
}

// remaining is for how long we surely have the right: zero or less when not. It
// is the shorter one of two clocks: the one that people see runs on while the
// machine sleeps, and the other one can't be set back.
func (l *lease) remaining() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mine.Epoch == 0 || l.over {
		return 0
	}
	now := l.now()
	elapsed := max(now.Sub(l.since), now.Round(0).Sub(l.since.Round(0)))
	return l.pace.leaseTTL - l.pace.leaseMargin - elapsed
}

func (l *lease) held() bool { return l.remaining() > 0 }

func (l *lease) status() LeaseStatus {
	left := l.remaining()
	s := LeaseStatus{Held: left > 0, Enforced: l.isEnforced()}
	if s.Held {
		s.Until = l.now().Add(left)
	}
	return s
}

func (l *lease) isEnforced() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.enforced
}

func (l *lease) epoch() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mine.Epoch
}

// peek reads the object and takes nothing. wait says how long its holder may still
// write; zero when it surely won't.
func (l *lease) peek(ctx context.Context) (now leaseRecord, wait time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, l.pace.call)
	defer cancel()
	now, wait, _, err = l.read(ctx)
	return now, wait, err
}

// read gets the object, and the condition on which it may be replaced.
func (l *lease) read(ctx context.Context) (r leaseRecord, wait time.Duration, on condition, err error) {
	found, err := l.objects.get(ctx, leaseObject)
	switch {
	case errors.Is(err, errNoObject):
		return r, 0, condition{absent: true}, nil
	case err != nil:
		return r, 0, on, err
	}
	if err := json.Unmarshal(found.data, &r); err != nil {
		r = leaseRecord{Host: "an unknown machine"} // waits like any other
	}
	return r, l.waitFor(r, found), condition{version: found.version}, nil
}

// acquire tries once to get the right, and returns what the object said before.
// Errors: *heldError, and those of the storage.
func (l *lease) acquire(ctx context.Context) (before leaseRecord, err error) {
	ctx, cancel := context.WithTimeout(ctx, l.pace.call)
	defer cancel()
	before, wait, on, err := l.read(ctx)
	if err != nil {
		return before, err
	}
	if wait > 0 {
		return before, &heldError{by: before, wait: wait}
	}
	l.mu.Lock()
	l.me.Writer, l.me.WriterEpoch = before.Writer, before.WriterEpoch
	l.mu.Unlock()
	err = l.write(ctx, before.Epoch+1, on)
	if errors.Is(err, errConflict) {
		return before, &heldError{by: before, wait: l.pace.leaseRetry}
	}
	return before, err
}

// waitFor says how long the holder may still write; zero when it surely won't.
func (l *lease) waitFor(r leaseRecord, found object) time.Duration {
	if r.Released || r.Process.ended(l.me.Process) {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if l.seen.version != found.version {
		l.seen = seenLease{version: found.version, since: now}
	}
	age := now.Sub(l.seen.since)
	if found.aged {
		age = max(age, found.age)
	}
	return l.pace.leaseTTL - age
}

// write puts the object with our name into the storage. The right counts from
// before the request, since nobody knows when it arrives.
func (l *lease) write(ctx context.Context, epoch int64, on condition) error {
	l.mu.Lock()
	record := l.me
	l.mu.Unlock()
	record.Epoch = epoch
	asked := l.now()
	record.ExpiresAt = asked.Add(l.pace.leaseTTL).UTC()
	version, err := l.put(ctx, record, on)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mine, l.version, l.since, l.over = record, version, asked, false
	return nil
}

func (l *lease) put(ctx context.Context, record leaseRecord, on condition) (string, error) {
	data, err := json.Marshal(record)
	if err != nil {
		return "", err
	}
	version, err := l.objects.put(ctx, leaseObject, data, on)
	if errors.Is(err, errConditions) {
		l.unenforced()
		version, err = l.objects.put(ctx, leaseObject, data, condition{})
	}
	return version, err
}

func (l *lease) unenforced() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.enforced = false
}

// probe finds out whether the storage refuses what it must refuse. It writes what
// is there already, on conditions that don't hold.
func (l *lease) probe(ctx context.Context) error {
	if !l.isEnforced() {
		return nil
	}
	for _, on := range []condition{{absent: true}, {version: `"0123456789abcdef0123456789abcdef"`}} {
		ctx, cancel := context.WithTimeout(ctx, l.pace.call)
		l.mu.Lock()
		record := l.mine
		l.mu.Unlock()
		version, err := l.put(ctx, record, on)
		cancel()
		switch {
		case errors.Is(err, errConflict) || errors.Is(err, errNoObject): // some say 404 to a version of nothing
		case err != nil:
			return err
		default:
			l.mu.Lock()
			l.version, l.enforced = version, false
			l.mu.Unlock()
			return nil
		}
	}
	return nil
}

// declare says in the object that we are going to write the replica.
func (l *lease) declare(ctx context.Context) error {
	l.mu.Lock()
	l.me.Writer, l.me.WriterEpoch = l.me.Node, l.mine.Epoch
	l.mu.Unlock()
	return l.renew(ctx)
}

// renew asks for the right again. Errors: *takenError for good, others until the
// storage answers again.
func (l *lease) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, l.pace.call)
	defer cancel()
	l.mu.Lock()
	epoch, version := l.mine.Epoch, l.version
	l.mu.Unlock()
	err := l.write(ctx, epoch, condition{version: version})
	if !errors.Is(err, errConflict) && !errors.Is(err, errNoObject) {
		return err
	}
	// Either an answer of ours got lost, or it is another server's.
	found, err := l.objects.get(ctx, leaseObject)
	if errors.Is(err, errNoObject) { // we never delete it: this is another place, or an emptied one
		return errVanished
	}
	if err != nil {
		return err
	}
	var by leaseRecord
	if err := json.Unmarshal(found.data, &by); err != nil || by.Holder != l.me.Holder {
		l.mu.Lock()
		l.over = true
		l.mu.Unlock()
		return &takenError{by: by}
	}
	return l.write(ctx, epoch, condition{version: found.version})
}

// release gives the right back, so that nobody has to wait. Once it may have
// ended, it is left alone: it may be another server's.
func (l *lease) release(ctx context.Context) error {
	if !l.held() {
		return nil
	}
	l.mu.Lock()
	record, version := l.mine, l.version
	l.over = true
	l.mu.Unlock()
	record.Released, record.ExpiresAt = true, l.now().UTC()
	ctx, cancel := context.WithTimeout(ctx, l.pace.call)
	defer cancel()
	_, err := l.put(ctx, record, condition{version: version})
	if !errors.Is(err, errConflict) {
		return err
	}
	// A renewal that was broken off may have arrived all the same.
	found, e := l.objects.get(ctx, leaseObject)
	var by leaseRecord
	if e != nil || json.Unmarshal(found.data, &by) != nil || by.Holder != l.me.Holder {
		return err
	}
	_, err = l.put(ctx, record, condition{version: found.version})
	return err
}
