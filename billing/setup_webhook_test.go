package billing

import (
	"slices"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v76"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// TestSetupSaysWhetherTheSecretInForceIsTheEndpoints: Stripe tells a secret once, so that all that a later run can say rests on
// what was kept of it.
func TestSetupSaysWhetherTheSecretInForceIsTheEndpoints(t *testing.T) {
	t.Parallel()
	s := stripetest.Start(t, stripetest.Options{})
	db := storetest.Open(t, storetest.WithNow(s.Now))
	run := func(newEndpoint bool, inForce ...secret.Text) SetupReport {
		t.Helper()
		cfg := setupOf(t, s, db)
		cfg.WebhookSecrets, cfg.NewEndpoint = inForce, newEndpoint
		r, err := Setup(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	a := run(false).WebhookSecret
	idOf := func(of secret.Text) string {
		setups, err := db.StripeSetups(t.Context())
		at := slices.IndexFunc(setups, func(x store.StripeSetup) bool { return x.Of(of) })
		if err != nil || at < 0 {
			t.Fatalf("nothing is kept of the secret: %v", err)
		}
		return setups[at].EndpointID
	}
	rolled := secret.New("whsec_rolled")
	second := run(true, a) // while that of A is in force
	b := second.WebhookSecret
	if b.IsZero() || !second.OtherInForce || !slices.Equal(second.Others, []string{idOf(a)}) || idOf(b) == idOf(a) {
		t.Errorf("another endpoint beside the one in force: %+v", second)
	}
	both := run(false, a, b)
	if both.Doubt != nil || !both.WebhookSecret.IsZero() || both.Changed {
		t.Errorf("both secrets in force: %+v", both)
	}
	onlyB := run(false, b)
	if text := strings.Join(onlyB.Lines, "\n"); onlyB.Doubt != nil || !strings.Contains(text, idOf(b)+" is there") || !strings.Contains(text, idOf(a)+" posts to the same address too") {
		t.Errorf("that of the new one in force:\n%s", text)
	}
	disable(t, s, idOf(a))
	for name, c := range map[string]struct {
		inForce []secret.Text
		wrong   bool
		says    string // "": no doubt
	}{
		"none":                         {nil, false, "HMCP_STRIPE_WEBHOOK_SECRET is not set here"},
		"that of the disabled one":     {[]secret.Text{a}, true, "holds the secret of another webhook endpoint (" + idOf(a) + "), and events come from " + idOf(b)},
		"one that was never printed":   {[]secret.Text{rolled}, false, "wrong unless it was rolled"},
		"that of the one that is kept": {[]secret.Text{b}, false, ""},
		"both":                         {[]secret.Text{a, b}, false, ""},
	} {
		r := run(false, c.inForce...)
		if r.SecretWrong != c.wrong || (r.Doubt != nil) != (c.says != "") || !r.WebhookSecret.IsZero() {
			t.Errorf("%s: %+v", name, r)
		} else if r.Doubt != nil && (!strings.Contains(r.Doubt.What, c.says) || !strings.Contains(r.Doubt.Do, "--new-endpoint")) {
			t.Errorf("%s: %v", name, r.Doubt)
		}
	}
	now := s.Now()
	if err := db.SawWebhookPosts(t.Context(), rolled, store.WebhookSecret{VerifiedAt: &now}); err != nil {
		t.Fatal(err)
	}
	if r := run(false, rolled); r.Doubt != nil {
		t.Errorf("a rolled one that verified an event: %v", r.Doubt)
	}
	third := run(true, a)
	if third.OtherInForce || !slices.Equal(third.Others, []string{idOf(b)}) || third.Doubt != nil {
		t.Errorf("another endpoint in place of one whose secret is lost: %+v", third)
	}
}

func disable(t *testing.T, s *stripetest.Server, id string) {
	t.Helper()
	api := newStripeAPI(Config{Key: secret.New("sk_test_1"), URL: s.URL()})
	p := &stripe.WebhookEndpointParams{Params: writing(t.Context(), onceKey("disable", id)), Disabled: stripe.Bool(true)}
	if _, err := api.webhookTargets.Update(id, p); err != nil {
		t.Fatal(err)
	}
}
