package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/dashboard"
	"hostaway-mcp/mcp"
	"hostaway-mcp/replica"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// getAs asks for a page with the session of this person.
func (h *watchedHouse) getAs(fix storetest.Fixture, path string) (int, string) {
	h.t.Helper()
	token, _, err := h.db.SignIn(h.t.Context(), store.SignIn{Email: fix.Email, Password: fix.Password})
	if err != nil {
		h.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(h.t.Context(), http.MethodGet, h.url+path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: "session", Value: token.Reveal()})
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = w.Body.Close() }()
	body, err := io.ReadAll(w.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return w.StatusCode, string(body)
}

// The pages of a whole server show what happened on it, to its operator alone.
func TestOperatorSeesTheServer(t *testing.T) {
	t.Parallel()
	h := newWatchedHouse(t, config{})
	for range 3 {
		h.call(h.alpha.APIKey, "hostaway_list_properties", `{"limit":2}`)
	}
	h.call(h.bravo.APIKey, "hostaway_search_bookings", `{"nonsense":1}`)
	h.watch.log.Error("something broke", "request_id", "req_abc", "cause", "a test")
	if err := h.db.SetOperator(t.Context(), h.alpha.Email, true); err != nil {
		t.Fatal(err)
	}
	var got struct {
		State  string
		Checks []struct{ Name, State string }
		Server struct {
			Calls    int   `json:"calls_last_hour"`
			Database int64 `json:"database_bytes"`
			Memory   int64 `json:"memory_bytes"`
			Disk     int64 `json:"disk_bytes"`
			Errors   int
		}
		Replica *struct{}
	}
	status, body := h.getAs(h.alpha, "/api/operator/health")
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != http.StatusOK {
		t.Fatalf("%d %v %s", status, err, body)
	}
	if got.Server.Calls != 4 || got.Server.Database < 1<<12 || got.Server.Memory < 1<<20 || got.Server.Disk < 1<<20 || got.Server.Errors != 1 || len(got.Checks) < 2 || got.Replica != nil {
		t.Errorf("%+v", got)
	}
	status, body = h.getAs(h.alpha, "/operator")
	for _, want := range []string{"something broke", "<code>req_abc</code>", "<dt>cause</dt><dd>a test</dd>", "HMCP_REPLICA_URL", "It answers."} {
		if status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%d: %q is not on the page", status, want)
		}
	}
	if strings.Contains(body, alphaMarker) || strings.Contains(body, bravoMarker) || strings.Contains(body, "<dt>request_id") {
		t.Error("the page shows what it should not")
	}
	for _, path := range []string{"/operator", "/operator/orgs", "/api/operator/health"} {
		if status, _ := h.getAs(h.bravo, path); status != http.StatusNotFound {
			t.Errorf("%s answers %d to somebody who is no operator", path, status)
		}
	}
}

// The page of an org names commands that this program has.
func TestCommandsOnTheOrgPageExist(t *testing.T) {
	t.Parallel()
	h := newWatchedHouse(t, config{})
	if err := h.db.SetOperator(t.Context(), h.alpha.Email, true); err != nil {
		t.Fatal(err)
	}
	_, body := h.getAs(h.alpha, "/operator/orgs/"+h.bravo.Org.ID())
	lines := regexp.MustCompile(`id="cmd-\w+">`+binaryName+` ([^<]+)<`).FindAllStringSubmatch(body, -1)
	if len(lines) != 4 {
		t.Fatalf("found %d commands", len(lines))
	}
	for _, line := range lines {
		c, words, err := findCommand(strings.Fields(line[1]))
		if err != nil || len(words) < len(c.args) || words[0] != h.bravo.Org.ID() {
			t.Errorf("%s: %v, %v", line[1], words, err)
		}
	}
}

func TestTheHourIsCountedByTheMinute(t *testing.T) {
	t.Parallel()
	clock := newSteadyClock()
	start := clock.now()
	h := newLastHour(clock.now)
	h.called(true)
	h.called(false)
	clock.move(3 * time.Minute)
	h.called(true)
	h.lagged(clock.now(), 2*time.Second, false)
	h.lagged(clock.now(), time.Second, false)
	want := []dashboard.MinuteCalls{{Start: start, OK: 1, Failed: 1}, {Start: start.Add(time.Minute)}, {Start: start.Add(2 * time.Minute)}, {Start: start.Add(3 * time.Minute), OK: 1}}
	if diff := cmp.Diff(want, h.calls(clock.now())); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]dashboard.MinuteLag{{Start: start.Add(3 * time.Minute), Worst: 2 * time.Second}}, h.lags(clock.now())); diff != "" {
		t.Errorf("lags (-want +got):\n%s", diff)
	}
	clock.move(58 * time.Minute) // the first minute is out of the hour, its place is another's
	h.called(true)
	h.lagged(clock.now(), time.Minute, true)
	calls := h.calls(clock.now())
	if len(calls) != hourMinutes || calls[0].Start != start.Add(2*time.Minute) || calls[1].OK != 1 || calls[59].OK != 1 || calls[59].Failed != 0 {
		t.Errorf("an hour later: %d minutes, %+v … %+v", len(calls), calls[:2], calls[len(calls)-1])
	}
	clock.move(-5 * time.Hour) // set back to before the start
	h.called(true)
	if calls := h.calls(clock.now()); len(calls) != 1 || calls[0].OK != 1 {
		t.Errorf("with the clock set back: %+v", calls)
	}
}

// seenCalls is an observer that counts.
type seenCalls struct{ begun, ended, keys, limited int }

func (s *seenCalls) ToolCall(ctx context.Context, _ mcp.CallBegun) (context.Context, func(mcp.CallEnded)) {
	s.begun++
	return ctx, func(mcp.CallEnded) { s.ended++ }
}
func (s *seenCalls) KeyChecked(mcp.KeyOutcome, time.Duration) { s.keys++ }
func (s *seenCalls) RateLimited()                             { s.limited++ }

func TestCallsAreCountedBesideOtherObservers(t *testing.T) {
	t.Parallel()
	next := &seenCalls{}
	for _, o := range []mcp.Observer{nil, next} {
		h := newLastHour(time.Now)
		watch := h.observe(o)
		for _, outcome := range mcp.CallOutcomes() {
			_, ended := watch.ToolCall(t.Context(), mcp.CallBegun{Tool: "hostaway_whoami"})
			ended(mcp.CallEnded{Outcome: outcome})
		}
		watch.KeyChecked(mcp.KeyOutcomes()[0], time.Second)
		watch.RateLimited()
		ok, failed := 0, 0
		for _, m := range h.calls(time.Now()) {
			ok, failed = ok+m.OK, failed+m.Failed
		}
		if ok != 1 || failed != len(mcp.CallOutcomes())-2 { // all but ok and stopping
			t.Errorf("%d went well and %d failed", ok, failed)
		}
	}
	if want := (seenCalls{len(mcp.CallOutcomes()), len(mcp.CallOutcomes()), 1, 1}); *next != want {
		t.Errorf("the other observer saw %+v, want %+v", *next, want)
	}
}

func TestStorageCallsAreCountedByTheHour(t *testing.T) {
	t.Parallel()
	var h hourly
	at := time.Date(2026, 11, 20, 12, 59, 55, 0, time.UTC)
	h.look(at, 40)
	if got := h.since(45); got != 45 {
		t.Errorf("since the start: %d", got)
	}
	h.look(at.Add(10*time.Second), 50)
	if got := h.since(52); got != 12 {
		t.Errorf("in the new hour: %d, want those after the last look of the old one", got)
	}
	if got := h.since(0); got != 0 {
		t.Errorf("a count that fell: %d", got)
	}
}

// statusOf is a replica that a test changes.
type statusOf struct {
	mu sync.Mutex
	s  replica.Status
}

func (r *statusOf) get() replica.Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.s
}

func newTestOverseer(now func() time.Time, r *statusOf) *overseer {
	o := &overseer{
		health: newHealth(now, slog.New(slog.DiscardHandler)), figures: func(context.Context) (store.Figures, error) { return store.Figures{}, errors.New("away") },
		disk: func() (space, error) { return space{}, errors.New("away") }, jobs: func() []jobStatus { return nil },
		hour: newLastHour(now), started: now(), now: now,
	}
	if r != nil {
		o.replica = r.get
	}
	return o
}

func TestReplicaInTheOperatorsWords(t *testing.T) {
	t.Parallel()
	clock := newSteadyClock()
	for name, tt := range map[string]struct {
		status replica.Status
		state  dashboard.HealthState
		word   string
		lease  string
	}{
		"copying":   {replica.Status{State: replica.StateCopying, Lease: replica.LeaseStatus{Held: true}}, dashboard.HealthOK, "copying", "held by this server"},
		"starting":  {replica.Status{State: replica.StateStarting}, dashboard.HealthWarn, "starting", "not held"},
		"behind":    {replica.Status{State: replica.StateBehind}, dashboard.HealthWarn, "behind", "not held"},
		"a trouble": {replica.Status{State: replica.StateCopying, Troubles: []replica.Trouble{{What: "x", Do: "y"}}}, dashboard.HealthWarn, "copying", "not held"},
		"refused":   {replica.Status{State: replica.StateRefused}, dashboard.HealthWarn, "stopped by a guard", "not held"},
		"lost":      {replica.Status{State: replica.StateLost}, dashboard.HealthWarn, "taken over", "not held"},
		"fenced":    {replica.Status{State: replica.StateFenced, Lease: replica.LeaseStatus{Holder: "vps-2"}, Troubles: []replica.Trouble{{What: "x", Grave: true}}}, dashboard.HealthFail, "fenced off", "held by vps-2"},
	} {
		got := newTestOverseer(clock.now, &statusOf{s: tt.status}).Server(t.Context()).Replica
		if !got.Configured || got.State != tt.state || got.Lease != tt.lease || got.Word != tt.word || len(got.Troubles) != len(tt.status.Troubles) || got.LastSyncAt != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for _, none := range []*statusOf{nil, {s: replica.Status{State: replica.StateOff}}} {
		if s := newTestOverseer(clock.now, none).Server(t.Context()); s.Replica.Configured || s.DatabaseBytes != -1 || s.DiskBytes != -1 {
			t.Errorf("without a replica: %+v", s)
		}
	}
}

// The lag is looked at while nobody has the page open, for a page that is opened
// when something is wrong.
func TestLagIsFollowed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &statusOf{s: replica.Status{State: replica.StateCopying, Lag: 300 * time.Millisecond, Calls: []replica.CallCount{{Operation: "put", Outcome: "ok", N: 7}, {Operation: "list", Outcome: "ok", N: 2}}}}
		o := newTestOverseer(time.Now, r)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { o.keepLooking(ctx); close(ended) }()
		time.Sleep(2*time.Minute + time.Second)
		r.mu.Lock()
		r.s.Lag = 40 * time.Second
		r.mu.Unlock()
		time.Sleep(time.Minute)
		got := o.Server(ctx).Replica
		if n := len(got.Lags); n != 4 || got.Lags[0].Worst != 300*time.Millisecond || got.Lags[1].Late || !got.Lags[3].Late || got.Lags[3].Worst != 40*time.Second || got.StorageCalls != 9 {
			t.Errorf("after three minutes: %+v", got)
		}
		stop()
		<-ended
	})
}

func TestJobsInTheOperatorsWords(t *testing.T) {
	t.Parallel()
	clock := newSteadyClock()
	now := clock.now()
	o := newTestOverseer(clock.now, nil)
	at := func(ago time.Duration) time.Time { return now.Add(-ago) }
	for name, tt := range map[string]struct {
		status  jobStatus
		outcome dashboard.JobOutcome
		took    time.Duration
		overdue time.Duration
	}{
		"new":     {jobStatus{Every: time.Hour}, dashboard.JobWaiting, 0, 0},
		"ok":      {jobStatus{Every: time.Hour, LastStart: at(3 * time.Minute), LastSuccess: at(2 * time.Minute)}, dashboard.JobOK, time.Minute, 0},
		"running": {jobStatus{Every: time.Hour, Running: true, LastStart: at(time.Minute), LastSuccess: at(time.Hour)}, dashboard.JobRunning, 0, 0},
		"failed":  {jobStatus{Every: time.Hour, LastStart: at(time.Minute), LastSuccess: at(time.Hour), LastFailure: at(0), LastError: "x", Failures: 1}, dashboard.JobFailed, time.Minute, 0},
		"overdue": {jobStatus{Every: time.Hour, LastStart: at(2 * time.Hour), LastSuccess: at(2 * time.Hour)}, dashboard.JobOK, 0, 45 * time.Minute},
		"in time": {jobStatus{Every: time.Hour, LastStart: at(84 * time.Minute), LastSuccess: at(84 * time.Minute)}, dashboard.JobOK, 0, 0},
	} {
		got := o.job(tt.status, now)
		if got.Outcome != tt.outcome || got.Took != tt.took || got.OverdueBy != tt.overdue || (got.LastRunAt == nil) != tt.status.LastStart.IsZero() {
			t.Errorf("%s: %+v, want %q, took %s, overdue by %s", name, got, tt.outcome, tt.took, tt.overdue)
		}
	}
	if late := (jobStatus{Every: time.Hour}).overdue(now, now.Add(-3*time.Hour)); late != 105*time.Minute {
		t.Errorf("a job that never succeeded since the start three hours ago is overdue by %s", late)
	}
}

func TestLinesOfOneMomentHaveIDsOfTheirOwn(t *testing.T) {
	t.Parallel()
	at := newSteadyClock().now()
	line := func(message string, at time.Time) loggedLine {
		return loggedLine{At: at, Level: slog.LevelWarn, Message: message, Attributes: []loggedAttribute{{requestIDField, "req_1"}, {"org", "org_1"}}}
	}
	before := loggedErrors([]loggedLine{line("second", at), line("first", at), line("earlier", at.Add(-time.Second))})
	after := loggedErrors([]loggedLine{line("third", at), line("second", at), line("first", at), line("earlier", at.Add(-time.Second))})
	ids := map[string]bool{}
	for i, e := range after {
		if ids[e.ID] || e.RequestID != "req_1" || len(e.Fields) != 1 || !e.Warning {
			t.Errorf("%+v", e)
		}
		ids[e.ID] = true
		if i > 0 && e.ID != before[i-1].ID {
			t.Errorf("%s has another id once a newer line came: %s, then %s", e.Message, before[i-1].ID, e.ID)
		}
	}
}
