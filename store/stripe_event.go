// StripeEvent: the inbox of what Stripe reports. An event says that an object
// changed and nothing more: what it carries is not kept, and the object is read again.

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// StripeEvent is one report. Customer is "" where it is about none; Created is
// Stripe's time and ReceivedAt ours. Seq, ReceivedAt, Attempts and Note are the
// store's; Seq rises with the order in which events came.
type StripeEvent struct {
	Seq                                   int64
	ID, Type, Customer, ObjectID, Version string
	Livemode                              bool
	Created, ReceivedAt                   time.Time
	Attempts                              int
	Note                                  string
}

// EventOutcome is how an event ended.
type EventOutcome string

// Ignored: it was about nobody of ours, or about nothing that we mirror.
const (
	EventDone    EventOutcome = "done"
	EventIgnored EventOutcome = "ignored"
)

// EventOfNobody is the note of an event that waits for its customer to be known. A
// Stripe account that sells other things too has many: no figure counts them as late.
const EventOfNobody = "the customer is not known"

// ReceiveStripeEvent keeps an event; fresh is false when it was there already.
func (s *Store) ReceiveStripeEvent(ctx context.Context, e StripeEvent) (fresh bool, err error) {
	if e.ID == "" || e.Type == "" {
		return false, &InputError{"event", "it must have an id and a type"}
	}
	now := s.now().UnixMilli()
	err = s.write(ctx, func(d systemDoor) error {
		return d.get(ctx, sysReceiveEvent, args{e.ID, e.Type, e.Customer, e.ObjectID, e.Version, e.Livemode, e.Created.UnixMilli(), now}, &e.Seq)
	})
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("keep the Stripe event: %w", err)
	}
	return true, nil
}

// PendingStripeEvents lists up to limit events that are due at this time, in the
// order in which they fell due.
func (s *Store) PendingStripeEvents(ctx context.Context, now time.Time, limit int) (due []StripeEvent, err error) {
	err = s.read(ctx, func(d systemDoor) error {
		due, err = list(ctx, d.hands, sysPendingEvents, args{now.UnixMilli(), limit}, scanEvent)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the pending Stripe events: %w", err)
	}
	return due, nil
}

func scanEvent(row *sql.Rows, e *StripeEvent) error {
	var created, received int64
	err := row.Scan(&e.Seq, &e.ID, &e.Type, &e.Customer, &e.ObjectID, &e.Version, &e.Livemode, &created, &received, &e.Attempts, &e.Note)
	e.Created, e.ReceivedAt = fromMilli(created), fromMilli(received)
	return err
}

// NewestStripeEvent is the Seq of the event that came last, 0 without any. Ask
// before reading from Stripe: what came up to then is in what is read.
func (s *Store) NewestStripeEvent(ctx context.Context) (seq int64, err error) {
	err = s.read(ctx, func(d systemDoor) error { return d.get(ctx, sysNewestEvent, nil, &seq) })
	if err != nil {
		return 0, fmt.Errorf("read the newest Stripe event: %w", err)
	}
	return seq, nil
}

// FinishStripeEvents ends all pending events of a customer that came up to and
// including upTo, due or not, and says how many.
func (s *Store) FinishStripeEvents(ctx context.Context, customer string, upTo int64, outcome EventOutcome, note string) (finished int, err error) {
	if customer == "" {
		return 0, &InputError{"customer", "events without one are finished one by one"}
	}
	return s.finishEvents(ctx, sysFinishEventsOf, args{outcome, short(note), s.now().UnixMilli(), customer, upTo})
}

// FinishStripeEvent ends one event. One that has ended stays as it is.
func (s *Store) FinishStripeEvent(ctx context.Context, id string, outcome EventOutcome, note string) error {
	_, err := s.finishEvents(ctx, sysFinishEvent, args{outcome, short(note), s.now().UnixMilli(), id})
	return err
}

func (s *Store) finishEvents(ctx context.Context, text string, values args) (finished int, err error) {
	err = s.write(ctx, func(d systemDoor) error {
		gone, err := list(ctx, d.hands, text, values, func(row *sql.Rows, to *int) error { return row.Scan(to) })
		finished = len(gone)
		return err
	})
	if isChecked(err) {
		err = &InputError{"outcome", "it must be done or ignored"}
	}
	if err != nil {
		return 0, fmt.Errorf("finish Stripe events: %w", err)
	}
	return finished, nil
}

// DeferStripeEvent has a pending event tried again at a time, and counts the attempt.
// The other pending events of its customer that came before it wait with it.
func (s *Store) DeferStripeEvent(ctx context.Context, id string, next time.Time, problem string) error {
	err := s.write(ctx, func(d systemDoor) error {
		return d.exec(ctx, sysDeferEvent, args{id, next.UnixMilli(), short(problem)})
	})
	if err != nil {
		return fmt.Errorf("defer the Stripe event: %w", err)
	}
	return nil
}

// short bounds what is kept of a failure.
func short(text string) string { return text[:min(len(text), jobErrorMost)] }
