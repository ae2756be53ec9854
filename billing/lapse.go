// What time does by itself: a trial that is about to end or has ended, a grace that is
// over, a day of cancellation that has come. Tools see each at its moment, for the
// store compares; here it is written down and told.

package billing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stripe/stripe-go/v76"

	"hostaway-mcp/store"
)

// trialWarnings are how long before its end people are told of it.
func trialWarnings() []time.Duration { return []time.Duration{3 * 24 * time.Hour, 24 * time.Hour} }

// Lapse goes through all orgs: it tells of trials that end soon, and brings those up to
// date whose access has changed by time alone. It may be repeated, and one org's
// failure keeps no other waiting. Stripe not answering is no failure: what time took
// away is away already, and the next run tells of it.
func (b *Billing) Lapse(ctx context.Context) (did string, err error) {
	var errs []error
	warned, lapsed := 0, 0
	for org, err := range b.cfg.Store.EachOrg(ctx) {
		if err != nil {
			return "", errors.Join(append(errs, err)...)
		}
		w, l, err := b.lapseOf(ctx, org)
		switch {
		case ctx.Err() != nil:
			return "", ctx.Err()
		case outage(err):
			b.log.WarnContext(ctx, "an org's state could not be read from Stripe; the next run tries again", "org", org.ID(), "error", err)
		case err != nil:
			errs = append(errs, fmt.Errorf("bring %s up to date: %w", org.ID(), err))
		}
		warned, lapsed = warned+w, lapsed+l
	}
	if warned+lapsed > 0 {
		did = fmt.Sprintf("%d trials end soon, the access of %d orgs changed by time", warned, lapsed)
	}
	return did, errors.Join(errs...)
}

func (b *Billing) lapseOf(ctx context.Context, org *store.Org) (warned, lapsed int, err error) {
	account, err := org.Billing(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, err
	}
	now := b.now()
	if account.AccessAt(now).Access != account.Access {
		return 0, 1, b.lapse(ctx, org)
	}
	if account.Access != store.AccessTrial || account.TrialEndsAt == nil {
		return 0, 0, nil
	}
	for i, before := range trialWarnings() {
		if left := account.TrialEndsAt.Sub(now); left > before || i+1 < len(trialWarnings()) && left <= trialWarnings()[i+1] {
			continue
		}
		return 1, 0, b.warnOfTrialEnd(ctx, org, account, before)
	}
	return 0, 0, nil
}

// warnOfTrialEnd says what stops with the trial, and what keeps it going: a
// subscription, or what is wrong with the one that there is.
func (b *Billing) warnOfTrialEnd(ctx context.Context, org *store.Org, account store.BillingAccount, before time.Duration) error {
	payload, err := b.expected(ctx, org)
	if err != nil {
		return err
	}
	end := *account.TrialEndsAt
	payload.EndsAt, payload.StopsAt = &end, toolsStop(account)
	if account.AccessReason != store.ReasonTrial {
		payload.Reason = string(account.AccessReason)
		if ended(stripe.SubscriptionStatus(account.Status)) { // nothing of it is left to be paid or put right
			payload.Reason = string(store.ReasonCanceled)
		}
	}
	mails, err := writeMails([]draft{{
		kind: store.MailTrialEnding, key: stamp(&end, end) + ":" + before.String(), to: owners(), payload: payload,
	}})
	if err != nil {
		return err
	}
	return org.EnqueueMails(ctx, mails...)
}

// lapse writes down what time has changed: as Stripe sees it, where the org is known
// there.
func (b *Billing) lapse(ctx context.Context, org *store.Org) error {
	release, err := b.orgs.hold(ctx, org.ID())
	if err != nil {
		return err
	}
	defer release()
	account, err := org.Billing(ctx)
	if err != nil {
		return err
	}
	if account.CustomerID != "" {
		_, err := b.refreshHeld(ctx, org)
		return err
	}
	state := account.AccessAt(b.now())
	next := account
	next.Access, next.AccessReason = state.Access, state.Reason
	mails, err := b.trialOver(ctx, org, account, next)
	if err != nil {
		return err
	}
	_, err = org.SaveBilling(ctx, system(), next, mails...)
	if err == nil || errors.Is(err, store.ErrNotReplicated) {
		b.cfg.Observe.AccessChanged(string(next.Access))
		return nil
	}
	return err
}

// trialOver is the mail about a trial that has ended without a subscription.
func (b *Billing) trialOver(ctx context.Context, org *store.Org, old, next store.BillingAccount) ([]store.NewMail, error) {
	if old.Access != store.AccessTrial || next.Access != store.AccessNone || next.TrialEndsAt == nil {
		return nil, nil
	}
	payload, err := b.expected(ctx, org)
	if err != nil {
		return nil, err
	}
	return writeMails([]draft{{kind: store.MailTrialEnded, key: stamp(next.TrialEndsAt, b.now()), to: owners(), payload: payload}})
}
