package main

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

// stripeVisit is a doctor for a site whose orgs pay.
type stripeVisit struct {
	*testing.T
	site   *site
	stripe *stripetest.Server
	config config
}

func newStripeVisit(t *testing.T) *stripeVisit {
	t.Helper()
	full := stripetest.Start(t, stripetest.Options{Keys: []string{"rk_test_site"}})
	full.AddPrice(stripetest.Price{LookupKey: "listing", Currency: "usd", UnitAmount: 500})
	s := newSite(t, "HMCP_BILLING_MODE=stripe", "HMCP_STRIPE_KEY=rk_test_site", "HMCP_STRIPE_URL="+full.URL(), "HMCP_STRIPE_PRICE=listing")
	return &stripeVisit{t, s, full, config{
		BillingMode: billingStripe, StripeKey: secret.New("rk_test_site"), StripePrice: "listing", BaseURL: "https://mcp.example.com",
		StripeWebhookSecrets: []secret.Text{secret.New("whsec_1")}, DataDir: s.data,
		StripeURL: full.URL(), values: map[string]value{"HMCP_STRIPE_URL": {source: "environment"}},
	}}
}

func (v *stripeVisit) look(change ...func(*config)) []check {
	c := v.config
	for _, f := range change {
		f(&c)
	}
	return examineStripe(v.Context(), &doctor{process: &process{now: time.Now}, config: c})
}

// says looks at the line of that name.
func (v *stripeVisit) says(what, name string, state checkState, want string, change ...func(*config)) {
	v.Helper()
	for _, c := range v.look(change...) {
		if c.Name == name {
			if c.State != state || !strings.Contains(c.Text, want) || (state != stateOK) == (c.Do == "") {
				v.Errorf("%s: %+v", what, c)
			}
			return
		}
	}
	v.Errorf("%s: nothing about %s", what, name)
}

func TestDoctorLooksAtStripe(t *testing.T) {
	t.Parallel()
	v := newStripeVisit(t)
	without := stripetest.Start(t, stripetest.Options{})
	at := func(url string) func(*config) { return func(c *config) { c.StripeURL = url } }
	v.says("all is well", "stripe", stateOK, "in test mode: nobody is charged; a listing costs 5.00 USD a month")
	v.says("no endpoint", "webhook", stateWarn, "no webhook endpoint posts to https://mcp.example.com/webhooks/stripe")
	v.says("made by hand", "secret", stateWarn, "only an event proves the webhook secret: no event has come yet")
	v.says("no secret", "secret", stateFail, "HMCP_STRIPE_WEBHOOK_SECRET is not set", func(c *config) { c.StripeWebhookSecrets = nil })
	v.says("no price", "stripe", stateFail, "no active price", at(without.URL()))
	v.says("another key", "stripe", stateFail, "refuses the key", func(c *config) { c.StripeKey = secret.New("rk_test_other") })
	v.says("away", "stripe", stateFail, "could not be reached", at("http://127.0.0.1:1"))
	v.says("a server that never started", "secret", stateWarn, "only an event proves the webhook secret", func(c *config) { c.DataDir = t.TempDir() })
	if found := v.look(func(c *config) { c.BillingMode = billingOff }); len(found) != 0 {
		t.Errorf("billing is off: %+v", found)
	}
	for _, call := range v.stripe.Calls() {
		if call.Method == http.MethodPost {
			t.Errorf("doctor changes something: %s", call.Path)
		}
	}
}

// TestDoctorLooksAtTheEndpoint: its address, whether it is enabled, its version, its events and how many there are.
func TestDoctorLooksAtTheEndpoint(t *testing.T) {
	t.Parallel()
	v := newStripeVisit(t)
	const here = "https://mcp.example.com/webhooks/stripe"
	make := func(form string) string {
		return askStripe(t, v.stripe, http.MethodPost, "/v1/webhook_endpoints", form)
	}
	gone := func(id string) { askStripe(t, v.stripe, http.MethodDelete, "/v1/webhook_endpoints/"+id, "") }
	make("url=https://elsewhere.example.com/webhooks/stripe&enabled_events[]=*")
	v.says("elsewhere", "webhook", stateWarn, "no webhook endpoint posts to "+here)
	old, _ := v.stripe.AddEndpoint(stripetest.Endpoint{URL: here, Version: "2020-08-27"})
	v.says("an old version", "webhook", stateWarn, "the webhook endpoint "+old+" posts in API version 2020-08-27 instead of 2023-10-16")
	gone(old)
	few := make("url=" + here + "&api_version=2023-10-16&enabled_events[]=invoice.paid")
	v.says("few events", "webhook", stateWarn, "is not told of 17 of 18 kinds of event (charge.dispute.closed, ")
	askStripe(t, v.stripe, http.MethodPost, "/v1/webhook_endpoints/"+few, "disabled=true")
	v.says("disabled", "webhook", stateWarn, "the webhook endpoint "+few+" is disabled")
	if r := runCommand(t, v.site.environ, "billing", "setup"); r.code != exitOK {
		t.Fatalf("setup: %s%s", r.out, r.errOut)
	}
	v.says("set up beside a disabled one", "webhook", stateOK, "posts to this server all that it needs")
	v.says("another address", "webhook", stateWarn, "no webhook endpoint", func(c *config) { c.BaseURL = "https://other.example.com" })
	make("url=" + here + "&api_version=2023-10-16&enabled_events[]=*")
	v.says("twice", "webhook", stateWarn, "2 webhook endpoints post here")
}

// TestDoctorTellsWhatIsKnownOfTheSecret: Stripe never tells it again.
func TestDoctorTellsWhatIsKnownOfTheSecret(t *testing.T) {
	t.Parallel()
	v := newStripeVisit(t)
	r := runCommand(t, v.site.environ, "billing", "setup")
	made := secret.New(webhookSecretText.FindString(r.out))
	using := func(secrets ...secret.Text) func(*config) {
		return func(c *config) { c.StripeWebhookSecrets = secrets }
	}
	v.says("made by setup", "secret", stateOK, "it is the one that setup made for the endpoint we_", using(made))
	v.says("another one", "secret", stateWarn, "it is not the one that setup printed for the endpoint we_")
	v.says("the old one and another", "secret", stateOK, "it is the one that setup made", using(made, secret.New("whsec_new")))
	live := secret.New("whsec_live")
	if err := v.site.store.SaveStripeSetup(t.Context(), live, store.StripeSetup{Livemode: true, EndpointID: "we_live"}); err != nil {
		t.Fatal(err)
	}
	v.says("of live mode", "secret", stateFail, "the Stripe key is of test mode and the webhook secret is of an endpoint of live mode: the server does not start", using(live))

	now := time.Now()
	saw := func(of secret.Text, seen store.WebhookSecret) {
		if err := v.site.store.SawWebhookPosts(t.Context(), of, seen); err != nil {
			t.Fatal(err)
		}
	}
	bogus := v.config.StripeWebhookSecrets[0]
	saw(bogus, store.WebhookSecret{Refused: 3, RefusedAt: &now, Why: "forged"})
	v.says("refused", "secret", stateFail, "posts to the webhook that HMCP_STRIPE_WEBHOOK_SECRET did not sign were refused: 3, the last at "+now.UTC().Format(time.RFC3339)+"; none was ever verified")
	v.says("another secret since", "secret", stateOK, "it is the one that setup made", using(made))
	saw(made, store.WebhookSecret{VerifiedAt: &now})
	v.says("verified", "secret", stateOK, "only an event proves the webhook secret: an event was last verified at "+now.UTC().Format(time.RFC3339), using(made))
	v.says("verified by one of two", "secret", stateOK, "an event was last verified at", using(bogus, made))
	later := now.Add(2 * time.Minute)
	saw(made, store.WebhookSecret{Refused: 1, RefusedAt: &later, Why: "forged"})
	v.says("refused since", "secret", stateWarn, "were refused: 1", using(made))

	askStripe(t, v.stripe, http.MethodDelete, "/v1/webhook_endpoints/"+regexp.MustCompile(`we_\w+`).FindString(r.out), "")
	v.says("the endpoint is gone", "secret", stateFail, "which the Stripe account of this key does not have: the server does not start", using(made))
	v.says("one of two is gone", "secret", stateWarn, "were refused: 1", using(made, secret.New("whsec_new")))
}
