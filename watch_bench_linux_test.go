// What it costs a tool call to be watched: the same calls to servers that differ
// in nothing else, in alternating rounds, so that a disturbed moment hits all
// alike. The call does no more than any must: key, guard, arguments, audit row.
//
//	go test . -run '^$' -bench WatchedCall -benchtime 3s

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"hostaway-mcp/store"
)

const benchClients = 64

// BenchmarkWatchedCall compares calls per second, and processor time per call,
// which others on the machine disturb less.
func BenchmarkWatchedCall(b *testing.B) {
	if err := store.PrepareProcess(); err != nil { // as main does
		b.Fatal(err)
	}
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer collector.Close()
	all := watchedConfig()
	all.OTLPEndpoint = collector.URL
	houses := []*watchedHouse{newWatchedHouse(b, config{}), newWatchedHouse(b, watchedConfig()), newWatchedHouse(b, all)}
	for _, h := range houses {
		callMany(b, h, 200)
	}
	const rounds = 20
	rates, costs := make([]float64, len(houses)), make([]float64, len(houses))
	for range rounds {
		for i, h := range houses {
			rate, cost := callMany(b, h, max(b.N/rounds, benchClients))
			rates[i] += rate / rounds
			costs[i] += cost / rounds
		}
	}
	b.ReportMetric(rates[0], "plain-calls/s")
	b.ReportMetric(rates[1]/rates[0], "figures-rate")
	b.ReportMetric(rates[2]/rates[0], "traces-rate")
	b.ReportMetric(costs[0], "plain-cpu-us")
	b.ReportMetric(costs[1]/costs[0], "figures-cpu")
	b.ReportMetric(costs[2]/costs[0], "traces-cpu")
}

// callMany makes n calls; it gives how many were answered in a second, and the
// processor time of each in microseconds, with the client's part.
func callMany(b *testing.B, h *watchedHouse, n int) (rate, cost float64) {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: benchClients}}
	defer client.CloseIdleConnections()
	var left atomic.Int64
	left.Store(int64(n))
	var clients sync.WaitGroup
	began, used := time.Now(), processorTime(b)
	for range benchClients {
		clients.Go(func() {
			for left.Add(-1) >= 0 {
				if err := refusedCall(b.Context(), client, h); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	clients.Wait()
	return float64(n) / time.Since(began).Seconds(), float64((processorTime(b) - used).Microseconds()) / float64(n)
}

// processorTime is what this process has used so far.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func refusedCall(ctx context.Context, client *http.Client, h *watchedHouse) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url+"/mcp",
		strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"hostaway_search_bookings","arguments":{"nonsense":1}}}`))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Api-Key", h.alpha.APIKey.Reveal())
	w, err := client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = w.Body.Close() }()
	if body, err := io.ReadAll(w.Body); err != nil || w.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s %w", w.Status, body, err)
	}
	return nil
}
