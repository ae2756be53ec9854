package replica

import (
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/replica/replicatest"
)

func TestLookingAtAReplica(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, url string) {
		s := newServer(t, url)
		if strings.HasPrefix(url, "file:") {
			if _, err := Look(t.Context(), s.options); kindOf(err) != Unreachable {
				t.Errorf("a folder that is not there: %v", err)
			}
			must(t, os.Mkdir(s.options.target.folder, 0o700))
		}
		seen, err := Look(t.Context(), s.options)
		if err != nil || seen.Transaction != 0 || seen.Holder != "" {
			t.Errorf("an empty one: %+v, %v", seen, err)
		}
		s.firstStart()
		s.write(10)
		s.synced()
		eventually(t, "its mark is there", func() bool {
			seen, err = Look(t.Context(), s.options)
			return err == nil && seen.Installation == testInstallation
		})
		if seen.Transaction == 0 || seen.Transaction != seen.Local || seen.LocalID != testInstallation || seen.Bytes == 0 || seen.Files == 0 || seen.Holder == "" || seen.Released || !seen.Until.After(time.Now()) {
			t.Errorf("a running one: %+v", seen)
		}
		reachable, newest, err := Probe(t.Context(), s.options)
		if !reachable || err != nil || time.Since(newest) > time.Minute {
			t.Errorf("probe: %v, %v, %v", reachable, newest, err)
		}
		must(t, s.stop())
		if seen, err = Look(t.Context(), s.options); err != nil || !seen.Released {
			t.Errorf("a stopped one: %+v, %v", seen, err)
		}
	})
	if _, err := Look(t.Context(), Options{}); kindOf(err) != BadSettings {
		t.Errorf("without a replica: %v", err)
	}
}

func TestRestoringToAFile(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, url string) {
		s, early := copying(t, url, 10)
		time.Sleep(1100 * time.Millisecond) // S3 tells times in seconds, where it is not asked for more
		moment := time.Now()
		time.Sleep(1100 * time.Millisecond)
		all := s.write(10)
		s.synced()
		to := filepath.Join(t.TempDir(), "folder", "back.db")
		if _, err := Restore(t.Context(), s.options, RestoreOptions{To: to}); kindOf(err) != BadSettings || exists(filepath.Dir(to)) {
			t.Errorf("to a folder that is not there: %v", err)
		}
		must(t, os.Mkdir(filepath.Dir(to), 0o700))
		report, err := Restore(t.Context(), s.options, RestoreOptions{To: to})
		must(t, err)
		if got := rowsIn(t, to); got != all || report.Installation != testInstallation || report.Bytes != sizeOf(to) {
			t.Errorf("%d rows of %d; %+v", got, all, report)
		}
		if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		if _, err := Restore(t.Context(), s.options, RestoreOptions{To: to}); kindOf(err) != InTheWay {
			t.Errorf("over a file: %v", err)
		}
		then := filepath.Join(t.TempDir(), "then.db")
		_, err = Restore(t.Context(), s.options, RestoreOptions{To: then, At: moment})
		must(t, err)
		if got := rowsIn(t, then); got != early {
			t.Errorf("as of that moment: %d rows, there were %d", got, early)
		}
		if _, err := Restore(t.Context(), s.options, RestoreOptions{To: then + "2", At: moment.Add(-time.Hour)}); kindOf(err) != NothingThere {
			t.Errorf("before the beginning: %v", err)
		}
		if _, err := Restore(t.Context(), s.options, RestoreOptions{}); kindOf(err) != InTheWay {
			t.Errorf("over the database in use: %v", err)
		}
		must(t, s.stop())
	})
}

// TestRestoringToTheDatabasesPlace: the newest state is gone on from without a
// question, an older one only when told so.
func TestRestoringToTheDatabasesPlace(t *testing.T) {
	t.Parallel()
	url := folderURL(t)
	s, early := copying(t, url, 10)
	time.Sleep(50 * time.Millisecond)
	moment := time.Now()
	time.Sleep(50 * time.Millisecond)
	all := s.write(10)
	must(t, s.stop())
	gone := func() {
		must(t, os.Remove(s.options.Database))
		_ = os.Remove(s.options.Database + "-wal")
		_ = os.Remove(s.options.Database + "-shm")
	}
	gone()
	_, err := Restore(t.Context(), s.options, RestoreOptions{})
	must(t, err)
	s.start()
	s.has(all)
	if _, err := Restore(t.Context(), s.options, RestoreOptions{To: s.options.Database}); kindOf(err) != InTheWay {
		t.Errorf("while a server runs: %v", err)
	}
	must(t, s.stop())

	gone()
	_, err = Restore(t.Context(), s.options, RestoreOptions{At: moment})
	must(t, err)
	s.refuses(RolledBack, "--accept-rollback")
	s.options.AcceptRollback = true
	s.start()
	s.has(early)
	must(t, s.stop())
	comesBack(t, url, early)
}

func TestVerifyComparesWithTheDatabase(t *testing.T) {
	t.Parallel()
	st := replicatest.Start(t)
	s, _ := copying(t, st.ReplicaURL("a"), 30)
	report, err := Verify(t.Context(), s.options)
	if err != nil || report.Tables != 1 || len(report.Differences) > 0 || report.Transaction == 0 || report.Moving {
		t.Errorf("beside a server: %+v, %v", report, err)
	}
	must(t, s.stop())
	s.openDatabase()
	s.write(1)
	must(t, s.db.Close())
	report, err = Verify(t.Context(), s.options)
	if err != nil || len(report.Differences) != 1 || report.Differences[0] != "things" {
		t.Errorf("with a row that was not copied: %+v, %v", report, err)
	}
	lost := newServer(t, st.ReplicaURL("a"))
	if report, err = Verify(t.Context(), lost.options); err != nil || report.Tables != 0 {
		t.Errorf("without a database: %+v, %v", report, err)
	}
	left, err := filepath.Glob(filepath.Join(s.options.DataDir, "verify-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %q, %v", left, err)
	}
}

// TestVerifyWaitsForWhatIsOnItsWay: a row that is written a moment before is no
// difference.
func TestVerifyWaitsForWhatIsOnItsWay(t *testing.T) {
	t.Parallel()
	s, _ := copying(t, folderURL(t), 30)
	s.replica.engineMu.Lock() // nothing is captured
	s.write(1)
	time.AfterFunc(verifyRest/2, s.replica.engineMu.Unlock)
	report, err := Verify(t.Context(), s.options)
	if err != nil || report.Tables != 1 || len(report.Differences) > 0 || report.Moving || report.Older {
		t.Errorf("%+v, %v", report, err)
	}
	must(t, s.stop())
}

func TestVerifyTellsWhichSideIsOlder(t *testing.T) {
	t.Parallel()
	s, _ := copying(t, folderURL(t), 20)
	kept := filepath.Join(t.TempDir(), "old.db")
	copyDatabase(t, s.options.Database, kept)
	s.write(20)
	must(t, s.stop())
	copyDatabase(t, kept, s.options.Database)
	if report, err := Verify(t.Context(), s.options); err != nil || !report.Older {
		t.Errorf("the file alone is put back: %+v, %v", report, err)
	}

	stray := foreign(t, "file://"+s.options.target.folder)
	if _, err := Verify(t.Context(), stray.options); kindOf(err) != WrongReplica {
		t.Errorf("another installation's: %v", err)
	}
}

// TestTheStockProgramRestoresWhatWeWrote, by the very file that is shipped.
func TestTheStockProgramRestoresWhatWeWrote(t *testing.T) {
	t.Parallel()
	program := replicatest.Tool(t, "litestream", "litestream")
	eachPlace(t, func(t *testing.T, url string) {
		s := newServer(t, url)
		settings, err := Read(shipped(t), environment("HMCP_DATA_DIR="+s.options.DataDir, "HMCP_REPLICA_URL="+url))
		must(t, err)
		s.options.Settings = settings
		s.firstStart()
		rows := s.write(200)
		s.synced()
		rows = max(rows, s.write(5))
		must(t, s.stop())
		to := filepath.Join(t.TempDir(), "stock.db")
		out, err := stock(t, program, s, url, "restore", "-o", to, s.options.Database)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if got := rowsIn(t, to); got != rows {
			t.Errorf("the stock program restored %d rows of %d", got, rows)
		}
		must(t, readOnly(to, func(db *sql.DB) error {
			var id string
			err := db.QueryRow(`SELECT id FROM installation`).Scan(&id)
			if id != testInstallation {
				t.Errorf("of the installation %q", id)
			}
			return err
		}))
		out, err = stock(t, program, s, url, "ltx", s.options.Database)
		if err != nil || !strings.Contains(out, "0000000000000001") {
			t.Errorf("it lists: %v\n%s", err, out)
		}
	})
}

// stock runs the litestream program on the shipped file.
func stock(t *testing.T, program string, s *server, url, command string, args ...string) (string, error) {
	t.Helper()
	file, err := filepath.Abs(filepath.Join("..", "litestream.yml"))
	must(t, err)
	cmd := exec.Command(program, append([]string{command, "-config", file}, args...)...)
	cmd.Env = append(os.Environ(), "HMCP_DATA_DIR="+s.options.DataDir, "HMCP_REPLICA_URL="+url,
		"AWS_ACCESS_KEY_ID="+storageKeyID, "AWS_SECRET_ACCESS_KEY="+storageSecret)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
