package replica

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAFolderHasOneServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	database := filepath.Join(dir, "x.db")
	f, err := openFolder(dir, database, "", time.Now)
	must(t, err)
	_, err = openFolder(dir, database, "", time.Now)
	if kindOf(err) != Locked || !strings.Contains(err.Error(), "another server is running on the data folder "+dir) {
		t.Errorf("the second one: %v", err)
	}
	must(t, f.close())
	again, err := openFolder(dir, database, "", time.Now)
	must(t, err)
	must(t, again.close())
}

func TestWhatIsSetAsideIsNeverReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	database := filepath.Join(dir, "x.db")
	f, err := openFolder(dir, database, "", func() time.Time { return time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC) })
	must(t, err)
	defer func() { must(t, f.close()) }()
	name := f.asideName("superseded")
	if want := filepath.Join(asideFolder, "2026-08-01T12-00-00-superseded"); name != want {
		t.Fatalf("name %q, want %q", name, want)
	}
	if where, err := f.setAside(name, database); where != "" || err != nil {
		t.Errorf("nothing was there: %q, %v", where, err)
	}
	for _, content := range []string{"first", "second", "third"} { // as after a crash in between
		must(t, os.WriteFile(database, []byte(content), 0o600))
		must(t, os.MkdirAll(filepath.Join(f.meta, "ltx"), 0o700))
		_, err := f.setAside(name, append([]string{database}, f.besides()...)...)
		must(t, err)
	}
	var kept []string
	files, err := filepath.Glob(filepath.Join(dir, name, "*x.db"))
	must(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		kept = append(kept, string(text))
	}
	if len(kept) != 3 || exists(database) || exists(f.meta) {
		t.Errorf("kept %q; still there: %v, %v", kept, exists(database), exists(f.meta))
	}
	if other := f.asideName("superseded"); other == name {
		t.Errorf("the name %q is given twice", other)
	}
}

func TestANoteIsWrittenWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f, err := openFolder(dir, filepath.Join(dir, "x.db"), "", time.Now)
	must(t, err)
	defer func() { must(t, f.close()) }()
	if n, err := f.readNote(); n != (note{}) || err != nil {
		t.Errorf("without one: %+v, %v", n, err)
	}
	want := note{Where: "here", Epoch: 3, Replicated: 9, Newest: "x", At: time.Now().UTC().Round(0)}
	must(t, f.writeNote(want))
	if n, err := f.readNote(); n != want || err != nil {
		t.Errorf("%+v, %v", n, err)
	}
	must(t, os.WriteFile(f.in(noteFileName), []byte("{"), 0o600))
	if _, err := f.readNote(); kindOf(err) != Damaged || !strings.Contains(err.Error(), f.in(noteFileName)) || !strings.Contains(err.Error(), "may be removed") {
		t.Errorf("a damaged note: %v", err)
	}
}

func TestAWorkspaceLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f, err := openFolder(dir, filepath.Join(dir, "x.db"), "", time.Now)
	must(t, err)
	work, remove, err := f.workspace()
	must(t, err)
	must(t, os.WriteFile(filepath.Join(work, "x"), nil, 0o600))
	remove()
	_, _, err = f.workspace() // left by a crash
	must(t, err)
	must(t, f.close())
	f, err = openFolder(dir, filepath.Join(dir, "x.db"), "", time.Now)
	must(t, err)
	if exists(f.in(workFolder)) {
		t.Error("what a crash left is still there")
	}
	must(t, f.close())
}
