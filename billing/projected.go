// The projected bill: the next invoice if nothing changes. Stripe works it out; while
// Stripe can't be reached, or there is no subscription yet, it is our own sum from the
// ledger, and says so.

package billing

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"hostaway-mcp/store"
)

// projectedLife is how long a bill that Stripe worked out is shown again.
const projectedLife = 10 * time.Minute

// codeNoUpcoming is what Stripe says when there will be no further invoice.
const codeNoUpcoming = "invoice_upcoming_none"

// ProjectedBill is that invoice. Amounts are in minor units of Currency.
type ProjectedBill struct {
	Currency string
	Estimate bool       // our own sum, without tax, discounts and credit
	First    bool       // there is no subscription: what one would cost a month
	None     bool       // no further invoice will come
	DueAt    *time.Time // when it is charged
	AsOf     time.Time
	Listings int   // of the coming period
	Regular  int64 // listings × price
	// Changes are this period's changes of the number, oldest first.
	Changes  []BillChange
	Discount int64 // what promotion codes take off, positive
	Tax      int64
	Credit   int64 // what the org's credit pays of it, positive
	Carried  int64 // what is left over as credit for later bills, positive
	Total    int64 // what will be charged
}

// BillChange is a change of the number of listings. Amount is what it adds for the
// rest of its period, negative for a credit.
type BillChange struct {
	At            time.Time
	Before, After int
	Amount        int64
}

// billCache keeps what Stripe worked out, by org.
type billCache struct {
	mu   sync.Mutex
	kept map[string]keptBill
}

type keptBill struct {
	bill ProjectedBill
	of   billState
}

// billState is what a bill was worked out for; with any other it is asked anew.
type billState struct{ account, desired int64 }

func (c *billCache) get(orgID string, of billState, now time.Time) (ProjectedBill, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.kept[orgID]
	return k.bill, ok && k.of == of && now.Sub(k.bill.AsOf) < projectedLife
}

func (c *billCache) put(orgID string, of billState, bill ProjectedBill) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil {
		c.kept = map[string]keptBill{}
	}
	for id, k := range c.kept {
		if bill.AsOf.Sub(k.bill.AsOf) >= projectedLife {
			delete(c.kept, id)
		}
	}
	c.kept[orgID] = keptBill{bill, of}
}

// Projected is the next bill. Errors: *Fault of kind not counted (nothing is known to
// reckon with), and the store's.
func (b *Billing) Projected(ctx context.Context, org *store.Org) (ProjectedBill, error) {
	account, desired, err := b.moneyOf(ctx, org)
	if err != nil {
		return ProjectedBill{}, err
	}
	if !living(account.Status) {
		return b.firstBill(ctx, org)
	}
	of := billState{account.Version, desired.Version}
	bill, ok := b.bills.get(org.ID(), of, b.now())
	if ok {
		return bill, nil
	}
	bill, err = b.askedBill(ctx, account)
	if outage(err) {
		if desired.Quantity, ok = billedNow(desired); !ok { // a sum over no listings would be no estimate
			return ProjectedBill{}, asFault(err)
		}
		b.log.WarnContext(ctx, "Stripe can't be asked for the next bill; our own sum is shown", "error", err)
		return b.ownBill(ctx, org, account, desired)
	}
	if err != nil {
		return ProjectedBill{}, err
	}
	b.bills.put(org.ID(), of, bill)
	return bill, nil
}

// askedBill is the bill as Stripe works it out.
func (b *Billing) askedBill(ctx context.Context, account store.BillingAccount) (ProjectedBill, error) {
	next, err := b.stripe.upcoming(ctx, account.CustomerID, account.SubscriptionID)
	var failed *Error
	if errors.As(err, &failed) && failed.Code == codeNoUpcoming {
		return ProjectedBill{None: true, Currency: account.Currency, AsOf: b.now()}, nil
	}
	if err != nil {
		return ProjectedBill{}, err
	}
	lines := next.Lines
	if next.MoreLines {
		if lines, err = b.stripe.upcomingLines(ctx, account.CustomerID, account.SubscriptionID); err != nil {
			return ProjectedBill{}, err
		}
	}
	bill := ProjectedBill{
		Currency: next.Currency, AsOf: b.now(), DueAt: known(next.NextAttemptAt), Changes: changesOn(lines),
		Discount: next.Discount, Tax: next.Tax, Credit: min(max(-next.StartingBalance, 0), max(next.Total, 0)),
		Carried: max(-next.Total, 0), Total: next.AmountDue,
	}
	if bill.DueAt == nil {
		bill.DueAt = known(next.CreatedAt)
	}
	for _, l := range lines {
		if !l.Proration {
			bill.Listings, bill.Regular = bill.Listings+int(l.Quantity), bill.Regular+l.Amount
		}
	}
	return bill, nil
}

// changesOn pairs the credit for the old number with the charge for the new one: both
// run from the moment of the change to the end of the period.
func changesOn(lines []stripeLine) (changes []BillChange) {
	at := map[time.Time]int{}
	for _, l := range lines {
		if !l.Proration {
			continue
		}
		i, ok := at[l.From]
		if !ok {
			i = len(changes)
			at[l.From] = i
			changes = append(changes, BillChange{At: l.From})
		}
		c := &changes[i]
		c.Amount += l.Amount
		if l.Amount < 0 {
			c.Before = int(l.Quantity)
		} else {
			c.After = int(l.Quantity)
		}
	}
	slices.SortStableFunc(changes, func(a, b BillChange) int { return a.At.Compare(b.At) })
	return changes
}

// billedNow is the number that our own sum rests on. None is due as long as nothing was
// counted, or when the last listing has gone: what Stripe was seen to bill holds until
// it has that, and without either nothing is known.
func billedNow(desired store.DesiredQuantity) (n int, known bool) {
	switch {
	case desired.Quantity > 0:
		return desired.Quantity, true
	case desired.AtStripe != nil:
		return *desired.AtStripe, true
	}
	return 0, false
}

// ownBill is our own sum for a subscription: the listings that are billed now, and
// the changes of the period by the ledger, reckoned as Stripe does.
func (b *Billing) ownBill(ctx context.Context, org *store.Org, account store.BillingAccount, desired store.DesiredQuantity) (ProjectedBill, error) {
	bill := ProjectedBill{
		Estimate: true, Currency: account.Currency, AsOf: b.now(), DueAt: account.PeriodEnd,
		Listings: desired.Quantity, Regular: int64(desired.Quantity) * account.UnitAmount,
	}
	if account.CancelAt != nil {
		bill.Listings, bill.Regular = 0, 0
	}
	if account.PeriodStart != nil && account.PeriodEnd != nil && account.Status != statusTrialing {
		rows, err := org.Billable(ctx, *account.PeriodStart, b.now().Add(time.Second))
		if err != nil {
			return bill, err
		}
		bill.Changes = changesOf(rows, period{*account.PeriodStart, *account.PeriodEnd}, account.UnitAmount)
		if n := len(bill.Changes); n > 0 && bill.Changes[n-1].After == 0 && desired.Quantity > 0 {
			bill.Changes = bill.Changes[:n-1] // a zero that Stripe has not got
		}
	}
	bill.Total = bill.Regular
	for _, c := range bill.Changes {
		bill.Total += c.Amount
	}
	bill.Carried, bill.Total = max(-bill.Total, 0), max(bill.Total, 0)
	bill.None = account.CancelAt != nil && bill.Total == 0
	return bill, nil
}

const statusTrialing = "trialing"

// changesOf are the changes within the period. rows begins with what was in force when
// the period did.
func changesOf(rows []store.BillableChange, p period, unit int64) (changes []BillChange) {
	before := 0
	for _, row := range rows {
		if row.EffectiveAt.After(p.Start) && row.EffectiveAt.Before(p.End) && row.Quantity != before {
			rest := func(quantity int) int64 {
				return rounded(int64(quantity)*unit*int64(p.End.Sub(row.EffectiveAt)/time.Second), int64(p.End.Sub(p.Start)/time.Second))
			}
			changes = append(changes, BillChange{
				At: row.EffectiveAt, Before: before, After: row.Quantity, Amount: rest(row.Quantity) - rest(before),
			})
		}
		before = row.Quantity
	}
	return changes
}

// rounded divides whole numbers that are not negative, half up.
func rounded(a, by int64) int64 { return (a + by/2) / by }

// firstBill is what a subscription would cost a month by the newest complete count.
func (b *Billing) firstBill(ctx context.Context, org *store.Org) (ProjectedBill, error) {
	count, err := org.NewestCompleteCount(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return ProjectedBill{}, &Fault{Kind: FaultNotCounted}
	}
	if err != nil {
		return ProjectedBill{}, err
	}
	price, err := b.currentPrice(ctx)
	if err != nil {
		return ProjectedBill{}, asFault(err)
	}
	sum := int64(count.Active) * price.UnitAmount
	return ProjectedBill{Estimate: true, First: true, Currency: price.Currency, AsOf: b.now(), Listings: count.Active, Regular: sum, Total: sum}, nil
}

// Price is what a listing costs a month, in minor units, as it was read last; "" while
// it never was.
func (b *Billing) Price() (amount int64, currency string) {
	price, _ := b.knownPrice()
	return price.UnitAmount, price.Currency
}
