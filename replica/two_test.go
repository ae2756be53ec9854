package replica

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/replica/replicatest"
)

// TestASecondServerWaitsForTheFirst, as in a deployment that overlaps, and goes on
// where that one stopped.
func TestASecondServerWaitsForTheFirst(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, url string) {
		first := newServer(t, url)
		first.firstStart()
		first.write(20)

		second := newServer(t, url)
		opened := make(chan error, 1)
		go func() { opened <- second.open() }()
		for range 20 { // renewed meanwhile, several times
			first.write(10)
			time.Sleep(100 * time.Millisecond)
		}
		select {
		case err := <-opened:
			t.Fatalf("the second one did not wait: %v", err)
		default:
		}
		rows := first.rows()
		must(t, first.stop())
		stopped := time.Now()
		must(t, <-opened)
		if took := time.Since(stopped); took > 10*time.Second {
			t.Errorf("the hand-over took %v", took)
		}
		second.openDatabase()
		must(t, second.replica.Start(t.Context(), testInstallation))
		second.has(rows)
		must(t, second.stop())
	})
}

func TestWaitingForTheLeaseEndsWithTheContext(t *testing.T) {
	t.Parallel()
	url := folderURL(t)
	first := newServer(t, url)
	first.firstStart()
	second := newServer(t, url)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := open(ctx, second.options, second.pace); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	must(t, first.stop())
}

// TestAServerThatIsCutOffYields: a standby takes over while the first one serves on
// behind its fence; when the storage is back, the first one ends, keeps aside what
// it had not copied, and comes back as the standby's equal.
func TestAServerThatIsCutOffYields(t *testing.T) {
	t.Parallel()
	st := replicatest.Start(t)
	own := st.Another(t)
	first, shared := copying(t, own.ReplicaURL("a"), 30)
	own.SetFault(replicatest.Always(replicatest.Refuse))
	tail := first.write(40)

	second := newServer(t, st.ReplicaURL("a"))
	second.start() // waits until the lease has surely ended
	if got := second.rows(); got != shared {
		t.Fatalf("the standby begins with %d rows, want %d", got, shared)
	}
	taken := second.write(5)
	second.synced()
	tail = max(tail, first.write(10))
	if got := first.replica.Status().State; got != StateFenced {
		t.Errorf("the first one is %s", got)
	}

	own.SetFault(nil)
	select {
	case <-first.replica.Lost():
	case <-time.After(20 * time.Second):
		t.Fatal("the first one does not end")
	}
	reason := first.replica.Reason()
	if kindOf(reason) != LeaseElsewhere || first.replica.Status().State != StateLost {
		t.Errorf("ended with %v", reason)
	}
	if err := first.replica.Replicated(t.Context()); err != nil {
		t.Errorf("a write after that: %v", err)
	}
	must(t, first.stop())
	taken = max(taken, second.write(20))
	must(t, second.stop())

	first.start() // where the reason said it would be, the tail lies
	first.has(taken)
	must(t, first.stop())
	found, err := filepath.Glob(filepath.Join(first.options.DataDir, asideFolder, "*-superseded", "hostaway-mcp.db"))
	must(t, err)
	if len(found) != 1 || !strings.Contains(reason.Error(), found[0]) {
		t.Fatalf("set aside: %q; the reason said: %v", found, reason)
	}
	if got := rowsIn(t, found[0]); got != tail {
		t.Errorf("what was set aside has %d rows of %d", got, tail)
	}
}

// TestExitInsteadOfServing: who runs a standby may want the cut-off server gone.
func TestExitInsteadOfServing(t *testing.T) {
	t.Parallel()
	st := replicatest.Start(t)
	s := newServer(t, st.ReplicaURL("a"))
	s.options.LeaseLost = LeaseLostExit
	s.firstStart()
	s.write(3)
	s.synced()
	st.SetFault(replicatest.Always(replicatest.Hang))
	select {
	case <-s.replica.Lost():
	case <-time.After(20 * time.Second):
		t.Fatal("it does not end")
	}
	if reason := s.replica.Reason(); kindOf(reason) != Unreachable || !strings.Contains(reason.Error(), "HMCP_LEASE_LOST=exit") {
		t.Errorf("%v", reason)
	}
	st.SetFault(nil)
	must(t, s.stop())
}

// TestACopiedFolderIsFoundOut: the same node on two machines, as when a virtual
// machine is cloned.
func TestACopiedFolderIsFoundOut(t *testing.T) {
	t.Parallel()
	url := folderURL(t)
	first, _ := copying(t, url, 10)
	clone := t.TempDir()
	must(t, os.CopyFS(filepath.Join(clone, "x"), os.DirFS(first.options.DataDir)))
	second := serverIn(t, filepath.Join(clone, "x"), url)
	if second.options.Node != first.options.Node {
		t.Fatal("it is no clone")
	}
	second.start()
	select {
	case <-second.replica.Lost():
	case <-time.After(20 * time.Second):
		t.Fatal("the clone does not end")
	}
	if err := second.replica.Reason(); kindOf(err) != LeaseElsewhere {
		t.Errorf("%v", err)
	}
	must(t, second.stop())
	rows := first.write(10)
	first.synced()
	must(t, first.stop())
	comesBack(t, url, rows)
}

// TestAMachineThatWasStartedAnewServesAtOnce: that the old process is gone can't be
// proven then, so nothing is copied until its lease has ended.
func TestAMachineThatWasStartedAnewServesAtOnce(t *testing.T) {
	t.Parallel()
	url := folderURL(t)
	first, _ := copying(t, url, 10)
	first.crash()
	again := filepath.Join(t.TempDir(), "again") // another lock file, as on another start of the machine
	must(t, os.CopyFS(again, os.DirFS(first.options.DataDir)))
	s := serverIn(t, again, url)
	began := time.Now()
	s.start()
	rows := s.write(10)
	if took := time.Since(began); took > s.pace.leaseTTL/2 {
		t.Errorf("started after %v", took)
	}
	if got := s.replica.Status(); got.State != StateFenced {
		t.Errorf("status: %+v", got)
	}
	s.synced()
	if got := s.replica.Status(); got.State != StateCopying || len(got.Troubles) > 0 {
		t.Errorf("status: %+v", got)
	}
	must(t, s.stop())
	comesBack(t, url, rows)
}

// TestTakeOverAndBack: the lease goes back and forth between two servers that
// crash, and nothing that was confirmed is ever missing.
func TestTakeOverAndBack(t *testing.T) {
	t.Parallel()
	url := folderURL(t)
	servers := []*server{newServer(t, url), newServer(t, url)}
	servers[0].options.FirstStart = true
	var confirmed int64
	for round := range 4 {
		s := servers[round%2]
		s.start()
		if got := s.rows(); got != confirmed {
			t.Fatalf("round %d: %d rows, %d were confirmed", round, got, confirmed)
		}
		confirmed = s.write(15)
		must(t, s.replica.Replicated(t.Context()))
		if missed := s.replica.Status().Critical.Missed; missed > 0 {
			t.Fatalf("round %d: %d writes were not confirmed", round, missed)
		}
		s.crash()
	}
}
