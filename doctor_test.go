package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/secret"
	"hostaway-mcp/store/storetest"
)

// clinic is a server's set-up that doctor is sent to: a real data folder, and
// the server's answers about itself on a real port.
type clinic struct {
	*site
	settings map[string]string
	health   *health
	instance string // that /livez tells
	server   *httptest.Server
	hostaway *httptest.Server
	process  *process
	measure  func(string) (space, error)
}

func newClinic(t *testing.T) *clinic {
	t.Helper()
	c := &clinic{site: newSite(t), measure: roomOf(40 << 30)}
	storetest.Connect(t, c.acme.Org, 7, "a secret of Hostaway")
	c.must(os.Chmod(c.data, folderRights))
	var err error
	c.instance, err = makeInstance(c.data)
	c.must(err)
	c.health = newHealth(time.Now, slog.New(slog.DiscardHandler), func(context.Context) []check { return []check{good("database", "it answers")} })
	c.server = httptest.NewServer(http.HandlerFunc(c.answer))
	t.Cleanup(c.server.Close)
	c.hostaway = httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(c.hostaway.Close)
	c.settings = map[string]string{
		"HMCP_DATA_DIR": c.data, "HMCP_LISTEN": strings.TrimPrefix(c.server.URL, "http://"), "HMCP_BASE_URL": c.server.URL, "HMCP_HOSTAWAY_URL": c.hostaway.URL + "/v1",
	}
	c.process = &process{in: strings.NewReader(""), out: &lockedBuffer{}, errOut: &lockedBuffer{}, now: time.Now, web: http.DefaultTransport}
	return c
}

func (c *clinic) must(errs ...error) {
	c.t.Helper()
	if err := errors.Join(errs...); err != nil {
		c.t.Fatal(err)
	}
}

func roomOf(free uint64) func(string) (space, error) {
	return func(string) (space, error) { return space{free: free, size: 1 << 40}, nil }
}

// answer is the server, as far as doctor asks it.
func (c *clinic) answer(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/livez":
		liveHandler(c.instance).ServeHTTP(w, r)
	case "/readyz":
		readyHandler(c.health).ServeHTTP(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (c *clinic) environment() []string {
	var lines []string
	for name, text := range c.settings {
		lines = append(lines, name+"="+text)
	}
	return lines
}

func (c *clinic) examine() []check {
	c.t.Helper()
	c.process.environ = c.environment()
	return (&doctor{process: c.process, measure: c.measure}).examine(c.t.Context())
}

// keyFile is the master key in the data folder.
func (c *clinic) keyFile() string { return filepath.Join(c.data, masterKeyFile) }

// addKey puts another key before or behind the one that is there.
func (c *clinic) addKey(first bool) {
	c.t.Helper()
	old, err := os.ReadFile(c.keyFile())
	c.must(err)
	keys := []string{strings.TrimSpace(string(old)), secret.GenerateKey().Reveal()}
	if first {
		slices.Reverse(keys)
	}
	writeFile(c.t, c.keyFile(), strings.Join(keys, "\n")+"\n")
}

// silent is an address that nothing answers on: a port that nobody is given by
// chance.
const silent = "127.0.0.1:1"

func TestDoctorOfAHealthyServer(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	var names []string
	for _, found := range c.examine() {
		names = append(names, found.Name)
		if found.State != stateOK || found.Do != "" {
			t.Errorf("%+v", found)
		}
	}
	if got := strings.Join(names, ", "); got != "settings, files, disk, master key, database, replica, Hostaway, clock, server, address" {
		t.Error(got)
	}
}

// Each thing that can be wrong, by itself: doctor finds it, says what to do,
// and complains of nothing else.
func TestDoctorFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, ills := range []map[string]ill{illsHere(), illsThere()} {
		for name, tt := range ills {
			t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
				t.Parallel()
				c := newClinic(t)
				tt.spoil(c)
				all := c.examine()
				found := false
				for _, each := range all {
					expected := each.Name == tt.name && each.State == tt.state && strings.Contains(each.Text, tt.text)
					found = found || expected
					if each.State != stateOK && (each.Do == "" || (!expected && !slices.Contains(tt.also, each.Name))) {
						t.Errorf("unexpected, or nothing to do: %+v", each)
					}
				}
				if !found {
					t.Errorf("not found in %+v", all)
				}
			})
		}
	}
}

// A key that nothing needs is told of, and is no fault: older copies need it.
func TestDoctorTellsOfKeysThatNothingNeeds(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	c.addKey(false)
	told := false
	for _, each := range c.examine() {
		told = told || each.Name == "master key" && each.State == stateOK && strings.Contains(each.Text, "copies of older days do")
		if each.State != stateOK {
			t.Errorf("%+v", each)
		}
	}
	if !told {
		t.Error("not told")
	}
}

// servedFolder is the data folder of a server that ran and was stopped.
func servedFolder(t *testing.T) string {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	r := startCommand(t, []string{"HMCP_LISTEN=127.0.0.1:0", "HMCP_DATA_DIR=" + data})
	r.waitFor(r.errOut, `(msg=serving)`)
	if code := r.stop(); code != exitOK {
		t.Fatalf("exit code %d: %s", code, r.errOut)
	}
	return data
}

func TestDoctorOfDatabasesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	const userVersion = 60 // its place in the header of an SQLite file
	tests := map[string]struct {
		spoil func(file []byte) []byte // nil: the file goes
		state checkState
		text  string
	}{
		"whole":       {func(f []byte) []byte { return f }, stateOK, "it is whole"},
		"gone":        {func([]byte) []byte { return nil }, stateWarn, "there is none in"},
		"no database": {func(f []byte) []byte { return []byte(strings.Repeat("no database ", 1000)) }, stateFail, "it is damaged"},
		"empty":       {func([]byte) []byte { return []byte{} }, stateFail, "none of ours"},
		"torn":        {func(f []byte) []byte { clear(f[4096 : len(f)-4096]); return f }, stateFail, "it is damaged"},
		"newer":       {func(f []byte) []byte { binary.BigEndian.PutUint32(f[userVersion:], 9999); return f }, stateFail, "its version is 9999"},
	}
	for name, tt := range tests {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			data := servedFolder(t)
			path := filepath.Join(data, databaseFile)
			file, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if file = tt.spoil(file); file == nil {
				err = os.Remove(path)
			} else {
				err = os.WriteFile(path, file, fileRights)
			}
			if err != nil {
				t.Fatal(err)
			}
			c, err := loadConfig([]string{"HMCP_DATA_DIR=" + data}, "")
			if err != nil {
				t.Fatal(err)
			}
			found := examineDatabase(t.Context(), &doctor{config: c, full: name == "whole"})
			if len(found) != 1 || found[0].State != tt.state || !strings.Contains(found[0].Text, tt.text) || len(found[0].Text) > findingsMost+50 || (found[0].Do == "") != (tt.state == stateOK) {
				t.Errorf("%+v", found)
			}
		})
	}
}

// The command itself: exit code, lines, JSON; and it leaves everything as it was.
func TestDoctorCommand(t *testing.T) {
	t.Parallel()
	data := servedFolder(t)
	hostaway := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(hostaway.Close)
	environ := []string{"HMCP_DATA_DIR=" + data, "HMCP_LISTEN=" + silent, "HMCP_HOSTAWAY_URL=" + hostaway.URL}
	before := everything(t, data)
	r := runCommand(t, environ, "doctor", "--full")
	if r.code != exitOK || !strings.Contains(r.out, "ok    database      it is whole") || !strings.Contains(r.out, "warn  server        none runs") || r.errOut != "" {
		t.Errorf("%+v", r)
	}
	if diff := cmp.Diff(before, everything(t, data)); diff != "" {
		t.Errorf("doctor changed something: %s", diff)
	}
	r = runCommand(t, append(environ, "HMCP_MASTER_KEY="+secret.GenerateKey().Reveal(), "HMCP_HOSTAWAY_URL="+"http://"+silent), "doctor", "--json")
	var answer struct {
		OK     bool
		Checks []check
	}
	if err := json.Unmarshal([]byte(r.out), &answer); err != nil || answer.OK || len(answer.Checks) < 7 || r.code != exitFailed {
		t.Errorf("%v %+v", err, r)
	}
	if !strings.Contains(r.errOut, "things that do not work: 2 of") {
		t.Error(r.errOut)
	}
	if !strings.Contains(r.out, "a key that is not given") { // though nothing is sealed with it yet
		t.Error(r.out)
	}
	r = runCommand(t, []string{"HMCP_SIGNUP=x", "HMCP_H2C=x"}, "doctor")
	if r.code != exitFailed || strings.Count(r.out, "fail  settings") != 2 {
		t.Errorf("wrong settings: %+v", r)
	}
}

// everything is all files below a folder, with their modes, times and contents.
func everything(t *testing.T, folder string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		all[path] = fmt.Sprint(info.Mode(), info.ModTime())
		if info.Mode().IsRegular() {
			text, err := os.ReadFile(path)
			all[path] += fmt.Sprintf(" %x", sha256.Sum256(text))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// With a domain, doctor looks at the certificate that is kept; before a proxy,
// at the one that the proxy shows.
func TestDoctorLooksAtCertificates(t *testing.T) {
	t.Parallel()
	look := func(c *clinic) (found []check) {
		for _, each := range c.examine() {
			if each.Name == certificateCheck {
				found = append(found, each)
			}
		}
		return found
	}
	c := newClinic(t)
	c.settings["HMCP_DOMAIN"], c.settings["HMCP_LISTEN_HTTP"], c.settings["HMCP_LISTEN"] = ourDomain, c.settings["HMCP_LISTEN"], "127.0.0.1:0"
	c.settings["HMCP_ACME_URL"] = c.hostaway.URL
	delete(c.settings, "HMCP_BASE_URL")
	if found := look(c); len(found) != 1 || found[0].State != stateFail || !strings.Contains(found[0].Text, "there is no certificate for "+ourDomain) {
		t.Errorf("none kept: %+v", found)
	}
	made := selfSigned(t, ourDomain, time.Now().Add(-time.Hour), time.Now().Add(89*24*time.Hour))
	c.must(acmeCache(c.data, c.hostaway.URL).Put(t.Context(), ourDomain, []byte(made.key+made.chain)))
	if found := look(c); len(found) != 1 || found[0].State != stateOK || !strings.Contains(found[0].Text, "another 88 days") {
		t.Errorf("kept: %+v", found)
	}

	c = newClinic(t)
	proxy := httptest.NewTLSServer(http.HandlerFunc(c.answer))
	t.Cleanup(proxy.Close)
	c.settings["HMCP_BASE_URL"], c.settings["HMCP_TRUSTED_PROXIES"] = proxy.URL, "127.0.0.1"
	c.process.web = proxy.Client().Transport
	if found := look(c); len(found) != 1 || found[0].State != stateOK || !strings.Contains(found[0].Text, "the proxy's is good for another") {
		t.Errorf("the proxy's: %+v", found)
	}
	ends := proxy.Certificate().NotAfter
	c.process.now = func() time.Time { return ends.Add(-24 * time.Hour) }
	if found := look(c); len(found) != 1 || found[0].State != stateWarn {
		t.Errorf("the proxy's, about to end: %+v", found)
	}
}

func TestHealthCommand(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	if r := runCommand(t, c.environment(), "health"); r.code != exitOK || r.out != "The server answers.\n" {
		t.Errorf("%+v", r)
	}
	c.settings["HMCP_DOMAIN"], c.settings["HMCP_LISTEN_HTTP"], c.settings["HMCP_LISTEN"] = ourDomain, c.settings["HMCP_LISTEN"], "127.0.0.1:0"
	delete(c.settings, "HMCP_BASE_URL")
	if r := runCommand(t, c.environment(), "health"); r.code != exitOK {
		t.Errorf("with a domain: %+v", r)
	}
	c.settings["HMCP_LISTEN_HTTP"] = strings.TrimPrefix(c.hostaway.URL, "http://")
	if r := runCommand(t, c.environment(), "health"); r.code != exitFailed || !strings.Contains(r.errOut, "404") {
		t.Errorf("another program: %+v", r)
	}
	c.settings["HMCP_LISTEN_HTTP"] = silent
	if r := runCommand(t, c.environment(), "health"); r.code != exitFailed || !strings.Contains(r.errOut, "does not answer") {
		t.Errorf("stopped: %+v", r)
	}
}
