// The check of a stay against a calendar: can it be booked, what stands against it, and the days as compact periods.

package mcp

import (
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"hostaway-mcp/hostaway"
)

// stayCheck holds one stay and the calendar it is checked against.
type stayCheck struct {
	listing hostaway.Listing
	in      checkAvailabilityIn
	nights  int
	now     time.Time
	days    map[hostaway.Date]hostaway.CalendarDay
}

// calendarPeriod is a run of days on which everything is the same.
type calendarPeriod struct {
	From        hostaway.Date `json:"from"`
	To          hostaway.Date `json:"to"`
	Free        *bool         `json:"free,omitempty"`
	Reason      string        `json:"reason,omitempty"`
	Price       string        `json:"price,omitempty"`
	MinStay     *int64        `json:"min_stay,omitempty"`
	MaxStay     *int64        `json:"max_stay,omitempty"`
	UnitsLeft   *int64        `json:"units_left,omitempty"`
	NoArrival   bool          `json:"no_arrival,omitempty"`
	NoDeparture bool          `json:"no_departure,omitempty"`
}

// judge gives yes, no, or nil when Hostaway's calendar leaves it open.
func (s stayCheck) judge() (*bool, []string) {
	problems, open := s.nightProblems()
	problems = append(problems, s.ruleProblems()...)
	yes, no := true, false
	switch {
	case len(problems) > 0:
		return &no, append(problems, open...)
	case len(open) > 0:
		return nil, open
	}
	return &yes, nil
}

// nightProblems looks at each night: taken ones are problems, unknown ones leave the question open.
func (s stayCheck) nightProblems() (problems, open []string) {
	taken, unknown := map[string]int{}, 0
	for i := range s.nights {
		day, there := s.days[s.in.Arrival.Add(i)]
		free, known := day.Free()
		switch {
		case !there || !known:
			unknown++
		case !free:
			taken[reasonOf(day)]++
		}
	}
	for _, reason := range sortedKeys(taken) {
		problems = append(problems, fmt.Sprintf("%d of %d nights not free (%s)", taken[reason], s.nights, reason))
	}
	if unknown > 0 {
		open = append(open, fmt.Sprintf("Hostaway's calendar says nothing about %d of %d nights", unknown, s.nights))
	}
	return problems, open
}

func (s stayCheck) ruleProblems() []string {
	var problems []string
	add := func(broken bool, format string, args ...any) {
		if broken {
			problems = append(problems, fmt.Sprintf(format, args...))
		}
	}
	first, last, nights := s.days[s.in.Arrival], s.days[s.in.Departure], int64(s.nights)
	least, most := or(first.MinimumStay, s.listing.MinNights), or(first.MaximumStay, s.listing.MaxNights)
	add(s.listing.IsArchived(), "the listing is archived")
	add(s.inThePast(), "the arrival lies in the past")
	add(s.listing.PersonCapacity != nil && *s.listing.PersonCapacity < s.in.Guests, "room for %d guests only", valueOf(s.listing.PersonCapacity))
	add(least != nil && *least > nights, "the least stay is %d nights", valueOf(least))
	add(most != nil && *most > 0 && *most < nights, "the longest stay is %d nights", valueOf(most))
	add(isTrue(first.ClosedOnArrival), "no arrivals on %s", s.in.Arrival)
	add(isTrue(last.ClosedOnDeparture), "no departures on %s", s.in.Departure)
	return problems
}

// inThePast goes by the day it is at the listing; with an unknown zone, by the day that begins last on Earth.
func (s stayCheck) inThePast() bool {
	zone, err := time.LoadLocation(s.listing.TimeZoneName)
	if err != nil || s.listing.TimeZoneName == "" {
		zone = time.FixedZone("", -12*60*60)
	}
	return s.in.Arrival.Before(hostaway.DateOf(s.now, zone))
}

// nightlyTotal adds the prices of all nights up; it is empty when one of them is unknown.
func (s stayCheck) nightlyTotal() string {
	total := decimal.Zero
	for i := range s.nights {
		day := s.days[s.in.Arrival.Add(i)]
		if day.Price == nil {
			return ""
		}
		total = total.Add(*day.Price)
	}
	return moneyText(total, s.listing.CurrencyCode)
}

func (s stayCheck) periods() []calendarPeriod {
	var out []calendarPeriod
	for i := range s.nights {
		date := s.in.Arrival.Add(i)
		p := s.periodOf(date)
		if n := len(out); n > 0 && out[n-1].continuedBy(p) {
			out[n-1].To = p.To
			continue
		}
		out = append(out, p)
	}
	return out
}

func (s stayCheck) periodOf(date hostaway.Date) calendarPeriod {
	p := calendarPeriod{From: date, To: date.Add(1)}
	day, there := s.days[date]
	free, known := day.Free()
	if !there || !known {
		p.Reason = "unknown"
		return p
	}
	p.Free, p.Price = &free, moneyOrAbsent(day.Price, s.listing.CurrencyCode)
	p.MinStay, p.MaxStay = day.MinimumStay, day.MaximumStay
	p.NoArrival, p.NoDeparture = isTrue(day.ClosedOnArrival), isTrue(day.ClosedOnDeparture)
	if day.DesiredUnitsToSell != nil {
		p.UnitsLeft = day.AvailableUnitsToSell
	}
	if !free {
		p.Reason = reasonOf(day)
	}
	return p
}

func (p calendarPeriod) continuedBy(q calendarPeriod) bool {
	return same(p.Free, q.Free) && same(p.MinStay, q.MinStay) && same(p.MaxStay, q.MaxStay) && same(p.UnitsLeft, q.UnitsLeft) &&
		p.Reason == q.Reason && p.Price == q.Price && p.NoArrival == q.NoArrival && p.NoDeparture == q.NoDeparture
}

func reasonOf(day hostaway.CalendarDay) string {
	if day.Status == "" || day.Status == hostaway.DayAvailable {
		return "not for sale"
	}
	return clip(string(day.Status), 30)
}

func same[T comparable](a, b *T) bool {
	return (a == nil) == (b == nil) && (a == nil || *a == *b)
}

func or[T any](a, b *T) *T {
	if a != nil {
		return a
	}
	return b
}

func isTrue(b *bool) bool { return b != nil && *b }

func valueOf[T any](p *T) T {
	var zero T
	if p == nil {
		return zero
	}
	return *p
}
