// Charts are drawn on the server as SVG in percentages: no script, no style attribute, and they fill whatever box the style sheet gives them.
package dashboard

import (
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"

	"hostaway-mcp/store"
)

const gridLines = 4

// niceTop rounds up to a number whose quarters read well on an axis.
func niceTop(v int) int {
	if v <= gridLines {
		return gridLines
	}
	magnitude := math.Pow(10, math.Floor(math.Log10(float64(v))))
	for _, step := range []float64{1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10} {
		top := math.Round(step * magnitude)
		if float64(v) <= top && math.Mod(top, gridLines) == 0 {
			return int(top)
		}
	}
	return (v/gridLines + 1) * gridLines
}

// shortNumber writes an axis label: 950, 1.5k, 2M.
func shortNumber(n int) string {
	for _, unit := range []struct {
		size int
		mark string
	}{{1_000_000, "M"}, {1000, "k"}} {
		if n >= unit.size {
			return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(n)/float64(unit.size)), ".0") + unit.mark
		}
	}
	return fmt.Sprint(n)
}

// bars draws tool calls per day, failed ones on top with a gap, so that nothing hangs on colour alone. The last day is
// marked as running when it is today.
func bars(days []store.UsageDay, today string) template.HTML {
	top := 0
	for _, day := range days {
		top = max(top, day.OK+day.Failed)
	}
	empty := top == 0
	top = niceTop(top)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart%s" role="img" aria-label="%s">`, map[bool]string{true: " empty"}[empty], chartLabel(days))
	chartGrid(&b, top, empty)
	dates := make([]string, len(days))
	for i, day := range days {
		bar(&b, day, top, 100/float64(len(days)), i, day.Date == today)
		dates[i] = day.Date
	}
	chartDates(&b, dates)
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) // numbers and dates only
}

// chartGrid draws the lines, and what they stand for where there is something to read.
func chartGrid(b *strings.Builder, top int, empty bool) {
	for i := range gridLines + 1 {
		value := top * i / gridLines
		y := percentDown(value, top)
		fmt.Fprintf(b, `<line class="grid%s" x1="0" x2="100%%" y1="%.2f%%" y2="%.2f%%"/>`, map[bool]string{true: " base"}[i == 0], y, y)
		if !empty {
			fmt.Fprintf(b, `<text class="tick" y="%.2f%%" dx="-10" dy="4" text-anchor="end">%s</text>`, y, shortNumber(value))
		}
	}
}

// chartDates writes some of the days below, every second one for wide screens only.
func chartDates(b *strings.Builder, dates []string) {
	every := max(1, int(math.Ceil(float64(len(dates))/8)))
	for i, date := range dates {
		if back := len(dates) - 1 - i; back%every == 0 {
			minor := map[bool]string{true: " minor"}[(back/every)%2 == 1]
			fmt.Fprintf(b, `<text class="tick%s" x="%.2f%%" y="100%%" dy="22" text-anchor="middle">%s</text>`,
				minor, (float64(i)+.5)*100/float64(len(dates)), dayLabel(date, "2 Jan"))
		}
	}
}

// bar draws one day: a full-height field for the pointer, then the counts.
func bar(b *strings.Builder, day store.UsageDay, top int, step float64, i int, running bool) {
	x := step * float64(i)
	class, note := "bar", ""
	if running {
		class, note = "bar running", ", so far"
	}
	fmt.Fprintf(b, `<g class="%s" data-day="%s%s" data-ok="%s" data-failed="%s"><rect class="hit" x="%.3f%%" width="%.3f%%" height="100%%"/>`,
		class, dayLabel(day.Date, "Mon 2 Jan"), note, number(day.OK), number(day.Failed), x, step)
	left, width := x+step*.14, step*.72
	if day.OK > 0 {
		h := math.Max(100-percentDown(day.OK, top), .8)
		fmt.Fprintf(b, `<rect class="ok" x="%.3f%%" y="%.2f%%" width="%.3f%%" height="%.2f%%" rx="2"/>`, left, 100-h, width, h)
	}
	if day.Failed > 0 {
		h := math.Max(100-percentDown(day.Failed, top), .8)
		y := percentDown(day.OK, top) - h
		if day.OK > 0 {
			y -= .6
		}
		fmt.Fprintf(b, `<rect class="failed" x="%.3f%%" y="%.2f%%" width="%.3f%%" height="%.2f%%" rx="1"/>`, left, math.Max(y, 0), width, h)
	}
	b.WriteString(`</g>`)
}

// chartLabel tells in words what the picture shows.
func chartLabel(days []store.UsageDay) string {
	total, failed := 0, 0
	for _, day := range days {
		total += day.OK + day.Failed
		failed += day.Failed
	}
	return fmt.Sprintf("Tool calls per day over %d days: %s in total, %s failed", len(days), number(total), number(failed))
}

func percentDown(value, top int) float64 { return 100 * (1 - float64(value)/float64(top)) }

// dayLabel writes a YYYY-MM-DD day in the given layout; a day that can't be read is shown as it is.
func dayLabel(day, layout string) string {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return template.HTMLEscapeString(day)
	}
	return t.Format(layout)
}

// meter draws a share, in percent, for a table cell or a progress line.
func meter(class string, percent float64) template.HTML {
	percent = math.Min(math.Max(percent, 0), 100)
	return template.HTML(fmt.Sprintf(`<svg class="%s" aria-hidden="true"><rect class="track" width="100%%" height="100%%" rx="3"/><rect class="fill" width="%.1f%%" height="100%%" rx="3"/></svg>`,
		template.HTMLEscapeString(class), percent))
}
