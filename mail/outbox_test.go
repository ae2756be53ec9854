package mail

// outbox_test.go sees when each mail is tried, and that it goes out once.

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

func TestAMailIsSentOnceAndAtOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t, func(m *Mail) { m.look = time.Hour }) // only the word of the store can wake it
	shut := o.open()
	for i := range 20 {
		o.queue(fmt.Sprint(i))
	}
	for range 20 {
		o.next(Sent)
	}
	o.settled()
	shut()
	ids := map[string]bool{}
	for _, m := range o.sink.all() {
		h, parts := m.read(t)
		ids[h.Get("Message-Id")] = true
		if m.to != o.fix.Email || !strings.Contains(parts["text/plain"], "Harbour Stays") {
			t.Errorf("to %s: %s", m.to, parts["text/plain"])
		}
	}
	if len(ids) != 20 || len(o.sink.all()) != 20 {
		t.Errorf("%d mails with %d ids, want 20", len(o.sink.all()), len(ids))
	}
}

// A server that is down for hours costs no mail a try, and each is sent once when it
// is back.
func TestMailsWaitForTheServer(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	port := o.mail.server.port
	o.mail.server.port = nobodysPort
	shut := o.open()
	o.queue("the first to find out")
	o.next(Deferred)
	for i := range 9 {
		o.queue(fmt.Sprint(i))
	}
	for range 8 { // an outage of two hours: one knock each time that it is due
		o.clock.Advance(15 * time.Minute)
		o.next(Deferred)
	}
	if n := len(o.waiting()); n != 10 || o.count(Deferred) != 9 {
		t.Errorf("%d wait and %d were tried", n, o.count(Deferred))
	}
	for _, m := range o.waiting() {
		if m.Attempts != 0 {
			t.Errorf("%s was tried %d times", m.ID, m.Attempts)
		}
	}
	shut()
	o.mail.server.port = port
	o.open()
	o.settled()
	if n := len(o.sink.all()); n != 10 {
		t.Errorf("%d mails arrived, want 10", n)
	}
	if got := strings.Count(o.log.String(), "takes no mail"); got != 1 {
		t.Errorf("the outage is told %d times:\n%s", got, o.log)
	}
}

// The same process sees the server come back.
func TestTheServerComesBack(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	var mu sync.Mutex
	down := true
	o.sink.failing("HELLO", func(string) error {
		mu.Lock()
		defer mu.Unlock()
		if down {
			return &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "not now"}
		}
		return nil
	})
	o.open()
	o.queue("the first to find out")
	o.next(Deferred)
	for i := range 4 {
		o.queue(fmt.Sprint(i))
	}
	mu.Lock()
	down = false
	mu.Unlock()
	o.clock.Advance(time.Minute)
	for range 5 {
		o.next(Sent)
	}
	o.settled()
	if !strings.Contains(o.log.String(), "takes mail again") {
		t.Errorf("the log does not say that it is over:\n%s", o.log)
	}
}

func TestBackOffAndTheEnd(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.sink.failing("RCPT", answering(451))
	o.open()
	o.queue("slow")
	var waits []time.Duration
	for {
		got := <-o.tried
		if got == Failed {
			break
		}
		m := o.await(func(m store.Mail) bool { return m.Attempts == len(waits)+1 })
		wait := o.untilDue(m)
		waits = append(waits, wait)
		o.clock.Advance(wait)
	}
	want := "[1m0s 2m0s 4m0s 8m0s 16m0s 32m0s 1h4m0s 2h8m0s 4h16m0s 6h0m0s 6h0m0s 6h0m0s 6h0m0s 6h0m0s 6h0m0s 6h0m0s]"
	if got := fmt.Sprint(waits); got != want {
		t.Errorf("it waits %s, want %s", got, want)
	}
	o.settled()
	if age := o.clock.Now().Sub(noon); age < giveUp || age > giveUp+lastRetry {
		t.Errorf("given up after %s", age)
	}
	if len(o.sink.all()) != 0 || !strings.Contains(o.log.String(), "could not be sent within 48 hours") {
		t.Errorf("%d arrived; the log says:\n%s", len(o.sink.all()), o.log)
	}
}

func TestWhatIsRefusedForGoodIsGivenUp(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.sink.failing("RCPT", answering(550))
	o.open()
	o.queue("1")
	o.next(Failed)
	o.settled()
	if strings.Contains(o.log.String(), "secret-token") || strings.Contains(o.log.String(), o.fix.Email) {
		t.Errorf("the log repeats the server's words:\n%s", o.log)
	}
}

func TestALinkThatHasEndedIsNotSent(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	link := fmt.Sprintf(`{"token":"hmcpr_x","ends_at":%q}`, noon.Add(time.Hour).Format(time.RFC3339))
	err := o.store.EnqueueUserMail(t.Context(), store.NewUserMail{UserID: o.fix.Member.UserID, Kind: store.MailResetPassword, DedupeKey: "1", Payload: []byte(link)})
	if err != nil {
		t.Fatal(err)
	}
	o.clock.Advance(time.Hour)
	o.open()
	o.next(Failed)
	o.settled()
	if n := len(o.sink.all()); n != 0 {
		t.Errorf("%d arrived", n)
	}
}

// A recipient whose server keeps the line open holds up nobody else.
func TestOneThatHangsHoldsUpNobody(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	var seen atomic.Bool
	o.sink.failing("RCPT", func(string) error {
		if !seen.Swap(true) {
			<-release
		}
		return nil
	})
	o.open()
	for i := range 10 {
		o.queue(fmt.Sprint(i))
	}
	for range 9 {
		o.next(Sent)
	}
	if n := len(o.waiting()); n != 1 {
		t.Errorf("%d wait, want the one that hangs", n)
	}
}

// A mail that went out while the store could not be told is not sent again.
func TestAMailThatCanNotBeNotedIsNotSentAgain(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.notes.broken = true
	o.open()
	o.queue("1")
	o.next(Sent)
	o.queue("2") // the outbox is looked at again, and the first one is still due there
	o.next(Sent)
	if n := len(o.waiting()); n != 2 {
		t.Fatalf("%d wait", n)
	}
	o.notes.mu.Lock()
	o.notes.broken = false
	o.notes.mu.Unlock()
	o.settled()
	if n := len(o.sink.all()); n != 2 || o.count(Sent) != 2 {
		t.Errorf("%d arrived, %d are counted; want 2", n, o.count(Sent))
	}
}

// After a crash between the server's yes and our note the mail comes a second time,
// under the same Message-ID.
func TestASecondTimeHasTheSameMessageID(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.notes.broken = true
	shut := o.open()
	o.queue("1")
	o.next(Sent)
	shut()
	o.notes.broken = false
	o.open()
	o.next(Sent)
	o.settled()
	mails := o.sink.all()
	if len(mails) != 2 {
		t.Fatalf("%d arrived", len(mails))
	}
	one, _ := mails[0].read(t)
	two, _ := mails[1].read(t)
	if id := one.Get("Message-Id"); id == "" || id != two.Get("Message-Id") {
		t.Errorf("%q and %q", id, two.Get("Message-Id"))
	}
}

// Told to stop, it stops, and leaves what hangs for the next start.
func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	hangs, release := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(release) })
	o.sink.failing("RCPT", func(string) error { close(hangs); <-release; return errors.New("too late") })
	shut := o.open()
	o.queue("1")
	<-hangs
	shut() // or never ends
	if all := o.waiting(); len(all) != 1 || all[0].Attempts != 0 {
		t.Errorf("waiting: %+v", all)
	}
}

func TestAMailToNobody(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	err := o.fix.Org.EnqueueMails(t.Context(), store.NewMail{Kind: store.MailRestored, To: "mem_gone", DedupeKey: "1"})
	if err != nil {
		t.Fatal(err)
	}
	o.open()
	o.next(Failed)
	o.settled()
}

// A mail to all operators reaches those whom it can reach, once.
func TestOneBadAddressKeepsNoOtherFromTheMail(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	second := storetest.Org(t, o.store, "Second")
	for _, email := range []string{o.fix.Email, second.Email} {
		if err := o.store.SetOperator(t.Context(), email, true); err != nil {
			t.Fatal(err)
		}
	}
	o.sink.failing("RCPT", func(to string) error {
		if to == second.Email {
			return answering(550)(to)
		}
		return nil
	})
	o.open()
	for i, want := range []Outcome{Sent, Failed} {
		if i == 1 {
			o.sink.failing("RCPT", answering(550))
		}
		err := o.fix.Org.EnqueueMails(t.Context(), store.NewMail{Kind: store.MailRestored, To: store.ToOperators, DedupeKey: fmt.Sprint(i)})
		if err != nil {
			t.Fatal(err)
		}
		o.next(want)
	}
	o.settled()
	if mails := o.sink.all(); len(mails) != 1 || mails[0].to != o.fix.Email {
		t.Errorf("taken: %+v", mails)
	}
}
