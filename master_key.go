// The master key: where the keys that seal secrets come from, and the one case
// in which a new one may be made.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"hostaway-mcp/secret"
)

const masterKeyFile = "master.key"

// masterKey answers the store's question for the keyring.
type masterKey struct {
	setting secret.Text // HMCP_MASTER_KEY, zero when not set
	dataDir string
	log     *slog.Logger
}

// keyring takes the keys from the setting, else from master.key in the data
// folder. It makes a new master.key only when nothing has been sealed yet: a
// new key could not open anything, and would hide that the old one is gone.
func (m masterKey) keyring(_ context.Context, hasSealed bool) (*secret.Keyring, error) {
	if !m.setting.IsZero() {
		if _, err := os.Stat(m.path()); err == nil {
			m.log.Warn("master.key in the data folder is not used, because HMCP_MASTER_KEY is set", "file", m.path())
		}
		return secret.ParseKeyring(m.setting.Reveal())
	}
	text, err := readSettingFile(m.path())
	switch {
	case err == nil:
		return m.parse(text)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, &problem{
			code: exitMisused, cause: err,
			what: fmt.Sprintf("the master key file %s can't be read (%s)", m.path(), reason(err)),
			do:   "give this user the right to read it, or put the key back from your copy",
		}
	case hasSealed:
		return nil, misused(fmt.Sprintf("the master key is missing: %s holds sealed secrets, but %s is not there and HMCP_MASTER_KEY is not set", m.dataDir, m.path()),
			"put the file back, or set HMCP_MASTER_KEY to the key")
	}
	return m.generate()
}

// keyOutlivesMachine refuses to copy the database elsewhere while its key lies
// in the data folder alone: a machine that is lost would take the key with it,
// and the copy could not be opened. So with a replica no key is ever made here.
func keyOutlivesMachine(c config) error {
	m := masterKey{dataDir: c.DataDir}
	file := c.values["HMCP_MASTER_KEY"].file
	switch {
	case !c.MasterKey.IsZero() && !inFolder(file, c.DataDir):
		return nil
	case !c.MasterKey.IsZero():
		return misused(fmt.Sprintf("the only copy of the master key lies in the data folder (%s), and a lost machine would take it along: the replica could not be opened", file),
			"move it out of "+c.DataDir+" and name its new place; keep a copy away from this machine")
	}
	if _, err := os.Lstat(m.path()); err == nil {
		return misused(fmt.Sprintf("the only copy of the master key is %s, and a lost machine would take it along: the replica could not be opened", m.path()),
			"copy it to a place outside of "+c.DataDir+", name that in HMCP_MASTER_KEY_FILE, and keep a copy away from this machine")
	}
	return misused("there is a replica and no HMCP_MASTER_KEY: a key made in the data folder would be lost with the machine, and the replica could not be opened",
		"make a key of 32 random bytes in base64 (`head -c 32 /dev/urandom | base64`), or take the one that the replica's data was sealed with; "+
			"name its file in HMCP_MASTER_KEY_FILE, and keep a copy away from this machine")
}

// inFolder tells whether path lies below folder, links followed. A path that
// can't be followed is taken as it is written.
func inFolder(path, folder string) bool {
	if path == "" {
		return false
	}
	real := func(p string) string {
		if abs, err := filepath.Abs(p); err == nil {
			p = abs
		}
		if followed, err := filepath.EvalSymlinks(p); err == nil {
			return followed
		}
		return p
	}
	below, err := filepath.Rel(real(folder), real(path))
	return err == nil && filepath.IsLocal(below)
}

func (m masterKey) path() string { return filepath.Join(m.dataDir, masterKeyFile) }

func (m masterKey) parse(text string) (*secret.Keyring, error) {
	ring, err := secret.ParseKeyring(text)
	if err != nil {
		return nil, &problem{
			code: exitMisused, cause: err,
			what: fmt.Sprintf("the master key file %s does not hold a key of 32 bytes in base64", m.path()),
			do:   "put the file back from your copy; a new key can't open what the old one sealed",
		}
	}
	if info, err := os.Stat(m.path()); err == nil && looseRights(info.Mode()) {
		m.log.Warn("other users may read the master key: take that right away", "file", m.path())
	}
	return ring, nil
}

// generate makes the first key. When another process made one at the same
// moment, that one counts.
func (m masterKey) generate() (*secret.Keyring, error) {
	key := secret.GenerateKey()
	err := createFile(m.path(), []byte(key.Reveal()+"\n"))
	if errors.Is(err, fs.ErrExist) {
		text, err := readSettingFile(m.path())
		if err != nil {
			return nil, fmt.Errorf("read master key: %w", err)
		}
		return m.parse(text)
	}
	if err != nil {
		return nil, folderProblem(m.dataDir, err)
	}
	m.log.Info("made a new master key; keep a copy of it somewhere else", "file", m.path())
	return secret.ParseKeyring(key.Reveal())
}
