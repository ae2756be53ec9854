// Calendar days, UTC stamps and cents: the three scalar kinds of the fake, kept as integers so that worlds are small and sums exact.
package hostawaytest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	dateLayout  = "2006-01-02"
	stampLayout = "2006-01-02 15:04:05"
	daySeconds  = 86400
)

// day counts days since 1970-01-01; noDay is "not set" and is written as null.
type day int32

const noDay day = -1 << 30

func dayOf(t time.Time) day {
	t = t.UTC()
	return day(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix() / daySeconds)
}

func parseDay(s string) (day, bool) {
	if len(s) > len(dateLayout) {
		s = s[:len(dateLayout)]
	}
	t, err := time.Parse(dateLayout, s)
	if err != nil {
		return noDay, false
	}
	return dayOf(t), true
}

func (d day) time() time.Time { return time.Unix(int64(d)*daySeconds, 0).UTC() }

func (d day) String() string {
	if d == noDay {
		return ""
	}
	return d.time().Format(dateLayout)
}

func (d day) weekend() bool {
	w := d.time().Weekday()
	return w == time.Friday || w == time.Saturday
}

// at is the moment hour:minute of this day in UTC.
func (d day) at(hour, minute int) stamp {
	return stamp(int64(d)*daySeconds + int64(hour)*3600 + int64(minute)*60)
}

// stamp is a UTC moment in Unix seconds; 0 is "not set" and is written as null.
type stamp int64

func stampOf(t time.Time) stamp { return stamp(t.Unix()) }

func (s stamp) time() time.Time { return time.Unix(int64(s), 0).UTC() }
func (s stamp) day() day        { return dayOf(s.time()) }

func (s stamp) String() string {
	if s == 0 {
		return ""
	}
	return s.time().Format(stampLayout)
}

// cents is money in hundredths. Hostaway sends plain numbers: 120, 99.5, 99.95.
type cents int64

func (c cents) String() string {
	sign := ""
	if c < 0 {
		sign, c = "-", -c
	}
	text := fmt.Sprintf("%s%d.%02d", sign, int64(c)/100, int64(c)%100)
	return strings.TrimSuffix(strings.TrimSuffix(text, "0"), ".0")
}

// fixed always has two decimals, as the CSV reports write it.
func (c cents) fixed() string {
	sign := ""
	if c < 0 {
		sign, c = "-", -c
	}
	return fmt.Sprintf("%s%d.%02d", sign, int64(c)/100, int64(c)%100)
}

func parseCents(s string) (cents, bool) {
	s = strings.TrimSpace(s)
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !json.Valid([]byte(s)) || f > 1e13 || f < -1e13 {
		return 0, false
	}
	if f < 0 {
		return cents(f*100 - 0.5), true
	}
	return cents(f*100 + 0.5), true
}

// percent takes rate hundredths of a percent of c, rounded half away from zero: percent(975) is 9.75 %.
func (c cents) percent(rate int) cents {
	product := int64(c) * int64(rate)
	if product < 0 {
		return cents((product - 5000) / 10000)
	}
	return cents((product + 5000) / 10000)
}
