package billing

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/secret"
)

func TestOnlyStripesOwnFreshEventsOfThisModeAreStored(t *testing.T) {
	t.Parallel()
	k := newBench(t, func(c *Config) {
		c.WebhookSecrets = []secret.Text{secret.New("whsec_new"), secret.New(testSecret)}
	})
	now := k.clock.Now()
	body := eventBody("evt_1", "invoice.paid", "cus_1")
	signed := sign(body, testSecret, now)
	live := strings.Replace(body, `"livemode":false`, `"livemode":true`, 1)
	large := strings.Replace(body, `"x_1"`, `"`+strings.Repeat("x", largestEvent)+`"`, 1)
	thing := `{"id":"cus_1","object":"customer","type":"invoice.paid"}`
	old := now.Add(-301 * time.Second)
	refused := []struct {
		name, body, signature string
		status                int
	}{
		{"unsigned", body, "", 400},
		{"signed by nobody", body, "t=1774008000", 400},
		{"forged", body, sign(body, "whsec_other", now), 400},
		{"signed with an empty key", body, sign(body, "", now), 400},
		{"another body", strings.Replace(body, "evt_1", "evt_2", 1), signed, 400},
		{"the same in other bytes", strings.ReplaceAll(body, ",", ", "), signed, 400},
		{"stale", body, sign(body, testSecret, old), 400},
		{"stale, with a fresh time before", body, "t=" + signed[2:12] + "," + sign(body, testSecret, old), 400},
		{"stale, with a fresh time after", body, sign(body, testSecret, old) + ",t=" + signed[2:12], 400},
		{"of the future", body, sign(body, testSecret, now.Add(301*time.Second)), 400},
		{"of the other mode", live, sign(live, testSecret, now), 400},
		{"oversized", large, sign(large, testSecret, now), 413},
		{"no event", thing, sign(thing, testSecret, now), 400},
		{"no JSON", "{", sign("{", testSecret, now), 400},
		{"nothing", "", sign("", testSecret, now), 400},
	}
	for _, c := range refused {
		if got := k.post(t, c.body, c.signature); got != c.status {
			t.Errorf("%s: answered %d, want %d", c.name, got, c.status)
		}
		if n := k.pending(t); n != 0 {
			t.Fatalf("%s: %d events are stored", c.name, n)
		}
	}
	for name, strange := range strangeEvents(t, []byte(body)) {
		if got := k.post(t, string(strange), sign(string(strange), testSecret, now)); got != 400 {
			t.Errorf("an event %s: answered %d, want 400", name, got)
		}
		if n := k.pending(t); n != 0 {
			t.Fatalf("an event %s: %d events are stored", name, n)
		}
	}
	if k.Mismatched() != 3 {
		t.Errorf("%d mismatches are counted, want that of the mode and the two of other accounts", k.Mismatched())
	}
	accepted := []struct{ name, signature string }{
		{"by the old secret", sign(body, testSecret, now)},
		{"by the new secret", sign(body, "whsec_new", now)},
		{"by both", sign(body, "whsec_gone", now) + "," + strings.SplitN(sign(body, "whsec_new", now), ",", 2)[1]},
		{"just in time", sign(body, testSecret, now.Add(-300*time.Second))},
		{"by a clock that is ahead", sign(body, testSecret, now.Add(300*time.Second))},
	}
	for _, c := range accepted {
		if got := k.post(t, body, c.signature); got != 200 {
			t.Errorf("%s: answered %d", c.name, got)
		}
		if n := k.pending(t); n != 1 {
			t.Errorf("%s: %d events are stored, want the one", c.name, n)
		}
	}
}

func TestAnEventOfAnotherVersionIsTakenAndCounted(t *testing.T) {
	t.Parallel()
	k := newBench(t)
	for i, version := range []string{"2026-09-30.endive", "", "2026-09-30.endive"} {
		body := strings.Replace(eventBody("evt_"+string(rune('a'+i)), "invoice.paid", "cus_1"), "2023-10-16", version, 1)
		if got := k.post(t, body, sign(body, testSecret, k.clock.Now())); got != 200 {
			t.Errorf("version %q: answered %d", version, got)
		}
	}
	if k.Mismatched() != 3 || k.pending(t) != 3 {
		t.Errorf("%d counted, %d stored, want 3 and 3", k.Mismatched(), k.pending(t))
	}
}

func TestWhatIsOfNoConcernIsAnsweredAndNotStored(t *testing.T) {
	t.Parallel()
	k := newBench(t)
	k.event(t, "evt_1", "payment_intent.created", "cus_1")
	if n := k.pending(t); n != 0 {
		t.Errorf("%d events are stored", n)
	}
}

func TestAnEventThatCantBeStoredIsDeliveredAgain(t *testing.T) {
	t.Parallel()
	k := newBench(t)
	if err := k.store.Close(); err != nil {
		t.Fatal(err)
	}
	body := eventBody("evt_1", "invoice.paid", "cus_1")
	if got := k.post(t, body, sign(body, testSecret, k.clock.Now())); got != http.StatusInternalServerError {
		t.Errorf("answered %d, want 500, so that Stripe comes again", got)
	}
}

// TestEventsOfStripesShapeAreTaken: the shape is no narrower than what Stripe sends.
func TestEventsOfStripesShapeAreTaken(t *testing.T) {
	t.Parallel()
	k := newBench(t)
	wide := []string{
		eventBody("evt_1NG8Du2eZvKYlo2CUI79vXWy", "customer.subscription.trial_will_end", "cus_NeZwdNtLEOXuvB"),
		eventBody("evt_test_webhook", "invoice.paid", "cus_1"),
		eventBody("evt_"+strings.Repeat("a", 251), "invoice.paid", "cus_"+strings.Repeat("b", 251)),
		strings.Replace(eventBody("evt_3", "checkout.session.completed", "cus_1"), `"x_1"`, `"cs_test_a1B2"`, 1),
		strings.Replace(eventBody("evt_4", "invoice.upcoming", "cus_1"), `"id":"x_1",`, "", 1), // it has no id yet
		strings.Replace(eventBody("evt_5", "invoice.paid", "cus_1"), `"cus_1"`, "null", 1),
		strings.Replace(eventBody("evt_6", "invoice.paid", "cus_1"), `"2023-10-16"`, "null", 1),
		strings.Replace(eventBody("evt_7", "invoice.paid", "cus_1"), `"object":"event"`, `"object":"event","account":null`, 1),
		strings.Replace(eventBody("evt_8", "invoice.paid", "cus_1"), "1774000000", "1773800000", 1), // delivered again for days
	}
	for i, body := range wide {
		if got := k.post(t, body, sign(body, testSecret, k.clock.Now())); got != 200 || k.pending(t) != i+1 {
			t.Errorf("%s: answered %d, %d are stored", body, got, k.pending(t))
		}
	}
}
