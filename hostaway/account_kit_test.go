package hostaway_test

// account_kit_test.go is a whole Hostaway account that keeps state, and a client of it.

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/hostaway/hostawaytest"
	"hostaway-mcp/secret"
)

const today = "2026-10-05"

// inMemory hands requests to a handler without a network, so that a test can run on a virtual clock.
type inMemory struct {
	handler http.Handler
	latency func() time.Duration
}

func (m inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	way := time.Duration(0)
	if m.latency != nil {
		way = m.latency()
	}
	time.Sleep(way)
	sent := r.Clone(r.Context())
	sent.RemoteAddr = "192.0.2.1:1234"
	sent.RequestURI = r.URL.RequestURI()
	recorder := httptest.NewRecorder()
	m.handler.ServeHTTP(recorder, sent)
	time.Sleep(way)
	return recorder.Result(), nil
}

// newAccount gives a rich account on a simulator, and a client of it that neither waits nor is held back.
func newAccount(t testing.TB, options hostawaytest.Options, change ...func(*hostaway.Config)) (*hostawaytest.Server, *hostawaytest.Account, *hostaway.Client) {
	t.Helper()
	options.ActivationDelay = -1
	server := hostawaytest.Start(options)
	t.Cleanup(server.Close)
	account := server.AddAccount(hostawaytest.Account{ID: 101, Secret: "s3cret", Seed: 7, Today: today})
	wide := hostaway.Rate{Calls: 100_000, Per: time.Second}
	cfg := hostaway.Config{
		BaseURL: server.URL(), Credentials: hostaway.Credentials{AccountID: 101, Secret: secret.New("s3cret")}, ActivationWait: -1,
		Budget: hostaway.NewBudget(hostaway.BudgetConfig{PerAccount: wide, PerIP: wide}),
	}
	for _, c := range change {
		c(&cfg)
	}
	return server, account, hostaway.NewClient(cfg)
}
