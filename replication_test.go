package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/replica"
	"hostaway-mcp/secret"
)

// copiedSite is the environment of servers with one replica and one key.
type copiedSite struct {
	t       *testing.T
	replica string
	key     string
}

func newCopiedSite(t *testing.T) copiedSite {
	t.Helper()
	return copiedSite{t: t, replica: filepath.Join(t.TempDir(), "copy"), key: secret.GenerateKey().Reveal()}
}

// on is the environment of a server on a data folder.
func (s copiedSite) on(data string, more ...string) []string {
	return append([]string{
		"HMCP_LISTEN=127.0.0.1:0", "HMCP_DATA_DIR=" + data, "HMCP_REPLICA_URL=file://" + s.replica, "HMCP_MASTER_KEY=" + s.key,
	}, more...)
}

// serves starts a server and waits until it does.
func (s copiedSite) serves(data string, args ...string) *running {
	s.t.Helper()
	r := startCommand(s.t, s.on(data), append([]string{"serve"}, args...)...)
	r.waitFor(r.errOut, `(msg=serving)`)
	return r
}

func (s copiedSite) run(data string, args ...string) result {
	s.t.Helper()
	return runCommand(s.t, s.on(data), args...)
}

// TestALostMachineComesBackByItself, and the commands tell of its replica.
func TestALostMachineComesBackByItself(t *testing.T) {
	t.Parallel()
	s := newCopiedSite(t)
	first := t.TempDir()
	server := s.serves(first, "--first-start")
	if r := s.run(first, "admin", "org", "create", "Acme", "owner@example.com"); r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	var verified result
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		verified = s.run(first, "replica", "verify")
		if strings.Contains(verified.out, "tables hold the same as the database here") {
			break
		}
	}
	if verified.code != exitOK || !strings.Contains(verified.out, "It passed the full check.") {
		t.Errorf("verify: %+v", verified)
	}
	status := s.run(first, "replica", "status")
	for _, want := range []string{"the folder " + s.replica, "transaction ", ", as the database here does", "until ", "captured up to transaction"} {
		if !strings.Contains(status.out, want) {
			t.Errorf("status lacks %q:\n%s", want, status.out)
		}
	}
	if code := server.stop(); code != exitOK || !strings.Contains(server.errOut.String(), "replica: everything is copied") {
		t.Errorf("stopped with %d: %s", code, server.errOut)
	}
	if status := s.run(first, "replica", "status"); !strings.Contains(status.out, "nobody now; the server on") {
		t.Errorf("after the stop:\n%s", status.out)
	}

	second := t.TempDir()
	server = s.serves(second) // no flag: the database is missing, and the replica has it
	if !strings.Contains(server.errOut.String(), "the database is back and passed its check") {
		t.Errorf("log:\n%s", server.errOut)
	}
	if r := s.run(second, "admin", "org", "list"); !strings.Contains(r.out, "Acme") {
		t.Errorf("the org is gone: %+v", r)
	}
	if strings.Contains(server.out.String(), "/setup?link=") {
		t.Error("a set-up link is offered, as if all were new")
	}
	if code := server.stop(); code != exitOK {
		t.Errorf("stopped with %d: %s", code, server.errOut)
	}
}

func TestWithoutAReplicaServeSaysSoOnce(t *testing.T) {
	t.Parallel()
	r := startCommand(t, []string{"HMCP_LISTEN=127.0.0.1:0", "HMCP_DATA_DIR=" + t.TempDir()})
	r.waitFor(r.errOut, `(msg=serving)`)
	r.stop()
	if n := strings.Count(r.errOut.String(), "no replica is configured: if this disk is lost, everything is"); n != 1 {
		t.Errorf("said %d times:\n%s", n, r.errOut)
	}
}

func TestServeRefusesAReplicaItMustNotTouch(t *testing.T) {
	t.Parallel()
	s := newCopiedSite(t)
	if err := os.Mkdir(s.replica, 0o700); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(t.TempDir(), "litestream.yml")
	writeFile(t, own, "dbs:\n  - path: ${HMCP_DATA_DIR}/other.db\n    replica: {url: \"${HMCP_REPLICA_URL}\"}\n")
	misspelt := filepath.Join(t.TempDir(), "litestream.yml")
	writeFile(t, misspelt, "dbs:\n  - path: ${HMCP_DATA_DIR}/hostaway-mcp.db\n    replca: {url: \"${HMCP_REPLICA_URL}\"}\nexec: x\n")
	tests := map[string]struct {
		more []string
		code int
		want []string
	}{
		"nothing anywhere": {nil, exitMisused, []string{"a wrong bucket or path looks just like this; for the very first start, start once with --first-start"}},
		"no such folder":   {[]string{"HMCP_REPLICA_URL=file://" + s.replica + "/none"}, exitFailed, []string{"does not exist"}},
		"no address":       {[]string{"HMCP_REPLICA_URL=bucket/path"}, exitMisused, []string{"write s3://BUCKET/PATH or file:///FOLDER"}},
		"another database": {[]string{"HMCP_LITESTREAM_CONFIG=" + own}, exitMisused, []string{"/other.db, and the database is"}},
		"a misspelt file":  {[]string{"HMCP_LITESTREAM_CONFIG=" + misspelt}, exitMisused, []string{misspelt + ", line 3, ", misspelt + ", line 4, has the key exec"}},
		"no file":          {[]string{"HMCP_LITESTREAM_CONFIG=" + misspelt + "x"}, exitMisused, []string{"can't be read"}},
	}
	for name, tt := range tests {
		data := filepath.Join(t.TempDir(), "new")
		r := runCommand(t, append(s.on(data, tt.more...), "HMCP_LOG_LEVEL=error"), "serve")
		if r.code != tt.code || strings.Count(r.errOut, "\n") != len(tt.want) || r.out != "" {
			t.Errorf("%s: %+v", name, r)
		}
		for _, want := range tt.want {
			if !strings.Contains(r.errOut, want) {
				t.Errorf("%s: %q lacks %q", name, r.errOut, want)
			}
		}
		if _, err := os.Stat(filepath.Join(data, databaseFile)); err == nil {
			t.Errorf("%s: a database was made", name)
		}
	}
}

func TestOneFolderHasOneServer(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	environ := []string{"HMCP_LISTEN=127.0.0.1:0", "HMCP_DATA_DIR=" + data}
	first := startCommand(t, environ)
	first.waitFor(first.errOut, `(msg=serving)`)
	if r := runCommand(t, environ, "serve"); r.code != exitFailed || !strings.Contains(r.errOut, "another server is running on the data folder "+data) {
		t.Errorf("the second one: %+v", r)
	}
	if r := runCommand(t, environ, "admin", "org", "list"); r.code != exitOK {
		t.Errorf("commands beside a server: %+v", r)
	}
}

// TestAStandbyWaitsAndCanBeToldToStop: it has the address already, and nothing to
// serve.
func TestAStandbyWaitsAndCanBeToldToStop(t *testing.T) {
	t.Parallel()
	s := newCopiedSite(t)
	s.serves(t.TempDir(), "--first-start")
	standby := startCommand(t, s.on(t.TempDir()), "serve")
	standby.waitFor(standby.errOut, `(waiting until it is free)`)
	if code := standby.stop(); code != exitOK || strings.Contains(standby.errOut.String(), "msg=serving") {
		t.Errorf("stopped with %d: %s", code, standby.errOut)
	}
}

func TestRestoreCommand(t *testing.T) {
	t.Parallel()
	s := newCopiedSite(t)
	data := t.TempDir()
	server := s.serves(data, "--first-start")
	to := filepath.Join(t.TempDir(), "back.db")
	steps := []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--to", to}, exitOK, "It passed its check.\nThe master key given opens what is sealed in it."},
		{[]string{"--at", "", "--to", to + "3"}, exitMisused, "--at is empty"},
		{[]string{"--to", filepath.Join(filepath.Dir(to), "none", "back.db")}, exitMisused, "there is no folder"},
		{[]string{"--to", to}, exitMisused, "exists already"},
		{nil, exitMisused, "nothing is ever written over a database"},
		{[]string{"--at", "yesterday"}, exitMisused, "write it like 2026-03-29T14:00:00Z"},
		{[]string{"--at", "2126-03-29T14:00:00Z"}, exitMisused, "is not a moment of the past"},
		{[]string{"--at", "100h", "--to", to + "2"}, exitMisused, "the earliest that can be restored"},
		{[]string{"somewhere"}, exitMisused, "does not know what to do with"},
	}
	for _, step := range steps {
		r := s.run(data, append([]string{"restore"}, step.args...)...)
		for end := time.Now().Add(10 * time.Second); step.code == exitOK && r.code != exitOK && time.Now().Before(end); {
			r = s.run(data, append([]string{"restore"}, step.args...)...) // nothing was copied yet
		}
		if r.code != step.code || !strings.Contains(r.out+r.errOut, step.want) {
			t.Errorf("restore %q: %+v; want %q", step.args, r, step.want)
		}
	}
	wrong := append(s.on(data), "HMCP_MASTER_KEY="+secret.GenerateKey().Reveal())
	if r := runCommand(t, wrong, "restore", "--to", to+"4"); r.code != exitOK || !strings.Contains(r.out, "opens with the master key "+keyID(t, s.key)+", which is not given") {
		t.Errorf("with another key: %+v", r)
	}
	if err := os.Mkdir(s.replica+"-empty", folderRights); err != nil {
		t.Fatal(err)
	}
	if r := runCommand(t, append(s.on(data), "HMCP_REPLICA_URL=file://"+s.replica+"-empty"), "restore", "--to", to+"5"); r.code != exitMisused || !strings.Contains(r.errOut, "-empty) is empty") {
		t.Errorf("from an empty replica: %+v", r)
	}
	server.stop()
	if err := os.Remove(filepath.Join(data, databaseFile)); err != nil {
		t.Fatal(err)
	}
	if r := s.run(data, "restore"); r.code != exitOK || !strings.Contains(r.out, filepath.Join(data, databaseFile)) {
		t.Errorf("to its own place: %+v", r)
	}
	s.serves(data)
	for _, command := range []string{"restore", "replica status", "replica verify"} {
		r := runCommand(t, []string{"HMCP_DATA_DIR=" + data}, strings.Fields(command)...)
		if r.code != exitMisused || !strings.Contains(r.errOut, "no replica is configured: set HMCP_REPLICA_URL") {
			t.Errorf("%s without a replica: %+v", command, r)
		}
	}
	none := filepath.Join(t.TempDir(), "none")
	runCommand(t, []string{"HMCP_DATA_DIR=" + none}, "replica", "verify")
	if _, err := os.Stat(none); err == nil {
		t.Error("verify without a replica made a data folder")
	}
}

func TestVariablesOfLitestreamsFile(t *testing.T) {
	t.Parallel()
	environ := []string{"HMCP_DATA_DIR=/srv/x", "HMCP_REPLICA_URL_FILE=" + filepath.Join(t.TempDir(), "url"), "BUCKET=b", "EMPTY="}
	writeFile(t, strings.TrimPrefix(environ[1], "HMCP_REPLICA_URL_FILE="), "s3://from-a-file/x\n")
	c, err := loadConfig(environ, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"HMCP_DATA_DIR": "/srv/x", "HMCP_REPLICA_URL": "s3://from-a-file/x", "BUCKET": "b", "EMPTY": "", "HMCP_SIGNUP": "closed"} {
		if got, ok := c.variable(environ, name); !ok || got != want {
			t.Errorf("%s is %q, %v; want %q", name, got, ok, want)
		}
	}
	if _, ok := c.variable(environ, "NOWHERE"); ok {
		t.Error("a variable that is not set has a value")
	}
}

// TestWhatBefallsAReplicaHasItsExitCode, by which a supervisor may decide.
func TestWhatBefallsAReplicaHasItsExitCode(t *testing.T) {
	t.Parallel()
	for kind, want := range map[replica.Kind]int{
		replica.BadSettings: exitMisused, replica.NothingThere: exitMisused, replica.WrongReplica: exitMisused, replica.RolledBack: exitMisused,
		replica.InTheWay: exitMisused, replica.LeaseElsewhere: exitTryLater, replica.Locked: exitFailed, replica.Unreachable: exitFailed,
		replica.Damaged: exitFailed, replica.Failed: exitFailed,
	} {
		err := replicaProblem(errors.Join(&replica.Problem{Kind: kind, What: "it happened", Do: "do this"}, nil))
		var out strings.Builder
		if code := report(&out, err); code != want || out.String() != "hostaway-mcp: it happened: do this\n" {
			t.Errorf("%s: %d, %q", kind, code, out.String())
		}
	}
}
