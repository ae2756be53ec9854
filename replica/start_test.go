package replica

// start_test.go starts where the database and the replica do not belong together, or one of them is
// older than the other.

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAWrongAddressIsNotTakenForNoReplica(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, url string) {
		s := newServer(t, url)
		if strings.HasPrefix(url, "file:") { // a folder that is not there is no replica at all
			s.refuses(Unreachable, "does not exist")
			must(t, os.Mkdir(s.options.target.folder, 0o700))
		}
		s.refuses(NothingThere, "a wrong bucket or path looks just like this")
		s.firstStart()
		s.write(10)
		must(t, s.stop())

		lost := newServer(t, strings.Replace(url, "a/b", "a/c", 1))
		if strings.HasPrefix(url, "file:") {
			lost = newServer(t, "file://"+t.TempDir())
		}
		lost.refuses(NothingThere, "start once with --first-start")

		moved := serverIn(t, s.options.DataDir, lostURL(url, t))
		moved.refuses(NothingThere, "although this database was copied before")
		moved.firstStart()
		moved.write(1)
		moved.synced()
		must(t, moved.stop())
	})
}

// lostURL is another place, with nothing in it.
func lostURL(url string, t *testing.T) string {
	if strings.HasPrefix(url, "file:") {
		return "file://" + t.TempDir()
	}
	return strings.Replace(url, "a/b", "a/d", 1)
}

func TestAnEmptiedReplicaIsNotBegunAnewSilently(t *testing.T) {
	t.Parallel()
	copyTo := filepath.Join(t.TempDir(), "copy")
	s, rows := copied(t, "file://"+copyTo, 10)
	must(t, os.RemoveAll(copyTo))
	must(t, os.Mkdir(copyTo, 0o700))
	s.refuses(NothingThere, "is empty, although this database was copied before")
	s.firstStart()
	s.synced()
	must(t, s.stop())
	comesBack(t, "file://"+copyTo, rows)
}

func TestAnOlderDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, url string) {
		s, old := copying(t, url, 20)
		kept := filepath.Join(t.TempDir(), "old.db")
		copyDatabase(t, s.options.Database, kept)
		all := s.write(500)
		must(t, s.stop())

		now := filepath.Join(t.TempDir(), "now.db")
		copyDatabase(t, s.options.Database, now)
		copyDatabase(t, kept, s.options.Database) // the file alone is put back
		s.refuses(RolledBack, "what was written last is missing in it")
		must(t, os.RemoveAll(filepath.Join(s.options.DataDir, noteFileName)))
		must(t, os.RemoveAll(filepath.Join(s.options.DataDir, ".hostaway-mcp.db-litestream")))
		s.refuses(RolledBack, "is older than its replica") // nothing is known of it

		// As the message says: moved away, the newest state comes back.
		must(t, os.Remove(s.options.Database))
		_ = os.Remove(s.options.Database + "-wal")
		s.start()
		s.has(all)
		must(t, s.stop())

		// Or the older state is made the truth.
		copyDatabase(t, kept, s.options.Database)
		s.refuses(RolledBack, "start once with --accept-rollback")
		s.options.AcceptRollback = true
		s.start()
		s.has(old)
		more := s.write(7)
		s.synced()
		must(t, s.stop())
		comesBack(t, url, more)
	})
}

// TestAFolderThatWasPutBackIsRefused: with all that is in it, as when a machine is
// put back to yesterday.
func TestAFolderThatWasPutBackIsRefused(t *testing.T) {
	t.Parallel()
	url := folderURL(t)
	s, old := copied(t, url, 20)
	yesterday := filepath.Join(t.TempDir(), "yesterday")
	must(t, os.CopyFS(yesterday, os.DirFS(s.options.DataDir)))
	s.start()
	s.write(30)
	s.synced()
	must(t, s.stop())

	back := serverIn(t, yesterday, url)
	back.refuses(RolledBack, "is older than its replica")
	back.options.AcceptRollback = true
	back.start()
	back.has(old)
	rows := back.write(1)
	back.synced()
	must(t, back.stop())
	// The other folder's server is now the one that is behind, by a takeover that it
	// can't tell from its own: same node, later run.
	s.refuses(RolledBack, "")
	comesBack(t, url, rows)
}

// TestALeaveForOnceIsSaidToBeNeedless, since it would hide the next mistake.
func TestALeaveForOnceIsSaidToBeNeedless(t *testing.T) {
	t.Parallel()
	s, _ := copied(t, folderURL(t), 1)
	if strings.Contains(s.log.text.String(), "not needed") {
		t.Error("said when it was needed")
	}
	s.options.FirstStart, s.options.AcceptRollback = true, true
	s.start()
	for _, flag := range []string{"--first-start is not needed", "--accept-rollback is not needed"} {
		if !strings.Contains(s.log.text.String(), flag) {
			t.Errorf("not said: %s", flag)
		}
	}
	must(t, s.stop())
}

func TestAReplicaOfAnotherInstallationIsRefused(t *testing.T) {
	t.Parallel()
	url := folderURL(t)
	s, _ := copied(t, url, 3)

	stray := foreign(t, url)
	stray.refuses(WrongReplica, "belongs to another installation (ins_test; the database here is of ins_other)")
	s.start() // and its lease was given back
	must(t, s.stop())
}
