package replica

// start_damage_test.go starts with damaged or left-over files, here or in the replica.

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWhatAnotherDatabaseLeftIsSetAside: SQLite would play a stray log into the
// restored file.
func TestWhatAnotherDatabaseLeftIsSetAside(t *testing.T) {
	t.Parallel()
	url := folderURL(t)
	_, rows := copied(t, url, 50)

	lost := newServer(t, url)
	must(t, os.WriteFile(lost.options.Database+"-wal", []byte("of another time"), 0o600))
	must(t, os.WriteFile(lost.options.Database+"-shm", []byte("of another time"), 0o600))
	lost.start()
	lost.has(rows)
	must(t, lost.stop())
	found, err := filepath.Glob(filepath.Join(lost.options.DataDir, asideFolder, "*-before-restore", "hostaway-mcp.db-*"))
	must(t, err)
	if len(found) != 2 {
		t.Errorf("set aside: %q", found)
	}
}

func TestADamagedDatabaseIsSaid(t *testing.T) {
	t.Parallel()
	url := folderURL(t)
	s, rows := copied(t, url, 50)
	must(t, os.Remove(s.options.Database+"-wal"))
	must(t, os.WriteFile(s.options.Database, []byte(strings.Repeat("no database", 1000)), 0o600))
	s.refuses(Damaged, "move it away and start again: it is restored from the replica")
	must(t, os.Remove(s.options.Database))
	s.start()
	s.has(rows)
	must(t, s.stop())
}

// TestDamagedFilesOfLitestreamCostACopyOnly: beside the database, or in the middle
// of the replica's newest level.
func TestDamagedFilesOfLitestreamCostACopyOnly(t *testing.T) {
	t.Parallel()
	url := folderURL(t)
	s, _ := copied(t, url, 50)
	files, err := filepath.Glob(filepath.Join(s.options.DataDir, ".hostaway-mcp.db-litestream", "ltx", "0", "*.ltx"))
	must(t, err)
	for _, f := range files {
		must(t, os.WriteFile(f, []byte("torn"), 0o600))
	}
	s.start()
	rows := s.write(5)
	s.synced()
	must(t, s.stop())
	comesBack(t, url, rows)
}

func TestAReplicaThatCannotBeRestoredIsSaid(t *testing.T) {
	t.Parallel()
	copyTo := filepath.Join(t.TempDir(), "copy")
	copied(t, "file://"+copyTo, 50)
	must(t, filepath.WalkDir(filepath.Join(copyTo, "ltx"), func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			data, err := os.ReadFile(path)
			must(t, err)
			copy(data[len(data)/2:], "damaged")
			return os.WriteFile(path, data, 0o600)
		}
		return err
	}))
	lost := newServer(t, "file://"+copyTo)
	lost.refuses(Damaged, "can't be restored")
	if exists(lost.options.Database) || exists(filepath.Join(lost.options.DataDir, workFolder)) {
		t.Error("half a database was left")
	}
}
