package billing

// office_reads_test.go is what tests read of an office: what Stripe bills, what the ledger says and
// whether the two agree, what is broken, and whom it wrote to.

import (
	"slices"
	"testing"
	"time"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/store"
)

func (o *office) account(t *testing.T, org *store.Org) store.BillingAccount {
	t.Helper()
	a, err := org.Billing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (o *office) desired(t *testing.T, org *store.Org) store.DesiredQuantity {
	t.Helper()
	q, err := org.Desired(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// quantity is what Stripe bills.
func (o *office) quantity(t *testing.T, subscription string) int {
	t.Helper()
	s, ok := o.stripe.Subscription(subscription)
	if !ok {
		t.Fatalf("no subscription %s", subscription)
	}
	return int(s.Quantity())
}

// bills fails the test unless Stripe bills that quantity.
func (o *office) bills(t *testing.T, subscription string, want int) {
	t.Helper()
	if got := o.quantity(t, subscription); got != want {
		t.Errorf("Stripe bills %d, want %d", got, want)
	}
}

// ledger is all that is billed, from when on, and why.
func (o *office) ledger(t *testing.T, org *store.Org) []store.BillableChange {
	t.Helper()
	rows, err := org.Billable(t.Context(), time.Unix(0, 0), o.now().AddDate(9, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

type ledgerRow struct {
	At       time.Time
	Quantity int
	Reason   store.BillableReason
}

// reasons is the ledger in short.
func (o *office) reasons(t *testing.T, org *store.Org) (all []ledgerRow) {
	t.Helper()
	for _, c := range o.ledger(t, org) {
		all = append(all, ledgerRow{c.EffectiveAt, c.Quantity, c.Reason})
	}
	return all
}

// steps is the ledger without its reasons.
func (o *office) steps(t *testing.T, org *store.Org) (steps []quantityStep) {
	t.Helper()
	for _, r := range o.ledger(t, org) {
		steps = append(steps, quantityStep{r.EffectiveAt, r.Quantity})
	}
	return steps
}

// settlements compares every closed period of a subscription with the ledger, by the
// lines that Stripe has.
func (o *office) settlements(t *testing.T, org *store.Org, subscription string) map[period]settlement {
	t.Helper()
	return settlementsOf(stripeLines(o.stripe, subscription), o.ledger(t, org), o.now(), o.unit)
}

// stripeLines are all lines that Stripe has for a subscription, invoiced or not.
func stripeLines(stripe *stripetest.Server, subscription string) (lines []invoiceLine) {
	sub, _ := stripe.Subscription(subscription)
	all := slices.Clone(sub.Pending)
	for _, i := range stripe.Invoices(sub.Customer) {
		if i.Subscription == subscription {
			all = append(all, i.Lines...)
		}
	}
	for _, l := range all {
		lines = append(lines, invoiceLine{ID: l.ID, Amount: l.Amount, Proration: l.Proration, Start: l.Start, End: l.End})
	}
	return lines
}

// settlementsOf compares the closed periods of these lines with a ledger.
func settlementsOf(lines []invoiceLine, ledger []store.BillableChange, now time.Time, unit int64) map[period]settlement {
	var steps []quantityStep
	for _, r := range ledger {
		steps = append(steps, quantityStep{r.EffectiveAt, r.Quantity})
	}
	settled := map[period]settlement{}
	for _, l := range lines {
		if p := (period{l.Start, l.End}); !l.Proration && p.closed(now) {
			settled[p] = settle(lines, steps, p, unit)
		}
	}
	return settled
}

// settlesExactly fails the test unless periods of a subscription were closed, and each
// was billed to the cent by the ledger.
func (o *office) settlesExactly(t *testing.T, org *store.Org, subscription string) map[period]settlement {
	t.Helper()
	settled := o.settlements(t, org, subscription)
	for p, s := range settled {
		if !s.exact() {
			t.Errorf("%s to %s: billed %d over %d lines, the ledger says %s", p.Start, p.End, s.Billed, s.Lines, s.Expected.FloatString(3))
		}
	}
	if len(settled) == 0 {
		t.Fatal("no period was closed")
	}
	return settled
}

// asked counts the calls to Stripe since the last time, by method.
func (o *office) asked() map[string]int {
	n := map[string]int{}
	for _, c := range o.stripe.Calls() {
		n[c.Method]++
	}
	o.stripe.ResetCalls()
	return n
}

// broken lists the invariants that do not hold, by what `billing check` prints.
func (o *office) broken(t *testing.T) (ids []string) {
	t.Helper()
	list, err := o.Invariants(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 8 {
		t.Fatalf("%d invariants", len(list))
	}
	for _, i := range list {
		if !i.OK() {
			ids = append(ids, i.ID)
		}
	}
	return ids
}

// known are all findings of an invariant, found those that are open.
func (o *office) known(t *testing.T, invariant string) []store.BillingFinding {
	t.Helper()
	all, err := o.store.BillingFindings(t.Context(), o.now().AddDate(-1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(f store.BillingFinding) bool { return f.Invariant != invariant })
}

func (o *office) found(t *testing.T, invariant string) []store.BillingFinding {
	t.Helper()
	return slices.DeleteFunc(o.known(t, invariant), func(f store.BillingFinding) bool { return f.ResolvedAt != nil })
}

func (o *office) mails(t *testing.T) map[string]int {
	t.Helper()
	return queuedMails(t, o.store, o.now())
}
