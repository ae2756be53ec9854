// What a deletion leaves behind: copies that were made before it. Whoever has to
// answer for the data has to know each place, and until when.
package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"hostaway-mcp/replica"
	"hostaway-mcp/store"
)

// leftover is a place in which pieces of a deleted org may still be found.
type leftover struct{ where, until string }

func (d desk) leftovers(gone store.Deleted, rewritten bool) (left []leftover) {
	settings, err := d.replicaSettings(d.config)
	copies := err == nil && settings.Configured()
	path := filepath.Join(d.config.DataDir, databaseFile)
	if !gone.WALEmptied {
		left = append(left, leftover{path, "until the server's next checkpoint, about a minute after it runs (secrets, hashes, addresses)"})
	}
	if !rewritten {
		left = append(left, leftover{path, "in unused parts, until they are written over (pieces of its log); --rewrite leaves none"})
	}
	if !gone.WALEmptied || copies {
		left = append(left, leftover{path + "-wal", "until the server has written as much again: the log is used anew from its start"})
	}
	if copies {
		left = append(left,
			leftover{filepath.Join(d.config.DataDir, "."+databaseFile+"-litestream"), d.after(settings.KeepsBeside()) + ", while a server runs and reaches the storage"},
			leftover{settings.Where(), d.inReplica(settings)})
	}
	aside, _ := replica.SetAside(d.config.DataDir) // what can't be read is named all the same
	for _, a := range aside {
		left = append(left, leftover{a.Folder, "until you delete it: nothing else does"})
	}
	return append(left, leftover{"exports and copies made by hand", "until you delete them"})
}

func (d desk) after(most time.Duration) string {
	return "until " + d.now().Add(most).UTC().Format(time.RFC3339)
}

// inReplica says until when any moment from before can be restored from there.
func (d desk) inReplica(s replica.Settings) string {
	most, bounded := s.Keeps()
	if !bounded {
		return "for as long as the storage keeps files: litestream.yml leaves deleting to it (retention.enabled: false)"
	}
	text := d.after(most) + " at the latest, while a server runs: any moment from before can be restored from it"
	if s.Folder() == "" {
		text += "; longer where the bucket keeps old versions of its objects"
	}
	return text
}

func leftText(left []leftover) string {
	var b strings.Builder
	b.WriteString("Pieces of it may still be found in:\n")
	for _, l := range left {
		fmt.Fprintf(&b, "  %s\n    %s\n", l.where, l.until)
	}
	return b.String()
}
