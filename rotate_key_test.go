package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"hostaway-mcp/replica"
	"hostaway-mcp/store/storetest"
)

func TestRotateKeyRunsAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	storetest.Connect(t, s.acme.Org, 4711, "sealed secret")
	path := filepath.Join(s.data, masterKeyFile)
	before := s.read(path)
	unlock, err := replica.LockFile(filepath.Join(s.data, rotateLockFile))
	if err != nil {
		t.Fatal(err)
	}
	r := runCommand(t, s.environ, "rotate-key")
	if r.code != exitFailed || !strings.Contains(r.errOut, "another rotate-key is running") || s.read(path) != before {
		t.Errorf("beside another run: %+v", r)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if r := runCommand(t, s.environ, "rotate-key"); r.code != exitOK && !strings.Contains(r.errOut, "another rotate-key is running") {
				t.Errorf("%+v", r)
			}
		})
	}
	group.Wait()
	after := s.read(path)
	if !strings.HasSuffix(after, before) || len(strings.Fields(after)) < 2 {
		t.Errorf("keys before:\n%safter:\n%s", before, after)
	}
	s.opensWith(strings.Fields(after)[0])
}

func TestAKeyFileThatChangedIsNotReplaced(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), masterKeyFile)
	writeFile(t, path, "key of another run")
	if err := replaceUnchanged(path, "old key", "new key"); !errors.Is(err, errChanged) {
		t.Errorf("replaceUnchanged() = %v", err)
	}
	if text, _ := os.ReadFile(path); string(text) != "key of another run" {
		t.Errorf("the file holds %q", text)
	}
	if err := replaceUnchanged(path, "key of another run", "new key"); err != nil {
		t.Error(err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}
