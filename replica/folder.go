// The data folder: one server at a time, a note of how far the replica is, and
// the place where files are put that nobody must lose.

package replica

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/benbjohnson/litestream"
)

const (
	lockFileName  = "serve.lock"
	noteFileName  = "replica.json"
	asideFolder   = "set-aside"
	workFolder    = "replica-work" // temporary; emptied at each start
	asideTimeForm = "2006-01-02T15-04-05"
)

// note is what this folder's server knew last of its replica. It tells a database
// that was put back from one that went on.
type note struct {
	Where      string    `json:"where"`                // the replica's place
	Epoch      int64     `json:"epoch"`                // of our last lease
	Replicated uint64    `json:"replicated"`           // the newest transaction the replica surely had
	Newest     string    `json:"newest,omitempty"`     // the newest thing the database surely had
	At         time.Time `json:"at"`                   // when this was true
	DrilledAt  time.Time `json:"drilled_at,omitempty"` // the last restore drill
	Aside      string    `json:"aside,omitempty"`      // where the database has to go at the next start
	// Uncounted says that Litestream's files beside the database count from 1 again,
	// unlike those in the replica: they were begun while it could not be asked.
	Uncounted bool `json:"uncounted,omitempty"`
}

// folder is the data folder, locked.
type folder struct {
	path     string
	database string
	meta     string // Litestream's own folder beside the database
	unlock   func() error
	now      func() time.Time
}

// openFolder takes the folder for this process alone.
func openFolder(path, database, meta string, now func() time.Time) (*folder, error) {
	unlock, err := LockFile(filepath.Join(path, lockFileName))
	if errors.Is(err, ErrLocked) {
		return nil, &Problem{
			Kind: Locked, Err: err, What: fmt.Sprintf("another server is running on the data folder %s", path),
			Do: "stop it first, or name another folder in HMCP_DATA_DIR",
		}
	}
	if err != nil {
		return nil, folderProblem(path, err)
	}
	f := &folder{path: path, database: database, meta: metaOf(database, meta), unlock: unlock, now: now}
	if err := os.RemoveAll(f.in(workFolder)); err != nil {
		return nil, errors.Join(folderProblem(path, err), unlock())
	}
	return f, nil
}

// metaOf is Litestream's own folder for a database, unless another one is named.
func metaOf(database, named string) string {
	if named != "" {
		return named
	}
	return filepath.Join(filepath.Dir(database), "."+filepath.Base(database)+litestream.MetaDirSuffix)
}

func folderProblem(path string, err error) error {
	if isFull(err) {
		return &Problem{Kind: Failed, Err: err, What: fmt.Sprintf("the disk that %s lies on is full (%v)", path, err), Do: "free some space and try again"}
	}
	return &Problem{
		Kind: Failed, Err: err, What: fmt.Sprintf("the data folder %s can't be used (%v)", path, err),
		Do: "look at the disk and at the rights of the folder",
	}
}

func (f *folder) close() error { return f.unlock() }

func (f *folder) in(name string) string { return filepath.Join(f.path, name) }

// readNote returns the note; there may be none.
func (f *folder) readNote() (note, error) {
	var n note
	text, err := os.ReadFile(f.in(noteFileName))
	if errors.Is(err, fs.ErrNotExist) {
		return n, nil
	}
	if err != nil {
		return n, folderProblem(f.path, fmt.Errorf("read %s: %w", noteFileName, err))
	}
	if err := json.Unmarshal(text, &n); err != nil {
		return note{}, &Problem{
			Kind: Damaged, Err: err, What: fmt.Sprintf("%s, the note of how far the replica is, can't be read (%s)", f.in(noteFileName), oneLine(err)),
			Do: "if the database here is the newest there is, and was not put back from an older copy, the file may be removed: the next start compares the database with the replica and writes it anew",
		}
	}
	return n, nil
}

func (f *folder) writeNote(n note) error {
	text, err := json.Marshal(n)
	if err != nil {
		return err
	}
	return writeFile(f.in(noteFileName), append(text, '\n'))
}

// workspace makes a temporary folder on the disk of the database.
func (f *folder) workspace() (path string, remove func(), err error) {
	if err := os.MkdirAll(f.in(workFolder), 0o700); err != nil {
		return "", nil, err
	}
	path, err = os.MkdirTemp(f.in(workFolder), "restore-*")
	return path, func() {
		_ = os.RemoveAll(path)
		_ = os.Remove(f.in(workFolder)) // unless somebody else works there
	}, err
}

// asideName makes a new name below the data folder, which says why.
func (f *folder) asideName(why string) string {
	name := f.now().UTC().Format(asideTimeForm) + "-" + why
	for n := 2; exists(f.in(filepath.Join(asideFolder, name))); n++ {
		name = fmt.Sprintf("%s-%s-%d", f.now().UTC().Format(asideTimeForm), why, n)
	}
	return filepath.Join(asideFolder, name)
}

// besides are the files that belong to a database file and mean nothing, or do
// harm, without it.
func (f *folder) besides() []string {
	return []string{f.database + "-wal", f.database + "-shm", f.database + "-journal", f.database + "-txid", f.database + ".tmp", f.meta}
}

// setAside moves what is there of the given files into a folder of the name, and
// returns its path; "" when there was nothing.
func (f *folder) setAside(name string, paths ...string) (string, error) {
	to := f.in(name)
	moved := false
	for _, path := range paths {
		if !exists(path) {
			continue
		}
		if err := os.MkdirAll(to, 0o700); err != nil {
			return "", folderProblem(f.path, err)
		}
		name := filepath.Join(to, strings.TrimPrefix(filepath.Base(path), "."))
		for n := 2; exists(name); n++ { // what is kept there is never replaced
			name = filepath.Join(to, fmt.Sprintf("%d-%s", n, strings.TrimPrefix(filepath.Base(path), ".")))
		}
		err := os.Rename(path, name)
		if err != nil && path == f.meta { // it may lie on another disk
			err = os.Rename(path, path+"."+filepath.Base(to))
		}
		if err != nil {
			return "", folderProblem(f.path, fmt.Errorf("set %s aside: %w", filepath.Base(path), err))
		}
		moved = true
	}
	if !moved {
		return "", nil
	}
	if err := errors.Join(syncFolder(to), syncFolder(filepath.Dir(to)), syncFolder(f.path)); err != nil {
		return "", folderProblem(f.path, err)
	}
	return to, nil
}
