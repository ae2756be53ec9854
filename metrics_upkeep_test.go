package main

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"

	"hostaway-mcp/replica"
	"hostaway-mcp/secret"
)

// valuesOf gives the figures of these names as name{labels} → value.
func valuesOf(t *testing.T, m *metrics, prefix string) map[string]float64 {
	t.Helper()
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	var shown []*dto.MetricFamily
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), prefix) {
			continue
		}
		shown = append(shown, f)
		for _, one := range f.GetMetric() {
			var labels []string
			for _, l := range one.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			name := strings.TrimPrefix(f.GetName(), prefix)
			if len(labels) > 0 {
				name += "{" + strings.Join(labels, ",") + "}"
			}
			values[name] = one.GetGauge().GetValue() + one.GetCounter().GetValue()
		}
	}
	problems, err := promlint.NewWithMetricFamilies(shown).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("names: %v %v", problems, err)
	}
	return values
}

func TestFiguresOfTheReplica(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 12, 0, 0, 500e6, time.UTC)
	status := replica.Status{
		State: replica.StateBehind, Where: "s3://bucket-of-somebody/path", Lag: 1500 * time.Millisecond, LastSyncAt: at, Local: 12, Replicated: 9,
		Lease: replica.LeaseStatus{Held: true, Until: at.Add(time.Minute), Holder: "node-of-somebody"},
		Drill: replica.DrillStatus{At: at, OK: true, Text: "text", Took: 2 * time.Second, Bytes: 4096}, Critical: replica.CriticalStatus{Confirmed: 5, Missed: 1},
		Calls:    []replica.CallCount{{Operation: "put", Outcome: "ok", N: 7}, {Operation: "put", Outcome: "failed", N: 2}},
		Troubles: []replica.Trouble{{What: "a", Grave: true}, {What: "b"}, {What: "c"}},
	}
	m := newMetrics(buildFigures{})
	m.askReplica(func() replica.Status { return status })
	seconds := float64(at.UnixMilli()) / 1000
	want := map[string]float64{
		"state{state=off}": 0, "state{state=waiting}": 0, "state{state=starting}": 0, "state{state=copying}": 0, "state{state=behind}": 1, "state{state=fenced}": 0, "state{state=refused}": 0, "state{state=lost}": 0,
		"lag_seconds": 1.5, "last_sync_timestamp_seconds": seconds, "transactions_behind": 3, "lease_held": 1, "lease_until_timestamp_seconds": seconds + 60,
		"storage_calls_total{operation=put,outcome=ok}": 7, "storage_calls_total{operation=put,outcome=failed}": 2,
		"critical_writes_total{outcome=confirmed}": 5, "critical_writes_total{outcome=missed}": 1, "troubles{grave=true}": 1, "troubles{grave=false}": 2,
		"drill_timestamp_seconds": seconds, "drill_success": 1, "drill_duration_seconds": 2, "drill_restored_bytes": 4096,
	}
	if diff := cmp.Diff(want, valuesOf(t, m, "hmcp_replica_")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	status = replica.Status{State: replica.StateOff}
	if off := valuesOf(t, m, "hmcp_replica_"); off["state{state=off}"] != 1 || len(off) != len(replicaStates()) {
		t.Errorf("without a replica: %v", off)
	}
}

func TestFiguresOfJobs(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_800_000_000, 0)
	m := newMetrics(buildFigures{})
	m.askJobs(func() []jobStatus {
		return []jobStatus{
			{Name: "new", Every: time.Hour},
			{Name: "failing", Every: time.Minute, Running: true, LastSuccess: at, LastFailure: at.Add(time.Second), Failures: 3, LastError: "no such org_123"},
		}
	})
	want := map[string]float64{
		"period_seconds{job=new}": 3600, "running{job=new}": 0, "failures_since_success{job=new}": 0,
		"period_seconds{job=failing}": 60, "running{job=failing}": 1, "failures_since_success{job=failing}": 3,
		"last_success_timestamp_seconds{job=failing}": 1.8e9, "last_failure_timestamp_seconds{job=failing}": 1.8e9 + 1,
	}
	if diff := cmp.Diff(want, valuesOf(t, m, "hmcp_job_")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The whole command, with a copy in a folder: what Litestream counts is there
// too, and so is everything that serve adds later.
func TestServeShowsItsCopyAndItsJobs(t *testing.T) {
	t.Parallel()
	r := startCommand(t, []string{
		"HMCP_LISTEN=127.0.0.1:0", "HMCP_METRICS_LISTEN=127.0.0.1:0", "HMCP_DATA_DIR=" + filepath.Join(t.TempDir(), "data"),
		"HMCP_REPLICA_URL=file://" + filepath.Join(t.TempDir(), "copy"), "HMCP_MASTER_KEY=" + secret.GenerateKey().Reveal(),
	}, "serve", "--first-start")
	address := r.waitFor(r.errOut, `msg="serving metrics" address=(\S+)`)
	want := map[string]*regexp.Regexp{
		"the copy":         regexp.MustCompile(`(?m)^hmcp_replica_state\{state="copying"\} 1$`),
		"its storage":      regexp.MustCompile(`(?m)^hmcp_replica_storage_calls_total\{operation="put",outcome="ok"\} [1-9]`),
		"its lag":          regexp.MustCompile(`(?m)^hmcp_replica_lag_seconds `),
		"its lease":        regexp.MustCompile(`(?m)^hmcp_replica_lease_held 1$`),
		"a job":            regexp.MustCompile(`(?m)^hmcp_job_period_seconds\{job="[a-z-]+"\} [1-9]`),
		"its health":       regexp.MustCompile(`(?m)^hmcp_health_check_state\{check="replica"\} `),
		"Litestream's own": regexp.MustCompile(`(?m)^litestream_sync_count\{`),
	}
	text := ""
	for deadline := time.Now().Add(30 * time.Second); len(want) > 0 && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var err error
		if text, err = fetchText(t, "http://"+address+metricsPath); err != nil {
			t.Fatal(err)
		}
		maps.DeleteFunc(want, func(_ string, expr *regexp.Regexp) bool { return expr.MatchString(text) })
	}
	if len(want) > 0 {
		t.Errorf("not in the figures: %v\n%s", slices.Sorted(maps.Keys(want)), text)
	}
	if code := r.stop(); code != exitOK {
		t.Errorf("exit code %d: %s", code, r.errOut)
	}
	if _, err := fetchText(t, "http://"+address+metricsPath); err == nil {
		t.Error("the figures are served after the end")
	}
}
