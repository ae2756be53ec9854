// Money in letters: whole minor units, never floats.

package mail

import (
	"fmt"
	"strings"
)

// decimals of the currencies whose minor unit is not a hundredth, as Stripe counts
// them (Stripe docs, Currencies: zero-decimal and three-decimal currencies).
var decimals = map[string]int{
	"BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "JPY": 0, "KMF": 0, "KRW": 0, "MGA": 0, "PYG": 0, "RWF": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
	"BHD": 3, "JOD": 3, "KWD": 3, "OMR": 3, "TND": 3,
}

var signs = map[string]string{"USD": "$", "EUR": "€", "GBP": "£"}

// money writes minor units of a currency: 42000 usd is $420.00, 1500 jpy is
// 1,500 JPY.
func money(minor int64, currency string) string {
	currency = strings.ToUpper(currency)
	places, ok := decimals[currency]
	if !ok {
		places = 2
	}
	sign, amount := "", uint64(minor)
	if minor < 0 {
		sign, amount = "-", -amount
	}
	unit := uint64(1)
	for range places {
		unit *= 10
	}
	text := grouped(int64(amount / unit))
	if places > 0 {
		text += fmt.Sprintf(".%0*d", places, amount%unit)
	}
	if s := signs[currency]; s != "" {
		return sign + s + text
	}
	return sign + text + " " + currency
}
