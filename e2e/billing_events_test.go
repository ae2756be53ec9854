package e2e

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hostaway-mcp/billing/stripetest"
)

// subscribed is an org that pays, without a browser: its server, its Stripe, its assistant, and whether Stripe's events get through.
type subscribed struct {
	*server
	stripe    *payment
	assistant *assistant
	deaf      atomic.Bool
	events    atomic.Int64 // acknowledged with 2xx
}

// newSubscribed is an org whose card fails with the next renewal, which comes when Stripe's clock is moved to now.
func newSubscribed(t *testing.T, settings ...string) *subscribed {
	t.Helper()
	p := &subscribed{stripe: newPayment(t)}
	p.server = newServer(t, newUpstream(t, nil), append(p.stripe.settings(), settings...)...).run(t)
	p.stripe.AddEndpoint(stripetest.Endpoint{Handler: http.HandlerFunc(p.passOn), Secret: webhookSecret})
	// The account's trial is used up by an org that gives it away.
	first := newVisitor(t, p.base)
	first.signUp(p.setUpLink(), owner())
	connected(t, first.connect(strconv.Itoa(firstAccount), firstSecret))
	first.submit(first.get("/connection/disconnect"), "/connection/disconnect", map[string]string{"account": strconv.Itoa(firstAccount)})
	v := newVisitor(t, p.base)
	v.signUp("/signup", other())
	connected(t, v.connect(strconv.Itoa(firstAccount), firstSecret))
	p.assistant = newAssistant(p.base, v.createKey("first"))
	p.answers(t, false)
	v.submit(v.get("/billing"), "/billing/checkout", nil)
	sessions := p.stripe.Sessions("")
	if len(sessions) != 1 {
		t.Fatalf("there are %d Checkout sessions at Stripe", len(sessions))
	}
	_, err := p.stripe.CompleteCheckout(sessions[0].ID)
	must(t, err)
	p.answers(t, true)
	p.settle(t)
	must(t, p.stripe.SetCard(p.stripe.Customers()[0].ID, stripetest.CardDeclined))
	return p
}

// settle waits until all of Stripe's events have arrived, and the server has asked nothing of Stripe for longer than its inbox rests:
// else an event of before would show it what comes after.
func (p *subscribed) settle(t *testing.T) {
	t.Helper()
	const rest = 3 * time.Second
	calls, since, began := -1, time.Now(), time.Now()
	for time.Since(since) < rest {
		if now := len(p.stripe.Calls()); now != calls || p.stripe.Undelivered() > 0 {
			calls, since = now, time.Now()
		}
		if time.Since(began) > patience {
			t.Fatal("the server does not stop asking Stripe")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// passOn hands an event to where the server listens now.
func (p *subscribed) passOn(w http.ResponseWriter, r *http.Request) {
	if p.deaf.Load() {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	on, err := http.NewRequestWithContext(r.Context(), http.MethodPost, p.base+"/webhooks/stripe", bytes.NewReader(body))
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	on.Header = r.Header.Clone()
	answer, err := http.DefaultClient.Do(on)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	_ = answer.Body.Close()
	if answer.StatusCode < 300 {
		p.events.Add(1)
	}
	w.WriteHeader(answer.StatusCode)
}

// answers waits until tools answer, or until they are refused with the way to billing.
func (p *subscribed) answers(t *testing.T, want bool) (took time.Duration) {
	t.Helper()
	return p.answersWithin(t, want, patience)
}

func (p *subscribed) answersWithin(t *testing.T, want bool, within time.Duration) time.Duration {
	t.Helper()
	began := time.Now()
	for {
		answer, err := p.assistant.call(t.Context(), "hostaway_list_properties", `{"limit":1}`)
		must(t, err)
		if answer.ok() == want {
			if !want && !strings.Contains(string(answer.body), "/billing") {
				t.Fatalf("the refusal leads nowhere: %s", answer.body)
			}
			return time.Since(began)
		}
		if time.Since(began) > within {
			t.Fatalf("after %s tools answer: %v; %s", within, !want, answer.body)
		}
	}
}

// An event is acknowledged when it is in the database. The power goes before anything came of it: the next start does the rest.
func TestAnEventOutlivesACrash(t *testing.T) {
	t.Parallel()
	p := newSubscribed(t)
	p.stripe.FailBy(func(stripetest.Call) stripetest.FaultKind { return stripetest.Unavailable }) // so that nothing can come of it yet
	before := p.events.Load()
	p.stripe.AdvanceTo(time.Now())
	for began := time.Now(); p.stripe.Undelivered() > 0 || p.events.Load() == before; {
		if time.Since(began) > patience {
			t.Fatalf("events are still on their way: %d", p.stripe.Undelivered())
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.assistant.must(t, "hostaway_list_properties", `{"limit":1}`)
	p.deaf.Store(true) // no event comes again
	p.kill()
	p.stripe.FailBy(nil)
	p.run(t)
	p.assistant.url = p.base + "/mcp"
	t.Logf("tools stopped %s after the next start", p.answers(t, false).Round(time.Millisecond))
}

// No event arrives. The hourly comparison finds what has changed at Stripe: the first one comes minutes after a start.
func TestALostEventIsMadeUpForByTheSweep(t *testing.T) {
	soakOnly(t)
	t.Parallel()
	p := newSubscribed(t)
	p.deaf.Store(true)
	p.stripe.AdvanceTo(time.Now())
	p.assistant.must(t, "hostaway_list_properties", `{"limit":1}`)
	t.Logf("tools stopped %s after the payment failed", p.answersWithin(t, false, 5*time.Minute).Round(time.Second))
}
