package replica

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/replica/replicatest"
)

// seen is what stands in the replica, of a bucket our small objects only, and every
// file of the data folder. Not the lock, the test's own file, and the index of the log,
// which every reader makes anew.
func (s *server) seen() map[string]string {
	s.t.Helper()
	seen := map[string]string{}
	folders := map[string]string{"here": s.options.DataDir}
	if s.options.target.s3 == nil {
		folders["there"] = s.options.target.folder
	}
	for side, folder := range folders {
		_ = filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error { // there may be none
			if err == nil && entry.Type().IsRegular() && entry.Name() != lockFileName && entry.Name() != "node" && !strings.HasSuffix(path, "-shm") {
				text, err := os.ReadFile(path)
				must(s.t, err)
				seen[side+path] = string(text)
			}
			return nil
		})
	}
	objects := newStorage(s.options.Settings, s.options.Credentials).objects
	for _, name := range []string{leaseObject, installationObject} {
		if found, err := objects.get(s.t.Context(), name); err == nil { // the storage may be away
			seen[name] = string(found.data)
		}
	}
	return seen
}

// refuses opens the replica, which must not begin, and must leave both sides as they
// were, and the lease.
func (s *server) refuses(kind Kind, says string) {
	s.t.Helper()
	before := s.seen()
	err := s.open()
	if err == nil {
		s.t.Fatal("it was opened")
	}
	if kindOf(err) != kind || !strings.Contains(err.Error(), says) {
		s.t.Errorf("refused with %v; want %s: %s", err, kind, says)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(s.seen()))); diff != "" {
		s.t.Errorf("other files (-before +after):\n%s", diff)
	}
	for name, text := range s.seen() {
		if before[name] != text {
			s.t.Errorf("%s was changed", name)
		}
	}
}

// copyDatabase keeps the database with its side files under another name.
func copyDatabase(t testing.TB, from, to string) {
	t.Helper()
	for _, side := range []string{"", "-wal"} {
		data, err := os.ReadFile(from + side)
		if os.IsNotExist(err) {
			_ = os.Remove(to + side)
			continue
		}
		must(t, err)
		must(t, os.WriteFile(to+side, data, 0o600))
	}
	_ = os.Remove(to + "-shm")
}

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

		lost := newServer(t, strings.Replace(url, "a/b", "a/c", 1)+"")
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
	s := newServer(t, "file://"+copyTo)
	s.firstStart()
	rows := s.write(10)
	must(t, s.stop())
	must(t, os.RemoveAll(copyTo))
	must(t, os.Mkdir(copyTo, 0o700))
	s.refuses(NothingThere, "is empty, although this database was copied before")
	s.firstStart()
	s.synced()
	must(t, s.stop())
	other := newServer(t, "file://"+copyTo)
	other.start()
	if got := other.rows(); got != rows {
		t.Errorf("%d rows came back of %d", got, rows)
	}
	must(t, other.stop())
}

func TestAnOlderDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, url string) {
		s := newServer(t, url)
		s.firstStart()
		old := s.write(20)
		s.synced()
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
		if got := s.rows(); got != all {
			t.Errorf("%d rows came back of %d", got, all)
		}
		must(t, s.stop())

		// Or the older state is made the truth.
		copyDatabase(t, kept, s.options.Database)
		s.refuses(RolledBack, "start once with --accept-rollback")
		s.options.AcceptRollback = true
		s.start()
		if got := s.rows(); got != old {
			t.Errorf("%d rows of the older state, want %d", got, old)
		}
		more := s.write(7)
		s.synced()
		must(t, s.stop())
		other := newServer(t, url)
		other.start()
		if got := other.rows(); got != more {
			t.Errorf("%d rows came back of %d", got, more)
		}
		must(t, other.stop())
	})
}

// TestAFolderThatWasPutBackIsRefused: with all that is in it, as when a machine is
// put back to yesterday.
func TestAFolderThatWasPutBackIsRefused(t *testing.T) {
	t.Parallel()
	url := "file://" + filepath.Join(t.TempDir(), "copy")
	s := newServer(t, url)
	s.firstStart()
	old := s.write(20)
	must(t, s.stop())
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
	if got := back.rows(); got != old {
		t.Errorf("%d rows, yesterday there were %d", got, old)
	}
	rows := back.write(1)
	back.synced()
	must(t, back.stop())
	// The other folder's server is now the one that is behind, by a takeover that it
	// can't tell from its own: same node, later run.
	s.refuses(RolledBack, "")
	other := newServer(t, url)
	other.start()
	if got := other.rows(); got != rows {
		t.Errorf("%d rows came back of %d", got, rows)
	}
	must(t, other.stop())
}

// TestALeaveForOnceIsSaidToBeNeedless, since it would hide the next mistake.
func TestALeaveForOnceIsSaidToBeNeedless(t *testing.T) {
	t.Parallel()
	s := newServer(t, "file://"+filepath.Join(t.TempDir(), "copy"))
	s.firstStart()
	s.write(1)
	must(t, s.stop())
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
	url := "file://" + filepath.Join(t.TempDir(), "copy")
	s := newServer(t, url)
	s.firstStart()
	s.write(3)
	must(t, s.stop())

	other := newServer(t, "file://"+filepath.Join(t.TempDir(), "other"))
	other.firstStart()
	other.write(3)
	_, err := other.db.Exec(`UPDATE installation SET id = 'ins_other'`)
	must(t, err)
	must(t, other.stop())
	stray := serverIn(t, other.options.DataDir, url)
	stray.refuses(WrongReplica, "belongs to another installation (ins_test; the database here is of ins_other)")
	s.start() // and its lease was given back
	must(t, s.stop())
}

// TestWhatAnotherDatabaseLeftIsSetAside: SQLite would play a stray log into the
// restored file.
func TestWhatAnotherDatabaseLeftIsSetAside(t *testing.T) {
	t.Parallel()
	url := "file://" + filepath.Join(t.TempDir(), "copy")
	s := newServer(t, url)
	s.firstStart()
	rows := s.write(50)
	must(t, s.stop())

	lost := newServer(t, url)
	must(t, os.WriteFile(lost.options.Database+"-wal", []byte("of another time"), 0o600))
	must(t, os.WriteFile(lost.options.Database+"-shm", []byte("of another time"), 0o600))
	lost.start()
	if got := lost.rows(); got != rows {
		t.Errorf("%d rows, want %d", got, rows)
	}
	must(t, lost.stop())
	found, err := filepath.Glob(filepath.Join(lost.options.DataDir, asideFolder, "*-before-restore", "hostaway-mcp.db-*"))
	must(t, err)
	if len(found) != 2 {
		t.Errorf("set aside: %q", found)
	}
}

func TestADamagedDatabaseIsSaid(t *testing.T) {
	t.Parallel()
	url := "file://" + filepath.Join(t.TempDir(), "copy")
	s := newServer(t, url)
	s.firstStart()
	rows := s.write(50)
	must(t, s.stop())
	must(t, os.Remove(s.options.Database+"-wal"))
	must(t, os.WriteFile(s.options.Database, []byte(strings.Repeat("no database", 1000)), 0o600))
	s.refuses(Damaged, "move it away and start again: it is restored from the replica")
	must(t, os.Remove(s.options.Database))
	s.start()
	if got := s.rows(); got != rows {
		t.Errorf("%d rows came back of %d", got, rows)
	}
	must(t, s.stop())
}

// TestDamagedFilesOfLitestreamCostACopyOnly: beside the database, or in the middle
// of the replica's newest level.
func TestDamagedFilesOfLitestreamCostACopyOnly(t *testing.T) {
	t.Parallel()
	url := "file://" + filepath.Join(t.TempDir(), "copy")
	s := newServer(t, url)
	s.firstStart()
	s.write(50)
	must(t, s.stop())
	files, err := filepath.Glob(filepath.Join(s.options.DataDir, ".hostaway-mcp.db-litestream", "ltx", "0", "*.ltx"))
	must(t, err)
	for _, f := range files {
		must(t, os.WriteFile(f, []byte("torn"), 0o600))
	}
	s.start()
	rows := s.write(5)
	s.synced()
	must(t, s.stop())
	other := newServer(t, url)
	other.start()
	if got := other.rows(); got != rows {
		t.Errorf("%d rows came back of %d", got, rows)
	}
	must(t, other.stop())
}

func TestAReplicaThatCannotBeRestoredIsSaid(t *testing.T) {
	t.Parallel()
	copyTo := filepath.Join(t.TempDir(), "copy")
	s := newServer(t, "file://"+copyTo)
	s.firstStart()
	s.write(50)
	must(t, s.stop())
	must(t, filepath.WalkDir(filepath.Join(copyTo, "ltx"), func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			data, err := os.ReadFile(path)
			must(t, err)
			copy(data[len(data)/2:], "damaged")
			return os.WriteFile(path, data, 0o600)
		}
		return err
	}))
	lost := newServer(t, "file://"+copyTo)
	lost.refuses(Damaged, "can't be restored")
	if exists(lost.options.Database) || exists(filepath.Join(lost.options.DataDir, workFolder)) {
		t.Error("half a database was left")
	}
}

func TestWithoutTheStorageADatabaseIsServedAndNothingIsMadeUp(t *testing.T) {
	t.Parallel()
	st := replicatest.Start(t)
	url := st.ReplicaURL("a/b")
	s := newServer(t, url)
	s.firstStart()
	s.write(50)
	must(t, s.stop())

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
	other := newServer(t, url)
	other.start()
	if got := other.rows(); got != rows {
		t.Errorf("%d rows came back of %d", got, rows)
	}
	must(t, other.stop())
}

// TestComparedLate: what would have been refused at the start is not copied when
// the storage answers later, and the service goes on.
func TestComparedLate(t *testing.T) {
	t.Parallel()
	st := replicatest.Start(t)
	url := st.ReplicaURL("a/b")
	s := newServer(t, url)
	s.firstStart()
	s.write(20)
	s.synced()
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
	other := newServer(t, url)
	other.start()
	if got := other.rows(); got != all {
		t.Errorf("the replica has %d rows, and had %d", got, all)
	}
	must(t, other.stop())
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
			other := newServer(t, url)
			other.start()
			if got := other.rows(); got != rows {
				t.Errorf("%d rows came back of %d", got, rows)
			}
			must(t, other.stop())
			if there, err := readTestContents(t.Context(), other.options.Database); err != nil || !maps.Equal(here, there) {
				t.Errorf("the replica is not the same as the database (%v)", err)
			}
		})
	}
}
