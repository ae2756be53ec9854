// The chart of listings per day: what is billed, and on top of it what a held count found more.
package dashboard

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
)

// listingBars draws a bar for each day with a known number; a day without one stays empty.
func listingBars(days []ListingDay, today string) template.HTML {
	top := 0
	for _, day := range days {
		good, more, _ := dayParts(day)
		top = max(top, good+more)
	}
	empty := top == 0
	top = niceTop(top)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart%s" role="img" aria-label="%s">`, map[bool]string{true: " empty"}[empty], listingsLabel(days))
	chartGrid(&b, top, empty)
	step := 100 / float64(max(len(days), 1))
	for i, day := range days {
		listingBar(&b, day, top, step, i, day.Date == today)
	}
	dates := make([]string, len(days))
	for i, day := range days {
		dates[i] = day.Date
	}
	chartDates(&b, dates)
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) // numbers, dates and our own words
}

// dayParts are the two parts of a bar: what is billed (or counted, before anything is billed), and what waits on top.
func dayParts(day ListingDay) (good, waiting int, known bool) {
	switch {
	case day.Billed != nil && day.Counted != nil:
		return *day.Billed, max(*day.Counted-*day.Billed, 0), true
	case day.Billed != nil:
		return *day.Billed, 0, true
	case day.Counted != nil:
		return *day.Counted, 0, true
	}
	return 0, 0, false
}

func listingBar(b *strings.Builder, day ListingDay, top int, step float64, i int, running bool) {
	good, waiting, known := dayParts(day)
	class, note := "bar", ""
	if running {
		class, note = "bar running", ", so far"
	}
	label, value := "Not counted", ""
	if known {
		label, value = "Active listings", number(good)
	}
	if day.Billed != nil {
		label = "Billed"
		if day.Counted != nil && *day.Counted != *day.Billed {
			label, value = "Billed, of "+number(*day.Counted)+" counted", number(good)
		}
	}
	x := step * float64(i)
	fmt.Fprintf(b, `<g class="%s" data-day="%s%s" data-label="%s" data-value="%s"><rect class="hit" x="%.3f%%" width="%.3f%%" height="100%%"/>`,
		class, dayLabel(day.Date, "Mon 2 Jan"), note, label, value, x, step)
	left, width := x+step*.14, step*.72
	bottom := 100.0
	for _, part := range []struct {
		class string
		n     int
	}{{"ok", good}, {"waiting", waiting}} {
		if part.n > 0 {
			h := math.Max(100-percentDown(part.n, top), .8)
			bottom -= h
			fmt.Fprintf(b, `<rect class="%s" x="%.3f%%" y="%.2f%%" width="%.3f%%" height="%.2f%%" rx="2"/>`, part.class, left, math.Max(bottom, 0), width, h)
			bottom -= .6
		}
	}
	b.WriteString(`</g>`)
}

// newestDays lists the days with a known number from today back.
func newestDays(days []ListingDay) []ListingDay {
	known := slices.DeleteFunc(slices.Clone(days), func(d ListingDay) bool { return d.Counted == nil && d.Billed == nil })
	slices.Reverse(known)
	return known
}

// listingsLabel tells in words what the picture shows.
func listingsLabel(days []ListingDay) string {
	known := newestDays(days)
	if len(known) == 0 {
		return "Listings per day: not counted yet"
	}
	first, _, _ := dayParts(known[len(known)-1])
	last, _, _ := dayParts(known[0])
	return fmt.Sprintf("Listings per day over %d days: %s on %s, %s on %s", len(days), number(first), dayLabel(known[len(known)-1].Date, "2 Jan"), number(last), dayLabel(known[0].Date, "2 Jan"))
}
