package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// billedSite is a data folder of a server with billing, and its Stripe account with a price.
func billedSite(t *testing.T, settings ...string) (*site, *stripetest.Server) {
	t.Helper()
	stripe := stripetest.Start(t, stripetest.Options{Ticks: true})
	stripe.AddPrice(stripetest.Price{LookupKey: "hostaway_mcp_listing_v1", Currency: "usd", UnitAmount: 500})
	s := newSite(t, append([]string{
		"HMCP_BILLING_MODE=stripe", "HMCP_STRIPE_KEY=rk_test_site", "HMCP_STRIPE_WEBHOOK_SECRET=whsec_site", "HMCP_STRIPE_URL=" + stripe.URL(),
	}, settings...)...)
	return s, stripe
}

func TestBillingCheckTellsWhatIsBroken(t *testing.T) {
	t.Parallel()
	s, _ := billedSite(t)
	r := runCommand(t, s.environ, "billing", "check")
	if r.code != exitOK || strings.Count(r.out, "ok ") != 8 || !strings.Contains(r.out, "I4") {
		t.Fatalf("nobody is billed: code %d\n%s%s", r.code, r.out, r.errOut)
	}
	// Somebody has access by a subscription that Stripe knows nothing of.
	storetest.Connect(t, s.acme.Org, 81001, "acme's secret")
	a := store.BillingAccount{
		CustomerID: "cus_gone", SubscriptionID: "sub_gone", Status: "active", Currency: "usd", UnitAmount: 500,
		Access: store.AccessActive, AccessReason: store.ReasonSubscribed,
	}
	if _, err := s.acme.Org.SaveBilling(t.Context(), systemActor(), a); err != nil {
		t.Fatal(err)
	}
	r = runCommand(t, s.environ, "billing", "check")
	if r.code != exitFailed || !strings.Contains(r.errOut, "broken invariants: ") {
		t.Fatalf("code %d\n%s%s", r.code, r.out, r.errOut)
	}
	s.says(r.out, `fail\s+I[23]\s+does not hold: .*Acme \(org_\w+\): `)
	s.says(r.out, `→ \S`)
	s.says(r.out, `ok\s+I4`)
	r = runCommand(t, s.environ, "billing", "check", "--json")
	var told struct {
		OK     bool
		Checks []struct{ Name, State string }
	}
	if err := json.Unmarshal([]byte(r.out), &told); err != nil || told.OK || len(told.Checks) < 8 || r.code != exitFailed {
		t.Errorf("code %d, %+v, %v", r.code, told, err)
	}
}

func TestBillingCheckNeedsBillingAndStripe(t *testing.T) {
	t.Parallel()
	s, stripe := billedSite(t)
	with := func(more ...string) []string { return append(append([]string{}, s.environ...), more...) }
	unsigned := slices.DeleteFunc(with(), func(one string) bool { return strings.HasPrefix(one, "HMCP_STRIPE_WEBHOOK_SECRET=") })
	for name, test := range map[string]struct {
		environ []string
		code    int
		says    string
	}{
		"billing is off":    {newSite(t).environ, exitMisused, "HMCP_BILLING_MODE is off"},
		"Stripe is away":    {with("HMCP_STRIPE_URL=http://127.0.0.1:1"), exitFailed, "run it again when Stripe answers"},
		"a live key":        {with("HMCP_STRIPE_KEY=rk_live_x", "HMCP_STRIPE_URL="+stripe.URL()), exitMisused, "live key"},
		"no webhook secret": {unsigned, exitMisused, "HMCP_STRIPE_WEBHOOK_SECRET is not set"},
		"no data folder":    {with("HMCP_DATA_DIR=" + t.TempDir()), exitFailed, "there is no database"},
	} {
		r := runCommand(t, test.environ, "billing", "check")
		if r.code != test.code || r.out != "" || !strings.Contains(r.errOut, test.says) {
			t.Errorf("%s: code %d\n%s%s", name, r.code, r.out, r.errOut)
		}
	}
}
