package main

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/secret"
)

func TestReplicaInAFolderThatIsNotSafe(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == windowsGOOS {
		t.Skip("Windows tells neither rights nor file systems like this")
	}
	can := func(string) error { return nil }
	tests := map[string]struct {
		mode     os.FileMode
		mayWrite func(string) error
		want     []string // beside that both lie on one disk
	}{
		"closed":    {0o700, can, nil},
		"a group's": {0o750, can, nil},
		"open":      {0o777, can, []string{"warn may be used by every user of this machine (mode 0777)"}},
		"read-only": {0o700, func(string) error { return errors.New("read-only file system") }, []string{"fail nothing can be written to"}},
	}
	for name, tt := range tests {
		folder := t.TempDir()
		if err := os.Chmod(folder, tt.mode); err != nil {
			t.Fatal(err)
		}
		found := replicaFolderChecks(folder, t.TempDir(), tt.mayWrite)
		want := slices.Concat(tt.want, []string{"warn lies on the same disk as the data folder"})
		if len(found) != len(want) {
			t.Fatalf("%s: %+v", name, found)
		}
		for i, c := range found {
			state, text, _ := strings.Cut(want[i], " ")
			if string(c.State) != state || !strings.Contains(c.Text, text) || !strings.Contains(c.Text, folder) || c.Do == "" || c.Name != replicaName {
				t.Errorf("%s: %+v, want %s", name, c, want[i])
			}
		}
	}
	if found := replicaFolderChecks("", t.TempDir(), can); found != nil {
		t.Errorf("no folder: %+v", found)
	}
	if there, gone := mayWrite(t.TempDir()), mayWrite(filepath.Join(t.TempDir(), "none")); there != nil || gone == nil {
		t.Errorf("a folder of ours: %v; one that is not there: %v", there, gone)
	}
}

func TestFilesOfSecretsThatEverybodyMayRead(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == windowsGOOS {
		t.Skip("Windows has no such rights")
	}
	folder := t.TempDir()
	env := filepath.Join(folder, "env")
	key := filepath.Join(folder, "key")
	writeFile(t, env, "HMCP_REPLICA_URL=s3://bucket/path\nHMCP_REPLICA_SECRET_ACCESS_KEY=x\nHMCP_MASTER_KEY_FILE="+key+"\n")
	writeFile(t, key, secret.GenerateKey().Reveal())
	for _, tt := range []struct {
		env, key os.FileMode
		want     string
	}{
		{0o640, 0o600, ""},
		{0o644, 0o600, env + " holds HMCP_REPLICA_URL"},
		{0o640, 0o604, key + " holds HMCP_MASTER_KEY and"},
	} {
		if err := errors.Join(os.Chmod(env, tt.env), os.Chmod(key, tt.key)); err != nil {
			t.Fatal(err)
		}
		c, err := loadConfig(nil, env)
		if err != nil {
			t.Fatal(err)
		}
		var log lockedBuffer
		warnOutside(t.Context(), c, "", slog.New(slog.NewTextHandler(&log, nil)))
		if got := log.String(); strings.Count(got, "\n") != min(1, len(tt.want)) || !strings.Contains(got, tt.want) {
			t.Errorf("%o %o: %s", tt.env, tt.key, got)
		}
	}
}

// Where serve refuses, doctor says so in the same words.
func TestDoctorRefusesTheReplicaThatServeRefuses(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	data, copies := filepath.Join(home, "data"), filepath.Join(home, "copies")
	environ := []string{
		"HMCP_DATA_DIR=" + data, "HMCP_LISTEN=127.0.0.1:0", "HMCP_MASTER_KEY=" + secret.GenerateKey().Reveal(), "HMCP_REPLICA_URL=file://" + copies,
	}
	r := startCommand(t, environ, "serve", "--first-start")
	r.waitFor(r.errOut, `msg=(serving) `)
	if code := r.stop(); code != exitOK {
		t.Fatalf("exit code %d: %s", code, r.errOut)
	}
	both := func(want string) { t.Helper(); doctorAndServeSay(t, environ, want) }
	note := filepath.Join(data, "replica.json")
	kept, err := os.ReadFile(note)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, note, "{oops")
	both(note + ", the note of how far the replica is, can't be read")
	writeFile(t, note, string(kept))
	if err := errors.Join(os.RemoveAll(copies), os.Mkdir(copies, folderRights)); err != nil {
		t.Fatal(err)
	}
	both("is empty, although this database was copied before")
}

// doctorAndServeSay has both look at a replica with which no server may start.
func doctorAndServeSay(t *testing.T, environ []string, want string) {
	t.Helper()
	d := &doctor{process: &process{environ: environ, now: time.Now}}
	var err error
	if d.config, err = loadConfig(environ, ""); err != nil {
		t.Fatal(err)
	}
	d.replica, d.badFile = d.replicaSettings(d.config)
	c := examineReplica(t.Context(), d)[0]
	if c.State != stateFail || !strings.Contains(c.Text, want) || c.Do == "" {
		t.Errorf("doctor: %+v, want %s", c, want)
	}
	if r := runCommand(t, environ, "serve"); r.code == exitOK || !strings.Contains(r.errOut, oneLine(c.Text+": "+c.Do)) {
		t.Errorf("serve says %s, doctor %s: %s", r.errOut, c.Text, c.Do)
	}
}
