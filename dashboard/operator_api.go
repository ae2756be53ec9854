// The operator's figures for scripts, behind the same gate as the pages.
package dashboard

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"hostaway-mcp/store"
)

type apiCheck struct {
	Name  string      `json:"name"`
	State HealthState `json:"state"`
	Text  string      `json:"text"`
	Do    string      `json:"do"`
}

type apiServer struct {
	Version       string    `json:"version"`
	StartedAt     time.Time `json:"started_at"`
	DatabaseBytes int64     `json:"database_bytes"`
	WALBytes      int64     `json:"wal_bytes"`
	DiskFreeBytes *int64    `json:"disk_free_bytes"`
	DiskBytes     *int64    `json:"disk_bytes"`
	MemoryBytes   int64     `json:"memory_bytes"`
	Goroutines    int       `json:"goroutines"`
	CallsLastHour int       `json:"calls_last_hour"`
	Errors        int       `json:"errors"`
	Warnings      int       `json:"warnings"`
}

type apiDrill struct {
	At     time.Time `json:"at"`
	OK     bool      `json:"ok"`
	Text   string    `json:"text"`
	TookMS int64     `json:"took_ms"`
}

type apiTrouble struct {
	What  string `json:"what"`
	Do    string `json:"do"`
	Grave bool   `json:"grave"`
}

type apiReplica struct {
	State        HealthState  `json:"state"`
	Word         string       `json:"word"`
	Where        string       `json:"where"`
	LagMS        int64        `json:"lag_ms"`
	LastSyncAt   *time.Time   `json:"last_sync_at"`
	Drill        *apiDrill    `json:"drill"`
	StorageCalls int          `json:"storage_calls_this_hour"`
	Lease        string       `json:"lease"`
	Troubles     []apiTrouble `json:"troubles"`
}

type apiJob struct {
	Name      string     `json:"name"`
	EveryMS   int64      `json:"every_ms"`
	LastRunAt *time.Time `json:"last_run_at"`
	TookMS    int64      `json:"took_ms"`
	Outcome   JobOutcome `json:"outcome"`
	Problem   string     `json:"problem"`
	NextRunAt *time.Time `json:"next_run_at"`
	OverdueMS int64      `json:"overdue_ms"`
}

// apiLoggedError is a line of the log; its fields are text, whatever they were in the program.
type apiLoggedError struct {
	At        time.Time         `json:"at"`
	Level     string            `json:"level"`
	Message   string            `json:"message"`
	RequestID string            `json:"request_id"`
	Fields    map[string]string `json:"fields"`
}

type apiHealth struct {
	State   HealthState      `json:"state"`
	Checks  []apiCheck       `json:"checks"`
	Server  apiServer        `json:"server"`
	Replica *apiReplica      `json:"replica"`
	Jobs    []apiJob         `json:"jobs"`
	Errors  []apiLoggedError `json:"last_errors"`
}

func (d *Dashboard) apiHealth(c *fiber.Ctx, _ *visit) error {
	checks, server := worstFirst(d.cfg.Operator.Health(c.UserContext())), d.cfg.Operator.Server(c.UserContext())
	out := apiHealth{State: judge(checks).State, Checks: []apiCheck{}, Server: newAPIServer(server), Replica: newAPIReplica(server.Replica), Jobs: []apiJob{}, Errors: newAPIErrors(server.Errors)}
	for _, check := range checks {
		out.Checks = append(out.Checks, apiCheck(check))
	}
	for _, job := range server.Jobs {
		one := apiJob{
			Name: job.Name, EveryMS: job.Every.Milliseconds(), LastRunAt: job.LastRunAt, TookMS: job.Took.Milliseconds(),
			Outcome: job.Outcome, Problem: job.Problem, OverdueMS: job.OverdueBy.Milliseconds(),
		}
		if !job.NextRunAt.IsZero() {
			one.NextRunAt = &job.NextRunAt
		}
		out.Jobs = append(out.Jobs, one)
	}
	return c.JSON(out)
}

func newAPIServer(s ServerStatus) apiServer {
	out := apiServer{
		Version: s.Version, StartedAt: s.StartedAt, DatabaseBytes: s.DatabaseBytes, WALBytes: s.WALBytes, MemoryBytes: s.MemoryBytes,
		Goroutines: s.Goroutines, Errors: s.ErrorCount, Warnings: s.WarningCount,
	}
	if s.DiskBytes > 0 {
		out.DiskFreeBytes, out.DiskBytes = &s.DiskFreeBytes, &s.DiskBytes
	}
	for _, m := range s.Calls {
		out.CallsLastHour += m.OK + m.Failed
	}
	return out
}

// newAPIReplica is nil where no replica is configured.
func newAPIReplica(r Replica) *apiReplica {
	if !r.Configured {
		return nil
	}
	out := &apiReplica{
		State: r.State, Word: r.Word, Where: r.Where, LagMS: r.Lag.Milliseconds(), LastSyncAt: r.LastSyncAt,
		StorageCalls: r.StorageCalls, Lease: r.Lease, Troubles: []apiTrouble{},
	}
	if !r.Drill.At.IsZero() {
		out.Drill = &apiDrill{r.Drill.At, r.Drill.OK, r.Drill.Text, r.Drill.Took.Milliseconds()}
	}
	for _, t := range r.Troubles {
		out.Troubles = append(out.Troubles, apiTrouble(t))
	}
	return out
}

func newAPIErrors(lines []LoggedError) []apiLoggedError {
	all := make([]apiLoggedError, 0, len(lines))
	for _, line := range lines {
		one := apiLoggedError{At: line.At, Level: "error", Message: line.Message, RequestID: line.RequestID, Fields: map[string]string{}}
		if line.Warning {
			one.Level = "warning"
		}
		for _, f := range line.Fields {
			one.Fields[f.Name] = f.Value
		}
		all = append(all, one)
	}
	return all
}

type apiOrg struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	CreatedAt  time.Time  `json:"created_at"`
	Members    int        `json:"members"`
	ActiveKeys int        `json:"active_keys"`
	Connection string     `json:"connection"`
	Listings   *int       `json:"listings"`
	Calls      int        `json:"calls_this_month"`
	Failed     int        `json:"failed_this_month"`
	LastCallAt *time.Time `json:"last_call_at"`
}

type apiOrgList struct {
	Orgs  []apiOrg `json:"orgs"`
	Total int      `json:"total"`
	Page  int      `json:"page"`
	Pages int      `json:"pages"`
}

func (d *Dashboard) apiOrgs(c *fiber.Ctx, _ *visit) error {
	q := orgQuery(c)
	orgs, total, err := d.cfg.Store.OrgSummaries(c.UserContext(), q)
	if err != nil {
		return err
	}
	out := apiOrgList{Orgs: []apiOrg{}, Total: total, Page: q.Page, Pages: (total + orgsPerPage - 1) / orgsPerPage}
	for _, org := range orgs {
		out.Orgs = append(out.Orgs, newAPIOrg(org))
	}
	return c.JSON(out)
}

func newAPIOrg(o store.OrgSummary) apiOrg {
	connection := string(o.Connection)
	if connection == "" {
		connection = "none"
	}
	return apiOrg{o.ID, o.Name, o.CreatedAt, o.Members, o.ActiveKeys, connection, o.Listings, o.Calls, o.Failed, o.LastCallAt}
}
