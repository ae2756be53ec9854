package e2e

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"hostaway-mcp/billing/stripetest"
)

// suspendedWithin is how soon tools stop after Stripe has told of a failed payment.
const suspendedWithin = 5 * time.Second

// payment is a Stripe whose clock stands a month behind the machine's, so that the first renewal falls due, and fails, in the
// last hour of ours.
type payment struct {
	*stripetest.Server
	url string
}

func newPayment(t *testing.T) *payment {
	t.Helper()
	s := newStripe(t, stripetest.Options{Keys: []string{stripeKey}, Now: time.Now().Add(-31*24*time.Hour - 2*time.Hour), Ticks: true, DeliverAtOnce: true})
	openPortal(t, s.URL())
	target, err := url.Parse(s.URL())
	must(t, err)
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		forgetExpiry(r.Out)
	}})
	t.Cleanup(proxy.Close)
	return &payment{s, proxy.URL}
}

// openPortal sets the customer portal up, as `billing setup` does.
func openPortal(t *testing.T, stripe string) {
	t.Helper()
	form := url.Values{
		"features[invoice_history][enabled]": {"true"}, "features[payment_method_update][enabled]": {"true"}, "features[subscription_cancel][enabled]": {"true"},
		"features[subscription_cancel][mode]": {"at_period_end"}, "metadata[made_by]": {"hostaway-mcp"},
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, stripe+"/v1/billing_portal/configurations", strings.NewReader(form.Encode()))
	must(t, err)
	r.Header.Set("Authorization", "Bearer "+stripeKey)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Stripe-Version", stripetest.APIVersion)
	r.Header.Set("Idempotency-Key", "portal")
	w, err := http.DefaultClient.Do(r)
	must(t, err)
	defer func() { _ = w.Body.Close() }()
	if w.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(w.Body)
		t.Fatalf("set the portal up: %s %s", w.Status, body)
	}
}

// forgetExpiry leaves out until when a Checkout page is good: the program says it by its own clock. Stripe then takes a day.
func forgetExpiry(r *http.Request) {
	if r.Method != http.MethodPost || r.URL.Path != "/v1/checkout/sessions" {
		return
	}
	raw, err := io.ReadAll(r.Body)
	form, parsed := url.ParseQuery(string(raw))
	if err == nil && parsed == nil {
		form.Del("expires_at")
		raw = []byte(form.Encode())
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
	r.Header.Set("Content-Length", strconv.Itoa(len(raw)))
}

// settings turn billing on with this Stripe.
func (p *payment) settings() []string {
	return append(billingSettings(p.url), "HMCP_SIGNUP=open")
}

// paying is a person in a browser, who runs an org that pays.
type paying struct {
	t      *testing.T
	ctx    context.Context
	s      *server
	stripe *payment
}

func (p *paying) steps(what string, actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	steps(p.ctx, p.t, what, actions...)
}

func (p *paying) open(path string) {
	p.t.Helper()
	p.steps("open "+path, chromedp.Navigate(p.s.base+path), chromedp.WaitReady(chromedp.CSS("main")))
}

// await asks until the expression is true; that a page goes away in between is no fault.
func (p *paying) await(what, js string) {
	p.t.Helper()
	var value bool
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if value, err = chromedp.Run(p.ctx, chromedp.Evaluate[bool](`!!(`+js+`)`)); err == nil && value {
			return
		}
	}
	body, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText`))
	p.t.Fatalf("wait until %s: %v\n%s", what, err, clip(body))
}

// picture keeps a screenshot where HMCP_SCREENSHOTS says.
func (p *paying) picture(name string) {
	p.t.Helper()
	folder := os.Getenv("HMCP_SCREENSHOTS")
	if folder == "" {
		return
	}
	p.await("the parts of the page are there", `!document.querySelector("[data-lazy]")`)
	raw, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	must(p.t, err)
	must(p.t, os.MkdirAll(folder, 0o755))
	must(p.t, os.WriteFile(filepath.Join(folder, "journey-"+name+".png"), raw, 0o644))
}

// click presses what stands on the page now.
func (p *paying) click(selector string) {
	p.t.Helper()
	p.steps("click "+selector, chromedp.WaitVisible(chromedp.CSS(selector)), chromedp.Click(chromedp.CSS(selector)))
}

// press is click on a page of Stripe's that comes back, and waits for it.
func (p *paying) press(selector string) {
	p.t.Helper()
	p.steps("wait for "+selector, chromedp.WaitVisible(chromedp.CSS(selector)), chromedp.Evaluate[chromedp.Void](`window.same = true; undefined`))
	p.click(selector)
	p.await("the page is back", `!window.same && document.readyState === "complete"`)
}

// plan waits until the billing page says this of the plan.
func (p *paying) plan(chip string) {
	p.t.Helper()
	p.await("the plan is "+chip, `document.querySelector(".plan .chip")?.textContent.startsWith("`+chip+`")`)
}

func (p *paying) signUp(path string, me person) {
	p.t.Helper()
	p.steps("sign up "+me.org,
		chromedp.Navigate(path),
		chromedp.SendKeys(chromedp.CSS(`input[name=org]`), me.org),
		chromedp.SendKeys(chromedp.CSS(`input[name=person]`), me.name),
		chromedp.SendKeys(chromedp.CSS(`input[name=email]`), me.email),
		chromedp.SendKeys(chromedp.CSS(`input[name=password]`), me.password),
		chromedp.Click(chromedp.CSS(`form button.primary`)),
		chromedp.WaitVisible(chromedp.CSS(`a[href="/connection"]`)),
	)
}

func (p *paying) connect() {
	p.t.Helper()
	p.open("/connection")
	p.steps("connect",
		chromedp.SendKeys(chromedp.ID("account"), strconv.Itoa(firstAccount)),
		chromedp.SendKeys(chromedp.ID("secret"), firstSecret),
		chromedp.Click(chromedp.CSS(`form[action="/connection"] button.primary`)),
		chromedp.WaitVisible(chromedp.CSS(`span.state`)),
	)
}

// key makes a key and gives the assistant that has it.
func (p *paying) key() *assistant {
	p.t.Helper()
	p.open("/keys/new")
	p.steps("create a key",
		chromedp.SendKeys(chromedp.ID("key-name"), "Laptop"),
		chromedp.Click(chromedp.CSS(`form[action="/keys"] button.primary`)),
		chromedp.WaitReady(chromedp.CSS("#key")),
	)
	key, err := chromedp.Run(p.ctx, chromedp.Text(chromedp.CSS("#key")))
	must(p.t, err)
	return newAssistant(p.s.base, strings.TrimSpace(key))
}

// refused wants the tool to answer with the reason and the way to billing.
func (p *paying) refused(a *assistant, why string) {
	p.t.Helper()
	answer, err := a.call(p.t.Context(), "hostaway_list_properties", `{"limit":1}`)
	if err != nil || !answer.Result.IsError || len(answer.Result.Content) == 0 || !strings.Contains(answer.Result.Content[0].Text, why) || !strings.Contains(answer.Result.Content[0].Text, p.s.base+"/billing") {
		p.t.Fatalf("a call without access: %v %s", err, answer.body)
	}
}

// TestAnOwnerPays walks the whole way of the money: a trial, a second org that has none, Checkout, a card that fails, the
// suspension and its end, the end of the subscription, and a new one. The assistant's side is looked at at each turn, and the
// operator's at the end.
func TestAnOwnerPays(t *testing.T) {
	t.Parallel()
	ctx := tabFor(t, 4*patience)
	stripe := newPayment(t)
	s := newServer(t, newUpstream(t, nil), stripe.settings()...).run(t)
	stripe.AddEndpoint(stripetest.Endpoint{URL: s.base + "/webhooks/stripe", Secret: webhookSecret})
	p := &paying{t, ctx, s, stripe}
	p.tries()
	assistant := p.subscribes()
	p.suspended(assistant)
	p.takesData()
	p.restored(assistant)
	p.ends(assistant)
	p.again(assistant)
	p.overseen()
}

// tries is the trial: the sum at connecting, and tools that answer. Then the account goes to another org.
func (p *paying) tries() {
	p.t.Helper()
	p.signUp(p.s.setUpLink(), owner())
	p.connect()
	p.await("the sum is shown at connecting", `/\d+ active listings × \$5\.00 = \$\d+\.00 a month\s+14 days free, no card/.test(document.querySelector("main").innerText)`)
	p.picture("1-connected")
	p.key().must(p.t, "hostaway_list_properties", `{"limit":1}`)
	p.open("/billing")
	p.plan("Trial, 14 days left")
	p.picture("2-trial")
	p.open("/connection/disconnect")
	p.steps("disconnect",
		chromedp.SendKeys(chromedp.ID("confirm"), strconv.Itoa(firstAccount)),
		chromedp.Click(chromedp.CSS(`form[action="/connection/disconnect"] button.danger-fill`)),
		chromedp.WaitVisible(chromedp.ID("account")),
	)
	p.click(`form[action="/logout"] button`)
	p.steps("signed out", chromedp.WaitVisible(chromedp.CSS(`input[name=password]`)))
}

// subscribes is a second org with the same Hostaway account: no second trial, but Checkout, with a card that is declined first.
func (p *paying) subscribes() *assistant {
	p.t.Helper()
	p.signUp(p.s.base+"/signup", other())
	p.connect()
	assistant := p.key()
	p.refused(assistant, "had its free trial before")
	p.open("/billing")
	p.plan("Not subscribed")
	p.picture("3-not-subscribed")
	p.click(`form[action="/billing/checkout"] button`)
	p.press("#decline")
	p.picture("4-checkout")
	p.click("#pay")
	p.plan("Active")
	p.await("the note", `location.search === "" && document.body.innerText.includes("Subscribed. Thank you")`)
	p.await("the invoice is there", `document.querySelector("#invoices .chip.good")?.textContent === "Paid"`)
	p.picture("5-active")
	p.click(`a[href="/billing/listings"]`)
	p.await("the very listings are shown, by name", `document.querySelectorAll("#dialog tbody tr").length === Number(document.querySelector(".plan .sum").innerText.split(" ")[0]) && document.querySelector("#dialog tbody").innerText.includes("`+firstMarker+`")`)
	p.click("#dialog [data-close]")
	assistant.must(p.t, "hostaway_list_properties", `{"limit":1}`)
	return assistant
}

// suspended is a card that fails at the renewal.
func (p *paying) suspended(a *assistant) {
	p.t.Helper()
	p.click(`form[action="/billing/portal"] button`)
	p.press("#declined")
	p.click("#back")
	p.plan("Active")
	p.stripe.AdvanceTo(time.Now())
	told := time.Now()
	for {
		answer, err := a.call(p.t.Context(), "hostaway_list_properties", `{"limit":1}`)
		must(p.t, err)
		if answer.Result.IsError {
			break
		}
		if time.Since(told) > suspendedWithin {
			p.t.Fatalf("tools still answer %s after the payment failed: %+v", time.Since(told), p.stripe.Subscriptions(p.customer()))
		}
	}
	p.t.Logf("tools stopped %s after the payment failed", time.Since(told).Round(time.Millisecond))
	p.refused(a, "A payment for this organization failed")
	p.open("/keys")
	p.await("every page says so", `document.querySelector(".banner").innerText.includes("A payment is overdue")`)
	p.open("/billing")
	p.plan("Suspended")
	p.picture("6-suspended")
}

func (p *paying) customer() string {
	p.t.Helper()
	all := p.stripe.Customers()
	if len(all) != 1 {
		p.t.Fatalf("there are %d customers at Stripe", len(all))
	}
	return all[0].ID
}

// restored is the payment of what is open, on Stripe's own page.
func (p *paying) restored(a *assistant) {
	p.t.Helper()
	p.open("/billing")
	p.click(`.plan a[href$="/page"]`)
	p.press("#pay")
	p.open("/billing")
	p.await("it is restored", `document.querySelector(".plan .chip")?.textContent === "Active" || (location.reload(), false)`)
	p.picture("7-restored")
	a.must(p.t, "hostaway_list_properties", `{"limit":1}`)
}

// ends is canceling, taking it back, canceling again, and the last day.
func (p *paying) ends(a *assistant) {
	p.t.Helper()
	for _, again := range []bool{false, true} {
		p.open("/billing")
		p.click(`a[href="/billing/cancel"]`)
		p.steps("why", chromedp.WaitVisible(chromedp.CSS("#dialog #reason")), chromedp.SendKeys(chromedp.CSS("#dialog #reason"), "the season is over"))
		if !again {
			p.picture("8-cancel")
		}
		p.click("#dialog button.danger-fill")
		p.plan("Ends on ")
		a.must(p.t, "hostaway_list_properties", `{"limit":1}`)
		if again {
			break
		}
		p.picture("9-ending")
		p.click(`form[action="/billing/resume"] button`)
		p.plan("Active")
	}
	p.stripe.Advance(32 * 24 * time.Hour)
	p.open("/billing")
	p.await("it has ended", `document.querySelector(".plan .chip")?.textContent === "Canceled" || (location.reload(), false)`)
	p.picture("10-canceled")
	p.refused(a, "The subscription of this organization ended")
	if all := p.stripe.Subscriptions(p.customer()); len(all) != 1 || all[0].Status != "canceled" {
		p.t.Errorf("at Stripe: %+v", all)
	}
}

// again is a new subscription of the same customer.
func (p *paying) again(a *assistant) {
	p.t.Helper()
	p.click(`form[action="/billing/checkout"] button`)
	p.click("#pay")
	p.plan("Active")
	a.must(p.t, "hostaway_list_properties", `{"limit":1}`)
	var live int
	for _, s := range p.stripe.Subscriptions(p.customer()) {
		if s.Status == "active" {
			live++
		}
	}
	if live != 1 {
		p.t.Errorf("%d subscriptions live at Stripe", live)
	}
}

// overseen is what the operator, who is the first org's owner, sees of both orgs.
func (p *paying) overseen() {
	p.t.Helper()
	v := newVisitor(p.t, p.s.base)
	v.submit(v.get("/login"), "/login", map[string]string{"email": owner().email, "password": owner().password})
	page := v.get("/operator/billing")
	if page.status != http.StatusOK || !strings.Contains(page.body, "Orgs by state") || !strings.Contains(page.body, ">Active</span>") {
		p.t.Errorf("the operator's page: %d %s", page.status, clip(page.body))
	}
}
