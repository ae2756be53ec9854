package billing

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	billed := func(n int) standing { return standing{Quantity: n, Counted: true, Billed: true} }
	held := func(n int, reason string, quantity int, since time.Duration) standing {
		s := billed(n)
		s.Held = heldCount{reason, quantity, ago(since)}
		return s
	}
	overdue := func(s standing) standing { s.Overdue = true; return s }
	apply := verdict{Act: actApply, From: now}
	begins := func(reason string, n int) verdict {
		return verdict{Act: actHold, Held: heldCount{reason, n, now}, Fresh: true}
	}
	goesOn := func(reason string, n int, since time.Duration) verdict {
		return verdict{Act: actHold, Held: heldCount{reason, n, ago(since)}}
	}
	releases := func(since time.Duration) verdict { return verdict{Act: actRelease, From: ago(since)} }
	for name, test := range map[string]struct {
		standing standing
		n        int
		want     verdict
	}{
		"the first count":                        {standing{Billed: true}, 84, apply},
		"the first count, of nothing":            {standing{Billed: true}, 0, apply},
		"the same":                               {billed(10), 10, verdict{Act: actKeep}},
		"a trial without a subscription":         {standing{Quantity: 10, Counted: true}, 400, apply},
		"one more":                               {billed(10), 11, apply},
		"one fewer":                              {billed(10), 9, apply},
		"the first listing":                      {billed(0), 1, apply},
		"25 more":                                {billed(10), 35, apply},
		"26 more, of few":                        {billed(10), 36, begins(holdSpike, 36)},
		"three times":                            {billed(100), 300, apply},
		"more than three times":                  {billed(100), 301, begins(holdSpike, 301)},
		"ten times":                              {billed(10), 100, begins(holdTenfold, 100)},
		"not quite ten times":                    {billed(10), 99, begins(holdSpike, 99)},
		"many out of none":                       {billed(0), 26, begins(holdTenfold, 26)},
		"a third":                                {billed(99), 33, apply},
		"less than a third":                      {billed(99), 32, begins(holdDrop, 32)},
		"none":                                   {billed(99), 0, begins(holdZero, 0)},
		"the last listing goes":                  {billed(1), 0, begins(holdZero, 0)},
		"a second zero too soon":                 {held(99, holdZero, 0, 59*time.Minute), 0, goesOn(holdZero, 0, 59*time.Minute)},
		"a second zero":                          {held(99, holdZero, 0, time.Hour), 0, releases(time.Hour)},
		"not zero after all, but a drop":         {held(99, holdZero, 0, time.Hour), 2, begins(holdDrop, 2)},
		"zero after a drop":                      {held(99, holdDrop, 1, 9*time.Hour), 0, begins(holdZero, 0)},
		"back to the old number":                 {held(99, holdZero, 0, time.Hour), 99, verdict{Act: actKeep}},
		"back to nearly the old number":          {held(99, holdZero, 0, time.Hour), 98, apply},
		"a second drop too soon":                 {held(99, holdDrop, 20, 5*time.Hour), 20, goesOn(holdDrop, 20, 5*time.Hour)},
		"a second drop":                          {held(99, holdDrop, 20, 6*time.Hour), 20, releases(6 * time.Hour)},
		"a second drop, of nearly as many":       {held(99, holdDrop, 20, 6*time.Hour), 22, releases(6 * time.Hour)},
		"another drop":                           {held(99, holdDrop, 20, 6*time.Hour), 30, begins(holdDrop, 30)},
		"a second spike":                         {held(10, holdSpike, 60, 24*time.Hour), 62, releases(24 * time.Hour)},
		"another spike":                          {held(10, holdSpike, 40, 24*time.Hour), 62, begins(holdSpike, 62)},
		"a drop after a spike":                   {held(100, holdSpike, 400, 24*time.Hour), 20, begins(holdDrop, 20)},
		"ten times waits for a person":           {held(10, holdTenfold, 100, 999*time.Hour), 100, goesOn(holdTenfold, 100, 999*time.Hour)},
		"and still does when it is a bit less":   {held(10, holdTenfold, 100, 999*time.Hour), 95, goesOn(holdTenfold, 95, 999*time.Hour)},
		"a spike grows to ten times":             {held(10, holdSpike, 95, 24*time.Hour), 101, verdict{Act: actHold, Held: heldCount{holdTenfold, 101, ago(24 * time.Hour)}, Fresh: true}},
		"fewer while overdue":                    {overdue(billed(10)), 9, begins(holdUnpaid, 9)},
		"none while overdue":                     {overdue(billed(10)), 0, begins(holdUnpaid, 0)},
		"more while overdue":                     {overdue(billed(10)), 11, apply},
		"still fewer while overdue":              {overdue(held(10, holdUnpaid, 9, 48*time.Hour)), 3, goesOn(holdUnpaid, 3, 48*time.Hour)},
		"fewer, and now paid":                    {held(10, holdUnpaid, 9, 48*time.Hour), 9, releases(48 * time.Hour)},
		"other than held, and now paid":          {held(100, holdUnpaid, 90, 48*time.Hour), 50, releases(48 * time.Hour)},
		"the old number, and now paid":           {held(10, holdUnpaid, 9, 48*time.Hour), 10, releases(48 * time.Hour)},
		"the old number while overdue":           {overdue(held(10, holdUnpaid, 9, 48*time.Hour)), 10, verdict{Act: actKeep}},
		"none, and now paid":                     {held(10, holdUnpaid, 0, 48*time.Hour), 0, releases(48 * time.Hour)},
		"a drop, and now paid":                   {held(100, holdUnpaid, 20, 48*time.Hour), 20, releases(48 * time.Hour)},
		"a drop not seen before, and paid":       {held(100, holdUnpaid, 90, 48*time.Hour), 20, begins(holdDrop, 20)},
		"a zero becomes overdue":                 {overdue(held(10, holdZero, 0, time.Hour)), 0, verdict{Act: actHold, Held: heldCount{holdUnpaid, 0, ago(time.Hour)}, Fresh: true}},
		"more than before, after waiting to pay": {held(10, holdUnpaid, 9, 48*time.Hour), 12, releases(48 * time.Hour)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, judge(test.standing, test.n, now)); diff != "" {
				t.Errorf("judge(%+v, %d): -want +got\n%s", test.standing, test.n, diff)
			}
		})
	}
}

func TestClamp(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	now := start.AddDate(0, 0, 5)
	for name, test := range map[string]struct {
		at, want time.Time
		moved    bool
	}{
		"within the period": {start.Add(time.Hour), start.Add(time.Hour), false},
		"at its start":      {start, start, false},
		"before it":         {start.Add(-time.Second), start, true},
		"ahead of now":      {now.Add(time.Second), now, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, moved := clamp(test.at, start, now); !got.Equal(test.want) || moved != test.moved {
				t.Errorf("clamp(%s) = %s, %t; want %s, %t", test.at, got, moved, test.want, test.moved)
			}
		})
	}
}

func TestEveryHoldIsExplained(t *testing.T) {
	t.Parallel()
	for _, reason := range []string{holdZero, holdDrop, holdSpike, holdTenfold, holdUnpaid} {
		text := holdSentence(heldCount{Reason: reason, Quantity: 1}, 84)
		if !strings.Contains(text, "84 active listings") || !strings.HasSuffix(text, ".") {
			t.Errorf("a hold for %q is explained by %q", reason, text)
		}
	}
}

func TestBreakerStopsARunThatChangesTooMuch(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		changes, orgs int
		want          bool
	}{
		{0, 0, false},
		{1, 1, false},
		{3, 10, false},
		{4, 10, true},
		{5, 100, false},
		{6, 100, true},
		{50, 1000, false},
		{51, 1000, true},
		{51, 100_000, true},
	} {
		if got := tooMany(test.changes, test.orgs); got != test.want {
			t.Errorf("tooMany(%d of %d orgs) = %t", test.changes, test.orgs, got)
		}
	}
}
