// The calendar: days are computed from the listing's price, the reservations and what clients changed; none is stored unchanged.
package hostawaytest

import (
	"cmp"
	"encoding/json"
	"net/http"
)

// dayChange is what a client set on one day; nil fields were not set.
type dayChange struct {
	available               *bool
	price                   *cents
	minimumStay, maximum    *int64
	closedArrival, closedGo *bool
	note                    *string
	unitsToSell             *int64
}

// night is what one day of one listing comes to.
type night struct {
	day               day
	held, pending     int // units
	blocked           int
	stays             []*reservation
	change            dayChange
	price             cents
	status            string
	available         bool
	minimum, maximum  int64
	noArrival, noExit bool
}

const (
	defaultCalendarDays = 60
	longestCalendar     = 366 * 3
	mostIntervals       = 200
)

// free says whether one more party fits into the listing on every night of [from, to). The reservation except does not count.
func (w *world) free(l *listing, from, to day, except int64) bool {
	for _, n := range w.nights(l, from, to-1, except) {
		if !n.available {
			return false
		}
	}
	return true
}

// nights gives the days from first to last, both included.
func (w *world) nights(l *listing, first, last day, except int64) []night {
	if last < first {
		return nil
	}
	out := make([]night, last-first+1)
	for i := range out {
		out[i].day = first + day(i)
	}
	for _, r := range w.byListing[l.id] {
		if r.id == except || (!r.holds() && !r.pending()) {
			continue
		}
		for d := max(first, r.arrival); d < r.departure && d <= last; d++ {
			n := &out[d-first]
			n.stays = append(n.stays, r)
			if r.holds() {
				n.held++
			} else {
				n.pending++
			}
		}
	}
	for i := range out {
		l.settleNight(&out[i])
	}
	return out
}

func (l *listing) settleNight(n *night) {
	n.change = l.calendar[n.day]
	n.price, n.minimum, n.maximum = l.nightly(n.day), int64(max(1, l.number("minNights"))), int64(cmp.Or(l.number("maxNights"), 365))
	if c := n.change; c.price != nil {
		n.price = *c.price
	}
	set(&n.minimum, n.change.minimumStay)
	set(&n.maximum, n.change.maximum)
	set(&n.noArrival, n.change.closedArrival)
	set(&n.noExit, n.change.closedGo)
	units := l.many()
	if c := n.change.unitsToSell; c != nil && len(l.units) > 0 {
		n.blocked = max(0, units-n.held-int(max(0, *c)))
	}
	if c := n.change.available; c != nil && !*c {
		n.blocked = units - min(n.held, units)
	}
	n.available = n.held+n.blocked < units
	switch {
	case n.held >= units:
		n.status = "reserved"
	case !n.available && n.blocked > 0:
		n.status = "blocked"
	case n.pending > 0 && len(l.units) == 0:
		n.status = "pending"
	default:
		n.status = "available"
	}
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func getCalendar(x *exchange) reply {
	l := x.listing("id")
	if l == nil {
		return noSuch("Listing")
	}
	x.world.fill()
	first, given := x.query.day("startDate")
	if !given {
		first = x.world.now().day()
	}
	last, given := x.query.day("endDate")
	if !given {
		last = first + defaultCalendarDays
	}
	if last < first || last-first > longestCalendar {
		return refuse(http.StatusBadRequest, "endDate: must not be before startDate, nor more than three years after it")
	}
	return ok(x.world.calendarRows(l, first, last, x.query.truth("includeResources")))
}

func (w *world) calendarRows(l *listing, first, last day, resources bool) []json.RawMessage {
	rows := []json.RawMessage{}
	for _, n := range w.nights(l, first, last, 0) {
		rows = append(rows, w.nightRow(l, n, resources))
	}
	return rows
}

func (w *world) nightRow(l *listing, n night, resources bool) json.RawMessage {
	o := newObject().set("id", l.id*100000+int64(n.day)).set("date", n.day).set("isAvailable", flag(n.available)).set("isProcessed", flag(true)).
		set("status", n.status).set("price", n.price).set("minimumStay", n.minimum).set("maximumStay", n.maximum).
		set("closedOnArrival", flag(n.noArrival)).set("closedOnDeparture", flag(n.noExit))
	var note any
	if n.change.note != nil {
		note = orNull(*n.change.note)
	}
	o.set("note", note)
	l.setCounters(o, n)
	stays := []json.RawMessage{}
	if resources {
		for _, r := range n.stays {
			stays = append(stays, w.calendarStay(r))
		}
	}
	return o.set("reservations", stays).done()
}

// setCounters writes the unit counters, which mean something for multi-unit listings only.
func (l *listing) setCounters(o *object, n night) {
	units := l.many()
	var wanted any
	if n.change.unitsToSell != nil {
		wanted = *n.change.unitsToSell
	}
	o.set("countAvailableUnits", units).set("availableUnitsToSell", max(0, units-n.held-n.blocked)).set("countPendingUnits", n.pending).
		set("countBlockingReservations", n.held).set("countBlockedUnits", n.blocked).set("desiredUnitsToSell", wanted)
}

// calendarStay is the trimmed reservation inside a calendar day.
func (w *world) calendarStay(r *reservation) json.RawMessage {
	return newObject().set("id", r.id).set("listingMapId", r.listingID).set("channelId", r.channel).set("guestName", r.guest.name()).
		set("arrivalDate", r.arrival).set("departureDate", r.departure).set("nights", r.nights()).set("numberOfGuests", r.guests()).
		set("status", r.status).set("totalPrice", r.total).set("currency", r.currency).done()
}
