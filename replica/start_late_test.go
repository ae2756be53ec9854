package replica

// start_late_test.go starts while the storage is away: what would have been refused at the start is
// found out when it answers.

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/replica/replicatest"
)

func TestWithoutTheStorageADatabaseIsServedAndNothingIsMadeUp(t *testing.T) {
	t.Parallel()
	st := replicatest.Start(t)
	url := st.ReplicaURL("a/b")
	s, _ := copied(t, url, 50)

	st.SetFault(replicatest.Always(replicatest.Refuse))
	newServer(t, url).refuses(Unreachable, "there is no database at")

	strict := serverIn(t, s.options.DataDir, url)
	strict.options.LeaseLost = LeaseLostExit
	strict.refuses(Unreachable, "HMCP_LEASE_LOST=exit")

	began := time.Now()
	s.start()
	t.Log("started without the storage in", time.Since(began))
	rows := s.write(200)
	if got := s.replica.Status(); got.State != StateFenced || len(got.Troubles) != 1 || got.Lag == 0 || !strings.Contains(got.Troubles[0].What, "can't be reached") {
		t.Errorf("status: %+v", got)
	}
	must(t, s.replica.Replicated(t.Context())) // here is good enough
	st.SetFault(nil)
	s.synced()
	if got := s.replica.Status(); got.State != StateCopying || len(got.Troubles) > 0 {
		t.Errorf("status: %+v", got)
	}
	rows = max(rows, s.write(5))
	must(t, s.stop())
	comesBack(t, url, rows)
}

// TestComparedLate: what would have been refused at the start is not copied when
// the storage answers later, and the service goes on.
func TestComparedLate(t *testing.T) {
	t.Parallel()
	st := replicatest.Start(t)
	url := st.ReplicaURL("a/b")
	s, _ := copying(t, url, 20)
	kept := filepath.Join(t.TempDir(), "old.db")
	copyDatabase(t, s.options.Database, kept)
	all := s.write(100)
	must(t, s.stop())
	copyDatabase(t, kept, s.options.Database)

	st.SetFault(replicatest.Always(replicatest.Broken))
	s.start()
	st.SetFault(nil)
	eventually(t, "it is refused", func() bool { return s.replica.Status().State == StateRefused })
	if got := s.replica.Status().Troubles; len(got) == 0 || !got[0].Grave || !strings.Contains(got[0].Do, "--accept-rollback") {
		t.Errorf("troubles: %+v", got)
	}
	s.write(10)
	if err := s.stop(); kindOf(err) != Unreachable {
		t.Errorf("stopped with %v", err)
	}
	comesBack(t, url, all)
}

// TestLitestreamsFolderLostWhileTheStorageIsAway: Litestream counts from 1 again
// then. Below what the replica holds it would never copy anything, and beyond that
// it would go on as if its changes were made to what is there.
func TestLitestreamsFolderLostWhileTheStorageIsAway(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		changes int
		crash   bool
	}{
		"few changes":                {1, false},
		"many changes":               {30, false},
		"many changes, then a crash": {30, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := replicatest.Start(t)
			url := st.ReplicaURL("a/b")
			s := newServer(t, url)
			s.firstStart()
			for range 5 {
				s.write(5)
				s.synced()
			}
			must(t, s.stop())
			must(t, os.RemoveAll(filepath.Join(s.options.DataDir, ".hostaway-mcp.db-litestream")))
			st.SetFault(replicatest.Always(replicatest.Refuse))
			s.start()
			for range tt.changes {
				s.write(10)
				_, err := s.replica.engine.capture(t.Context())
				must(t, err)
			}
			if tt.crash {
				s.crash()
				st.SetFault(nil)
				s.start()
			}
			st.SetFault(nil)
			rows := s.write(10)
			s.synced()
			must(t, s.stop())
			here, err := readTestContents(t.Context(), s.options.Database)
			must(t, err)
			other := comesBack(t, url, rows)
			if there, err := readTestContents(t.Context(), other.options.Database); err != nil || !maps.Equal(here, there) {
				t.Errorf("the replica is not the same as the database (%v)", err)
			}
		})
	}
}
