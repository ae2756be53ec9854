package replica

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/replica/replicatest"
)

// useless is a server that would not open the databases that bad tells.
func (s *server) useless(bad func(path string) bool) *server {
	s.options.Usable = func(_ context.Context, path string) error {
		if bad(path) {
			return errors.New("sealed with another key")
		}
		return nil
	}
	return s
}

func anyFile(string) bool { return true }

// TestAServerThatWouldNotServeTakesNothing: neither the lease nor the replica, and it
// sets nothing aside; whether the database is to be restored, gone on with, or yields.
func TestAServerThatWouldNotServeTakesNothing(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, url string) {
		first, _ := copied(t, url, 20)
		newServer(t, url).useless(anyFile).refuses(NotUsable, "sealed with another key")
		serverIn(t, first.options.DataDir, url).useless(anyFile).refuses(NotUsable, "sealed with another key")

		second := newServer(t, url)
		second.start()
		rows := second.write(5)
		must(t, second.stop())
		serverIn(t, first.options.DataDir, url).useless(anyFile).refuses(NotUsable, "sealed with another key")
		serverIn(t, first.options.DataDir, url).useless(func(path string) bool { return path != first.options.Database }).refuses(NotUsable, "sealed with another key")

		second.start() // it is still the last writer
		if got := second.rows(); got != rows || strings.Contains(second.log.text.String(), "set aside") {
			t.Errorf("%d rows of %d", got, rows)
		}
		must(t, second.stop())
	})
}

// TestAUselessStandbyIsRefusedAtItsStart, not at the moment when it is needed.
func TestAUselessStandbyIsRefusedAtItsStart(t *testing.T) {
	t.Parallel()
	url := folderURL(t)
	first, _ := copying(t, url, 20)
	began := time.Now()
	standby := newServer(t, url).useless(anyFile)
	if err := standby.open(); kindOf(err) != NotUsable {
		t.Errorf("%v", err)
	}
	if took := time.Since(began); took > standby.pace.leaseTTL { // a lease that is held is waited for until it ends
		t.Errorf("refused after %v", took)
	}
	if exists(filepath.Join(standby.options.DataDir, workFolder)) || exists(standby.options.Database) {
		t.Error("what was tried was left")
	}
	rows := first.write(3) // the first one noticed nothing
	first.synced()
	must(t, first.stop())
	comesBack(t, url, rows)
}

// TestWhatWasRestoredOnTrialIsNotTakenWhenSomebodyWroteSince: between the look and the
// lease another server may have been at work.
func TestWhatWasRestoredOnTrialIsNotTakenWhenSomebodyWroteSince(t *testing.T) {
	t.Parallel()
	url := folderURL(t)
	first, _ := copied(t, url, 20)

	var rows int64
	once := false
	late := newServer(t, url).useless(func(string) bool {
		if !once { // the late one has looked, and has restored
			once = true
			first.start()
			rows = first.write(7)
			must(t, first.stop())
		}
		return false
	})
	late.start()
	if got := late.rows(); got != rows || !once {
		t.Errorf("%d rows of %d", got, rows)
	}
	must(t, late.stop())
}

// TestAForeignReplicaIsNotTouchedLate: the storage answers only after the service has
// begun, and then turns out to be somebody else's.
func TestAForeignReplicaIsNotTouchedLate(t *testing.T) {
	t.Parallel()
	st := replicatest.Start(t)
	s, _ := copied(t, st.ReplicaURL("a"), 3)
	stray := foreign(t, st.ReplicaURL("a"))
	must(t, os.Remove(filepath.Join(stray.options.DataDir, noteFileName)))
	before := s.seen()
	st.SetFault(replicatest.Always(replicatest.Refuse))
	stray.start()
	st.SetFault(nil)
	eventually(t, "it is refused", func() bool { return stray.replica.Status().State == StateRefused })
	if after := s.seen(); !maps.Equal(before, after) {
		t.Error("the lease or the replica was changed")
	}
	_ = stray.stop() // says that the last changes are not there
	s.start()
	must(t, s.stop())
}
