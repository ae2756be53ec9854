package hostaway

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// witness writes down the exchanges.
type witness struct {
	mu    sync.Mutex
	begun []string
	ended []Exchanged
}

type witnessKey struct{}

func (w *witness) observe(ctx context.Context, method, endpoint string) (context.Context, func(Exchanged)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun = append(w.begun, method+" "+endpoint)
	return context.WithValue(ctx, witnessKey{}, endpoint), func(e Exchanged) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.ended = append(w.ended, e)
	}
}

func TestExchangesAreObserved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &witness{}
		api := inTurn(
			ok(`{"status":"success","result":{"id":12,"name":"x"}}`),
			reply{status: http.StatusNotFound, body: `{"status":"fail","message":"no"}`},
			reply{status: http.StatusBadGateway}, ok(`{"status":"success","result":{"id":12}}`), // repeated
			reply{err: errReset}, reply{hang: true}, ok(`nonsense`),
		)
		api.latency = 20 * time.Millisecond
		client := api.client(t, func(c *Config) { c.Observe, c.Timeout = w.observe, time.Second })
		for range 4 {
			_, _ = client.Listing(t.Context(), 12)
		}
		wantBegun := append([]string{"POST /accessTokens"}, slices.Repeat([]string{"GET /listings/{id}"}, 7)...)
		if diff := cmp.Diff(wantBegun, w.begun); diff != "" {
			t.Errorf("begun (-want +got):\n%s", diff)
		}
		const took = 20 * time.Millisecond
		want := []Exchanged{
			{Sent: true, Took: took, Status: 200}, // the token
			{Sent: true, Took: took, Status: 200},
			{Sent: true, Took: took, Status: 404, Code: NotFound},
			{Sent: true, Took: took, Status: 502, Code: Unavailable},
			{Sent: true, Took: took, Status: 200},
			{Sent: true, Took: took, Code: Unreachable},
			{Sent: true, Took: time.Second, Code: TimedOut},
			{Sent: true, Took: took, Status: 200, Code: BadAnswer},
		}
		if diff := cmp.Diff(want, w.ended); diff != "" {
			t.Errorf("ended (-want +got):\n%s", diff)
		}
		for _, call := range api.made() {
			for name := range call.header {
				if !slices.Contains([]string{"Accept", "Authorization"}, name) {
					t.Errorf("Hostaway was sent the header %s", name)
				}
			}
		}
	})
}

// Waits for a turn are told, those in vain too, and who went away is no failure.
func TestWaitsForATurnAreObserved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &witness{}
		api := always(ok(`{"status":"success","result":{"id":12}}`))
		budget := NewBudget(BudgetConfig{PerAccount: Rate{Calls: 2, Per: 10 * time.Second}})
		client := api.client(t, func(c *Config) { c.Observe, c.Budget, c.MaxWait = w.observe, budget, 30*time.Second })
		if _, err := client.Listing(t.Context(), 12); err != nil { // with the call for the token, the window is full
			t.Fatal(err)
		}
		waiting := make(chan error)
		go func() { _, err := client.Background().Listing(t.Context(), 12); waiting <- err }()
		synctest.Wait()
		if inFront, behind := budget.Waiting(); inFront != 0 || behind != 1 {
			t.Errorf("%d and %d wait, want 0 and 1", inFront, behind)
		}
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error)
		go func() { _, err := client.Listing(ctx, 12); gone <- err }()
		synctest.Wait()
		if inFront, behind := budget.Waiting(); inFront != 1 || behind != 1 {
			t.Errorf("%d and %d wait, want 1 and 1", inFront, behind)
		}
		time.Sleep(3 * time.Second)
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("who went away got %v", err)
		}
		short, over := context.WithTimeout(t.Context(), time.Second)
		defer over()
		if _, err := client.Listing(short, 12); CodeOf(err) != RateLimited {
			t.Errorf("no turn in time: %v", err)
		}
		if err := <-waiting; err != nil {
			t.Fatal(err)
		}
		const window = 10*time.Second + windowGuard
		want := []Exchanged{
			{Sent: true, Status: 200},
			{Sent: true, Status: 200},
			{Waited: 3 * time.Second, Cancelled: true},
			{Code: RateLimited},
			{Background: true, Waited: window, Sent: true, Status: 200},
		}
		if diff := cmp.Diff(want, w.ended); diff != "" {
			t.Errorf("ended (-want +got):\n%s", diff)
		}
	})
}

func TestEndpointsHaveNoIDs(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/listings": "/listings", "/listings/12345/calendar": "/listings/{id}/calendar", "/financeStandardField/reservation/7": "/financeStandardField/reservation/{id}",
		"/conversations/-1/messages": "/conversations/{id}/messages", "/finance/report/standard": "/finance/report/standard",
	} {
		if got := endpointOf(path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
}
