// How events reach an endpoint, and what can happen to them.
package stripetest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/webhook"

	"hostaway-mcp/billing/stripetest"
)

// receiver verifies as stripe-go does, and notes what it got.
type receiver struct {
	mu     sync.Mutex
	secret string
	answer int
	events []stripe.Event
	errs   []error
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, err := io.ReadAll(req.Body)
	if err == nil {
		var e stripe.Event
		if e, err = webhook.ConstructEvent(body, req.Header.Get("Stripe-Signature"), r.secret); err == nil {
			r.events = append(r.events, e)
		}
	}
	if err != nil {
		r.errs = append(r.errs, err)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if r.answer != 0 {
		w.WriteHeader(r.answer)
	}
}

func (r *receiver) take() (events []stripe.Event, errs []error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	events, errs = r.events, r.errs
	r.events, r.errs = nil, nil
	return events, errs
}

func TestEventsAreSignedAndTriedAgain(t *testing.T) {
	t.Parallel()
	a := newAccount(t, stripetest.Options{})
	to := &receiver{secret: "whsec_1"}
	id, _ := a.AddEndpoint(stripetest.Endpoint{Handler: to, Secret: "whsec_1"})
	a.subscribe(t, 1, 0)
	n := a.Deliver()
	events, errs := to.take()
	if len(errs) != 0 || len(events) != n || events[0].Type != "customer.subscription.created" || events[0].APIVersion != stripetest.APIVersion {
		t.Fatalf("%d events, %v", len(events), errs)
	}
	if got := a.Events(); got[len(got)-1].Waiting != 0 {
		t.Error("an acknowledged event still waits")
	}

	to.answer = http.StatusInternalServerError
	must(a.SubscribeByHand(a.customer, a.price, 1))(t)
	if got := a.Deliver(); got != 0 || a.Undelivered() != n {
		t.Errorf("%d acknowledged, %d on their way", got, a.Undelivered())
	}
	undelivered := a.api.Events.List(&stripe.EventListParams{DeliverySuccess: stripe.Bool(false)})
	if !undelivered.Next() {
		t.Error("no event is listed as undelivered")
	}
	to.take()
	to.answer = 0
	a.Advance(4 * time.Minute)
	if got := a.Deliver(); got != 0 {
		t.Errorf("%d deliveries before the pause is over", got)
	}
	a.Advance(time.Minute)
	if got := a.Deliver(); got != n {
		t.Errorf("%d deliveries at the second try", got)
	}
	to.take()

	// A rolled secret: both sign for as long as the overlap.
	fresh := a.RollSecret(id, time.Hour)
	for _, step := range []struct {
		secret string
		wait   time.Duration
		taken  bool
	}{{"whsec_1", 0, true}, {fresh, 0, true}, {"whsec_1", 2 * time.Hour, false}, {fresh, 0, true}} {
		a.Advance(step.wait)
		to.secret = step.secret
		succeed(t, a.SetCard(a.customer, stripetest.CardGood))
		a.Deliver()
		if events, errs := to.take(); (len(events) == 1 && len(errs) == 0) != step.taken {
			t.Errorf("%v later, with %s: %d events, %v", step.wait, step.secret, len(events), errs)
		}
	}
}

// TestAbandonedAfterThreeDays: an endpoint that never answers gets an event for three days, and then no more.
func TestAbandonedAfterThreeDays(t *testing.T) {
	t.Parallel()
	a := newAccount(t, stripetest.Options{})
	tries := 0
	a.AddEndpoint(stripetest.Endpoint{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		tries++
		w.WriteHeader(http.StatusServiceUnavailable)
	})})
	succeed(t, a.SetCard(a.customer, stripetest.CardGood))
	begun := a.Now()
	last := begun
	for before := 0; a.Undelivered() > 0; a.Advance(5 * time.Minute) {
		if a.Deliver(); tries > before {
			before, last = tries, a.Now()
		}
	}
	if tries != 10 || last.Sub(begun) < 60*time.Hour || last.Sub(begun) > 72*time.Hour {
		t.Errorf("%d tries within %v", tries, last.Sub(begun))
	}
}

func TestAnUnreliableNetwork(t *testing.T) {
	t.Parallel()
	const changes = 2000
	s := stripetest.Start(t, stripetest.Options{Network: stripetest.Network{
		Seed: 7, Lost: 0.01, Doubled: 0.10, Late: 0.02, LateBy: 60 * time.Hour, Jitter: 10 * time.Second,
	}})
	type arrival struct {
		id      string
		created int64
	}
	var order []arrival
	late := 0
	s.AddEndpoint(stripetest.Endpoint{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var e stripe.Event
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
			t.Error(err)
		}
		order = append(order, arrival{e.ID, e.Created})
		if s.Now().Unix()-e.Created > 3*3600 {
			late++
		}
	})})
	api := newClient(s.URL(), "sk_test_1")
	c := must(api.Customers.New(&stripe.CustomerParams{}))(t)
	for range changes {
		succeed(t, s.SetCard(c.ID, stripetest.CardGood))
		s.Advance(time.Second)
		s.Deliver()
	}
	for s.Undelivered() > 0 {
		s.Advance(time.Hour)
		s.Deliver()
	}
	seen, disorder, newest := map[string]int{}, 0, int64(0)
	for _, one := range order {
		seen[one.id]++
		if one.created < newest {
			disorder++
		}
		newest = max(newest, one.created)
	}
	twice := 0
	for _, n := range seen {
		if n == 2 {
			twice++
		}
	}
	lost := changes + 1 - len(seen)
	t.Logf("seed 7: %d lost, %d doubled, %d late, %d out of order of %d", lost, twice, late, disorder, changes)
	for name, got := range map[string][3]int{"lost": {lost, 5, 40}, "doubled": {twice, 150, 250}, "late": {late, 15, 80}, "out of order": {disorder, 500, 2 * changes}} {
		if got[0] < got[1] || got[0] > got[2] {
			t.Errorf("%d are %s, want %d to %d", got[0], name, got[1], got[2])
		}
	}
}

// TestOtherVersionsHaveOtherShapes: an endpoint without a version gets the account's, where fields that stripe-go v76 reads
// are gone without an error.
func TestOtherVersionsHaveOtherShapes(t *testing.T) {
	t.Parallel()
	a := newAccount(t, stripetest.Options{AccountVersion: "2026-09-30.endive"})
	to := &receiver{secret: "whsec_1"}
	a.AddEndpoint(stripetest.Endpoint{Handler: to, Secret: "whsec_1"})
	a.subscribe(t, 1, 0)
	a.Deliver()
	if events, errs := to.take(); len(events) != 0 || len(errs) == 0 {
		t.Errorf("stripe-go took %d events of another version", len(events))
	}
	for _, e := range a.Events() {
		old, now := readEvent(t, a.EventBody(e.ID, "")), readEvent(t, a.EventBody(e.ID, "2026-09-30.endive"))
		if now.APIVersion != "2026-09-30.endive" || now.ID != old.ID {
			t.Errorf("%s of version %s", now.ID, now.APIVersion)
		}
		switch e.Type {
		case "customer.subscription.created":
			if then, later := decode[stripe.Subscription](t, old), decode[stripe.Subscription](t, now); then.CurrentPeriodEnd == 0 || later.CurrentPeriodEnd != 0 || later.Status != then.Status {
				t.Errorf("the period's end is %d, then %d", then.CurrentPeriodEnd, later.CurrentPeriodEnd)
			}
		case "invoice.paid":
			if then, later := decode[stripe.Invoice](t, old), decode[stripe.Invoice](t, now); !then.Paid || later.Paid || later.Subscription != nil || later.Status != then.Status {
				t.Errorf("paid is %v, then %v", then.Paid, later.Paid)
			}
		}
	}
	listed := must(a.api.Events.Get(a.Events()[0].ID, nil))(t)
	if listed.APIVersion != "2026-09-30.endive" {
		t.Errorf("the list of events has version %s", listed.APIVersion)
	}
}

func readEvent(t *testing.T, body []byte) stripe.Event {
	t.Helper()
	var e stripe.Event
	succeed(t, json.Unmarshal(body, &e))
	return e
}

func decode[T any](t *testing.T, e stripe.Event) T {
	t.Helper()
	var v T
	succeed(t, json.Unmarshal(e.Data.Raw, &v))
	return v
}

func TestEventsComeByThemselves(t *testing.T) {
	t.Parallel()
	a := newAccount(t, stripetest.Options{DeliverAtOnce: true, Ticks: true})
	got := make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var e stripe.Event
		if err := json.NewDecoder(r.Body).Decode(&e); err == nil {
			got <- string(e.Type)
		}
	}))
	defer server.Close()
	end := must(a.api.WebhookEndpoints.New(&stripe.WebhookEndpointParams{
		URL: stripe.String(server.URL), APIVersion: stripe.String(stripetest.APIVersion), EnabledEvents: stripe.StringSlice([]string{"customer.subscription.created"}),
	}))(t)
	a.subscribe(t, 1, 0)
	select {
	case kind := <-got:
		if kind != "customer.subscription.created" || end.Secret == "" {
			t.Errorf("got %s", kind)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("no event came")
	}
	if passed := time.Since(a.Now()); passed > time.Minute || passed < -time.Minute {
		t.Errorf("the clock is %v from the machine's", passed)
	}
	listed := a.api.WebhookEndpoints.List(&stripe.WebhookEndpointListParams{})
	if !listed.Next() || listed.WebhookEndpoint().Secret != "" || !slices.Equal(listed.WebhookEndpoint().EnabledEvents, end.EnabledEvents) {
		t.Errorf("listed: %+v", listed.WebhookEndpoint())
	}
	must(a.api.WebhookEndpoints.Update(end.ID, &stripe.WebhookEndpointParams{Disabled: stripe.Bool(true)}))(t)
	must(a.api.WebhookEndpoints.Del(end.ID, &stripe.WebhookEndpointParams{}))(t)
}
