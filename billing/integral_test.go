package billing

import (
	"math/big"
	"math/rand/v2"
	"testing"
	"time"
)

func TestIntegral(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
	p := period{start, start.AddDate(0, 0, 28)}
	day := func(n int) time.Time { return start.AddDate(0, 0, n) }
	for name, test := range map[string]struct {
		steps []quantityStep
		want  *big.Rat
	}{
		"nothing counted":                        {nil, big.NewRat(0, 1)},
		"one quantity all along":                 {[]quantityStep{{day(-9), 10}}, big.NewRat(5000, 1)},
		"from the middle":                        {[]quantityStep{{day(14), 10}}, big.NewRat(2500, 1)},
		"changed in the middle":                  {[]quantityStep{{day(-9), 10}, {day(14), 20}}, big.NewRat(7500, 1)},
		"a third of the time is a fraction":      {[]quantityStep{{day(25), 1}}, big.NewRat(500*3, 28)},
		"after the period":                       {[]quantityStep{{day(-9), 10}, {day(28), 20}}, big.NewRat(5000, 1)},
		"down to none":                           {[]quantityStep{{day(-9), 10}, {day(7), 0}}, big.NewRat(1250, 1)},
		"of two for one moment the later stands": {[]quantityStep{{day(-9), 10}, {day(14), 90}, {day(14), 20}}, big.NewRat(7500, 1)},
		"written out of order":                   {[]quantityStep{{day(14), 20}, {day(-9), 10}}, big.NewRat(7500, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := integral(test.steps, p, 500); got.Cmp(test.want) != 0 {
				t.Errorf("integral = %s, want %s", got.RatString(), test.want.RatString())
			}
		})
	}
	if got := integral([]quantityStep{{day(0), 10}}, period{start, start}, 500); got.Sign() != 0 {
		t.Errorf("a period without length costs %s", got.RatString())
	}
}

// TestIntegralIsTheSumOfItsParts: cutting a period at any moment changes nothing,
// to the last fraction of a cent.
func TestIntegralIsTheSumOfItsParts(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for range 500 {
		length := 1 + r.Int64N(31*86400)
		p := period{start, start.Add(time.Duration(length) * time.Second)}
		var steps []quantityStep
		for range r.IntN(20) {
			steps = append(steps, quantityStep{start.Add(time.Duration(r.Int64N(2*length)-length/2) * time.Second), r.IntN(300)})
		}
		unit := r.Int64N(100_000)
		cut := start.Add(time.Duration(r.Int64N(length+1)) * time.Second)
		sum := new(big.Rat)
		for _, part := range []period{{start, cut}, {cut, p.End}} {
			share := big.NewRat(part.End.Unix()-part.Start.Unix(), length)
			sum.Add(sum, share.Mul(share, integral(steps, part, unit)))
		}
		if whole := integral(steps, p, unit); whole.Cmp(sum) != 0 {
			t.Fatalf("seed %d: the whole is %s, its parts %s", seed, whole.RatString(), sum.RatString())
		}
	}
}

// TestSettleAgainstFiguresOfStripe takes prorations as Stripe has shown them in its
// documentation and in public invoices: 1000 × 2 → 1000 × 3 on the tenth day of 31.
func TestSettleAgainstFiguresOfStripe(t *testing.T) {
	t.Parallel()
	p := period{time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC), time.Date(2026, 2, 10, 0, 0, 0, 0, time.UTC)}
	change := time.Date(2026, 1, 20, 0, 0, 0, 0, time.UTC)
	steps := []quantityStep{{p.Start.AddDate(0, -2, 0), 2}, {change, 3}}
	flat := invoiceLine{ID: "il_1", Amount: 2000, Start: p.Start, End: p.End}
	credit := invoiceLine{ID: "il_2", Amount: -1355, Proration: true, Start: change, End: p.End}
	debit := invoiceLine{ID: "il_3", Amount: 2032, Proration: true, Start: change, End: p.End}
	next := invoiceLine{ID: "il_4", Amount: 3000, Start: p.End, End: p.End.AddDate(0, 1, 0)}
	earlier := invoiceLine{ID: "il_5", Amount: 700, Proration: true, Start: p.Start.AddDate(0, 0, -9), End: p.Start}
	wrong := debit
	wrong.Amount += 2
	for name, test := range map[string]struct {
		lines []invoiceLine
		exact bool
		count int
	}{
		"as Stripe bills it":           {[]invoiceLine{flat, credit, debit}, true, 3},
		"with lines of other periods":  {[]invoiceLine{next, flat, earlier, credit, debit}, true, 3},
		"a line that is listed twice":  {[]invoiceLine{flat, credit, debit, debit}, true, 3},
		"the change was never billed":  {[]invoiceLine{flat}, false, 1},
		"half of the change is billed": {[]invoiceLine{flat, credit}, false, 2},
		"two cents too much":           {[]invoiceLine{flat, credit, wrong}, false, 3},
		"nothing was billed":           {nil, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := settle(test.lines, steps, p, 1000)
			if s.exact() != test.exact || s.Lines != test.count {
				t.Errorf("settle = %d over %d lines beside %s, exact %t", s.Billed, s.Lines, s.Expected.FloatString(3), s.exact())
			}
		})
	}
}
