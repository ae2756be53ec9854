// The store's jobs: what is too old goes, and the database stays small and quick.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"hostaway-mcp/store"
)

// startJobs starts everything that comes back by itself.
func startJobs(ctx context.Context, c config, db *store.Store, list []job, now func() time.Time, log *slog.Logger) (*jobs, error) {
	installation, err := db.Installation(ctx)
	if err != nil {
		return nil, storeProblem(c.DataDir, err)
	}
	began := time.Now()
	passed := func() time.Duration { return time.Since(began) }
	j, err := newJobs(ctx, db, installation, list, now, passed, log)
	if err != nil {
		return nil, storeProblem(c.DataDir, err)
	}
	j.start(ctx)
	return j, nil
}

func storeJobs(db *store.Store, auditMonths int, now func() time.Time) []job {
	const hour, day = time.Hour, 24 * time.Hour
	return []job{
		{
			name: "audit-log", every: day, about: fmt.Sprintf("Deletes audit entries older than %d months", auditMonths),
			run: deleting(func(ctx context.Context) (int, error) {
				return db.RetainAudit(ctx, now().UTC().AddDate(0, -auditMonths, 0))
			}),
		},
		{name: "sign-ins", every: hour, about: "Deletes sessions, links and sign-in attempts that have ended", run: deleting(db.RetainSignIns)},
		{name: "confirm-tokens", every: hour, about: "Deletes confirm tokens of previews that nobody confirmed", run: deleting(db.RetainConfirmations)},
		{name: "free-space", every: hour, about: "Gives space that deletions left back to the disk", run: func(ctx context.Context) (string, error) {
			pages, err := db.GiveBackSpace(ctx)
			return counted(int(pages), "pages given back"), err
		}},
		{name: "statistics", every: day, about: "Lets the database look at its tables, to choose the right index", run: func(ctx context.Context) (string, error) {
			return "", db.RefreshStatistics(ctx)
		}},
	}
}

// houseJobs are all jobs of a server.
func houseJobs(c config, db *store.Store, up *upstream, now func() time.Time) []job {
	all := storeJobs(db, c.AuditMonths, now)
	if c.bills() || c.mails() {
		all = append(all, job{
			name: "billing-log", every: 24 * time.Hour, about: "Deletes Stripe's events, mails and findings that ended months ago", run: deleting(db.RetainBilling),
		})
	}
	return append(all, job{
		name: "clients", every: time.Hour, about: "Forgets the Hostaway clients of orgs that have no connection any more",
		run: func(ctx context.Context) (string, error) {
			n, err := up.forgetGone(ctx, db)
			return counted(n, "clients forgotten"), err
		},
	})
}

func deleting(f func(context.Context) (int, error)) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		n, err := f(ctx)
		return counted(n, "rows deleted"), err
	}
}

// counted is "rows deleted: 3", and "" for none.
func counted(n int, what string) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s: %d", what, n)
}
