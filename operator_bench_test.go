package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// BenchmarkOperatorPages times the operator's pages on our side, compression
// included, with 300 orgs that used eight tools on each day of three weeks and a
// log of a hundred errors. p95 shall stay below 20 ms.
func BenchmarkOperatorPages(b *testing.B) {
	const orgs, days = 300, 21
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	clock := storetest.NewClock(now)
	db := storetest.Open(b, storetest.WithClock(clock))
	fixes := make([]storetest.Fixture, orgs)
	for i := range fixes {
		fixes[i] = storetest.Org(b, db, fmt.Sprintf("Org number %d", i))
		storetest.Connect(b, fixes[i].Org, int64(40000+i), "a secret of Hostaway")
	}
	useTools(b, fixes, now, days)
	var w watch
	w.log, w.problems = newWatchedLogger(&lockedBuffer{}, config{LogFormat: "text"})
	for i := range 100 {
		w.log.Error("something broke", "request_id", fmt.Sprint("req_", i), "error", "a long text about what went wrong", "n", i)
	}
	c := config{BaseURL: "http://127.0.0.1:8080", SignUp: "closed", DataDir: b.TempDir()}
	h, err := furnish(c, db, newUpstream(c, clock.Now, slog.New(slog.DiscardHandler)), nil, clock.Now, w)
	if err == nil {
		err = db.SetOperator(b.Context(), fixes[0].Email, true)
	}
	if err != nil {
		b.Fatal(err)
	}
	token, _, err := db.SignIn(b.Context(), store.SignIn{Email: fixes[0].Email, Password: fixes[0].Password})
	if err != nil {
		b.Fatal(err)
	}
	for _, path := range []string{
		"/operator", "/operator/orgs", "/operator/orgs?sort=calls&order=descending", "/operator/orgs?q=number+29", "/operator/orgs/" + fixes[7].Org.ID(), "/api/operator/health",
	} {
		b.Run(path[:min(len(path), 30)], func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, path, nil)
				r.Header.Set("Accept-Encoding", "br")
				r.AddCookie(&http.Cookie{Name: "session", Value: token.Reveal()})
				answer := httptest.NewRecorder()
				begun := time.Now()
				h.handlers.dashboard.ServeHTTP(answer, r)
				took = append(took, time.Since(begun))
				if answer.Code != http.StatusOK {
					b.Fatalf("%s: %d %s", path, answer.Code, answer.Body)
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
		})
	}
}

// useTools has every org call eight tools on each day.
func useTools(b *testing.B, fixes []storetest.Fixture, now time.Time, days int) {
	b.Helper()
	work := make(chan store.ToolCall)
	var group sync.WaitGroup
	for range 64 {
		group.Go(func() {
			for call := range work {
				f := fixes[call.UpstreamCalls]
				call.UpstreamCalls, call.KeyID, call.KeyName = 2, f.Key.ID, f.Key.Name
				if err := f.Org.RecordToolCall(b.Context(), call); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for day := range days {
		for tool := range 8 {
			for i := range fixes {
				call := store.ToolCall{
					Tool: fmt.Sprintf("hostaway_tool_number_%d", tool), Outcome: store.OutcomeOK, StartedAt: now.AddDate(0, 0, -day), Duration: time.Second,
					Arguments: []byte(`{"limit":10}`), AnswerBytes: 1900, RequestID: "req_1", UpstreamCalls: i, // the org, until it is sent
				}
				if tool == 3 {
					call.Outcome, call.ErrorCode = store.OutcomeError, "upstream_limited"
				}
				work <- call
			}
		}
	}
	close(work)
	group.Wait()
}
