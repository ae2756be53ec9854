package hostaway

// calendar.go: the calendar of a listing, day by day (Hostaway docs, Calendar, 2026-10).

import (
	"context"
	"slices"

	"github.com/shopspring/decimal"
)

// CalendarDay is one day of a listing's calendar; for a stay it means the night that begins on it.
type CalendarDay struct {
	ID                   *int64           `json:"id"`
	Date                 Date             `json:"date"`
	IsAvailable          *bool            `json:"isAvailable"`
	Status               DayStatus        `json:"status"`
	Price                *decimal.Decimal `json:"price"` // of the night, in the listing's currency
	MinimumStay          *int64           `json:"minimumStay"`
	MaximumStay          *int64           `json:"maximumStay"`
	ClosedOnArrival      *bool            `json:"closedOnArrival"`
	ClosedOnDeparture    *bool            `json:"closedOnDeparture"`
	Note                 string           `json:"note"`
	DesiredUnitsToSell   *int64           `json:"desiredUnitsToSell"` // multi-unit listings only, as all unit counts
	CountAvailableUnits  *int64           `json:"countAvailableUnits"`
	AvailableUnitsToSell *int64           `json:"availableUnitsToSell"`
	CountPendingUnits    *int64           `json:"countPendingUnits"`
	CountBlockedUnits    *int64           `json:"countBlockedUnits"`
	Reservations         []Reservation    `json:"reservations"` // shortened rows, only with IncludeResources
}

// Free tells whether the night can be sold. known is false when Hostaway said neither yes nor no.
func (d CalendarDay) Free() (free, known bool) {
	if d.AvailableUnitsToSell != nil && d.DesiredUnitsToSell != nil {
		return *d.AvailableUnitsToSell > 0, true
	}
	if d.IsAvailable != nil {
		return *d.IsAvailable, true
	}
	return d.Status == DayAvailable, d.Status != ""
}

// DayStatus is the state of a calendar day. Unknown values are kept as they are.
type DayStatus string

// The documented day statuses, without the deprecated ones.
const (
	DayAvailable DayStatus = "available"
	DayBlocked   DayStatus = "blocked"
	DayReserved  DayStatus = "reserved"
	DayPending   DayStatus = "pending"
	DayHardBlock DayStatus = "hardBlock"
)

// The window of one calendar call, and of one Calendar. The API names no largest window; a year is known to work.
const (
	calendarWindow  = 366
	longestCalendar = 3 * calendarWindow
)

// Calendar gets the days of a listing's calendar from from to to, both included, at most three years, in order. It takes one call
// a year. Hostaway may leave days out that it knows nothing of. include may hold IncludeResources, for Reservations.
func (c *Client) Calendar(ctx context.Context, listingID int64, from, to Date, include ...Include) ([]CalendarDay, error) {
	what := get("get calendar", "/listings/"+itoa(listingID)+"/calendar")
	switch {
	case listingID <= 0:
		return nil, doing(what.op, noSuchID())
	case from.IsZero() || to.IsZero() || to.Before(from):
		return nil, doing(what.op, badInput("a calendar needs a first day and a last day, in this order"))
	case to.Sub(from) >= longestCalendar:
		return nil, doing(what.op, badInput("a calendar of more than %d days can't be got at once: ask for a shorter period", longestCalendar))
	}
	var days []CalendarDay
	for start := from; !start.After(to); start = start.Add(calendarWindow) {
		end := start.Add(calendarWindow - 1)
		if end.After(to) {
			end = to
		}
		what.query = newQuery()
		what.query.date("startDate", start)
		what.query.date("endDate", end)
		what.query.include(include)
		part, err := fetchAll[CalendarDay](ctx, c, what)
		if err != nil {
			return nil, err
		}
		days = append(days, part...)
	}
	return inOrder(days, from, to), nil
}

// inOrder sorts the days, and drops those outside the period, without a date, or there twice.
func inOrder(days []CalendarDay, from, to Date) []CalendarDay {
	days = slices.DeleteFunc(days, func(d CalendarDay) bool { return d.Date.Before(from) || d.Date.After(to) })
	slices.SortStableFunc(days, func(a, b CalendarDay) int { return a.Date.Compare(b.Date) })
	return slices.CompactFunc(days, func(a, b CalendarDay) bool { return a.Date == b.Date })
}
