// Serving the figures: on a port of their own, so that who may read them is
// decided by the network and not by a key.
package main

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
)

const (
	metricsPath   = "/metrics"
	scrapesAtOnce = 4
	scrapeTime    = 15 * time.Second
)

// listen opens the port for the figures, where one is asked for.
func (w watch) listen(ctx context.Context, c config) ([]port, error) {
	if w.metrics == nil {
		return nil, nil
	}
	listener, err := listen(ctx, c.MetricsListen, "HMCP_METRICS_LISTEN")
	if err != nil {
		return nil, err
	}
	return []port{{name: "metrics", listener: listener, handler: w.metrics.handler(w.log)}}, nil
}

func closePorts(ports []port) {
	for _, p := range ports {
		_ = p.listener.Close()
	}
}

// handler answers with the figures. Nothing else answers there: least of all
// what libraries put on http.DefaultServeMux, such as profiles.
func (m *metrics) handler(log *slog.Logger) http.Handler {
	from := prometheus.Gatherers{m.registry, ofLitestream{prometheus.DefaultGatherer}}
	mux := http.NewServeMux()
	mux.Handle("GET "+metricsPath, promhttp.HandlerFor(from, promhttp.HandlerOpts{
		Registry: m.registry, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: scrapesAtOnce, Timeout: scrapeTime,
	}))
	return mux
}

// ofLitestream passes on the figures that Litestream keeps about itself. It
// keeps them in the default registry, which also holds what is in ours already.
type ofLitestream struct{ from prometheus.Gatherer }

// Gather gives Litestream's figures only.
func (l ofLitestream) Gather() ([]*dto.MetricFamily, error) {
	all, err := l.from.Gather()
	var kept []*dto.MetricFamily
	for _, family := range all {
		if strings.HasPrefix(family.GetName(), "litestream_") {
			kept = append(kept, family)
		}
	}
	return kept, err
}
