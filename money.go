// Money as people write it on a command line, and as Stripe takes it: whole
// numbers of the currency's smallest unit.
package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// The currencies that Stripe charges in, by how many of their digits stand behind the
// point where it is given whole numbers (Stripe docs, Currencies). Some that have
// another name since are here under both: which of them an account may charge in,
// Stripe tells.
const (
	zeroDigits  = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"
	threeDigits = "bhd jod kwd omr tnd"
	twoDigits   = "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop crc cve czk dkk dop dzd " +
		"egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr isk jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt " +
		"mop mro mru mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sll sos srd " +
		"std szl thb tjs top try ttd twd tzs uah ugx usd uyu uzs wst xcd xcg yer zar zmw"
)

func among(currency, list string) bool { return slices.Contains(strings.Fields(list), currency) }

// digitsOf is how many digits of a currency stand behind the point.
func digitsOf(currency string) int32 {
	switch {
	case among(currency, zeroDigits):
		return 0
	case among(currency, threeDigits):
		return 3
	}
	return 2
}

// knownCurrency refuses what Stripe charges nobody in.
func knownCurrency(currency string) error {
	if !among(currency, zeroDigits) && !among(currency, twoDigits) && !among(currency, threeDigits) {
		return fmt.Errorf("%q is not a currency that Stripe charges in", currency)
	}
	return nil
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
	if err := knownCurrency(currency); err != nil {
		return 0, err
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
