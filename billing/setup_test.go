package billing

import (
	"context"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

func setupOf(t *testing.T, s *stripetest.Server, db *store.Store) SetupConfig {
	t.Helper()
	return SetupConfig{
		Store: db, Key: secret.New("sk_test_1"), URL: s.URL(), PriceLookup: "listing_v1", UnitAmount: 500, Currency: "USD",
		BaseURL: "https://mcp.example.com",
		Pause:   func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
}

func writes(s *stripetest.Server) (n int) {
	for _, c := range s.Calls() {
		if c.Method != "GET" && !strings.Contains(c.Route, "portal") {
			n++
		}
	}
	return n
}

func TestSetupMakesWhatIsMissingAndNothingTwice(t *testing.T) {
	t.Parallel()
	s := stripetest.Start(t, stripetest.Options{})
	db := storetest.Open(t, storetest.WithNow(s.Now))
	first, err := Setup(t.Context(), setupOf(t, s, db))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(first.Lines, "\n")
	for _, want := range []string{"test mode", "product prod_", "price price_", "500 usd", "portal configuration bpc_", "webhook endpoint we_", "https://mcp.example.com/webhooks/stripe", "2023-10-16"} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing about %q in:\n%s", want, text)
		}
	}
	if !strings.HasPrefix(first.WebhookSecret.Reveal(), "whsec_") || strings.Contains(text, first.WebhookSecret.Reveal()) {
		t.Errorf("the secret is %d characters long, and in the lines: %v", len(first.WebhookSecret.Reveal()), strings.Contains(text, first.WebhookSecret.Reveal()))
	}
	setups, err := db.StripeSetups(t.Context())
	if err != nil || len(setups) != 1 || !setups[0].Of(first.WebhookSecret) || setups[0].Livemode || setups[0].PriceID == "" || setups[0].PortalConfigurationID == "" {
		t.Errorf("kept %+v (%v)", setups, err)
	}

	s.ResetCalls()
	again, err := Setup(t.Context(), setupOf(t, s, db))
	if err != nil || !again.WebhookSecret.IsZero() || writes(s) != 0 || !first.Changed || again.Changed {
		t.Errorf("the second run wrote %d things, secret %v: %v", writes(s), !again.WebhookSecret.IsZero(), err)
	}
	checked := setupOf(t, s, db)
	checked.UnitAmount, checked.Currency = 0, ""
	if _, err := Setup(t.Context(), checked); err != nil {
		t.Errorf("a check without an amount: %v", err)
	}

	b, err := New(Config{
		Store: db, Key: secret.New("rk_test_1"), WebhookSecrets: []secret.Text{first.WebhookSecret}, PriceLookup: "listing_v1",
		URL: s.URL(), BaseURL: "https://mcp.example.com", Now: s.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Check(t.Context()); err != nil {
		t.Errorf("what setup made does not pass the check: %v", err)
	}
}

func TestSetupRefusesWhatItWouldBreak(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		change func(*SetupConfig)
		says   string
	}{
		{"another amount under the same key", func(c *SetupConfig) { c.UnitAmount = 600 }, "another lookup key"},
		{"another currency", func(c *SetupConfig) { c.Currency = "eur" }, "another lookup key"},
		{"a new price without an amount", func(c *SetupConfig) { c.PriceLookup, c.UnitAmount, c.Currency = "listing_v2", 0, "" }, "amount"},
		{"an amount of nothing", func(c *SetupConfig) { c.Currency = "" }, "neither"},
		{"a negative amount", func(c *SetupConfig) { c.UnitAmount = -1 }, "neither"},
		{"no key", func(c *SetupConfig) { c.Key = secret.Text{} }, "key"},
		{"a live key elsewhere", func(c *SetupConfig) { c.Key = secret.New("sk_live_1") }, "live key"},
		{"no address", func(c *SetupConfig) { c.BaseURL = "" }, "address"},
	}
	s := stripetest.Start(t, stripetest.Options{})
	s.AddPrice(stripetest.Price{LookupKey: "listing_v1", Currency: "usd", UnitAmount: 500})
	db := storetest.Open(t)
	for _, c := range cases {
		cfg := setupOf(t, s, db)
		c.change(&cfg)
		if _, err := Setup(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want something about %q", c.name, err, c.says)
		}
	}
	if n := writes(s); n != 0 {
		t.Errorf("%d things were written", n)
	}
}

func TestSetupReplacesAnEndpointOfAnotherVersion(t *testing.T) {
	t.Parallel()
	s := stripetest.Start(t, stripetest.Options{})
	db := storetest.Open(t)
	old, _ := s.AddEndpoint(stripetest.Endpoint{URL: "https://mcp.example.com/webhooks/stripe", Version: "2026-09-30.endive"})
	report, err := Setup(t.Context(), setupOf(t, s, db))
	if err != nil || report.WebhookSecret.IsZero() {
		t.Fatal(err)
	}
	if text := strings.Join(report.Lines, "\n"); !strings.Contains(text, old) || !strings.Contains(text, "disable it") {
		t.Errorf("nothing about the old endpoint %s in:\n%s", old, text)
	}
}

func TestSetupSetsTheEventsOfAnEndpointAnew(t *testing.T) {
	t.Parallel()
	s := stripetest.Start(t, stripetest.Options{})
	db := storetest.Open(t)
	s.AddEndpoint(stripetest.Endpoint{URL: "https://mcp.example.com/webhooks/stripe", Version: stripetest.APIVersion, Events: []string{"invoice.created"}})
	report, err := Setup(t.Context(), setupOf(t, s, db))
	text := strings.Join(report.Lines, "\n")
	if err != nil || !report.WebhookSecret.IsZero() || !strings.Contains(text, "set anew") || !strings.Contains(text, "HMCP_STRIPE_WEBHOOK_SECRET") {
		t.Errorf("%v in:\n%s", err, text)
	}
}
