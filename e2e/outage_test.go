package e2e

import (
	"context"
	"testing"
	"time"

	"hostaway-mcp/replica/replicatest"
)

// Whatever befalls the storage, the service goes on, the operator is told, and when the storage is back the replica catches up by itself:
// a machine that burns then costs nothing of what was written meanwhile.
func TestTroubleOfTheStorageIsNotTroubleOfTheService(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		begin func(*replicatest.Storage)
		end   func(*replicatest.Storage)
	}{
		{"slow", latency(3 * time.Second), latency(0)},
		{"refusing", fault(replicatest.Refuse), fault(replicatest.None)},
		{"silent", fault(replicatest.Hang), fault(replicatest.None)},
		{"broken", fault(replicatest.Broken), fault(replicatest.None)},
		{"full", fault(replicatest.Full), fault(replicatest.None)},
		{"wrong credentials", fault(replicatest.Forbidden), fault(replicatest.None)},
		{"cut off while it takes something", fault(replicatest.CutBefore), fault(replicatest.None)},
		{"cut off while it answers", fault(replicatest.CutAfter), fault(replicatest.None)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			storage := replicatest.Start(t)
			outage(t, storage, func() { tt.begin(storage) }, func() { tt.end(storage) }, sized(3*time.Second, 5*time.Second, 30*time.Second))
		})
	}
}

// The storage is away for an hour; on a machine for tests it is ten minutes, longer than a lease lasts and than Litestream's own pauses grow.
func TestALongOutage(t *testing.T) {
	soakOnly(t)
	t.Parallel()
	storage := replicatest.Start(t)
	outage(t, storage, func() { storage.SetFault(replicatest.Always(replicatest.Refuse)) }, func() { storage.SetFault(nil) },
		sized(0, 90*time.Second, 10*time.Minute))
}

func latency(d time.Duration) func(*replicatest.Storage) {
	return func(s *replicatest.Storage) { s.SetLatency(d) }
}

func fault(trouble replicatest.Trouble) func(*replicatest.Storage) {
	return func(s *replicatest.Storage) { s.SetFault(replicatest.Always(trouble)) }
}

// outage lets a server write through some trouble of its storage, and burns the machine once the replica has caught up.
func outage(t *testing.T, storage *replicatest.Storage, begin, end func(), span time.Duration) {
	t.Helper()
	s := newReplicated(t, newUpstream(t, nil), storage.Proxy).run(t, firstStart)
	v, key := furnish(t, s)
	books := &ledger{}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		load{callers: 2, pause: 20 * time.Millisecond}.run(ctx, s, key, v, books)
	}()
	v.awaitCopied()
	begin()
	began, before := time.Now(), books.callCount()
	told := v.awaitReplica("behind", func(r replicaHealth) bool { return r.LagMS > 1000 })
	t.Logf("told after %d ms: %s, lag %d ms, %+v", time.Since(began).Milliseconds(), told.Word, told.LagMS, told.Troubles)
	critical := v.createKey("made meanwhile") // local durability is the default
	rest(t.Context(), span-time.Since(began))
	meanwhile := books.callCount() - before
	worst := v.replica()
	end()
	began = time.Now()
	v.awaitCopied()
	t.Logf("%d calls meanwhile; at the end: %s, lag %d ms, %+v; caught up after %d ms",
		meanwhile, worst.Word, worst.LagMS, worst.Troubles, time.Since(began).Milliseconds())
	stop()
	<-done
	v.awaitCopied()
	if meanwhile == 0 {
		t.Error("the service stood still")
	}
	if failed := books.failed.Load(); failed > 0 {
		t.Errorf("%d calls failed meanwhile", failed)
	}
	s.burn(t)
	s.run(t)
	v.moveTo(s.base)
	newAssistant(s.base, critical).must(t, "hostaway_list_properties", `{"limit":1}`)
	db := openDatabase(t, databaseOf(s))
	db.intact(t)
	holdsAll(t, db, books, "after the fire")
	if code := s.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
