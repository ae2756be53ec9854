package billing

// prove.go is I4: of each period that closed, the lines of Stripe's invoices are the
// integral of the ledger, but for rounding.

import (
	"context"
	"fmt"
	"slices"
	"time"

	"hostaway-mcp/store"
)

const (
	proveWithin = 7 * day       // after a period closed it is proved each night
	proveAfter  = 2 * time.Hour // by then its last invoice is no draft any more
	proveBack   = 4             // invoices that are read: those of the period, and one that was made by hand
)

// proof is one period of one org, proved or not.
type proof struct {
	org        *store.Org
	period     period
	settlement settlement
	currency   string
}

// provable is the end of the org's newest closed period, and whether it is to be
// proved now.
func (o *surveyed) provable(now time.Time, within time.Duration) (end time.Time, ok bool) {
	a := o.account
	switch {
	case a.SubscriptionID == "":
		return time.Time{}, false
	case lives(a) && a.PeriodStart != nil:
		end = *a.PeriodStart
	case !lives(a) && a.PeriodEnd != nil:
		end = *a.PeriodEnd
	default:
		return time.Time{}, false
	}
	age := now.Sub(end)
	return end, age >= proveAfter && age <= within
}

// prove proves what closed within the week, and what was found wrong before, and
// records that. It says how many periods it proved.
func (b *Billing) prove(ctx context.Context, s *survey) (string, error) {
	known, err := b.cfg.Store.BillingFindings(ctx, s.now)
	if err != nil {
		return "", err
	}
	run := store.FindingsRun{Invariants: []string{invExact}}
	proved, exact := 0, 0
	for _, o := range s.orgs {
		within := proveWithin
		if slices.ContainsFunc(known, func(f store.BillingFinding) bool {
			return f.ResolvedAt == nil && f.Invariant == invExact && f.Subject == o.org.ID()
		}) {
			within = 60 * day
		}
		end, ok := o.provable(s.now, within)
		if !ok {
			run.Unchecked = append(run.Unchecked, o.org.ID())
			continue
		}
		p, err := b.proofOf(ctx, o, end)
		switch {
		case err != nil && (kindOf(err) == "" || outage(err)):
			return "", fmt.Errorf("prove the bill of org %s: %w", o.org.ID(), err)
		case err != nil: // of this org alone: the others are proved all the same
			b.log.ErrorContext(ctx, "a closed period could not be compared with its invoices", "org", o.org.ID(), "error", err)
			run.Unchecked = append(run.Unchecked, o.org.ID())
			continue
		case p == nil:
			continue
		}
		proved++
		if p.settlement.exact() {
			exact++
			continue
		}
		run.Found = append(run.Found, store.NewFinding{Invariant: invExact, Subject: o.org.ID(), OrgID: o.org.ID(), Detail: p.detail()})
	}
	if err := b.cfg.Store.RecordFindings(ctx, run); err != nil {
		return "", err
	}
	return fmt.Sprintf(", %d of %d closed periods exact", exact, proved), nil
}

func (p proof) detail() string {
	s := p.settlement
	return fmt.Sprintf("for %s to %s %d were billed over %d lines, and the ledger says %s (in the smallest unit of %s)",
		p.period.Start.Format(time.DateOnly), p.period.End.Format(time.DateOnly), s.Billed, s.Lines, s.Expected.FloatString(2), p.currency)
}

// proofOf reads the invoices and the ledger of the org's period that ended then; nil
// for one that was not billed, such as a trial, or that was cut off.
func (b *Billing) proofOf(ctx context.Context, o *surveyed, end time.Time) (*proof, error) {
	lines, err := b.linesOf(ctx, o.account)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(lines, func(l invoiceLine) bool { return !l.Proration && l.End.Equal(end) && l.Start.Before(end) })
	if i < 0 {
		return nil, nil
	}
	p := period{lines[i].Start, end}
	if sub := o.subscription(); sub != nil && sub.TrialEnd.Equal(end) || lines[i].Amount == 0 && trialLine(lines, p) {
		return nil, nil
	}
	rows, err := o.org.Billable(ctx, p.Start, p.End)
	if err != nil {
		return nil, err
	}
	steps := make([]quantityStep, len(rows))
	for i, r := range rows {
		steps[i] = quantityStep{r.EffectiveAt, r.Quantity}
	}
	return &proof{org: o.org, period: p, settlement: settle(lines, steps, p, o.account.UnitAmount), currency: o.account.Currency}, nil
}

// trialLine: a first period that costs nothing and has no change that does.
func trialLine(lines []invoiceLine, p period) bool {
	own := linesOf(lines, p)
	return !slices.ContainsFunc(own, func(l invoiceLine) bool { return l.Amount != 0 }) &&
		!slices.ContainsFunc(lines, func(l invoiceLine) bool { return l.End.Before(p.End) })
}

// linesOf reads the lines of the newest invoices of the org's subscription, as the
// proof needs them.
func (b *Billing) linesOf(ctx context.Context, a store.BillingAccount) (lines []invoiceLine, err error) {
	read, err := b.stripeLinesOf(ctx, a)
	for _, l := range read {
		lines = append(lines, invoiceLine{ID: l.ID, Amount: l.Amount, Proration: l.Proration, Start: l.From, End: l.To})
	}
	return lines, err
}

// stripeLinesOf reads the lines of the newest invoices of the org's subscription.
func (b *Billing) stripeLinesOf(ctx context.Context, a store.BillingAccount) (lines []stripeLine, err error) {
	invoices, _, err := b.stripe.invoicesOf(ctx, a.CustomerID, proveBack, "")
	if kindOf(err) == KindNotFound {
		return nil, nil // the customer was deleted, and its invoices can't be listed
	}
	if err != nil {
		return nil, err
	}
	for _, i := range invoices {
		if i.SubscriptionID != a.SubscriptionID {
			continue
		}
		read := i.Lines
		if i.MoreLines {
			if read, err = b.stripe.invoiceLines(ctx, i.ID); err != nil {
				return nil, err
			}
		}
		lines = append(lines, read...)
	}
	return lines, nil
}

// Invariants examines everything and changes nothing: it is what `billing check`
// prints, and it may run beside a server. Errors: *Error when Stripe can't be read,
// and the store's; then nothing is known of any.
func (b *Billing) Invariants(ctx context.Context) ([]Invariant, error) {
	s, err := b.look(ctx, true)
	if err != nil {
		return nil, err
	}
	f := s.examine()
	if err := b.undelivered(ctx, &f); err != nil {
		return nil, err
	}
	for _, o := range s.orgs {
		end, ok := o.provable(s.now, 60*day)
		if !ok {
			continue
		}
		p, err := b.proofOf(ctx, o, end)
		if err != nil {
			return nil, fmt.Errorf("prove the bill of org %s: %w", o.org.ID(), err)
		}
		if p != nil && !p.settlement.exact() {
			f.about(o, invExact, leave, "%s", p.detail())
		}
	}
	list := invariants()
	for _, one := range f.merged() {
		i := slices.IndexFunc(list, func(i Invariant) bool { return i.ID == one.Invariant })
		list[i].Broken = append(list[i].Broken, Finding{Subject: one.Subject, OrgID: one.OrgID, Detail: one.Detail, Do: Remedy(one.Invariant, one.Detail)})
	}
	return list, nil
}

// RefusedDecision: what an operator has an org billed for while Hostaway refuses its
// credentials. Zero: nothing from now on, until the listings can be counted again;
// else the last count stands. It goes into the audit log.
// Error: store.ErrNotFound (nothing was ever counted).
func (b *Billing) RefusedDecision(ctx context.Context, org *store.Org, zero bool, by store.Actor) error {
	account, desired, err := b.moneyOf(ctx, org)
	if err != nil {
		return err
	}
	if desired.Version == 0 {
		return store.ErrNotFound
	}
	if !zero || desired.Quantity == 0 {
		return nil
	}
	now := b.now().Truncate(time.Second)
	next := desired
	next.Quantity, next.HoldReason, next.HeldQuantity, next.HeldSince, next.HeldCountID = 0, "", 0, nil, ""
	if lives(account) {
		next = dirty(next)
	}
	newest, err := inForce(ctx, org, now)
	if err != nil {
		return err
	}
	err = org.SetDesired(ctx, by, store.QuantityChange{
		Desired:  &next,
		Billable: []store.BillableChange{{EffectiveAt: later(now, newest.EffectiveAt), Quantity: 0, Reason: store.BillableCount}},
	})
	if undone(err) {
		return err
	}
	b.wakeQuantities()
	return nil
}
