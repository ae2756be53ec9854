// What the store alone tells a member of the bill: the listings of each day, and the
// very listings that are billed now.
package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hostaway-mcp/dashboard"
	"hostaway-mcp/hostaway"
	"hostaway-mcp/store"
)

// Days are the listings of each UTC day in [from, to): of the last complete count of
// the day, and what was billed at its end, or is billed now.
func (p plans) Days(ctx context.Context, org *store.Org, from, to string) ([]dashboard.ListingDay, error) {
	first, err := time.Parse(time.DateOnly, from)
	last, err2 := time.Parse(time.DateOnly, to)
	if err := errors.Join(err, err2); err != nil {
		return nil, fmt.Errorf("read the days: %w", err)
	}
	counts, err := org.ListingCounts(ctx, first, last)
	if err != nil {
		return nil, err
	}
	billed, err := org.Billable(ctx, first, last)
	if err != nil {
		return nil, err
	}
	counted := map[string]int{}
	for _, c := range counts { // oldest first: the last of a day stands
		if c.Complete {
			counted[day(c.CountedAt)] = c.Active
		}
	}
	var days []dashboard.ListingDay
	now, next := p.now().UTC(), 0
	var inForce *int
	for at := first; at.Before(last) && !at.After(now); at = at.AddDate(0, 0, 1) {
		end := at.AddDate(0, 0, 1)
		if now.Before(end) {
			end = now.Add(time.Millisecond)
		}
		for ; next < len(billed) && billed[next].EffectiveAt.Before(end); next++ {
			inForce = &billed[next].Quantity
			if r := billed[next].Reason; r == store.BillableEnd || r == store.BillableTrial { // nothing is billed
				inForce = nil
			}
		}
		one := dashboard.ListingDay{Date: day(at), Billed: inForce}
		if n, ok := counted[one.Date]; ok {
			one.Counted = &n
		}
		days = append(days, one)
	}
	return days, nil
}

const (
	nameWait  = 10 * time.Second // for Hostaway to tell the listings' names
	namePages = 20               // of 100 listings
)

// Listings are those of the count that is billed now, with their names where Hostaway
// tells them in time.
func (p plans) Listings(ctx context.Context, org *store.Org) (dashboard.BilledListings, error) {
	desired, err := org.Desired(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return dashboard.BilledListings{}, &dashboard.BillingError{Fault: dashboard.FaultNotCounted, Err: err}
	}
	if err != nil {
		return dashboard.BilledListings{}, err
	}
	count, err := org.ListingCount(ctx, desired.CountID)
	if err != nil {
		return dashboard.BilledListings{}, err
	}
	names, err := p.names(ctx, org)
	if ctx.Err() != nil {
		return dashboard.BilledListings{}, ctx.Err()
	}
	all := dashboard.BilledListings{CountedAt: count.CountedAt, Names: err == nil}
	for _, id := range count.IDs {
		all.Listings = append(all.Listings, dashboard.BilledListing{ID: id, Name: names[id]})
	}
	return all, nil
}

// names asks Hostaway what the listings are called; archived ones too, for one may
// have been archived since it was counted.
func (p plans) names(ctx context.Context, org *store.Org) (map[int64]string, error) {
	client, err := p.hostaway.ClientFor(ctx, org)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, nameWait)
	defer cancel()
	names := map[int64]string{}
	_, err = client.AllListings(ctx, hostaway.ListingFilter{}, namePages, func(rows []hostaway.Listing) error {
		for _, row := range rows {
			names[row.ID] = row.Name
		}
		return nil
	})
	return names, err
}
