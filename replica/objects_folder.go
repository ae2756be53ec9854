// Our objects in a replica that is a folder. A lock file stands for the
// conditional write; that keeps servers apart where the file system has locks
// for all of them: on one machine, and on some network file systems.

package replica

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

const (
	objectsLock     = "hostaway-mcp.lock"
	objectsLockWait = 10 * time.Millisecond
)

type folderObjects struct{ folder string }

// readable says whether the folder is there.
func (f folderObjects) readable() error {
	info, err := os.Stat(f.folder)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && !info.IsDir()) {
		return fmt.Errorf("%w: %s", errNoPlace, f.folder)
	}
	return err
}

// writable says so too, and that it is the one that our lease lies in.
func (f folderObjects) writable() error {
	if exists(filepath.Join(f.folder, leaseObject)) {
		return nil
	}
	if err := f.readable(); err != nil {
		return err
	}
	return errVanished
}

func (f folderObjects) get(_ context.Context, name string) (object, error) {
	if err := f.readable(); err != nil {
		return object{}, err
	}
	return f.read(name)
}

func (f folderObjects) read(name string) (object, error) {
	path := filepath.Join(f.folder, name)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return object{}, errNoObject
	}
	if err != nil {
		return object{}, err
	}
	o := object{data: data, version: versionOf(data)}
	if written, err := os.Stat(path); err == nil {
		if now, err := f.clock(); err == nil {
			o.age, o.aged = max(0, now.Sub(written.ModTime())), true
		}
	}
	return o, nil
}

// clock is the time by the file system that holds the folder.
func (f folderObjects) clock() (time.Time, error) {
	probe, err := os.CreateTemp(f.folder, ".clock-*")
	if err != nil {
		return time.Time{}, err
	}
	info, err := probe.Stat()
	if err = errors.Join(err, probe.Close(), os.Remove(probe.Name())); err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

func versionOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func (f folderObjects) put(ctx context.Context, name string, data []byte, on condition) (string, error) {
	if err := f.readable(); err != nil {
		return "", err
	}
	unlock, err := f.lock(ctx)
	if err != nil {
		return "", fullFolder(err)
	}
	err = f.check(name, on)
	if err == nil {
		err = writeFile(filepath.Join(f.folder, name), data)
	}
	return versionOf(data), errors.Join(fullFolder(err), unlock())
}

// fullFolder marks a full disk that the replica lies on: it may not be ours.
func fullFolder(err error) error {
	if err == nil || !isFull(err) {
		return err
	}
	return fmt.Errorf("%w (%w)", errNoRoom, err)
}

// lock waits for the lock file: others hold it for moments only.
func (f folderObjects) lock(ctx context.Context) (unlock func() error, err error) {
	for {
		unlock, err = LockFile(filepath.Join(f.folder, objectsLock))
		if !errors.Is(err, ErrLocked) {
			return unlock, err
		}
		select {
		case <-time.After(objectsLockWait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (f folderObjects) check(name string, on condition) error {
	if on == (condition{}) {
		return nil
	}
	is, err := f.read(name)
	switch {
	case errors.Is(err, errNoObject) && on.absent:
		return nil
	case errors.Is(err, errNoObject) || (err == nil && (on.absent || is.version != on.version)):
		return errConflict
	}
	return err
}
