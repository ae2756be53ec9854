package dashboard

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// nothing is an answer as anybody can compare it: status, headers and page, without what differs from one request to the next
// and without the address that was asked for.
func nothing(p page) string {
	var headers []string
	for name, values := range p.Header {
		if !slices.Contains([]string{"Date", "X-Request-Id", "Content-Length", "Set-Cookie"}, name) {
			headers = append(headers, name+": "+strings.Join(values, ","))
		}
	}
	slices.Sort(headers)
	return strings.Join(headers, "\n") + "\n" + same(p, p.Request.URL.Path)
}

// TestOperatorPagesAreNotThereForOthers: whoever is not an operator gets, by every method, exactly what an unknown address answers.
func TestOperatorPagesAreNotThereForOthers(t *testing.T) {
	t.Parallel()
	w, _, _ := billed(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	without := newWorld(t, func(c *Config) { c.Operator = nil })
	people := map[string]*browser{
		"a visitor": w.browser(t), "a member": w.member(t, fix, store.RoleMember), "an owner": w.owner(t, fix),
		"an operator of a server without these pages": without.runs(t, storetest.Org(t, without.store, "Elsewhere")),
	}
	methods := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
	for who, b := range people {
		for _, r := range b.w.dash.routes {
			if r.who != operators {
				continue
			}
			path := strings.ReplaceAll(r.path, ":id", fix.Org.ID())
			unknown := strings.ReplaceAll(path, "operator", "operat0r")
			for _, method := range methods {
				for _, headers := range [][]string{nil, {"HX-Request: true"}, {"Accept: application/json"}} {
					got, want := b.do(method, path, "", headers...), b.do(method, unknown, "", headers...)
					if got.StatusCode != 404 || nothing(got) != nothing(want) {
						t.Errorf("%s, %s %s %v: %d tells it from an unknown address (-unknown +this):\n%s", who, method, path, headers, got.StatusCode, cmp.Diff(nothing(want), nothing(got)))
					}
				}
			}
		}
		if len(b.get("/keys").find(t, "[data-go=s]")) != 0 {
			t.Errorf("%s has the operator's pages in the navigation", who)
		}
	}
}

// TestOperatorFlagCountsAtOnce in both directions, within one session.
func TestOperatorFlagCountsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	b := w.owner(t, fix)
	for _, on := range []bool{false, true, false} {
		if err := w.store.SetOperator(t.Context(), fix.Email, on); err != nil {
			t.Fatal(err)
		}
		want := map[bool]int{true: 200, false: 404}[on]
		for _, path := range []string{"/operator", "/operator/orgs", "/operator/orgs/" + fix.Org.ID(), "/api/operator/health", "/api/operator/orgs"} {
			wantPage(t, b.get(path), want)
		}
		links := len(b.get("/").find(t, "nav [href=/operator]"))
		if links != map[bool]int{true: 1}[on] {
			t.Errorf("operator %t: %d links to the page", on, links)
		}
	}
	if err := w.store.SetOperator(t.Context(), fix.Email, true); err != nil {
		t.Fatal(err)
	}
	wantPage(t, b.do("POST", "/operator", ""), http.StatusMethodNotAllowed)
	wantPage(t, b.do("POST", "/logout", ""), 403)
	b.submit("/operator", "/logout", nil)
	wantPage(t, b.get("/operator"), 404)
}

func TestOperatorNavigationListsPagesThatExist(t *testing.T) {
	t.Parallel()
	w, _, _ := billed(t)
	b := w.runs(t, storetest.Org(t, w.store, "Harbour Stays"))
	keys := map[string]bool{}
	for _, group := range nav("", navHas{true, true, true, true}) {
		for _, item := range group.Items {
			if keys[item.Key] {
				t.Errorf("two pages have the shortcut g %s", item.Key)
			}
			keys[item.Key] = true
			p := b.get(item.Href)
			wantPage(t, p, 200, fmt.Sprintf(`<a href="%s" data-go="%s" aria-current="page">`, item.Href, item.Key))
			p.wantText(t, "nav#nav .operator", "Operator")
		}
	}
}

// TestTroubleIsMarkedOnEveryPage of an operator, and on nobody else's.
func TestTroubleIsMarkedOnEveryPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	reader, b := w.member(t, fix, store.RoleMember), w.runs(t, fix)
	b.get("/usage").wantText(t, "nav [data-go=s]", "Server")
	w.operator.set(func(f *fakeOperator) {
		f.checks = []HealthCheck{{"disk", HealthWarn, "almost full", "free some space"}}
	})
	b.get("/usage").wantText(t, "nav [data-go=s]", "Server : a check needs a look")
	w.operator.troubled()
	b.get("/keys").wantText(t, "nav [data-go=s] .state.bad", ": a check fails")
	if found := reader.get("/keys").find(t, "nav .state"); len(found) != 0 {
		t.Errorf("a member sees %q", found[0].Text())
	}
}

func TestServerPageShowsWhatIsWell(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.runs(t, storetest.Org(t, w.store, "Harbour Stays")).get("/operator")
	wantPage(t, p, 200)
	p.wantText(t, "[data-verdict]", "All checks pass")
	p.wantText(t, ".verdict", "")
	p.wantText(t, ".kpis .value", "41 | 310 ms | 61 GB | 72 MB")
	p.wantText(t, ".kpis .hint", "at most 42 in the last hour | copying, complete just now | of 98 GB | 84 goroutines")
	p.wantText(t, ".checks .health", "OK | OK | OK | OK | OK")
	p.wantText(t, ".checks b", "database | disk | replica | certificate | jobs")
	p.wantText(t, "[aria-labelledby=h-replica] header .state", "copying")
	p.wantText(t, "[aria-labelledby=h-replica] .where", "s3://harbour-backup/hostaway-mcp (fra1.example.com)")
	p.wantText(t, "[aria-labelledby=h-replica] .lines dd", "310 ms | just now | passed 25 min ago , took 1.9 s | 4.1 MB | 87 | held by this server | 41, all copied in time")
	p.wantText(t, ".jobs tbody th", "audit deletes what is older than 13 months from the audit logs | sessions deletes sessions and links that have ended | space gives free pages back to the file system")
	p.wantText(t, ".jobs [data-label=Outcome]", "ok | ok | –")
	p.wantText(t, ".jobs [data-label=Every]", "day | hour | day")
	p.wantText(t, ".jobs tbody .n[data-label]", "340 ms | in 23 h | 1.9 s | in 35 min | – | in 50 h")
	p.wantText(t, "[aria-labelledby=h-server] .lines dd", "3 days ago | 48 MB + 4.1 MB log | 61 GB free | 72 MB | 84")
	p.wantText(t, "[aria-labelledby=h-errors] .empty", "None since the start, 3 days ago .")
	for _, chart := range []string{"lag-chart", "calls-chart"} {
		if bars := p.find(t, "figure#"+chart+" .bar"); len(bars) != chartMinutes {
			t.Errorf("%s has %d bars", chart, len(bars))
		}
	}
	for _, sick := range []string{".failed", ".state.bad", ".health.fail", ".value.bad", ".meter.bad", ".note"} {
		if found := p.find(t, "main "+sick); len(found) > 0 && sick != ".failed" || sick == ".failed" && len(p.find(t, "main span.failed")) > 0 {
			t.Errorf("a server that is well shows %s: %q", sick, found[0].Text())
		}
	}
}

func TestServerPageShowsTrouble(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.operator.troubled()
	p := w.runs(t, storetest.Org(t, w.store, "Harbour Stays")).get("/operator")
	p.wantText(t, "[data-verdict]", "2 checks fail: disk, replica")
	p.wantText(t, ".verdict b", "Disk: 21 MB of 98 GB are free.")
	p.wantText(t, ".checks .health", "Failing | Failing | Warning | Warning | OK")
	p.wantText(t, ".checks b", "disk | replica | certificate | jobs | database")
	p.wantText(t, ".checks .do", "Free some space on the disk of /var/lib/hostaway-mcp: until then what is there can be read and nothing be changed; it goes on by itself. | "+
		"See the card of the replica. | Open port 80 to the internet, or stop the program that holds it. | Look for its name among the last errors.")
	p.wantText(t, ".kpis .bad", "38 min | 21 MB")
	p.wantText(t, "[aria-labelledby=h-replica] header .state.bad", "fenced off")
	p.wantText(t, ".troubles .note.bad b", "Another server writes this replica.")
	p.wantText(t, ".troubles .note.warn b", "The storage does not refuse conditional writes.")
	p.wantText(t, "[aria-labelledby=h-replica] .lines .failed", "failed | 3 not copied in time")
	p.wantText(t, "[aria-labelledby=h-replica] .lines small", "the restored database has 3 pages that are malformed")
	if late := p.find(t, "figure#lag-chart rect.failed"); len(late) != 38 {
		t.Errorf("%d minutes are marked late, want 38", len(late))
	}
	p.wantText(t, ".jobs [data-label=Outcome]", "failed | running | –")
	p.wantText(t, ".jobs .why", "The disk is full: free some space and try again; nothing was changed.")
	p.wantText(t, ".jobs .n.failed", "overdue by 2 h")
	p.wantText(t, "[aria-labelledby=h-errors] header p", "12 errors and 31 warnings since the start; the newest 30")
	p.wantText(t, ".errors .health", "Error | Warning | Error")
	p.wantText(t, ".errors summary code", "req_k7dd2q5v3mxa7w4e")
	p.wantText(t, "#error-9 dt", "error | org | tool")
	p.wantText(t, "#error-7 .foot-note", "The line says no more.")
	if len(p.find(t, ".meter.bad")) != 1 {
		t.Error("a full disk has no red meter")
	}
}

func TestServerPageOfAServerThatJustStarted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.operator.bare()
	p := w.runs(t, storetest.Org(t, w.store, "Harbour Stays")).get("/operator")
	p.wantText(t, "[data-verdict]", "There are no checks yet")
	p.wantText(t, ".kpis .value", "– | – | – | 41 MB")
	p.wantText(t, ".kpis .hint", "not measured yet | no replica is configured | can't be measured here | 31 goroutines")
	p.wantText(t, "[aria-labelledby=h-replica] .state.none", "Not configured")
	wantPage(t, p, 200, "HMCP_REPLICA_URL=s3://BUCKET/PATH", "There are no checks yet", "No jobs are set up.", "None since the start")
	if len(p.find(t, "#lag-chart"))+len(p.find(t, "#calls-table")) != 0 {
		t.Error("there is a chart of a replica that is not there, or a table without a row")
	}
	p.wantText(t, "#calls-chart .plot-note", "Measured from the first minute on.")
}

// TestServerPageRenewsItself: htmx gets the part alone, and a person can stop it.
func TestServerPageRenewsItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.runs(t, storetest.Org(t, w.store, "Harbour Stays"))
	p := b.get("/operator")
	live := p.find(t, "#operator[data-live]")
	if len(p.find(t, "#operator")) != 1 || !strings.Contains(p.Body, `data-live hx-get="/operator" hx-trigger="every 10000ms"`) {
		t.Errorf("the page does not renew itself: %d", len(live))
	}
	p.wantText(t, ".live-note", "Every 10 s, last at 12:00:00 UTC")
	w.clock.Advance(90 * time.Second)
	part := b.get("/operator", "HX-Request: true")
	wantPage(t, part, 200, "<h1>Server</h1>", "12:01:30 UTC")
	wantNot(t, part, "<html", "<nav", `id="operator"`)
	if !strings.Contains(strings.Join(part.Header.Values("Vary"), ","), "HX-Request") || part.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers of the part: %v", part.Header)
	}
	paused := b.get("/operator?live=off")
	wantNot(t, paused, "hx-trigger", "data-live")
	paused.wantText(t, "#pause", "Resume")
	paused.wantText(t, ".live-note", "Paused at 12:01:30 UTC")
	if href := paused.find(t, "#refresh")[0].Attr("href"); href != "/operator?live=off" {
		t.Errorf("refreshing a paused page leads to %s", href)
	}
}

// TestLogLinesAreData: what comes from outside stands in the page as text.
func TestLogLinesAreData(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const evil = `<script>alert(1)</script>"><img src=x>`
	w.operator.set(func(f *fakeOperator) {
		f.checks = []HealthCheck{{evil, HealthFail, evil, evil}}
		f.server.Version, f.server.Replica.Where, f.server.Replica.Word, f.server.Replica.Lease = evil, evil, evil, evil
		f.server.Replica.Troubles = []Trouble{{evil, evil, true}}
		f.server.Jobs = []Job{{Name: evil, About: evil, Problem: evil}}
		f.server.Errors = []LoggedError{{"1", noon, false, evil, evil, []LoggedField{{evil, evil}}}}
	})
	p := w.runs(t, storetest.Org(t, w.store, "Harbour Stays")).get("/operator")
	wantPage(t, p, 200, "&lt;script&gt;")
	wantNot(t, p, "<script>alert", "<img")
}

func TestOnlyTheNewestErrorsAreOnThePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.operator.set(func(f *fakeOperator) {
		for i := range 100 {
			f.server.Errors = append(f.server.Errors, LoggedError{ID: fmt.Sprint(i), At: noon.Add(-time.Duration(i) * time.Minute), Message: "it broke"})
		}
		f.server.ErrorCount = 1234
	})
	p := w.runs(t, storetest.Org(t, w.store, "Harbour Stays")).get("/operator")
	if n := len(p.find(t, ".errors details")); n != errorsShown || len(p.find(t, "#error-0")) != 1 {
		t.Errorf("%d errors are on the page, want the newest %d", n, errorsShown)
	}
	p.wantText(t, "[aria-labelledby=h-errors] header p", "1,234 errors and 0 warnings since the start; the newest 30")
}

func TestVerdictNamesEachPartOnce(t *testing.T) {
	t.Parallel()
	warn := HealthCheck{Name: "replica", State: HealthWarn, Text: "it is behind", Do: "wait"}
	for want, checks := range map[string][]HealthCheck{
		"All checks pass":                     {{Name: "disk", State: HealthOK}},
		"1 check needs a look: replica":       {{Name: "disk", State: HealthOK}, warn, warn},
		"2 checks need a look: replica, jobs": {warn, warn, {Name: "jobs", State: HealthWarn}},
		"1 check fails: replica":              {warn, {Name: "replica", State: HealthFail}},
		"2 checks fail: disk, database":       {warn, {Name: "disk", State: HealthFail}, {Name: "database", State: HealthFail}},
		"There are no checks yet":             nil,
	} {
		if got := judge(checks).Text; got != want {
			t.Errorf("%+v: %q, want %q", checks, got, want)
		}
	}
}

func TestNextRunsInWords(t *testing.T) {
	t.Parallel()
	if got := period(time.Hour) + ", " + period(24*time.Hour) + ", " + period(90*time.Minute); got != "hour, day, 90 min" {
		t.Errorf("periods: %s", got)
	}
	for _, tc := range []struct {
		job  Job
		want string
	}{
		{Job{}, "not planned"},
		{Job{NextRunAt: noon.Add(30 * time.Second)}, "in 30 s"},
		{Job{NextRunAt: noon}, "now"},
		{Job{NextRunAt: noon, OverdueBy: 11 * time.Minute}, "overdue by 11 min"},
	} {
		if got := jobRows([]Job{tc.job}, noon)[0].Next; got != tc.want {
			t.Errorf("%+v: %q, want %q", tc.job, got, tc.want)
		}
	}
}
