// Usage: how many tool calls an org made, by UTC day and by tool.

package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// UsageDay is one UTC day, "2026-08-01".
type UsageDay struct {
	Date       string
	OK, Failed int
}

// UsageTool is one tool over the whole period. AverageMS is the mean duration in
// milliseconds, rounded.
type UsageTool struct {
	Tool          string
	Calls, Failed int
	AverageMS     int
	LastCallAt    time.Time
}

// Usage is a period: every day of it, in order, also those without a call, and
// every tool that was called, the most used first.
type Usage struct {
	Days          []UsageDay
	Tools         []UsageTool
	Total, Failed int
}

const usageDaysMost = 400

// Usage counts the calls of the UTC days in [from, to), both "YYYY-MM-DD" and at
// most 400 days apart. Error: *InputError.
func (o *Org) Usage(ctx context.Context, from, to string) (u Usage, err error) {
	days, err := usageDays(from, to)
	if err != nil {
		return Usage{}, err
	}
	at := make(map[string]*UsageDay, len(days))
	for i := range days {
		at[days[i].Date] = &days[i]
	}
	u.Days = days
	err = o.read(ctx, func(d orgDoor) error {
		counted, err := list(ctx, d.hands,
			`SELECT day, sum(calls - failed), sum(failed) FROM usage WHERE day >= ? AND day < ? GROUP BY day`, args{from, to},
			func(row *sql.Rows, to *UsageDay) error { return row.Scan(&to.Date, &to.OK, &to.Failed) })
		if err != nil {
			return err
		}
		for _, day := range counted {
			*at[day.Date] = day
			u.Total += day.OK + day.Failed
			u.Failed += day.Failed
		}
		u.Tools, err = list(ctx, d.hands, `
SELECT tool, sum(calls), sum(failed), CAST(round(sum(duration_us) / 1000.0 / sum(calls)) AS INTEGER), max(last_call_at)
FROM usage WHERE day >= ? AND day < ? GROUP BY tool ORDER BY sum(calls) DESC, tool`, args{from, to}, scanUsageTool)
		return err
	})
	if err != nil {
		return Usage{}, fmt.Errorf("count the usage: %w", err)
	}
	return u, nil
}

func scanUsageTool(row *sql.Rows, to *UsageTool) error {
	var last int64
	err := row.Scan(&to.Tool, &to.Calls, &to.Failed, &to.AverageMS, &last)
	to.LastCallAt = fromMilli(last)
	return err
}

// usageDays lists the days of [from, to) with zeros.
func usageDays(from, to string) ([]UsageDay, error) {
	start, err := time.Parse(time.DateOnly, from)
	if err != nil {
		return nil, &InputError{"from", "it must be a day such as 2026-08-01"}
	}
	end, err := time.Parse(time.DateOnly, to)
	if err != nil {
		return nil, &InputError{"to", "it must be a day such as 2026-08-31"}
	}
	n := int(end.Sub(start).Hours() / 24)
	if n < 1 || n > usageDaysMost {
		return nil, &InputError{"to", fmt.Sprintf("it must be 1 to %d days after from", usageDaysMost)}
	}
	days := make([]UsageDay, n)
	for i := range days {
		days[i].Date = start.AddDate(0, 0, i).Format(time.DateOnly)
	}
	return days, nil
}
