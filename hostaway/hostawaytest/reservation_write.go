// POST, PUT, cancel and DELETE of reservations, and the log rows that these leave.
package hostawaytest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

const longestSource = 50

func createReservation(x *exchange) reply {
	w := x.world
	w.fill()
	f, valid := parseFields(x.body)
	if !valid {
		return refuse(http.StatusBadRequest, "Request body is not valid JSON")
	}
	r, refused := w.readReservation(f, x.query)
	if r == nil {
		return refused
	}
	if !x.query.truth("forceOverbooking") && r.holds() && !w.free(r.listing, r.arrival, r.departure, 0) {
		return overbooked()
	}
	w.addReservation(r)
	r.amounts[baseRate] = r.total // until a breakdown says otherwise
	if rows, sent := f.list("financeField"); sent && r.status != "ownerStay" {
		r.lines = readLines(r, rows)
	}
	if r.status != "ownerStay" {
		w.addConversation(r)
	}
	return ok(w.reservationRow(r, include{resources: true, policy: true, single: true}))
}

func overbooked() reply {
	return refuse(http.StatusBadRequest, "Listing is not available for the selected dates")
}

// readReservation builds a new reservation from the body, or says why not.
func (w *world) readReservation(f fields, q query) (*reservation, reply) {
	channel, _ := f.number("channelId")
	listingID, _ := f.number("listingMapId")
	arrival, hasArrival := f.day("arrivalDate")
	departure, hasDeparture := f.day("departureDate")
	l, source := w.listings[listingID], q.get("provider")
	switch {
	case !slices.Contains([]int64{channelDirect, channelVrbo, channelPartner}, channel):
		return nil, refuse(http.StatusBadRequest, "channelId: must be one of 2000, 2002, 2020")
	case l == nil:
		return nil, noSuch("Listing")
	case l.archived:
		return nil, archived(l)
	case !hasArrival || !hasDeparture:
		return nil, refuse(http.StatusBadRequest, "arrivalDate and departureDate are required")
	case departure <= arrival:
		return nil, refuse(http.StatusBadRequest, "departureDate: must be after arrivalDate")
	case len([]rune(source)) > longestSource:
		return nil, refuse(http.StatusBadRequest, "provider: can not be longer than 50 characters")
	}
	now := w.now()
	r := &reservation{
		slot: len(w.reservations), listing: l, listingID: listingID, channel: int(channel), source: source, status: "new",
		arrival: arrival, departure: departure, previousArrival: noDay, previousDeparture: noDay,
		booked: now, inserted: now, updated: now, activity: now, currency: l.text("currencyCode"), adults: 1,
	}
	if f.text("status") == "ownerStay" {
		r.status = "ownerStay"
	}
	if len(l.units) > 0 {
		r.unit = 1 + r.slot%len(l.units)
	}
	r.write(f)
	if !f.has("adults") {
		if n, sent := f.number("numberOfGuests"); sent {
			r.adults = int(n) - r.children
		}
	}
	return r, reply{}
}

// plainFields are kept as they come and sent back.
var plainFields = []string{
	"hostNote", "guestNote", "comment", "doorCode", "doorCodeVendor", "doorCodeInstruction", "guestAddress", "guestZipCode",
	"checkInTime", "checkOutTime", "assigneeUserId", "customerUserId", "reservationAgreement",
}

// write applies what a body may change. A listing, a status and custom fields are not among it: Hostaway answers success and keeps them.
func (r *reservation) write(f fields) {
	r.writeGuest(f)
	for key, to := range map[string]*int{"adults": &r.adults, "children": &r.children, "infants": &r.infants, "pets": &r.pets} {
		if n, sent := f.number(key); sent {
			*to = int(n)
		}
	}
	if total, sent := f.money("totalPrice"); sent && r.status != "ownerStay" {
		r.total = total
	}
	if f.has("currency") {
		r.currency = f.text("currency")
	}
	for key, to := range map[string]*bool{"isStarred": &r.starred, "isArchived": &r.archived, "isPinned": &r.pinned} {
		if f.has(key) {
			*to = f.truth(key)
		}
	}
	for _, key := range plainFields {
		if !f.has(key) {
			continue
		}
		if r.written == nil {
			r.written = fields{}
		}
		r.written[key] = f[key]
	}
}

func (r *reservation) writeGuest(f fields) {
	g := &r.guest
	if f.has("guestName") {
		g.first, g.last, _ = strings.Cut(f.text("guestName"), " ")
	}
	for key, to := range map[string]*string{
		"guestFirstName": &g.first, "guestLastName": &g.last, "guestEmail": &g.email, "phone": &g.phone,
		"guestCity": &g.city, "guestCountry": &g.country, "guestLocale": &g.locale,
	} {
		if f.has(key) {
			*to = f.text(key)
		}
	}
}

// lockedFields belong to the channel once a reservation came through one.
var lockedFields = []string{"arrivalDate", "departureDate", "totalPrice", "guestName", "guestFirstName", "guestLastName", "currency", "financeField"}

func (r *reservation) ofChannel() bool { return channelFee(r.channel) > 0 && r.channel != channelVrbo }

func updateReservation(x *exchange) reply {
	r := x.reservation("id")
	if r == nil {
		return noSuch("Reservation")
	}
	f, valid := parseFields(x.body)
	if !valid {
		return refuse(http.StatusBadRequest, "Request body is not valid JSON")
	}
	if r.listing.archived {
		return archived(r.listing)
	}
	for _, key := range lockedFields {
		if r.ofChannel() && f.has(key) {
			return refuse(http.StatusForbidden, "This reservation is managed by its channel: "+key+" can not be changed")
		}
	}
	arrival, departure := r.arrival, r.departure
	if d, sent := f.day("arrivalDate"); sent {
		arrival = d
	}
	if d, sent := f.day("departureDate"); sent {
		departure = d
	}
	if departure <= arrival && r.nights() > 0 {
		return refuse(http.StatusBadRequest, "departureDate: must be after arrivalDate")
	}
	moved := arrival != r.arrival || departure != r.departure
	if moved && r.holds() && !x.query.truth("forceOverbooking") && !x.world.free(r.listing, arrival, departure, r.id) {
		return overbooked()
	}
	before := r.logged()
	if moved {
		r.previousArrival, r.previousDeparture, r.arrival, r.departure = r.arrival, r.departure, arrival, departure
		if r.status == "new" {
			r.status = "modified"
		}
	}
	r.write(f)
	if rows, sent := f.list("financeField"); sent {
		r.lines = readLines(r, rows)
	}
	x.world.touch(r, before)
	return ok(x.world.reservationRow(r, include{resources: true, policy: true, single: true}))
}

func cancelReservation(x *exchange) reply {
	r := x.reservation("id")
	if r == nil {
		return noSuch("Reservation")
	}
	f, valid := parseFields(x.body)
	by := f.text("cancelledBy")
	switch {
	case !valid || (by != "guest" && by != "host"):
		return refuse(http.StatusBadRequest, "cancelledBy: must be guest or host")
	case r.listing.archived:
		return archived(r.listing)
	case r.status == "cancelled":
		return refuse(http.StatusBadRequest, "Reservation is already cancelled")
	}
	before := r.logged()
	r.status, r.cancelledBy, r.cancelled = "cancelled", by, x.world.now()
	x.world.touch(r, before)
	return ok(x.world.reservationRow(r, include{resources: true, policy: true, single: true}))
}

func deleteReservation(x *exchange) reply {
	r := x.reservation("id")
	if r == nil {
		return noSuch("Reservation")
	}
	if r.listing.archived {
		return archived(r.listing)
	}
	x.world.removeReservation(r)
	return ok([]int{})
}

func (w *world) removeReservation(r *reservation) {
	gone := func(x *reservation) bool { return x == r }
	delete(w.reservations, r.id)
	w.byUpdate = slices.DeleteFunc(w.byUpdate, gone)
	w.byListing[r.listingID] = slices.DeleteFunc(w.byListing[r.listingID], gone)
	if c := w.talkOf[r.id]; c != nil {
		w.removeConversation(c)
	}
}

// touch marks a changed reservation and logs what differs from before.
func (w *world) touch(r *reservation, before map[string]string) {
	r.updated, r.activity, w.unsorted = w.now(), w.now(), true
	after := r.logged()
	for _, key := range slices.Sorted(keysIn(after)) {
		if before[key] != after[key] {
			w.log(r, key, before[key], after[key])
		}
	}
}

// logged gives the fields whose changes the log shows.
func (r *reservation) logged() map[string]string {
	out := map[string]string{
		"arrivalDate": r.arrival.String(), "departureDate": r.departure.String(), "status": r.status, "totalPrice": r.total.String(),
		"guestName": r.guest.name(), "guestEmail": r.guest.email, "phone": r.guest.phone, "numberOfGuests": fmt.Sprint(r.guests()),
		"cancelledBy": r.cancelledBy,
	}
	for key, raw := range r.written {
		out[key] = strings.Trim(string(raw), `"`)
	}
	return out
}
