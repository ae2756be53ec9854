// The frame's own tool, and what callers are told when something does not work.

package mcp

import (
	"context"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/hostaway/hostawaytest"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

func TestWhoamiWorksInEveryState(t *testing.T) {
	t.Parallel()
	sim := hostawaytest.Start(hostawaytest.Options{ActivationDelay: -1})
	t.Cleanup(sim.Close)
	account := sim.AddAccount(hostawaytest.Account{ID: 70001, Secret: "first-secret", Seed: 1, Today: "2026-05-31"})
	many := hostaway.Rate{Calls: 1 << 20, Per: time.Second}
	clients := &accounts{url: sim.URL(), budget: hostaway.NewBudget(hostaway.BudgetConfig{PerAccount: many, PerIP: many}), byOrg: map[string]*hostaway.Client{}}
	f := newFrame(t, catalog("v1.2.3", "at http://127.0.0.1:8080/connection"), func(c *Config) { c.Hostaway, c.Now = clients, testNow })
	a := f.org("Casa")
	ask := func() whoamiOut {
		t.Helper()
		return structured[whoamiOut](t, f.call(a.APIKey, "hostaway_whoami", `{}`))
	}

	if got := ask(); got.Org != "Casa" || got.APIKey != "Claude" || got.Connection != "not_connected" || got.ServerVersion != "v1.2.3" || !strings.Contains(got.NextStep, "/connection") {
		t.Errorf("not connected: %+v", got)
	}
	connection := storetest.Connect(t, a.Org, 70001, "first-secret")
	if got := ask(); got.Connection != "connected" || got.AccountID != 70001 || got.ActiveListings == nil || *got.ActiveListings != 11 || got.CountedAt != "2026-05-31T12:00:00Z" || got.NextStep != "" {
		t.Errorf("connected: %+v", got)
	}
	last := 9
	counted := testNow().Add(-3 * time.Hour)
	if err := a.Org.MarkConnectionChecked(t.Context(), connection.Version, &last, counted); err != nil {
		t.Fatal(err)
	}
	// Credentials that are taken again are no count.
	if err := a.Org.MarkConnectionChecked(t.Context(), connection.Version, nil, time.Time{}); err != nil {
		t.Fatal(err)
	}
	sim.Fail(hostawaytest.Fault{Method: "GET", Path: "/v1/listings", Times: 100, Kind: hostawaytest.Status500HTML})
	if got := ask(); got.ActiveListings == nil || *got.ActiveListings != 9 || got.CountedAt != counted.Format(time.RFC3339) || !strings.Contains(got.NextStep, "last known") {
		t.Errorf("Hostaway is down: %+v", got)
	}
	sim.Heal()
	account.SetSecret("another")
	account.RevokeTokens()
	if got := ask(); got.Connection != "refused" || !strings.Contains(got.NextStep, "reconnect at http://127.0.0.1:8080/connection") {
		t.Errorf("credentials changed: %+v", got)
	}
	if err := a.Org.MarkConnectionRefused(t.Context(), connection.Version, "invalid client"); err != nil {
		t.Fatal(err)
	}
	if got := ask(); got.Connection != "refused" || got.NextStep == "" {
		t.Errorf("marked as refused: %+v", got)
	}
	for _, e := range f.audit(a) {
		if e.Outcome != store.OutcomeOK {
			t.Errorf("whoami is kept as %s", e.Outcome)
		}
	}
}

func TestErrorsOfHostawayHaveANextStep(t *testing.T) {
	t.Parallel()
	soon := time.Now().Add(7 * time.Second)
	for _, c := range []struct {
		err     error
		says    []string
		code    string
		outcome store.Outcome
	}{
		{&hostaway.Error{Code: hostaway.CredentialsRefused, Message: "invalid_client"}, []string{"refuses", "reconnect Hostaway at https://x/connection"}, codeCredentials, store.OutcomeError},
		{&hostaway.Error{Code: hostaway.NotFound}, []string{"nothing under this id", "list and search tools"}, codeNotFound, store.OutcomeRefused},
		{&hostaway.Error{Code: hostaway.Refused, Message: "Listing is archived"}, []string{`"Listing is archived"`, "Change the arguments"}, codeUpstream, store.OutcomeError},
		{&hostaway.Error{Code: hostaway.BadInput, Message: "the period is backwards"}, []string{"The period is backwards.", "Change"}, codeArguments, store.OutcomeRefused},
		{&hostaway.Error{Code: hostaway.RateLimited, RetryAfter: soon}, []string{"no more requests", "Wait "}, codeUpstreamBusy, store.OutcomeError},
		{&hostaway.Error{Code: hostaway.RateLimited}, []string{"a few seconds"}, codeUpstreamBusy, store.OutcomeError},
		{&hostaway.Error{Code: hostaway.TimedOut}, []string{"did not answer in time", "less at once"}, codeUpstream, store.OutcomeError},
		{&hostaway.Error{Code: hostaway.BadAnswer}, []string{"could not be understood", "later"}, codeUpstream, store.OutcomeError},
		{&hostaway.Error{Code: hostaway.Unavailable}, []string{"fault of its own", "in a minute"}, codeUpstream, store.OutcomeError},
		{&hostaway.Error{Code: hostaway.Unreachable}, []string{"cannot be reached"}, codeUpstream, store.OutcomeError},
		{store.ErrDiskFull, []string{"disk is full", "operator"}, codeInternal, store.OutcomeError},
		{store.ErrConflict, []string{"Internal error, request id req_1", "operator"}, codeInternal, store.OutcomeError},
	} {
		got, _ := answerForError(c.err, "req_1", "at https://x/connection")
		for _, words := range c.says {
			if !strings.Contains(got.Error(), words) {
				t.Errorf("%v: %q lacks %q", c.err, got.Error(), words)
			}
		}
		if got.code != c.code || got.outcome() != c.outcome {
			t.Errorf("%v: kept as %s, %s; want %s, %s", c.err, got.code, got.outcome(), c.code, c.outcome)
		}
	}
}

func TestACallThatCannotBeRecordedIsNotAnswered(t *testing.T) {
	t.Parallel()
	var f *frame
	closing := newTool(spec{Name: "hostaway_close", Title: "Close", Description: "Closes the store.", WithoutHostaway: true},
		func(_ context.Context, _ Caller, _ echoIn) (echoOut, error) {
			return echoOut{Text: "the answer"}, f.store.Close()
		})
	f = newFrame(t, []Tool{closing}, nil)
	got := f.post(f.org("A").APIKey, callBody("1", "hostaway_close", `{}`))
	if strings.Contains(got.body, "the answer") || !strings.Contains(got.body, "request id "+got.header.Get("X-Request-Id")) {
		t.Errorf("HTTP %d %s", got.status, got.body)
	}
	if !strings.Contains(f.log.String(), "record tool call") {
		t.Error("the log does not say why")
	}
}
