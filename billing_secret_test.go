package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/secret"
)

// TestALostWebhookSecretHasAWayOut: the endpoint was disabled and another one made, whose only printout is lost, and then the
// first one was deleted. What each command says to do ends with a server that starts.
func TestALostWebhookSecretHasAWayOut(t *testing.T) {
	t.Parallel()
	v := newStripeVisit(t)
	setup := func(with secret.Text, more ...string) result {
		environ := append([]string{"HMCP_STRIPE_WEBHOOK_SECRET=" + with.Reveal()}, v.site.environ...)
		return runCommand(t, environ, append([]string{"billing", "setup"}, more...)...)
	}
	made := func(r result) (id string, printed secret.Text) {
		t.Helper()
		id = regexp.MustCompile(`webhook endpoint (we_\w+) made`).FindStringSubmatch(r.out + "webhook endpoint we_none made")[1]
		printed = secret.New(webhookSecretText.FindString(r.out))
		if r.code != exitOK || printed.IsZero() || id == "we_none" {
			t.Fatalf("code %d\n%s%s", r.code, r.out, r.errOut)
		}
		return id, printed
	}
	using := func(s secret.Text) func(*config) {
		return func(c *config) { c.StripeWebhookSecrets = []secret.Text{s} }
	}
	a, secretA := made(runCommand(t, v.site.environ, "billing", "setup"))
	askStripe(t, v.stripe, http.MethodPost, "/v1/webhook_endpoints/"+a, "disabled=true")
	b, secretB := made(setup(secretA))
	v.says("another one is in use", "secret", stateFail, "the secret in force is that of the webhook endpoint "+a+" (disabled), and events come from "+b+", whose secret is needed", using(secretA))
	v.says("that one's", "secret", stateOK, "it is the one that setup made for the endpoint "+b, using(secretB))

	for _, when := range []string{"disabled", "deleted"} {
		if when == "deleted" {
			askStripe(t, v.stripe, http.MethodDelete, "/v1/webhook_endpoints/"+a, "")
		}
		r := setup(secretA)
		if r.code != exitFailed || !strings.Contains(r.errOut, "the secret of another webhook endpoint ("+a+"), and events come from "+b) || !strings.Contains(r.errOut, "billing setup --new-endpoint") {
			t.Errorf("%s: code %d\n%s%s", when, r.code, r.out, r.errOut)
		}
	}
	v.says("it is gone", "secret", stateFail, "which the Stripe account of this key does not have: the server does not start", using(secretA))
	for _, c := range v.look(using(secretA)) { // which is what serve says too
		if c.Name == "secret" && !strings.Contains(c.Do, "billing setup --new-endpoint") {
			t.Errorf("no way out: %s", c.Do)
		}
	}
	r := setup(secretA, "--new-endpoint")
	c, secretC := made(r)
	if c == b || !strings.Contains(r.out, "Then disable "+b+" in Stripe's dashboard") || !strings.Contains(r.out, "Set HMCP_STRIPE_WEBHOOK_SECRET to it") {
		t.Errorf("in place of %s:\n%s", b, r.out)
	}
	askStripe(t, v.stripe, http.MethodPost, "/v1/webhook_endpoints/"+b, "disabled=true")
	v.says("the way out", "secret", stateOK, "it is the one that setup made for the endpoint "+c, using(secretC))
	v.says("the way out", "webhook", stateOK, "the endpoint "+c, using(secretC))
	r = setup(secretC, "--new-endpoint")
	if d, _ := made(r); d == c || !strings.Contains(r.out, "behind the one that is there and a comma") || !strings.Contains(r.out, "Then disable "+c) {
		t.Errorf("beside one that works:\n%s", r.out)
	}
}

// TestSetupBewaresOfASecretThatNobodySet: whoever runs it again for the secret is told the way to one.
func TestSetupBewaresOfASecretThatNobodySet(t *testing.T) {
	t.Parallel()
	stripe := stripetest.Start(t, stripetest.Options{})
	s := newSite(t, "HMCP_BILLING_MODE=stripe", "HMCP_STRIPE_KEY=rk_test_site", "HMCP_STRIPE_URL="+stripe.URL())
	first := runCommand(t, s.environ, "billing", "setup", "--amount", "5")
	again := runCommand(t, s.environ, "billing", "setup")
	if first.code != exitOK || again.code != exitOK || strings.Contains(first.out, "Beware") {
		t.Errorf("codes %d, %d\n%s%s%s", first.code, again.code, first.out, again.out, again.errOut)
	}
	s.says(again.out, `Beware: the secret of the webhook endpoint we_\w+ was printed once and is not told again.*billing setup --new-endpoint`)
}

// TestSetupBeforeTheFirstStart: no step's advice leads back to one before it.
func TestSetupBeforeTheFirstStart(t *testing.T) {
	t.Parallel()
	stripe := stripetest.Start(t, stripetest.Options{})
	data := filepath.Join(t.TempDir(), "new")
	environ := func(more ...string) []string {
		return append([]string{
			"HMCP_DATA_DIR=" + data, "HMCP_BASE_URL=https://mcp.example.com", "HMCP_LOG_LEVEL=error", "HMCP_LISTEN=127.0.0.1:0", "HMCP_BILLING_MODE=stripe",
			"HMCP_STRIPE_KEY=rk_test_site", "HMCP_STRIPE_URL=" + stripe.URL(),
		}, more...)
	}
	if r := runCommand(t, environ(), "serve"); r.code != exitMisused || !strings.Contains(r.errOut, "run `hostaway-mcp billing setup`") {
		t.Errorf("a start without a secret: code %d\n%s", r.code, r.errOut)
	}
	replicated := runCommand(t, environ("HMCP_REPLICA_URL=file://"+t.TempDir()), "billing", "setup", "--amount", "5")
	if _, err := os.Stat(data); replicated.code != exitFailed || !strings.Contains(replicated.errOut, "`HMCP_BILLING_MODE=off hostaway-mcp serve`") || err == nil {
		t.Errorf("with a replica: code %d, %v\n%s%s", replicated.code, err, replicated.out, replicated.errOut)
	}
	first := runCommand(t, environ(), "billing", "setup", "--amount", "5")
	printed := webhookSecretText.FindString(first.out)
	if first.code != exitOK || printed == "" || !strings.Contains(first.out, "There was nothing in "+data+" yet") {
		t.Fatalf("code %d\n%s%s", first.code, first.out, first.errOut)
	}
	r := startCommand(t, environ("HMCP_STRIPE_WEBHOOK_SECRET="+printed), "serve")
	r.waitFor(r.out, `(/setup\?link=\S+)`)
	if code := r.stop(); code != exitOK {
		t.Errorf("the first start: code %d\n%s", code, r.errOut)
	}
	other := t.TempDir()
	writeFile(t, filepath.Join(other, "something"), "else")
	if r := runCommand(t, environ("HMCP_DATA_DIR="+other), "billing", "setup"); r.code != exitFailed || !strings.Contains(r.errOut, "start it once with `HMCP_BILLING_MODE=off hostaway-mcp serve`") {
		t.Errorf("a folder of something else: code %d\n%s%s", r.code, r.out, r.errOut)
	}
}
