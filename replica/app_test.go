package replica

import (
	"context"
	"crypto/rand"
	"database/sql"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"hostaway-mcp/secret"

	"modernc.org/sqlite"
)

func TestMain(m *testing.M) {
	// As main does: Litestream closes the database file while we have it open.
	if _, err := sqlite.OFDLocking(true); err != nil {
		fmt.Fprintln(os.Stderr, "locks of POSIX are used:", err)
	}
	runMany()
	os.Exit(m.Run())
}

// runMany lets more tests run at once than there are processors, unless -parallel says how many: most wait most of the time.
func runMany() {
	flag.Parse()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "test.parallel" })
	if !said {
		_ = flag.Set("test.parallel", "4") // a number is always taken
	}
}

// quick is a pace at which tests see leases end. S3 tells times in whole seconds,
// so the lease can't be much shorter.
func quick() pace {
	p := usualPace()
	p.leaseTTL, p.leaseMargin, p.leaseRenew, p.leaseRetry = 6*time.Second, 1500*time.Millisecond, 400*time.Millisecond, 100*time.Millisecond
	p.call, p.list, p.stall, p.retry, p.keep, p.walCheck = 3*time.Second, 5*time.Second, 2*time.Second, time.Second, 200*time.Millisecond, 50*time.Millisecond
	return p
}

const testInstallation = "ins_test"

// server is what main is to the replica: a data folder, a database with one
// writer, and a replica of it.
type server struct {
	t       testing.TB
	options Options
	pace    pace
	replica *Replica
	db      *sql.DB
	log     *testLog
	writing sync.Mutex // as store.Quiet: one writer, who can be made to pause
}

// newServer prepares a data folder; file is the text of litestream.yml below dbs.
func newServer(t testing.TB, url string) *server {
	t.Helper()
	return serverIn(t, t.TempDir(), url)
}

func serverIn(t testing.TB, folder, url string) *server {
	t.Helper()
	s := &server{t: t, pace: quick(), log: &testLog{t: t}}
	settings, err := Read(testFile(), environment("HMCP_DATA_DIR="+folder, "HMCP_REPLICA_URL="+url))
	must(t, err)
	s.options = Options{
		Settings: settings, Credentials: Credentials{AccessKeyID: storageKeyID, SecretAccessKey: secret.New(storageSecret)},
		Database: filepath.Join(folder, "hostaway-mcp.db"), DataDir: folder, Node: nodeOf(t, folder),
		Installation: readTestInstallation, Newest: readTestNewest, Contents: readTestContents, Damage: findTestDamage, Pause: s.pause,
		Log: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: testLevel()})),
	}
	return s
}

func testFile() []byte {
	return []byte("dbs:\n  - path: ${HMCP_DATA_DIR}/hostaway-mcp.db\n    monitor-interval: 20ms\n    busy-timeout: 5s\n    replica: {url: \"${HMCP_REPLICA_URL}\", sync-interval: 50ms}\nshutdown-sync-timeout: 5s\n")
}

// nodeOf is the folder's own name, made once.
func nodeOf(t testing.TB, folder string) string {
	t.Helper()
	path := filepath.Join(folder, "node")
	if name, err := os.ReadFile(path); err == nil {
		return string(name)
	}
	name := rand.Text()
	must(t, os.WriteFile(path, []byte(name), 0o600))
	return name
}

// testLog hands log lines to the test, until that has ended.
type testLog struct {
	t    testing.TB
	mu   sync.Mutex
	text strings.Builder
}

func (l *testLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	l.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// folderURL is the address of a folder that is not there yet.
func folderURL(t testing.TB) string {
	t.Helper()
	return "file://" + filepath.Join(t.TempDir(), "copy")
}

// copying is a server that began a new replica and has so many rows in it.
func copying(t testing.TB, url string, rows int) (s *server, held int64) {
	t.Helper()
	s = newServer(t, url)
	s.firstStart()
	held = s.write(rows)
	s.synced()
	return s, held
}

// copied is a server that wrote so many rows to a new replica and stopped.
func copied(t testing.TB, url string, rows int) (s *server, held int64) {
	t.Helper()
	s = newServer(t, url)
	s.firstStart()
	held = s.write(rows)
	must(t, s.stop())
	return s, held
}

// foreign is a server whose database is another installation's, and whose address is
// now this one.
func foreign(t testing.TB, url string) *server {
	t.Helper()
	other := newServer(t, folderURL(t))
	other.firstStart()
	other.write(3)
	_, err := other.db.Exec(`UPDATE installation SET id = 'ins_other'`)
	must(t, err)
	must(t, other.stop())
	return serverIn(t, other.options.DataDir, url)
}

// comesBack fails the test unless a server that has nothing gets so many rows from the
// replica; it has stopped.
func comesBack(t testing.TB, url string, rows int64) *server {
	t.Helper()
	other := newServer(t, url)
	other.start()
	other.has(rows)
	must(t, other.stop())
	return other
}

// open opens the replica only.
func (s *server) open() error {
	ctx, cancel := context.WithTimeout(s.t.Context(), 60*time.Second)
	defer cancel()
	var err error
	s.replica, err = open(ctx, s.options, s.pace)
	return err
}

// start opens the replica and the database, and begins copying.
func (s *server) start() {
	s.t.Helper()
	must(s.t, s.open())
	s.openDatabase()
	must(s.t, s.replica.Start(s.t.Context(), testInstallation))
	s.options.FirstStart, s.options.AcceptRollback = false, false
}

func (s *server) firstStart() {
	s.t.Helper()
	s.options.FirstStart = true
	s.start()
}

func dsn(path, more string) string {
	return "file:" + path + "?_txlock=immediate&_pragma=busy_timeout(30000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=wal_autocheckpoint(0)" + more
}

func (s *server) openDatabase() {
	s.t.Helper()
	var err error
	s.db, err = sql.Open("sqlite", dsn(s.options.Database, ""))
	must(s.t, err)
	s.db.SetMaxOpenConns(1)
	_, err = s.db.Exec(`CREATE TABLE IF NOT EXISTS things (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
		CREATE TABLE IF NOT EXISTS installation (one INTEGER PRIMARY KEY, id TEXT NOT NULL);
		INSERT OR IGNORE INTO installation VALUES (1, '` + testInstallation + `')`)
	must(s.t, err)
}

func (s *server) pause(ctx context.Context, f func(context.Context) error) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	return f(ctx)
}

// write adds n rows and returns how many there are then.
func (s *server) write(n int) int64 {
	s.t.Helper()
	body := make([]byte, 300)
	_, _ = rand.Read(body)
	for range n {
		s.writing.Lock()
		_, err := s.db.Exec(`INSERT INTO things (body) VALUES (?)`, body)
		s.writing.Unlock()
		must(s.t, err)
	}
	return s.rows()
}

func (s *server) rows() (n int64) {
	s.t.Helper()
	must(s.t, s.db.QueryRow(`SELECT count(*) FROM things`).Scan(&n))
	return n
}

// has fails the test unless there are so many rows.
func (s *server) has(want int64) {
	s.t.Helper()
	if got := s.rows(); got != want {
		s.t.Errorf("%d rows, want %d", got, want)
	}
}

// stop closes all in the order in which main does.
func (s *server) stop() error {
	s.t.Helper()
	must(s.t, s.db.Close())
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return s.replica.Close(ctx)
}

// crash ends everything as a lost machine does: nothing more is captured, copied,
// noted or given back.
func (s *server) crash() {
	s.t.Helper()
	r := s.replica
	r.stop()
	r.leaseEnd()
	r.work.Wait()
	r.keeping.Wait()
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	r.fence.open.Store(false)
	// What a killed process leaves on the disk is what is there now; closing, which
	// it would not do, changes that.
	kept := filepath.Join(s.t.TempDir(), "kept")
	copyDatabase(s.t, s.options.Database, kept)
	must(s.t, os.MkdirAll(r.folder.meta, 0o700)) // nothing may have been captured yet
	must(s.t, os.CopyFS(kept+"-meta", os.DirFS(r.folder.meta)))
	_ = r.engine.close(ended)
	must(s.t, s.db.Close())
	copyDatabase(s.t, kept, s.options.Database)
	must(s.t, os.RemoveAll(r.folder.meta))
	must(s.t, os.Rename(kept+"-meta", r.folder.meta))
	must(s.t, r.folder.close())
}

// synced waits until the replica holds all.
func (s *server) synced() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	for {
		select {
		case err := <-s.replica.pump.join():
			if err == nil {
				return
			}
			if !sleep(ctx, 20*time.Millisecond) {
				s.t.Fatalf("not copied: %v; %+v", err, s.replica.Status())
			}
		case <-ctx.Done():
			s.t.Fatalf("not copied: %+v", s.replica.Status())
		}
	}
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// removeUnder removes a folder into which somebody may be writing.
func removeUnder(t testing.TB, folder string) {
	t.Helper()
	eventually(t, "the folder is gone", func() bool { return os.RemoveAll(folder) == nil })
}

// testLevel is how much of the log is shown.
func testLevel() slog.Level {
	if os.Getenv("REPLICA_TEST_DEBUG") != "" {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}
