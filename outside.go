// What lies outside the data folder and matters as much: the files that hold
// secret settings, and a replica that is a folder. Doctor says what is wrong with
// them, and serve logs it.
package main

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
)

const everybodysRights = 0o007

// openToAll tells whether users of no group of ours may use a file. Groups are
// for the operator to choose: a service manager's own files may need one.
func openToAll(mode fs.FileMode) bool {
	return runtime.GOOS != windowsGOOS && mode.Perm()&everybodysRights != 0
}

// secretFileChecks look at the files that secret settings stand in, except those
// that somebody else looks at.
func secretFileChecks(c config, except ...string) []check {
	holds := map[string][]string{}
	var files []string
	for _, s := range settings() {
		file := c.values[s.name].file
		if !s.secret || file == "" || slices.Contains(except, file) {
			continue
		}
		if holds[file] == nil {
			files = append(files, file)
		}
		holds[file] = append(holds[file], s.name)
	}
	var checks []check
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil || !openToAll(info.Mode()) { // it was read a moment ago
			continue
		}
		checks = append(checks, doubtful("settings", fmt.Sprintf("%s holds %s and may be read by every user of this machine (mode %04o)", file, strings.Join(holds[file], ", "), info.Mode().Perm()),
			"chmod o= "+file))
	}
	return checks
}

// replicaFolderChecks look at a replica that is a folder; mayWrite tells whether
// we may write there. They are silent where there is none.
func replicaFolderChecks(folder, dataDir string, mayWrite func(string) error) []check {
	info, err := os.Stat(folder)
	if folder == "" || err != nil {
		return nil // what can't be reached is told where the replica is asked
	}
	var checks []check
	if err := mayWrite(folder); err != nil {
		checks = append(checks, bad(replicaName, fmt.Sprintf("nothing can be written to %s (%s), so nothing is copied", folder, reason(err)), "let the server's user write there, or mount it for writing"))
	}
	if openToAll(info.Mode()) {
		checks = append(checks, doubtful(replicaName, fmt.Sprintf("the copy in %s may be used by every user of this machine (mode %04o)", folder, info.Mode().Perm()), "chmod o= "+folder))
	}
	if home, err := os.Stat(dataDir); err == nil && sameDisk(home, info) {
		checks = append(checks, doubtful(replicaName, fmt.Sprintf("%s lies on the same disk as the data folder, and a broken disk takes both", folder), "name a folder of another disk in HMCP_REPLICA_URL, or a bucket"))
	}
	return checks
}

// warnOutside logs what is wrong.
func warnOutside(ctx context.Context, c config, folder string, log *slog.Logger) {
	for _, found := range append(secretFileChecks(c), replicaFolderChecks(folder, c.DataDir, mayWrite)...) {
		log.WarnContext(ctx, found.Text, "do", found.Do)
	}
}
