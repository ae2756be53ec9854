package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"hostaway-mcp/billing"
	"hostaway-mcp/store"
)

type fixedFigures store.BillingFigures

func (f fixedFigures) BillingFigures(context.Context) (store.BillingFigures, error) {
	return store.BillingFigures(f), nil
}

func TestFiguresOfBilling(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	m := newMetrics(buildFigures{})
	f := m.addBilling()
	since := now.Add(-90 * time.Second)
	m.askBilling(fixedFigures{
		Orgs: map[store.Access]int{store.AccessActive: 40, store.AccessSuspended: 1}, PendingEvents: 3, OldestEvent: &since,
		BrokenFindings: map[string]int{"I4": 2},
	}, func(context.Context) (billing.Signatures, error) {
		return billing.Signatures{VerifiedAt: time.Unix(1_800_000_000, 0), Refused: 4, RefusedAt: time.Unix(1_800_000_060, 0)}, nil
	}, func() time.Time { return now })
	f.StripeCalled("read the subscription", "", 30*time.Millisecond)
	f.StripeCalled("read the subscription", billing.KindNotFound, time.Millisecond)
	f.EventPosted("known already")
	f.AccessChanged(string(store.AccessSuspended))
	w := httptest.NewRecorder()
	m.handler(slog.New(slog.DiscardHandler)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, metricsPath, nil))
	text := w.Body.String()
	for _, want := range []string{
		`hmcp_stripe_requests_total{operation="read_the_subscription",outcome="ok"} 1`,
		`hmcp_stripe_requests_total{operation="read_the_subscription",outcome="not_found"} 1`,
		`hmcp_stripe_request_duration_seconds_count{operation="read_the_subscription"} 2`,
		`hmcp_stripe_webhook_posts_total{outcome="known_already"} 1`,
		`hmcp_billing_access_changes_total{access="suspended"} 1`,
		`hmcp_billing_orgs{access="active"} 40`,
		`hmcp_billing_orgs{access="trial"} 0`,
		`hmcp_billing_findings{invariant="I4"} 2`,
		`hmcp_billing_findings{invariant="I1"} 0`,
		`hmcp_billing_waiting{what="events"} 3`,
		`hmcp_billing_waiting_seconds{what="events"} 90`,
		`hmcp_billing_waiting_seconds{what="quantities"} 0`,
		`hmcp_stripe_webhook_verified_timestamp_seconds 1.8e+09`,
		`hmcp_stripe_webhook_refused 4`,
		`hmcp_stripe_webhook_refused_timestamp_seconds 1.80000006e+09`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in the figures", want)
		}
	}
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, figures) {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
	if err != nil {
		t.Error(err)
	}
}
