// The export-org command: everything of one org as an archive that a person can
// read.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"hostaway-mcp/store"
)

func exportOrgCommand() command {
	return command{
		path: "export-org", args: []string{"ORG"},
		about: "Write everything of an org into a zip archive, without secrets",
		more: "The archive holds a README and a JSON file for each kind of thing. What lets anybody in (keys, sealed\n" +
			"secrets, passwords) is not in it; names, addresses and the audit log are: keep it accordingly.",
		prepare: func(flags *flag.FlagSet) action {
			to := flags.String("to", "", "`FILE` to write, which must not exist (default: the org's id and today's date, here)")
			return adminAction(func(ctx context.Context, d desk, words []string) error { return d.exportOrg(ctx, words[0], *to) })
		},
	}
}

func (d desk) exportOrg(ctx context.Context, word, to string) error {
	org, err := d.org(ctx, word)
	if err != nil {
		return err
	}
	if to == "" {
		to = fmt.Sprintf("%s-%s.zip", org.ID(), d.now().UTC().Format(time.DateOnly))
	}
	if _, err := os.Lstat(to); err == nil {
		return existsAlready(to, fs.ErrExist)
	}
	record := func(ctx context.Context, name string) error {
		return org.RecordAction(ctx, operator(), store.Action{Name: name, Target: org.ID(), Detail: filepath.Base(to)})
	}
	var files []store.ExportedFile
	begun := false
	err = createStream(to, func(w io.Writer) (err error) {
		// The org can see that somebody took its data, before it is taken, and once there is a file for it.
		if err := record(ctx, "org.exported"); err != nil {
			return err
		}
		begun = true
		files, err = org.Export(ctx, w, buildVersion())
		return err
	})
	if err != nil && begun {
		err = errors.Join(err, record(context.WithoutCancel(ctx), "org.export_failed"))
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return existsAlready(to, err)
	case errors.Is(err, store.ErrDamaged), errors.Is(err, context.Canceled):
		return d.problem(err)
	case err != nil:
		return failed(err, fmt.Sprintf("%s can't be written (%s)", to, reason(err)), "look at its folder and at the space on that disk, or name another file with --to")
	}
	rows := 0
	for _, f := range files {
		rows += f.Rows
	}
	return d.printf("Wrote %s: %s (%s), %d files, %d rows. It holds names and addresses; keep it accordingly.\n", to, org.Name(), org.ID(), len(files)+1, rows)
}

func existsAlready(path string, err error) error {
	return failed(err, path+" exists already", "name another file with --to; nothing was overwritten")
}
