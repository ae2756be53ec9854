// What doctor looks at on this machine: settings, files, keys, the database.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

func settingProblems(err error) []check {
	var checks []check
	for _, each := range flatten(err) {
		checks = append(checks, problemCheck("settings", each))
	}
	return checks
}

// examineSettings looks for settings that can each be right, and are not right
// for a server that people reach from elsewhere.
func examineSettings(_ context.Context, d *doctor) []check {
	const name = "settings"
	c, given := d.config, 0
	for setting := range c.values {
		if c.given(setting) {
			given++
		}
	}
	host, _, _ := net.SplitHostPort(c.Listen)
	base, _ := url.Parse(d.baseURL())
	var checks []check
	switch {
	case c.BaseURL == "" && !loopback(host):
		checks = append(checks, doubtful(name, "HMCP_BASE_URL is not set, so links and snippets say "+d.baseURL(), "set HMCP_BASE_URL to the address that people use, or HMCP_DOMAIN"))
	case base.Scheme == "http" && !loopback(base.Hostname()):
		checks = append(checks, doubtful(name, "people reach the server without TLS: passwords and API keys can be read on the way", "set HMCP_DOMAIN, or put a proxy that ends TLS before it and make HMCP_BASE_URL https"))
	case base.Scheme == "https" && c.Domain == "" && len(c.TrustedProxies) == 0:
		checks = append(checks, doubtful(name, "a proxy ends TLS and HMCP_TRUSTED_PROXIES is not set, so all people seem to come from one address and share its limits", "name the proxy's address in HMCP_TRUSTED_PROXIES"))
	}
	checks = append(checks, secretFileChecks(c, c.values["HMCP_MASTER_KEY"].file)...) // the key's file is looked at with the key
	if len(checks) > 0 {
		return checks
	}
	return []check{good(name, fmt.Sprintf("%d of %d are set, the others are defaults", given, len(c.values)))}
}

// baseURL is where people reach the server.
func (d *doctor) baseURL() string {
	if d.config.BaseURL != "" {
		return d.config.BaseURL
	}
	return baseURLOf(d.config.Listen)
}

func (d *doctor) databasePath() string { return filepath.Join(d.config.DataDir, databaseFile) }

// examineFolder looks at who may use the data folder and what is in it.
func examineFolder(_ context.Context, d *doctor) []check {
	const name = "files"
	folder := d.config.DataDir
	info, err := os.Stat(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []check{bad(name, fmt.Sprintf("there is no data folder %s", folder), "name the server's data folder in HMCP_DATA_DIR, or start the server once: it makes the folder")}
	case err != nil:
		return []check{problemCheck(name, folderProblem(folder, err))}
	case !info.IsDir():
		return []check{bad(name, folder+" is not a folder", "name the server's data folder in HMCP_DATA_DIR")}
	}
	flaws, err := fileFlaws(folder)
	if err != nil {
		return []check{problemCheck(name, err)}
	}
	var checks []check
	for _, f := range flaws {
		if f.mode == 0 {
			checks = append(checks, bad(name, f.Error(), f.do))
		} else {
			checks = append(checks, doubtful(name, f.Error(), fmt.Sprintf("chmod %04o %s; the next start does that", f.mode, f.path)))
		}
	}
	if len(checks) > 0 {
		return checks
	}
	return []check{good(name, folder+" is closed to other users")}
}

func examineDisk(_ context.Context, d *doctor) []check {
	folder := d.config.DataDir
	if _, err := os.Stat(folder); err != nil {
		return nil // told already
	}
	return []check{diskCheck(folder, d.measure)}
}

// examineKey looks at where the master key lies, whether it opens what is
// sealed, and which keys are needed.
func examineKey(ctx context.Context, d *doctor) []check {
	const name = "master key"
	seen, unread := store.Inspect(ctx, d.databasePath()) // what is wrong with it, its own check tells
	if d.config.MasterKey.IsZero() && !d.replicated() && errors.Is(unread, fs.ErrNotExist) {
		if _, err := os.Lstat(filepath.Join(d.config.DataDir, masterKeyFile)); errors.Is(err, fs.ErrNotExist) {
			return []check{good(name, "there is none yet: the first start makes one")}
		}
	}
	if d.replicated() {
		if err := keyOutlivesMachine(d.config); err != nil {
			return []check{problemCheck(name, err)}
		}
	}
	m := masterKey{setting: d.config.MasterKey, dataDir: d.config.DataDir, log: slog.New(slog.DiscardHandler)}
	ring, err := m.keyring(ctx, true) // true: never make one
	if err != nil {
		return []check{problemCheck(name, err)}
	}
	return append(keyFileChecks(name, d.config, m), ringChecks(name, ring, seen)...)
}

func (d *doctor) replicated() bool { return d.replica.Configured() }

// keyFileChecks look at the file that the setting names. That of the data
// folder is looked at with the others there.
func keyFileChecks(name string, c config, m masterKey) []check {
	file := c.values["HMCP_MASTER_KEY"].file
	if file == "" && c.MasterKey.IsZero() {
		return []check{good(name, m.path()+"; keep a copy of it away from this machine")}
	}
	if file == "" {
		return []check{good(name, "from the environment")}
	}
	if info, err := os.Stat(file); err == nil && looseRights(info.Mode()) {
		return []check{doubtful(name, fmt.Sprintf("%s may be read by other users (mode %04o)", file, info.Mode().Perm()), "chmod 0600 "+file)}
	}
	return []check{good(name, "from the file "+file)}
}

// ringChecks compare the keys given with those that the database needs.
func ringChecks(name string, ring *secret.Keyring, seen store.Inspection) []check {
	var missing, idle []string
	needed := slices.Concat(seen.Canaries, slices.Collect(maps.Keys(seen.SealedBy)))
	slices.Sort(needed)
	for _, id := range slices.Compact(needed) {
		if !slices.Contains(ring.IDs(), id) {
			missing = append(missing, id)
		}
	}
	stale := 0
	for _, id := range ring.IDs() {
		switch {
		case id == ring.PrimaryID():
		case seen.SealedBy[id] > 0:
			stale += seen.SealedBy[id]
		case seen.SealedBy != nil:
			idle = append(idle, id)
		}
	}
	var checks []check
	if len(missing) > 0 {
		checks = append(checks, bad(name, "secrets are sealed with a key that is not given: "+strings.Join(missing, ", "), "add that key behind the others: the server does not start without it"))
	}
	if stale > 0 {
		checks = append(checks, doubtful(name, fmt.Sprintf("secrets that are still sealed with an older key: %d", stale), fmt.Sprintf("run `%s rotate-key`", binaryName)))
	}
	if len(idle) > 0 && len(missing) == 0 {
		checks = append(checks, good(name, fmt.Sprintf("nothing in this database needs the older key %s any more; copies of older days do", strings.Join(idle, ", "))))
	}
	return checks
}

const findingsMost = 200 // characters

// findings is what a check of the database found: enough of it to be believed.
func findings(err error) string {
	text := oneLine(err.Error())
	if _, after, ok := strings.Cut(text, store.ErrDamaged.Error()); ok {
		text = strings.TrimLeft(after, ": ")
	}
	if len(text) > findingsMost {
		text = strings.ToValidUTF8(text[:findingsMost], "") + "…"
	}
	return text
}

// examineDatabase reads the whole file.
func examineDatabase(ctx context.Context, d *doctor) []check {
	const name = "database"
	path := d.databasePath()
	seen, err := store.Inspect(ctx, path)
	if err == nil {
		err = store.CheckFile(ctx, path, d.full)
	}
	if info, e := os.Stat(path); e == nil && info.Size() == 0 && d.replicated() {
		return []check{doubtful(name, path+" is an empty file", "start the server: it sets the file aside and restores what the replica holds")}
	}
	restore := fmt.Sprintf("stop the server, keep the file, and restore the replica or a copy (`%s restore`)", binaryName)
	switch {
	case errors.Is(err, fs.ErrNotExist) && d.replicated():
		return []check{doubtful(name, "there is none in "+d.config.DataDir, "start the server: it restores what the replica holds")}
	case errors.Is(err, fs.ErrNotExist):
		return []check{doubtful(name, "there is none in "+d.config.DataDir, "start the server to make one, or name its data folder in HMCP_DATA_DIR")}
	case errors.Is(err, store.ErrDamaged):
		return []check{bad(name, "it is damaged: "+findings(err), restore)}
	case errors.Is(err, store.ErrNotFound):
		return []check{bad(name, path+" is a database, and none of ours", restore)}
	case err != nil:
		return []check{bad(name, fmt.Sprintf("it can't be read (%v)", err), "look at the file, its rights and the disk")}
	case seen.Version > seen.Want:
		return []check{bad(name, fmt.Sprintf("it was written by a newer %s (its version is %d, this program knows %d)", binaryName, seen.Version, seen.Want), "run the newer program, or restore a copy from before the upgrade")}
	}
	text := "it is whole"
	if info, err := os.Stat(path); err == nil {
		text += ", " + size(uint64(info.Size()))
	}
	if seen.Version < seen.Want {
		text += fmt.Sprintf("; the next start brings it from version %d to %d", seen.Version, seen.Want)
	}
	return []check{good(name, text)}
}
