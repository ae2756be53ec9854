// Amounts as people write them. They stay integers: how many decimals a currency has is all that is known here.
package dashboard

import (
	"fmt"
	"slices"
	"strings"
)

// currencySigns stand before the amount; other currencies are written with their code.
var currencySigns = map[string]string{"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "KRW": "₩", "AUD": "A$", "CAD": "C$", "NZD": "NZ$", "BRL": "R$", "MXN": "MX$"}

// The currencies without and with three decimals (Stripe docs, Supported currencies, Zero-decimal currencies, Three-decimal currencies).
var (
	wholeCurrencies    = []string{"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"}
	thousandCurrencies = []string{"BHD", "JOD", "KWD", "OMR", "TND"}
)

// decimals is how many digits stand after the point.
func decimals(currency string) int {
	switch {
	case slices.Contains(wholeCurrencies, currency):
		return 0
	case slices.Contains(thousandCurrencies, currency):
		return 3
	}
	return 2
}

// String writes "$420.00", "−$13.33", "CHF 1,250.00" or "¥42,000"; an amount that is not known is "–".
func (m Money) String() string {
	if m.Currency == "" {
		return "–"
	}
	currency := strings.ToUpper(m.Currency)
	sign, minor := "", uint64(m.Minor)
	if m.Minor < 0 {
		sign, minor = "−", -minor
	}
	places, unit := decimals(currency), uint64(1)
	for range places {
		unit *= 10
	}
	text := grouped(fmt.Sprint(minor / unit))
	if places > 0 {
		text += fmt.Sprintf(".%0*d", places, minor%unit)
	}
	if before, ok := currencySigns[currency]; ok {
		return sign + before + text
	}
	return sign + currency + "\u00a0" + text
}

// Signed writes a change: "+$13.33", "−$13.33".
func (m Money) Signed() string {
	if m.Minor > 0 {
		return "+" + m.String()
	}
	return m.String()
}

// Times is the amount for n pieces.
func (m Money) Times(n int) Money { return Money{m.Minor * int64(n), m.Currency} }

// Known is false for an amount nobody told.
func (m Money) Known() bool { return m.Currency != "" }
