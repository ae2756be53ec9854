// Package e2e builds the program once and uses it as people do: by its
// commands, its pages, its endpoint and its files, and by nothing else.
package e2e

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything may take before a test gives up. It is never
// waited for when all is well.
const patience = 30 * time.Second

// binary is the built program.
var binary string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	folder, err := os.MkdirTemp("", "hostaway-mcp-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(folder) }()
	binary = filepath.Join(folder, "hostaway-mcp")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	runMany()
	code := m.Run()
	closeBrowser()
	return code
}

// runMany lets more tests run at once than there are processors, unless -parallel says how many: most wait most of the time.
func runMany() {
	flag.Parse()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "test.parallel" })
	if !said {
		_ = flag.Set("test.parallel", "6") // a number is always taken
	}
}

// program is a running child process with what it has written so far.
type program struct {
	t       *testing.T
	cmd     *exec.Cmd
	out     *growing // standard output
	errOut  *growing // standard error
	started time.Time
	ended   chan struct{}
}

// growing collects output and lets a test wait for some of it.
type growing struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func newGrowing() *growing { return &growing{changed: make(chan struct{})} }

func (g *growing) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.changed)
	g.changed = make(chan struct{})
	return g.text.Write(p)
}

func (g *growing) read() (string, <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.text.String(), g.changed
}

func (g *growing) String() string {
	text, _ := g.read()
	return text
}

// environment is what a child gets: none of ours but the path, and a home of
// its own.
func environment(home string, settings ...string) []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home}, settings...)
}

// start runs the program; it is killed at the end of the test if need be.
func start(t *testing.T, env []string, args ...string) *program {
	t.Helper()
	p := &program{t: t, cmd: newCommand(env, args...), out: newGrowing(), errOut: newGrowing(), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.errOut
	p.launch()
	return p
}

func newCommand(env []string, args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Env = env
	return cmd
}

func (p *program) launch() {
	p.t.Helper()
	p.started = time.Now()
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() { _ = p.cmd.Wait(); close(p.ended) }()
	p.t.Cleanup(func() {
		p.kill()
		if p.t.Failed() {
			p.t.Logf("%s\nstdout:\n%s\nstderr:\n%s", strings.Join(p.cmd.Args[1:], " "), clip(p.out.String()), clip(p.errOut.String()))
		}
	})
}

func clip(s string) string {
	const most = 2000
	if len(s) > most {
		return "…" + s[len(s)-most:]
	}
	return s
}

// waitFor returns the first group of pattern once from shows it.
func (p *program) waitFor(from *growing, pattern string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	return p.waitUntil(ctx, from, pattern)
}

func (p *program) waitUntil(ctx context.Context, from *growing, pattern string) string {
	p.t.Helper()
	expr := regexp.MustCompile(pattern)
	for {
		text, changed := from.read()
		if found := expr.FindStringSubmatch(text); found != nil {
			return found[len(found)-1]
		}
		select {
		case <-changed:
		case <-p.ended:
			if text, _ := from.read(); expr.MatchString(text) {
				continue
			}
			p.t.Fatalf("the program ended with code %d before it wrote %s", p.cmd.ProcessState.ExitCode(), pattern)
		case <-ctx.Done():
			p.t.Fatalf("the program did not write %s", pattern)
		}
	}
}

// kill ends the program as a power cut would.
func (p *program) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// stop asks the program to end, and returns its exit code.
func (p *program) stop() int {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatal(err)
	}
	return p.wait()
}

func (p *program) wait() int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatal("the program did not end")
	}
	return p.cmd.ProcessState.ExitCode()
}

// finish runs a command that ends by itself.
func finish(t *testing.T, env []string, args ...string) (code int, out, errOut string) {
	t.Helper()
	p := start(t, env, args...)
	code = p.wait()
	return code, p.out.String(), p.errOut.String()
}
