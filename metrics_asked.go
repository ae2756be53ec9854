// Figures that are asked for at a scrape: what others keep already, and what
// would cost something to keep up to date.
package main

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/store"
)

// askTime is how long the answers for one scrape may take.
const askTime = 2 * time.Second

// question is a collector of figures that one answer gives. A question that
// fails leaves its figures out of the scrape, which then says so; all others are
// there.
type question struct {
	descs []*prometheus.Desc
	ask   func(ctx context.Context) ([]prometheus.Metric, error)
}

// Describe names the figures.
func (q question) Describe(to chan<- *prometheus.Desc) {
	for _, d := range q.descs {
		to <- d
	}
}

// Collect asks.
func (q question) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	found, err := q.ask(ctx)
	if err != nil {
		to <- prometheus.NewInvalidMetric(q.descs[0], err)
		return
	}
	for _, m := range found {
		to <- m
	}
}

func figure(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(figures, "", name), help, labels, nil)
}

func gaugeOf(d *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func counterOf(d *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, labels...)
}

// buildFigures say what runs.
type buildFigures struct{ version, commit, goVersion string }

func thisBuild() buildFigures {
	info, _ := debug.ReadBuildInfo()
	b := buildFigures{version: versionOf(info), commit: commitOf(info)}
	if info != nil {
		b.goVersion = info.GoVersion
	}
	return b
}

func (b buildFigures) gauge() prometheus.Collector {
	d := figure("build_info", "Always 1; the labels say which program runs.", "version", "commit", "go_version")
	return question{descs: []*prometheus.Desc{d}, ask: func(context.Context) ([]prometheus.Metric, error) {
		return []prometheus.Metric{gaugeOf(d, 1, b.version, b.commit, b.goVersion)}, nil
	}}
}

// countLines counts what the log warned of.
func (m *metrics) countLines(lines *lastErrors) {
	d := figure("log_messages_total", "Warnings and errors in the log.", "level")
	added(m, question{descs: []*prometheus.Desc{d}, ask: func(context.Context) ([]prometheus.Metric, error) {
		warnings, errs := lines.Counts()
		return []prometheus.Metric{counterOf(d, float64(warnings), "warn"), counterOf(d, float64(errs), "error")}, nil
	}})
}

// askBudget shows who waits for a turn at Hostaway.
func (m *metrics) askBudget(budget *hostaway.Budget) {
	d := figure("hostaway_queue_depth", "Calls that wait until Hostaway's rate limit has room for them.", "priority")
	added(m, question{descs: []*prometheus.Desc{d}, ask: func(context.Context) ([]prometheus.Metric, error) {
		inFront, behind := budget.Waiting()
		return []prometheus.Metric{gaugeOf(d, float64(inFront), priorityInteractive), gaugeOf(d, float64(behind), priorityBackground)}, nil
	}})
}

// askStore shows the state of the database.
func (m *metrics) askStore(db interface {
	Figures(ctx context.Context) (store.Figures, error)
},
) {
	bytes := figure("database_bytes", "Size of the database file.")
	wal := figure("database_wal_bytes", "Size of the database's write-ahead log.")
	page := figure("database_page_bytes", "Size of one page of the database.")
	pages := figure("database_pages", "Pages of the database, free ones included.")
	free := figure("database_free_pages", "Pages of the database that hold nothing and are used next.")
	queue := figure("commit_queue_depth", "Tool calls that wait to be committed.")
	most := figure("commit_queue_limit", "Tool calls that can wait to be committed; more wait before the queue.")
	waits := figure("database_writer_waits_total", "Times that somebody waited for the one writer.")
	waited := figure("database_writer_wait_seconds_total", "Time that was waited for the one writer.")
	open := figure("database_open_connections", "Open connections to the database.", "pool")
	used := figure("database_used_connections", "Connections to the database that are in use.", "pool")
	added(m, question{
		descs: []*prometheus.Desc{bytes, wal, page, pages, free, queue, most, waits, waited, open, used},
		ask: func(ctx context.Context) ([]prometheus.Metric, error) {
			f, err := db.Figures(ctx)
			if err != nil {
				return nil, err
			}
			found := []prometheus.Metric{
				gaugeOf(bytes, float64(f.DatabaseBytes)), gaugeOf(wal, float64(f.WALBytes)),
				gaugeOf(page, float64(f.PageBytes)), gaugeOf(pages, float64(f.Pages)), gaugeOf(free, float64(f.FreePages)),
				gaugeOf(queue, float64(f.Waiting)), gaugeOf(most, float64(f.QueueMost)),
				counterOf(waits, float64(f.WriterWaits)), counterOf(waited, f.WriterWaited.Seconds()),
			}
			for _, p := range f.Pools {
				found = append(found, gaugeOf(open, float64(p.Open), p.Name), gaugeOf(used, float64(p.Used), p.Name))
			}
			return found, nil
		},
	})
}

// askHealth shows the list of checks.
func (m *metrics) askHealth(h *health) {
	d := figure("health_check_state", "What a check of the server's health found: 0 well, 1 needs attention, 2 does not work.", "check")
	states := map[checkState]float64{stateOK: 0, stateWarn: 1, stateFail: 2}
	added(m, question{descs: []*prometheus.Desc{d}, ask: func(ctx context.Context) ([]prometheus.Metric, error) {
		worst := map[string]float64{}
		for _, c := range h.look(ctx) {
			worst[c.Name] = max(worst[c.Name], states[c.State])
		}
		var found []prometheus.Metric
		for name, state := range worst {
			found = append(found, gaugeOf(d, state, name))
		}
		return found, nil
	}})
}
