// Money as people write it on a command line, and as Stripe takes it: whole
// numbers of the currency's smallest unit.
package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// digitsOf is how many digits of a currency stand behind the point where Stripe is
// given whole numbers (Stripe docs, Currencies, 2023-10-16).
func digitsOf(currency string) int32 {
	switch {
	case slices.Contains(strings.Fields("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"), currency):
		return 0
	case slices.Contains(strings.Fields("bhd jod kwd omr tnd"), currency):
		return 3
	}
	return 2
}

// roundOf is what an amount has to be a multiple of: Stripe charges ISK and UGX in
// whole units and three-digit currencies in tens, though it takes them with all
// their digits (Stripe docs, Currencies, Special cases, 2023-10-16).
func roundOf(currency string) int64 {
	switch {
	case currency == "isk" || currency == "ugx":
		return 100
	case digitsOf(currency) == 3:
		return 10
	}
	return 1
}

const mostMinor = 99_999_999 // of one charge (Stripe docs, Currencies, Minimum and maximum charge amounts, 2023-10-16)

// parseMoney reads an amount like "5.00" of a currency like "usd". Nothing is
// rounded.
func parseMoney(amount, currency string) (minor int64, err error) {
	if len(currency) != 3 || strings.Trim(currency, "abcdefghijklmnopqrstuvwxyz") != "" {
		return 0, fmt.Errorf("%q is not a currency: give its three letters, like usd", currency)
	}
	if amount == "" || len(amount) > 20 || strings.Trim(amount, "0123456789.") != "" {
		return 0, fmt.Errorf("%q is not an amount: write it like 5.00, without a sign or a currency", amount)
	}
	d, err := decimal.NewFromString(amount)
	if err != nil {
		return 0, fmt.Errorf("%q is not an amount: write it like 5.00", amount)
	}
	digits := digitsOf(currency)
	scaled := d.Shift(digits)
	code := strings.ToUpper(currency)
	switch {
	case !scaled.IsInteger():
		return 0, fmt.Errorf("%s has more digits behind the point than %s, which has %d", amount, code, digits)
	case !scaled.IsPositive():
		return 0, fmt.Errorf("%s is nothing: the price of a listing is more than 0", amount)
	case scaled.GreaterThan(decimal.NewFromInt(mostMinor)):
		return 0, fmt.Errorf("%s %s is more than Stripe charges at once", amount, code)
	case scaled.IntPart()%roundOf(currency) != 0:
		return 0, fmt.Errorf("%s comes only in steps of %s at Stripe", code, decimal.New(roundOf(currency), -digits).String())
	}
	return scaled.IntPart(), nil
}

// formatMoney writes an amount for people, like "5.00 USD".
func formatMoney(minor int64, currency string) string {
	digits := digitsOf(strings.ToLower(currency))
	return decimal.New(minor, -digits).StringFixed(digits) + " " + strings.ToUpper(currency)
}
