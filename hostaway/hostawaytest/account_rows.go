// Rows that a test adds, changes and looks at behind the API's back.
package hostawaytest

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Stay describes a reservation to add. Status "" is "new", ChannelID 0 is 2000 (direct), Currency "" is the listing's.
type Stay struct {
	ListingID          int64
	ChannelID          int
	Status             string
	Arrival, Departure string // "2006-01-02"
	GuestName, Email   string
	Adults             int
	BaseRate           string // decimal text such as "840.50"; the price breakdown is this, a cleaning fee, and nothing else
	CleaningFee        string
	Currency           string
	Booked             time.Time // zero: now
}

// AddReservation adds a reservation past all checks of the API, with an empty conversation, and gives its id.
// It panics on a listing, date or amount that does not exist.
func (a *Account) AddReservation(s Stay) int64 {
	var id int64
	a.locked(func(w *world) {
		l := must(w.listings[s.ListingID], "listing", s.ListingID)
		now := w.now()
		r := &reservation{
			slot: len(w.reservations), listing: l, listingID: l.id, channel: cmp.Or(s.ChannelID, channelDirect), status: cmp.Or(s.Status, "new"),
			arrival: mustDay(s.Arrival), departure: mustDay(s.Departure), previousArrival: noDay, previousDeparture: noDay,
			booked: now, inserted: now, updated: now, activity: now, currency: cmp.Or(s.Currency, l.text("currencyCode")), adults: max(1, s.Adults),
		}
		if !s.Booked.IsZero() {
			r.booked = stampOf(s.Booked)
		}
		r.source, r.guest = channelName(r.channel), guest{email: s.Email}
		r.writeGuest(fields{"guestName": appendText(nil, cmp.Or(s.GuestName, w.marked("Added Guest")))})
		r.amounts[baseRate], r.amounts[cleaningFee] = mustMoney(s.BaseRate), mustMoney(s.CleaningFee)
		r.total = r.amounts.total()
		r.paid = r.total
		r.payChannel()
		w.addReservation(r)
		if r.status != "ownerStay" {
			w.addConversation(r)
		}
		id = r.id
	})
	return id
}

func mustDay(s string) day {
	d, valid := parseDay(s)
	if !valid {
		panic(fmt.Sprintf("hostawaytest: %q is not YYYY-MM-DD", s))
	}
	return d
}

func mustMoney(s string) cents {
	if s == "" {
		return 0
	}
	c, valid := parseCents(s)
	if !valid {
		panic(fmt.Sprintf("hostawaytest: %q is not an amount", s))
	}
	return c
}

// SetReservationStatus changes the status of a reservation as Hostaway or a channel would.
func (a *Account) SetReservationStatus(id int64, status string) {
	a.locked(func(w *world) {
		r := must(w.reservations[id], "reservation", id)
		before := r.logged()
		r.status = status
		if status == "cancelled" {
			r.cancelled, r.cancelledBy = w.now(), "guest"
		}
		w.touch(r, before)
	})
}

// TouchReservation sets the moment of a reservation's last change, which decides its place in the default order.
func (a *Account) TouchReservation(id int64, at time.Time) {
	a.locked(func(w *world) {
		r := must(w.reservations[id], "reservation", id)
		r.updated, r.activity, w.unsorted = stampOf(at), stampOf(at), true
	})
}

// DeleteReservation removes a reservation with its conversation.
func (a *Account) DeleteReservation(id int64) {
	a.locked(func(w *world) { w.removeReservation(must(w.reservations[id], "reservation", id)) })
}

// DeleteListing removes a listing; its reservations stay, as they do at Hostaway.
func (a *Account) DeleteListing(id int64) {
	a.locked(func(w *world) { w.removeListing(must(w.listings[id], "listing", id)) })
}

// Words is a message to add. Kind "" is "channel", Status "" is "sent".
type Words struct {
	Body     string
	FromHost bool
	Kind     string // email, channel, sms, whatsapp
	Status   string
	At       time.Time // zero: now
}

// AddMessage adds a message to the conversation of a reservation and gives its id. An incoming one makes the thread unread.
func (a *Account) AddMessage(reservationID int64, m Words) int64 {
	var id int64
	a.locked(func(w *world) {
		c := must(w.talkOf[reservationID], "conversation of reservation", reservationID)
		w.load(c)
		at := w.now()
		if !m.At.IsZero() {
			at = stampOf(m.At)
		}
		said := w.say(c, &message{
			incoming: !m.FromHost, seen: m.FromHost, body: m.Body, kind: cmp.Or(m.Kind, "channel"), status: cmp.Or(m.Status, "sent"), at: at,
		})
		c.unread = c.unread || !m.FromHost
		id = said.id
	})
	return id
}

// Fact is what a reservation really is, for tests that check answers against the world.
type Fact struct {
	ID, ListingID      int64
	ChannelID          int
	Status, GuestName  string
	Arrival, Departure string
	Nights             int
	Currency, Total    string // decimal text with two places; Total is "" when unknown
	Kept               string // of a cancelled stay: what was kept, "0.00" when nothing
	Booked             time.Time
	ConversationID     int64 // 0: none
}

// Facts gives all reservations by id.
func (a *Account) Facts() []Fact {
	var out []Fact
	a.locked(func(w *world) {
		for _, r := range w.reservations {
			f := Fact{
				ID: r.id, ListingID: r.listingID, ChannelID: r.channel, Status: r.status, GuestName: r.guest.name(),
				Arrival: r.arrival.String(), Departure: r.departure.String(), Nights: r.nights(), Currency: r.currency,
				Total: r.total.fixed(), Kept: r.line("cancellationPayout").fixed(), Booked: r.booked.time(),
			}
			if r.messy.nullMoney {
				f.Total = ""
			}
			if c := w.talkOf[r.id]; c != nil {
				f.ConversationID = c.id
			}
			out = append(out, f)
		}
	})
	slices.SortFunc(out, func(a, b Fact) int { return cmp.Compare(a.ID, b.ID) })
	return out
}
