package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/replica"
)

func TestDatabaseWithALargeLog(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	part := databasePart(func(context.Context) error { return nil }, path)
	for bytes, want := range map[int64]checkState{walWarn: stateOK, walWarn + 1: stateWarn} {
		writeFile(t, path+"-wal", "")
		if err := os.Truncate(path+"-wal", bytes); err != nil { // takes no room
			t.Fatal(err)
		}
		if c := part(t.Context())[0]; c.State != want || c.Blocks {
			t.Errorf("%d bytes: %+v", bytes, c)
		}
	}
}

func TestJobsThatAreLate(t *testing.T) {
	t.Parallel()
	now := newSteadyClock().now()
	hourly := func(name string, ago time.Duration) jobStatus {
		return jobStatus{Name: name, Every: time.Hour, LastSuccess: now.Add(-ago)}
	}
	failing := hourly("failing", time.Hour)
	failing.Failures, failing.LastError = 2, "the disk is full"
	tests := map[string]struct {
		all  []jobStatus
		want checkState
		text string
	}{
		"none":          {nil, stateOK, "all 0"},
		"in time":       {[]jobStatus{hourly("a", 75*time.Minute+jobGrace), {Name: "never yet", Every: time.Hour}}, stateOK, "all 2"},
		"overdue":       {[]jobStatus{hourly("a", time.Minute), hourly("b", 75*time.Minute+jobGrace+1)}, stateWarn, "failed or overdue: b"},
		"failed":        {[]jobStatus{failing}, stateWarn, "failed or overdue: failing (failing: the disk is full)"},
		"clock jumped":  {[]jobStatus{hourly("a", -48*time.Hour)}, stateOK, "all 1"},
		"failed, first": {[]jobStatus{{Name: "a", Every: time.Hour, Failures: 1, LastError: "EOF"}}, stateWarn, "a (a: EOF)"},
	}
	for name, tt := range tests {
		c := jobsPart(func() []jobStatus { return tt.all }, now, func() time.Time { return now })(t.Context())[0]
		if c.State != tt.want || !strings.Contains(c.Text, tt.text) || c.Blocks || strings.Contains(c.Public, "disk") {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

// Whatever befalls the replica, the service goes on.
func TestReplicaTroubleNeverFails(t *testing.T) {
	t.Parallel()
	now := newSteadyClock().now()
	well := replica.Status{State: replica.StateCopying, Where: "s3://bucket/path", LastSyncAt: now.Add(-2 * time.Second)}
	with := func(change func(*replica.Status)) replica.Status {
		s := well
		change(&s)
		return s
	}
	tests := map[string]struct {
		status replica.Status
		want   []checkState
		text   string
	}{
		"none":     {replica.Status{State: replica.StateOff}, []checkState{stateOK}, "none is configured"},
		"copying":  {well, []checkState{stateOK}, "s3://bucket/path held everything 2s ago"},
		"starting": {replica.Status{State: replica.StateStarting, Where: "s3://b"}, []checkState{stateOK}, "being caught up"},
		"behind":   {with(func(s *replica.Status) { s.State, s.Lag = replica.StateBehind, time.Minute }), []checkState{stateWarn}, "s3://bucket/path is 1m0s behind"},
		"fenced": {with(func(s *replica.Status) {
			s.State, s.Lag, s.Troubles = replica.StateFenced, time.Hour, []replica.Trouble{{What: "the lease is lost", Do: "wait", Grave: true}, {What: "the disk fills", Do: "look"}}
		}), []checkState{stateWarn, stateWarn}, "the lease is lost"},
		"drill failed": {with(func(s *replica.Status) { s.Drill = replica.DrillStatus{At: now, Text: "a page is missing"} }), []checkState{stateWarn}, "a page is missing"},
		"critical writes late": {with(func(s *replica.Status) {
			s.Critical = replica.CriticalStatus{Missed: 3, MissedAt: now.Add(-time.Minute)}
		}), []checkState{stateWarn}, "did not reach it in time: 3, the last one 1m0s ago"},
		"late long ago": {with(func(s *replica.Status) {
			s.Critical = replica.CriticalStatus{Missed: 3, MissedAt: now.Add(-2 * time.Hour)}
		}), []checkState{stateOK}, "held everything"},
	}
	for name, tt := range tests {
		checks := replicaPart(func() replica.Status { return tt.status }, func() time.Time { return now })(t.Context())
		if len(checks) != len(tt.want) || !ready(checks) || !strings.Contains(checks[0].Text, tt.text) {
			t.Fatalf("%s: %+v", name, checks)
		}
		for i, c := range checks {
			if c.State != tt.want[i] || (c.Do == "") != (c.State == stateOK) || strings.Contains(c.Public, "s3:") || strings.Contains(c.Public, "lease") {
				t.Errorf("%s: %+v", name, c)
			}
		}
	}
}
