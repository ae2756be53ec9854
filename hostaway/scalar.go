package hostaway

// scalar.go: the single values of a row: text, yes or no, whole numbers, decimals, days and times.

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// state tells how much a value says: something, nothing (null, "", an empty day), or something that can't be read.
type state int

const (
	isKnown state = iota
	isNothing
	isUnreadable
)

// readText gives a text; a number is taken as it is written, null is the empty text. Anything else can't be read as text.
func readText(raw json.RawMessage) (string, bool) {
	switch kind := kindOf(raw); {
	case kind == 0, kind == 'n':
		return "", true
	case kind == '"':
		var s string
		err := json.Unmarshal(raw, &s)
		return s, err == nil
	case kind == '-', kind >= '0' && kind <= '9':
		return strings.TrimSpace(string(raw)), true
	}
	return "", false
}

// readBool knows true, false, 1, 0 and the same in quotes.
func readBool(raw json.RawMessage) (value bool, s state) {
	text, ok := readText(raw)
	if !ok {
		text = strings.TrimSpace(string(raw))
	}
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "1", "true":
		return true, isKnown
	case "0", "false":
		return false, isKnown
	case "":
		return false, isNothing
	}
	return false, isUnreadable
}

// readInt knows whole numbers, quoted ones, and those written with a fraction of zero; true and false are 1 and 0.
func readInt(raw json.RawMessage) (int64, state) {
	if kind := kindOf(raw); kind == 't' || kind == 'f' {
		if value, s := readBool(raw); value {
			return 1, s
		} else {
			return 0, s
		}
	}
	d, s := readDecimal(raw)
	if s != isKnown {
		return 0, s
	}
	if !d.IsInteger() || !d.BigInt().IsInt64() {
		return 0, isUnreadable
	}
	return d.IntPart(), isKnown
}

// Numbers longer or further from zero than these are no amounts; refusing them keeps a hostile "1e999999999" from costing memory.
const (
	maxNumberText = 64
	maxExponent   = 40
)

// readDecimal knows numbers, also quoted, exactly as they are written: nothing passes through a float.
func readDecimal(raw json.RawMessage) (decimal.Decimal, state) {
	text, ok := readText(raw)
	text = strings.TrimSpace(text)
	switch {
	case !ok, len(text) > maxNumberText:
		return decimal.Decimal{}, isUnreadable
	case text == "":
		return decimal.Decimal{}, isNothing
	}
	d, err := decimal.NewFromString(text)
	if err != nil || d.Exponent() > maxExponent || d.Exponent() < -maxExponent {
		return decimal.Decimal{}, isUnreadable
	}
	return d, isKnown
}

// readDate knows days, and times of which it takes the day; "0000-00-00" is no day.
func readDate(raw json.RawMessage) (Date, state) {
	text, s := readMoment(raw)
	if s != isKnown {
		return Date{}, s
	}
	if len(text) > len(dateLayout) && strings.ContainsRune(" T", rune(text[len(dateLayout)])) {
		text = text[:len(dateLayout)]
	}
	d, err := ParseDate(text)
	if err != nil {
		return Date{}, isUnreadable
	}
	return d, isKnown
}

// readTime knows "2006-01-02 15:04:05" as UTC, RFC 3339, and a day alone as its first moment in UTC.
func readTime(raw json.RawMessage) (time.Time, state) {
	text, s := readMoment(raw)
	if s != isKnown {
		return time.Time{}, s
	}
	for _, layout := range []string{time.DateTime, time.RFC3339Nano, dateLayout} {
		if t, err := time.Parse(layout, text); err == nil && t.Year() >= 1 {
			return t.UTC(), isKnown
		}
	}
	return time.Time{}, isUnreadable
}

// readMoment gives the text of a day or time, or nothing for the ways to write none.
func readMoment(raw json.RawMessage) (string, state) {
	text, ok := readText(raw)
	text = strings.TrimSpace(text)
	switch {
	case !ok:
		return "", isUnreadable
	case text == "", text == "0", strings.HasPrefix(text, "0000-00-00"), strings.HasPrefix(text, "-0001-11-30"):
		return "", isNothing
	}
	return text, isKnown
}

// numbered gives the values of an object whose keys are all numbers, in the order of the keys.
func numbered(o object) ([]json.RawMessage, bool) {
	keys := make([]int64, 0, len(o))
	byKey := make(map[int64]json.RawMessage, len(o))
	for key, value := range o {
		n, s := readInt(json.RawMessage(`"` + key + `"`))
		if s != isKnown || n < 0 {
			return nil, false
		}
		keys = append(keys, n)
		byKey[n] = value
	}
	slices.Sort(keys)
	list := make([]json.RawMessage, len(keys))
	for i, key := range keys {
		list[i] = byKey[key]
	}
	return list, true
}
