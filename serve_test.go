package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

// running is a command that goes on until it is stopped.
type running struct {
	t           *testing.T
	out, errOut *lockedBuffer
	stop        func() int
}

// start runs a command line until stop is called.
func startCommand(t *testing.T, environ []string, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{t: t, out: &lockedBuffer{}, errOut: &lockedBuffer{}}
	code := make(chan int, 1)
	go func() { code <- run(ctx, args, environ, strings.NewReader(""), r.out, r.errOut) }()
	r.stop = func() int { cancel(); c := <-code; code <- c; return c }
	t.Cleanup(func() { r.stop() })
	return r
}

// waitFor returns the first group of pattern, once from shows it.
func (r *running) waitFor(from *lockedBuffer, pattern string) string {
	r.t.Helper()
	expr := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if found := expr.FindStringSubmatch(from.String()); found != nil {
			return found[1]
		}
	}
	r.t.Fatalf("never saw %s\nout: %s\nerr: %s", pattern, r.out, r.errOut)
	return ""
}

func TestServeFromAnEmptyFolder(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "new")
	environ := []string{"HMCP_LISTEN=127.0.0.1:0", "HMCP_DATA_DIR=" + data}
	r := startCommand(t, environ)
	link := r.waitFor(r.out, `(http://\S+/setup\?link=\S+)`)
	w, err := http.Get(link)
	if err != nil || w.StatusCode != http.StatusOK {
		t.Fatalf("the set-up link: %v %v", w, err)
	}
	_ = w.Body.Close()
	if code := r.stop(); code != exitOK {
		t.Errorf("exit code %d: %s", code, r.errOut)
	}
	if strings.Contains(r.errOut.String(), "link=") || !strings.Contains(r.errOut.String(), "msg=stopped") {
		t.Errorf("log:\n%s", r.errOut)
	}
	again := startCommand(t, environ, "serve")
	if next := again.waitFor(again.out, `(http://\S+/setup\?link=\S+)`); next == link {
		t.Error("the second start prints the first link again")
	}
}

// A start that can't be is one line, and leaves the data folder as it was, but for
// the lock that kept others off it meanwhile.
func TestServeRefusesToStart(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	tests := map[string]struct {
		environ []string
		code    int
		want    string
	}{
		"port in use": {[]string{"HMCP_LISTEN=" + taken.Addr().String()}, exitFailed, "in use by another program"},
		"wrong key":   {[]string{"HMCP_MASTER_KEY=" + secret.GenerateKey().Reveal()}, exitMisused, "not among the keys given"},
		"bad setting": {[]string{"HMCP_SIGNUP=x"}, exitMisused, "HMCP_SIGNUP"},
	}
	for name, tt := range tests {
		s := newSite(t, "HMCP_LISTEN=127.0.0.1:0")
		before := listFolder(t, s.data)
		r := runCommand(t, append(s.environ, tt.environ...), "serve")
		if r.code != tt.code || !strings.Contains(r.errOut, tt.want) || strings.Count(r.errOut, "\n") != 1 || r.out != "" {
			t.Errorf("%s: %+v", name, r)
		}
		if after := strings.Replace(listFolder(t, s.data), " serve.lock", "", 1); after != before {
			t.Errorf("%s: the folder was %s and is %s", name, before, after)
		}
	}
}

func listFolder(t *testing.T, path string) string {
	t.Helper()
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return fmt.Sprint(names)
}

func TestServeRefusesANewerDatabase(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	environ := []string{"HMCP_LISTEN=127.0.0.1:0", "HMCP_DATA_DIR=" + data}
	r := startCommand(t, environ)
	r.waitFor(r.out, `(/setup)`)
	r.stop()
	path := filepath.Join(data, databaseFile)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const userVersion = 60 // its place in the header of an SQLite file
	binary.BigEndian.PutUint32(file[userVersion:], 9999)
	writeFile(t, path, string(file))
	refused := runCommand(t, environ, "serve")
	if refused.code != exitFailed || !strings.Contains(refused.errOut, "its version is 9999") || !strings.Contains(refused.errOut, "run the newer program") {
		t.Errorf("%+v", refused)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, file) {
		t.Errorf("the refused database was changed: %v", err)
	}
}

func TestStoreProblemsAreExplained(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err  error
		code int
		want string
	}{
		{fmt.Errorf("open: %w", store.ErrDiskFull), exitFailed, "the disk that holds /data is full: free some space"},
		{&store.NewerError{Have: 9, Want: 1}, exitFailed, "written by a newer hostaway-mcp"},
		{fmt.Errorf("open: %w", &secret.UnknownKeyError{ID: "abcd"}), exitMisused, "sealed with the master key abcd"},
		{fmt.Errorf("open: %w", misused("no key", "give one")), exitMisused, "no key: give one"},
		{fmt.Errorf("open: %w: page 7", store.ErrDamaged), exitFailed, "is damaged (open: the database is damaged: page 7): move hostaway-mcp.db"},
		{errors.New("malformed"), exitFailed, "can't be used (malformed)"},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		if code := report(&out, storeProblem("/data", tt.err)); code != tt.code || !strings.Contains(out.String(), tt.want) {
			t.Errorf("%v: %d %s", tt.err, code, out.String())
		}
	}
}

func TestDemoInThisProcess(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "kept")
	r := startCommand(t, []string{"HMCP_LISTEN=127.0.0.1:1"}, "demo", "--data", data, "--listen", "127.0.0.1:0", "--seed", "7")
	line := r.waitFor(r.out, `(?m)^ +(curl .*)$`)
	address := regexp.MustCompile(`http://\S+/mcp`).FindString(line)
	key := regexp.MustCompile(`hmcp_\w+`).FindString(line)
	body := regexp.MustCompile(`-d '(.*)'`).FindStringSubmatch(line)[1]
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-API-Key", key)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json, text/event-stream")
	w, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Body.Close() }()
	var answer struct {
		Result struct {
			StructuredContent struct {
				Total int `json:"total"`
			} `json:"structuredContent"`
		} `json:"result"`
	}
	if err := json.NewDecoder(w.Body).Decode(&answer); err != nil || answer.Result.StructuredContent.Total == 0 {
		t.Errorf("%d %v %+v", w.StatusCode, err, answer)
	}
	if code := r.stop(); code != exitOK {
		t.Errorf("exit code %d: %s", code, r.errOut)
	}
	if _, err := os.Stat(filepath.Join(data, databaseFile)); err != nil {
		t.Errorf("--data was not kept: %v", err)
	}
	again := runCommand(t, nil, "demo", "--data", data, "--listen", "127.0.0.1:0")
	if again.code != exitMisused || !strings.Contains(again.errOut, "holds a database already") {
		t.Errorf("a second demo in the same folder: %+v", again)
	}
}

// With its usual port taken, the demo takes another one and says so.
func TestDemoFindsAPort(t *testing.T) {
	t.Parallel()
	if blocker, err := net.Listen("tcp", demoListen); err == nil {
		defer func() { _ = blocker.Close() }()
	} // otherwise somebody else has it, which is as good
	listener, note, err := demoListener(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	if listener.Addr().String() == demoListen || !strings.Contains(note, "another port") {
		t.Errorf("%s %q", listener.Addr(), note)
	}
	if _, _, err := demoListener(t.Context(), listener.Addr().String()); err == nil || !strings.Contains(err.Error(), "--listen") {
		t.Errorf("a chosen port that is taken: %v", err)
	}
}

// The last server was killed, and the disk has lost what it held: nothing is served
// from such a file, and the operator is told what to do.
func TestServeRefusesADamagedDatabase(t *testing.T) {
	t.Parallel()
	s := newSite(t, "HMCP_LISTEN=127.0.0.1:0")
	long := strings.Repeat("x", 3000)
	for range 1500 { // more than the -wal holds before it goes into the file
		if err := s.acme.Org.RecordAction(t.Context(), s.acme.By(), store.Action{Name: "x", Detail: long}); err != nil {
			t.Fatal(err)
		}
	}
	server := startCommand(t, append(s.environ, "HMCP_LOG_LEVEL=info"), "serve")
	server.waitFor(server.errOut, `(msg=serving)`)
	crashed := t.TempDir() // as it would lie there after a crash
	for _, name := range []string{databaseFile, databaseFile + "-wal", masterKeyFile} {
		writeFile(t, filepath.Join(crashed, name), s.read(filepath.Join(s.data, name)))
	}
	server.stop()
	environ := []string{"HMCP_LISTEN=127.0.0.1:0", "HMCP_DATA_DIR=" + crashed, "HMCP_LOG_LEVEL=info"}
	path := filepath.Join(crashed, databaseFile)
	file := []byte(s.read(path))
	for at := 8 << 10; at+4096 <= len(file); at += 4096 {
		copy(file[at:], make([]byte, 512))
	}
	writeFile(t, path, string(file))
	r := runCommand(t, environ, "serve")
	if r.code != exitFailed || !strings.Contains(r.errOut, "is damaged") || !strings.Contains(r.errOut, "restore") || strings.Contains(r.errOut, "msg=serving") {
		t.Errorf("code %d: %s", r.code, r.errOut)
	}
}

// TestAStopDuringTheStartIsNoFailure: at whichever step of it the stop comes.
func TestAStopDuringTheStartIsNoFailure(t *testing.T) {
	t.Parallel()
	environ := []string{"HMCP_DATA_DIR=" + t.TempDir(), "HMCP_LISTEN=127.0.0.1:0", "HMCP_LOG_LEVEL=error"}
	for i := range 12 {
		r := startCommand(t, environ, "serve")
		time.Sleep(time.Duration(i) * 12 * time.Millisecond) // later each time
		if code := r.stop(); code != exitOK {
			t.Errorf("stopped after %d ms: code %d\n%s", i*12, code, r.errOut)
		}
	}
}
