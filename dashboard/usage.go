// What assistants did with the org's keys: figures, bars per day, and the tools they called.
package dashboard

import (
	"cmp"
	"html/template"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"hostaway-mcp/store"
)

// usageRanges are the periods to choose from, in days up to today.
var usageRanges = []int{7, 30, 90}

const usualRange = 30

// kpi is one figure of the strip.
type kpi struct {
	Label, Value, Hint string
	Delta, DeltaIcon   string
	Tone               string // of the change: good, bad or flat
	Bad                bool   // the figure itself is trouble
}

type usageData struct {
	Days   int
	Ranges []int
	KPIs   []kpi
	Chart  template.HTML
	Usage  store.Usage
	Tools  []toolRow
	Today  string
	Curl   string
	Bill   *usageBill // nil where nobody pays
}

// Newest lists the days from today back, for the table view.
func (u usageData) Newest() []store.UsageDay {
	days := slices.Clone(u.Usage.Days)
	slices.Reverse(days)
	return days
}

// toolRow is one tool with its share of all calls, in percent.
type toolRow struct {
	store.UsageTool
	Share float64
}

// usageRange reads ?days=; anything but the offered ranges is the usual one.
func usageRange(c *fiber.Ctx) int {
	days, err := strconv.Atoi(c.Query("days"))
	if err != nil || !slices.Contains(usageRanges, days) {
		return usualRange
	}
	return days
}

// dayWindow is the last n UTC days with today, as [from, to).
func dayWindow(now time.Time, n int) (from, to string) {
	today := now.UTC().Truncate(24 * time.Hour)
	return today.AddDate(0, 0, 1-n).Format(time.DateOnly), today.AddDate(0, 0, 1).Format(time.DateOnly)
}

// usageOf reads the period and the one before it.
func (d *Dashboard) usageOf(c *fiber.Ctx, org *store.Org, days int) (now, before store.Usage, err error) {
	from, to := dayWindow(d.cfg.Now(), days)
	if now, err = org.Usage(c.UserContext(), from, to); err != nil {
		return now, before, err
	}
	earlier, until := dayWindow(d.cfg.Now().UTC().AddDate(0, 0, -days), days)
	before, err = org.Usage(c.UserContext(), earlier, until)
	return now, before, err
}

func (d *Dashboard) usagePage(c *fiber.Ctx, v *visit) error {
	days := usageRange(c)
	now, before, err := d.usageOf(c, v.org, days)
	if err != nil {
		return err
	}
	today := d.cfg.Now().UTC().Format(time.DateOnly)
	data := usageData{
		Days: days, Ranges: usageRanges, Usage: now, Tools: toolRows(now), Today: today, Chart: bars(now.Days, today),
		KPIs: append(usageKPIs(now, before, days), averageKPI(now), toolsKPI(now)),
		Curl: curlLine(d.cfg.BaseURL+"/mcp", "Bearer YOUR_KEY"),
	}
	if data.Bill, err = d.usageBill(c, v, days); err != nil {
		return err
	}
	return d.show(c, v, shown{Page: "usage", Title: "Usage", Current: "/usage", Data: data})
}

// usageBill is what the period's listings were, and for owners and admins what they cost.
type usageBill struct {
	Plan  *plan
	Days  []ListingDay
	Chart template.HTML
	Today string
}

// Newest lists the days that are known from today back, for the table.
func (u usageBill) Newest() []ListingDay { return newestDays(u.Days) }

func (d *Dashboard) usageBill(c *fiber.Ctx, v *visit, days int) (*usageBill, error) {
	if d.cfg.Billing == nil {
		return nil, nil
	}
	from, to := dayWindow(d.cfg.Now(), days)
	list, err := d.cfg.Billing.Days(c.UserContext(), v.org, from, to)
	if err != nil {
		return nil, err
	}
	bill := &usageBill{Days: list, Chart: listingBars(list, d.today()), Today: d.today()}
	if v.manages() {
		p, err := d.planOf(c, v)
		if err != nil {
			return nil, err
		}
		bill.Plan = &p
	}
	return bill, nil
}

// usageKPIs are the two figures that the overview shows too, compared with the period before.
func usageKPIs(now, before store.Usage, days int) []kpi {
	calls := kpi{Label: "Tool calls", Value: number(now.Total), Hint: "vs previous " + plural(days, "day")}
	failed := kpi{Label: "Failed", Value: percent(now.Failed, now.Total), Hint: number(now.Failed) + " of " + plural(now.Total, "call")}
	if before.Total == 0 {
		calls.Hint = "last " + plural(days, "day")
	}
	if now.Total == 0 {
		calls.Hint, failed.Hint = "no calls in this period", "nothing to count yet"
	}
	if before.Total > 0 && now.Total > 0 {
		change := 100 * float64(now.Total-before.Total) / float64(before.Total)
		calls.Delta, calls.DeltaIcon, calls.Tone = strconv.FormatFloat(max(change, -change), 'f', 1, 64)+"%", trendIcon(change), "flat"
		points := 100*float64(now.Failed)/float64(now.Total) - 100*float64(before.Failed)/float64(before.Total)
		if points > .005 || points < -.005 {
			failed.Delta, failed.DeltaIcon, failed.Tone = strconv.FormatFloat(max(points, -points), 'f', 2, 64)+" pts", trendIcon(points), "bad"
			if points < 0 {
				failed.Tone = "good"
			}
		}
	}
	return []kpi{calls, failed}
}

func trendIcon(change float64) string {
	if change < 0 {
		return "trending-down"
	}
	return "trending-up"
}

// averageKPI is the mean time of all calls.
func averageKPI(u store.Usage) kpi {
	total, calls := 0, 0
	for _, tool := range u.Tools {
		total += tool.AverageMS * tool.Calls
		calls += tool.Calls
	}
	if calls == 0 {
		return kpi{Label: "Average time", Value: "–", Hint: "per tool call"}
	}
	return kpi{Label: "Average time", Value: millis(total / calls), Hint: "per tool call, Hostaway included"}
}

func toolsKPI(u store.Usage) kpi {
	used := len(u.Tools)
	for _, tool := range u.Tools {
		if tool.Tool == unknownTool {
			used--
		}
	}
	k := kpi{Label: "Tools used", Value: number(used), Hint: "different tools"}
	if rows := toolRows(u); len(rows) > 0 {
		k.Hint = "most: " + strings.TrimPrefix(rows[0].Tool, "hostaway_")
	}
	return k
}

// unknownTool is the name under which calls of tools that do not exist are counted.
const unknownTool = "unknown"

// toolRows puts the most used tool first.
func toolRows(u store.Usage) []toolRow {
	rows := make([]toolRow, 0, len(u.Tools))
	for _, tool := range u.Tools {
		rows = append(rows, toolRow{tool, 100 * float64(tool.Calls) / float64(max(u.Total, 1))})
	}
	slices.SortStableFunc(rows, func(a, b toolRow) int {
		return cmp.Or(cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Tool, b.Tool))
	})
	return rows
}
