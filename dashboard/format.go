// How numbers, times and names are written for people.
package dashboard

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// number groups thousands: 32440 becomes "32,440".
func number(n int) string {
	digits := strconv.Itoa(n)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	return sign + grouped(digits)
}

// grouped puts commas between thousands.
func grouped(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// percent is the share of part in whole, as "1.27%"; nothing of nothing is "0%".
func percent(part, whole int) string {
	if whole == 0 || part == 0 {
		return "0%"
	}
	share := 100 * float64(part) / float64(whole)
	if share >= 10 {
		return fmt.Sprintf("%.1f%%", share)
	}
	return fmt.Sprintf("%.2f%%", share)
}

// plural writes a count with its noun: "1 listing", "84 listings".
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + one + "s"
}

// span is how long something took or will take, roughly, in words.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return plural(max(int(d/time.Second), 1), "second")
	case d < time.Hour:
		return plural(int((d+time.Minute-1)/time.Minute), "minute")
	default:
		return plural(int((d+time.Hour-1)/time.Hour), "hour")
	}
}

// since says how long ago at was, as a person would.
func since(at, now time.Time) string {
	switch d := now.Sub(at); {
	case d < 10*time.Second:
		return "just now"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", int(d/time.Second))
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d/time.Minute))
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h ago", int(d/time.Hour))
	case d < 48*time.Hour:
		return "yesterday"
	case d < 14*24*time.Hour:
		return fmt.Sprintf("%d days ago", int(d/(24*time.Hour)))
	default:
		return at.UTC().Format("2 Jan 2006")
	}
}

// until says when something will be, as a person would.
func until(at, now time.Time) string {
	if d := at.Sub(now); d > 0 {
		return "in " + duration(max(d.Round(time.Second), time.Second))
	}
	return "now"
}

// duration writes how long something takes, to two figures or so: "0.4 s", "12 s", "3 min", "26 h", "12 days".
func duration(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < time.Millisecond && d > 0:
		return "< 1 ms"
	case d < time.Second && d > 0:
		return fmt.Sprintf("%d ms", d/time.Millisecond)
	case d < 10*time.Second:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", d.Seconds()), ".0") + " s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 72*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	default:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
}

// size writes a number of bytes: "4.2 MB". Below zero it is not known.
func size(n int64) string {
	if n < 0 {
		return "–"
	}
	if n < 1000 {
		return plural(int(n), "byte")
	}
	v, unit := float64(n), ""
	for _, unit = range []string{"KB", "MB", "GB", "TB"} {
		if v /= 1000; v < 999.5 {
			break
		}
	}
	if v < 9.95 {
		return fmt.Sprintf("%.1f %s", v, unit)
	}
	return fmt.Sprintf("%.0f %s", v, unit)
}

// timeTag writes a time as people say it, with the exact UTC time behind it.
func timeTag(at time.Time, text string) template.HTML {
	at = at.UTC()
	// The text is escaped; the rest are times.
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s">%s</time>`,
		at.Format(time.RFC3339), at.Format("2 Jan 2006, 15:04:05 UTC"), template.HTMLEscapeString(text)))
}

// initials are up to two letters for an avatar.
func initials(name string) string {
	var letters []rune
	for word := range strings.FieldsSeq(name) {
		r, _ := utf8.DecodeRuneInString(word)
		if len(letters) < 2 && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			letters = append(letters, unicode.ToUpper(r))
		}
	}
	if len(letters) == 0 {
		return "·"
	}
	return string(letters)
}

// millis writes a duration in milliseconds: "412 ms".
func millis(ms int) string { return number(ms) + " ms" }
