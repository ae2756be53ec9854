// Figures of what goes on without being called: the copy of the database and the
// jobs.
package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hostaway-mcp/replica"
)

func replicaStates() []replica.State {
	return []replica.State{
		replica.StateOff, replica.StateWaiting, replica.StateStarting, replica.StateCopying, replica.StateBehind,
		replica.StateFenced, replica.StateRefused, replica.StateLost,
	}
}

// replicaFigures describes the figures of the copy.
type replicaFigures struct {
	state, lag, synced, behind, calls, critical, troubles *prometheus.Desc
	leaseHeld, leaseUntil                                 *prometheus.Desc
	drillAt, drillOK, drillTook, drillBytes               *prometheus.Desc
}

func newReplicaFigures() replicaFigures {
	return replicaFigures{
		state:      figure("replica_state", "1 for the state that the copy is in, 0 for the others.", "state"),
		lag:        figure("replica_lag_seconds", "Age of the oldest change that the copy does not hold; 0 when it holds all."),
		synced:     figure("replica_last_sync_timestamp_seconds", "When the copy last held everything; absent before the first time."),
		behind:     figure("replica_transactions_behind", "Transactions that the copy does not hold yet."),
		calls:      figure("replica_storage_calls_total", "Calls to the storage of the copy: ok, failed, or fenced because this server may not write.", "operation", "outcome"),
		critical:   figure("replica_critical_writes_total", "Changes that were to be copied before they were acknowledged: confirmed, or missed within the time for it.", "outcome"),
		troubles:   figure("replica_troubles", "Things about the copy that a person should look at; grave ones can lose data.", "grave"),
		leaseHeld:  figure("replica_lease_held", "1 when this server has the right to write the copy."),
		leaseUntil: figure("replica_lease_until_timestamp_seconds", "When that right ends unless it is renewed; absent without one."),
		drillAt:    figure("replica_drill_timestamp_seconds", "When the copy was last restored for a trial; absent before the first time."),
		drillOK:    figure("replica_drill_success", "1 when the last trial restored everything and the database was sound."),
		drillTook:  figure("replica_drill_duration_seconds", "How long the last trial took."),
		drillBytes: figure("replica_drill_restored_bytes", "Size of the database that the last trial restored."),
	}
}

// askReplica shows how the copy is doing, from memory.
func (m *metrics) askReplica(status func() replica.Status) {
	f := newReplicaFigures()
	added(m, question{
		descs: []*prometheus.Desc{
			f.state, f.lag, f.synced, f.behind, f.calls, f.critical, f.troubles,
			f.leaseHeld, f.leaseUntil, f.drillAt, f.drillOK, f.drillTook, f.drillBytes,
		},
		ask: func(context.Context) ([]prometheus.Metric, error) { return f.of(status()), nil },
	})
}

func (f replicaFigures) of(s replica.Status) (found []prometheus.Metric) {
	for _, state := range replicaStates() {
		found = append(found, gaugeOf(f.state, oneIf(s.State == state), string(state)))
	}
	if s.State == replica.StateOff {
		return found
	}
	behind := 0.0
	if s.Local > s.Replicated {
		behind = float64(s.Local - s.Replicated)
	}
	grave := 0
	for _, t := range s.Troubles {
		if t.Grave {
			grave++
		}
	}
	found = append(found,
		gaugeOf(f.lag, s.Lag.Seconds()), gaugeOf(f.behind, behind), gaugeOf(f.leaseHeld, oneIf(s.Lease.Held)),
		counterOf(f.critical, float64(s.Critical.Confirmed), "confirmed"), counterOf(f.critical, float64(s.Critical.Missed), "missed"),
		gaugeOf(f.troubles, float64(grave), "true"), gaugeOf(f.troubles, float64(len(s.Troubles)-grave), "false"))
	found = appendTime(found, f.synced, s.LastSyncAt)
	found = appendTime(found, f.leaseUntil, s.Lease.Until)
	for _, c := range s.Calls {
		found = append(found, counterOf(f.calls, float64(c.N), c.Operation, c.Outcome))
	}
	if !s.Drill.At.IsZero() {
		found = append(appendTime(found, f.drillAt, s.Drill.At), gaugeOf(f.drillOK, oneIf(s.Drill.OK)),
			gaugeOf(f.drillTook, s.Drill.Took.Seconds()), gaugeOf(f.drillBytes, float64(s.Drill.Bytes)))
	}
	return found
}

// askJobs shows how the jobs are doing.
func (m *metrics) askJobs(status func() []jobStatus) {
	success := figure("job_last_success_timestamp_seconds", "When the job last went well; absent before the first time.", "job")
	failure := figure("job_last_failure_timestamp_seconds", "When the job last failed; absent when it never did.", "job")
	failures := figure("job_failures_since_success", "Failures of the job since it last went well.", "job")
	running := figure("job_running", "1 while the job runs.", "job")
	period := figure("job_period_seconds", "How often the job is due.", "job")
	added(m, question{
		descs: []*prometheus.Desc{success, failure, failures, running, period},
		ask: func(context.Context) (found []prometheus.Metric, _ error) {
			for _, s := range status() {
				found = append(found, gaugeOf(failures, float64(s.Failures), s.Name), gaugeOf(running, oneIf(s.Running), s.Name),
					gaugeOf(period, s.Every.Seconds(), s.Name))
				found = appendTime(found, success, s.LastSuccess, s.Name)
				found = appendTime(found, failure, s.LastFailure, s.Name)
			}
			return found, nil
		},
	})
}

// appendTime adds a moment, unless there was none.
func appendTime(to []prometheus.Metric, d *prometheus.Desc, at time.Time, labels ...string) []prometheus.Metric {
	if at.IsZero() {
		return to
	}
	return append(to, gaugeOf(d, float64(at.UnixMilli())/1000, labels...))
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
