// Counting an org's listings for its bill: one walk over all of them with one
// connection, behind everybody who waits for an answer.
package main

import (
	"context"
	"errors"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/store"
)

// CountListings counts org's active listings at Hostaway, with as many calls as
// there are pages, and one more where the token has to be fetched first. A walk that
// may have missed something is no error: it comes back incomplete, with its Problem.
//
// Errors: store.ErrNotFound (no connection), a *hostaway.Error with
// CredentialsRefused, the end of ctx, and the store's own. The count that comes with
// the second says why, and how far the walk came.
func (u *upstream) CountListings(ctx context.Context, org *store.Org) (store.ListingCount, error) {
	count := store.ListingCount{CountedAt: u.now().UTC()}
	client, version, err := u.clientFor(ctx, org)
	count.ConnectionVersion = version
	if hostaway.CodeOf(err) == hostaway.CredentialsRefused {
		count.Problem = countProblem(err, "")
		return count, err
	}
	if err != nil {
		return count, err
	}
	walk, err := client.Background().CountListings(ctx)
	count.Active, count.Total, count.Pages, count.IDs = len(walk.ActiveIDs), walk.Total, walk.Pages, walk.ActiveIDs
	if walk.UnknownStatus > 0 {
		u.log.WarnContext(ctx, "listings with a status that is not known count as active", "org", org.ID(), "listings", walk.UnknownStatus)
	}
	count.Problem = countProblem(err, walk.Problem)
	switch {
	case ctx.Err() != nil:
		return count, ctx.Err()
	case hostaway.CodeOf(err) == hostaway.CredentialsRefused:
		return count, err
	case count.Problem != "":
		return count, nil
	}
	now, err := org.Connection(ctx)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && now.Version != version:
		count.Problem = "the connection was changed while its listings were counted"
		return count, nil
	case err != nil:
		return count, err
	}
	count.Complete = true
	// What the pages and whoami show is then as new as the bill.
	if err := org.MarkConnectionChecked(ctx, version, &count.Active, count.CountedAt); err != nil {
		u.log.ErrorContext(ctx, "could not note the number of listings at the connection", "org", org.ID(), "error", err)
	}
	return count, nil
}

// countProblem is why a walk may not be relied on, "" if it may: what kind of
// failure it was, and where. Hostaway's own words stay out of the ledger.
func countProblem(err error, walk string) string {
	if err == nil {
		return walk
	}
	text := map[hostaway.Code]string{
		hostaway.CredentialsRefused: "Hostaway refuses the credentials",
		hostaway.RateLimited:        "Hostaway takes no more calls for the moment",
		hostaway.Unavailable:        "Hostaway has a fault of its own",
		hostaway.TimedOut:           "Hostaway did not answer in time",
		hostaway.Unreachable:        "Hostaway could not be reached",
		hostaway.Refused:            "Hostaway refused to list the listings",
		hostaway.NotFound:           "Hostaway refused to list the listings",
	}[hostaway.CodeOf(err)]
	if text == "" {
		text = "Hostaway answered in a way that can't be understood"
	}
	if walk != "" {
		text += " (" + walk + ")"
	}
	return text
}
