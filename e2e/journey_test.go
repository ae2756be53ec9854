package e2e

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// From an empty folder to the first tool call, and to the end of a key.
func TestAManagerSignsUpConnectsAndAsks(t *testing.T) {
	t.Parallel()
	s, v, key := furnished(t, newUpstream(t, nil))
	client := newAssistant(s.base, key)
	listed := client.must(t, "hostaway_list_properties", `{"limit":2}`)
	if !strings.Contains(string(listed.body), firstMarker) {
		t.Errorf("not this account's listings: %s", listed.body)
	}
	if overview := v.get("/usage"); !strings.Contains(overview.body, "hostaway_list_properties") {
		t.Error("the usage page does not show the call")
	}

	id := regexp.MustCompile(`/keys/(key_\w+)/revoke`).FindStringSubmatch(v.get("/keys").body)
	if id == nil {
		t.Fatal("the keys page has no revoke link")
	}
	revoke := "/keys/" + id[1] + "/revoke"
	if landed := v.submit(v.get(revoke), revoke, nil); landed.status != http.StatusOK {
		t.Fatalf("revoking: %d", landed.status)
	}
	refused, err := client.call(t.Context(), "hostaway_list_properties", `{}`)
	if err != nil || refused.status != http.StatusUnauthorized {
		t.Errorf("a revoked key: %d %v %s", refused.status, err, refused.body)
	}
	if code := s.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// The set-up link is good once, and is not printed any more afterwards.
func TestTheSetUpLinkIsGoodOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t, newUpstream(t, nil)).run(t)
	link := s.setUpLink()
	newVisitor(t, s.base).signUp(link, owner())
	if again := newVisitor(t, s.base).get(link); again.status < 400 {
		t.Errorf("the used link answers %d", again.status)
	}
	s.stop()
	s.run(t)
	if strings.Contains(s.out.String(), "/setup?link=") {
		t.Errorf("a second start prints a link: %s", s.out)
	}
}

func TestConnectingWithWrongCredentials(t *testing.T) {
	t.Parallel()
	up := newUpstream(t, nil)
	s := newServer(t, up).run(t)
	v := newVisitor(t, s.base)
	v.signUp(s.setUpLink(), owner())
	landed := v.connect(strconv.Itoa(firstAccount), "not the secret")
	if !strings.Contains(landed.body, "Hostaway refused these credentials") {
		t.Errorf("%d %s", landed.status, clip(landed.body))
	}
	client := newAssistant(s.base, v.createKey("early"))
	answer, err := client.call(t.Context(), "hostaway_list_properties", `{}`)
	if err != nil || !answer.Result.IsError || !strings.Contains(answer.Result.Content[0].Text, "/connection") {
		t.Errorf("a tool without a connection: %v %s", err, answer.body)
	}
	connected(t, v.connect(strconv.Itoa(firstAccount), firstSecret))
	client.must(t, "hostaway_list_properties", `{}`)
}

// Credentials that Hostaway refuses later are shown as such, and come back by
// reconnecting.
func TestCredentialsRefusedLater(t *testing.T) {
	t.Parallel()
	up := newUpstream(t, nil)
	s, v, key := furnished(t, up)
	client := newAssistant(s.base, key)
	client.must(t, "hostaway_list_properties", `{}`)
	up.first.SetSecret("a new secret")
	up.first.RevokeTokens()
	answer, err := client.call(t.Context(), "hostaway_list_properties", `{"limit":1}`)
	if err != nil || !answer.Result.IsError {
		t.Fatalf("%v %s", err, answer.body)
	}
	if shown := v.get("/connection"); !strings.Contains(shown.body, "Credentials refused") {
		t.Error("the connection page does not say that the credentials are refused")
	}
	const replace = "/connection/secret"
	connected(t, v.submit(v.get(replace), replace, map[string]string{"secret": "a new secret"}))
	client.must(t, "hostaway_list_properties", `{"limit":1}`)
}

// Unknown addresses are 404 with or without a key; known ones without a key
// are 401; machines get JSON.
func TestUnknownAndKnownAddresses(t *testing.T) {
	t.Parallel()
	s, _, key := furnished(t, newUpstream(t, nil))
	tests := []struct {
		method, path string
		json         bool
		without      int
		with         int
	}{
		{"POST", "/mcp", true, 401, 0}, // with a key the answer depends on the message
		{"GET", "/mcp", true, 401, 405},
		{"POST", "/mcp/", true, 404, 404},
		{"POST", "/mcp/sse", true, 404, 404},
		{"GET", "/.well-known/oauth-protected-resource", true, 404, 404},
		{"GET", "/.well-known/oauth-authorization-server/mcp", true, 404, 404},
		{"POST", "/oauth/register", true, 404, 404},
		{"POST", "/webhooks/stripe", true, 404, 404},
		{"GET", "/api/api-keys", true, 401, 401}, // a session counts there, not a key
		{"GET", "/api/nothing", true, 404, 404},
		{"GET", "/nothing", true, 404, 404}, // JSON too: the caller below sends and takes JSON,
	}
	for _, tt := range tests {
		for header, want := range map[string]int{"": tt.without, key: tt.with} {
			if want == 0 {
				continue
			}
			r, err := http.NewRequestWithContext(t.Context(), tt.method, s.base+tt.path, strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"ping"}`))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Accept", "application/json, text/event-stream")
			r.Header.Set("X-API-Key", header)
			w, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = w.Body.Close()
			isJSON := strings.HasPrefix(w.Header.Get("Content-Type"), "application/json")
			if w.StatusCode != want || isJSON != tt.json {
				t.Errorf("%s %s (key: %v): %d %s, want %d", tt.method, tt.path, header != "", w.StatusCode, w.Header.Get("Content-Type"), want)
			}
		}
	}
}

// The files of the data folder are for the server's user alone.
func TestTheDataFolderIsPrivate(t *testing.T) {
	t.Parallel()
	s := newServer(t, newUpstream(t, nil)).run(t)
	err := filepath.Walk(s.data, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has rights %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"hostaway-mcp.db", "master.key"} {
		if _, err := os.Stat(filepath.Join(s.data, name)); err != nil {
			t.Error(err)
		}
	}
}

// What goes wrong at the start is one line that says what to do.
func TestStartsThatFail(t *testing.T) {
	t.Parallel()
	up := newUpstream(t, nil)
	s, _, _ := furnished(t, up)
	s.stop()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	empty := filepath.Join(t.TempDir(), "empty")
	const otherKey = "HMCP_MASTER_KEY=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	tests := []struct {
		name  string
		env   []string
		spoil func()
		code  int
		want  string
	}{
		{"port in use", []string{"HMCP_LISTEN=" + taken.Addr().String(), "HMCP_DATA_DIR=" + empty}, nil, 1, "is in use by another program"},
		{"wrong setting", []string{"HMCP_SIGNUP=maybe", "HMCP_DATA_DIR=" + empty}, nil, 78, "one of closed, invite, open"},
		{"folder is a file", []string{"HMCP_DATA_DIR=" + binary}, nil, 1, "can't be written to"},
		{"another master key", []string{otherKey}, nil, 78, "not among the keys given"},
		{"master key gone", nil, func() { must(t, os.Rename(filepath.Join(s.data, "master.key"), filepath.Join(s.data, "away"))) }, 78, "the master key is missing"},
		{"master key spoilt", nil, func() { must(t, os.WriteFile(filepath.Join(s.data, "master.key"), []byte("oops"), 0o600)) }, 78, "does not hold a key"},
	}
	for _, tt := range tests {
		if tt.spoil != nil {
			tt.spoil()
		}
		code, out, errOut := finish(t, append(append([]string{}, s.env...), tt.env...), "serve")
		lines := strings.Split(strings.TrimSpace(errOut), "\n")
		last := lines[len(lines)-1]
		if code != tt.code || !strings.Contains(last, tt.want) || !strings.HasPrefix(last, "hostaway-mcp: ") || out != "" {
			t.Errorf("%s: code %d, out %q, said:\n%s", tt.name, code, out, errOut)
		}
	}
	if _, err := os.Stat(empty); err == nil {
		t.Error("a start that failed before it needed the data folder made it")
	}
	must(t, os.Rename(filepath.Join(s.data, "away"), filepath.Join(s.data, "master.key")))
	s.run(t) // nothing was spoilt
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The command line works beside a running server, on the same database.
func TestAdminBesideARunningServer(t *testing.T) {
	t.Parallel()
	s, _, _ := furnished(t, newUpstream(t, nil))
	code, out, errOut := s.admin(t, "key", "create", owner().org, "from the command line")
	key := strings.TrimSpace(out)
	if code != 0 || !keyText.MatchString(key) {
		t.Fatalf("%d %s %s", code, out, errOut)
	}
	newAssistant(s.base, key).must(t, "hostaway_whoami", `{}`)
	code, out, _ = s.admin(t, "member", "add", owner().org, "cleo@alpha.example", "--role", "admin", "--name", "Cleo")
	reset := regexp.MustCompile(`http://\S+/reset/\S+`).FindString(out)
	if code != 0 || reset == "" {
		t.Fatalf("%d %s", code, out)
	}
	// The printed address is made from the settings; here the port was free to choose.
	path := reset[strings.Index(reset, "/reset/"):]
	newcomer := newVisitor(t, s.base)
	newcomer.submit(newcomer.get(path), path, map[string]string{"password": "a password of my own 3", "repeat": "a password of my own 3"})
	landed := newcomer.submit(newcomer.get("/login"), "/login", map[string]string{"email": "cleo@alpha.example", "password": "a password of my own 3"})
	if landed.path != "/" {
		t.Errorf("signing in landed on %s (%d)", landed.path, landed.status)
	}
	code, out, _ = s.admin(t, "org", "list")
	if code != 0 || !regexp.MustCompile(`Alpha Stays +2 +2 +`+strconv.Itoa(firstAccount)+` connected`).MatchString(out) {
		t.Errorf("%d\n%s", code, out)
	}
}

// Keys rotate while the server runs, and what was sealed before still opens.
func TestRotatingTheMasterKeyBesideARunningServer(t *testing.T) {
	t.Parallel()
	s, v, key := furnished(t, newUpstream(t, nil))
	client := newAssistant(s.base, key)
	client.must(t, "hostaway_list_properties", `{"limit":1}`)
	before, err := os.ReadFile(filepath.Join(s.data, "master.key"))
	must(t, err)
	code, out, errOut := finish(t, s.env, "rotate-key")
	if code != 0 || !strings.Contains(out, "Nothing is left under another") {
		t.Fatalf("%d %s %s", code, out, errOut)
	}
	after, err := os.ReadFile(filepath.Join(s.data, "master.key"))
	must(t, err)
	if !strings.HasSuffix(strings.TrimSpace(string(after)), "\n"+strings.TrimSpace(string(before))) {
		t.Error("the old key is not kept behind the new one")
	}
	client.must(t, "hostaway_list_properties", `{"limit":1}`)
	if tested := v.submit(v.get("/connection"), "/connection/test", nil); tested.status != http.StatusOK || !strings.Contains(tested.body, "Connected") {
		t.Errorf("the running server can't open what is sealed with the new key: %d %s", tested.status, clip(tested.body))
	}
	s.stop()
	// Without the old key everything still opens.
	newOnly, _, _ := strings.Cut(string(after), "\n")
	must(t, os.WriteFile(filepath.Join(s.data, "master.key"), []byte(newOnly+"\n"), 0o600))
	s.run(t)
	newAssistant(s.base, key).must(t, "hostaway_list_properties", `{"limit":1}`)
}
