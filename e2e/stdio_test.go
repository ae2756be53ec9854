package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// scripted is a client that starts the program and speaks over its standard
// input and output.
type scripted struct {
	*program
	in    io.WriteCloser
	lines chan string
	id    int
}

func startScripted(t *testing.T, env []string, args ...string) *scripted {
	t.Helper()
	p := &program{t: t, out: newGrowing(), errOut: newGrowing(), ended: make(chan struct{})}
	p.cmd = newCommand(env, append([]string{"stdio"}, args...)...)
	in, err := p.cmd.StdinPipe()
	must(t, err)
	read, write := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = io.MultiWriter(p.out, write), p.errOut
	p.launch()
	go func() { <-p.ended; _ = write.Close() }()
	s := &scripted{program: p, in: in, lines: make(chan string, 16)}
	go func() {
		defer close(s.lines)
		scanner := bufio.NewScanner(read)
		scanner.Buffer(nil, 1<<20)
		for scanner.Scan() {
			s.lines <- scanner.Text()
		}
	}()
	return s
}

// ask sends a request and returns the answer with its id.
func (s *scripted) ask(method, params string) toolAnswer {
	s.t.Helper()
	s.id++
	s.tell(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`, s.id, method, params))
	deadline := time.After(patience)
	for {
		select {
		case line, open := <-s.lines:
			if !open {
				s.t.Fatalf("the program ended instead of answering %s", method)
			}
			var answer struct {
				ID *int `json:"id"`
				toolAnswer
			}
			if err := json.Unmarshal([]byte(line), &answer); err != nil {
				s.t.Fatalf("not a message on standard output: %q", line)
			}
			if answer.ID != nil && *answer.ID == s.id {
				answer.body = []byte(line)
				return answer.toolAnswer
			}
		case <-deadline:
			s.t.Fatalf("no answer to %s", method)
		}
	}
}

func (s *scripted) tell(message string) {
	s.t.Helper()
	if _, err := io.WriteString(s.in, message+"\n"); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scripted) hello() {
	s.t.Helper()
	answer := s.ask("initialize", `{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"script","version":"1"}}`)
	if !strings.Contains(string(answer.body), `"serverInfo"`) {
		s.t.Fatalf("initialize: %s", answer.body)
	}
	s.tell(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
}

func (s *scripted) tool(name, arguments string) toolAnswer {
	s.t.Helper()
	return s.ask("tools/call", fmt.Sprintf(`{"name":%q,"arguments":%s}`, name, arguments))
}

// bye closes the input, which is how clients end such programs.
func (s *scripted) bye() {
	s.t.Helper()
	must(s.t, s.in.Close())
	if code := s.wait(); code != 0 {
		s.t.Errorf("exit code %d: %s", code, s.errOut)
	}
	for line := range s.lines {
		if !strings.HasPrefix(line, "{") {
			s.t.Errorf("not a message on standard output: %q", line)
		}
	}
}

func localEnvironment(home string, up upstream, secret string, more ...string) []string {
	return environment(home, append([]string{
		"HMCP_HOSTAWAY_URL=" + up.url, fmt.Sprintf("HMCP_HOSTAWAY_ACCOUNT_ID=%d", firstAccount), "HMCP_HOSTAWAY_SECRET=" + secret,
	}, more...)...)
}

func TestStdioWorksOnAnAccountOfItsOwn(t *testing.T) {
	t.Parallel()
	up, home := newUpstream(t, nil), t.TempDir()
	for range 2 { // the second start finds what the first one made
		s := startScripted(t, localEnvironment(home, up, firstSecret))
		s.hello()
		if tools := s.ask("tools/list", `{}`); !strings.Contains(string(tools.body), "hostaway_list_properties") {
			t.Errorf("tools/list: %s", tools.body)
		}
		listed := s.tool("hostaway_list_properties", `{"limit":1}`)
		if listed.Result.IsError || !strings.Contains(string(listed.body), firstMarker) {
			t.Errorf("%s", listed.body)
		}
		s.bye()
	}
	folder := filepath.Join(home, ".config", "hostaway-mcp")
	entries, err := os.ReadDir(folder)
	must(t, err)
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v %v", e.Name(), info.Mode(), err)
		}
	}
	code, out, errOut := finish(t, environment(home, "HMCP_DATA_DIR="+folder), "admin", "key", "list", "This computer")
	if code != 0 || strings.Count(out, "stdio") != 1 {
		t.Errorf("two starts made these keys:\n%s%s", out, errOut)
	}
}

// Two clients of one person run at the same time, from the very first start.
func TestTwoStdioProgramsShareTheirFolder(t *testing.T) {
	t.Parallel()
	up, home := newUpstream(t, nil), t.TempDir()
	one, two := startScripted(t, localEnvironment(home, up, firstSecret)), startScripted(t, localEnvironment(home, up, firstSecret))
	for _, s := range []*scripted{one, two, one} {
		if s.id == 0 {
			s.hello()
		}
		if answer := s.tool("hostaway_whoami", `{}`); answer.Result.IsError || len(answer.Result.StructuredContent) == 0 {
			t.Errorf("%s", answer.body)
		}
	}
	one.bye()
	two.bye()
}

// Wrong credentials show at the first call, and right ones heal it.
func TestStdioWithWrongCredentials(t *testing.T) {
	t.Parallel()
	up, home := newUpstream(t, nil), t.TempDir()
	s := startScripted(t, localEnvironment(home, up, "not the secret"))
	s.hello()
	answer := s.tool("hostaway_list_properties", `{}`)
	if !answer.Result.IsError || !strings.Contains(strings.ToLower(answer.Result.Content[0].Text), "credentials") {
		t.Errorf("%s", answer.body)
	}
	s.bye()
	again := startScripted(t, localEnvironment(home, up, firstSecret))
	again.hello()
	if answer := again.tool("hostaway_list_properties", `{"limit":1}`); answer.Result.IsError {
		t.Errorf("%s", answer.body)
	}
	again.bye()
}

func TestStdioIsABridgeToAServer(t *testing.T) {
	t.Parallel()
	server, _, key := furnished(t, newUpstream(t, nil))
	keyFile := filepath.Join(t.TempDir(), "key")
	must(t, os.WriteFile(keyFile, []byte(key+"\n"), 0o600))
	for name, s := range map[string]*scripted{
		"key in the environment": startScripted(t, environment(t.TempDir(), "HMCP_API_KEY="+key), "--url", server.base+"/mcp"),
		"key in a file":          startScripted(t, environment(t.TempDir(), "HMCP_URL="+server.base), "--key-file", keyFile),
	} {
		s.hello()
		if answer := s.tool("hostaway_list_properties", `{"limit":1}`); answer.Result.IsError || !strings.Contains(string(answer.body), firstMarker) {
			t.Errorf("%s: %s", name, answer.body)
		}
		s.bye()
	}
	wrong := startScripted(t, environment(t.TempDir(), "HMCP_API_KEY=hmcp_nobodys"), "--url", server.base)
	if answer := wrong.ask("tools/list", `{}`); !strings.Contains(answer.Error.Message, "API key") {
		t.Errorf("a wrong key: %s", answer.body)
	}
	wrong.bye()
}

func TestStdioSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	for want, settings := range map[string][]string{
		"stdio needs a server or a Hostaway account": nil,
		"there is no API key for the server":         {"HMCP_URL=https://mcp.example.com"},
		"it must be the number":                      {"HMCP_HOSTAWAY_ACCOUNT_ID=me"},
	} {
		code, out, errOut := finish(t, environment(t.TempDir(), settings...), "stdio")
		if code != 78 || out != "" || !strings.Contains(errOut, want) {
			t.Errorf("%v: %d %q %q", settings, code, out, errOut)
		}
	}
}
