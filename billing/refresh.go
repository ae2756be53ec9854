// Refresh: read an org's state at Stripe, work out its access, and store both with the
// mails that follow. Reading and storing are one step under the org's lock, so that
// of two readings the later one stands. When Stripe can't be read nothing changes.

package billing

import (
	"context"
	"errors"
	"time"

	"github.com/stripe/stripe-go/v76"

	"hostaway-mcp/store"
)

// system is who changes an account after something happened at Stripe.
func system() store.Actor { return store.Actor{Kind: store.ActorSystem, Name: "billing"} }

// Refresh reads the org's state at Stripe and stores what follows from it. An org
// that has no customer yet is left as it is. Errors: *Error when Stripe can't be read;
// then nothing was changed.
func (b *Billing) Refresh(ctx context.Context, org *store.Org) error {
	release, err := b.orgs.hold(ctx, org.ID())
	if err != nil {
		return err
	}
	defer release()
	_, err = b.refreshHeld(ctx, org)
	return err
}

// refreshHeld is Refresh for who holds the org's lock, and returns the account.
func (b *Billing) refreshHeld(ctx context.Context, org *store.Org) (store.BillingAccount, error) {
	account, err := org.Billing(ctx)
	if errors.Is(err, store.ErrNotFound) || err == nil && account.CustomerID == "" {
		return account, nil
	}
	if err != nil {
		return account, err
	}
	f, err := b.read(ctx, account)
	if err != nil {
		return account, err
	}
	kept, err := b.keep(ctx, org, account, f)
	if !errors.Is(err, store.ErrConflict) {
		return kept, err
	}
	// Somebody wrote it who holds no lock: an operator, or a connection that began a trial.
	if account, err = org.Billing(ctx); err != nil {
		return account, err
	}
	f.TrialEndsAt, f.OverdueSince, f.Returned = account.TrialEndsAt, account.OverdueSince, keptReturned(account)
	return b.keep(ctx, org, account, f)
}

// read asks Stripe for everything that access follows from: the subscriptions, the
// open invoices, of the one that counts the latest invoice, and the charges.
func (b *Billing) read(ctx context.Context, account store.BillingAccount) (facts, error) {
	f := facts{TrialEndsAt: account.TrialEndsAt, OverdueSince: account.OverdueSince, Returned: keptReturned(account)}
	var err error
	f.Subscriptions, err = b.stripe.subscriptionsOf(ctx, account.CustomerID)
	if kindOf(err) == KindNotFound {
		f.CustomerDeleted = true
		return f, nil
	}
	if err != nil {
		return f, err
	}
	chosen, _ := pick(f.Subscriptions)
	if chosen == nil || ended(chosen.Status) {
		c, err := b.stripe.customer(ctx, account.CustomerID)
		f.CustomerDeleted = c.Deleted || kindOf(err) == KindNotFound
		if err != nil && !f.CustomerDeleted {
			return f, err
		}
		if chosen == nil || f.CustomerDeleted {
			return f, nil
		}
		return f, b.readReturned(ctx, &f, account.CustomerID) // who ends a subscription often gives money back
	}
	if f.Open, err = b.stripe.openInvoices(ctx, account.CustomerID); err != nil {
		return f, err
	}
	if err := b.readLatest(ctx, &f, chosen.LatestInvoiceID); err != nil {
		return f, err
	}
	return f, b.readReturned(ctx, &f, account.CustomerID)
}

func (b *Billing) readLatest(ctx context.Context, f *facts, id string) error {
	if id == "" {
		return nil
	}
	for i := range f.Open {
		if f.Open[i].ID == id {
			f.Latest = &f.Open[i]
			return nil
		}
	}
	latest, err := b.stripe.invoice(ctx, id)
	if err != nil {
		return err
	}
	f.Latest = &latest
	return nil
}

// keep works out the access and stores it with its mails.
func (b *Billing) keep(ctx context.Context, org *store.Org, old store.BillingAccount, f facts) (store.BillingAccount, error) {
	now := b.now()
	v := accessOf(f, now, b.cfg.Grace)
	next := b.accountOf(old, v, f, now)
	mails, err := mailsOf(old, next, v, now)
	if err != nil {
		return old, err
	}
	over, err := b.trialOver(ctx, org, old, next)
	if err != nil {
		return old, err
	}
	mails = append(mails, over...)
	if err := b.tellOfTwo(ctx, org, v); err != nil {
		return old, err
	}
	if same(old, next) && old.SyncedAt != nil && now.Sub(*old.SyncedAt) < time.Hour {
		if len(mails) > 0 {
			err = org.EnqueueMails(ctx, mails...)
		}
		return old, errors.Join(err, b.quantitySeen(ctx, org, old, v.Subscription))
	}
	saved, err := org.SaveBilling(ctx, system(), next, mails...)
	if err != nil && !errors.Is(err, store.ErrNotReplicated) {
		return old, err
	}
	if old.Access != saved.Access {
		b.cfg.Observe.AccessChanged(string(saved.Access))
		b.log.InfoContext(ctx, "an org's access changed", "org", org.ID(), "from", old.Access, "to", saved.Access, "reason", saved.AccessReason)
	}
	return saved, b.quantitySeen(ctx, org, saved, v.Subscription)
}

// tellOfTwo keeps the finding of a second subscription as soon as it is seen: the org
// reads that the operator knows. The reconciler confirms it or finds it healed.
func (b *Billing) tellOfTwo(ctx context.Context, org *store.Org, v accessVerdict) error {
	if len(v.Others) == 0 {
		return nil
	}
	var f findings
	f.second(org, v.Subscription.ID, v.Others)
	err := b.cfg.Store.RecordFindings(ctx, store.FindingsRun{Found: f.merged()}) // no invariant was examined, so nothing is resolved
	if errors.Is(err, store.ErrNotReplicated) {
		return nil
	}
	return err
}

// accountOf is the account as it is to be stored.
func (b *Billing) accountOf(old store.BillingAccount, v accessVerdict, f facts, now time.Time) store.BillingAccount {
	next := old
	next.SyncedAt, next.CancelAt, next.OverdueSince, next.GraceEndsAt = &now, v.CancelAt, v.OverdueSince, v.GraceEndsAt
	if old.Access != store.AccessExempt {
		next.Access, next.AccessReason = v.Access, v.Reason
	}
	next.Returned = wordsOf(v.Returned)
	s := v.Subscription
	if s == nil {
		if f.CustomerDeleted && old.SubscriptionID != "" {
			next.Status = string(stripe.SubscriptionStatusCanceled)
			if old.Access != store.AccessExempt {
				next.Access, next.AccessReason = deletedAccess(old, now)
			}
		}
		return next
	}
	next.SubscriptionID, next.Status = s.ID, string(s.Status)
	next.PeriodStart, next.PeriodEnd = known(s.PeriodStart), known(s.PeriodEnd)
	if ended(s.Status) {
		end := endOfEnded(old, *s, now)
		next.PeriodEnd, next.CancelAt = end, end
	}
	next.LatestInvoiceID = s.LatestInvoiceID
	if v.LatestStatus != "" {
		next.LatestInvoiceStatus = v.LatestStatus
	}
	if item, ok := b.itemOf(*s); ok {
		next.ItemID, next.PriceID, next.Currency, next.UnitAmount = item.ID, item.Price.ID, item.Price.Currency, item.Price.UnitAmount
	}
	if rank(*s) < 2 {
		next.CheckoutSession = "" // it has led to a subscription
	}
	return next
}

// deletedAccess: Stripe no longer lists anything of a customer that was deleted.
func deletedAccess(old store.BillingAccount, now time.Time) (store.Access, store.AccessReason) {
	if old.TrialEndsAt != nil && now.Before(*old.TrialEndsAt) {
		return store.AccessTrial, store.ReasonCustomerDeleted
	}
	return store.AccessCanceled, store.ReasonCustomerDeleted
}

// itemOf is the one item of a subscription of ours. A subscription that somebody made
// otherwise has none: the reconciler reports it.
func (b *Billing) itemOf(s stripeSubscription) (stripeItem, bool) {
	if len(s.Items) != 1 {
		return stripeItem{}, false
	}
	return s.Items[0], true
}

func endedAt(s stripeSubscription) time.Time {
	for _, t := range []time.Time{s.EndedAt, s.CanceledAt} {
		if !t.IsZero() {
			return t
		}
	}
	return s.PeriodEnd
}

// endOfEnded is when a subscription that has ended did so, by our clock. Stripe's may be
// ahead of it, and what has ended does not end later: then when it was seen here first.
func endOfEnded(old store.BillingAccount, s stripeSubscription, now time.Time) *time.Time {
	end := known(endedAt(s))
	if end == nil || !end.After(now) {
		return end
	}
	if old.SubscriptionID == s.ID && old.Status == string(s.Status) && old.CancelAt != nil && !old.CancelAt.After(now) {
		return old.CancelAt
	}
	return &now
}

// same tells whether two accounts differ in nothing but when they were read.
func same(a, b store.BillingAccount) bool {
	for _, pair := range [][2]*time.Time{
		{a.CancelAt, b.CancelAt},
		{a.GraceEndsAt, b.GraceEndsAt},
		{a.OverdueSince, b.OverdueSince},
		{a.PeriodStart, b.PeriodStart},
		{a.PeriodEnd, b.PeriodEnd},
	} {
		if (pair[0] == nil) != (pair[1] == nil) || pair[0] != nil && !pair[0].Equal(*pair[1]) {
			return false
		}
	}
	blank := func(x store.BillingAccount) store.BillingAccount {
		x.SyncedAt, x.CancelAt, x.GraceEndsAt, x.OverdueSince, x.PeriodStart, x.PeriodEnd, x.TrialEndsAt = nil, nil, nil, nil, nil, nil, nil
		return x
	}
	return blank(a) == blank(b)
}
