// The arithmetic of prorations, against amounts that real Stripe invoices show.
package stripetest_test

import (
	"testing"
	"time"

	"hostaway-mcp/billing/stripetest"
)

// TestProrateGivesStripesAmounts: the amounts stand in public fixtures and documentation of Stripe; where only the end of a
// period is known, its start follows from the monthly anchor. Three of them refute rounding the unit price first.
func TestProrateGivesStripesAmounts(t *testing.T) {
	t.Parallel()
	on := func(date string) int64 { return must(time.Parse(time.DateOnly, date))(t).Unix() }
	const daySeconds = 86400
	for _, c := range []struct {
		name                                  string
		unit, quantity, start, end, at, cents int64
	}{
		{"one of 25.00, 30 days", 2500, 1, 1721235234 - 30*daySeconds, 1721235234, 1718661676, 2482},
		{"one of 20.00 given back, 30 days", 2000, -1, 1721235234 - 30*daySeconds, 1721235234, 1718661676, -1986},
		{"one of 32.52, 31 days", 3252, 1, 1599427688 - 31*daySeconds, 1599427688, 1598982148, 541},
		{"one of 10.00 given back, 31 days", 1000, -1, 1599427688 - 31*daySeconds, 1599427688, 1598982148, -166},
		{"two of 10.00 given back", 1000, -2, on("2026-01-10"), on("2026-02-10"), on("2026-01-20"), -1355},
		{"three of 10.00", 1000, 3, on("2026-01-10"), on("2026-02-10"), on("2026-01-20"), 2032},
		{"one of 10.00 given back, 28 days", 1000, -1, 1489449600 - 28*daySeconds, 1489449600, 1488568488, -364},
		{"the whole period", 1000, 7, on("2026-01-10"), on("2026-02-10"), on("2026-01-10"), 7000},
		{"nothing is left", 1000, 7, on("2026-01-10"), on("2026-02-10"), on("2026-02-10"), 0},
		{"more than 64 bits on the way", 1 << 40, 1 << 20, on("2026-01-10"), on("2026-02-10"), on("2026-01-10"), 1 << 60},
	} {
		if got := stripetest.Prorate(c.unit, c.quantity, c.start, c.end, c.at); got != c.cents {
			t.Errorf("%s: %d, want %d", c.name, got, c.cents)
		}
	}
}
