package billing

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

// signed posts an event that the secret signed at that time, and writes down what was seen.
func (k *bench) signed(t *testing.T, id, by string, at time.Time, change func(string) string) {
	t.Helper()
	body := eventBody(id, "invoice.paid", "cus_1")
	if change != nil {
		body = change(body)
	}
	k.post(t, body, sign(body, by, at))
	if err := k.keepSignatures(t.Context(), false); err != nil {
		t.Fatal(err)
	}
}

func (k *bench) signatures(t *testing.T) Signatures {
	t.Helper()
	s, err := k.Signatures(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestAWrongSecretShows: from the first post that is refused, also after a restart, until an event is verified.
func TestAWrongSecretShows(t *testing.T) {
	t.Parallel()
	k := newBench(t)
	if s := k.signatures(t); s != (Signatures{}) {
		t.Errorf("before any post: %+v", s)
	}
	k.post(t, eventBody("evt_1", "invoice.paid", "cus_1"), "") // anybody may
	k.signed(t, "evt_1", testSecret, k.clock.Now(), func(string) string { return `{"object":"event"}` })
	if s := k.signatures(t); s != (Signatures{}) {
		t.Errorf("after posts that say nothing of the secret: %+v", s)
	}
	k.signed(t, "evt_1", "whsec_real", k.clock.Now(), nil)
	k.clock.Advance(5 * time.Minute)
	k.signed(t, "evt_2", "whsec_real", k.clock.Now(), nil)
	wrong := Signatures{Doubt: AllRefused, Refused: 2, RefusedAt: k.clock.Now(), Why: "forged"}
	if s := k.signatures(t); s != wrong {
		t.Errorf("two are refused: %+v, want %+v", s, wrong)
	}
	again, err := New(k.cfg)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := again.Signatures(t.Context()); s != wrong || err != nil {
		t.Errorf("after a restart: %+v, %v", s, err)
	}
	righted := k.cfg
	righted.WebhookSecrets = []secret.Text{secret.New("whsec_real")}
	if again, err = New(righted); err != nil {
		t.Fatal(err)
	}
	if s, err := again.Signatures(t.Context()); s != (Signatures{}) || err != nil {
		t.Errorf("with another secret: %+v, %v", s, err)
	}
	k.signed(t, "evt_3", testSecret, k.clock.Now(), nil)
	proven := k.clock.Now()
	if s := k.signatures(t); s != (Signatures{VerifiedAt: proven}) {
		t.Errorf("after one that is verified: %+v", s)
	}
	// The same event by a second endpoint is no doubt, one that comes later alone is.
	k.clock.Advance(30 * time.Second)
	k.signed(t, "evt_3", "whsec_real", k.clock.Now(), nil)
	if s := k.signatures(t); s.Doubt != NoDoubt || s.Refused != 1 {
		t.Errorf("of two endpoints: %+v", s)
	}
	k.clock.Advance(5 * time.Minute)
	k.signed(t, "evt_4", "whsec_real", k.clock.Now(), nil)
	if s := k.signatures(t); s != (Signatures{Doubt: SomeDoubt, VerifiedAt: proven, Refused: 2, RefusedAt: k.clock.Now(), Why: "forged"}) {
		t.Errorf("refused since: %+v", s)
	}
	k.clock.Advance(25 * time.Hour)
	if s := k.signatures(t); s.Doubt != NoDoubt {
		t.Errorf("a day later: %+v", s)
	}
}

func TestWhyASignedPostWasRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		why    string
		off    time.Duration
		change func(string) string
	}{
		{"of the other mode", 0, func(body string) string { return strings.Replace(body, `"livemode":false`, `"livemode":true`, 1) }},
		{"of another account", 0, func(body string) string {
			return strings.Replace(body, `"livemode"`, `"account":"acct_1","livemode"`, 1)
		}},
		{"stale", -6 * time.Minute, nil},
		{"of the future", 6 * time.Minute, nil},
	} {
		k := newBench(t)
		k.signed(t, "evt_1", testSecret, k.clock.Now().Add(test.off), test.change)
		if s := k.signatures(t); s.Doubt != AllRefused || s.Refused != 1 || s.Why != test.why {
			t.Errorf("%s: %+v", test.why, s)
		}
	}
}

// TestASecretThatIsReplaced: the one that still verifies speaks for both.
func TestASecretThatIsReplaced(t *testing.T) {
	t.Parallel()
	k := newBench(t, func(c *Config) {
		c.WebhookSecrets = []secret.Text{secret.New("whsec_next"), secret.New(testSecret)}
	})
	k.signed(t, "evt_1", "whsec_other", k.clock.Now(), nil)
	k.signed(t, "evt_2", testSecret, k.clock.Now(), nil)
	if s := k.signatures(t); s != (Signatures{VerifiedAt: k.clock.Now()}) {
		t.Errorf("%+v", s)
	}
}

// TestEventsThatGoOnCostFewWrites: only what changes the picture is written at once.
func TestEventsThatGoOnCostFewWrites(t *testing.T) {
	t.Parallel()
	var s seenPosts
	now := time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
	kept := 0
	for range 60 { // a minute each
		s.verified(0, now)
		kept += len(s.take(now, false))
		now = now.Add(time.Minute)
	}
	if kept != 6 {
		t.Errorf("in an hour %d writes, want one in ten minutes", kept)
	}
	s.refused(1, "forged", now)
	if w := s.take(now, false)[0]; w.Refused != 1 || w.VerifiedAt == nil {
		t.Errorf("a refusal is not kept at once: %+v", w)
	}
	s.verified(0, now)
	if w := s.take(now, false)[0]; w.VerifiedAt == nil || w.Refused != 0 {
		t.Errorf("the end of a doubt is not kept at once: %+v", w)
	}
	s.verified(0, now)
	if n := len(s.take(now, false)); n != 0 {
		t.Errorf("%d writes of what is known", n)
	}
	if n := len(s.take(now, true)); n != 1 {
		t.Errorf("%d writes at the end", n)
	}
	// What could not be written comes again, with what was seen meanwhile.
	s.refused(1, "forged", now)
	lost := s.take(now, false)[0]
	s.refused(1, "stale", now.Add(time.Second))
	s.giveBack(0, lost)
	if w := s.take(now, false)[0]; w.Refused != 2 || w.Why != "stale" || !w.RefusedAt.Equal(now.Add(time.Second)) {
		t.Errorf("given back: %+v", w)
	}
}

// TestASecretWhoseEndpointIsGoneIsRefused where that is known of every secret given.
func TestASecretWhoseEndpointIsGoneIsRefused(t *testing.T) {
	t.Parallel()
	k := newBench(t)
	k.stripe.tell("/v1/prices", `{"object":"list","data":[`+goodPrice+`]}`)
	record := func(secretText, endpoint string) {
		t.Helper()
		if err := k.store.SaveStripeSetup(t.Context(), secret.New(secretText), store.StripeSetup{EndpointID: endpoint}); err != nil {
			t.Fatal(err)
		}
	}
	check := func(what, says string) {
		t.Helper()
		err := k.Check(t.Context())
		var wrong *SettingError
		if (says == "") != (err == nil) || err != nil && (!errors.As(err, &wrong) || !strings.Contains(wrong.What, says) || wrong.Do == "") {
			t.Errorf("%s: %v", what, err)
		}
	}
	record(testSecret, "we_1")
	check("the key may not read endpoints", "")
	k.stripe.tell("/v1/webhook_endpoints", `{"object":"list","data":[{"id":"we_1","object":"webhook_endpoint","status":"enabled"}]}`)
	check("it is there", "")
	k.stripe.tell("/v1/webhook_endpoints", `{"object":"list","data":[{"id":"we_2","object":"webhook_endpoint","status":"enabled"}]}`)
	check("it is gone", "the endpoint we_1, which the Stripe account of this key does not have")
	k.cfg.WebhookSecrets = append(k.cfg.WebhookSecrets, secret.New("whsec_by_hand"))
	check("beside one that was made by hand", "")
}

// TestWhatPostsShowedIsKeptAtTheEnd of a run, also what could have waited.
func TestWhatPostsShowedIsKeptAtTheEnd(t *testing.T) {
	t.Parallel()
	k := newBench(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); k.Run(ctx) }()
	body := eventBody("evt_1", "payment_intent.created", "cus_1")
	for range 2 {
		k.post(t, body, sign(body, testSecret, k.clock.Now()))
	}
	stop()
	<-ended
	if s := k.signatures(t); s != (Signatures{VerifiedAt: k.clock.Now()}) {
		t.Errorf("%+v", s)
	}
}
