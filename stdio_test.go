package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"hostaway-mcp/hostaway/hostawaytest"
	"hostaway-mcp/secret"
	"hostaway-mcp/store/storetest"
)

const whoami = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"hostaway_whoami","arguments":{}}}` + "\n"

// speak runs stdio with this input and returns what it answers.
func speak(t *testing.T, environ []string, input string, args ...string) result {
	t.Helper()
	var out, errOut bytes.Buffer
	code := run(t.Context(), append([]string{"stdio"}, args...), environ, strings.NewReader(input), &out, &errOut)
	return result{code, out.String(), errOut.String()}
}

func TestStdioLocal(t *testing.T) {
	t.Parallel()
	fake := hostawaytest.Start(hostawaytest.Options{ActivationDelay: -1})
	t.Cleanup(fake.Close)
	fake.AddAccount(hostawaytest.Account{ID: alphaID, Secret: alphaSecret, Today: "2026-11-20"})
	data := filepath.Join(t.TempDir(), "data")
	environ := []string{"HMCP_DATA_DIR=" + data, "HMCP_HOSTAWAY_URL=" + fake.URL(), fmt.Sprintf("HMCP_HOSTAWAY_ACCOUNT_ID=%d", alphaID)}
	right := append(environ, "HMCP_HOSTAWAY_SECRET="+alphaSecret)
	listed := speak(t, right, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`+"\n")
	if listed.code != exitOK || !strings.Contains(listed.out, "hostaway_list_properties") {
		t.Fatalf("%+v", listed)
	}
	if len(fake.Calls()) > 0 {
		t.Error("Hostaway was asked before a tool needed it")
	}
	// There is no dashboard here to send people to.
	wrong := speak(t, append(environ, "HMCP_HOSTAWAY_SECRET=wrong", "HMCP_DATA_DIR="+data+"-wrong"), `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"hostaway_list_properties","arguments":{}}}`+"\n")
	if !strings.Contains(wrong.out, "HMCP_HOSTAWAY_SECRET") || strings.Contains(wrong.out, "http://") {
		t.Errorf("wrong credentials: %+v", wrong)
	}
	key, err := os.ReadFile(filepath.Join(data, localKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	if again := speak(t, right, whoami); again.code != exitOK {
		t.Errorf("%+v", again)
	}
	if kept, _ := os.ReadFile(filepath.Join(data, localKeyFile)); !bytes.Equal(kept, key) {
		t.Error("a second start made another key")
	}
	// A key file that opens nothing is replaced, until an org may have no more keys:
	// none of them is taken from a client that may be using it.
	for n := range 4 {
		writeFile(t, filepath.Join(data, localKeyFile), fmt.Sprintf("hmcp_%d", n))
		if r := speak(t, right, whoami); r.code != exitOK || !strings.Contains(r.out, localOrg) {
			t.Fatalf("after losing the key %d times: %+v", n+1, r)
		}
	}
	writeFile(t, filepath.Join(data, localKeyFile), "hmcp_lost")
	if r := speak(t, right, whoami); r.code != exitMisused || !strings.Contains(r.errOut, "admin key revoke") {
		t.Errorf("with five active keys: %+v", r)
	}
	writeFile(t, filepath.Join(data, localKeyFile), string(key))
	if r := speak(t, right, whoami); r.code != exitOK {
		t.Errorf("the first key was taken away: %+v", r)
	}
}

func TestStdioLocalKeepsOffAServersFolder(t *testing.T) {
	t.Parallel()
	s := newSite(t, "HMCP_HOSTAWAY_ACCOUNT_ID=1", "HMCP_HOSTAWAY_SECRET=x")
	r := speak(t, s.environ, whoami)
	if r.code != exitMisused || !strings.Contains(r.errOut, "belongs to a server") || r.out != "" {
		t.Errorf("%+v", r)
	}
	if n, err := s.store.CountOrgs(t.Context()); err != nil || n != 1 {
		t.Errorf("%d orgs, %v", n, err)
	}
}

// New credentials replace the old ones; refused ones get another chance.
func TestStdioLocalFollowsItsSettings(t *testing.T) {
	t.Parallel()
	home := localHome{store: storetest.Open(t), dataDir: t.TempDir(), accountID: 1, secret: secret.New("one")}
	open := func(h localHome) {
		t.Helper()
		if _, err := h.open(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	open(home)
	org, err := home.findOrg(t.Context())
	if err != nil || org == nil {
		t.Fatal(err)
	}
	if err := org.MarkConnectionRefused(t.Context(), 1, "no"); err != nil {
		t.Fatal(err)
	}
	open(home)
	if c, err := org.Connection(t.Context()); err != nil || c.State != "connected" || c.Version != 1 {
		t.Errorf("refused credentials on a new start: %+v %v", c, err)
	}
	home.secret = secret.New("two")
	open(home)
	if c, err := org.Credentials(t.Context()); err != nil || c.Secret.Reveal() != "two" {
		t.Errorf("a new secret was not taken: %v", err)
	}
	blocked := home
	blocked.dataDir = filepath.Join(home.dataDir, localKeyFile) // a file
	if _, err := blocked.open(t.Context()); err == nil {
		t.Error("a key was kept in a folder that is not there")
	}
}

func TestStdioBridgeNeedsAKeyAndAnAddress(t *testing.T) {
	t.Parallel()
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"--url", "https://mcp.example.com"}, "there is no API key"},
		{[]string{"--url", "mcp.example.com"}, "is not usable"},
		{[]string{"--url", "https://mcp.example.com", "--key-file", "/no/such/file"}, "can't be read"},
		{nil, "stdio needs a server or a Hostaway account"},
	}
	for _, tt := range tests {
		if r := speak(t, nil, "", tt.args...); r.code != exitMisused || !strings.Contains(r.errOut, tt.want) || r.out != "" {
			t.Errorf("%v: %+v", tt.args, r)
		}
	}
}

func TestStdioBridge(t *testing.T) {
	t.Parallel()
	s := newSite(t, "HMCP_LISTEN=127.0.0.1:0", "HMCP_LOG_LEVEL=info")
	server := startCommand(t, s.environ)
	address := server.waitFor(server.errOut, `address=(\S+)`)
	r := speak(t, []string{"HMCP_API_KEY=" + s.acme.APIKey.Reveal()}, whoami, "--url", "http://"+address)
	if r.code != exitOK || !strings.Contains(r.out, "Acme") {
		t.Errorf("%+v", r)
	}
	if n := strings.Count(strings.TrimSpace(r.out), "\n"); n != 0 {
		t.Errorf("more than the answer on standard output: %s", r.out)
	}
}

func TestPrivateFolder(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == windowsGOOS || runtime.GOOS == "darwin" {
		return // other names, same rule
	}
	for want, environ := range map[string][]string{
		"/x/hostaway-mcp":          {"XDG_CONFIG_HOME=/x", "HOME=/h"},
		"/h/.config/hostaway-mcp":  {"XDG_CONFIG_HOME=relative", "HOME=/h"},
		"/h2/.config/hostaway-mcp": {"HOME=/h", "HOME=/h2"},
	} {
		if got, err := privateFolder(environ); err != nil || got != want {
			t.Errorf("%v: %s %v", environ, got, err)
		}
	}
	if _, err := privateFolder(nil); err == nil || !strings.Contains(err.Error(), "HMCP_DATA_DIR") {
		t.Errorf("without a home: %v", err)
	}
}
