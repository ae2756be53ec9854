package e2e

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"testing"

	"hostaway-mcp/hostaway/hostawaytest"
)

const (
	today        = "2026-11-20"
	firstAccount = 51001
	otherAccount = 51002
	firstSecret  = "first account's secret 1f7c"
	otherSecret  = "other account's secret 9b2e"
)

// upstream is a Hostaway with two accounts whose rows have the same ids; each
// has its own marker in every text.
type upstream struct {
	first *hostawaytest.Account
	url   string
}

const (
	firstMarker = "ALPHAMARK"
	otherMarker = "BRAVOMARK"
)

// newUpstream starts the fake; around, if set, sees every request and answer.
func newUpstream(t *testing.T, around func(http.Handler) http.Handler) upstream {
	t.Helper()
	fake := hostawaytest.New(hostawaytest.Options{ActivationDelay: -1})
	first := fake.AddAccount(hostawaytest.Account{ID: firstAccount, Secret: firstSecret, Seed: 1, Size: hostawaytest.Rich, Today: today, Marker: firstMarker})
	fake.AddAccount(hostawaytest.Account{ID: otherAccount, Secret: otherSecret, Seed: 2, Size: hostawaytest.Rich, Today: today, Marker: otherMarker})
	handler := fake.Handler()
	if around != nil {
		handler = around(handler)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return upstream{first: first, url: server.URL + "/v1"}
}

// server is a running `serve` with its data folder, which outlives it.
type server struct {
	*program
	env  []string
	data string
	base string
}

// newServer prepares a server without starting it.
func newServer(t *testing.T, up upstream, settings ...string) *server {
	t.Helper()
	home := t.TempDir()
	data := filepath.Join(home, "data")
	env := environment(home, append([]string{
		"HMCP_LISTEN=127.0.0.1:0", "HMCP_DATA_DIR=" + data, "HMCP_HOSTAWAY_URL=" + up.url,
		"HMCP_RATE_LIMIT=100000/1s", "HMCP_HOSTAWAY_PER_ACCOUNT=100000/1s", "HMCP_HOSTAWAY_PER_IP=100000/1s",
	}, settings...)...)
	return &server{env: env, data: data}
}

// run starts the server, with flags of serve if need be, and waits until it serves.
func (s *server) run(t *testing.T, flags ...string) *server {
	t.Helper()
	s.program = start(t, s.env, append([]string{"serve"}, flags...)...)
	s.base = s.waitFor(s.errOut, `msg=serving .*url=(\S+)`)
	return s
}

// setUpLink is what a first start prints.
func (s *server) setUpLink() string { return s.waitFor(s.out, `(http://\S+/setup\?link=\S+)`) }

func (s *server) admin(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	return finish(t, s.env, append([]string{"admin"}, args...)...)
}

// owner is the first person of a test server.
func owner() person {
	return person{org: "Alpha Stays", name: "Ann Alpha", email: "ann@alpha.example", password: "correct horse battery 17"}
}

func other() person {
	return person{org: "Bravo Homes", name: "Bob Bravo", email: "bob@bravo.example", password: "staple lamp orchard 42"}
}

// furnished is a server with one org that is signed up, connected and has a key.
func furnished(t *testing.T, up upstream, settings ...string) (*server, *visitor, string) {
	t.Helper()
	s := newServer(t, up, settings...).run(t)
	v, key := furnish(t, s)
	return s, v, key
}

// furnish sets up the first org of a running server.
func furnish(t *testing.T, s *server) (*visitor, string) {
	t.Helper()
	v := newVisitor(t, s.base)
	v.signUp(s.setUpLink(), owner())
	connected(t, v.connect(strconv.Itoa(firstAccount), firstSecret))
	return v, v.createKey("first")
}

func connected(t *testing.T, landed page) {
	t.Helper()
	if landed.status != http.StatusOK {
		t.Fatalf("connecting landed on %s (%d):\n%s", landed.path, landed.status, clip(landed.body))
	}
}
