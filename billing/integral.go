package billing

// integral.go is the proof of a bill: what a period should have cost by the
// ledger, as an exact fraction, beside what Stripe's invoices say.

import (
	"cmp"
	"math/big"
	"slices"
	"time"
)

// quantityStep says how many listings are billed from a moment on.
type quantityStep struct {
	At       time.Time
	Quantity int
}

// period is the time [Start, End) of one invoice.
type period struct{ Start, End time.Time }

func (p period) closed(now time.Time) bool { return !now.Before(p.End) }

// integral is what the steps cost over a whole period, in minor units of the
// price: unit × quantity × time, over the length of the period. Steps come in the
// order in which they were written down; of two for the same moment the later
// written one stands. Before the first step nothing is billed.
func integral(steps []quantityStep, p period, unit int64) *big.Rat {
	steps = slices.Clone(steps)
	slices.SortStableFunc(steps, func(a, b quantityStep) int { return a.At.Compare(b.At) })
	sum, length := new(big.Int), p.End.Unix()-p.Start.Unix()
	for i, s := range steps {
		from, to := s.At.Unix(), p.End.Unix()
		if i+1 < len(steps) {
			to = steps[i+1].At.Unix()
		}
		from, to = max(from, p.Start.Unix()), min(to, p.End.Unix())
		if to > from {
			part := new(big.Int).Mul(big.NewInt(unit), big.NewInt(int64(s.Quantity)))
			sum.Add(sum, part.Mul(part, big.NewInt(to-from)))
		}
	}
	if length <= 0 {
		return new(big.Rat)
	}
	return new(big.Rat).SetFrac(sum, big.NewInt(length))
}

// invoiceLine is a line of an invoice, before tax and discounts, in minor units.
type invoiceLine struct {
	ID        string
	Amount    int64
	Proration bool
	Start     time.Time
	End       time.Time
}

// linesOf picks the lines that bill a period: its own, and those of the changes
// within it, which Stripe puts on the invoice after it, and on a later one when an
// answer came late. A line that came twice counts once.
func linesOf(all []invoiceLine, p period) []invoiceLine {
	own := slices.Clone(all)
	slices.SortFunc(own, func(a, b invoiceLine) int { return cmp.Compare(a.ID, b.ID) })
	own = slices.CompactFunc(own, func(a, b invoiceLine) bool { return a.ID == b.ID })
	return slices.DeleteFunc(own, func(l invoiceLine) bool {
		if l.Proration {
			return !l.End.Equal(p.End) || l.Start.Before(p.Start)
		}
		return !l.Start.Equal(p.Start) || !l.End.Equal(p.End)
	})
}

// settlement compares what was billed for a period with what the ledger says.
type settlement struct {
	Billed   int64    // the sum of the lines, minor units
	Expected *big.Rat // the integral
	Lines    int
}

// settle compares the lines of a period with its integral.
func settle(lines []invoiceLine, steps []quantityStep, p period, unit int64) settlement {
	s := settlement{Expected: integral(steps, p, unit)}
	for _, l := range linesOf(lines, p) {
		s.Billed += l.Amount
		s.Lines++
	}
	return s
}

// exact tells whether the difference is rounding alone: Stripe rounds each line to
// a whole minor unit, so half of one for each.
func (s settlement) exact() bool {
	off := new(big.Rat).Sub(new(big.Rat).SetInt64(s.Billed), s.Expected)
	return off.Abs(off).Cmp(big.NewRat(int64(s.Lines), 2)) <= 0
}
