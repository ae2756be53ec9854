// The operator's first page: is the server well, is its copy up to date, did the jobs run, what went wrong lately. To
// everybody else it does not exist.
package dashboard

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
)

// operates is true for an operator of this server; whoever is not gets the answer of an address that is not there. The flag
// is read with the session, so that taking it away works with the next request.
func (d *Dashboard) operates(v *visit) bool {
	return d.cfg.Operator != nil && v.signedIn() && v.session.User.Operator
}

// refuseMethod answers the methods that an operator's address does not take: only an operator may learn that it is there.
func (d *Dashboard) refuseMethod(c *fiber.Ctx) error {
	if d.operates(d.visitOf(c)) {
		return fiber.ErrMethodNotAllowed
	}
	return errNotFound
}

type operatorData struct {
	Live      bool
	Every     time.Duration // between two looks
	At        time.Time
	Verdict   verdict
	KPIs      []kpi
	Checks    []HealthCheck
	Server    ServerStatus
	Jobs      []jobRow
	LagChart  template.HTML
	CallChart template.HTML
	LagRows   []reading
	CallRows  []reading
	DiskUsed  float64      // percent
	Billing   *billingLine // nil where nobody pays
}

// minutesTable is a chart as a table.
type minutesTable struct {
	What, Value string
	Rows        []reading
}

// LagTable and CallTable are the two charts for people who read rather than look.
func (o operatorData) LagTable() minutesTable {
	return minutesTable{"Lag of the replica", "Worst lag", o.LagRows}
}

// CallTable is the calls by the minute.
func (o operatorData) CallTable() minutesTable {
	return minutesTable{"Tool calls", "Calls", o.CallRows}
}

// errorsShown is how many lines of the log stand on the page, which is loaded again and again; the API gives all that are kept.
const errorsShown = 30

// Counted says how many errors and warnings there were.
func (o operatorData) Counted() string {
	text := plural(o.Server.ErrorCount, "error") + " and " + plural(o.Server.WarningCount, "warning") + " since the start"
	if o.Server.ErrorCount+o.Server.WarningCount > errorsShown {
		text += fmt.Sprintf("; the newest %d", errorsShown)
	}
	return text
}

// Errors are the newest lines.
func (o operatorData) Errors() []LoggedError {
	return o.Server.Errors[:min(len(o.Server.Errors), errorsShown)]
}

// verdict is the health in one sentence.
type verdict struct {
	State      HealthState
	Text       string
	First, Do  string // of the worst check
	Icon, Note string // how it looks
}

// Tone is the class that gives the verdict its colour.
func (v verdict) Tone() string {
	switch v.State {
	case HealthFail:
		return "bad"
	case HealthUnknown:
		return "none"
	default:
		return string(v.State)
	}
}

// jobRow is a job with its next run in words.
type jobRow struct {
	Job
	Next string
}

func (d *Dashboard) operatorPage(c *fiber.Ctx, v *visit) error {
	now := d.cfg.Now()
	checks, server := d.cfg.Operator.Health(c.UserContext()), d.cfg.Operator.Server(c.UserContext())
	lags, calls := lagReadings(server.Replica, now), callReadings(server.Calls, now)
	data := operatorData{
		Live: c.Query("live") != "off", Every: d.renewed, At: now, Verdict: judge(checks), Checks: worstFirst(checks), Server: server, Jobs: jobRows(server.Jobs, now),
		LagChart:  minutes("Lag of the replica", lags, durationAxis(lags)),
		CallChart: minutes("Tool calls", calls, countAxis(calls)),
		DiskUsed:  diskUsed(server), LagRows: newestKnown(lags), CallRows: newestKnown(calls), KPIs: serverKPIs(server, now),
	}
	billing, err := d.billingLine(c)
	if err != nil {
		return err
	}
	data.Billing = billing
	return d.show(c, v, shown{Page: "operator", Title: "Server", Current: "/operator", Data: data})
}

// fullDisk is the share of a disk, in percent, from which on it is shown as almost full.
const fullDisk = 95

// diskUsed is the share of the disk that is used, in percent; zero where it is not known.
func diskUsed(s ServerStatus) float64 {
	if s.DiskBytes <= 0 {
		return 0
	}
	return 100 * (1 - float64(s.DiskFreeBytes)/float64(s.DiskBytes))
}

// DiskFull says that the disk is almost full.
func (o operatorData) DiskFull() bool { return o.DiskUsed > fullDisk }

// worstFirst sorts the checks without changing the caller's list.
func worstFirst(checks []HealthCheck) []HealthCheck {
	checks = slices.Clone(checks)
	slices.SortStableFunc(checks, func(a, b HealthCheck) int { return cmp.Compare(a.State.rank(), b.State.rank()) })
	return checks
}

// judge sums the checks up.
func judge(checks []HealthCheck) verdict {
	var failing, warning []string // by name: one part may have several troubles
	for _, check := range worstFirst(checks) {
		known := slices.Contains(failing, check.Name) || slices.Contains(warning, check.Name)
		switch {
		case known:
		case check.State == HealthFail:
			failing = append(failing, check.Name)
		case check.State == HealthWarn:
			warning = append(warning, check.Name)
		}
	}
	v := verdict{State: HealthOK, Text: "All checks pass", Icon: "circle-check", Note: "good"}
	if len(checks) == 0 {
		v.State, v.Text = HealthWarn, "There are no checks yet"
	}
	switch {
	case len(failing) > 0:
		v = verdict{State: HealthFail, Text: counted(len(failing), "check fails", "checks fail") + ": " + strings.Join(failing, ", "), Icon: "circle-alert", Note: "bad"}
	case len(warning) > 0:
		v = verdict{State: HealthWarn, Text: counted(len(warning), "check needs", "checks need") + " a look: " + strings.Join(warning, ", "), Icon: "triangle-alert", Note: "warn"}
	}
	if len(failing)+len(warning) > 0 {
		worst := worstFirst(checks)[0]
		v.First, v.Do = sentence(worst.Name+": "+worst.Text), sentence(worst.Do)
	}
	return v
}

// counted writes a number with the words for one or for many.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}

// period is the time from one run to the next, as it follows "every".
func period(d time.Duration) string {
	switch d {
	case time.Hour:
		return "hour"
	case 24 * time.Hour:
		return "day"
	}
	return duration(d)
}

func jobRows(jobs []Job, now time.Time) []jobRow {
	rows := make([]jobRow, 0, len(jobs))
	for _, job := range jobs {
		row := jobRow{Job: job, Next: "not planned"}
		switch {
		case job.OverdueBy > 0:
			row.Next = "overdue by " + duration(job.OverdueBy)
		case !job.NextRunAt.IsZero():
			row.Next = until(job.NextRunAt, now)
		}
		rows = append(rows, row)
	}
	return rows
}

func serverKPIs(s ServerStatus, now time.Time) []kpi {
	calls := kpi{Label: "Calls per minute", Value: "–", Hint: "not measured yet"}
	if n := len(s.Calls); n > 0 {
		peak, last := 0, s.Calls[max(n-2, 0)] // the newest minute is not over yet
		for _, m := range s.Calls {
			peak = max(peak, m.OK+m.Failed)
		}
		calls.Value, calls.Hint = number(last.OK+last.Failed), fmt.Sprintf("at most %s in the last hour", number(peak))
	}
	lag := kpi{Label: "Replica lag", Value: "–", Hint: "no replica is configured"}
	if r := s.Replica; r.Configured {
		lag.Value, lag.Hint, lag.Bad = duration(r.Lag), "nothing copied yet", r.State == HealthFail || len(r.Lags) > 0 && r.Lags[len(r.Lags)-1].Late
		if r.LastSyncAt != nil {
			complete := since(*r.LastSyncAt, now)
			if r.Lag >= time.Second { // "just now" would belie the figure above it
				complete = "last " + duration(now.Sub(*r.LastSyncAt)) + " ago"
			}
			lag.Hint = r.Word + ", complete " + complete
		}
	}
	disk := kpi{Label: "Disk free", Value: size(s.DiskFreeBytes), Hint: "of " + size(s.DiskBytes)}
	if s.DiskBytes <= 0 {
		disk.Value, disk.Hint = "–", "can't be measured here"
	}
	disk.Bad = diskUsed(s) > fullDisk
	return []kpi{calls, lag, disk, {Label: "Memory", Value: size(s.MemoryBytes), Hint: plural(s.Goroutines, "goroutine")}}
}
