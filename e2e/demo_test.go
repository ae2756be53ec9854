package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// answerAim is how soon after its start the demo answers the line it prints.
const answerAim = 2 * time.Second

// runDemo starts the demo, pastes its curl line into a shell, and returns the
// tool's answer and how long all of it took.
func runDemo(t *testing.T, args ...string) (*program, json.RawMessage, time.Duration) {
	t.Helper()
	p := start(t, environment(t.TempDir()), append([]string{"demo", "--listen", "127.0.0.1:0"}, args...)...)
	line := p.waitFor(p.out, `(?m)^\s*(curl .*)$`)
	shell := exec.CommandContext(t.Context(), "bash", "-c", line)
	var errOut bytes.Buffer
	shell.Stderr = &errOut
	out, err := shell.Output()
	took := time.Since(p.started)
	if err != nil {
		t.Fatalf("%s: %v %s", line, err, errOut.String())
	}
	var answer toolAnswer
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatalf("the answer is not JSON: %v\n%s", err, out)
	}
	if answer.Result.IsError || len(answer.Result.StructuredContent) == 0 {
		t.Fatalf("the tool failed: %s", out)
	}
	return p, answer.Result.StructuredContent, took
}

// How soon is told, not judged: it depends on what else the machine does.
func TestDemoAnswersItsCurlLine(t *testing.T) {
	t.Parallel()
	_, _, took := runDemo(t)
	t.Logf("answered %v after the start, aim %v", took, answerAim)
}

func TestDemoFollowsItsSeed(t *testing.T) {
	t.Parallel()
	_, one, _ := runDemo(t, "--seed", "1")
	_, again, _ := runDemo(t, "--seed=1")
	_, two, _ := runDemo(t, "--seed", "2")
	if !bytes.Equal(one, again) {
		t.Errorf("the same seed answers differently:\n%s\n%s", one, again)
	}
	if bytes.Equal(one, two) {
		t.Errorf("another seed answers the same:\n%s", one)
	}
}

// The printed sign-in works, and Ctrl-C leaves nothing behind.
func TestDemoLetsPeopleInAndCleansUp(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	p := start(t, environment(home), "demo", "--listen", "127.0.0.1:0")
	base := p.waitFor(p.out, `Dashboard\s+(http://\S+)`)
	email, password := p.waitFor(p.out, `Sign in\s+(\S+@\S+)`), p.waitFor(p.out, `password\s+(\S+)`)
	v := newVisitor(t, base)
	landed := v.submit(v.get("/login"), "/login", map[string]string{"email": email, "password": password})
	if landed.status != http.StatusOK || landed.path != "/" || !strings.Contains(landed.body, "(demo)") {
		t.Errorf("signing in landed on %s (%d)", landed.path, landed.status)
	}
	if left, _ := os.ReadDir(home); len(left) == 0 {
		t.Error("the demo keeps its data somewhere else than in a temporary folder")
	}
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if code := p.wait(); code != 0 {
		t.Errorf("exit code %d: %s", code, p.errOut)
	}
	if left, _ := os.ReadDir(home); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// The client configuration that is printed is what clients read.
func TestDemoPrintsAClientConfiguration(t *testing.T) {
	t.Parallel()
	p := start(t, environment(t.TempDir()), "demo", "--listen", "127.0.0.1:0")
	var config struct {
		Servers map[string]struct {
			URL     string            `json:"url"`
			Headers map[string]string `json:"headers"`
		} `json:"mcpServers"`
	}
	if err := json.Unmarshal([]byte(p.waitFor(p.out, `(?m)^\s*(\{"mcpServers".*)$`)), &config); err != nil {
		t.Fatal(err)
	}
	for _, server := range config.Servers {
		client := newAssistant(strings.TrimSuffix(server.URL, "/mcp"), server.Headers["X-API-Key"])
		client.must(t, "hostaway_whoami", `{}`)
		add := p.waitFor(p.out, `(?m)^\s*(claude mcp add .*)$`)
		if !strings.Contains(add, server.URL) || !strings.Contains(add, client.key) {
			t.Errorf("the command for Claude Code names another server or key: %s", add)
		}
	}
	if len(config.Servers) != 1 {
		t.Errorf("%d servers", len(config.Servers))
	}
}
