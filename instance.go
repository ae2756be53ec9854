// The instance id: a random name of this data folder, made once. It is in no
// copy of the database, so that two servers of one database can be told apart.
package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync/atomic"
)

const instanceFile = "instance.id"

// readInstance returns the id of the folder's server; an error that is
// fs.ErrNotExist means that no server has ever been started there.
func readInstance(folder string) (string, error) {
	id, err := readSettingFile(filepath.Join(folder, instanceFile))
	if err != nil {
		return "", fmt.Errorf("read instance id: %w", err)
	}
	return id, nil
}

// makeInstance returns the id and makes it if there is none.
func makeInstance(folder string) (string, error) {
	id, err := readInstance(folder)
	if !errors.Is(err, fs.ErrNotExist) {
		return id, err
	}
	id = "srv_" + strings.ToLower(rand.Text()[:20])
	err = createFile(filepath.Join(folder, instanceFile), []byte(id+"\n"))
	if errors.Is(err, fs.ErrExist) { // another process was quicker
		return readInstance(folder)
	}
	if err != nil {
		return "", folderProblem(folder, err)
	}
	return id, nil
}

// instanceOf gives the id of the folder's server out as soon as there is one: the
// first start of all answers before it has made it.
func instanceOf(folder string) func() string {
	var known atomic.Pointer[string]
	return func() string {
		if id := known.Load(); id != nil {
			return *id
		}
		id, err := readInstance(folder)
		if err != nil {
			return ""
		}
		known.Store(&id)
		return id
	}
}
