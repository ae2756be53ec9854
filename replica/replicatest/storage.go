// Package replicatest is an S3 server for tests: a real one (versitygw, from the tools/s3 module) that keeps its objects in a folder, behind a
// proxy that counts what it is asked and can be told to fail in the ways in which storage fails. Tests only.
package replicatest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// What opens the server, and where a replica lies in it.
const (
	AccessKeyID     = "replicatest"
	SecretAccessKey = "replicatest's secret key 4d1b" //nolint:gosec // of a server that lives as long as a test
	Region          = "us-east-1"
	Bucket          = "replicas"
)

const startTime = 30 * time.Second

// Storage is a running server with an empty bucket. Its Proxy is the only way in.
type Storage struct {
	*Proxy
	Dir string // objects are the files below Dir/Bucket
}

// Start starts a server that ends with the test. Where it can't be built the test is skipped, or failed under CI=true.
func Start(t testing.TB) *Storage {
	t.Helper()
	program := Tool(t, "s3", "versitygw")
	s := &Storage{Dir: t.TempDir()}
	must(t, os.Mkdir(filepath.Join(s.Dir, Bucket), 0o700))
	// A socket file in a folder with a short name: there is no port to guess, and its path must fit into 108 bytes.
	folder, err := os.MkdirTemp("", "s3-")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	socket := filepath.Join(folder, "s3")
	var said bytes.Buffer
	cmd := exec.Command(program, "--access", AccessKeyID, "--secret", SecretAccessKey, "--region", Region,
		"--port", socket, "--keep-alive", "--quiet", "--health", "/healthz", "posix")
	cmd.Args = append(cmd.Args, metadata(t, s.Dir)...)
	cmd.Args = append(cmd.Args, s.Dir)
	cmd.Env = []string{"HOME=" + folder}
	cmd.Stdout, cmd.Stderr = &said, &said
	must(t, cmd.Start())
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	transport := &http.Transport{MaxIdleConnsPerHost: 64, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	awaitHealth(t, transport, ended, &said)
	s.Proxy = newProxy(t, transport)
	return s
}

// metadata says where the server keeps what a file can't hold: in extended attributes, or beside the files where there are none.
func metadata(t testing.TB, dir string) []string {
	t.Helper()
	if attributesWork(dir) {
		return nil
	}
	return []string{"--sidecar", t.TempDir()}
}

// awaitHealth asks until the server answers; each try that can't connect comes back at once, hence the pause.
func awaitHealth(t testing.TB, transport http.RoundTripper, ended <-chan struct{}, said *bytes.Buffer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	client := http.Client{Transport: transport}
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://storage/healthz", nil)
		must(t, err)
		if w, err := client.Do(r); err == nil {
			_ = w.Body.Close()
			if w.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-ended:
			t.Fatalf("the S3 server ended: %s", said.String())
		case <-ctx.Done():
			t.Fatalf("the S3 server does not answer")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Objects gives the content of every object by its key.
func (s *Storage) Objects(t testing.TB) map[string][]byte {
	t.Helper()
	objects := map[string][]byte{}
	root := filepath.Join(s.Dir, Bucket)
	must(t, filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		body, err := os.ReadFile(path)
		if os.IsNotExist(err) { // deleted meanwhile
			return nil
		}
		objects[filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator)))] = body
		return err
	}))
	return objects
}

var tools sync.Map // name → *built: each is built once in a process

type built struct {
	once sync.Once
	path string
	err  error
}

// Tool builds a program of the module tools/<module> and gives its path; Go's build cache keeps it. Where it can't be built the test is
// skipped, or failed under CI=true.
func Tool(t testing.TB, module, name string) string {
	t.Helper()
	entry, _ := tools.LoadOrStore(name, &built{})
	tool := entry.(*built)
	tool.once.Do(func() { tool.path, tool.err = build(module, name) })
	if tool.err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(tool.err)
		}
		t.Skip(tool.err)
	}
	return tool.path
}

func build(module, name string) (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "tools", module, "go.mod")); err == nil {
			break
		}
		if filepath.Dir(folder) == folder {
			return "", fmt.Errorf("no folder tools/%s above this test", module)
		}
		folder = filepath.Dir(folder)
	}
	cmd := exec.Command("go", "tool", "-n", name) // builds it, and prints where it is
	cmd.Dir = filepath.Join(folder, "tools", module)
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s can't be built here, so this is not tested: %w\n%s", name, err, said.String())
	}
	return strings.TrimSpace(string(out)), nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
