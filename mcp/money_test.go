package mcp

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/shopspring/decimal"
)

func TestMoneyTextUsesTheCurrencysMinorUnit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ amount, currency, want string }{
		{"1234.5", "EUR", "1234.50"},
		{"99.99000000001", "EUR", "99.99"},
		{"0.005", "USD", "0.01"},
		{"-0.005", "USD", "-0.01"},
		{"1234.5", "JPY", "1235"},
		{"1.2345", "KWD", "1.235"},
		{"7", "jpy", "7"},
		{"7", "", "7.00"},
	} {
		if got := moneyText(decimal.RequireFromString(c.amount), c.currency); got != c.want {
			t.Errorf("%s %s: got %s, want %s", c.amount, c.currency, got, c.want)
		}
	}
	if got := moneyOrAbsent(nil, "EUR"); got != "" {
		t.Errorf("an unknown amount became %q", got)
	}
}

func TestSharesOfNights(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		amount, currency string
		nights           int
		want             []string
	}{
		{"100", "EUR", 3, []string{"33.34", "33.33", "33.33"}},
		{"0.05", "EUR", 3, []string{"0.02", "0.02", "0.01"}},
		{"-100", "EUR", 3, []string{"-33.34", "-33.33", "-33.33"}},
		{"100", "JPY", 3, []string{"34", "33", "33"}},
		{"1", "KWD", 3, []string{"0.334", "0.333", "0.333"}},
		{"50.004", "EUR", 1, []string{"50.00"}},
		{"50", "EUR", 0, []string{"50.00"}},
	} {
		for i, want := range c.want {
			got := shareOfNights(decimal.RequireFromString(c.amount), minorDigits(c.currency), c.nights, i, i+1)
			if moneyText(got, c.currency) != want {
				t.Errorf("%s %s over %d nights, night %d: got %s, want %s", c.amount, c.currency, c.nights, i, got, want)
			}
		}
	}
}

func TestSharesAlwaysAddUp(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 1))
	for range 2000 {
		nights, digits := dice.IntN(40), int32(dice.IntN(4))
		amount := decimal.New(dice.Int64N(2_000_000)-500_000, -digits)
		sum, from := decimal.Zero, 0
		for from < max(nights, 1) {
			to := from + 1 + dice.IntN(max(nights, 1)-from)
			sum = sum.Add(shareOfNights(amount, digits, nights, from, to))
			from = to
		}
		if !sum.Equal(amount) {
			t.Fatalf("seed %d: %s over %d nights adds up to %s", seed, amount, nights, sum)
		}
	}
}
