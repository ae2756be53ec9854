// Webhooks: endpoints, signatures, and the way of events to them with what can happen there.
package stripetest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"
)

// Network is what happens to events between Stripe and an endpoint, by chance: shares from 0 to 1.
type Network struct {
	Seed    uint64
	Lost    float64       // acknowledged by something in between, and never seen
	Doubled float64       // delivered twice
	Late    float64       // delayed by up to LateBy
	LateBy  time.Duration //
	Jitter  time.Duration // every delivery is delayed by up to this, so that their order is lost
}

// Endpoint is a webhook endpoint that a person made in the dashboard.
type Endpoint struct {
	URL     string
	Handler http.Handler // called directly, in place of URL
	Secret  string       // "" means a new one
	Version string       // "" means the account's
	Events  []string     // none means all
}

type endpoint struct {
	id, url, version, description string
	handler                       http.Handler
	secrets                       []string // the newest first
	events                        []string
	metadata                      map[string]string
	disabled                      bool
	created                       int64
}

// delivery is one event on its way to one endpoint.
type delivery struct {
	due      int64
	serial   int64
	event    *event
	endpoint *endpoint
	attempt  int
	again    bool // the second of a doubled one: never retried
}

// retryAfter is when a refused delivery is tried again. Stripe tries for three days with growing pauses (Stripe docs, Webhooks).
func retryAfter(attempt int) (time.Duration, bool) {
	pauses := []time.Duration{5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 12 * time.Hour, 12 * time.Hour, 12 * time.Hour, 12 * time.Hour}
	if attempt > len(pauses) {
		return 0, false
	}
	return pauses[attempt-1], true
}

func (n *endpoint) wants(kind string) bool {
	return !n.disabled && (slices.Contains(n.events, "*") || slices.Contains(n.events, kind))
}

// send puts an event on its way to every endpoint that wants it.
func (s *Server) send(e *event) {
	for _, id := range slices.Sorted(maps.Keys(s.endpoints)) {
		to := s.endpoints[id]
		if !to.wants(e.kind) {
			continue
		}
		if s.dice.Float64() < s.options.Network.Lost {
			continue
		}
		e.waiting[to] = true
		s.post(&delivery{due: s.clock.now + s.delay(), event: e, endpoint: to, attempt: 1})
		if s.dice.Float64() < s.options.Network.Doubled {
			s.post(&delivery{due: s.clock.now + s.delay() + s.dice.Int64N(7200), event: e, endpoint: to, attempt: 1, again: true})
		}
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Server) delay() int64 {
	n := s.options.Network
	by := n.Jitter
	if s.dice.Float64() < n.Late {
		by = n.LateBy
	}
	if by < time.Second {
		return 0
	}
	return s.dice.Int64N(int64(by / time.Second))
}

func (s *Server) post(d *delivery) {
	s.serial++
	d.serial = s.serial
	s.queue = append(s.queue, d)
}

// Deliver posts the events that are due by the clock, in the order of their arrival, until none is left, and tells how
// many were acknowledged. During an Outage nothing leaves Stripe.
func (s *Server) Deliver() int {
	s.delivering.Lock()
	defer s.delivering.Unlock()
	if s.faults.down(s.Now()) {
		return 0
	}
	acknowledged := 0
	for {
		due := s.takeDue()
		if len(due) == 0 {
			return acknowledged
		}
		for _, d := range due {
			if s.deliver(d) {
				acknowledged++
			}
		}
	}
}

func (s *Server) takeDue() []*delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	var due, rest []*delivery
	for _, d := range s.queue {
		if d.due <= s.clock.now {
			due = append(due, d)
		} else {
			rest = append(rest, d)
		}
	}
	s.queue = rest
	slices.SortFunc(due, func(a, b *delivery) int {
		if a.due != b.due {
			return int(a.due - b.due)
		}
		return int(a.serial - b.serial)
	})
	return due
}

// Undelivered tells how many deliveries are still on their way.
func (s *Server) Undelivered() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue)
}

func (s *Server) deliver(d *delivery) bool {
	signedAt := s.options.SignedAt() // before the lock, for it may be Now
	s.mu.Lock()
	version := d.endpoint.version
	if version == "" {
		version = s.options.AccountVersion
	}
	body := s.bodyOf(d.event, version)
	signature := Signature(body, signedAt, d.endpoint.secrets...)
	to := *d.endpoint
	s.mu.Unlock()

	status := to.receive(body, signature)
	s.mu.Lock()
	defer s.mu.Unlock()
	if status/100 == 2 {
		delete(d.event.waiting, d.endpoint)
		return true
	}
	if pause, more := retryAfter(d.attempt); more && !d.again && !d.endpoint.disabled {
		s.post(&delivery{due: s.clock.now + int64(pause/time.Second), event: d.event, endpoint: d.endpoint, attempt: d.attempt + 1})
	}
	return false
}

// receive posts a body and gives the status, 0 if there was none.
func (n *endpoint) receive(body []byte, signature string) int {
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/webhooks/stripe", bytes.NewReader(body))
	if n.handler == nil {
		var err error
		if r, err = http.NewRequest(http.MethodPost, n.url, bytes.NewReader(body)); err != nil {
			return 0
		}
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("Stripe-Signature", signature)
	r.Header.Set("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
	if n.handler != nil {
		w := httptest.NewRecorder()
		n.handler.ServeHTTP(w, r)
		return w.Code
	}
	client := http.Client{Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	resp, err := client.Do(r)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // the status is the answer
	return resp.StatusCode
}

// deliverUntil posts events as they come, for DeliverAtOnce.
func (s *Server) deliverUntil(stop <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-s.wake:
		case <-tick.C:
		}
		s.Deliver()
	}
}

// Signature is the Stripe-Signature header of a body: one v1 for each secret (Stripe docs, Webhook signatures).
func Signature(body []byte, at time.Time, secrets ...string) string {
	var out strings.Builder
	fmt.Fprintf(&out, "t=%d", at.Unix())
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		fmt.Fprintf(mac, "%d.%s", at.Unix(), body)
		fmt.Fprintf(&out, ",v1=%s", hex.EncodeToString(mac.Sum(nil)))
	}
	return out.String()
}

// AddEndpoint makes an endpoint by hand, and gives its id and secret.
func (s *Server) AddEndpoint(e Endpoint) (id, secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Secret == "" {
		e.Secret = s.id("whsec")
	}
	if len(e.Events) == 0 {
		e.Events = []string{"*"}
	}
	n := &endpoint{
		id: s.id("we"), url: e.URL, handler: e.Handler, version: e.Version, secrets: []string{e.Secret}, events: e.Events, created: s.clock.now,
	}
	s.endpoints[n.id] = n
	return n.id, e.Secret
}

// RollSecret gives an endpoint a new secret. The old one signs too, besides it, for as long as overlap.
func (s *Server) RollSecret(endpointID string, overlap time.Duration) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.endpoints[endpointID]
	if n == nil {
		panic(fmt.Sprintf("stripetest: no endpoint %q", endpointID))
	}
	secret := s.id("whsec")
	if overlap <= 0 {
		n.secrets = []string{secret}
		return secret
	}
	n.secrets = append([]string{secret}, n.secrets...)
	s.at(s.clock.now+int64(overlap/time.Second), func() { n.secrets = n.secrets[:1] })
	return secret
}

func (s *Server) showEndpoint(n *endpoint) object {
	status := "enabled"
	if n.disabled {
		status = "disabled"
	}
	return s.shaped("webhook_endpoint", object{
		"id": n.id, "url": n.url, "api_version": orNull(n.version), "description": orNull(n.description), "enabled_events": n.events,
		"metadata": metadataObject(n.metadata), "status": status, "created": n.created,
	})
}

// createEndpoint is the only answer that shows the secret.
func (s *Server) createEndpoint(q *request) (object, error) {
	n := &endpoint{id: s.id("we"), version: q.text("api_version"), secrets: []string{s.id("whsec")}, created: s.clock.now}
	if q.text("url") == "" {
		return nil, coded("parameter_missing", "url", "Missing required param: url.")
	}
	if len(q.texts("enabled_events")) == 0 {
		return nil, coded("parameter_missing", "enabled_events", "Missing required param: enabled_events.")
	}
	if err := s.changeEndpoint(n, q); err != nil {
		return nil, err
	}
	s.endpoints[n.id] = n
	out := s.showEndpoint(n)
	out["secret"] = n.secrets[0]
	return out, nil
}

func (s *Server) changeEndpoint(n *endpoint, q *request) error {
	if s.options.Live && q.has("url") && !strings.HasPrefix(q.text("url"), "https://") {
		return coded("url_invalid", "url", "Invalid URL: must be https in live mode.")
	}
	if q.has("url") {
		n.url = q.text("url")
	}
	if events := q.texts("enabled_events"); len(events) > 0 {
		n.events = events
	}
	if q.has("description") {
		n.description = q.text("description")
	}
	if q.has("disabled") {
		n.disabled = q.flag("disabled")
	}
	keepMetadata(&n.metadata, q.under("metadata"))
	return nil
}

func (s *Server) getEndpoint(q *request) (object, error) {
	n := s.endpoints[q.PathValue("id")]
	if n == nil {
		return nil, noSuch("webhook_endpoint", q.PathValue("id"))
	}
	return s.showEndpoint(n), nil
}

func (s *Server) updateEndpoint(q *request) (object, error) {
	n := s.endpoints[q.PathValue("id")]
	if n == nil {
		return nil, noSuch("webhook_endpoint", q.PathValue("id"))
	}
	if err := s.changeEndpoint(n, q); err != nil {
		return nil, err
	}
	return s.showEndpoint(n), nil
}

func (s *Server) deleteEndpoint(q *request) (object, error) {
	n := s.endpoints[q.PathValue("id")]
	if n == nil {
		return nil, noSuch("webhook_endpoint", q.PathValue("id"))
	}
	delete(s.endpoints, n.id)
	s.queue = slices.DeleteFunc(s.queue, func(d *delivery) bool { return d.endpoint == n })
	return object{"id": n.id, "object": "webhook_endpoint", "deleted": true}, nil
}

func (s *Server) listEndpoints(q *request) (object, error) {
	return paged(q, newest(s.endpoints, nil), func(n *endpoint) string { return n.id }, s.showEndpoint)
}

func mustJSON(o object) json.RawMessage {
	raw, err := json.Marshal(o)
	if err != nil {
		panic(fmt.Sprintf("stripetest: write an object: %v", err))
	}
	return raw
}
