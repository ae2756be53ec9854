package dashboard

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestMinutesStandWhereTheyBelong(t *testing.T) {
	t.Parallel()
	now := noon.Add(25 * time.Second)
	list := lagReadings(Replica{Lags: []MinuteLag{
		{noon.Add(-61 * time.Minute), time.Hour, true}, // too old
		{noon.Add(-59 * time.Minute), 0, false},
		{noon.Add(-time.Minute), 1500 * time.Millisecond, true},
		{noon, 250 * time.Millisecond, false},
		{noon.Add(time.Minute), time.Hour, true}, // of the future: the clock was set back
	}}, now)
	if len(list) != chartMinutes || !list[0].Known || list[1].Known || !list[58].Known || !list[59].Known || list[0].At != noon.Add(-59*time.Minute) {
		t.Fatalf("the minutes: %+v", list)
	}
	if list[0].Good <= 0 || list[58].Bad != 1.5 || list[58].Good != 0 || list[59].Good != .25 {
		t.Errorf("the values: %+v, %+v, %+v", list[0], list[58], list[59])
	}
	svg := string(minutes("Lag", list, durationAxis(list)))
	for _, want := range []string{
		`aria-label="Lag by the minute over the last hour: 250 ms now, at most 1.5 s at 11:59 UTC"`, `data-day="11:59 UTC" data-label="Worst lag" data-value="1.5 s"`,
		`data-day="12:00 UTC, so far"`, `data-label="Not measured"`, `>2 s</text>`, `>11:01</text>`, `>11:30</text>`, `>12:00</text>`,
	} {
		if !strings.Contains(svg, want) {
			t.Errorf("the chart lacks %s:\n%.900s", want, svg)
		}
	}
	if strings.Contains(svg, "style=") || strings.Count(svg, `class="hit"`) != chartMinutes {
		t.Error("the chart has a style attribute, or not a field for each minute")
	}
}

func TestMinutesWithoutAnything(t *testing.T) {
	t.Parallel()
	list := callReadings(nil, noon)
	if svg := string(minutes("Tool calls", list, countAxis(list))); !strings.Contains(svg, "not measured yet") || !strings.Contains(svg, "chart small empty") {
		t.Errorf("nothing measured: %.300s", svg)
	}
	list = callReadings([]MinuteCalls{{noon, 0, 0}}, noon)
	if svg := string(minutes("Tool calls", list, countAxis(list))); !strings.Contains(svg, `aria-label="Tool calls over the last hour: none"`) || strings.Contains(svg, "empty") {
		t.Errorf("no calls: %.300s", svg)
	}
}

// TestBarsStayInTheChart for every mix of values: no bar above the top or below the ground.
func TestBarsStayInTheChart(t *testing.T) {
	t.Parallel()
	for _, m := range []MinuteCalls{{noon, 1, 0}, {noon, 0, 1}, {noon, 1, 100000}, {noon, 100000, 1}, {noon, 7, 7}} {
		list := callReadings([]MinuteCalls{m}, noon)
		for _, bar := range strings.Split(string(minutes("x", list, countAxis(list))), "<rect")[1:] {
			var class string
			var x, y, width, height float64
			if _, err := fmt.Sscanf(bar, ` class=%q x="%f%%" y="%f%%" width="%f%%" height="%f%%"`, &class, &x, &y, &width, &height); err != nil {
				continue // the field for the pointer
			}
			if y < -.01 || y+height > 100.01 || height <= 0 {
				t.Errorf("%+v: a bar from %.2f %% to %.2f %%", m, y, y+height)
			}
		}
	}
}

func TestDurationAxisReadsWell(t *testing.T) {
	t.Parallel()
	for worst, want := range map[time.Duration]string{
		0: "1 s", 900 * time.Millisecond: "1 s", 3 * time.Second: "4 s", 50 * time.Second: "60 s", 38 * time.Minute: "60 min", 3 * time.Hour: "4 h", 30 * time.Hour: "48 h", 100 * time.Hour: "6 days",
	} {
		list := lagReadings(Replica{Lags: []MinuteLag{{noon, worst, false}}}, noon)
		if ax := durationAxis(list); ax.label(ax.top) != want {
			t.Errorf("a lag of %s has the axis %s, want %s", worst, ax.label(ax.top), want)
		}
	}
}
