// The parts of the health: how each part of the server is looked at, and what
// is said of it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"hostaway-mcp/replica"
)

// walWarn is what SQLite's -wal may grow to. A reader that goes on for minutes
// keeps it from beginning anew.
const walWarn = 256 << 20

// databasePart asks the database at path one small question.
func databasePart(ask func(context.Context) error, path string) examine {
	return func(ctx context.Context) []check {
		err := ask(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("no answer within %s", healthWait)
		}
		if err != nil {
			return []check{{
				Name: "database", State: stateFail, Blocks: true, Public: "the database does not answer",
				Text: fmt.Sprintf("it can't be read (%v)", err),
				Do:   fmt.Sprintf("look at the disk and the log; `%s doctor` checks the file", binaryName),
			}}
		}
		if wal, err := os.Stat(path + "-wal"); err == nil && wal.Size() > walWarn {
			return []check{{
				Name: "database", State: stateWarn, Public: "the database has much to tidy up",
				Text: fmt.Sprintf("it answers; its write-ahead log has grown to %s", size(uint64(wal.Size()))),
				Do:   "it shrinks by itself when nobody reads or writes for long; if it stays, look for a program that keeps " + path + " open, and restart the server",
			}}
		}
		return []check{good("database", "it answers")}
	}
}

const (
	spaceShort = 32 << 20 // below this, SQLite may need more than there is for one change; whether it does shows when it is refused (fullPart)
	spaceWarn  = 1 << 30
	spaceShare = 10 // warn below a tenth of the disk, if that is less than spaceMost
	spaceMost  = 5 << 30
)

// space is the room on a disk, in bytes, and whether anything can be written.
type space struct {
	free, size uint64
	readOnly   bool
}

// diskPart looks at the room on the data folder's disk.
func diskPart(folder string, measure func(string) (space, error)) examine {
	return func(context.Context) []check {
		return []check{diskCheck(folder, measure)}
	}
}

func diskCheck(folder string, measure func(string) (space, error)) check {
	const name = "disk"
	s, err := measure(folder)
	if err != nil {
		return check{
			Name: name, State: stateWarn, Public: "the room on the disk is unknown",
			Text: fmt.Sprintf("the room on the disk of %s can't be measured (%s)", folder, reason(err)), Do: "look at that folder",
		}
	}
	found := fmt.Sprintf("%s of %s are free", size(s.free), size(s.size))
	switch {
	case s.readOnly:
		return check{
			Name: name, State: stateFail, Public: "the disk is read-only: nothing can be changed",
			Text: fmt.Sprintf("the disk of %s is read-only", folder), Do: "look at the system's log: disks turn read-only when they fail; then mount it for writing, and restart the server",
		}
	case s.free < spaceShort:
		return check{
			Name: name, State: stateWarn, Public: "the disk is almost full",
			Text: found, Do: fmt.Sprintf("free some space on the disk of %s now: soon what is there can be read and nothing be changed", folder),
		}
	case s.free < spaceWarn || (s.free < s.size/spaceShare && s.free < spaceMost):
		return check{
			Name: name, State: stateWarn, Public: "the disk is almost full",
			Text: found, Do: fmt.Sprintf("free some space on the disk of %s, or give it more", folder),
		}
	}
	return good(name, found)
}

// jobsPart looks at what comes back by itself, in a server that started then.
func jobsPart(status func() []jobStatus, started time.Time, now func() time.Time) examine {
	return func(context.Context) []check {
		all := status()
		var late, causes []string
		for _, j := range all {
			if j.overdue(now(), started) == 0 && j.Failures == 0 {
				continue
			}
			late = append(late, j.Name)
			if j.LastError != "" {
				causes = append(causes, j.Name+": "+j.LastError)
			}
		}
		if len(late) == 0 {
			return []check{good("jobs", fmt.Sprintf("all %d do what they should", len(all)))}
		}
		text := "failed or overdue: " + strings.Join(late, ", ")
		if len(causes) > 0 {
			text += " (" + strings.Join(causes, "; ") + ")"
		}
		return []check{{
			Name: "jobs", State: stateWarn, Public: "some regular work is overdue",
			Text: text, Do: "they are tried again by themselves; if that does not help, look at the log for their names",
		}}
	}
}

// replicaPart looks at the copy of the database on another machine. None of its
// troubles stops the service, so none of them fails.
func replicaPart(status func() replica.Status, now func() time.Time) examine {
	return func(context.Context) []check { return replicaChecks(status(), now()) }
}

func replicaChecks(s replica.Status, now time.Time) []check {
	const name = "replica"
	if s.State == replica.StateOff {
		return []check{good(name, "none is configured: this disk is all there is")}
	}
	warn := func(public, text, do string) check {
		return check{Name: name, State: stateWarn, Public: public, Text: text, Do: do}
	}
	var checks []check
	for _, t := range s.Troubles {
		checks = append(checks, warn("the copy of the database needs attention", t.What, t.Do))
	}
	if isLate(s) && len(checks) == 0 {
		checks = append(checks, warn("the copy of the database is behind", fmt.Sprintf("%s is %s behind", s.Where, s.Lag.Round(time.Second)),
			"make sure that the storage can be reached; it catches up by itself"))
	}
	if !s.Drill.At.IsZero() && !s.Drill.OK && len(s.Troubles) == 0 {
		checks = append(checks, warn("the copy of the database needs attention", "the last trial restore failed: "+s.Drill.Text,
			fmt.Sprintf("run `%s replica verify`, and keep this disk safe until it passes", binaryName)))
	}
	if ago := now.Sub(s.Critical.MissedAt); !s.Critical.MissedAt.IsZero() && ago < missedFor {
		checks = append(checks, warn("some changes were slow to reach the copy of the database",
			fmt.Sprintf("changes of orgs, keys or connections that did not reach it in time: %d, the last one %s ago", s.Critical.Missed, ago.Round(time.Second)),
			"make sure that the storage answers quickly; what was late has been copied since unless the copy is behind"))
	}
	if len(checks) > 0 {
		return checks
	}
	return []check{good(name, replicaText(s, now))}
}

// missedFor is how long a change that was late to reach the copy is told of.
const missedFor = time.Hour

func replicaText(s replica.Status, now time.Time) string {
	if s.State == replica.StateStarting || s.LastSyncAt.IsZero() {
		return s.Where + " is being caught up with"
	}
	return fmt.Sprintf("%s held everything %s ago", s.Where, now.Sub(s.LastSyncAt).Round(time.Second))
}

// size writes a number of bytes for people.
func size(n uint64) string {
	units := []string{"KB", "MB", "GB", "TB"}
	if n < 1000 {
		return fmt.Sprintf("%d bytes", n)
	}
	v := float64(n)
	unit := ""
	for _, unit = range units {
		if v /= 1000; v < 999.5 {
			break
		}
	}
	if v < 9.95 {
		return fmt.Sprintf("%.1f %s", v, unit)
	}
	return fmt.Sprintf("%.0f %s", v, unit)
}
