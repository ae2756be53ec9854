package billing

// reconcile.go runs the reconciler: hourly a light look, nightly a full one. What
// differs from Stripe is read again, a quantity that somebody changed there is set
// back, and everything else is left to a person. Repeating a run does nothing twice.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"hostaway-mcp/store"
)

const (
	refreshMost  = 200         // orgs that one run reads again; the next run goes on
	refreshHands = 4           // at once
	eventsBack   = 3 * day     // how far back the first look after a start goes
	eventsOver   = time.Hour   // by which two looks overlap
	eventsFresh  = time.Minute // events may still be on their way
	eventsMost   = 5000        // in one look
)

// sweeps is what the reconciler remembers between two runs.
type sweeps struct {
	mu      sync.Mutex
	events  time.Time   // up to when events were looked for
	setBack []time.Time // when quantities were set back, within a day
}

// Sweep is the hourly run: lists of subscriptions, open invoices and events, compared
// with what is known; no call for an org of which nothing differs. Errors: *Error when
// Stripe can't be read (then nothing is concluded), and the store's.
func (b *Billing) Sweep(ctx context.Context) (did string, err error) {
	return b.reconcile(ctx, false)
}

// Reconcile is the nightly run: a sweep, and further all customers, the invoices of
// nobody, the events that Stripe could not deliver, and the proof of each period that
// closed within the week.
func (b *Billing) Reconcile(ctx context.Context) (did string, err error) {
	return b.reconcile(ctx, true)
}

func (b *Billing) reconcile(ctx context.Context, full bool) (string, error) {
	var f findings
	missed, err := b.missedEvents(ctx)
	if err != nil {
		return "", err
	}
	if missed > 0 {
		f = append(f, found{invariant: invEvents, subject: "missed events", detail: fmt.Sprintf("%d events had not arrived and were fetched", missed), repaired: true})
	}
	s, err := b.look(ctx, full)
	if err != nil {
		return "", err
	}
	f = append(f, s.examine()...)
	if full {
		if err := b.undelivered(ctx, &f); err != nil {
			return "", err
		}
	}
	if err := b.repair(ctx, s, &f); err != nil {
		return "", err
	}
	if err := b.askOperators(ctx, s); err != nil {
		return "", err
	}
	proof := ""
	if full {
		if proof, err = b.prove(ctx, s); err != nil {
			return "", err
		}
	}
	if err := b.keepFindings(ctx, f, full); err != nil {
		return "", err
	}
	return f.told(len(s.orgs)) + proof, nil
}

// told says in a few words what a run found.
func (f findings) told(orgs int) string {
	repaired := 0
	for _, one := range f {
		if one.repaired {
			repaired++
		}
	}
	return fmt.Sprintf("%d orgs compared, %d findings, %d repaired", orgs, len(f), repaired)
}

// missedEvents asks for the ids of the events since the last look, and puts those
// that never arrived into the inbox, which reads what they are about.
func (b *Billing) missedEvents(ctx context.Context) (missed int, err error) {
	now := b.now()
	b.sweeps.mu.Lock()
	since := b.sweeps.events
	b.sweeps.mu.Unlock()
	if since.IsZero() {
		since = now.Add(-eventsBack)
	}
	looked, ours := 0, b.oursOf(ctx)
	for e, err := range b.stripe.eachEvent(ctx, since.Add(-eventsOver), false) {
		if err != nil {
			return missed, err
		}
		if looked++; looked > eventsMost { // so long an outage is made up for by comparing, not by events
			break
		}
		if e.Live != b.live || now.Sub(e.CreatedAt) < eventsFresh || !ours(e) {
			continue
		}
		fresh, err := b.cfg.Store.ReceiveStripeEvent(ctx, store.StripeEvent{
			ID: e.ID, Type: e.Type, Customer: e.CustomerID, ObjectID: e.ObjectID, Version: e.APIVersion, Created: e.CreatedAt, Livemode: e.Live,
		})
		if err != nil {
			return missed, err
		}
		if fresh {
			missed++
		}
	}
	b.sweeps.mu.Lock()
	b.sweeps.events = now
	b.sweeps.mu.Unlock()
	if missed > 0 {
		b.log.WarnContext(ctx, "events of Stripe's had not arrived and were fetched", "events", missed)
		b.wakeInbox()
	}
	return missed, nil
}

// oursOf tells of an event whether it is of a kind that is mirrored, and of an org.
// The account may sell other things too, whose events are nothing to us.
func (b *Billing) oursOf(ctx context.Context) func(stripeEvent) bool {
	kinds, customers := subscribedEvents(), map[string]bool{"": true}
	return func(e stripeEvent) bool {
		if !slices.Contains(kinds, e.Type) {
			return false
		}
		ours, seen := customers[e.CustomerID]
		if !seen {
			_, err := b.cfg.Store.OrgByStripeCustomer(ctx, e.CustomerID)
			ours = !errors.Is(err, store.ErrNotFound)
			customers[e.CustomerID] = ours
		}
		return ours
	}
}

// undelivered is the other half of I6: what Stripe could not deliver for an hour. It
// says so of an event as long as any endpoint of the account has not taken it, so those
// are left out that are no younger than one that came here: they came too, or are
// fetched by each sweep.
func (b *Billing) undelivered(ctx context.Context, f *findings) error {
	now := b.now()
	came, err := b.lastVerified(ctx)
	if err != nil {
		return err
	}
	n, oldest := 0, now
	for e, err := range b.stripe.eachEvent(ctx, now.Add(-day), true) {
		if err != nil {
			return err
		}
		if slices.Contains(subscribedEvents(), e.Type) && now.Sub(e.CreatedAt) > time.Hour && e.CreatedAt.After(came) && n < eventsMost {
			n++
			oldest = e.CreatedAt
		}
	}
	if n > 0 {
		f.of("endpoint", invEvents, "Stripe could not deliver events of the last day: %d, the oldest of %s", n, oldest.Format(time.RFC3339))
	}
	return nil
}

// repair does what can be done by itself. Reading an org again changes nothing at
// Stripe and is only limited in number; setting quantities back stops where it would
// be too many in a day.
func (b *Billing) repair(ctx context.Context, s *survey, f *findings) error {
	var refreshes, setBacks []int
	for i, one := range *f {
		switch one.remedy {
		case refresh:
			refreshes = append(refreshes, i)
		case setBack:
			setBacks = append(setBacks, i)
		}
	}
	if !b.maySetBack(len(setBacks), len(s.orgs)) {
		detail := fmt.Sprintf("%d of %d orgs would have their quantity set back, more than a run may, so none was", len(setBacks), len(s.orgs))
		b.log.ErrorContext(ctx, "the reconciler has stopped: it would change too many subscriptions", "orgs", len(setBacks), "of", len(s.orgs))
		f.of(ReconcilerSubject, invQuantity, "%s", detail)
		setBacks = nil
	}
	for _, i := range setBacks {
		one := &(*f)[i]
		err := b.markDirty(ctx, one.org)
		if err != nil {
			return fmt.Errorf("set the quantity of org %s back: %w", one.org.ID(), err)
		}
		one.repaired = true
	}
	if len(setBacks) > 0 {
		b.wakeQuantities()
	}
	return b.refreshAll(ctx, *f, refreshes[:min(len(refreshes), refreshMost)])
}

// refreshAll reads orgs again, each once. One that can't be read is left to the next
// run; it is logged.
func (b *Billing) refreshAll(ctx context.Context, f findings, which []int) error {
	var group sync.WaitGroup
	turns := make(chan struct{}, refreshHands)
	done := map[string]*bool{}
	for _, i := range which {
		org := f[i].org
		if done[org.ID()] != nil {
			continue
		}
		ok := new(bool)
		done[org.ID()] = ok
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			if err := b.Refresh(ctx, org); err != nil {
				b.log.WarnContext(ctx, "an org that differs from Stripe could not be read again", "org", org.ID(), "error", err)
				return
			}
			*ok = true
		})
	}
	group.Wait()
	for _, i := range which {
		f[i].repaired = *done[f[i].org.ID()]
	}
	return ctx.Err()
}

// maySetBack tells whether n more quantities may be set back, after those of the
// last day, and notes them.
func (b *Billing) maySetBack(n, orgs int) bool {
	now := b.now()
	b.sweeps.mu.Lock()
	defer b.sweeps.mu.Unlock()
	b.sweeps.setBack = slices.DeleteFunc(b.sweeps.setBack, func(t time.Time) bool { return now.Sub(t) > day })
	if tooMany(len(b.sweeps.setBack)+n, orgs) {
		return false
	}
	for range n {
		b.sweeps.setBack = append(b.sweeps.setBack, now)
	}
	return true
}

// markDirty has the org's quantity brought to Stripe again.
func (b *Billing) markDirty(ctx context.Context, org *store.Org) error {
	desired, err := org.Desired(ctx)
	if err != nil {
		return err
	}
	return b.edit(ctx, org, desired, nil, false, func(q *store.DesiredQuantity, _ bool) { *q = dirty(*q) })
}

// askOperators asks once, after two weeks, what to bill an org whose credentials
// Hostaway refuses.
func (b *Billing) askOperators(ctx context.Context, s *survey) error {
	for _, o := range s.orgs {
		if o.refused == nil || s.now.Sub(*o.refused) < refusedAsk || !lives(o.account) {
			continue
		}
		connection, err := o.org.Connection(ctx)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		mail, err := store.NewBillingMail(store.MailCredentialsDecide, store.ToOperators, fmt.Sprintf("credentials_decide:%d", connection.Version),
			store.BillingMail{AccountID: connection.AccountID, Since: o.refused, Listings: o.desired.Quantity})
		if err != nil {
			return err
		}
		if err := o.org.EnqueueMails(ctx, mail); err != nil {
			return err
		}
	}
	return nil
}

// keepFindings records a run. A light one has not looked at customers and invoices of
// nobody, nor at the endpoint, so findings about them stay.
func (b *Billing) keepFindings(ctx context.Context, f findings, full bool) error {
	run := store.FindingsRun{Invariants: []string{invQuantity, invOneSub, invMirror, invKnown, invEvents, invAccess, invStray}, Found: f.merged()}
	if !full {
		open, err := b.cfg.Store.BillingFindings(ctx, b.now())
		if err != nil {
			return err
		}
		for _, one := range open {
			if one.ResolvedAt == nil && (strings.HasPrefix(one.Subject, "cus_") || strings.HasPrefix(one.Subject, "in_") || one.Subject == "endpoint") {
				run.Unchecked = append(run.Unchecked, one.Subject)
			}
		}
	}
	return b.cfg.Store.RecordFindings(ctx, run)
}

// merged has one finding for each invariant and subject, repaired if all of it was.
func (f findings) merged() (all []store.NewFinding) {
	place := map[string]int{}
	for _, one := range f {
		n := store.NewFinding{Invariant: one.invariant, Subject: one.subject, Detail: one.detail, Repaired: one.repaired}
		if one.org != nil {
			n.OrgID = one.org.ID()
		}
		key := n.Invariant + " " + n.Subject
		if i, ok := place[key]; ok {
			all[i].Detail += "; " + n.Detail
			all[i].Repaired = all[i].Repaired && n.Repaired
			continue
		}
		place[key] = len(all)
		all = append(all, n)
	}
	return all
}
