// Who may read the data folder: only the user that the server runs as. Looked
// at before each start; doctor looks too, and leaves everything as it is.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hostaway-mcp/store"
)

const (
	acmeFolder     = "acme"
	othersMayWrite = 0o022
)

// fileFlaw is one file or folder that others could read, or that may not be
// what we take it for.
type fileFlaw struct {
	path string
	what string      // reads on from the path: "is a symbolic link"
	do   string      // for a person, where we can't mend it
	mode fs.FileMode // what it should be; zero: a person has to do something
}

func (f fileFlaw) Error() string { return f.path + " " + f.what }

// ourNames are what the server makes in the data folder, besides the database;
// some names go on after a star.
func ourNames() []string {
	return []string{
		masterKeyFile, instanceFile, store.ReserveFile + "*", rotateLockFile, localKeyFile, acmeFolder,
		"serve.lock", "replica.json", "replica-work", "set-aside", "verify-*", // the replica's
		databaseFile + "*", "." + databaseFile + "*", temporaryFiles,
	}
}

// ourFile tells whether we made what has this name in the data folder. What
// else lies there is somebody else's business.
func ourFile(name string) bool {
	return slices.ContainsFunc(ourNames(), func(ours string) bool {
		start, goesOn := strings.CutSuffix(ours, "*")
		return name == ours || (goesOn && strings.HasPrefix(name, start))
	})
}

// fileFlaws looks at the data folder and at all that is ours in it. A folder
// that is not there has no flaws.
func fileFlaws(folder string) ([]fileFlaw, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, folderProblem(folder, err)
	}
	flaws, err := folderFlaws(folder, entries)
	if err != nil {
		return nil, folderProblem(folder, err)
	}
	for _, e := range entries {
		if !ourFile(e.Name()) {
			continue
		}
		err := filepath.WalkDir(filepath.Join(folder, e.Name()), func(path string, _ fs.DirEntry, err error) error {
			if err == nil {
				flaws, err = appendFlaw(flaws, path)
			}
			if errors.Is(err, fs.ErrNotExist) { // a server beside us took it away
				return nil
			}
			return err
		})
		if err != nil {
			return nil, folderProblem(folder, err)
		}
	}
	return flaws, nil
}

func appendFlaw(flaws []fileFlaw, path string) ([]fileFlaw, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return flaws, err
	}
	flaw := fileFlaw{path: path}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		flaw.what, flaw.do = "is a symbolic link", "put the file itself there; a data folder elsewhere is named by HMCP_DATA_DIR"
		if filepath.Base(path) == masterKeyFile {
			flaw.do = "put the file itself there; a key elsewhere is named by HMCP_MASTER_KEY_FILE"
		}
	case !info.IsDir() && !info.Mode().IsRegular():
		flaw.what, flaw.do = "is neither a file nor a folder", "take it away; nothing of ours looks like that"
	case !ownFile(info):
		flaw.what, flaw.do = "belongs to another user", "give it to the user that the server runs as (chown), or run the server as that one"
	case looseRights(info.Mode()):
		flaw.what, flaw.mode = fmt.Sprintf("may be used by other users (mode %04o)", info.Mode().Perm()), fileRights
		if info.IsDir() {
			flaw.mode = folderRights
		}
	default:
		return flaws, nil
	}
	return append(flaws, flaw), nil
}

// folderFlaws looks at the data folder itself. It may be a link, as systemd
// makes one. Rights are taken away from others only where all that it holds is
// ours: somebody may have named a folder that the whole machine uses.
func folderFlaws(folder string, entries []fs.DirEntry) ([]fileFlaw, error) {
	info, err := os.Stat(folder)
	if err != nil {
		return nil, err
	}
	flaw := fileFlaw{path: folder}
	mixed := slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return !ourFile(e.Name()) })
	own := "name a folder in HMCP_DATA_DIR that nobody else uses; the server makes it if it is not there"
	switch {
	case !ownFile(info):
		flaw.what, flaw.do = "belongs to another user", "give it to the user that the server runs as (chown), or "+own
	case !looseRights(info.Mode()):
		return nil, nil
	case mixed && info.Mode().Perm()&othersMayWrite != 0:
		flaw.what, flaw.do = fmt.Sprintf("may be written to by other users (mode %04o) and holds things that are not ours", info.Mode().Perm()), own
	case mixed: // others see names, and nothing of what is in the files
		return nil, nil
	default:
		flaw.what, flaw.mode = fmt.Sprintf("may be used by other users (mode %04o)", info.Mode().Perm()), folderRights
	}
	return []fileFlaw{flaw}, nil
}

// closeFiles takes away what rights others have, says so in the log, and
// refuses to go on where that is not for us to do.
func closeFiles(folder string, log *slog.Logger) error {
	flaws, err := fileFlaws(folder)
	if err != nil {
		return err
	}
	var problems []error
	for _, f := range flaws {
		if f.mode == 0 {
			problems = append(problems, &problem{code: exitMisused, what: f.Error(), do: f.do})
			continue
		}
		if err := os.Chmod(f.path, f.mode); err != nil {
			problems = append(problems, failed(err, fmt.Sprintf("%s, and that can't be changed (%s)", f.Error(), reason(err)), "give it to the user that the server runs as"))
			continue
		}
		log.Warn("took rights away: "+f.what, "file", f.path, "mode", fmt.Sprintf("%04o", f.mode))
	}
	return errors.Join(problems...)
}
