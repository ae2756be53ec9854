package hostaway

// date.go: calendar days without a time zone, as Hostaway means them.

import (
	"fmt"
	"time"
)

const dateLayout = "2006-01-02"

// Date is a calendar day without a time zone, such as an arrival day in a listing's own city. The zero Date means "no day".
// Dates are comparable with == and usable as map keys.
type Date struct {
	year  int
	month time.Month
	day   int
}

// NewDate gives the day of a year, month and day of the month; values out of range are carried over as time.Date does.
func NewDate(year int, month time.Month, day int) Date {
	return DateOf(time.Date(year, month, day, 0, 0, 0, 0, time.UTC), time.UTC)
}

// DateOf gives the calendar day that t has in the location loc; a nil loc means UTC.
func DateOf(t time.Time, loc *time.Location) Date {
	if loc == nil {
		loc = time.UTC
	}
	y, m, d := t.In(loc).Date()
	return Date{y, m, d}
}

// ParseDate reads a day written as YYYY-MM-DD, with a year from 1 to 9999, and refuses anything else.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(dateLayout, s)
	if err != nil || t.Year() < 1 {
		return Date{}, fmt.Errorf("read date %.40q: want a day as YYYY-MM-DD", s)
	}
	return DateOf(t, time.UTC), nil
}

// IsZero tells whether d is the zero Date, "no day".
func (d Date) IsZero() bool { return d == Date{} }

// String writes the day as YYYY-MM-DD; the zero Date is the empty string.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return d.utc().Format(dateLayout)
}

// Add gives the day that lies the given number of days later, or earlier for a negative number.
func (d Date) Add(days int) Date { return DateOf(d.utc().AddDate(0, 0, days), time.UTC) }

// Sub gives the number of days from other to d: the nights of a stay are departure.Sub(arrival).
func (d Date) Sub(other Date) int {
	return int((d.utc().Unix() - other.utc().Unix()) / int64(24*time.Hour/time.Second))
}

// Compare gives -1, 0 or +1 when d lies before, on or after other.
func (d Date) Compare(other Date) int { return d.utc().Compare(other.utc()) }

// Before tells whether d lies before other.
func (d Date) Before(other Date) bool { return d.Compare(other) < 0 }

// After tells whether d lies after other.
func (d Date) After(other Date) bool { return d.Compare(other) > 0 }

// Year, Month and Day give the parts of the date.
func (d Date) Year() int { return d.year }

// Month gives the month of the date.
func (d Date) Month() time.Month { return d.month }

// Day gives the day of the month.
func (d Date) Day() int { return d.day }

// Weekday gives the day of the week.
func (d Date) Weekday() time.Weekday { return d.utc().Weekday() }

// In gives the first moment of the day in a location; a nil loc means UTC.
func (d Date) In(loc *time.Location) time.Time {
	if loc == nil {
		loc = time.UTC
	}
	return time.Date(d.year, d.month, d.day, 0, 0, 0, 0, loc)
}

// MarshalText writes the day as YYYY-MM-DD, also inside JSON; the zero Date is the empty text.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads YYYY-MM-DD; the empty text is the zero Date.
func (d *Date) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*d = Date{}
		return nil
	}
	parsed, err := ParseDate(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

func (d Date) utc() time.Time { return time.Date(d.year, d.month, d.day, 0, 0, 0, 0, time.UTC) }
