// Who may ask, how often, and what is kept of it.

package mcp

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

func TestKeyIsAskedForBeforeAnythingElse(t *testing.T) {
	t.Parallel()
	f := newFrame(t, frameTools(), func(c *Config) { c.MaxBody = 100 })
	revoked := f.org("B")
	if err := revoked.Org.RevokeAPIKey(t.Context(), revoked.By(), revoked.Key.ID); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		key     secret.Text
		headers []string
		body    string
	}{
		"no key":              {body: callBody("1", "hostaway_echo", `{}`)},
		"unknown key":         {key: secret.New("hmcp_0000000000000000000000000000000000000000000"), body: `{}`},
		"malformed key":       {key: secret.New("x"), body: `{}`},
		"revoked key":         {key: revoked.APIKey, body: callBody("1", "hostaway_echo", `{}`)},
		"no key, large body":  {body: strings.Repeat("x", 1000)},
		"no key, evil origin": {body: `{}`, headers: []string{"Origin", "https://evil.example"}},
		"basic auth":          {body: `{}`, headers: []string{"Authorization", "Basic aG1jcF94Og=="}},
		"unknown bearer":      {body: `{}`, headers: []string{"Authorization", "Bearer nothing"}},
	} {
		got := f.post(c.key, c.body, c.headers...)
		e := got.tool(t).Error
		if got.status != http.StatusUnauthorized || e == nil || !strings.Contains(e.Message, "http://127.0.0.1:8080/keys") {
			t.Errorf("%s: HTTP %d %s; want 401 and where keys are made", name, got.status, got.body)
		}
		if challenge := got.header.Get("Www-Authenticate"); strings.Contains(challenge, "resource_metadata") || challenge == "" {
			t.Errorf("%s: challenge %q, want one that promises no OAuth", name, challenge)
		}
	}
}

func TestBothHeadersCarryTheKey(t *testing.T) {
	t.Parallel()
	f := newFrame(t, frameTools(), nil)
	key := f.org("A").APIKey
	for name, headers := range map[string][]string{
		"X-API-Key": {"X-API-Key", key.Reveal()}, "bearer": {"Authorization", "Bearer " + key.Reveal()}, "bearer in small": {"Authorization", "bearer " + key.Reveal()},
	} {
		if got := f.post(secret.Text{}, callBody("1", "hostaway_echo", `{}`), headers...); got.status != http.StatusOK {
			t.Errorf("%s: HTTP %d %s", name, got.status, got.body)
		}
	}
}

func TestARevokedKeyStopsAtTheNextCall(t *testing.T) {
	t.Parallel()
	f := newFrame(t, frameTools(), nil)
	a := f.org("A")
	if got := f.post(a.APIKey, callBody("1", "hostaway_echo", `{}`)); got.status != http.StatusOK {
		t.Fatal(got.body)
	}
	if err := a.Org.RevokeAPIKey(t.Context(), a.By(), a.Key.ID); err != nil {
		t.Fatal(err)
	}
	if got := f.post(a.APIKey, callBody("1", "hostaway_echo", `{}`)); got.status != http.StatusUnauthorized {
		t.Errorf("HTTP %d, want 401", got.status)
	}
}

func TestRateLimitSlides(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock(testNow())
	f := newFrame(t, frameTools(), func(c *Config) {
		c.Now, c.RateLimit = clock.Now, hostaway.Rate{Calls: 3, Per: 10 * time.Second}
	})
	a, b := f.org("A"), f.org("B")
	expect := func(key secret.Text, status int, remaining, reset string) {
		t.Helper()
		got := f.post(key, callBody("1", "hostaway_echo", `{}`))
		h := got.header
		if got.status != status || h.Get("X-Ratelimit-Limit") != "3" || h.Get("X-Ratelimit-Remaining") != remaining || h.Get("X-Ratelimit-Reset") != reset {
			t.Errorf("HTTP %d, limit %s, remaining %s, reset %s; want %d, 3, %s, %s", got.status, h.Get("X-Ratelimit-Limit"), h.Get("X-Ratelimit-Remaining"), h.Get("X-Ratelimit-Reset"), status, remaining, reset)
		}
		if status == http.StatusTooManyRequests {
			if e := got.tool(t).Error; e == nil || h.Get("Retry-After") != reset || !strings.Contains(e.Message, "Wait "+reset+" seconds") {
				t.Errorf("429 with Retry-After %s: %s", h.Get("Retry-After"), got.body)
			}
		}
	}
	expect(a.APIKey, 200, "2", "10")
	clock.Advance(4 * time.Second)
	expect(a.APIKey, 200, "1", "6")
	expect(a.APIKey, 200, "0", "6")
	expect(a.APIKey, 429, "0", "6")
	expect(b.APIKey, 200, "2", "10") // the other org has a window of its own
	clock.Advance(5*time.Second + time.Millisecond)
	expect(a.APIKey, 429, "0", "1")
	clock.Advance(time.Second)
	expect(a.APIKey, 200, "0", "4") // only the first call is forgotten
	expect(a.APIKey, 429, "0", "4")

	list := `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	for i := range 3 * otherFactor {
		if got := f.post(a.APIKey, list); got.status != http.StatusOK || got.header.Get("X-Ratelimit-Limit") != "" {
			t.Fatalf("tools/list number %d: HTTP %d; it should not count as a tool call", i, got.status)
		}
	}
	if got := f.post(a.APIKey, list); got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") == "" {
		t.Errorf("after %d lists: HTTP %d, want 429", 3*otherFactor, got.status)
	}
	body, headers := modern("1", "subscriptions/listen", `{"notifications":{}}`)
	if got := f.post(a.APIKey, body, headers...); got.status != http.StatusTooManyRequests {
		t.Errorf("listening past the bound: HTTP %d, want 429", got.status)
	}
}

func TestLimiterForgetsQuietOrgs(t *testing.T) {
	t.Parallel()
	l := newLimiter(hostaway.Rate{Calls: 100, Per: 10 * time.Second})
	now := testNow()
	for i := range 5000 {
		l.take(string(rune('a'+i%26))+time.Duration(i).String(), now)
	}
	for range 500 {
		l.take("busy", now)
		now = now.Add(200 * time.Millisecond)
	}
	l.take("new", now)
	if len(l.orgs) > 3 {
		t.Errorf("%d orgs are remembered, though only two called lately", len(l.orgs))
	}
	if n := len(l.orgs["busy"].at); n > 200 {
		t.Errorf("the busy org's window holds %d instants for 50 calls", n)
	}
}

func (f *frame) audit(fix storetest.Fixture) []store.AuditEntry {
	f.t.Helper()
	entries, _, err := fix.Org.ListAudit(f.t.Context(), store.AuditFilter{Limit: 100})
	if err != nil {
		f.t.Fatal(err)
	}
	var calls []store.AuditEntry
	for _, e := range entries {
		if e.Actor.Kind == store.ActorKey {
			calls = append(calls, e)
		}
	}
	return calls
}

func TestEveryCallIsInTheAuditLog(t *testing.T) {
	t.Parallel()
	type kept struct {
		Action  string
		Outcome store.Outcome
		Code    string
		Args    string
	}
	hide := newTool(spec{Name: "hostaway_hide", Title: "Hide", Description: "Needs Hostaway."},
		func(_ context.Context, _ Caller, _ echoIn) (echoOut, error) { return echoOut{}, nil })
	f := newFrame(t, frameTools(hide), nil)
	a := f.org("A")
	for _, c := range []struct {
		name, tool, arguments, says string
		want                        kept
	}{
		{"works", "hostaway_echo", `{}`, `"org":"A"`, kept{"hostaway_echo", store.OutcomeOK, "", `{}`}},
		{"free text", "hostaway_echo", `{"text":"call Ann, ann@example.com"}`, `"org":"A"`, kept{"hostaway_echo", store.OutcomeOK, "", `{"text":"[masked]"}`}},
		{"wrong argument", "hostaway_steps", `{"steps":"many"}`, "steps", kept{"hostaway_steps", store.OutcomeRefused, "wrong_arguments", `{"steps":"many"}`}},
		{"near argument", "hostaway_steps", `{"steps":1,"stepps":2}`, "Did you mean steps?", kept{"hostaway_steps", store.OutcomeRefused, "wrong_arguments", `{"steps":1,"stepps":2}`}},
		{"near tool", "hostaway_ecko", `{"text":"x"}`, "Did you mean hostaway_echo?", kept{"unknown", store.OutcomeRefused, "unknown_tool", `{"tool":"hostaway_ecko"}`}},
		{"no such tool", "delete_everything", `{}`, "Known are: hostaway_echo", kept{"unknown", store.OutcomeRefused, "unknown_tool", `{"tool":"delete_everything"}`}},
		{"refused", "hostaway_fail", `{"how":"refuse"}`, "The moon is full. Come back tomorrow.", kept{"hostaway_fail", store.OutcomeRefused, "refused", `{"how":"refuse"}`}},
		{"broken", "hostaway_fail", `{"how":"error"}`, "Internal error", kept{"hostaway_fail", store.OutcomeError, "internal", `{"how":"error"}`}},
		{"too large", "hostaway_fail", `{"how":"huge"}`, "Ask for less", kept{"hostaway_fail", store.OutcomeRefused, "answer_too_large", `{"how":"huge"}`}},
		{"not connected", "hostaway_hide", `{}`, "http://127.0.0.1:8080/connection", kept{"hostaway_hide", store.OutcomeRefused, "not_connected", `{}`}},
	} {
		for _, era := range []string{"old", "new"} {
			body, headers := callBody("1", c.tool, c.arguments), []string{"User-Agent", "claude-code/2.1 (cli)"}
			client := "claude-code/2.1"
			if era == "new" {
				body, headers = modern("1", "tools/call", `{"name":"`+c.tool+`","arguments":`+c.arguments+`}`)
				client = "modern-test"
			}
			got := f.post(a.APIKey, body, headers...)
			result := got.tool(t)
			if got.status != http.StatusOK || result.Result.IsError == (c.want.Outcome == store.OutcomeOK) || !strings.Contains(result.text(), c.says) {
				t.Errorf("%s, %s: HTTP %d %s; want %q", c.name, era, got.status, got.body, c.says)
			}
			if era == "new" && result.Result.ResultType != "complete" {
				t.Errorf("%s: resultType %q, want complete", c.name, result.Result.ResultType)
			}
			entry := f.audit(a)[0]
			have := kept{entry.Action, entry.Outcome, entry.ErrorCode, string(entry.Arguments)}
			if !sameJSON(have.Args, c.want.Args) || have.Action != c.want.Action || have.Outcome != c.want.Outcome || have.Code != c.want.Code {
				t.Errorf("%s, %s: kept %+v, want %+v", c.name, era, have, c.want)
			}
			if entry.ClientName != client || entry.Actor.ID != a.Key.ID || entry.AnswerBytes != len(got.body) {
				t.Errorf("%s, %s: client %q, key %s, %d bytes; want %q, %s, %d", c.name, era, entry.ClientName, entry.Actor.ID, entry.AnswerBytes, client, a.Key.ID, len(got.body))
			}
		}
	}
}

func sameJSON(a, b string) bool {
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		return false
	}
	p, _ := json.Marshal(x)
	q, _ := json.Marshal(y)
	return string(p) == string(q)
}

func TestUsageCountsCalls(t *testing.T) {
	t.Parallel()
	f := newFrame(t, frameTools(), nil)
	a := f.org("A")
	f.call(a.APIKey, "hostaway_echo", `{}`)
	f.call(a.APIKey, "hostaway_echo", `{"text":5,"x":1}`)
	today := time.Now().UTC()
	usage, err := a.Org.Usage(t.Context(), today.AddDate(0, 0, -1).Format(time.DateOnly), today.AddDate(0, 0, 2).Format(time.DateOnly))
	if err != nil {
		t.Fatal(err)
	}
	if usage.Total != 2 || usage.Failed != 1 {
		t.Errorf("%d calls, %d failed; want 2 and 1", usage.Total, usage.Failed)
	}
}

func TestRequestIDOfTheOuterServerIsKept(t *testing.T) {
	t.Parallel()
	f := newFrame(t, frameTools(), nil)
	key := f.org("A").APIKey
	for given, kept := range map[string]bool{"req_ABC": true, "": false, "<script>": false, "req_" + strings.Repeat("x", 100): false} {
		got := f.post(key, callBody("1", "hostaway_echo", `{}`), "X-Request-Id", given).header.Get("X-Request-Id")
		if (got == given) != kept || !strings.HasPrefix(got, "req_") {
			t.Errorf("given %q: %q", given, got)
		}
	}
}
