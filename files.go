// Files of the data folder: written whole or not at all, for our user only.
package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"hostaway-mcp/store"
)

const (
	folderRights   = 0o700
	fileRights     = 0o600
	databaseFile   = "hostaway-mcp.db"
	othersMayRead  = 0o077
	windowsGOOS    = "windows" // has no such rights; folders inherit their owner's
	temporaryFiles = ".new-*"
)

// prepareFolder makes the data folder if need be and proves that files can be
// written there, before anything else is begun.
func prepareFolder(path string) error {
	if err := os.MkdirAll(path, folderRights); err != nil {
		return folderProblem(path, err)
	}
	probe, err := os.CreateTemp(path, temporaryFiles)
	if err != nil {
		return folderProblem(path, err)
	}
	_, err = probe.Write(make([]byte, 4096)) // a full disk shows at the first block
	return folderProblemOrNil(path, errors.Join(err, probe.Close(), os.Remove(probe.Name())))
}

// canRead says whether serving can begin although the folder takes no more: the disk
// is full, and there is a database that can be read. The store tells it then.
func canRead(folder string, err error) bool {
	if !errors.Is(err, syscall.ENOSPC) {
		return false
	}
	info, err := os.Stat(filepath.Join(folder, databaseFile))
	return err == nil && info.Size() > 0
}

func folderProblemOrNil(path string, err error) error {
	if err == nil {
		return nil
	}
	return folderProblem(path, err)
}

// folderProblem says what is wrong with a folder that can't be written to.
func folderProblem(path string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, store.ErrDiskFull) {
		return failed(err, fmt.Sprintf("the disk that holds %s is full", path), "free some space and start again; nothing was lost")
	}
	return failed(err, fmt.Sprintf("the data folder %s can't be written to (%s)", path, reason(err)),
		"give this user the right to, or name another folder in HMCP_DATA_DIR")
}

// createFile writes a file that must not exist yet (fs.ErrExist otherwise).
// Nobody ever sees half of it.
func createFile(path string, text []byte) error {
	return createStream(path, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// createStream is createFile for what is too long to be in memory as a whole.
func createStream(path string, write func(io.Writer) error) error {
	if _, err := os.Lstat(path); err == nil {
		return fs.ErrExist // before the work, and again after it
	}
	return streamAside(path, write, func(aside string) error {
		if err := os.Link(aside, path); err == nil || errors.Is(err, fs.ErrExist) {
			return errors.Join(err, os.Remove(aside))
		}
		// No hard links here: look first, then rename.
		if _, err := os.Stat(path); err == nil {
			return errors.Join(fs.ErrExist, os.Remove(aside))
		}
		return os.Rename(aside, path)
	})
}

// replaceFile writes a file in one step, whether it existed or not.
func replaceFile(path string, text []byte) error {
	return writeAside(path, text, func(aside string) error { return os.Rename(aside, path) })
}

// writeAside writes a temporary file beside path, safely on the disk, and lets
// place move it there.
func writeAside(path string, text []byte, place func(aside string) error) error {
	return streamAside(path, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	}, place)
}

func streamAside(path string, write func(io.Writer) error, place func(aside string) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), temporaryFiles) // with 0600
	if err != nil {
		return err
	}
	err = write(f)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := place(f.Name()); err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes a new name in the folder survive a power cut. Windows can't
// open folders and needs no such thing.
func syncFolder(path string) error {
	if runtime.GOOS == windowsGOOS {
		return nil
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func looseRights(mode fs.FileMode) bool {
	return runtime.GOOS != windowsGOOS && mode.Perm()&othersMayRead != 0
}
