// Prorations: a change within a period gives back the rest of the old quantity and charges the rest of the new one.
package stripetest

import (
	"fmt"
	"math/big"
)

// Prorate is what a quantity costs for the rest of a period [start, end) from at on, in minor units: the whole line is
// rounded once, half away from zero, and seconds are counted (Stripe docs, Prorations). All times are Unix seconds.
func Prorate(unit, quantity, start, end, at int64) int64 {
	if quantity < 0 {
		return -Prorate(unit, -quantity, start, end, at)
	}
	amount := new(big.Int).Mul(big.NewInt(unit), big.NewInt(quantity))
	amount.Mul(amount, big.NewInt(end-at))
	period := big.NewInt(end - start)
	twice := amount.Lsh(amount, 1)
	return twice.Add(twice, period).Div(twice, new(big.Int).Lsh(period, 1)).Int64()
}

// prorated is the line of a change: a negative quantity is given back. Nothing for none.
func (s *Server) prorated(x *subscription, i *item, quantity, at int64) *line {
	if quantity == 0 {
		return nil
	}
	p := s.prices[i.price]
	words, shown := "Remaining time on %d × %s after %s", quantity
	if quantity < 0 {
		words, shown = "Unused time on %d × %s after %s", -quantity
	}
	return &line{
		id: s.id("il"), invoiceItem: s.id("ii"), proration: true, quantity: shown, start: at, end: x.end,
		subscription: x.id, item: i.id, price: p.id, amount: Prorate(p.unit, quantity, x.start, x.end, at),
		description: fmt.Sprintf(words, shown, s.products[p.product].name, dated(at)),
	}
}

// changeLines are both lines of a change of quantity. A trial has none: nothing was charged and nothing is.
func (s *Server) changeLines(x *subscription, i *item, from, to, at int64) []*line {
	if x.status == "trialing" || from == to {
		return nil
	}
	var lines []*line
	for _, quantity := range []int64{-from, to} {
		if l := s.prorated(x, i, quantity, at); l != nil {
			lines = append(lines, l)
		}
	}
	return lines
}
