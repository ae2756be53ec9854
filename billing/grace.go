// The time of grace is a setting, and what follows from it is stored. When the server
// starts with another one, everybody who owes something is judged by that at once, and
// not by what was set when they were looked at last.

package billing

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"hostaway-mcp/store"
)

// graceAtOnce is how many orgs are judged at once: each may wait for the replica.
const graceAtOnce = 16

// ApplyGrace brings what is stored of debts in line with the grace of now, and says
// how many orgs that changed. It asks Stripe nothing and may be repeated. Errors: the
// store's; others have been changed then.
func (b *Billing) ApplyGrace(ctx context.Context) (changed int, err error) {
	var group sync.WaitGroup
	var mu sync.Mutex
	var failures []error
	turns := make(chan struct{}, graceAtOnce)
	for org, err := range b.cfg.Store.EachOrg(ctx) {
		if err != nil {
			group.Wait()
			return changed, errors.Join(append(failures, err)...)
		}
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			moved, err := b.applyGrace(ctx, org)
			mu.Lock()
			defer mu.Unlock()
			if moved {
				changed++
			}
			if err != nil {
				failures = append(failures, fmt.Errorf("give org %s the grace that is set: %w", org.ID(), err))
			}
		})
	}
	group.Wait()
	return changed, errors.Join(failures...)
}

// applyGrace does it for one org. Only an account that has a grace depends on it: what
// Stripe has given up, or ended, does not.
func (b *Billing) applyGrace(ctx context.Context, org *store.Org) (moved bool, err error) {
	release, err := b.orgs.hold(ctx, org.ID())
	if err != nil {
		return false, err
	}
	defer release()
	old, err := org.Billing(ctx)
	if errors.Is(err, store.ErrNotFound) || err == nil && (old.OverdueSince == nil || old.GraceEndsAt == nil) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	end, now := old.OverdueSince.Add(b.cfg.Grace), b.now()
	if end.Equal(*old.GraceEndsAt) {
		return false, nil
	}
	next := old
	next.GraceEndsAt = &end
	if old.Access == store.AccessGrace || old.Access == store.AccessSuspended {
		next.Access = store.AccessSuspended
		if now.Before(end) {
			next.Access = store.AccessGrace
		}
	}
	mails, err := mailsOf(old, next, accessVerdict{}, now)
	if err != nil {
		return false, err
	}
	saved, err := org.SaveBilling(ctx, system(), next, mails...)
	if undone(err) {
		return false, err
	}
	if old.Access != saved.Access {
		b.cfg.Observe.AccessChanged(string(saved.Access))
	}
	b.log.InfoContext(ctx, "an org's time to pay is another, by HMCP_BILLING_GRACE", "org", org.ID(), "ends", end, "from", old.Access, "to", saved.Access)
	return true, nil
}
