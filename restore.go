// The restore command: brings the database back from the replica, into its own
// place or into a file.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"time"

	"hostaway-mcp/replica"
	"hostaway-mcp/secret"
)

func restoreCommand() command {
	return command{
		path:  "restore",
		about: "Restore the database from the replica, as it is or as it was",
		more: "Without --to it is restored to its own place, where no server may run and no database may lie;\n" +
			"`serve` does so by itself when the database is missing. Nothing is ever written over a database.\n" +
			"The stock program can do it too: litestream restore -config litestream.yml -o FILE DATABASE",
		prepare: func(flags *flag.FlagSet) action {
			at := flags.String("at", "", "restore what was there at this `TIME`: 2026-03-29T14:00:00Z, or 15m for a while ago")
			to := flags.String("to", "", "write to this `FILE`, which must not exist")
			return func(ctx context.Context, p *process, _ []string) error {
				if err := emptyFlags(flags); err != nil {
					return err
				}
				return p.restore(ctx, *at, *to)
			}
		},
	}
}

func (p *process) restore(ctx context.Context, at, to string) error {
	moment, err := parseMoment(at, p.now())
	if err != nil {
		return err
	}
	c, options, err := p.replicaForCommand()
	if err != nil {
		return err
	}
	report, err := replica.Restore(ctx, options, replica.RestoreOptions{To: to, At: moment})
	if err != nil {
		return replicaProblem(err)
	}
	if to == "" {
		to = filepath.Join(c.DataDir, databaseFile)
	}
	_, err = fmt.Fprintf(p.out, "Restored transaction %d of %s to %s: %s in %s. It passed its check.\n%s\n",
		report.Transaction, report.Where, to, size(uint64(report.Bytes)), report.Took.Round(time.Millisecond), sealedText(options.Usable(ctx, to)))
	if err == nil && !moment.IsZero() && to == filepath.Join(c.DataDir, databaseFile) {
		_, err = fmt.Fprintf(p.out, "The replica holds a newer state: to go on from this one, start once with `%s serve --accept-rollback`.\n", binaryName)
	}
	return err
}

// sealedText says whether the keys given open what was restored.
func sealedText(err error) string {
	var missing *secret.UnknownKeyError
	switch {
	case err == nil:
		return "The master key given opens what is sealed in it."
	case errors.As(err, &missing):
		return fmt.Sprintf("What is sealed in it opens with the master key %s, which is not given: a server refuses to start without it.", missing.ID)
	}
	return "What is sealed in it opens with the master key of that time."
}

// emptyFlags refuses a flag that is there and says nothing, as when a variable of the
// shell is not set: the newest would be restored in place of a moment.
func emptyFlags(flags *flag.FlagSet) (err error) {
	flags.Visit(func(f *flag.Flag) {
		if err == nil && f.Value.String() == "" {
			err = misused(fmt.Sprintf("--%s is empty", f.Name), "give it a value, or leave it out; is a variable of the shell not set?")
		}
	})
	return err
}

// parseMoment reads a time, or how long ago it was; the zero time is now.
func parseMoment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago > 0 {
		return now.Add(-ago), nil
	}
	moment, err := time.Parse(time.RFC3339, text)
	if err != nil || moment.After(now) {
		return time.Time{}, misused(fmt.Sprintf("--at %q is not a moment of the past", text), "write it like 2026-03-29T14:00:00Z, or 15m for a quarter of an hour ago")
	}
	return moment, nil
}

// replicaForCommand reads the settings for a command that looks at the replica.
func (p *process) replicaForCommand() (config, replica.Options, error) {
	c, err := p.config()
	if err != nil {
		return c, replica.Options{}, err
	}
	settings, err := p.replicaSettings(c)
	if err != nil {
		return c, replica.Options{}, err
	}
	return c, p.replicaOptions(c, settings, newLogger(p.errOut, c)), nil
}
