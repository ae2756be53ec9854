// What doctor finds out about the copy of the database on another machine,
// without the right to write it.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"hostaway-mcp/replica"
)

const (
	replicaName     = "replica"
	replicaPatience = 30 * time.Second // storage is asked several things, and each again when it fails
)

// examineReplica asks the storage what it holds, and compares that with the
// database here.
func examineReplica(ctx context.Context, d *doctor) []check {
	if d.badFile != nil {
		return []check{problemCheck(replicaName, d.badFile)}
	}
	if !d.replicated() {
		return []check{good(replicaName, "none is configured: this disk is all there is")}
	}
	limited, cancel := context.WithTimeout(ctx, replicaPatience)
	defer cancel()
	seen, err := replica.Look(limited, d.replicaOptions(d.config, d.replica, slog.New(slog.DiscardHandler)))
	if err != nil {
		return []check{problemCheck(replicaName, replicaProblem(err))}
	}
	return append([]check{judgeReplica(seen, !errors.Is(d.running(ctx), errSilent), hostName(), d.now())},
		replicaFolderChecks(d.replica.Folder(), d.config.DataDir, mayWrite)...)
}

// examineAside tells of databases that were set aside: each may hold what no other
// copy has, takes room, and keeps what was deleted since.
func examineAside(_ context.Context, d *doctor) []check {
	const name = "set aside"
	all, _ := replica.SetAside(d.config.DataDir) // a folder that can't be read is told already
	var bytes int64
	var databases []string
	for _, a := range all {
		bytes += a.Bytes
		if a.Database {
			databases = append(databases, a.Folder)
		}
	}
	if len(databases) == 0 {
		return nil
	}
	return []check{doubtful(name, fmt.Sprintf("whole databases of before: %d, the newest in %s; %s in all", len(databases), databases[len(databases)-1], size(uint64(bytes))),
		"nothing deletes them by itself: when you miss nothing that only they have, delete the folders")}
}

func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

// judgeReplica compares what the replica holds with what is here. running says
// that a server is at work here, so that both change while they are looked at.
func judgeReplica(s replica.Overview, running bool, host string, now time.Time) check {
	lacks := int64(s.Local) - int64(s.Transaction)
	if s.LocalBytes == 0 { // what was captured once is of no database any more
		lacks = 0
	}
	foreign := s.LocalID != "" && s.Installation != "" && s.LocalID != s.Installation
	elsewhere := !running && s.Holder != "" && s.Holder != host && !s.Released && s.Until.After(now)
	switch {
	case s.Transaction == 0 && s.LocalBytes == 0:
		return doubtful(replicaName, s.Where+" holds nothing yet", "start the server, the very first time with `serve --first-start`; if there should be something, the address is wrong")
	case elsewhere && !foreign:
		return doubtful(replicaName, fmt.Sprintf("the server on %s writes %s now", s.Holder, s.Where), "leave the server here stopped while that one runs, unless this is its standby")
	case s.Refusal != nil && (!running || s.Transaction == 0):
		return problemCheck(replicaName, replicaProblem(s.Refusal))
	case s.Transaction == 0:
		return doubtful(replicaName, s.Where+" holds nothing yet", "start the server: it begins the replica; if there should be something, the address is wrong")
	case foreign:
		return bad(replicaName, fmt.Sprintf("%s belongs to another installation (%s) than the database here (%s)", s.Where, s.Installation, s.LocalID), "name the right replica in HMCP_REPLICA_URL, or the right data folder in HMCP_DATA_DIR")
	case s.Gap != "":
		return bad(replicaName, fmt.Sprintf("files are missing in %s: %s", s.Where, s.Gap), "keep the database here safe and its server running: it copies the whole database anew by itself; find out who deletes files there")
	case !running && s.Next == replica.NextYields:
		return doubtful(replicaName, fmt.Sprintf("another server wrote %s since", s.Where), "start the server here when that one is stopped: it keeps the database here in set-aside, and takes the replica's")
	case !running && lacks > 0:
		return doubtful(replicaName, fmt.Sprintf("%s lacks the last changes of the database here", s.Where), "start the server: it copies them")
	case lacks > 0 && now.Sub(s.NewestAt) > time.Minute:
		return doubtful(replicaName, fmt.Sprintf("%s lacks the changes of the last %s", s.Where, now.Sub(s.NewestAt).Round(time.Second)), "the operator's page and the log say why; it catches up by itself when the storage takes it")
	}
	return good(replicaName, fmt.Sprintf("%s can be reached and holds everything; the newest is from %s; %s", s.Where, ago(s.NewestAt, now), drillText(s, now)))
}

// drillText says what is known of the files themselves, which doctor does not fetch.
func drillText(s replica.Overview, now time.Time) string {
	if s.DrilledAt.IsZero() {
		return fmt.Sprintf("not restored on trial yet, which a running server does by itself, and `%s replica verify` now", binaryName)
	}
	return "last restored on trial and checked in full " + ago(s.DrilledAt, now)
}
