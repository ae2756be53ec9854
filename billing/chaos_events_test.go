// Event chaos: events come twice, days late, in any order, or never, while cards fail and recover. What an org may do must
// follow from Stripe's state all the same. A handler that believes what events say goes through the same run, and fails.
package billing

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/store"
)

// wrongAccessMost is how long an org may have the wrong access in a month, in hours.
const wrongAccessMost = 0.05

// truster keeps what events say, as they come.
type truster struct {
	access map[string]bool // by customer
}

func (b *truster) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var e struct {
		Type string
		Data struct {
			Object struct{ Customer, Status string }
		}
	}
	if json.NewDecoder(r.Body).Decode(&e) != nil {
		return
	}
	customer := e.Data.Object.Customer
	switch e.Type {
	case "invoice.payment_failed", "customer.subscription.deleted":
		b.access[customer] = false
	case "invoice.paid":
		b.access[customer] = true
	case "customer.subscription.created", "customer.subscription.updated":
		b.access[customer] = e.Data.Object.Status == "active" || e.Data.Object.Status == "trialing"
	}
}

// eventRun is one run.
type eventRun struct {
	*town

	dice      *rand.Rand
	ours      bool // else only the truster is told of events
	orgs      []*store.Org
	customers []string
	trusting  *truster
	wrong     [2]time.Duration // of all orgs together: ours, and the truster's
	refused   map[string]int   // hostile posts
}

const (
	eventStep   = 30 * time.Minute
	cardsChange = 6                // of an org in a month
	onTheWay    = 30 * time.Second // the longest that an event takes to arrive when nothing is wrong
)

func newEventRun(t *testing.T, seed uint64, orgs int, ours bool) *eventRun {
	t.Helper()
	r := &eventRun{dice: diceOf(seed, "events"), ours: ours, trusting: &truster{access: map[string]bool{}}, refused: map[string]int{}}
	r.town = newTown(t, stripetest.Options{Network: stripetest.Network{
		Seed: seed, Lost: 0.01, Doubled: 0.10, Late: 0.02, LateBy: 60 * time.Hour, Jitter: onTheWay,
	}})
	r.stripe.AddEndpoint(stripetest.Endpoint{Handler: r.trusting, Events: subscribedEvents()})
	for i := range orgs {
		o, id := r.subscribed(t, fmt.Sprintf("org%d", i), int64(100+i), 1+r.dice.IntN(40))
		seen, _ := r.stripe.Subscription(id)
		r.orgs, r.customers = append(r.orgs, o), append(r.customers, seen.Customer)
		r.trusting.access[seen.Customer] = true
		r.stripe.Advance(30 * 24 * time.Hour / time.Duration(orgs)) // somebody's month ends every day
	}
	r.stripe.Advance(15 * 24 * time.Hour) // the trials are over, and the first charges made
	r.pass(t)
	r.sweep(t)
	return r
}

// pass delivers what is due, and has it worked off.
func (r *eventRun) pass(t *testing.T) {
	t.Helper()
	r.stripe.Deliver()
	if !r.ours {
		return
	}
	if _, err := r.WorkInbox(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (r *eventRun) sweep(t *testing.T) {
	t.Helper()
	if !r.ours {
		return
	}
	if _, err := r.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.pass(t)
}

// live is what people do: cards stop and start to work, invoices are paid, ends are planned and taken back, and who has
// ended subscribes again.
func (r *eventRun) live(t *testing.T) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if r.dice.Float64() < float64(len(r.orgs)*cardsChange)/48/30 {
		customer := r.customers[r.dice.IntN(len(r.customers))]
		good := r.dice.Float64() < 0.6
		check(r.stripe.SetCard(customer, map[bool]stripetest.Card{true: stripetest.CardGood, false: stripetest.CardDeclined}[good]))
		for _, v := range r.stripe.Invoices(customer) {
			if good && v.Status == "open" && r.dice.Float64() < 0.8 {
				check(r.stripe.PayInvoice(v.ID))
			}
		}
	}
	for range chaosSize(1, 2) {
		i := r.dice.IntN(len(r.orgs))
		newest := r.stripe.Subscriptions(r.customers[i])[0]
		switch {
		case newest.Status == "canceled" && r.dice.Float64() < 0.1:
			if _, err := r.StartCheckout(t.Context(), r.orgs[i], r.actor()); err == nil { // else it is not known yet that it has ended
				_, err = r.stripe.CompleteCheckout(r.account(t, r.orgs[i]).CheckoutSession)
				check(err)
			}
		case newest.Status == "canceled":
		case newest.CancelAtPeriodEnd:
			check(r.stripe.ResumeByHand(newest.ID))
		default:
			check(r.stripe.CancelByHand(newest.ID, true))
			if r.dice.Float64() < 0.9 { // most change their mind at once
				check(r.stripe.ResumeByHand(newest.ID))
			}
		}
	}
}

// truth is who may use the tools by Stripe's own state: a subscription that lives, and nothing of it that was tried and is
// still open.
func (r *eventRun) truth() map[string]bool {
	allowed, owed := map[string]bool{}, map[string]bool{}
	for _, v := range r.stripe.Invoices("") {
		owed[v.Subscription] = owed[v.Subscription] || v.Status == "open" && v.Attempts > 0
	}
	for _, x := range r.stripe.Subscriptions("") {
		if slices.Contains([]string{"active", "trialing", "past_due"}, x.Status) && !owed[x.ID] {
			allowed[x.Customer] = true
		}
	}
	return allowed
}

// compare adds up who has the wrong access now.
func (r *eventRun) compare(t *testing.T, span time.Duration) (wrong []string) {
	t.Helper()
	truth := r.truth()
	for i, o := range r.orgs {
		if r.trusting.access[r.customers[i]] != truth[r.customers[i]] {
			r.wrong[1] += span
		}
		if !r.ours {
			continue
		}
		if a := r.account(t, o).AccessAt(r.stripe.Now()); a.Access.Allowed() != truth[r.customers[i]] {
			r.wrong[0] += span
			wrong = append(wrong, fmt.Sprintf("%s is %s (%s)", r.customers[i], a.Access, a.Reason))
		}
	}
	return wrong
}

// attack posts what must be refused, made of a real event, and sees that nothing is stored.
func (r *eventRun) attack(t *testing.T) {
	t.Helper()
	all := r.stripe.Events()
	body := r.stripe.EventBody(all[r.dice.IntN(len(all))].ID, "")
	fresh := bytes.Replace(body, []byte(`"id":"evt_`), []byte(`"id":"evt_forged`), 1)
	live := bytes.Replace(fresh, []byte(`"livemode":false,"object":"event"`), []byte(`"livemode":true,"object":"event"`), 1)
	large := append(bytes.Clone(fresh[:len(fresh)-1]), []byte(`,"more":"`+strings.Repeat("x", largestEvent)+`"}`)...)
	now := r.stripe.Now()
	signed := func(b []byte, at time.Time) string { return stripetest.Signature(b, at, testSecret) }
	type post struct {
		body      []byte
		signature string
	}
	posts := map[string]post{
		"unsigned":              {fresh, ""},
		"signed by another":     {fresh, stripetest.Signature(fresh, now, "whsec_other")},
		"signed with nothing":   {fresh, stripetest.Signature(fresh, now, "")},
		"changed after signing": {bytes.Replace(fresh, []byte("forged"), []byte("Forged"), 1), signed(fresh, now)},
		"stale":                 {fresh, signed(fresh, now.Add(-6*time.Minute))},
		"of the future":         {fresh, signed(fresh, now.Add(6*time.Minute))},
		"of the other mode":     {live, signed(live, now)},
		"too large":             {large, signed(large, now)},
		"no event":              {[]byte(`{"a":1}`), signed([]byte(`{"a":1}`), now)},
	}
	for name, strange := range strangeEvents(t, fresh) {
		posts[name] = post{strange, signed(strange, now)}
	}
	for name, post := range posts {
		before := r.newestEvent(t)
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhooks/stripe", bytes.NewReader(post.body))
		if post.signature != "" {
			req.Header.Set("Stripe-Signature", post.signature)
		}
		w := httptest.NewRecorder()
		r.Webhooks().ServeHTTP(w, req)
		if after := r.newestEvent(t); w.Code < 400 || w.Code >= 500 || after != before {
			t.Errorf("a post (%s) was answered %d, and the newest event is %d after %d", name, w.Code, after, before)
		}
		r.refused[name]++
	}
}

func (r *eventRun) newestEvent(t *testing.T) int64 {
	t.Helper()
	n, err := r.store.NewestStripeEvent(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// run goes through so many days, and gives how many events there were that are of concern.
func (r *eventRun) run(t *testing.T, days int) (events int) {
	t.Helper()
	begun := len(r.stripe.Events())
	r.wrong = [2]time.Duration{}
	for step := range days * 48 {
		r.stripe.Advance(eventStep - onTheWay)
		r.live(t)
		r.stripe.Advance(onTheWay)
		r.pass(t)
		if step%2 == 1 {
			r.sweep(t)
		}
		if r.ours && step%80 == 79 {
			r.attack(t)
		}
		r.compare(t, eventStep)
	}
	for _, e := range r.stripe.Events()[begun:] {
		if slices.Contains(subscribedEvents(), e.Type) {
			events++
		}
	}
	return events
}

func TestEventChaos(t *testing.T) {
	t.Parallel()
	seed := chaosSeed(t)
	orgs, days := chaosSize(12, 100), chaosSize(10, 65)
	r := newEventRun(t, seed, orgs, true)
	events := r.run(t, days)
	for r.stripe.Undelivered() > 0 { // until the last late one has come
		r.stripe.Advance(time.Hour)
		r.pass(t)
	}
	r.sweep(t)
	months := float64(orgs*days) / 30
	ours, theirs := r.wrong[0].Hours()/months, r.wrong[1].Hours()/months
	if wrong := r.compare(t, 0); len(wrong) > 0 {
		t.Errorf("seed %d: in the end %d of %d orgs have the wrong access: %q", seed, len(wrong), orgs, wrong)
	}
	hostile := 0
	for _, n := range r.refused {
		hostile += n
	}
	t.Logf("seed %d: %d events to %d orgs in %d days; wrong access %.4f hours per org-month, of who trusts payloads %.2f; %d hostile posts refused",
		seed, events, orgs, days, ours, theirs, hostile)
	// In a small run a single lost event, half an hour long, is more than the most.
	if ours > wrongAccessMost && r.wrong[0] > chaosSize(2*time.Hour, 0) {
		t.Errorf("seed %d: %.3f hours of wrong access per org-month, at most %.2f", seed, ours, wrongAccessMost)
	}
	if least := chaosSize(500, 10_000); events < least || len(r.refused) < 60 {
		t.Errorf("only %d events, and %d kinds of hostile posts", events, len(r.refused))
	}
}

// TestEventChaosCatches who trusts payloads: in the same run, and by the same measure.
func TestEventChaosCatches(t *testing.T) {
	t.Parallel()
	const seed = 3
	orgs, days := 12, chaosSize(25, 90)
	r := newEventRun(t, seed, orgs, false)
	events := r.run(t, days)
	hours := r.wrong[1].Hours() / (float64(orgs*days) / 30)
	t.Logf("seed %d: %d events; wrong access %.2f hours per org-month", seed, events, hours)
	if hours <= wrongAccessMost {
		t.Errorf("%.3f hours of wrong access per org-month: the run is too mild to tell", hours)
	}
}
