package e2e

import (
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"hostaway-mcp/billing/stripetest"
)

const (
	priceKey      = "hostaway_mcp_listing_v1"
	stripeKey     = "rk_test_e2e4f7c1b9d2a"
	webhookSecret = "whsec_e2e8a1c5f3d7b2"
)

// newStripe is a Stripe account in test mode with the price of a listing.
func newStripe(t *testing.T, o stripetest.Options) *stripetest.Server {
	t.Helper()
	stripe := stripetest.Start(t, o)
	stripe.AddPrice(stripetest.Price{LookupKey: priceKey, Currency: "usd", UnitAmount: 500})
	return stripe
}

// billingSettings turn billing on, at this Stripe.
func billingSettings(url string) []string {
	return []string{
		"HMCP_BILLING_MODE=stripe", "HMCP_STRIPE_KEY=" + stripeKey, "HMCP_STRIPE_WEBHOOK_SECRET=" + webhookSecret, "HMCP_STRIPE_URL=" + url,
	}
}

// with gives settings with one changed; an empty value takes it out.
func with(settings []string, name, value string) []string {
	var changed []string
	for _, one := range settings {
		if !strings.HasPrefix(one, name+"=") {
			changed = append(changed, one)
		}
	}
	if value == "" {
		return changed
	}
	return append(changed, name+"="+value)
}

// Each start that could bill nobody, or the wrong people, is refused with the words that say what to do, and exit code 78.
func TestStartsThatCouldBillNobodyAreRefused(t *testing.T) {
	t.Parallel()
	stripe := newStripe(t, stripetest.Options{Keys: []string{stripeKey}})
	priceless := stripetest.Start(t, stripetest.Options{})
	good := billingSettings(stripe.URL())
	for name, test := range map[string]struct {
		settings []string
		says     string
	}{
		"no key":                           {with(good, "HMCP_STRIPE_KEY", ""), "HMCP_STRIPE_KEY is not set: make a restricted key"},
		"no webhook secret":                {with(good, "HMCP_STRIPE_WEBHOOK_SECRET", ""), "HMCP_STRIPE_WEBHOOK_SECRET is not set: run `hostaway-mcp billing setup`"},
		"no key of Stripe's":               {with(good, "HMCP_STRIPE_KEY", "pk_test_public"), "HMCP_STRIPE_KEY"},
		"no secret of Stripe's":            {with(good, "HMCP_STRIPE_WEBHOOK_SECRET", "whsec_"), "HMCP_STRIPE_WEBHOOK_SECRET"},
		"a live key and another address":   {with(good, "HMCP_STRIPE_KEY", "rk_live_e2e"), "HMCP_STRIPE_URL is set together with a live key"},
		"a key that Stripe does not know":  {with(good, "HMCP_STRIPE_KEY", "rk_test_other"), "Stripe refuses the key"},
		"a price that is not there":        {with(good, "HMCP_STRIPE_PRICE", "another_price"), `no active price with the lookup key "another_price"`},
		"no price at all":                  {billingSettings(priceless.URL()), "run `hostaway-mcp billing setup --amount "},
		"a mode that there is none of":     {with(good, "HMCP_BILLING_MODE", "paypal"), "HMCP_BILLING_MODE"},
		"a grace of months":                {append(good, "HMCP_BILLING_GRACE=2000h"), "HMCP_BILLING_GRACE"},
		"a mail server without its sender": {append(good, "HMCP_SMTP_URL=smtp://127.0.0.1:25"), "HMCP_MAIL_FROM"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, upstream{url: "http://127.0.0.1:1/v1"}, test.settings...)
			code, _, errOut := finish(t, s.env, "serve")
			if code != 78 || !strings.Contains(errOut, test.says) {
				t.Errorf("exit code %d, want %q:\n%s", code, test.says, clip(errOut))
			}
			if strings.Contains(errOut, "e2e4f7c1b9d2a") || strings.Contains(errOut, "e2e8a1c5f3d7b2") {
				t.Error("a secret is shown")
			}
		})
	}
}

// A Stripe that does not answer stops nothing: the server serves, and says so to those who look after it.
func TestAStripeThatIsAwayDoesNotRefuseTheStart(t *testing.T) {
	t.Parallel()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address := "http://" + gone.Addr().String()
	must(t, gone.Close())
	s, _, key := furnished(t, newUpstream(t, nil), billingSettings(address)...)
	newAssistant(s.base, key).must(t, "hostaway_list_properties", `{}`)
	ready := newVisitor(t, s.base).get("/readyz")
	// What is said first depends on how often it was tried by then: that it can't be reached, or does not answer.
	if ready.status != http.StatusOK || !strings.Contains(ready.body, `{"name":"billing","state":"warn","reason":"Stripe `) {
		t.Errorf("/readyz: %d %s", ready.status, ready.body)
	}
	if s.stop() != 0 {
		t.Error("it does not end well")
	}
}

// Without billing nothing of it is there: no page, no address, and nobody ever speaks to Stripe.
func TestWithoutBillingNothingOfItIsThere(t *testing.T) {
	t.Parallel()
	var knocks atomic.Int64
	door, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = door.Close() })
	go func() {
		for {
			c, err := door.Accept()
			if err != nil {
				return
			}
			knocks.Add(1)
			_ = c.Close()
		}
	}()
	settings := with(billingSettings("http://"+door.Addr().String()), "HMCP_BILLING_MODE", "off")
	s, v, key := furnished(t, newUpstream(t, nil), settings...)
	newAssistant(s.base, key).must(t, "hostaway_list_properties", `{}`)
	for _, path := range []string{"/billing", "/billing/invoices", "/operator/billing", "/webhooks/stripe"} {
		if p := v.get(path); p.status != http.StatusNotFound {
			t.Errorf("GET %s: %d", path, p.status)
		}
	}
	for _, path := range []string{"/webhooks/stripe", "/api/billing/sync"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.base+path, strings.NewReader(`{}`))
		must(t, err)
		r.Header.Set("Origin", s.base)
		r.Header.Set("Content-Type", "application/json")
		if p := v.do(r); p.status != http.StatusNotFound {
			t.Errorf("POST %s: %d %s", path, p.status, p.body)
		}
	}
	if p := v.get("/"); strings.Contains(strings.ToLower(p.body), "billing") || strings.Contains(p.body, "Stripe") {
		t.Error("the overview speaks of billing")
	}
	if p := v.get("/readyz"); strings.Contains(p.body, "billing") {
		t.Errorf("/readyz speaks of billing: %s", p.body)
	}
	if s.stop() != 0 || knocks.Load() != 0 {
		t.Errorf("%d connections to Stripe", knocks.Load())
	}
}
