package e2e

import (
	"bytes"
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"hostaway-mcp/replica/replicatest"
)

// exitTakenOver is the exit code of a server that must not go on, because another one has its replica.
const exitTakenOver = 75

// pair is a server under load and a second one that was started on the same replica.
type pair struct {
	storage         *replicatest.Storage
	primary, second *server
	toPrimary       *replicatest.Proxy // the primary's own way to the storage
	v               *visitor
	key             string
	books           *ledger // what the primary acknowledged
	stopLoad        func()
}

// newPair starts both; the second finds that it may not serve.
func newPair(t *testing.T, settings ...string) *pair {
	t.Helper()
	p := &pair{storage: replicatest.Start(t), books: &ledger{}}
	p.toPrimary = p.storage.Another(t)
	p.primary = newReplicated(t, newUpstream(t, nil), p.toPrimary, settings...).run(t, firstStart)
	p.v, p.key = furnish(t, p.primary)
	p.second = p.primary.beside(t, p.storage.Proxy)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		load{callers: 2, pause: 20 * time.Millisecond}.run(ctx, p.primary, p.key, p.v, p.books)
	}()
	p.stopLoad = func() { cancel(); <-done }
	t.Cleanup(p.stopLoad)
	p.v.awaitCopied()
	p.second.program = start(t, p.second.env, "serve")
	return p
}

// takenOver waits until the second server serves, and has it do some work.
func (p *pair) takenOver(t *testing.T) *ledger {
	t.Helper()
	p.second.base = p.second.waitLong(p.second.errOut, `msg=serving .*url=(\S+)`)
	books := &ledger{}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	v := newVisitor(t, p.second.base)
	v.http.Jar = p.v.http.Jar
	load{callers: 2, pause: 20 * time.Millisecond}.run(ctx, p.second, p.key, v, books)
	if len(books.calls) == 0 || books.failed.Load() > 0 {
		t.Errorf("the second server answered %d calls and failed in %d", len(books.calls), books.failed.Load())
	}
	newAssistant(p.second.base, p.key).must(t, "hostaway_list_properties", `{"limit":1}`)
	return books
}

// restores stops the second server and checks that the replica holds all that it did, and what it had from the first without a gap.
func (p *pair) restores(t *testing.T, second *ledger) map[string]bool {
	t.Helper()
	if code := p.second.stop(); code != 0 {
		t.Errorf("the second server ended with %d", code)
	}
	to := filepath.Join(t.TempDir(), "restored.db")
	if code, out, errOut := finish(t, p.second.env, "restore", "--to", to); code != 0 {
		t.Fatalf("restore: %d %s%s", code, out, errOut)
	}
	db := openDatabase(t, to)
	db.intact(t)
	holdsAll(t, db, second, "the second server")
	if !bytes.Equal(db.dump(t), copyOfDatabase(t, p.second.data).dump(t)) {
		t.Error("what is restored differs from what the second server had")
	}
	held := db.set(t, callsHeld)
	if found := gaps(p.books.calls, held); len(found) > 0 {
		t.Errorf("the first server: %v", found)
	}
	return held
}

// comesBack starts the primary again after the second server has written: it takes what the replica has, and what it alone has acknowledged
// is kept in a file that it names, whole.
func (p *pair) comesBack(t *testing.T, second *ledger) {
	t.Helper()
	lost := missing(p.books.calls, p.restores(t, second))
	t.Logf("the first server acknowledged %d calls, and %d of them did not reach the replica", len(p.books.calls), len(lost))
	p.primary.run(t)
	db := openDatabase(t, databaseOf(p.primary))
	db.intact(t)
	holdsAll(t, db, second, "the first server, back again")
	aside, err := filepath.Glob(filepath.Join(p.primary.data, "set-aside", "*", databaseName))
	must(t, err)
	if len(aside) != 1 || !strings.Contains(p.primary.errOut.String(), filepath.Dir(aside[0])) {
		t.Errorf("set aside are %v, and the server said:\n%s", aside, clip(p.primary.errOut.String()))
	}
	for _, path := range aside {
		db := openDatabase(t, path)
		db.intact(t)
		if lost = missing(lost, db.set(t, callsHeld)); len(lost) > 0 {
			t.Errorf("%d calls are neither in the replica nor in what was set aside", len(lost))
		}
	}
	if code := p.primary.stop(); code != 0 {
		t.Errorf("the first server ended with %d", code)
	}
}

// endsTakenOver checks how the primary ends, and that it says why and what to do.
func (p *pair) endsTakenOver(t *testing.T) {
	t.Helper()
	if code := p.primary.wait(); code != exitTakenOver {
		t.Errorf("the first server ended with %d", code)
	}
	p.stopLoad()
	lines := strings.Split(strings.TrimSpace(p.primary.errOut.String()), "\n")
	t.Logf("it said: %s", lines[len(lines)-1])
}

// waitLong is waitFor where a lease has to run out first.
func (p *program) waitLong(from *growing, pattern string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 4*patience)
	defer cancel()
	return p.waitUntil(ctx, from, pattern)
}

// An overlapping deploy: for a minute two servers want the same replica. One serves; when it stops, the other goes on with everything.
func TestTwoServersOnOneReplica(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	rest(t.Context(), sized(5*time.Second, 20*time.Second, time.Minute))
	if strings.Contains(p.second.errOut.String(), "msg=serving") {
		t.Error("both servers serve")
	}
	p.stopLoad()
	if failed := p.books.failed.Load(); failed > 0 {
		t.Errorf("%d calls failed", failed)
	}
	if code := p.primary.stop(); code != 0 {
		t.Errorf("the first server ended with %d", code)
	}
	second := p.takenOver(t)
	if lost := missing(p.books.calls, p.restores(t, second)); len(lost) > 0 {
		t.Errorf("%d calls that the first server acknowledged before it stopped are lost", len(lost))
	}
}

// The primary's machine sleeps for longer than its lease lasts. The second server takes over; the first one ends when it wakes, before it
// writes anything to the replica.
func TestASuspendedPrimaryWakes(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	must(t, p.primary.cmd.Process.Signal(syscall.SIGSTOP))
	second := p.takenOver(t)
	must(t, p.primary.cmd.Process.Signal(syscall.SIGCONT))
	p.endsTakenOver(t)
	p.comesBack(t, second)
}

// The primary is cut off from the storage and goes on serving its clients; the second server takes over. When the storage is back for the
// first one it ends, and keeps what only it has.
func TestAPrimaryIsCutOffFromTheStorage(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.toPrimary.SetFault(replicatest.Always(replicatest.Refuse))
	second := p.takenOver(t)
	newAssistant(p.primary.base, p.key).must(t, "hostaway_whoami", `{}`)
	p.toPrimary.SetFault(nil)
	p.endsTakenOver(t)
	p.comesBack(t, second)
}

// With a standby one may want a primary that ends by itself: then never do two serve.
func TestAPrimaryThatIsCutOffEndsWhereToldTo(t *testing.T) {
	t.Parallel()
	p := newPair(t, "HMCP_LEASE_LOST=exit")
	p.toPrimary.SetFault(replicatest.Always(replicatest.Refuse))
	second := p.takenOver(t)
	select {
	case <-p.primary.ended:
	default:
		t.Error("the first server still serves")
	}
	p.endsTakenOver(t)
	p.toPrimary.SetFault(nil)
	p.comesBack(t, second)
}

// The lease is lost in mid-write: the primary gives up on what it was sending, and the storage takes it all the same. It is a change of rows
// that the second server never touches, so that nothing it writes later can hide a mix of both.
func TestALateWriteOfTheLastHolder(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.stopLoad()
	p.v.awaitCopied()
	p.toPrimary.Forget()
	p.toPrimary.SetFault(replicatest.Always(replicatest.Late))
	code, out, errOut := p.primary.admin(t, "member", "add", owner().org, "late@alpha.example", "--name", "Late")
	t.Logf("member add: %d %s%s", code, out, errOut)
	second := p.takenOver(t)
	p.toPrimary.SetFault(nil)
	p.endsTakenOver(t)
	arrived := 0
	for _, c := range p.toPrimary.Calls() {
		if c.Kind == replicatest.Put && strings.HasSuffix(c.Key, ".ltx") && c.Status == http.StatusOK {
			arrived++
		}
	}
	if arrived == 0 {
		t.Error("nothing arrived late, so this proves nothing")
	}
	p.comesBack(t, second)
}
