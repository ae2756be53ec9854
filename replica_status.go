// The replica status command: what the replica holds, and who may write it, as
// seen from the storage. How a running server does stands on its operator's page.
package main

import (
	"context"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"time"

	"hostaway-mcp/replica"
)

func replicaStatusCommand() command {
	return command{
		path:  "replica status",
		about: "Show what the replica holds, who may write it, and what the next start would do",
		prepare: func(*flag.FlagSet) action {
			return func(ctx context.Context, p *process, _ []string) error { return p.replicaStatus(ctx) }
		},
	}
}

func (p *process) replicaStatus(ctx context.Context) error {
	_, options, err := p.replicaForCommand()
	if err != nil {
		return err
	}
	seen, err := replica.Look(ctx, options)
	if err != nil {
		return replicaProblem(err)
	}
	return printTable(p.out, statusRows(seen, p.now()))
}

func statusRows(s replica.Overview, now time.Time) [][]string {
	held := "nothing yet"
	if s.Transaction > 0 {
		held = fmt.Sprintf("transaction %d, from %s, in %d files of %s together", s.Transaction, ago(s.NewestAt, now), s.Files, size(uint64(s.Bytes)))
	}
	rows := [][]string{{"replica", s.Where}, {"holds", held}, {"restorable", restorableText(s)}, {"belongs to", installationText(s)}, {"written by", writerText(s, now)}}
	here := "no database"
	if s.LocalBytes > 0 {
		here = size(uint64(s.LocalBytes)) + ", nothing captured from it yet"
	}
	if s.Local > 0 {
		here = fmt.Sprintf("%s, captured up to transaction %d", size(uint64(s.LocalBytes)), s.Local)
	}
	same := s.LocalID == "" || s.Installation == "" || s.LocalID == s.Installation // two installations count differently
	if behind := int64(s.Local) - int64(s.Transaction); behind > 0 && same && s.LocalBytes > 0 {
		here += ", of which the replica lacks " + strconv.FormatInt(behind, 10)
	}
	return append(rows, []string{"here", here}, []string{"next start", nextText(s)})
}

// nextText says what the server of this folder would do if it was started now.
func nextText(s replica.Overview) string {
	switch s.Next {
	case replica.NextBegins:
		return "begins the replica"
	case replica.NextGoesOn:
		return "goes on from what is here"
	case replica.NextRestores:
		return "restores the database"
	case replica.NextYields:
		return "keeps the database here in set-aside and takes the replica's: another server wrote since"
	case replica.NextUnknown:
	}
	if s.Refusal == nil {
		return "unknown"
	}
	return "is refused: " + s.Refusal.Error()
}

// snapshotsShown bounds how many copies of the whole database are listed.
const snapshotsShown = 30

// restorableText says which moments can be restored.
func restorableText(s replica.Overview) string {
	text := "nothing"
	if !s.Oldest.IsZero() {
		text = "any moment since " + s.Oldest.UTC().Format(time.RFC3339)
	}
	if s.Gap != "" {
		text = "not as it should be: " + s.Gap
	}
	if len(s.Snapshots) == 0 {
		return text
	}
	shown := s.Snapshots[max(0, len(s.Snapshots)-snapshotsShown):]
	times := make([]string, len(shown))
	for i, at := range shown {
		times[i] = at.UTC().Format(time.RFC3339)
	}
	return text + "; whole copies from " + strings.Join(times, ", ")
}

func installationText(s replica.Overview) string {
	switch {
	case s.Installation == "":
		return "nobody yet"
	case s.LocalID == "":
		return s.Installation
	case s.LocalID == s.Installation:
		return s.Installation + ", as the database here does"
	}
	return fmt.Sprintf("%s, but the database here to %s", s.Installation, s.LocalID)
}

func writerText(s replica.Overview, now time.Time) string {
	switch {
	case s.Holder == "":
		return "nobody yet"
	case s.Released:
		return "nobody now; the server on " + s.Holder + " has stopped"
	case s.Until.Before(now):
		return fmt.Sprintf("nobody surely; the right of the server on %s ended %s and was not renewed", s.Holder, ago(s.Until, now))
	}
	return fmt.Sprintf("the server on %s, until %s unless renewed", s.Holder, s.Until.UTC().Format(time.RFC3339))
}

// ago writes a moment for people: exactly, and how long ago it was.
func ago(at, now time.Time) string {
	return fmt.Sprintf("%s (%s ago)", at.UTC().Format(time.RFC3339), max(0, now.Sub(at)).Round(time.Second))
}
