// PUT of the calendar: one interval, or up to 200 at once.
package hostawaytest

import (
	"encoding/json"
	"net/http"
)

// interval is one change of days, both ends included.
type interval struct {
	first, last day
	change      dayChange
}

func putCalendar(x *exchange) reply {
	l, refused := x.writableListing()
	if l == nil {
		return refused
	}
	f, valid := parseFields(x.body)
	if !valid {
		return refuse(http.StatusBadRequest, "Request body is not valid JSON")
	}
	i, problem := readInterval(f)
	if problem != "" {
		return refuse(http.StatusBadRequest, problem)
	}
	x.world.fill()
	l.applyInterval(i)
	x.world.touchListing(l)
	return ok(x.world.calendarRows(l, i.first, i.last, false))
}

func putCalendarIntervals(x *exchange) reply {
	l, refused := x.writableListing()
	if l == nil {
		return refused
	}
	var list []fields
	if json.Unmarshal(x.body, &list) != nil {
		return refuse(http.StatusBadRequest, "Request body must be an array of intervals")
	}
	if len(list) > mostIntervals {
		return refuse(http.StatusBadRequest, "Maximum 200 intervals are allowed in one request")
	}
	intervals := make([]interval, len(list))
	for n, f := range list {
		i, problem := readInterval(f)
		if problem != "" {
			return refuse(http.StatusBadRequest, problem)
		}
		intervals[n] = i
	}
	for _, i := range intervals {
		l.applyInterval(i)
	}
	x.world.touchListing(l)
	return ok([]int{})
}

// writableListing gives the listing of the path, or the refusal for one that is missing or archived.
func (x *exchange) writableListing() (*listing, reply) {
	l := x.listing("id")
	if l == nil {
		return nil, noSuch("Listing")
	}
	if l.archived {
		return nil, archived(l)
	}
	return l, reply{}
}

func readInterval(f fields) (interval, string) {
	first, hasFirst := f.day("startDate")
	last, hasLast := f.day("endDate")
	if !hasFirst || !hasLast {
		return interval{}, "startDate and endDate are required"
	}
	if last < first || last-first > longestCalendar {
		return interval{}, "endDate: must not be before startDate, nor more than three years after it"
	}
	change, problem := readDayChange(f)
	return interval{first, last, change}, problem
}

func readDayChange(f fields) (dayChange, string) {
	var c dayChange
	if f.has("price") {
		price, valid := f.money("price")
		if !valid || price < 0 {
			return c, "price: must be a positive number"
		}
		c.price = &price
	}
	for key, to := range map[string]**int64{"minimumStay": &c.minimumStay, "maximumStay": &c.maximum, "desiredUnitsToSell": &c.unitsToSell} {
		if !f.has(key) {
			continue
		}
		n, valid := f.number(key)
		if !valid || n < 0 || (n == 0 && key != "desiredUnitsToSell") {
			return c, key + ": must be a positive number"
		}
		*to = &n
	}
	for key, to := range map[string]**bool{"isAvailable": &c.available, "closedOnArrival": &c.closedArrival, "closedOnDeparture": &c.closedGo} {
		if f.has(key) {
			on := f.truth(key)
			*to = &on
		}
	}
	if f.has("note") {
		note := f.text("note")
		c.note = &note
	}
	return c, ""
}

func (l *listing) applyInterval(i interval) {
	if l.calendar == nil {
		l.calendar = map[day]dayChange{}
	}
	for d := i.first; d <= i.last; d++ {
		l.calendar[d] = l.calendar[d].with(i.change)
	}
}

func (c dayChange) with(n dayChange) dayChange {
	put(&c.available, n.available)
	put(&c.price, n.price)
	put(&c.minimumStay, n.minimumStay)
	put(&c.maximum, n.maximum)
	put(&c.closedArrival, n.closedArrival)
	put(&c.closedGo, n.closedGo)
	put(&c.note, n.note)
	put(&c.unitsToSell, n.unitsToSell)
	return c
}

func put[T any](to **T, from *T) {
	if from != nil {
		*to = from
	}
}
