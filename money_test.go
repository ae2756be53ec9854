package main

import (
	"strings"
	"testing"
)

func TestMoneyIsReadToTheSmallestUnit(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		amount, currency string
		minor            int64
		shown            string
	}{
		{"5.00", "usd", 500, "5.00 USD"},
		{"5", "eur", 500, "5.00 EUR"},
		{"0.1", "gbp", 10, "0.10 GBP"},
		{"4.35", "usd", 435, "4.35 USD"}, // 434.99… as a float
		{"5.000", "usd", 500, "5.00 USD"},
		{"600", "jpy", 600, "600 JPY"},
		{"1.500", "kwd", 1500, "1.500 KWD"},
		{"700", "isk", 70000, "700.00 ISK"},
		{"999999.99", "usd", 99_999_999, "999999.99 USD"},
	} {
		minor, err := parseMoney(test.amount, test.currency)
		if err != nil || minor != test.minor {
			t.Errorf("%s %s: %d, %v", test.amount, test.currency, minor, err)
		}
		if shown := formatMoney(minor, strings.ToUpper(test.currency)); shown != test.shown {
			t.Errorf("%s %s is shown as %s", test.amount, test.currency, shown)
		}
	}
	for _, test := range []struct{ amount, currency, want string }{
		{"5.005", "usd", "more digits behind the point than USD, which has 2"},
		{"5.5", "jpy", "more digits"},
		{"0", "usd", "more than 0"},
		{"0.00", "usd", "more than 0"},
		{"-5", "usd", "not an amount"},
		{"5,00", "usd", "not an amount"},
		{"1e9", "usd", "not an amount"},
		{"5.0.0", "usd", "not an amount"},
		{"", "usd", "not an amount"},
		{".", "usd", "not an amount"},
		{"$5", "usd", "not an amount"},
		{"1000000", "usd", "more than Stripe charges"},
		{"99999999999999999999", "usd", "more than Stripe charges"},
		{"7.5", "isk", "in steps of 1"},
		{"1.505", "kwd", "in steps of 0.01"},
		{"5", "dollars", "not a currency"},
		{"5", "US1", "not a currency"},
		{"5", "zzz", "not a currency that Stripe charges in"},
		{"5", "USD", "not a currency"}, // who asks writes it small
		{"5", "usd eur", "not a currency"},
		{"5", "", "not a currency"},
	} {
		if minor, err := parseMoney(test.amount, test.currency); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q %q: %d, %v", test.amount, test.currency, minor, err)
		}
	}
}

func TestCurrenciesAreThreeLettersEachOnce(t *testing.T) {
	t.Parallel()
	all := strings.Fields(zeroDigits + " " + twoDigits + " " + threeDigits)
	seen := map[string]bool{}
	for _, c := range all {
		if len(c) != 3 || strings.Trim(c, "abcdefghijklmnopqrstuvwxyz") != "" || seen[c] {
			t.Errorf("%q is no currency, or is there twice", c)
		}
		seen[c] = true
	}
	if len(all) < 135 { // "135+", as Stripe says
		t.Errorf("%d currencies", len(all))
	}
}
