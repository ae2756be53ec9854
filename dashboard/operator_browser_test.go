package dashboard

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// TestOperatorPagesLookRight looks at the operator's pages as at all others: on a server that is well, on one where everything
// is wrong, and on one that has just started.
func TestOperatorPagesLookRight(t *testing.T) {
	t.Parallel()
	states := map[string]func(*world){"": func(*world) {}, "-trouble": func(w *world) { w.operator.troubled() }, "-bare": func(w *world) { w.operator.bare() }}
	for state, prepare := range states {
		t.Run("operator"+state, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			prepare(w)
			fix := storetest.Org(t, w.store, "Harbour Stays")
			x := w.window(t).use(w.runs(t, fix))
			open := `[...document.querySelectorAll("#error-9, #lag-table")].every(d => d.open = true)`
			x.inspect(sight{"operator" + state, "/operator?live=off", nil, open})
			if state == "-bare" {
				x.inspect(sight{"operator-org-bare", "/operator/orgs/" + fix.Org.ID(), nil, ""})
				return
			}
			if state == "" {
				last := w.manyOrgs(t, 60)
				x.inspect(sight{"operator-orgs", "/operator/orgs?sort=calls&order=descending", nil, ""})
				x.inspect(sight{"operator-orgs-none", "/operator/orgs?q=nothing-like-this", nil, ""})
				x.inspect(sight{"operator-org", "/operator/orgs/" + last.Org.ID(), nil, ""})
			}
		})
	}
}

// TestServerPageKeepsItselfUpToDate without loading anew, without closing what is open, and without taking the focus.
func TestServerPageKeepsItselfUpToDate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.dash.renewed = 200 * time.Millisecond
	w.operator.troubled()
	x := w.window(t).use(w.runs(t, storetest.Org(t, w.store, "Harbour Stays")))
	x.look(false, 1440)
	x.open("/operator")
	x.do("mark the page", chromedp.Evaluate[chromedp.Void](`window.same = true; undefined`))
	// The parts change five times a second here: a click from outside could meet an element that is just being replaced.
	x.do("open the error", chromedp.Evaluate[chromedp.Void](`document.querySelector("#line-9").focus(); document.querySelector("#line-9").click(); undefined`))
	x.await("the error is open", `document.querySelector("#error-9").open`)
	clock := read[string](x, `document.querySelector(".live-note time").textContent`)
	w.clock.Advance(30 * time.Second)
	w.operator.set(func(f *fakeOperator) { f.checks = wellOperator().checks })
	x.await("the page says that all is well", `document.querySelector("[data-verdict]").textContent === "All checks pass" && [...document.querySelectorAll(".toast")].some(t => t.textContent === "All checks pass")`)
	if !read[bool](x, `window.same && document.querySelector("#error-9").open && document.activeElement.id === "line-9"`) {
		t.Errorf("the page was loaded anew, the error is closed, or the focus is lost: it is on %s", x.focused())
	}
	if read[bool](x, `document.querySelector("#nav [data-go=s] .state").checkVisibility()`) {
		t.Error("the navigation goes on marking trouble")
	}
	if now := read[string](x, `document.querySelector(".live-note time").textContent`); now == clock {
		t.Errorf("the time of the page stays at %s", now)
	}
	x.wantSound("operator-live")
	x.picture("operator-live-1440-light")

	// Who reads the chart or marks a text keeps it.
	for what, start := range map[string]string{
		"reading the chart": `document.querySelector("#lag-chart .bar").dispatchEvent(new PointerEvent("pointermove", {bubbles: true}))`,
		"marking a text":    `getSelection().selectAllChildren(document.querySelector("#error-9 dd"))`,
	} {
		x.do(what, chromedp.Evaluate[chromedp.Void](start+`; document.querySelector("#operator h1").dataset.kept = "yes"; undefined`))
		x.do("try to renew", chromedp.Evaluate[chromedp.Void](`htmx.ajax("GET", "/operator", {source: "#operator", target: "#operator"}); undefined`))
		kept := read[bool](x, `new Promise(r => setTimeout(() => r(document.querySelector("#operator h1").dataset.kept === "yes"), 700))`)
		if !kept {
			t.Errorf("%s, the page was renewed all the same", what)
		}
		x.do("stop", chromedp.Evaluate[chromedp.Void](`getSelection().removeAllRanges(); document.body.dispatchEvent(new PointerEvent("pointermove", {bubbles: true})); undefined`))
		x.await("the page is renewed again after "+what, `document.querySelector("#operator h1").dataset.kept !== "yes"`)
	}

	x.do("pause", chromedp.Evaluate[chromedp.Void](`document.querySelector("#pause").click(); undefined`))
	x.await("the page stands still", `location.search === "?live=off" && document.querySelector("#pause").textContent.includes("Resume")`)
	if read[bool](x, `!!document.querySelector("[hx-trigger]")`) {
		t.Error("a paused page goes on asking")
	}
}

// TestServerPageSaysWhenItIsStale: the person is no operator any more.
func TestServerPageSaysWhenItIsStale(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.dash.renewed = 200 * time.Millisecond
	fix := storetest.Org(t, w.store, "Harbour Stays")
	x := w.window(t).use(w.runs(t, fix))
	x.tolerate.Store("404")
	x.open("/operator")
	if err := w.store.SetOperator(t.Context(), fix.Email, false); err != nil {
		t.Fatal(err)
	}
	x.await("the page is marked", `document.querySelector("#operator.stale") && document.querySelector(".toast").textContent.includes("no longer kept up to date")`)
	if err := w.store.SetOperator(t.Context(), fix.Email, true); err != nil {
		t.Fatal(err)
	}
	x.await("the page lives again", `!document.querySelector("#operator.stale")`)
}

// TestChartsOfTheHourAreReadByKeyboard: each minute with what belongs to it.
func TestChartsOfTheHourAreReadByKeyboard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.window(t).use(w.runs(t, storetest.Org(t, w.store, "Harbour Stays")))
	x.look(true, 1440)
	x.open("/operator?live=off")
	for _, tc := range []struct{ chart, first, last string }{
		{"#lag-chart", "12:00 UTC, so far Worst lag 180 ms", "11:01 UTC Not measured"},
		{"#calls-chart", "12:00 UTC, so far Succeeded 12 Failed 0", "11:01 UTC Not measured"},
	} {
		x.do("focus "+tc.chart, chromedp.Focus(chromedp.CSS(tc.chart)))
		for _, step := range []struct{ key, want string }{{kb.ArrowLeft, tc.first}, {kb.Home, tc.last}} {
			x.press(step.key)
			got := read[string](x, `[...document.querySelectorAll("`+tc.chart+` .tip b, `+tc.chart+` .tip span")].map(e => [...e.childNodes].map(n => n.textContent).filter(t => t).join(" ")).join(" ")`)
			if got != step.want {
				t.Errorf("%s reads %q, want %q", tc.chart, got, step.want)
			}
		}
		x.press(kb.End)
		x.picture("operator-read-" + tc.chart[1:])
	}
}

// TestOrgsAreFoundWhileTyping, sorted in place, and reached by keyboard.
func TestOrgsAreFoundWhileTyping(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.runs(t, storetest.Org(t, w.store, "Harbour Stays"))
	w.manyOrgs(t, 60)
	x := w.window(t).use(b)
	x.look(false, 1440)
	x.open("/")
	for _, to := range []struct{ key, path string }{{"s", "/operator"}, {"a", "/operator/orgs"}} {
		x.press("g", to.key)
		x.await("g "+to.key+" leads to "+to.path, `location.pathname === "`+to.path+`" && document.readyState === "complete" && document.documentElement.classList.contains("js")`)
	}
	x.do("focus the search", chromedp.Focus(chromedp.CSS("#q")))
	x.press("fjord")
	x.await("six orgs are found", `document.querySelectorAll("#orgs tbody tr").length === 6 && location.search === "?q=fjord"`)
	if got := read[string](x, `document.activeElement.id + ": " + document.querySelector("[data-says]").textContent`); got != "q: 6 orgs with “fjord”" {
		t.Errorf("focus and words: %s", got)
	}
	x.click("#by-created")
	x.await("the newest comes first", `document.querySelector("#orgs tbody th").textContent.startsWith("Fjord & Fell 6")`)
	if got := read[string](x, `document.activeElement.id + " " + document.querySelector("[aria-sort]").textContent.trim()`); got != "by-created Created" {
		t.Errorf("focus and order: %s", got)
	}
	x.do("go back", chromedp.NavigateBack())
	x.await("the names are in order again", `document.querySelector("#orgs tbody th").textContent.startsWith("Fjord & Fell 1") && document.querySelector("#q").value === "fjord"`)
	x.click("#orgs tbody a")
	x.await("the org's page", `location.pathname.startsWith("/operator/orgs/org_")`)
}

var orgNames = []string{"Alpine Lets", "Beacon Cottages", "Cala Llonga Homes", "Dune House Rentals", "Elbe Apartments", "Fjord & Fell", "Granada Stays", "Harbour View", "Isla Verde Villas", "Jardim Rentals"}

// manyOrgs fills the server; the last one is busy and has failures.
func (w *world) manyOrgs(tb testing.TB, n int) (last storetest.Fixture) {
	tb.Helper()
	for i := range n {
		w.clock.Set(noon.AddDate(0, 0, i-n))
		last = storetest.Org(tb, w.store, fmt.Sprintf("%s %d", orgNames[i%len(orgNames)], 1+i/len(orgNames)))
		if i%4 == 3 {
			continue
		}
		count := 3 + i*7%90
		conn, err := last.Org.Connect(tb.Context(), last.By(), store.NewConnection{AccountID: int64(60000 + i), Secret: secretOf("hostaway-secret-x9Qd"), ListingCount: &count})
		if err == nil && i%9 == 4 {
			err = last.Org.MarkConnectionRefused(tb.Context(), conn.Version, "invalid_client")
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	w.clock.Set(noon)
	for i, code := range []string{"", "upstream_limited", "upstream_limited", "needs_confirmation", "invalid_arguments", "internal"} {
		outcome := map[bool]store.Outcome{true: store.OutcomeOK, false: store.OutcomeError}[code == ""]
		call := store.ToolCall{
			KeyID: last.Key.ID, KeyName: last.Key.Name, ClientName: "claude-code", Tool: []string{"hostaway_search_bookings", "hostaway_batch_update_listings"}[i/3],
			Arguments: json.RawMessage(`{}`), Outcome: outcome, ErrorCode: code, StartedAt: noon.Add(-time.Duration(i) * time.Hour), Duration: time.Second,
		}
		if err := last.Org.RecordToolCall(tb.Context(), call); err != nil {
			tb.Fatal(err)
		}
	}
	return last
}
