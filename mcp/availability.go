// Availability: the calendar of one listing for a stay, or the listings that are free for it.

package mcp

import (
	"context"
	"strconv"

	"hostaway-mcp/hostaway"
)

const checkAvailabilityTool = "hostaway_check_availability"

func availabilityTools() []Tool {
	return []Tool{newTool(spec{
		Name:  checkAvailabilityTool,
		Title: "Check availability",
		Description: "With listing_id: whether the stay can be booked, and its calendar as periods [from, to). " +
			"nightly_total adds the nightly prices up: no fees, extra guests or taxes. Without listing_id: active listings free for the whole stay, stay rules unchecked.",
	}, checkAvailability)}
}

type checkAvailabilityIn struct {
	ListingID int64         `json:"listing_id,omitempty" jsonschema:"leave out to search all"`
	Arrival   hostaway.Date `json:"arrival" jsonschema:"first night"`
	Departure hostaway.Date `json:"departure" jsonschema:"day after the last night"`
	Guests    int64         `json:"guests,omitempty" min:"1" jsonschema:"size of the party"`
	Cursor    string        `json:"cursor,omitempty" jsonschema:"last next_cursor"`
}

type checkAvailabilityOut struct {
	Nights       int              `json:"nights"`
	Bookable     *bool            `json:"bookable,omitempty"`
	Problems     []string         `json:"problems,omitempty"`
	NightlyTotal string           `json:"nightly_total,omitempty"`
	Currency     string           `json:"currency,omitempty"`
	Periods      []calendarPeriod `json:"periods,omitempty"`
	Listings     []listingRow     `json:"listings,omitempty"`
	paged
}

const (
	longestStay  = 366
	freeListings = 50
)

func checkAvailability(ctx context.Context, c Caller, in checkAvailabilityIn) (checkAvailabilityOut, error) {
	nights := in.Departure.Sub(in.Arrival)
	switch {
	case in.Arrival.IsZero() || in.Departure.IsZero():
		return checkAvailabilityOut{}, refuseArgument("The days of the stay are missing.", "Give arrival and departure like 2026-05-31.")
	case nights < 1:
		return checkAvailabilityOut{}, refuseArgument("The departure is not after the arrival.", "For one night, give the next day as departure.")
	case nights > longestStay:
		return checkAvailabilityOut{}, refuseArgument("The stay is longer than 366 nights.", "Ask for a shorter period.")
	}
	if in.ListingID != 0 {
		return checkListing(ctx, c, in, nights)
	}
	return findFreeListings(ctx, c, in, nights)
}

func findFreeListings(ctx context.Context, c Caller, in checkAvailabilityIn, nights int) (checkAvailabilityOut, error) {
	query := in
	query.Cursor = ""
	from, err := startOf(checkAvailabilityTool, in.Cursor, query)
	if err != nil {
		return checkAvailabilityOut{}, err
	}
	filter := hostaway.ListingFilter{ActiveOnly: true, AvailableFrom: in.Arrival, AvailableTo: in.Departure, Guests: int(in.Guests)}
	found, err := scan(ctx, listingSource(c.Hostaway, filter), scanPlan[hostaway.Listing]{
		from: from, limit: freeListings, keep: func(l hostaway.Listing) bool { return !l.IsArchived() },
	})
	if err != nil {
		return checkAvailabilityOut{}, err
	}
	rows := make([]listingRow, len(found.rows))
	for i, l := range found.rows {
		rows[i] = rowOfListing(l)
	}
	n, pages := cut(checkAvailabilityTool, query, found, rows, nil)
	return checkAvailabilityOut{Nights: nights, Listings: rows[:n], paged: pages}, nil
}

func checkListing(ctx context.Context, c Caller, in checkAvailabilityIn, nights int) (checkAvailabilityOut, error) {
	query := in
	query.Cursor = ""
	at, err := openCursor(checkAvailabilityTool, in.Cursor, query)
	if err != nil {
		return checkAvailabilityOut{}, err
	}
	l, err := readListing(ctx, c, in.ListingID, false)
	if err != nil {
		return checkAvailabilityOut{}, err
	}
	// The day of departure is read too: it may be closed for leaving.
	days, err := c.Hostaway.Calendar(ctx, in.ListingID, in.Arrival, in.Departure)
	if err != nil {
		return checkAvailabilityOut{}, err
	}
	stay := stayCheck{listing: l, in: in, nights: nights, now: c.Now, days: map[hostaway.Date]hostaway.CalendarDay{}}
	for _, d := range days {
		stay.days[d.Date] = d
	}
	out := checkAvailabilityOut{Nights: nights, Currency: l.CurrencyCode, NightlyTotal: stay.nightlyTotal()}
	out.Bookable, out.Problems = stay.judge()
	return stay.addPeriods(out, offsetOf(at), query), nil
}

// addPeriods adds the periods from number start on, as many as fit.
func (s stayCheck) addPeriods(out checkAvailabilityOut, start int, query checkAvailabilityIn) checkAvailabilityOut {
	all := s.periods()
	total := len(all)
	rest := all[min(start, total):]
	n := fitPage(rest, []any{out, widestPaged()})
	out.Periods, out.Total = rest[:n], &total
	if n < len(rest) {
		out.NextCursor = sealCursor(checkAvailabilityTool, strconv.Itoa(start+n), query)
	}
	return out
}
