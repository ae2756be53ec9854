package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// billedSite is a data folder of a server with billing, and its Stripe account with a price. The clock of Stripe is four hours
// behind, so that a test can let some pass: a check looks at nothing of the last hour.
func billedSite(t *testing.T, settings ...string) (*site, *stripetest.Server) {
	t.Helper()
	stripe := stripetest.Start(t, stripetest.Options{Ticks: true, Now: time.Now().Add(-4 * time.Hour)})
	s := newSite(t, append([]string{
		"HMCP_BILLING_MODE=stripe", "HMCP_STRIPE_KEY=rk_test_site", "HMCP_STRIPE_WEBHOOK_SECRET=whsec_site", "HMCP_STRIPE_URL=" + stripe.URL(),
	}, settings...)...)
	s.price = stripe.AddPrice(stripetest.Price{LookupKey: "hostaway_mcp_listing_v1", Currency: "usd", UnitAmount: 500})
	return s, stripe
}

// checks runs billing check, and tells its exit code and its lines by the names of the invariants.
func (s *site) checks() (code int, lines map[string]string, r result) {
	s.t.Helper()
	r = runCommand(s.t, s.environ, "billing", "check")
	lines = map[string]string{}
	name := ""
	for line := range strings.Lines(r.out) {
		if found := regexp.MustCompile(`^(ok|fail) +(I[1-8]) `).FindStringSubmatch(line); found != nil {
			name = found[2]
		}
		lines[name] += line
	}
	return r.code, lines, r
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

// TestBillingCheckAndItsRemedies: what a person finds broken they put right by doing what stands at the line, and the same
// command then says that all is well.
func TestBillingCheckAndItsRemedies(t *testing.T) {
	t.Parallel()
	for name, scene := range map[string]struct {
		breaks           func(t *testing.T, s *site, stripe *stripetest.Server, customer string)
		invariant        string
		says, remedy     string // of the finding, and of what stands below it
		heals            func(t *testing.T, s *site, stripe *stripetest.Server, id string)
		idIn             *regexp.Regexp // what the remedy is about, in the finding
		brokenInvariants int
	}{
		"a second subscription": {
			breaks: func(t *testing.T, s *site, stripe *stripetest.Server, customer string) {
				stripe.Advance(time.Minute)
				if _, err := stripe.SubscribeByHand(customer, s.price, 3); err != nil {
					t.Fatal(err)
				}
			},
			invariant: "I8", says: `Acme \(org_\w+\): there are 2 live subscriptions; sub_\d+ is kept, sub_\d+ is too many`, remedy: `ancel`,
			heals: func(t *testing.T, _ *site, stripe *stripetest.Server, id string) {
				if err := stripe.CancelByHand(id, false); err != nil {
					t.Fatal(err)
				}
			},
			idIn: regexp.MustCompile(`(sub_\d+) is too many`), brokenInvariants: 1,
		},
		"a customer of an org that is gone": {
			breaks: func(t *testing.T, _ *site, stripe *stripetest.Server, _ string) {
				askStripe(t, stripe, "POST", "/v1/customers", "name=Gone&metadata[org_id]=org_gone")
				stripe.Advance(2 * time.Hour)
			},
			invariant: "I8", says: `cus_\d+: the customer was made for org org_gone`, remedy: `org_left`,
			heals: func(t *testing.T, _ *site, stripe *stripetest.Server, id string) {
				askStripe(t, stripe, "POST", "/v1/customers/"+id, "metadata[org_left]=true")
			},
			idIn: regexp.MustCompile(`(cus_\d+): the customer was made`), brokenInvariants: 1,
		},
		"a state that Stripe does not have": {
			breaks: func(t *testing.T, s *site, _ *stripetest.Server, _ string) {
				a, err := s.acme.Org.Billing(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				a.Status, a.CancelAt = "past_due", nil
				if _, err := s.acme.Org.SaveBilling(t.Context(), systemActor(), a); err != nil {
					t.Fatal(err)
				}
			},
			invariant: "I3", says: `Acme \(org_\w+\): the subscription is active at Stripe and past_due here`, remedy: `read again by itself within the hour`,
			heals: func(_ *testing.T, s *site, stripe *stripetest.Server, _ string) { s.mirror(stripe) },
			idIn:  regexp.MustCompile(`Acme \((org_\w+)\)`), brokenInvariants: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, stripe := billedSite(t)
			s.t = t
			customer, _ := s.subscribe(stripe)
			s.checksGreen("before")
			scene.breaks(t, s, stripe, customer)
			code, lines, r := s.checks()
			finding, remedy, _ := strings.Cut(lines[scene.invariant], "→")
			if code != exitFailed || !strings.HasPrefix(finding, "fail") || !strings.Contains(remedy, scene.remedy) ||
				!strings.Contains(r.errOut, fmt.Sprintf("broken invariants: %d of 8", scene.brokenInvariants)) {
				t.Fatalf("code %d\n%s%s", code, r.out, r.errOut)
			}
			s.says(finding, scene.says)
			id := scene.idIn.FindStringSubmatch(finding)
			if id == nil {
				t.Fatalf("the finding does not name what it is about: %s", finding)
			}
			scene.heals(t, s, stripe, id[1])
			s.checksGreen("healed")
		})
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

var webhookSecretText = regexp.MustCompile(`whsec_\w+`)

func TestBillingSetupSaysWhatItDid(t *testing.T) {
	t.Parallel()
	stripe := stripetest.Start(t, stripetest.Options{Ticks: true})
	s := newSite(t, "HMCP_BILLING_MODE=stripe", "HMCP_STRIPE_KEY=rk_test_site", "HMCP_STRIPE_URL="+stripe.URL())
	r := runCommand(t, s.environ, "billing", "setup")
	if r.code != exitMisused || !strings.Contains(r.errOut, "say what a listing costs a month") {
		t.Errorf("without a price: code %d\n%s%s", r.code, r.out, r.errOut)
	}
	r = runCommand(t, s.environ, "billing", "setup", "--amount", "5.00")
	if r.code != exitOK {
		t.Fatalf("code %d\n%s%s", r.code, r.out, r.errOut)
	}
	for _, want := range []string{
		`A listing is to cost 5\.00 USD a month`, `price price_\w+ made: 5\.00 USD per active listing`, `portal configuration \S+ made`,
		`webhook endpoint we_\w+ made: https://mcp\.example\.com/webhooks/stripe, API version 2023-10-16`, `whsec_\w+`, `test mode: nobody is charged`,
	} {
		s.says(r.out, want)
	}
	signing := webhookSecretText.FindString(r.out)
	// A second run makes nothing, and the secret does not come again.
	calls := len(stripe.Calls())
	r = runCommand(t, s.environ, "billing", "setup", "--amount", "5", "--currency", "USD")
	if r.code != exitOK || strings.Contains(r.out, "whsec_") || strings.Contains(r.out, " made") || !strings.Contains(r.out, "All of it was there already") {
		t.Errorf("again: code %d\n%s%s", r.code, r.out, r.errOut)
	}
	for _, c := range stripe.Calls()[calls:] {
		if c.Method == "POST" && !strings.Contains(c.Path, "billing_portal/configurations") {
			t.Errorf("the second run writes: %s %s", c.Method, c.Path)
		}
	}
	r = runCommand(t, s.environ, "billing", "setup", "--amount", "6.00")
	if r.code != exitMisused || !strings.Contains(r.errOut, "is 5.00 USD and can't be changed") {
		t.Errorf("another amount: code %d\n%s%s", r.code, r.out, r.errOut)
	}
	r = runCommand(t, append(slices.Clone(s.environ), "HMCP_STRIPE_PRICE=another_v2"), "billing", "setup", "--amount", "6.00")
	if r.code != exitOK || strings.Contains(r.out, "All of it was there") || !strings.Contains(r.out, "The rest was there already") {
		t.Errorf("a further price: code %d\n%s%s", r.code, r.out, r.errOut)
	}
	s.says(r.out, `price price_\w+ made: 6\.00 USD`)
	// The secret is of test mode: a live key beside it is refused before anybody asks Stripe.
	live := slices.DeleteFunc(slices.Clone(s.environ), func(one string) bool {
		return strings.HasPrefix(one, "HMCP_STRIPE_URL=") || strings.HasPrefix(one, "HMCP_STRIPE_KEY=")
	})
	live = append(live, "HMCP_STRIPE_KEY=rk_live_site", "HMCP_STRIPE_WEBHOOK_SECRET="+signing, "HMCP_LISTEN=127.0.0.1:0")
	r = runCommand(t, live, "serve")
	if r.code != exitMisused || !strings.Contains(r.errOut, "the Stripe key is of live mode and the webhook secret is of an endpoint of test mode") {
		t.Errorf("two modes: code %d\n%s", r.code, r.errOut)
	}
}

// TestARefusedKeySaysSo: each command says first that the key is refused, and what to do about it.
func TestARefusedKeySaysSo(t *testing.T) {
	t.Parallel()
	stripe := stripetest.Start(t, stripetest.Options{Keys: []string{"rk_test_other"}})
	s := newSite(t, "HMCP_BILLING_MODE=stripe", "HMCP_STRIPE_KEY=rk_test_site", "HMCP_STRIPE_WEBHOOK_SECRET=whsec_site", "HMCP_STRIPE_URL="+stripe.URL(), "HMCP_LISTEN=127.0.0.1:0")
	for line, begins := range map[string]string{
		"serve":                      "billing can't start: ",
		"billing check":              "the invariants can't be checked: ",
		"billing setup --amount 5":   "setting Stripe up stopped: ",
		"delete-org acme --yes Acme": "Stripe could not be told that Acme leaves (",
	} {
		if strings.HasPrefix(line, "delete-org") {
			_, err := s.acme.Org.SaveBilling(t.Context(), systemActor(), store.BillingAccount{CustomerID: "cus_1", Access: store.AccessNone, AccessReason: store.ReasonTrialEnded})
			if err != nil {
				t.Fatal(err)
			}
		}
		environ := s.environ
		if line == "serve" { // the folder of the site is in use
			environ = append(slices.Clone(environ), "HMCP_DATA_DIR="+t.TempDir())
		}
		r := runCommand(t, environ, strings.Fields(line)...)
		code := exitMisused
		if strings.HasPrefix(line, "delete-org") {
			code = exitFailed
		}
		last := r.errOut[strings.LastIndex(strings.TrimRight(r.errOut, "\n"), "\n")+1:]
		if r.code != code || !strings.HasPrefix(last, "hostaway-mcp: "+begins+"Stripe refuses the key (HMCP_STRIPE_KEY): it is wrong, was revoked or has run out") ||
			!strings.Contains(last, ": make a new restricted key in Stripe's dashboard under Developers, API keys, with the rights that docs/billing.md lists, and set HMCP_STRIPE_KEY to it") {
			t.Errorf("%s: code %d\n%s%s", line, r.code, r.out, r.errOut)
		}
	}
}

func TestBillingSetupRefusesWhatItCantRead(t *testing.T) {
	t.Parallel()
	s, _ := billedSite(t)
	for _, test := range []struct{ line, want string }{
		{"--amount 5,00", "is not an amount"},
		{"--amount 5.005", "more digits behind the point"},
		{"--amount 5 --currency dollars", "is not a currency"},
		{"--amount 5 --currency zzz", `--currency "zzz" is not a currency that Stripe charges in: give its three letters, like usd or eur` + "\n"},
		{"--currency zzz", "is not a currency that Stripe charges in"},
		{"--currency EUR", "--currency is given without --amount"},
		{"--webhook-url ftp://x", "is not the address of a server"},
		{"--webhook-url https://mcp.example.com/webhooks/stripe", "without a path"},
		{"--amont 5", "flag provided but not defined"},
	} {
		r := runCommand(t, s.environ, append([]string{"billing", "setup"}, strings.Fields(test.line)...)...)
		if r.code != exitMisused || !strings.Contains(r.errOut, test.want) || strings.Contains(r.out, "made") {
			t.Errorf("%s: code %d\n%s%s", test.line, r.code, r.out, r.errOut)
		}
	}
	for line, want := range map[string]string{"billing": "one of setup, check follows", "billing chek": "did you mean `hostaway-mcp billing check`?", "biling setup": "did you mean `hostaway-mcp billing setup`?"} {
		if r := runCommand(t, s.environ, strings.Fields(line)...); r.code != exitMisused || !strings.Contains(r.errOut, want) {
			t.Errorf("%s: %s", line, r.errOut)
		}
	}
}
