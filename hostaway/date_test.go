package hostaway

import (
	"encoding/json"
	"testing"
	"time"
)

func TestParseDate(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"2026-02-28", "2024-02-29", "0001-01-01", "9999-12-31"} {
		d, err := ParseDate(text)
		if err != nil || d.String() != text {
			t.Errorf("ParseDate(%q) = %v, %v", text, d, err)
		}
	}
	for _, text := range []string{"", "2026-2-8", "2026-02-29", "2026-02-28 ", "28.02.2026", "0000-00-00", "0000-01-01", "2026-02-28T00:00:00Z"} {
		if d, err := ParseDate(text); err == nil {
			t.Errorf("ParseDate(%q) = %v, want an error", text, d)
		}
	}
}

func TestDateArithmetic(t *testing.T) {
	t.Parallel()
	newYear := NewDate(2024, time.December, 30).Add(3)
	if newYear != NewDate(2025, time.January, 2) {
		t.Errorf("three days after 2024-12-30 is %v", newYear)
	}
	arrival, departure := NewDate(2024, 2, 27), NewDate(2024, 3, 2)
	if nights := departure.Sub(arrival); nights != 4 {
		t.Errorf("%v to %v are %d nights, want 4", arrival, departure, nights)
	}
	if !arrival.Before(departure) || arrival.After(departure) || arrival.Compare(arrival) != 0 || !departure.After(arrival) {
		t.Error("the order of days is wrong")
	}
	if d := NewDate(2026, 13, 32); d != NewDate(2027, 2, 1) {
		t.Errorf("values out of range gave %v", d)
	}
	if d := arrival; d.Year() != 2024 || d.Month() != time.February || d.Day() != 27 || d.Weekday() != time.Tuesday {
		t.Errorf("parts of %v are wrong", d)
	}
}

func TestDateInZones(t *testing.T) {
	t.Parallel()
	late := time.Date(2026, 6, 30, 23, 30, 0, 0, time.UTC)
	tokyo := time.FixedZone("Tokyo", 9*3600)
	if d := DateOf(late, tokyo); d != NewDate(2026, 7, 1) {
		t.Errorf("in Tokyo it is %v", d)
	}
	if d := DateOf(late, nil); d != NewDate(2026, 6, 30) {
		t.Errorf("in UTC it is %v", d)
	}
	if start := NewDate(2026, 7, 1).In(tokyo); !start.Equal(time.Date(2026, 6, 30, 15, 0, 0, 0, time.UTC)) {
		t.Errorf("the day in Tokyo begins at %v", start.UTC())
	}
	if start := NewDate(2026, 7, 1).In(nil); !start.Equal(time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("the day in UTC begins at %v", start)
	}
}

func TestDateInJSON(t *testing.T) {
	t.Parallel()
	type holder struct {
		Day   Date
		Maybe *Date
		ByDay map[Date]int
	}
	in := holder{Day: NewDate(2026, 7, 1), ByDay: map[Date]int{NewDate(2026, 7, 2): 1}}
	raw, err := json.Marshal(in)
	if want := `{"Day":"2026-07-01","Maybe":null,"ByDay":{"2026-07-02":1}}`; err != nil || string(raw) != want {
		t.Fatalf("marshal gave %s, %v, want %s", raw, err, want)
	}
	var out holder
	if err := json.Unmarshal(raw, &out); err != nil || out.Day != in.Day || out.ByDay[NewDate(2026, 7, 2)] != 1 {
		t.Errorf("unmarshal gave %+v, %v", out, err)
	}
	if err := json.Unmarshal([]byte(`{"Day":"tomorrow"}`), &out); err == nil {
		t.Error("a day that is none was taken")
	}
	if err := json.Unmarshal([]byte(`{"Day":""}`), &out); err != nil || !out.Day.IsZero() || out.Day.String() != "" {
		t.Errorf("the empty day became %v, %v", out.Day, err)
	}
}
