package replica

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestTheDrillFindsAHoleAndMendsIt: files of the replica vanish while the server
// runs, which nothing else would notice until the day of the fire.
func TestTheDrillFindsAHoleAndMendsIt(t *testing.T) {
	t.Parallel()
	copyTo := filepath.Join(t.TempDir(), "copy")
	s := newServer(t, "file://"+copyTo)
	s.pace.drillFirst = 300 * time.Millisecond
	s.firstStart()
	s.write(50)
	s.synced()
	eventually(t, "the first drill is done", func() bool { return s.replica.Status().Drill.OK })
	if d := s.replica.Status().Drill; d.Bytes == 0 || d.Took == 0 || !strings.Contains(d.Text, "passed the full check") {
		t.Errorf("drill: %+v", d)
	}
	eventually(t, "the drill leaves nothing", func() bool { return !exists(filepath.Join(s.options.DataDir, workFolder)) })
	s.replica.saveNote(t.Context())
	if n, err := s.replica.folder.readNote(); err != nil || n.DrilledAt.IsZero() {
		t.Errorf("the drill is not noted: %+v, %v", n, err)
	}

	removeUnder(t, filepath.Join(copyTo, "ltx"))
	rows := s.write(20)
	s.synced() // the changes alone are there now
	if s.replica.drill(t.Context()) {
		t.Fatal("a replica without a beginning passes the drill")
	}
	got := s.replica.Status()
	if got.Drill.OK || len(got.Troubles) == 0 || !got.Troubles[0].Grave || !strings.Contains(got.Troubles[0].What, "the last restore drill failed") {
		t.Errorf("status: %+v", got)
	}
	s.replica.mend(t.Context(), time.Hour)
	if got := s.replica.Status(); !got.Drill.OK || len(got.Troubles) > 0 {
		t.Errorf("after mending: %+v", got)
	}
	rows = max(rows, s.write(20))
	must(t, s.stop())
	comesBack(t, "file://"+copyTo, rows)
}

func TestADrillOfAForeignDatabaseFails(t *testing.T) {
	t.Parallel()
	s := newServer(t, folderURL(t))
	var foreign atomic.Bool
	s.options.Installation = func(ctx context.Context, path string) (string, error) {
		if foreign.Load() {
			return "ins_other", nil
		}
		return readTestInstallation(ctx, path)
	}
	s.firstStart()
	s.write(5)
	s.synced()
	foreign.Store(true)
	if s.replica.drill(t.Context()) || !strings.Contains(s.replica.Status().Drill.Text, "another installation (ins_other)") {
		t.Errorf("drill: %+v", s.replica.Status().Drill)
	}
	foreign.Store(false)
	must(t, s.stop())
}

func TestADrillDoesNotTakeTheLastRoom(t *testing.T) {
	t.Parallel()
	s := newServer(t, folderURL(t))
	s.options.Free = func(string) (uint64, error) { return 100 << 20, nil }
	s.firstStart()
	s.write(5)
	s.synced()
	if !s.replica.drill(t.Context()) || !s.replica.Status().Drill.At.IsZero() {
		t.Errorf("drill: %+v", s.replica.Status().Drill)
	}
	must(t, s.stop())
}

func TestADrillWaitsForTheStorage(t *testing.T) {
	t.Parallel()
	copyTo := filepath.Join(t.TempDir(), "copy")
	s, _ := copying(t, "file://"+copyTo, 5)
	must(t, os.Rename(copyTo, copyTo+"-unmounted"))
	if !s.replica.drill(t.Context()) || !s.replica.Status().Drill.At.IsZero() {
		t.Errorf("a storage that is away tells nothing about the replica: %+v", s.replica.Status().Drill)
	}
	eventually(t, "it is missed", func() bool {
		s.write(1)
		got := s.replica.Status()
		return slices.ContainsFunc(got.Troubles, func(p Trouble) bool { // the copying says so, or the lease does
			return strings.Contains(p.Do, "mount the disk") || strings.Contains(p.Do, "is not mounted")
		})
	})
	if exists(copyTo) {
		t.Error("it was made anew where the disk should be")
	}
	must(t, os.Rename(copyTo+"-unmounted", copyTo))
	s.synced()
	must(t, s.stop())
}
