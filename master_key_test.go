package main

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"hostaway-mcp/secret"
)

func keyIn(folder string) masterKey {
	return masterKey{dataDir: folder, log: slog.New(slog.DiscardHandler)}
}

func TestMasterKeyIsMadeOnlyForANewStore(t *testing.T) {
	t.Parallel()
	m := keyIn(t.TempDir())
	if _, err := m.keyring(t.Context(), true); err == nil || !strings.Contains(err.Error(), "the master key is missing") {
		t.Fatalf("with sealed rows: %v", err)
	}
	if entries, _ := os.ReadDir(m.dataDir); len(entries) > 0 {
		t.Fatalf("a refused start wrote %v", entries)
	}
	first, err := m.keyring(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	again, err := m.keyring(t.Context(), true)
	if err != nil || again.PrimaryID() != first.PrimaryID() {
		t.Fatalf("the second start has another key: %v", err)
	}
	info, err := os.Stat(m.path())
	if err != nil || looseRights(info.Mode()) {
		t.Errorf("rights %v, %v", info.Mode(), err)
	}
}

func TestSettingWinsOverMasterKeyFile(t *testing.T) {
	t.Parallel()
	m := keyIn(t.TempDir())
	if _, err := m.keyring(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	m.log = slog.New(slog.NewTextHandler(&log, nil))
	m.setting = secret.GenerateKey()
	ring, err := m.keyring(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := secret.ParseKeyring(m.setting.Reveal()); ring.PrimaryID() != want.PrimaryID() {
		t.Error("the file's key was taken")
	}
	if !strings.Contains(log.String(), "is not used") {
		t.Errorf("nobody is told that the file is not used: %s", log.String())
	}
}

func TestMasterKeyFilesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spoil func(path string) error
		want  string
	}{
		"a folder": {func(p string) error { return os.Mkdir(p, folderRights) }, "can't be read"},
		"empty":    {func(p string) error { return os.WriteFile(p, nil, fileRights) }, "can't be read"},
		"short":    {func(p string) error { return os.WriteFile(p, []byte("c2hvcnQ="), fileRights) }, "does not hold a key"},
		"garbage":  {func(p string) error { return os.WriteFile(p, []byte("correct horse"), fileRights) }, "does not hold a key"},
	}
	for name, tt := range tests {
		m := keyIn(t.TempDir())
		if err := tt.spoil(m.path()); err != nil {
			t.Fatal(err)
		}
		for _, hasSealed := range []bool{true, false} {
			_, err := m.keyring(t.Context(), hasSealed)
			var p *problem
			if !errors.As(err, &p) || p.code != exitMisused || !strings.Contains(p.what, tt.want) || p.do == "" {
				t.Errorf("%s: %v", name, err)
			}
			if err != nil && strings.Contains(err.Error(), "correct horse") {
				t.Errorf("%s: the error shows the key", name)
			}
		}
	}
}

func TestLooseRightsOfTheMasterKeyAreTold(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == windowsGOOS {
		return // has no such rights
	}
	m := keyIn(t.TempDir())
	if _, err := m.keyring(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(m.path(), 0o644); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	m.log = slog.New(slog.NewTextHandler(&log, nil))
	if _, err := m.keyring(t.Context(), true); err != nil || !strings.Contains(log.String(), "other users may read") {
		t.Errorf("%v %s", err, log.String())
	}
}

// However many processes start at once, they end up with one key.
func TestFirstStartsAtOnceShareOneMasterKey(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	ids := make([]string, 16)
	var group sync.WaitGroup
	for i := range ids {
		group.Go(func() {
			ring, err := keyIn(folder).keyring(t.Context(), false)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = ring.PrimaryID()
		})
	}
	group.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("different keys: %v", ids)
		}
	}
	if entries, _ := os.ReadDir(folder); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestDataFoldersThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	writeFile(t, file, "")
	for name, path := range map[string]string{"a file": file, "below a file": filepath.Join(file, "data")} {
		err := prepareFolder(path)
		var p *problem
		if !errors.As(err, &p) || p.code != exitFailed || !strings.Contains(p.Error(), path) || !strings.Contains(p.do, "HMCP_DATA_DIR") {
			t.Errorf("%s: %v", name, err)
		}
	}
	fresh := filepath.Join(t.TempDir(), "a", "b")
	if err := prepareFolder(fresh); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(fresh); err != nil || looseRights(info.Mode()) {
		t.Errorf("%v %v", info, err)
	}
	if entries, _ := os.ReadDir(fresh); len(entries) > 0 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestReplaceFileLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "x")
	for _, text := range []string{"one", "two"} {
		if err := replaceFile(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(path); string(got) != text {
			t.Errorf("%q", got)
		}
	}
	if err := createFile(path, []byte("three")); !errors.Is(err, os.ErrExist) {
		t.Errorf("createFile over a file: %v", err)
	}
	if entries, _ := os.ReadDir(folder); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	if err := replaceFile(filepath.Join(folder, "none", "x"), nil); err == nil {
		t.Error("wrote into a folder that is not there")
	}
}
