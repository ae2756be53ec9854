// Figures of billing: what is asked of Stripe, what Stripe posts, and how the orgs
// stand. No label names an org.
package main

import (
	"context"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hostaway-mcp/billing"
	"hostaway-mcp/store"
)

// billingFigures are written to while things happen.
type billingFigures struct {
	calls    *prometheus.CounterVec   // operation, outcome
	callTime *prometheus.HistogramVec // operation
	posts    *prometheus.CounterVec   // outcome
	changes  *prometheus.CounterVec   // access
}

// addBilling adds the figures of billing; without billing there are none.
func (m *metrics) addBilling() billingFigures {
	return billingFigures{
		calls:    m.counter("stripe_requests_total", "Requests to Stripe by operation and outcome.", "operation", "outcome"),
		callTime: m.histogram("stripe_request_duration_seconds", "Time of requests to Stripe.", callBuckets(), "operation"),
		posts:    m.counter("stripe_webhook_posts_total", "Posts to the address for Stripe's events, by what became of them.", "outcome"),
		changes:  m.counter("billing_access_changes_total", "Changes of orgs' access, by the access that they have since.", "access"),
	}
}

// StripeCalled counts one request.
func (f billingFigures) StripeCalled(op string, failure billing.Kind, took time.Duration) {
	outcome := "ok"
	if failure != "" {
		outcome = word(string(failure))
	}
	f.calls.WithLabelValues(word(op), outcome).Inc()
	f.callTime.WithLabelValues(word(op)).Observe(took.Seconds())
}

// EventPosted counts one post.
func (f billingFigures) EventPosted(outcome string) { f.posts.WithLabelValues(word(outcome)).Inc() }

// AccessChanged counts one change.
func (f billingFigures) AccessChanged(to string) { f.changes.WithLabelValues(word(to)).Inc() }

// word writes a few words as one label.
func word(s string) string { return strings.ReplaceAll(s, " ", "_") }

// askBilling shows how billing stands.
func (m *metrics) askBilling(db interface {
	BillingFigures(ctx context.Context) (store.BillingFigures, error)
}, signatures func(context.Context) (billing.Signatures, error), now func() time.Time,
) {
	orgs := figure("billing_orgs", "Orgs that have been connected, by the access that they have now.", "access")
	findings := figure("billing_findings", "Invariants of billing that do not hold, by their name: I1 to I8.", "invariant")
	waiting := figure("billing_waiting", "What billing has still to do: events of Stripe, quantities to set, counts that are held.", "what")
	age := figure("billing_waiting_seconds", "For how long the oldest of them has waited; 0 when none does.", "what")
	verified := figure("stripe_webhook_verified_timestamp_seconds", "When an event of Stripe's was last verified by a webhook secret in use; absent before the first time.")
	refused := figure("stripe_webhook_refused", "Signed posts to the webhook that were refused since then.")
	refusedAt := figure("stripe_webhook_refused_timestamp_seconds", "When the last of them was; absent without any.")
	added(m, question{
		descs: []*prometheus.Desc{orgs, findings, waiting, age, verified, refused, refusedAt},
		ask: func(ctx context.Context) ([]prometheus.Metric, error) {
			f, err := db.BillingFigures(ctx)
			if err != nil {
				return nil, err
			}
			var found []prometheus.Metric
			for _, a := range accesses() {
				found = append(found, gaugeOf(orgs, float64(f.Orgs[a]), string(a)))
			}
			for _, rule := range billing.Rules() {
				found = append(found, gaugeOf(findings, float64(f.BrokenFindings[rule.ID]), rule.ID))
			}
			for _, w := range queues(f) {
				seconds := 0.0
				if w.since != nil {
					seconds = max(0, now().Sub(*w.since).Seconds())
				}
				found = append(found, gaugeOf(waiting, float64(w.n), w.what), gaugeOf(age, seconds, w.what))
			}
			s, err := signatures(ctx)
			if err != nil {
				return nil, err
			}
			found = append(found, gaugeOf(refused, float64(s.Refused)))
			return appendTime(appendTime(found, verified, s.VerifiedAt), refusedAt, s.RefusedAt), nil
		},
	})
}

// queue is one thing that billing has to do.
type queue struct {
	what  string
	n     int
	since *time.Time // of the oldest
}

func queues(f store.BillingFigures) []queue {
	return []queue{
		{"events", f.PendingEvents, f.OldestEvent},
		{"quantities", f.Dirty, f.OldestDirty},
		{"held_counts", f.Held, f.OldestHeld},
	}
}

func accesses() []store.Access {
	return []store.Access{
		store.AccessTrial, store.AccessActive, store.AccessGrace, store.AccessSuspended, store.AccessCanceled, store.AccessNone, store.AccessExempt,
	}
}
