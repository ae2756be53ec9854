// Turns the shapes of stays into reservations with guests and money, drawn from the account's seed.
package hostawaytest

import (
	"fmt"
	"strings"
)

func (w *world) makeReservations() {
	var stays []stay
	for i := range w.listingOrder {
		stays = append(stays, w.shapeStays(i)...)
	}
	sortStays(stays)
	for n, s := range stays {
		w.addReservation(w.makeReservation(n, s))
	}
}

func (w *world) addReservation(r *reservation) {
	r.id = w.nextReservation
	w.nextReservation++
	w.reservations[r.id] = r
	w.byUpdate = append(w.byUpdate, r)
	w.byListing[r.listingID] = append(w.byListing[r.listingID], r)
	w.unsorted = true
}

func (w *world) makeReservation(n int, s stay) *reservation {
	l := w.listingOrder[s.listing]
	d := newDice(w.seed, streamGuest, int64(n))
	r := &reservation{
		slot: n, anchor: s.anchor, listingID: l.id, listing: l, channel: s.channel, unit: s.unit, status: s.status,
		arrival: w.today + day(s.arrive), departure: w.today + day(s.depart), previousArrival: noDay, previousDeparture: noDay,
		booked: s.booked, inserted: s.booked, updated: s.touched, activity: s.touched, currency: l.place.currency,
		starred: n%37 == 0, archived: n%53 == 0 && s.depart < -60, pinned: n%71 == 0,
	}
	r.source = channelName(s.channel)
	w.fillParty(d, r)
	w.spoil(s, r)
	if r.status == "modified" {
		r.previousArrival, r.previousDeparture = r.arrival-1, r.departure-1
	}
	if r.status != "ownerStay" && !r.messy.nullMoney {
		l.quote(r, d.between(88, 110))
	}
	w.settle(d, s, r)
	return r
}

func (w *world) fillParty(d *dice, r *reservation) {
	from := pick(d, origins)
	g := guest{first: pick(d, firstNames), last: pick(d, lastNames), country: from.country, city: from.city, locale: from.locale}
	capacity := max(1, r.listing.number("personCapacity"))
	r.adults = d.between(1, min(capacity, 6))
	if spare := capacity - r.adults; spare > 0 && d.chance(30) {
		r.children = d.between(1, min(2, spare))
	}
	r.infants = d.below(12) / 11
	r.pets = d.below(14) / 13
	if r.status == "ownerStay" {
		o := ownerOf(w, r.listing.index)
		r.guest = guest{first: strings.Fields(o.name)[0], last: w.marked("(owner)"), email: o.email}
		return
	}
	g.email = strings.ToLower(fmt.Sprintf("guest%d@mail.example", r.slot+1))
	for _, c := range channels {
		if c.id == r.channel && c.mail != "" {
			g.email = fmt.Sprintf("u%08x@%s", d.next()>>32, c.mail)
		}
	}
	if r.slot%11 != 0 {
		g.phone = fmt.Sprintf("%s%02d", from.dial, d.below(100))
	}
	g.last = w.marked(g.last)
	r.guest = g
}

// spoil makes every 50th past stay messy, in one of five ways that live data has.
func (w *world) spoil(s stay, r *reservation) {
	if s.depart > -10 || s.status != "new" || s.anchor {
		return
	}
	w.plainStays++
	if w.plainStays%50 != 17 {
		return
	}
	switch w.plainStays / 50 % 5 {
	case 0:
		r.messy.noGuestName, r.guest.first, r.guest.last, r.guest.email = true, "", "", ""
	case 1:
		r.departure = r.arrival // zero nights
	case 2:
		r.messy.nullMoney = true
	case 3:
		r.messy.quoted = true
	case 4:
		r.messy.realBools = true
	}
}

// settle decides what was paid, and what is kept of a cancelled stay.
func (w *world) settle(d *dice, s stay, r *reservation) {
	if !r.hasMoney() {
		return
	}
	share := 100
	switch {
	case r.status != "cancelled" && !r.holds():
		share = 0
	case s.arrive > 30 && (r.channel == channelDirect || r.channel == 2013):
		share = 30
	case s.arrive > 0 && r.channel == channelBooking, r.status == "awaitingPayment":
		share = 0
	}
	r.paid = r.total.percent(share * 100)
	if r.status == "cancelled" {
		w.settleCancelled(s, r)
	}
	if r.paid > 0 {
		r.amounts[totalPaid] = r.paid
	}
}

// settleCancelled keeps half or all of the accommodation of every third cancelled stay.
func (w *world) settleCancelled(s stay, r *reservation) {
	shape := newDice(shapeSeed, streamMoney, int64(r.slot))
	r.cancelled, r.cancelledBy = s.cancelAt, "guest"
	if shape.chance(20) {
		r.cancelledBy = "host"
	}
	var kept cents
	if r.cancelledBy == "guest" && shape.chance(40) {
		kept = r.amounts[baseRate].percent([]int{5000, 10000}[shape.below(2)])
	}
	r.amounts[cancellationPayout] = kept
	r.amounts[airbnbPayout] = 0
	r.amounts[hostFee] = kept.percent(channelFee(r.channel))
	r.amounts[refundSum] = -(r.paid - kept)
	r.paid = kept
}

// byID gives the reservations of a fresh world in the order of their ids.
func (w *world) byID() []*reservation {
	out := make([]*reservation, 0, len(w.reservations))
	for id := int64(firstReservation); id < w.nextReservation; id++ {
		out = append(out, w.reservations[id])
	}
	return out
}

// makeBlocks takes three free nights of every fourth listing out of sale, three weeks from today or later.
func (w *world) makeBlocks() {
	for _, l := range w.listingOrder {
		if l.index%4 != 2 || l.archived {
			continue
		}
		closed, reason := false, w.marked("Boiler service")
		for d := w.today + 21; d < w.today+day(w.ahead); d++ {
			if w.free(l, d, d+3, 0) {
				l.applyInterval(interval{d, d + 2, dayChange{available: &closed, note: &reason}})
				break
			}
		}
	}
}
