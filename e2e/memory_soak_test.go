package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hostaway-mcp/secret"
)

// How much memory serving may take, in bytes: after the start, and after many calls and a while of rest. The aims decide where nothing else runs;
// elsewhere twice as much does, which only a leak takes.
const (
	memoryAtStart    = 80_000_000
	memoryAfterCalls = 150_000_000
)

// A server by itself and one that copies its database both stay modest.
func TestMemoryStaysModest(t *testing.T) {
	soakOnly(t)
	for name, settings := range map[string]func(t *testing.T) []string{
		"alone": func(*testing.T) []string { return nil },
		"with a copy and figures": func(t *testing.T) []string {
			return []string{
				"HMCP_REPLICA_URL=file://" + filepath.Join(t.TempDir(), "copy"), "HMCP_MASTER_KEY=" + secret.GenerateKey().Reveal(),
				"HMCP_METRICS_LISTEN=127.0.0.1:0",
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			given := settings(t)
			s := newServer(t, newUpstream(t, nil), given...)
			s.program = start(t, s.env, "serve", "--first-start")
			s.base = s.waitFor(s.errOut, `msg=serving .*url=(\S+)`)
			atStart := s.resident(t)
			v := newVisitor(t, s.base)
			v.signUp(s.setUpLink(), owner())
			connected(t, v.connect(strconv.Itoa(firstAccount), firstSecret))
			key := v.createKey("first")
			began := time.Now()
			callAround(t, newAssistant(s.base, key), sized(1000, 2000, 10_000))
			took, busy := time.Since(began), s.resident(t)
			rest := sized(time.Second, 5*time.Second, time.Minute)
			select {
			case <-time.After(rest):
			case <-s.ended:
				t.Fatal("the server ended by itself")
			}
			after := s.resident(t)
			t.Logf("resident: %.0f MB after the start, %.0f MB after the calls (%v), %.0f MB after %v of rest",
				mega(atStart), mega(busy), took.Round(time.Millisecond), mega(after), rest)
			slack := int64(2)
			if strict() {
				slack = 1
			}
			if atStart > slack*memoryAtStart || after > slack*memoryAfterCalls {
				t.Errorf("that is more than %.0f MB and %.0f MB", mega(slack*memoryAtStart), mega(slack*memoryAfterCalls))
			}
			if code := s.stop(); code != 0 {
				t.Errorf("exit code %d\n%s", code, clip(s.errOut.String()))
			}
		})
	}
}

// callAround makes n calls from many clients at once, of tools with small and with large answers.
func callAround(t *testing.T, client *assistant, n int) {
	t.Helper()
	kinds := [][2]string{
		{"hostaway_whoami", `{}`},
		{"hostaway_list_properties", `{"limit":50}`},
		{"hostaway_search_bookings", `{"limit":50}`},
		{"hostaway_get_financial_summary", `{"from":"2026-10-01","to":"2026-10-08"}`},
	}
	var left atomic.Int64
	left.Store(int64(n))
	var clients sync.WaitGroup
	for range 32 {
		clients.Go(func() {
			for i := left.Add(-1); i >= 0; i = left.Add(-1) {
				kind := kinds[i%int64(len(kinds))]
				if answer, err := client.call(t.Context(), kind[0], kind[1]); err != nil || !answer.ok() {
					t.Errorf("%s: %d %v %s", kind[0], answer.status, err, clip(string(answer.body)))
					return
				}
			}
		})
	}
	clients.Wait()
}

// resident is the memory that the program holds, in bytes.
func (p *program) resident(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	must(t, err)
	for line := range strings.Lines(string(status)) {
		if text, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kilo, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "kB")), 10, 64)
			must(t, err)
			return kilo << 10
		}
	}
	t.Fatal("the system does not say how much memory a process holds")
	return 0
}

func mega(bytes int64) float64 { return float64(bytes) / 1e6 }
