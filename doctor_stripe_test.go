package main

import (
	"strings"
	"testing"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/secret"
)

func TestDoctorLooksAtStripe(t *testing.T) {
	t.Parallel()
	full := stripetest.Start(t, stripetest.Options{Keys: []string{"rk_test_site"}})
	full.AddPrice(stripetest.Price{LookupKey: "listing", Currency: "usd", UnitAmount: 500})
	without := stripetest.Start(t, stripetest.Options{})
	s := newSite(t, "HMCP_BILLING_MODE=stripe", "HMCP_STRIPE_KEY=rk_test_site", "HMCP_STRIPE_URL="+full.URL(), "HMCP_STRIPE_PRICE=listing")
	base := config{
		BillingMode: billingStripe, StripeKey: secret.New("rk_test_site"), StripePrice: "listing", BaseURL: "https://mcp.example.com",
		StripeWebhookSecrets: []secret.Text{secret.New("whsec_1")},
	}
	at := func(url string, change ...func(*config)) []check {
		c := base
		c.StripeURL, c.values = url, map[string]value{"HMCP_STRIPE_URL": {source: "environment"}}
		for _, f := range change {
			f(&c)
		}
		return examineStripe(t.Context(), &doctor{process: &process{}, config: c})
	}
	says := func(what string, found []check, n int, state checkState, want string) {
		t.Helper()
		if len(found) == 0 || len(found) <= n || found[n].State != state || !strings.Contains(found[n].Text, want) || (state != stateOK) == (found[n].Do == "") {
			t.Errorf("%s: %+v", what, found)
		}
	}
	says("no endpoint", at(full.URL()), 0, stateOK, "in test mode: nobody is charged; a listing costs 5.00 USD a month")
	says("no endpoint", at(full.URL()), 1, stateWarn, "no webhook endpoint posts to https://mcp.example.com/webhooks/stripe")
	if r := runCommand(t, s.environ, "billing", "setup"); r.code != exitOK {
		t.Fatalf("setup: %s%s", r.out, r.errOut)
	}
	says("set up", at(full.URL()), 1, stateOK, "posts to this server")
	says("no secret", at(full.URL(), func(c *config) { c.StripeWebhookSecrets = nil }), 1, stateFail, "HMCP_STRIPE_WEBHOOK_SECRET is not set")
	says("another address", at(full.URL(), func(c *config) { c.BaseURL = "https://other.example.com" }), 1, stateWarn, "no webhook endpoint")
	says("no price", at(without.URL()), 0, stateFail, "no active price")
	says("another key", at(full.URL(), func(c *config) { c.StripeKey = secret.New("rk_test_other") }), 0, stateFail, "refuses the key")
	says("away", at("http://127.0.0.1:1"), 0, stateFail, "can't be reached")
	if found := at(full.URL(), func(c *config) { c.BillingMode = billingOff }); len(found) != 0 {
		t.Errorf("billing is off: %+v", found)
	}
	for _, call := range full.Calls() {
		if call.Method == "POST" && strings.Contains(call.Path, "customers") {
			t.Errorf("doctor changes something: %s", call.Path)
		}
	}
}
