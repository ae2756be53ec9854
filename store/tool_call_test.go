// The audit log and the usage counters, also under many callers at once.

package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

func TestToolCallsAreLoggedAndCounted(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t, storetest.WithClock(clockAt(noon)))
	f := storetest.Org(t, st, "Acme")
	ctx := t.Context()
	call := toolCall(f, "hostaway_list_bookings", noon)
	if err := f.Org.RecordToolCall(ctx, call); err != nil {
		t.Fatal(err)
	}
	got := must[[]store.AuditEntry](t)(firstPage(ctx, f.Org))[0]
	want := store.AuditEntry{
		ID: got.ID, At: noon, Actor: store.Actor{Kind: store.ActorKey, ID: f.Key.ID, Name: "Claude", IP: "192.0.2.7", RequestID: "req_1"},
		Action: "hostaway_list_bookings", ClientName: "claude-code", Arguments: json.RawMessage(`{"limit":10}`), Outcome: store.OutcomeOK,
		Duration: 120 * time.Millisecond, UpstreamCalls: 2, AnswerBytes: 1900,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the entry (-want +got):\n%s", diff)
	}
	failed := call
	failed.Outcome, failed.ErrorCode, failed.Duration, failed.StartedAt = store.OutcomeError, "rate_limited", 180*time.Millisecond, noon.Add(time.Minute)
	refused := call
	refused.Outcome, refused.Tool, refused.StartedAt = store.OutcomeRefused, "hostaway_create_listing", noon.AddDate(0, 0, 1)
	for _, c := range []store.ToolCall{failed, refused} {
		if err := f.Org.RecordToolCall(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	usage := must[store.Usage](t)(f.Org.Usage(ctx, "2026-07-31", "2026-08-04"))
	wantUsage := store.Usage{
		Days: []store.UsageDay{{Date: "2026-07-31"}, {Date: "2026-08-01", OK: 1, Failed: 1}, {Date: "2026-08-02", Failed: 1}, {Date: "2026-08-03"}},
		Tools: []store.UsageTool{
			{Tool: "hostaway_list_bookings", Calls: 2, Failed: 1, AverageMS: 150, LastCallAt: noon.Add(time.Minute)},
			{Tool: "hostaway_create_listing", Calls: 1, Failed: 1, AverageMS: 120, LastCallAt: noon.AddDate(0, 0, 1)},
		},
		Total: 3, Failed: 2,
	}
	if diff := cmp.Diff(wantUsage, usage); diff != "" {
		t.Errorf("Usage (-want +got):\n%s", diff)
	}
	if empty := must[store.Usage](t)(f.Org.Usage(ctx, "2026-08-02", "2026-08-03")); empty.Total != 1 || len(empty.Days) != 1 {
		t.Errorf("[from, to): %+v", empty)
	}
}

func TestUsageDaysAreUTC(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t)
	f := storetest.Org(t, st, "Acme")
	late := time.Date(2026, 8, 1, 23, 30, 0, 0, time.FixedZone("west", -5*3600)) // 2026-08-02 in UTC
	if err := f.Org.RecordToolCall(t.Context(), toolCall(f, "x", late)); err != nil {
		t.Fatal(err)
	}
	if u := must[store.Usage](t)(f.Org.Usage(t.Context(), "2026-08-01", "2026-08-03")); u.Days[0].OK != 0 || u.Days[1].OK != 1 {
		t.Errorf("counted on %+v", u.Days)
	}
	for _, period := range [][2]string{{"2026-08-01", "2026-08-01"}, {"2026-08-02", "2026-08-01"}, {"yesterday", "2026-08-01"}, {"2026-08-01", ""}, {"2020-01-01", "2026-01-01"}} {
		var bad *store.InputError
		if _, err := f.Org.Usage(t.Context(), period[0], period[1]); !errors.As(err, &bad) {
			t.Errorf("Usage(%v) = %v, want an InputError", period, err)
		}
	}
}

func TestImpossibleCallsAreRefused(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t)
	f := storetest.Org(t, st, "Acme")
	var bad *store.InputError
	if err := f.Org.RecordToolCall(t.Context(), store.ToolCall{Tool: "x", Outcome: "maybe"}); !errors.As(err, &bad) {
		t.Errorf("an unknown outcome: %v", err)
	}
	if err := f.Org.RecordToolCall(t.Context(), store.ToolCall{Outcome: store.OutcomeOK}); !errors.As(err, &bad) {
		t.Errorf("no tool: %v", err)
	}
	if err := f.Org.RecordAction(t.Context(), f.By(), store.Action{}); !errors.As(err, &bad) {
		t.Errorf("no action: %v", err)
	}
}

// Many callers of several orgs at once: every call is there once, in its own
// org, when its caller has the answer.
func TestGroupCommitLosesNothing(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t)
	orgs := []storetest.Fixture{storetest.Org(t, st, "A"), storetest.Org(t, st, "B"), storetest.Org(t, st, "C")}
	ctx := t.Context()
	const callers, each = 24, 25
	day := time.Now().UTC()
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			f := orgs[i%len(orgs)]
			for n := range each {
				call := toolCall(f, "x", day)
				call.RequestID = fmt.Sprintf("req_%d_%d", i, n)
				if err := f.Org.RecordToolCall(ctx, call); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for i, f := range orgs {
		seen := map[string]bool{}
		entries := 0
		for before := ""; ; {
			page, next, err := f.Org.ListAudit(ctx, store.AuditFilter{Before: before, Limit: 70})
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page {
				if e.Action == "x" {
					entries++
					seen[e.Actor.RequestID] = true
				}
			}
			if before = next; next == "" {
				break
			}
		}
		if want := callers / len(orgs) * each; entries != want || len(seen) != want {
			t.Errorf("org %d has %d entries, %d different; want %d", i, entries, len(seen), want)
		}
		u := must[store.Usage](t)(f.Org.Usage(ctx, day.AddDate(0, 0, -1).Format(time.DateOnly), day.AddDate(0, 0, 2).Format(time.DateOnly)))
		if want := callers / len(orgs) * each; u.Total != want {
			t.Errorf("org %d counts %d calls, want %d", i, u.Total, want)
		}
	}
}

func TestAuditPagesHangTogether(t *testing.T) {
	t.Parallel()
	clock := clockAt(noon)
	st := storetest.Open(t, storetest.WithClock(clock))
	f := storetest.Org(t, st, "Acme")
	ctx := t.Context()
	for i := range 60 {
		if i%20 == 10 {
			clock.Advance(-time.Minute) // a clock that is set back does not mix the order up
		}
		if err := f.Org.RecordAction(ctx, f.By(), store.Action{Name: "looked", Target: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	var targets []string
	before, pages := "", 0
	for more := true; more; pages++ {
		page, next, err := f.Org.ListAudit(ctx, store.AuditFilter{Before: before, Limit: 31})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			if e.Action == "looked" {
				targets = append(targets, e.Target)
			}
		}
		before, more = next, next != ""
	}
	if len(targets) != 60 || targets[0] != "59" || targets[59] != "0" || pages != 2 {
		t.Errorf("%d entries on %d pages: %v", len(targets), pages, targets)
	}
	if page, next, err := f.Org.ListAudit(ctx, store.AuditFilter{}); err != nil || len(page) != 50 || next == "" {
		t.Errorf("the usual page has %d entries, next %q, %v", len(page), next, err)
	}
	clock.Set(noon.AddDate(2, 0, 0))
	if err := f.Org.RecordAction(ctx, f.By(), store.Action{Name: "kept"}); err != nil {
		t.Fatal(err)
	}
	if n, err := f.Org.PruneAudit(ctx, noon.AddDate(1, 0, 0)); err != nil || n != 62 {
		t.Errorf("PruneAudit() = %d, %v", n, err)
	}
	wantActions(t, f.Org, "kept")
}

func TestRecordingEndsWithItsContextAndWithTheStore(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t)
	f := storetest.Org(t, st, "Acme")
	ctx, cancel := contextCanceled(t)
	cancel()
	err := f.Org.RecordToolCall(ctx, toolCall(f, "x", noon))
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("a canceled call: %v", err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	recorded := 0
	for range 8 {
		wg.Go(func() {
			for {
				err := f.Org.RecordToolCall(t.Context(), toolCall(f, "y", noon))
				if errors.Is(err, store.ErrClosed) {
					return
				}
				if err != nil {
					t.Errorf("while closing: %v", err)
					return
				}
				mu.Lock()
				recorded++
				mu.Unlock()
			}
		})
	}
	for waited := 0; waited < 50; {
		mu.Lock()
		waited = recorded
		mu.Unlock()
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if _, _, err := st.OrgByAPIKey(t.Context(), f.APIKey); err == nil {
		t.Error("a closed store still answers")
	}
}
