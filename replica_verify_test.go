package main

import (
	"bytes"
	"strings"
	"testing"

	"hostaway-mcp/replica"
)

func TestWhatVerifyFoundIsSaid(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		report replica.Report
		says   string
		bad    bool
	}{
		"no database":      {replica.Report{}, "no database here", false},
		"the same":         {replica.Report{Tables: 3}, "All 3 tables hold the same", false},
		"written":          {replica.Report{Tables: 3, Moving: true, Differences: []string{"orgs"}}, "written meanwhile", false},
		"the replica lags": {replica.Report{Tables: 3, Differences: []string{"orgs"}}, "lacks what the database here has in: orgs", true},
		"the local is old": {replica.Report{Tables: 3, Older: true, Differences: []string{"orgs"}}, "newer than the database here", true},
	} {
		var out bytes.Buffer
		p := &process{out: &out}
		err := p.tellDifferences(tt.report)
		text := out.String()
		if err != nil {
			text += err.Error()
		}
		if (err != nil) != tt.bad || !strings.Contains(text, tt.says) {
			t.Errorf("%s: %q", name, text)
		}
	}
}
