// Small charts of the last hour: a bar for each minute, drawn like the bars per day in chart.go.
package dashboard

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"
)

// chartMinutes is how far back the charts of an hour look.
const chartMinutes = 60

// reading is one minute of a chart. Good and Bad stand on each other; Bad is what somebody should look at.
type reading struct {
	At        time.Time
	Known     bool // it was measured
	Good, Bad float64
	Text      string // the value in words
	Data      string // attributes for the read-out, escaped
}

// axis is the scale of a chart.
type axis struct {
	top   float64
	label func(float64) string
}

// slots makes a reading for each of the last minutes, the running one last, and fills in what is there.
func slots[T any](now time.Time, all []T, start func(T) time.Time, fill func(T, *reading)) []reading {
	first := now.UTC().Truncate(time.Minute).Add(-(chartMinutes - 1) * time.Minute)
	list := make([]reading, chartMinutes)
	for i := range list {
		list[i] = reading{At: first.Add(time.Duration(i) * time.Minute), Text: "not measured", Data: `data-label="Not measured" data-value=""`}
	}
	for _, one := range all {
		at := start(one).UTC().Truncate(time.Minute)
		if i := int(at.Sub(first) / time.Minute); !at.Before(first) && i < chartMinutes {
			list[i].Known = true
			fill(one, &list[i])
		}
	}
	return list
}

func lagReadings(r Replica, now time.Time) []reading {
	return slots(now, r.Lags, func(m MinuteLag) time.Time { return m.Start }, func(m MinuteLag, to *reading) {
		seconds := max(m.Worst.Seconds(), .001) // no lag at all is a thin line, for it was measured
		if m.Late {
			to.Bad = seconds
		} else {
			to.Good = seconds
		}
		to.Text = duration(m.Worst)
		to.Data = fmt.Sprintf(`data-label="Worst lag" data-value="%s"`, to.Text)
	})
}

func callReadings(calls []MinuteCalls, now time.Time) []reading {
	return slots(now, calls, func(m MinuteCalls) time.Time { return m.Start }, func(m MinuteCalls, to *reading) {
		to.Good, to.Bad, to.Text = float64(m.OK), float64(m.Failed), number(m.OK+m.Failed)
		to.Data = fmt.Sprintf(`data-ok="%s" data-failed="%s"`, number(m.OK), number(m.Failed))
	})
}

// newestKnown lists what was measured, the newest first, for the table beside a chart.
func newestKnown(list []reading) []reading {
	known := slices.DeleteFunc(slices.Clone(list), func(r reading) bool { return !r.Known })
	slices.Reverse(known)
	return known
}

// highest is the highest bar.
func highest(list []reading) (top reading) {
	for _, r := range list {
		if r.Good+r.Bad > top.Good+top.Bad {
			top = r
		}
	}
	return top
}

func countAxis(list []reading) axis {
	h := highest(list)
	return axis{float64(niceTop(int(h.Good + h.Bad))), func(v float64) string { return shortNumber(int(v)) }}
}

// durationAxis ends at a time whose half reads well too.
func durationAxis(list []reading) axis {
	const minute, hour = 60, 3600
	h := highest(list)
	label := func(v float64) string { return duration(time.Duration(v * float64(time.Second))) }
	for _, top := range []float64{1, 2, 4, 10, 20, minute, 2 * minute, 4 * minute, 10 * minute, 20 * minute, hour, 2 * hour, 4 * hour, 12 * hour, 24 * hour} {
		if h.Good+h.Bad <= top {
			return axis{top, label}
		}
	}
	days := math.Ceil((h.Good + h.Bad) / (48 * hour))
	return axis{days * 48 * hour, label}
}

// minutes draws the last hour.
func minutes(what string, list []reading, ax axis) template.HTML {
	var b strings.Builder
	empty := len(newestKnown(list)) == 0
	fmt.Fprintf(&b, `<svg class="chart small%s" role="img" aria-label="%s">`, map[bool]string{true: " empty"}[empty], minutesLabel(what, list))
	for i := range 3 {
		value := ax.top * float64(i) / 2
		y := 100 - 50*float64(i)
		fmt.Fprintf(&b, `<line class="grid" x1="0" x2="100%%" y1="%.0f%%" y2="%.0f%%"/>`, y, y)
		if !empty {
			fmt.Fprintf(&b, `<text class="tick" y="%.0f%%" dx="-8" dy="4" text-anchor="end">%s</text>`, y, ax.label(value))
		}
	}
	for i, r := range list {
		minuteBar(&b, r, ax.top, i)
	}
	for n, anchor := range []string{"start", "middle", "end"} {
		at := list[n*(chartMinutes-1)/2].At
		fmt.Fprintf(&b, `<text class="tick" x="%d%%" y="100%%" dy="19" text-anchor="%s">%s</text>`, n*50, anchor, at.Format("15:04"))
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) // numbers, times and our own words
}

func minuteBar(b *strings.Builder, r reading, top float64, i int) {
	const step, least = 100.0 / chartMinutes, 2.0
	x := step * float64(i)
	class, note := "bar", ""
	if i == chartMinutes-1 {
		class, note = "bar running", ", so far"
	}
	fmt.Fprintf(b, `<g class="%s" data-day="%s UTC%s" %s><rect class="hit" x="%.2f%%" width="%.2f%%" height="100%%"/>`, class, r.At.Format("15:04"), note, r.Data, x, step)
	bottom := 100.0
	for _, part := range []struct {
		class string
		value float64
	}{{"ok", r.Good}, {"failed", r.Bad}} {
		if part.value <= 0 {
			continue
		}
		h := math.Min(math.Max(100*part.value/top, least), bottom)
		bottom -= h
		fmt.Fprintf(b, `<rect class="%s" x="%.2f%%" y="%.2f%%" width="%.2f%%" height="%.2f%%"/>`, part.class, x+step*.12, bottom, step*.76, h)
		bottom -= 1.2 // a gap, so that nothing hangs on colour alone
	}
	b.WriteString(`</g>`)
}

// minutesLabel tells in words what the picture shows.
func minutesLabel(what string, list []reading) string {
	known := newestKnown(list)
	if len(known) == 0 {
		return what + " over the last hour: not measured yet"
	}
	top := highest(list)
	if !top.Known {
		return fmt.Sprintf("%s over the last hour: none", what)
	}
	return fmt.Sprintf("%s by the minute over the last hour: %s now, at most %s at %s UTC", what, known[0].Text, top.Text, top.At.Format("15:04"))
}
