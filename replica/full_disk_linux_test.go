// A real disk, small enough to be filled, where the test may mount one.

package replica

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func smallDisk(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if err := syscall.Mount("none", folder, "tmpfs", 0, "size=8m"); err != nil {
		t.Skipf("only root can mount a small disk (%v)", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Errorf("unmount the small disk: %v", err)
		}
	})
	return folder
}

func fillUp(t *testing.T, folder string) (ballast string) {
	t.Helper()
	ballast = filepath.Join(folder, "ballast")
	f, err := os.Create(ballast)
	must(t, err)
	defer func() { must(t, f.Close()) }()
	for block := make([]byte, 4096); ; {
		if _, err := f.Write(block); errors.Is(err, syscall.ENOSPC) {
			return ballast
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestStartingOnAFullDiskGoesOnBehindTheFence(t *testing.T) {
	t.Parallel()
	s := serverIn(t, smallDisk(t), folderURL(t))
	s.firstStart()
	rows := s.write(50)
	must(t, s.stop())
	// Somebody reads it all the while, so that the files beside the database are there.
	reader, err := sql.Open("sqlite", dsn(s.options.Database, ""))
	must(t, err)
	reader.SetMaxIdleConns(1)
	must(t, reader.QueryRow(`SELECT count(*) FROM things`).Scan(new(int)))
	ballast := fillUp(t, s.options.DataDir)

	s.start()
	s.has(rows)
	got := s.replica.Status()
	if got.State != StateFenced || len(got.Troubles) == 0 || !strings.Contains(got.Troubles[0].What, "the disk is full") {
		t.Errorf("status: %+v", got)
	}
	must(t, os.Remove(ballast))
	eventually(t, "copying begins", func() bool { return s.replica.fence.mayWrite() == nil })
	rows = s.write(10)
	s.synced()
	must(t, reader.Close())
	must(t, s.stop())
	comesBack(t, "file://"+s.options.target.folder, rows)
}

// TestAFullDiskIsSaidToBeFull, whichever it is.
func TestAFullDiskIsSaidToBeFull(t *testing.T) {
	t.Parallel()
	s, _ := copying(t, "file://"+filepath.Join(smallDisk(t), "copy"), 50)
	to := smallDisk(t)
	fillUp(t, to)
	_, err := Restore(t.Context(), s.options, RestoreOptions{To: filepath.Join(to, "back.db")})
	if kindOf(err) != Failed || !strings.Contains(err.Error(), "full") {
		t.Errorf("restored to a full disk: %v", err)
	}
	ballast := fillUp(t, filepath.Dir(s.options.target.folder))
	s.write(500)
	eventually(t, "it is said", func() bool {
		got := s.replica.Status().Troubles
		return len(got) > 0 && strings.Contains(got[0].What, "is full") && strings.Contains(got[0].Do, "give it more room")
	})
	must(t, os.Remove(ballast))
	s.synced()
	must(t, s.stop())
}
