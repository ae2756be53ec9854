package mail

// office_test.go is an outbox at work, whose clock, store and mail server do as the tests say.

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// nobodysPort is one that no server listens on, and that is given to none.
const nobodysPort = 1

// office is an outbox at work: a real store, a mail server, and a clock of its own.
type office struct {
	t     *testing.T
	store *store.Store
	fix   storetest.Fixture
	clock *storetest.Clock
	sink  *sink
	mail  *Mail
	log   *lines

	mu       sync.Mutex
	outcomes map[Outcome]int
	tried    chan Outcome
	notes    *faultyNotes
}

// lines is a log that tests read.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// faultyNotes is the store, which can't be told of ends while it is broken.
type faultyNotes struct {
	*store.Store
	mu     sync.Mutex
	broken bool
}

func (f *faultyNotes) FinishMail(ctx context.Context, m store.Mail) error {
	f.mu.Lock()
	broken := f.broken
	f.mu.Unlock()
	if broken {
		return store.ErrDiskFull
	}
	return f.Store.FinishMail(ctx, m)
}

func newOffice(t *testing.T, change ...func(*Mail)) *office {
	t.Helper()
	o := &office{t: t, clock: storetest.NewClock(noon), sink: newSink(t, sinkKind{}), log: &lines{}, outcomes: map[Outcome]int{}, tried: make(chan Outcome, 1000)}
	o.store = storetest.Open(t, storetest.WithClock(o.clock), func(c *store.Config) { c.Mail = true })
	o.fix = storetest.Org(t, o.store, "Harbour Stays")
	o.notes = &faultyNotes{Store: o.store}
	o.mail = mailTo(t, "smtp://"+o.sink.addr, o.sink, func(c *Config) {
		c.Outbox, c.Now, c.Observe, c.Log = o.notes, o.clock.Now, o.observe, slog.New(slog.NewTextHandler(o.log, nil))
	})
	o.mail.look, o.mail.grace = 2*time.Millisecond, 50*time.Millisecond
	for _, f := range change {
		f(o.mail)
	}
	return o
}

func (o *office) observe(out Outcome) {
	o.mu.Lock()
	o.outcomes[out]++
	o.mu.Unlock()
	o.tried <- out
}

func (o *office) count(out Outcome) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.outcomes[out]
}

// open runs the outbox until the test ends or the returned function is called.
func (o *office) open() (shut func()) {
	o.t.Helper()
	ctx, cancel := context.WithCancel(o.t.Context())
	done := make(chan struct{})
	go func() { o.mail.Run(ctx); close(done) }()
	shut = func() { cancel(); <-done }
	o.t.Cleanup(shut)
	return shut
}

func (o *office) queue(key string) {
	o.t.Helper()
	err := o.fix.Org.EnqueueMails(o.t.Context(), store.NewMail{Kind: store.MailRestored, To: store.ToOwners, DedupeKey: key})
	if err != nil {
		o.t.Fatal(err)
	}
}

// next waits for the next try to end.
func (o *office) next(want Outcome) {
	o.t.Helper()
	select {
	case got := <-o.tried:
		if got != want {
			o.t.Fatalf("a try ended as %s, want %s\n%s", got, want, o.log)
		}
	case <-time.After(20 * time.Second):
		o.t.Fatalf("no try ended; want %s\n%s", want, o.log)
	}
}

// waiting are the mails that are due at the end of time.
func (o *office) waiting() []store.Mail {
	o.t.Helper()
	all, err := o.store.DueMails(o.t.Context(), noon.AddDate(10, 0, 0), 1000)
	if err != nil {
		o.t.Fatal(err)
	}
	return all
}

// settled waits until the store waits for nothing any more.
func (o *office) settled() {
	o.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); len(o.waiting()) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			o.t.Fatalf("%d mails still wait\n%s", len(o.waiting()), o.log)
		}
	}
}

// await waits until the one mail that waits is as it should be.
func (o *office) await(ok func(store.Mail) bool) store.Mail {
	o.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if all := o.waiting(); len(all) == 1 && ok(all[0]) {
			return all[0]
		}
		if time.Now().After(deadline) {
			o.t.Fatalf("the mail is not as it should be: %+v", o.waiting())
		}
	}
}

// untilDue is how long the store keeps the mail back, to the minute.
func (o *office) untilDue(m store.Mail) time.Duration {
	o.t.Helper()
	for wait := time.Duration(0); wait < 7*time.Hour; wait += time.Minute {
		due, err := o.store.DueMails(o.t.Context(), o.clock.Now().Add(wait), 10)
		if err != nil {
			o.t.Fatal(err)
		}
		if len(due) == 1 && due[0].ID == m.ID {
			return wait
		}
	}
	o.t.Fatal("the mail never comes back")
	return 0
}
