// Events: what changed, how it looked then, and in which version it is shown to whom.
package stripetest

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

type event struct {
	id, kind string
	created  int64
	about    string          // the id of its object
	object   json.RawMessage // in the shapes of APIVersion, as it was
	previous json.RawMessage // what the change replaced; nil where Stripe tells nothing
	body     []byte          // as endpoints of APIVersion get it, once one did
	waiting  map[*endpoint]bool
}

// emit records an event and sends it on its way.
func (s *Server) emit(kind string, shown object, id string) {
	e := &event{id: s.id("evt"), kind: kind, created: s.clock.now, about: id, object: mustJSON(shown), waiting: map[*endpoint]bool{}}
	if strings.HasSuffix(kind, ".updated") {
		e.previous = mustJSON(replaced(s.rendered[id], shown))
	}
	s.rendered[id] = shown
	s.events = append(s.events, e)
	if s.options.Check.Answer != nil {
		s.checkAnswer(kind, mustJSON(s.showEvent(e, APIVersion)))
	}
	s.send(e)
}

// replaced gives the old values of the fields that differ.
func replaced(before, after object) object {
	out := object{}
	for key, value := range after {
		if old, known := before[key]; known && !reflect.DeepEqual(old, value) {
			out[key] = old
		}
	}
	return out
}

func sameObject(a, b object) bool { return reflect.DeepEqual(a, b) }

func (s *Server) showEvent(e *event, version string) object {
	data := object{"object": e.object}
	if e.previous != nil {
		data["previous_attributes"] = e.previous
	}
	if version != APIVersion {
		for key, raw := range data {
			data[key] = modern(readObject(raw.(json.RawMessage)))
		}
	}
	return s.shaped("event", object{
		"id": e.id, "type": e.kind, "created": e.created, "api_version": version, "data": data, "pending_webhooks": len(e.waiting),
		"request": object{"id": nil, "idempotency_key": nil},
	})
}

// movedIn names fields of 2023-10-16 that versions of 2025 and later show elsewhere or not at all (Stripe changelog, basil).
var movedIn = map[string][]string{
	"subscription": {"current_period_start", "current_period_end", "discount"},
	"invoice":      {"charge", "paid", "payment_intent", "subscription", "subscription_details", "tax", "total_tax_amounts"},
	"line_item":    {"price", "proration", "proration_details", "type", "subscription", "subscription_item", "invoice_item", "tax_amounts"},
}

func readObject(raw json.RawMessage) object {
	var o object
	if err := json.Unmarshal(raw, &o); err != nil {
		panic(fmt.Sprintf("stripetest: read an object of an event: %v", err))
	}
	return o
}

// modern is an object, as it was read, in the shapes of 2025 and later.
func modern(o object) object {
	out := maps.Clone(o)
	for key, value := range out {
		switch held := value.(type) {
		case map[string]any:
			out[key] = modern(held)
		case []any:
			list := make([]any, len(held))
			for i, one := range held {
				list[i] = one
				if inner, ok := one.(map[string]any); ok {
					list[i] = modern(inner)
				}
			}
			out[key] = list
		}
	}
	kind, _ := o["object"].(string)
	switch kind {
	case "subscription":
		if items, ok := out["items"].(object); ok {
			for _, i := range items["data"].([]any) {
				i.(object)["current_period_start"], i.(object)["current_period_end"] = o["current_period_start"], o["current_period_end"]
			}
		}
		out["billing_mode"] = object{"type": "classic"}
	case "invoice":
		out["parent"] = object{"type": "subscription_details", "subscription_details": object{"subscription": o["subscription"], "metadata": object{}}}
	case "line_item":
		out["parent"] = object{"type": "subscription_item_details", "subscription_item_details": object{"subscription": o["subscription"], "proration": o["proration"]}}
	}
	for _, key := range movedIn[kind] {
		delete(out, key)
	}
	return out
}

// bodyOf is an event as an endpoint of that version gets it.
func (s *Server) bodyOf(e *event, version string) []byte {
	if version != APIVersion {
		return mustJSON(s.showEvent(e, version))
	}
	if e.body == nil {
		e.body = mustJSON(s.showEvent(e, version))
	}
	return e.body
}

func (s *Server) getEvent(q *request) (object, error) {
	for _, e := range s.events {
		if e.id == q.PathValue("id") && s.readable(e) {
			return s.showEvent(e, s.options.AccountVersion), nil
		}
	}
	return nil, noSuch("event", q.PathValue("id"))
}

// readable: events can be read for 30 days (Stripe docs, Events).
func (s *Server) readable(e *event) bool { return e.created > s.clock.now-int64(30*day/time.Second) }

// listEvents shows events in the account's own version, whatever the request asks for (Stripe docs, Events).
func (s *Server) listEvents(q *request) (object, error) {
	types := q.texts("types")
	if q.has("type") {
		types = append(types, q.text("type"))
	}
	var found []*event
	for _, e := range slices.Backward(s.events) {
		within, err := createdWithin(q, e.created)
		if err != nil {
			return nil, err
		}
		if !within || !s.readable(e) || len(types) > 0 && !slices.Contains(types, e.kind) {
			continue
		}
		if q.has("delivery_success") && q.flag("delivery_success") != (len(e.waiting) == 0) {
			continue
		}
		found = append(found, e)
	}
	return paged(q, found, func(e *event) string { return e.id }, func(e *event) object { return s.showEvent(e, s.options.AccountVersion) })
}

// Event is one event as a test sees it.
type Event struct {
	ID, Type string
	Created  time.Time
	ObjectID string
	Waiting  int // endpoints that have not acknowledged it
}

// Events gives all events so far, oldest first.
func (s *Server) Events() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Event, len(s.events))
	for i, e := range s.events {
		out[i] = Event{ID: e.id, Type: e.kind, Created: time.Unix(e.created, 0).UTC(), ObjectID: e.about, Waiting: len(e.waiting)}
	}
	return out
}

// EventBody is an event as an endpoint of that API version gets it; "" means 2023-10-16. It panics for an unknown id.
func (s *Server) EventBody(id, version string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if version == "" {
		version = APIVersion
	}
	for _, e := range s.events {
		if e.id == id {
			return mustJSON(s.showEvent(e, version))
		}
	}
	panic(fmt.Sprintf("stripetest: no event %q", id))
}
