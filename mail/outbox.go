// The outbox: mails that wait in the store are sent, one by one, until the server
// has taken them or there is no use in trying on.

package mail

import (
	"context"
	"errors"
	"sync"
	"time"

	"hostaway-mcp/store"
)

const (
	atOnce     = 4                // connections to the server; one that hangs leaves three
	look       = 15 * time.Second // between two looks at what is due, when nobody tells of new mails
	firstRetry = time.Minute      // twice as long after each further try
	lastRetry  = 6 * time.Hour
	lastPause  = 15 * time.Minute // between two tries while the server itself does not answer
	giveUp     = 48 * time.Hour   // after a mail was queued
	stopGrace  = 3 * time.Second  // for mails that are on their way when we are told to stop
)

// Outbox is what Run needs of the store, which is where mails wait.
type Outbox interface {
	DueMails(ctx context.Context, now time.Time, limit int) ([]store.Mail, error)
	FinishMail(ctx context.Context, m store.Mail) error
	GiveUpMail(ctx context.Context, m store.Mail, problem string) error
	DeferMail(ctx context.Context, m store.Mail, next time.Time, problem string) error
	MailQueued() <-chan struct{}
}

// Outcome is what came of one try.
type Outcome string

// A mail that is deferred is tried again; one that failed is not.
const (
	Sent     Outcome = "sent"
	Deferred Outcome = "deferred"
	Failed   Outcome = "failed"
)

// Outcomes lists them all.
func Outcomes() []Outcome { return []Outcome{Sent, Deferred, Failed} }

// note is the end of one try, for the store.
type note struct {
	outcome Outcome
	next    time.Time
	problem string
}

// run is one Run.
type run struct {
	*Mail
	freed  chan struct{} // a mail has ended, so there is a connection to spare
	flying sync.WaitGroup

	mu      sync.Mutex
	inHand  map[string]bool // mails that are being sent, or were since the last look
	landed  []string        // those of them that have ended
	unnoted map[string]note // ended, and the store could not be told: not to be sent again
	failed  int             // tries in a row at which the server did not answer
	pause   time.Time       // until then nobody asks it again
}

// Run sends what is due until ctx ends. New mails are sent at once. A mail that is on
// its way then has a moment to arrive.
func (m *Mail) Run(ctx context.Context) {
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	r := &run{Mail: m, freed: make(chan struct{}, 1), inHand: map[string]bool{}, unnoted: map[string]note{}}
	defer r.flying.Wait()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(m.grace, stop) })()
	for ctx.Err() == nil {
		if err := r.round(ctx, sending); err != nil && ctx.Err() == nil {
			m.log.ErrorContext(ctx, "the mails that wait can't be read; it is tried again", "error", err)
		}
		select {
		case <-m.outbox.MailQueued():
		case <-r.freed:
		case <-time.After(m.look):
		case <-ctx.Done():
		}
	}
}

// round begins with what is due, as far as there is a connection to spare.
func (r *run) round(ctx, sending context.Context) error {
	due, err := r.outbox.DueMails(ctx, r.now(), r.clear())
	if err != nil {
		return err
	}
	for _, one := range due {
		known, late := r.ended(one)
		switch {
		case late != nil:
			r.tell(ctx, one, *late)
			r.free() // there may be more behind it
		case !known && r.take(one):
			r.flying.Go(func() { r.deliver(sending, one) })
		}
	}
	return nil
}

// clear forgets what has ended, which the store knows of by now, and says how many
// mails to ask it for.
func (r *run) clear() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range r.landed {
		delete(r.inHand, id)
	}
	r.landed = nil
	return len(r.inHand) + len(r.unnoted) + atOnce
}

func (r *run) free() {
	select {
	case r.freed <- struct{}{}:
	default: // the next look is coming anyway
	}
}

// ended says whether the mail is in somebody's hands, and what is still to be noted
// of it: what the store could not be told the last time, or that its time is over.
func (r *run) ended(one store.Mail) (known bool, late *note) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.inHand[one.ID] {
		return true, nil
	}
	if n, ok := r.unnoted[one.ID]; ok {
		return true, &n
	}
	if problem := overdue(one, r.now()); problem != "" {
		return true, &note{outcome: Failed, problem: problem}
	}
	return false, nil
}

// overdue says why it is too late for the mail, or "".
func overdue(one store.Mail, now time.Time) string {
	switch ends := linkEnds(one); {
	case now.Sub(one.CreatedAt) >= giveUp:
		return "it could not be sent within " + span(giveUp)
	case ends != nil && !now.Before(*ends):
		return "its link ended before it could be sent"
	}
	return ""
}

// take claims the mail and a connection. While the server does not answer, one mail
// at a time finds out whether it does again.
func (r *run) take(one store.Mail) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	most := atOnce
	if r.failed > 0 {
		most = 1
	}
	if len(r.inHand)-len(r.landed) >= most || r.now().Before(r.pause) {
		return false
	}
	r.inHand[one.ID] = true
	return true
}

// deliver tries once. What the server's own trouble kept back is due as before: the
// mail has not been tried.
func (r *run) deliver(ctx context.Context, one store.Mail) {
	err := r.once(ctx, one)
	broken := ctx.Err() != nil && err != nil
	if !broken {
		r.judgeServer(ctx, err)
	}
	var connect *connectError
	switch {
	case broken:
	case errors.As(err, &connect):
		r.observe(Deferred)
	default:
		r.tell(ctx, one, r.noteOf(one, err))
	}
	r.mu.Lock()
	r.landed = append(r.landed, one.ID)
	r.mu.Unlock()
	r.free()
}

// once writes the mail and hands it in.
func (m *Mail) once(ctx context.Context, one store.Mail) error {
	if len(one.To) == 0 {
		return &sendError{what: "its recipient is gone", permanent: true}
	}
	text, err := m.write(one)
	if err != nil {
		return &sendError{what: err.Error(), permanent: true, cause: err}
	}
	return m.toEach(ctx, one, text)
}

// toEach hands the mail in for each recipient by itself, so that an address that is
// refused keeps no other from it. One that has it is enough: trying again would send
// it to that one again.
func (m *Mail) toEach(ctx context.Context, one store.Mail, text letter) error {
	var failures []error
	for _, to := range one.To {
		if err := m.send(ctx, envelope{id: one.ID, to: to.Email, mail: text}); err != nil {
			failures = append(failures, err)
		}
	}
	if len(failures) < len(one.To) {
		for _, err := range failures {
			m.log.WarnContext(ctx, "a mail did not reach all of its recipients", "mail", one.ID, "kind", one.Kind, "error", err)
		}
		return nil
	}
	for _, err := range failures { // the best hope of them decides
		var refused *sendError
		if !errors.As(err, &refused) || !refused.permanent {
			return err
		}
	}
	return failures[0]
}

// noteOf decides what becomes of a mail that the server was told of.
func (r *run) noteOf(one store.Mail, err error) note {
	if err == nil {
		return note{outcome: Sent}
	}
	var refused *sendError
	if errors.As(err, &refused) && refused.permanent {
		return note{outcome: Failed, problem: refused.Error()}
	}
	wait := lastRetry
	if one.Attempts < 10 {
		wait = min(firstRetry<<one.Attempts, lastRetry)
	}
	return note{outcome: Deferred, next: r.now().Add(wait), problem: err.Error()}
}

// judgeServer remembers whether the server answers, and says so when that changes.
func (r *run) judgeServer(ctx context.Context, err error) {
	var connect *connectError
	down := errors.As(err, &connect)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case down && r.now().Before(r.pause): // several found out at once
	case down:
		r.pause = r.now().Add(min(firstRetry<<min(r.failed, 10), lastPause))
		r.failed++
		if r.failed == 1 {
			r.log.WarnContext(ctx, "the mail server takes no mail; it is asked again until it does", "server", r.server.String(), "error", err)
		}
	case r.failed > 0:
		r.log.InfoContext(ctx, "the mail server takes mail again", "server", r.server.String())
		r.failed, r.pause = 0, time.Time{}
	}
}

// tell writes down how a try ended, also when we are told to stop meanwhile. When the
// store can't take it, the mail is kept from being sent again until it can.
func (r *run) tell(ctx context.Context, one store.Mail, n note) {
	ctx = context.WithoutCancel(ctx)
	var err error
	switch n.outcome {
	case Sent:
		err = r.outbox.FinishMail(ctx, one)
	case Failed:
		err = r.outbox.GiveUpMail(ctx, one, n.problem)
	default:
		err = r.outbox.DeferMail(ctx, one, n.next, n.problem)
	}
	r.mu.Lock()
	_, again := r.unnoted[one.ID]
	if err == nil {
		delete(r.unnoted, one.ID)
	} else {
		r.unnoted[one.ID] = n
	}
	r.mu.Unlock()
	if again {
		return // the rest was told the first time
	}
	defer r.observe(n.outcome)
	switch {
	case err != nil:
		r.log.ErrorContext(ctx, "what became of a mail can't be noted; it is tried again", "mail", one.ID, "outcome", string(n.outcome), "error", err)
	case n.outcome == Failed:
		r.log.ErrorContext(ctx, "a mail is given up", "mail", one.ID, "kind", one.Kind, "tries", one.Attempts+1, "error", n.problem)
	case n.outcome == Deferred:
		r.log.WarnContext(ctx, "a mail was not taken; it is tried again", "mail", one.ID, "kind", one.Kind, "next", n.next, "error", n.problem)
	}
}
