package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

func TestAFullDiskIsAmongTheChecks(t *testing.T) {
	t.Parallel()
	disk := &storetest.Disk{}
	st := storetest.Open(t, storetest.WithDisk(disk))
	f := storetest.Org(t, st, "Acme")
	part := fullPart(st.FullSince)
	if found := part(t.Context()); len(found) != 0 {
		t.Errorf("with room: %+v", found)
	}
	disk.Fill()
	if err := f.Org.RecordAction(t.Context(), f.By(), store.Action{Name: "x"}); !errors.Is(err, store.ErrDiskFull) {
		t.Fatal(err)
	}
	found := part(t.Context())
	if len(found) != 1 || found[0].State != stateFail || found[0].Blocks || !strings.Contains(found[0].Text, "no change since 20") {
		t.Errorf("on a full disk: %+v", found)
	}
	disk.Free()
	if err := f.Org.RecordAction(t.Context(), f.By(), store.Action{Name: "x"}); err != nil {
		t.Fatal(err)
	}
	if found := part(t.Context()); len(found) != 0 {
		t.Errorf("with room again: %+v", found)
	}
}

// Serving begins on a full disk when there is something to serve.
func TestStartingOnAFullDisk(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	full := folderProblem(folder, &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC})
	if canRead(folder, full) {
		t.Error("without a database")
	}
	writeFile(t, filepath.Join(folder, databaseFile), "")
	if canRead(folder, full) {
		t.Error("with an empty file")
	}
	writeFile(t, filepath.Join(folder, databaseFile), "x")
	if !canRead(folder, full) {
		t.Error("not with a database")
	}
	if canRead(folder, folderProblem(folder, os.ErrPermission)) {
		t.Error("though the folder can't be written to at all")
	}
}
