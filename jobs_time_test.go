package main

// jobs_time_test.go sees that each job comes once in its period, whatever clocks and restarts do.

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // Europe/Berlin, wherever the test runs
)

func TestJobsKeepTheirTime(t *testing.T) {
	t.Parallel()
	m := newMachine(t, hourlyAndDaily)
	m.live(10 * 24 * time.Hour)
	m.wantSpaced()
	m.wantOncePerSlot()
	if h, d := len(m.runs["hourly"]), len(m.runs["daily"]); h < 240 || h > 242 || d < 10 || d > 12 {
		t.Errorf("%d hourly and %d daily runs in ten days", h, d)
	}
	last := m.runs["daily"]
	for _, r := range last[3:] { // the first ones still find their time
		if at, want := r.wall.Format(time.TimeOnly), last[2].wall.Format(time.TimeOnly); at != want {
			t.Errorf("the daily job comes at %s, and came at %s before", at, want)
		}
	}
	if m.find("hourly").offset == m.find("daily").offset%time.Hour && m.find("hourly").offset == 0 {
		t.Error("all jobs come at midnight")
	}
}

// Clocks go forward on 29 March and back on 25 October; the program lives in Berlin.
func TestJobsKeepTheirTimeOverDaylightSaving(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range []time.Time{time.Date(2026, 3, 27, 12, 0, 0, 0, berlin), time.Date(2026, 10, 23, 12, 0, 0, 0, berlin)} {
		m := newMachineAt(t, from, hourlyAndDaily)
		_, before := m.wall.Zone()
		m.live(4 * 24 * time.Hour)
		if _, after := m.wall.Zone(); after == before {
			t.Fatalf("daylight saving did not change from %s to %s", from, m.wall)
		}
		m.wantSpaced()
		m.wantOncePerSlot()
	}
}

func TestJobsBearJumpsOfTheClock(t *testing.T) {
	t.Parallel()
	for _, jumps := range [][]time.Duration{
		{3 * time.Hour},
		{-2 * 24 * time.Hour},
		{-2 * 24 * time.Hour, 2 * 24 * time.Hour},
		{10 * 365 * 24 * time.Hour, -10 * 365 * 24 * time.Hour},
		{-30 * time.Minute, -30 * time.Minute, -30 * time.Minute, -30 * time.Minute},
		{-70 * 365 * 24 * time.Hour},
	} {
		m := newMachine(t, hourlyAndDaily)
		m.live(50*time.Hour + 40*time.Minute)
		for _, d := range jumps {
			m.jump(d)
			m.live(7*time.Hour + 13*time.Minute)
		}
		m.live(60 * time.Hour)
		m.wantSpaced()
		if t.Failed() {
			t.Fatalf("jumps %v", jumps)
		}
	}
}

func TestJobsBearAnyClock(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	for range 5 {
		m := newMachine(t, hourlyAndDaily)
		m.live(30 * time.Hour)
		var did []string
		for range 15 {
			d := time.Duration(dice.Int64N(int64(100*time.Hour))) - 50*time.Hour
			if dice.IntN(3) == 0 {
				d /= 100
			}
			after := time.Duration(dice.Int64N(int64(10 * time.Hour)))
			did = append(did, fmt.Sprintf("%s, live %s", d, after))
			m.jump(d)
			m.live(after)
		}
		m.wantSpaced()
		if t.Failed() {
			t.Fatal(strings.Join(did, "; "))
		}
	}
}

// Restarts bring no job twice, and a server that was away for days catches up with
// one run, not with many.
func TestJobsBearRestarts(t *testing.T) {
	t.Parallel()
	m := newMachine(t, hourlyAndDaily)
	for range 40 {
		m.live(37 * time.Minute)
		m.restart()
	}
	m.live(24 * time.Hour)
	m.wantSpaced()
	for _, away := range []time.Duration{time.Minute, 5 * time.Hour, 9 * 24 * time.Hour} {
		before := len(m.runs["daily"])
		m.wall, m.passed = m.wall.Add(away), m.passed+away // switched off
		m.restart()
		m.live(20 * time.Minute)
		if got := len(m.runs["daily"]) - before; got > 1 || (away > 48*time.Hour && got != 1) {
			t.Errorf("away for %s: the daily job ran %d times in the first 20 minutes", away, got)
		}
	}
	before := len(m.runs["daily"])
	m.jump(-3 * 24 * time.Hour) // set back while it was off: how long ago the last run was is not known
	m.restart()
	m.live(11 * time.Hour)
	if len(m.runs["daily"]) != before {
		t.Error("the daily job came again within half a day")
	}
	m.live(14 * time.Hour)
	if len(m.runs["daily"]) == before {
		t.Error("the daily job did not come for a day")
	}
}
