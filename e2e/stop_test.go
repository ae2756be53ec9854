package e2e

import (
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// gate lets a test hold Hostaway's answers back.
type gate struct {
	mu      sync.Mutex
	waiting chan struct{} // gets one for each held request
	open    chan struct{}
}

func newGate() *gate { return &gate{} }

// shut holds back what comes from now on, until the returned func is called.
func (g *gate) shut() (open func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	held := make(chan struct{})
	g.waiting, g.open = make(chan struct{}, 100), held
	return sync.OnceFunc(func() { close(held) })
}

func (g *gate) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		waiting, open := g.waiting, g.open
		g.mu.Unlock()
		if open != nil {
			waiting <- struct{}{}
			select {
			case <-open:
			case <-r.Context().Done():
			}
		}
		next.ServeHTTP(w, r)
	})
}

// heldCall starts a tool call and returns once Hostaway holds it back.
func heldCall(t *testing.T, g *gate, client *assistant) (answer <-chan toolAnswer, open func()) {
	t.Helper()
	open = g.shut()
	t.Cleanup(open)
	got := make(chan toolAnswer, 1)
	go func() {
		a, _ := client.call(t.Context(), "hostaway_list_properties", `{"limit":1}`)
		got <- a
	}()
	<-g.waiting
	return got, open
}

// Asked to stop, the server finishes what runs and takes nothing new.
func TestStoppingLetsRunningCallsFinish(t *testing.T) {
	t.Parallel()
	g := newGate()
	s, _, key := furnished(t, newUpstream(t, g.around))
	answer, open := heldCall(t, g, newAssistant(s.base, key))
	must(t, s.cmd.Process.Signal(syscall.SIGTERM))
	s.waitFor(s.errOut, `msg="(stopping): `)
	open()
	if a := <-answer; !a.ok() {
		t.Errorf("the running call got %d %s", a.status, a.body)
	}
	if code := s.wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if _, err := newAssistant(s.base, key).call(t.Context(), "hostaway_whoami", `{}`); err == nil {
		t.Error("the stopped server answers")
	}
}

// Asked twice, and not by two signals of one moment, it ends at once.
func TestASecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	g := newGate()
	s, _, key := furnished(t, newUpstream(t, g.around))
	_, open := heldCall(t, g, newAssistant(s.base, key))
	must(t, s.cmd.Process.Signal(syscall.SIGTERM))
	s.waitFor(s.errOut, `msg="(stopping): `)
	ended := make(chan struct{})
	go func() { // those of the first second count as the first
		for {
			select {
			case <-ended:
				return
			case <-time.After(100 * time.Millisecond):
				_ = s.cmd.Process.Signal(syscall.SIGTERM)
			}
		}
	}()
	began := time.Now()
	code := s.wait()
	close(ended)
	if took := time.Since(began); code == 0 || took < 500*time.Millisecond || took > 8*time.Second {
		t.Errorf("exit code %d after %s, though a call was cut off", code, took)
	}
	open()
	s.run(t) // nothing was spoilt
	newAssistant(s.base, key).must(t, "hostaway_list_properties", `{"limit":1}`)
}

// The disk is full at the first start: one line that says so, and no key that
// nobody could use. It needs a small disk of its own, which only root can have;
// store's tests do the same with a limit inside the database.
func TestStartOnAFullDisk(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	script := `mount -t tmpfs -o size=16k none "$1" || exit 99; exec "$2" serve`
	cmd := exec.CommandContext(t.Context(), "unshare", "-m", "bash", "-c", script, "bash", folder, binary)
	cmd.Env = environment(t.TempDir(), "HMCP_LISTEN=127.0.0.1:0", "HMCP_DATA_DIR="+folder)
	said, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() == 99 || strings.Contains(string(said), "unshare") {
		t.Logf("no small disk to be had here (%v), so this says nothing", err)
		return
	}
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	if last := lines[len(lines)-1]; cmd.ProcessState.ExitCode() != 1 || !strings.Contains(last, "is full: free some space") {
		t.Errorf("code %d, said:\n%s", cmd.ProcessState.ExitCode(), said)
	}
}
