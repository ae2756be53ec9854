package dashboard

import (
	"strings"
	"testing"
	"time"

	"hostaway-mcp/store"
)

func TestNumbersAreGrouped(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 32440: "32,440", -1234567: "-1,234,567"} {
		if got := number(n); got != want {
			t.Errorf("number(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestPercentages(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		part, whole int
		want        string
	}{{0, 0, "0%"}, {0, 5, "0%"}, {127, 10000, "1.27%"}, {1, 2, "50.0%"}, {5, 5, "100.0%"}} {
		if got := percent(tc.part, tc.whole); got != tc.want {
			t.Errorf("percent(%d, %d) = %q, want %q", tc.part, tc.whole, got, tc.want)
		}
	}
}

func TestTimesAreSaidAsPeopleDo(t *testing.T) {
	t.Parallel()
	for ago, want := range map[time.Duration]string{
		0: "just now", 30 * time.Second: "30 s ago", 5 * time.Minute: "5 min ago", 3 * time.Hour: "3 h ago", 30 * time.Hour: "yesterday", 5 * 24 * time.Hour: "5 days ago", 40 * 24 * time.Hour: "14 Oct 2026",
	} {
		if got := since(noon.Add(-ago), noon); got != want {
			t.Errorf("since %v = %q, want %q", ago, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "1 second", 45 * time.Second: "45 seconds", 61 * time.Second: "2 minutes", 90 * time.Minute: "2 hours"} {
		if got := span(d); got != want {
			t.Errorf("span(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestDurationsAndSizesAreShort(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 0: "0 s", time.Microsecond: "< 1 ms", 310 * time.Millisecond: "310 ms", 2 * time.Second: "2 s", 2600 * time.Millisecond: "2.6 s", 45 * time.Second: "45 s",
		5 * time.Minute: "5 min", 100 * time.Minute: "100 min", 50 * time.Hour: "50 h", 100 * time.Hour: "4 days",
	} {
		if got := duration(d); got != want {
			t.Errorf("duration(%v) = %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int64]string{-1: "–", 0: "0 bytes", 1: "1 byte", 999: "999 bytes", 4_120_000: "4.1 MB", 48_200_000: "48 MB", 999_600: "1.0 MB", 61_000_000_000: "61 GB", 5_000_000_000_000_000: "5000 TB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
	if got := until(noon.Add(3*time.Minute), noon) + ", " + until(noon, noon) + ", " + until(noon.Add(-time.Hour), noon); got != "in 3 min, now, now" {
		t.Errorf("until: %s", got)
	}
}

func TestTimeTagsCarryTheExactTimeAndEscape(t *testing.T) {
	t.Parallel()
	got := string(timeTag(noon, "<b>"))
	if want := `<time datetime="2026-11-23T12:00:00Z" title="23 Nov 2026, 12:00:00 UTC">&lt;b&gt;</time>`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestInitials(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"Harbour Stays": "HS", "maya": "M", "": "·", "  ": "·", "Élan & Co": "ÉC", "24 Hour Flats Ltd": "2H"} {
		if got := initials(name); got != want {
			t.Errorf("initials(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestAxisNumbersReadWell(t *testing.T) {
	t.Parallel()
	for n := range 20_000 {
		top := niceTop(n)
		if top < n || top%gridLines != 0 || (n > gridLines && top > 2*n) {
			t.Fatalf("niceTop(%d) = %d", n, top)
		}
	}
	for n, want := range map[int]string{950: "950", 1500: "1.5k", 2000: "2k", 3_200_000: "3.2M"} {
		if got := shortNumber(n); got != want {
			t.Errorf("shortNumber(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestChartTellsItsStoryInWordsToo(t *testing.T) {
	t.Parallel()
	days := []store.UsageDay{{Date: "2026-11-21"}, {Date: "2026-11-22", OK: 1200, Failed: 3}, {Date: "2026-11-23", Failed: 2}}
	svg := string(bars(days, "2026-11-23"))
	for _, want := range []string{
		`aria-label="Tool calls per day over 3 days: 1,205 in total, 5 failed"`, `data-day="Sun 22 Nov" data-ok="1,200" data-failed="3"`, `data-day="Mon 23 Nov, so far"`, `>1.2k</text>`,
	} {
		if !strings.Contains(svg, want) {
			t.Errorf("the chart lacks %s:\n%s", want, svg)
		}
	}
	if strings.Contains(svg, "style=") || strings.Contains(svg, "NaN") {
		t.Errorf("the chart has a style attribute or a number that is none:\n%s", svg)
	}
	if empty := string(bars(days[:1], "")); !strings.Contains(empty, `class="chart empty"`) || strings.Contains(empty, `class="ok"`) {
		t.Errorf("a chart without calls draws bars:\n%s", empty)
	}
	if odd := string(bars([]store.UsageDay{{Date: `"><script>`}}, "")); strings.Contains(odd, "<script") {
		t.Errorf("an odd day reaches the page:\n%s", odd)
	}
}

func TestMeterStaysInItsBox(t *testing.T) {
	t.Parallel()
	for share, want := range map[float64]string{-5: `width="0.0%"`, 50: `width="50.0%"`, 900: `class="fill" width="100.0%"`} {
		if got := string(meter("meter", share)); !strings.Contains(got, want) {
			t.Errorf("meter(%v) lacks %s: %s", share, want, got)
		}
	}
}

func TestProseMarksCodeAndEscapesAll(t *testing.T) {
	t.Parallel()
	if got, want := string(prose("Type `<x>` & go")), "Type <code>&lt;x&gt;</code> &amp; go"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
