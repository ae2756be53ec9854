//go:build !windows

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const privateFolderVariable = "HMCP_TEST_PRIVATE_FOLDER"

// TestFilesAreMadePrivate in a process of its own: the mask is the whole process's.
func TestFilesAreMadePrivate(t *testing.T) {
	t.Parallel()
	if folder := os.Getenv(privateFolderVariable); folder != "" {
		keepFilesPrivate()
		writeOpenFile(t, filepath.Join(folder, "made"))
		return
	}
	folder := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestFilesAreMadePrivate$")
	cmd.Env = append(os.Environ(), privateFolderVariable+"="+folder)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	info, err := os.Stat(filepath.Join(folder, "made"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// writeOpenFile makes a file as a library does that leaves its mode to the mask.
func writeOpenFile(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
