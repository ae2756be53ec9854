// The inbox: for each event that was recorded, the customer's state is read from
// Stripe, once for all events of that customer that came before the reading. Events
// of customers that we do not know wait a day, for a customer may be made and
// reported before it is stored.

package billing

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"hostaway-mcp/store"
)

const (
	inboxBatch   = 200
	inboxHands   = 4               // customers at a time
	inboxPoll    = 2 * time.Second // for what was put off
	unknownFor   = 24 * time.Hour
	firstDelay   = 2 * time.Second
	longestDelay = 5 * time.Minute
	unknownDelay = 10 * time.Minute
)

// noteUnknown is the note of an event that waits for its customer to be known.
const noteUnknown = store.EventOfNobody

func (b *Billing) wakeInbox() {
	select {
	case b.inboxWoken <- struct{}{}:
	default:
	}
}

// runInbox works until ctx ends.
func (b *Billing) runInbox(ctx context.Context) {
	poll := time.NewTicker(inboxPoll)
	defer poll.Stop()
	for {
		if _, err := b.WorkInbox(ctx); err != nil && ctx.Err() == nil {
			b.log.ErrorContext(ctx, "the inbox of Stripe's events could not be worked off; it is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-b.inboxWoken:
		case <-poll.C:
		}
	}
}

// WorkInbox works off the events that are due now, and says how many it took up.
// What fails is put off, and is no error; an error is the store's.
func (b *Billing) WorkInbox(ctx context.Context) (worked int, err error) {
	for {
		due, err := b.cfg.Store.PendingStripeEvents(ctx, b.now(), inboxBatch)
		if err != nil || len(due) == 0 {
			return worked, err
		}
		if err := b.workAll(ctx, byCustomer(due)); err != nil {
			return worked, err
		}
		worked += len(due)
	}
}

// byCustomer keeps of each customer's events the last; events that name no customer
// stand for themselves.
func byCustomer(due []store.StripeEvent) []store.StripeEvent {
	last := map[string]store.StripeEvent{}
	var order []string
	for _, e := range due {
		key := cmp.Or(e.Customer, e.ID)
		old, ok := last[key]
		if !ok {
			order = append(order, key)
		}
		if e.Seq > old.Seq {
			last[key] = e
		}
	}
	events := make([]store.StripeEvent, 0, len(order))
	for _, key := range order {
		events = append(events, last[key])
	}
	return events
}

func (b *Billing) workAll(ctx context.Context, events []store.StripeEvent) error {
	queue := make(chan store.StripeEvent)
	errs := make(chan error, inboxHands)
	var hands sync.WaitGroup
	for range min(inboxHands, len(events)) {
		hands.Go(func() {
			var first error
			for e := range queue {
				if err := b.workEvent(ctx, e); err != nil && first == nil {
					first = err
				}
			}
			errs <- first
		})
	}
	for _, e := range events {
		queue <- e
	}
	close(queue)
	hands.Wait()
	close(errs)
	var all []error
	for err := range errs {
		all = append(all, err)
	}
	return errors.Join(all...)
}

// workEvent brings the org of an event up to date. Its error is the store's.
func (b *Billing) workEvent(ctx context.Context, e store.StripeEvent) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	customer, err := b.customerOf(ctx, e)
	if err != nil {
		return b.putOff(ctx, e, err)
	}
	if customer == "" {
		return b.cfg.Store.FinishStripeEvent(ctx, e.ID, store.EventIgnored, "it is about no customer")
	}
	org, err := b.cfg.Store.OrgByStripeCustomer(ctx, customer)
	if errors.Is(err, store.ErrNotFound) {
		return b.unknown(ctx, e)
	}
	if err != nil {
		return err
	}
	release, err := b.orgs.hold(ctx, org.ID())
	if err != nil {
		return err
	}
	defer release()
	upTo, err := b.cfg.Store.NewestStripeEvent(ctx)
	if err != nil {
		return err
	}
	if _, err := b.refreshHeld(ctx, org); err != nil {
		return b.putOff(ctx, e, err)
	}
	if e.Customer == "" {
		return b.cfg.Store.FinishStripeEvent(ctx, e.ID, store.EventDone, "")
	}
	_, err = b.cfg.Store.FinishStripeEvents(ctx, customer, upTo, store.EventDone, "")
	return err
}

// customerOf: a dispute names its charge alone. Where the key may not read charges,
// nobody can say whose it is, now or later: it is left, and the log says why.
func (b *Billing) customerOf(ctx context.Context, e store.StripeEvent) (string, error) {
	if e.Customer != "" || !strings.HasPrefix(e.Type, "charge.dispute.") || e.ObjectID == "" {
		return e.Customer, nil
	}
	c, err := b.stripe.charge(ctx, e.ObjectID)
	switch kindOf(err) {
	case KindNotFound:
		return "", nil
	case KindKey:
		b.log.WarnContext(ctx, "the Stripe key may not read charges, so it can't be told whose a dispute is", "error", err)
		return "", nil
	default:
		return c.CustomerID, err
	}
}

// unknown: the customer may be stored in a moment, or belong to something else that
// the same Stripe account sells.
func (b *Billing) unknown(ctx context.Context, e store.StripeEvent) error {
	now := b.now()
	if now.Sub(e.ReceivedAt) < unknownFor {
		delay := min(firstDelay<<min(e.Attempts, 20), unknownDelay)
		return b.cfg.Store.DeferStripeEvent(ctx, e.ID, now.Add(delay), noteUnknown)
	}
	b.cfg.Observe.EventPosted("of nobody")
	if e.Customer == "" {
		return b.cfg.Store.FinishStripeEvent(ctx, e.ID, store.EventIgnored, noteUnknown)
	}
	_, err := b.cfg.Store.FinishStripeEvents(ctx, e.Customer, e.Seq, store.EventIgnored, noteUnknown)
	return err
}

// putOff has the event tried again; an ended context is no failure of it.
func (b *Billing) putOff(ctx context.Context, e store.StripeEvent, cause error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	b.log.WarnContext(ctx, "an org could not be brought up to date after an event of Stripe's; it is tried again",
		"event", e.Type, "attempt", e.Attempts+1, "error", cause)
	delay := min(firstDelay<<min(e.Attempts, 20), longestDelay)
	return b.cfg.Store.DeferStripeEvent(ctx, e.ID, b.now().Add(delay), cause.Error())
}
