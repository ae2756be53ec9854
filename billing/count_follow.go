package billing

// count_follow.go turns the guard's verdict about a count into the rows that are
// written down.

import (
	"time"

	"github.com/stripe/stripe-go/v76"

	"hostaway-mcp/store"
)

// follow is a complete count and how its org stands.
type follow struct {
	account  store.BillingAccount
	standing standing
	desired  store.DesiredQuantity
	count    store.ListingCount
	inForce  store.BillableChange // the newest row of what is billed
	earlier  []store.ListingCount // since the hold that stands began, oldest first
}

// standingOf is how an org stands, as the guard asks.
func standingOf(account store.BillingAccount, desired store.DesiredQuantity) standing {
	s := standing{
		Quantity: desired.Quantity,
		Counted:  desired.Version > 0,
		Billed:   lives(account),
		Overdue:  account.OverdueSince != nil,
	}
	if desired.Held() {
		s.Held = heldCount{Reason: desired.HoldReason, Quantity: desired.HeldQuantity, Since: desired.CountedAt}
		if desired.HeldSince != nil {
			s.Held.Since = *desired.HeldSince
		}
	}
	return s
}

// lives tells whether a subscription bills the org, as far as is known here.
func lives(account store.BillingAccount) bool {
	status := stripe.SubscriptionStatus(account.Status)
	return account.SubscriptionID != "" && status != "" && !ended(status) && status != stripe.SubscriptionStatusIncomplete
}

// change is all that is written down with the count.
func (f follow) change() (store.QuantityChange, error) {
	v := judge(f.standing, f.count.Active, f.count.CountedAt)
	next := f.desired
	if v.Act == actHold {
		next.HoldReason, next.HeldQuantity, next.HeldSince, next.HeldCountID = v.Held.Reason, v.Held.Quantity, &v.Held.Since, ""
		mails, err := holdMails(v, f.standing)
		return store.QuantityChange{Desired: &next, Billable: f.heldRows(v), Mails: mails}, err
	}
	return f.billed(v), nil
}

// billed bills the count as the verdict says. The listings that are billed are then
// those of this count, also where it says the same number.
func (f follow) billed(v verdict) store.QuantityChange {
	next := f.desired
	next.HoldReason, next.HeldQuantity, next.HeldSince, next.HeldCountID = "", 0, nil, ""
	next.CountID, next.CountedAt = f.count.ID, later(f.count.CountedAt, next.CountedAt)
	if v.Act == actKeep {
		return store.QuantityChange{Desired: &next}
	}
	if next.Version == 0 {
		next.State = store.QuantityClean
	}
	next.Quantity = f.count.Active
	if f.standing.Billed {
		next = dirty(next)
	}
	return store.QuantityChange{Desired: &next, Billable: f.rows(v)}
}

// released bills a count that was recorded already, and held.
func (f follow) released() store.QuantityChange {
	return f.billed(verdict{Act: actRelease, From: f.standing.Held.Since})
}

// dirty has the quantity brought to Stripe. What is being tried there goes on
// first, so attempts and key stay while it does.
func dirty(q store.DesiredQuantity) store.DesiredQuantity {
	if q.State != store.QuantityDirty {
		q.State, q.Attempts, q.LastError = store.QuantityDirty, 0, ""
	}
	return q
}

// heldRows notes that the old quantity goes on, where the hold begins.
func (f follow) heldRows(v verdict) []store.BillableChange {
	if !v.Held.Since.Equal(f.count.CountedAt) {
		return nil
	}
	return []store.BillableChange{{EffectiveAt: f.notBefore(f.count.CountedAt), Quantity: f.standing.Quantity, Reason: store.BillableHold}}
}

// rows are what is billed from now on and, where a hold is released, what each
// count since it began would have billed.
func (f follow) rows(v verdict) []store.BillableChange {
	last := store.BillableChange{EffectiveAt: f.notBefore(f.count.CountedAt), Quantity: f.count.Active, Reason: store.BillableCount}
	if !f.standing.Billed {
		last.Reason = store.BillableTrial
	}
	if v.Act != actRelease {
		return []store.BillableChange{last}
	}
	rows := replay(f.earlier, f.standing.Quantity, f.count.Active, f.notBefore)
	if len(rows) == 0 && f.count.Active == f.standing.Quantity {
		return nil
	}
	if len(rows) == 0 || rows[len(rows)-1].Quantity != f.count.Active {
		last.Reason = store.BillableRelease
		rows = append(rows, last)
	}
	return rows
}

// notBefore keeps the ledger in order: a row before the newest one would never be
// in force.
func (f follow) notBefore(at time.Time) time.Time {
	if at.Before(f.inForce.EffectiveAt) {
		return f.inForce.EffectiveAt
	}
	return at
}

// replay is what complete counts would have billed that were held until now. One
// among them that would be held by itself, and that the last one does not bear out,
// is taken for the mistake that it looks like.
func replay(counts []store.ListingCount, billed, last int, notBefore func(time.Time) time.Time) (rows []store.BillableChange) {
	quantity := billed
	for _, c := range counts {
		likely := agree(c.Active, last) || suspicion(standing{Quantity: billed}, c.Active) == ""
		if !c.Complete || c.Active == quantity || !likely {
			continue
		}
		quantity = c.Active
		rows = append(rows, store.BillableChange{EffectiveAt: notBefore(c.CountedAt), Quantity: quantity, Reason: store.BillableRelease, CountID: c.ID})
	}
	return rows
}

// holdMails tells the owners that a count is held and, where a person of the
// service has to look, the operators. A hold that goes on tells nobody again.
func holdMails(v verdict, s standing) (mails []store.NewMail, err error) {
	if !v.Fresh {
		return nil, nil
	}
	recipients := []store.Recipient{store.ToOwners}
	if v.Held.Reason == holdTenfold {
		recipients = append(recipients, store.ToOperators)
	}
	key := "count_held:" + v.Held.Reason + ":" + v.Held.Since.Format(time.RFC3339)
	for _, to := range recipients {
		mail, err := store.NewBillingMail(store.MailCountHeld, to, key+":"+string(to), store.BillingMail{
			Reason: v.Held.Reason, Found: v.Held.Quantity, Listings: s.Quantity, Since: &v.Held.Since,
		})
		if err != nil {
			return nil, err
		}
		mails = append(mails, mail)
	}
	return mails, nil
}
