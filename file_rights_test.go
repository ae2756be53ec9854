package main

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"hostaway-mcp/secret"
)

// dataFolder makes a folder as a server leaves it, in a folder of its own.
func dataFolder(t *testing.T) string {
	t.Helper()
	if runtime.GOOS == windowsGOOS {
		t.Skip("Windows has no such rights")
	}
	folder := filepath.Join(t.TempDir(), "data")
	for _, name := range []string{".", acmeFolder, "." + databaseFile + "-litestream"} {
		if err := os.MkdirAll(filepath.Join(folder, name), folderRights); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{databaseFile, databaseFile + "-wal", masterKeyFile, instanceFile, acmeFolder + "/cert", "." + databaseFile + "-litestream/0001.ltx"} {
		writeFile(t, filepath.Join(folder, name), "x")
	}
	return folder
}

func TestFilesOfTheServerAreClosedToOthers(t *testing.T) {
	t.Parallel()
	folder := dataFolder(t)
	if flaws, err := fileFlaws(folder); err != nil || len(flaws) > 0 {
		t.Fatalf("a folder as it should be: %v %v", flaws, err)
	}
	loose := []string{".", databaseFile, databaseFile + "-wal", masterKeyFile, acmeFolder, acmeFolder + "/cert", "." + databaseFile + "-litestream/0001.ltx"}
	for _, name := range loose {
		mode := fs.FileMode(0o640)
		if name == "." || name == acmeFolder {
			mode = 0o777
		}
		if err := os.Chmod(filepath.Join(folder, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	if flaws, err := fileFlaws(folder); err != nil || len(flaws) != len(loose) {
		t.Fatalf("found %v, %v, want %v", flaws, err, loose)
	}
	var log bytes.Buffer
	if err := closeFiles(folder, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
		t.Fatal(err)
	}
	if flaws, err := fileFlaws(folder); err != nil || len(flaws) > 0 {
		t.Errorf("left open: %v %v", flaws, err)
	}
	if n := strings.Count(log.String(), "took rights away"); n != len(loose) {
		t.Errorf("%d lines:\n%s", n, log.String())
	}
}

// What a server did not make is not its to change, and neither to be trusted.
func TestFilesThatAreNotWhatTheyShouldBe(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		name  string // of the file or folder
		spoil func(path string) error
		want  string
	}{
		"a link for the key": {masterKeyFile, func(p string) error { return errors.Join(os.Remove(p), os.Symlink("/etc/passwd", p)) }, "is a symbolic link"},
		"a link for the folder of certificates": {acmeFolder, func(p string) error {
			return errors.Join(os.RemoveAll(p), os.Symlink(os.TempDir(), p))
		}, "is a symbolic link"},
		"a socket for the folder of certificates": {acmeFolder, func(p string) error {
			listener, err := net.Listen("unix", filepath.Join(filepath.Dir(p), "s")) // its path must be short
			if err != nil {
				return err
			}
			t.Cleanup(func() { _ = listener.Close() })
			return errors.Join(os.RemoveAll(p), os.Rename(filepath.Join(filepath.Dir(p), "s"), p))
		}, "neither a file nor a folder"},
		"a folder that others use too": {".", func(p string) error {
			return errors.Join(os.WriteFile(filepath.Join(p, "letters.txt"), nil, 0o644), os.Chmod(p, 0o777))
		}, "holds things that are not ours"},
		"a file of somebody else":   {databaseFile + "-wal", func(p string) error { return os.Chown(p, 12345, -1) }, "belongs to another user"},
		"a folder of somebody else": {".", func(p string) error { return os.Chown(p, 12345, -1) }, "belongs to another user"},
	}
	for name, tt := range tests {
		folder := dataFolder(t)
		path := filepath.Join(folder, tt.name)
		if err := tt.spoil(path); errors.Is(err, fs.ErrPermission) {
			t.Logf("%s: only root can set this up", name)
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		before, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		err = closeFiles(folder, slog.New(slog.DiscardHandler))
		var p *problem
		if !errors.As(err, &p) || !strings.Contains(p.what, tt.want) || p.do == "" {
			t.Errorf("%s: %v", name, err)
		}
		if after, err := os.Lstat(path); err != nil || after.Mode() != before.Mode() {
			t.Errorf("%s: the mode was %v and is %v (%v)", name, before.Mode(), after.Mode(), err)
		}
	}
}

// A folder that others may look into, and not write to, stays as it is when it
// holds other things too; what lies in it is closed.
func TestFolderWithOtherThingsInIt(t *testing.T) {
	t.Parallel()
	folder := dataFolder(t)
	other := filepath.Join(folder, "lost+found")
	if err := errors.Join(os.Mkdir(other, 0o755), os.Chmod(folder, 0o755), os.Chmod(filepath.Join(folder, databaseFile), 0o644)); err != nil {
		t.Fatal(err)
	}
	if err := closeFiles(folder, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]fs.FileMode{folder: 0o755, other: 0o755, filepath.Join(folder, databaseFile): fileRights} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v %v, want %v", path, info.Mode(), err, want)
		}
	}
}

func TestServeClosesItsFilesAndRefusesLinks(t *testing.T) {
	t.Parallel()
	s := newSite(t, "HMCP_LISTEN=127.0.0.1:0", "HMCP_LOG_LEVEL=info")
	key := filepath.Join(s.data, masterKeyFile)
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	r := startCommand(t, s.environ)
	r.waitFor(r.errOut, `(msg=serving)`)
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != fileRights {
		t.Errorf("%v %v", info, err)
	}
	r.stop()
	elsewhere := filepath.Join(t.TempDir(), "key")
	if err := errors.Join(os.Rename(key, elsewhere), os.Symlink(elsewhere, key)); err != nil {
		t.Fatal(err)
	}
	if r := runCommand(t, s.environ, "serve"); r.code != exitMisused || !strings.Contains(r.errOut, "is a symbolic link") || !strings.Contains(r.errOut, "HMCP_MASTER_KEY_FILE") {
		t.Errorf("%+v", r)
	}
	database := filepath.Join(s.data, databaseFile)
	if err := errors.Join(os.Remove(key), os.Rename(database, elsewhere+".db"), os.Symlink(elsewhere+".db", database)); err != nil {
		t.Fatal(err)
	}
	if r := runCommand(t, s.environ, "serve"); !strings.Contains(r.errOut, "is a symbolic link: put the file itself there; a data folder") || strings.Contains(r.errOut, "KEY") {
		t.Errorf("%+v", r)
	}
}

// With a replica, the key must not lie in the data folder alone.
func TestServeRefusesToLoseTheKeyWithTheMachine(t *testing.T) {
	t.Parallel()
	key, outside := secret.GenerateKey().Reveal(), filepath.Join(t.TempDir(), "key")
	writeFile(t, outside, key)
	linked := filepath.Join(t.TempDir(), "link")
	tests := map[string]struct {
		files   map[string]string // in the data folder
		environ []string
		want    string // empty: starts
	}{
		"no key at all":             {nil, nil, "there is a replica and no HMCP_MASTER_KEY"},
		"made by an earlier start":  {map[string]string{masterKeyFile: key}, nil, "the only copy of the master key is"},
		"named, and inside":         {map[string]string{"my.key": key}, []string{"HMCP_MASTER_KEY_FILE=DATA/my.key"}, "lies in the data folder"},
		"named by a link to inside": {map[string]string{"my.key": key}, []string{"HMCP_MASTER_KEY_FILE=" + linked}, "lies in the data folder"},
		"named, and outside":        {nil, []string{"HMCP_MASTER_KEY_FILE=" + outside}, ""},
		"given in the environment":  {map[string]string{masterKeyFile: key}, []string{"HMCP_MASTER_KEY=" + key}, ""},
	}
	for name, tt := range tests {
		data := filepath.Join(t.TempDir(), "data")
		if err := os.Mkdir(data, folderRights); err != nil {
			t.Fatal(err)
		}
		for file, text := range tt.files {
			writeFile(t, filepath.Join(data, file), text)
		}
		_ = os.Remove(linked)
		if err := os.Symlink(filepath.Join(data, "my.key"), linked); err != nil {
			t.Fatal(err)
		}
		environ := []string{"HMCP_DATA_DIR=" + data, "HMCP_LISTEN=127.0.0.1:0", "HMCP_REPLICA_URL=file://" + t.TempDir()}
		for _, line := range tt.environ {
			environ = append(environ, strings.ReplaceAll(line, "DATA", data))
		}
		c, err := loadConfig(environ, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := keyOutlivesMachine(c); (err == nil) != (tt.want == "") {
			t.Errorf("%s: %v", name, err)
		}
		if tt.want == "" {
			continue
		}
		before := listFolder(t, data)
		r := runCommand(t, environ, "serve")
		if r.code != exitMisused || !strings.Contains(r.errOut, tt.want) || strings.Contains(r.errOut, key) || strings.Count(r.errOut, "\n") != 1 {
			t.Errorf("%s: %+v", name, r)
		}
		if after := listFolder(t, data); after != before {
			t.Errorf("%s: the folder held %s and holds %s", name, before, after)
		}
	}
}
