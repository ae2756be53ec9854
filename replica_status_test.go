package main

import (
	"strings"
	"testing"
	"time"

	"hostaway-mcp/replica"
)

func TestReplicaStatusSaysWhatCanBeRestored(t *testing.T) {
	t.Parallel()
	now := newSteadyClock().now()
	at := func(ago time.Duration) string { return now.Add(-ago).UTC().Format(time.RFC3339) }
	for name, tt := range map[string]struct {
		seen replica.Overview
		want string
	}{
		"empty":         {replica.Overview{}, "nothing"},
		"young":         {replica.Overview{Oldest: now.Add(-time.Minute)}, "any moment since " + at(time.Minute)},
		"with copies":   {replica.Overview{Oldest: now.Add(-time.Hour), Snapshots: []time.Time{now.Add(-time.Hour), now}}, "any moment since " + at(time.Hour) + "; whole copies from " + at(time.Hour) + ", " + at(0)},
		"with a hole":   {replica.Overview{Oldest: now, Gap: "it can be restored to 4 only"}, "not as it should be: it can be restored to 4 only"},
		"many an image": {replica.Overview{Oldest: now, Snapshots: make([]time.Time, 100)}, "whole copies from"},
	} {
		got := ""
		for _, row := range statusRows(tt.seen, now) {
			if row[0] == "restorable" {
				got = row[1]
			}
		}
		if !strings.Contains(got, tt.want) || strings.Count(got, "Z") > snapshotsShown+1 {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
