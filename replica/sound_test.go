package replica

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// spoil overwrites two pages in the middle of a database whose log another tool has
// emptied: all of the file would be copied at the next start.
func (s *server) spoil() {
	s.t.Helper()
	db, err := sql.Open("sqlite", "file:"+s.options.Database)
	must(s.t, err)
	_, err = db.Exec(`PRAGMA wal_checkpoint(TRUNCATE)`)
	must(s.t, err)
	must(s.t, db.Close())
	spoilPages(s.t, s.options.Database)
}

func spoilPages(t testing.TB, path string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	const page = 4096
	_, err = file.WriteAt([]byte(strings.Repeat("damaged ", 2*page/8)), 10*page)
	must(t, err)
	must(t, file.Close())
}

func TestADamagedDatabaseIsNotCopiedAsAWhole(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, url string) {
		s := newServer(t, url)
		if folder := s.options.target.folder; folder != "" {
			must(t, os.MkdirAll(folder, 0o700))
		}
		s.firstStart()
		rows := s.write(500)
		must(t, s.stop())

		s.spoil()
		s.start()
		eventually(t, "it is refused", func() bool { return s.replica.Status().State == StateRefused })
		got := s.replica.Status().Troubles
		if len(got) == 0 || !got[0].Grave || !strings.Contains(got[0].What, "is damaged, and the replica") || !strings.Contains(got[0].Do, "start again: the replica's state is restored") {
			t.Errorf("troubles: %+v", got)
		}
		must(t, s.replica.Replicated(t.Context())) // the service goes on
		if err := s.stop(); kindOf(err) != Damaged {
			t.Errorf("stopped with %v", err)
		}

		for range 2 { // the next start does not forget it
			s.start()
			eventually(t, "it is refused", func() bool { return s.replica.Status().State == StateRefused })
			_ = s.stop()
		}
		must(t, os.Remove(s.options.Database))
		_ = os.Remove(s.options.Database + "-wal")
		s.start()
		if got := s.rows(); got != rows || rowsIn(t, s.options.Database) != rows {
			t.Errorf("%d rows came back of %d", got, rows)
		}
		must(t, s.stop())
	})
}

// TestADamagedDatabaseDoesNotMendTheReplica: of two damaged sides, neither is made
// the truth.
func TestADamagedDatabaseDoesNotMendTheReplica(t *testing.T) {
	t.Parallel()
	copyTo := filepath.Join(t.TempDir(), "copy")
	s := newServer(t, "file://"+copyTo)
	var damaged atomic.Bool
	s.options.Damage = func(context.Context, string) (string, error) {
		if damaged.Load() {
			return "a page is used twice", nil
		}
		return "", nil
	}
	s.firstStart()
	s.write(50)
	s.synced()
	eventually(t, "the first snapshot is there", func() bool {
		found, err := filepath.Glob(filepath.Join(copyTo, "ltx", "9", "*.ltx"))
		return err == nil && len(found) > 0
	})
	damaged.Store(true)
	before, err := os.ReadDir(filepath.Join(copyTo, "ltx", "9"))
	must(t, err)
	s.replica.mend(t.Context(), time.Hour)
	after, err := os.ReadDir(filepath.Join(copyTo, "ltx", "9"))
	must(t, err)
	if got := s.replica.Status(); got.State != StateRefused || len(after) != len(before) {
		t.Errorf("%d snapshots of %d; status %+v", len(after), len(before), got)
	}
	_ = s.stop()
}

func TestOnlyWholeCopiesAreCheckedFor(t *testing.T) {
	t.Parallel()
	s := newServer(t, folderURL(t))
	var checks atomic.Int64
	find := s.options.Damage
	s.options.Damage = func(ctx context.Context, path string) (string, error) { checks.Add(1); return find(ctx, path) }
	s.firstStart()
	s.write(500)
	s.synced()
	had := checks.Load()
	if had == 0 {
		t.Error("the first copy was not checked for")
	}
	for range 10 {
		s.write(5)
		s.synced()
	}
	if checks.Load() > had+1 { // the first snapshot may come meanwhile
		t.Errorf("%d checks for ten changes", checks.Load()-had)
	}
	must(t, s.stop())
}
