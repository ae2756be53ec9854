// The replica verify command: restores the replica into a temporary folder,
// checks it in full and compares it with the database here.
package main

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"time"

	"hostaway-mcp/replica"
)

func replicaVerifyCommand() command {
	return command{
		path:  "replica verify",
		about: "Restore the replica into a temporary folder, check it and compare it",
		more: "It needs as much room in the data folder as the database takes. A server may run meanwhile; what it\n" +
			"writes in that time is not counted as a difference.",
		prepare: func(*flag.FlagSet) action {
			return func(ctx context.Context, p *process, _ []string) error { return p.replicaVerify(ctx) }
		},
	}
}

func (p *process) replicaVerify(ctx context.Context) error {
	c, options, err := p.replicaForCommand()
	if err != nil {
		return err
	}
	if options.Configured() { // otherwise nothing is made
		if err := prepareFolder(c.DataDir); err != nil {
			return err
		}
	}
	report, err := replica.Verify(ctx, options)
	if err != nil {
		return replicaProblem(err)
	}
	_, _ = fmt.Fprintf(p.out, "Restored transaction %d of %s: %s in %s. It passed the full check.\n",
		report.Transaction, report.Where, size(uint64(report.Bytes)), report.Took.Round(time.Millisecond))
	return p.tellDifferences(report)
}

func (p *process) tellDifferences(r replica.Report) error {
	var err error
	switch {
	case r.Tables == 0:
		_, err = fmt.Fprintln(p.out, "There is no database here to compare it with.")
	case r.Older:
		return failed(nil, "the replica is whole, and newer than the database here",
			fmt.Sprintf("to have the newest state, move the database here away and start the server, which restores it; to keep the older one, start once with `%s serve --accept-rollback`", binaryName))
	case len(r.Differences) == 0:
		_, err = fmt.Fprintf(p.out, "All %d tables hold the same as the database here.\n", r.Tables)
	case r.Moving:
		_, err = fmt.Fprintf(p.out, "The database here was written meanwhile, so these tables were not compared: %s.\n", strings.Join(r.Differences, ", "))
	default:
		return failed(nil, fmt.Sprintf("the replica is whole, and lacks what the database here has in: %s", strings.Join(r.Differences, ", ")),
			"if no server runs, start one: it copies the rest; otherwise look at its log and try again in a minute")
	}
	return err
}
