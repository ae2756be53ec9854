// Money: exact decimals in a currency's own minor unit, and the spreading of an amount over nights so that not a cent is lost.

package mcp

import (
	"strings"

	"github.com/shopspring/decimal"
)

// minorUnits holds the currencies of ISO 4217 that do not have two decimals.
var minorUnits = map[string]int32{
	"BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0, "RWF": 0,
	"UGX": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
	"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
}

// minorDigits is how many decimals amounts of the currency have.
func minorDigits(currency string) int32 {
	if digits, ok := minorUnits[strings.ToUpper(currency)]; ok {
		return digits
	}
	return 2
}

// moneyText writes d with exactly the decimals of its currency; Hostaway's binary fractions (99.99000000001) are rounded away.
func moneyText(d decimal.Decimal, currency string) string {
	return d.StringFixed(minorDigits(currency))
}

// moneyOrAbsent is moneyText for an amount that may be unknown: then it is empty, which leaves the field out of the answer.
func moneyOrAbsent(d *decimal.Decimal, currency string) string {
	if d == nil {
		return ""
	}
	return moneyText(*d, currency)
}

// shareOfNights gives the part of amount that falls on the nights [from, to) of a stay of nights nights. The amount is divided
// evenly by the largest-remainder rule in minor units, the leftover units going to the earliest nights, so that the parts of a
// stay always add up to its amount exactly, however it is cut. A stay without nights has a single part, [0, 1).
func shareOfNights(amount decimal.Decimal, digits int32, nights, from, to int) decimal.Decimal {
	units := amount.Round(digits).Shift(digits).BigInt()
	upTo := func(k int) decimal.Decimal {
		whole := decimal.NewFromBigInt(units, 0)
		if nights <= 0 || k >= nights {
			if k <= 0 {
				return decimal.Zero
			}
			return whole
		}
		each, rest := whole.QuoRem(decimal.NewFromInt(int64(nights)), 0)
		leftover := min(int64(k), rest.Abs().IntPart())
		return each.Mul(decimal.NewFromInt(int64(k))).Add(decimal.NewFromInt(leftover * int64(rest.Sign())))
	}
	return upTo(to).Sub(upTo(from)).Shift(-digits)
}
