// The reservations: a search over them by what Hostaway can filter, and by status, which it can't.

package mcp

import (
	"context"
	"slices"
	"strings"

	"hostaway-mcp/hostaway"
)

const (
	searchBookingsTool    = "hostaway_search_bookings"
	getBookingDetailsTool = "hostaway_get_booking_details"
)

func reservationTools() []Tool {
	return []Tool{
		newTool(spec{
			Name:  searchBookingsTool,
			Title: "Search reservations",
			Description: "Finds reservations (bookings, requests, inquiries). Windows are [from, to): for one day give the next as to. " +
				"status is filtered here, not by Hostaway: total is absent until all is searched.",
		}, searchBookings),
		newTool(spec{
			Name:  getBookingDetailsTool,
			Title: "Get reservation details",
			Description: "Shows one reservation: stay, party, money with its breakdown, cancellation policy, notes. " +
				"guest_text was written by the guest, host_text by the team.",
		}, getBookingDetails),
	}
}

type searchBookingsIn struct {
	GuestName     string        `json:"guest_name,omitempty" maxlen:"100" jsonschema:"part of it"`
	Email         string        `json:"email,omitempty" maxlen:"200" jsonschema:"guest's"`
	ListingID     int64         `json:"listing_id,omitempty" jsonschema:"one listing"`
	Channel       string        `json:"channel,omitempty" enum:"airbnb,booking_com,vrbo,expedia,direct,booking_website,google,marriott,partner" jsonschema:"where booked"`
	Status        []string      `json:"status,omitempty" enum:"confirmed,owner_stay,request,declined,cancelled,inquiry" jsonschema:"kinds"`
	ArrivalFrom   hostaway.Date `json:"arrival_from,omitempty" jsonschema:"arrives from"`
	ArrivalTo     hostaway.Date `json:"arrival_to,omitempty" jsonschema:"arrives before"`
	DepartureFrom hostaway.Date `json:"departure_from,omitempty" jsonschema:"leaves from"`
	DepartureTo   hostaway.Date `json:"departure_to,omitempty" jsonschema:"leaves before"`
	InHouseOn     hostaway.Date `json:"in_house_on,omitempty" jsonschema:"stays the night of"`
	Unread        bool          `json:"unread,omitempty" jsonschema:"has unread messages"`
	Sort          string        `json:"sort,omitempty" enum:"arrival,arrival_desc,changed_desc" default:"changed_desc" jsonschema:"order"`
	Limit         int           `json:"limit,omitempty" min:"1" max:"100" default:"30" jsonschema:"rows"`
	Cursor        string        `json:"cursor,omitempty" jsonschema:"last next_cursor"`
}

type searchBookingsOut struct {
	Reservations []reservationRow `json:"reservations"`
	paged
}

type reservationRow struct {
	ID        int64          `json:"id"`
	GuestName string         `json:"guest_name,omitempty"`
	ListingID int64          `json:"listing_id"`
	Listing   string         `json:"listing,omitempty"`
	Channel   string         `json:"channel,omitempty"`
	Status    string         `json:"status"`         // Hostaway's word
	Kind      string         `json:"kind,omitempty"` // ours, by which status filters
	Arrival   *hostaway.Date `json:"arrival,omitempty"`
	Departure *hostaway.Date `json:"departure,omitempty"`
	Nights    *int           `json:"nights,omitempty"`
	Guests    *int64         `json:"guests,omitempty"`
	Total     string         `json:"total_price,omitempty"`
	Currency  string         `json:"currency,omitempty"`
}

func rowOfReservation(r hostaway.Reservation) reservationRow {
	row := reservationRow{
		ID: r.ID, GuestName: guestName(r), ListingID: r.ListingID, Listing: clip(r.ListingName, 80), Channel: channelOf(r),
		Status: clip(string(r.Status), 30), Kind: statusWord(r.Status), Guests: r.NumberOfGuests, Total: moneyOrAbsent(r.TotalPrice, r.Currency), Currency: r.Currency,
	}
	row.Arrival, row.Departure, row.Nights = datesOf(r)
	return row
}

// datesOf gives the stay, or nothing for an inquiry without dates, into which Hostaway writes yesterday.
func datesOf(r hostaway.Reservation) (arrival, departure *hostaway.Date, nights *int) {
	if isTrue(r.IsDatesUnspecified) {
		return nil, nil, nil
	}
	if r.ArrivalDate != nil && r.DepartureDate != nil {
		n := max(r.DepartureDate.Sub(*r.ArrivalDate), 0)
		nights = &n
	}
	return r.ArrivalDate, r.DepartureDate, nights
}

func guestName(r hostaway.Reservation) string {
	if r.GuestName != "" {
		return clip(r.GuestName, 100)
	}
	return clip(joinWords(r.GuestFirstName, r.GuestLastName), 100)
}

func channelOf(r hostaway.Reservation) string {
	if name := r.ChannelID.String(); name != "" {
		return name
	}
	return clip(r.ChannelName, 40)
}

func channelOfWord(word string) hostaway.Channel {
	return map[string]hostaway.Channel{
		"airbnb": hostaway.ChannelAirbnb, "booking_com": hostaway.ChannelBookingCom, "vrbo": hostaway.ChannelVrbo,
		"expedia": hostaway.ChannelExpedia, "direct": hostaway.ChannelDirect, "booking_website": hostaway.ChannelBookingEngine,
		"google": hostaway.ChannelGoogle, "marriott": hostaway.ChannelMarriott, "partner": hostaway.ChannelPartner,
	}[word]
}

// statusWord puts Hostaway's many statuses into the six kinds that people ask for; "" is a status nobody documented.
func statusWord(s hostaway.ReservationStatus) string {
	switch {
	case s.Stands():
		return "confirmed"
	case s.IsOwnerStay():
		return "owner_stay"
	case s.IsRequest():
		return "request"
	case s.IsCancelled():
		return "cancelled"
	case s == hostaway.StatusDeclined, s == hostaway.StatusExpired:
		return "declined"
	case s.IsInquiry():
		return "inquiry"
	}
	return ""
}

func searchBookings(ctx context.Context, c Caller, in searchBookingsIn) (searchBookingsOut, error) {
	query := in
	query.Cursor, query.Limit = "", 0
	from, err := startOf(searchBookingsTool, in.Cursor, query)
	if err != nil {
		return searchBookingsOut{}, err
	}
	filter, err := in.filter()
	if err != nil {
		return searchBookingsOut{}, err
	}
	found, err := scan(ctx, reservationSource(c.Hostaway, filter), scanPlan[hostaway.Reservation]{
		from: from, limit: in.Limit, keep: in.keeps, filters: len(in.Status) > 0,
		tell: func(pages int) { c.Progress(pages*upstreamPage, 0, "searching reservations") },
	})
	if err != nil {
		return searchBookingsOut{}, err
	}
	rows := make([]reservationRow, len(found.rows))
	for i, r := range found.rows {
		rows[i] = rowOfReservation(r)
	}
	if len(rows) == 0 && in.ListingID != 0 {
		if _, err := readListing(ctx, c, in.ListingID, false); err != nil {
			return searchBookingsOut{}, err // nothing booked is an answer, no such listing is another
		}
	}
	n, pages := cut(searchBookingsTool, query, found, rows, nil)
	return searchBookingsOut{rows[:n], pages}, nil
}

func (in searchBookingsIn) keeps(r hostaway.Reservation) bool {
	if !in.InHouseOn.IsZero() && (r.ArrivalDate == nil || r.DepartureDate == nil || isTrue(r.IsDatesUnspecified)) {
		return false
	}
	return len(in.Status) == 0 || slices.Contains(in.Status, statusWord(r.Status))
}

// filter translates the windows: ours end before their last day, Hostaway's on it.
func (in searchBookingsIn) filter() (hostaway.ReservationFilter, error) {
	f := hostaway.ReservationFilter{
		Match: strings.TrimSpace(in.GuestName), GuestEmail: strings.TrimSpace(in.Email), ListingID: in.ListingID, ChannelID: channelOfWord(in.Channel),
		ArrivalFrom: in.ArrivalFrom, DepartureFrom: in.DepartureFrom,
		Sort: map[string]hostaway.ReservationSort{"arrival": hostaway.SortByArrival, "arrival_desc": hostaway.SortByArrivalLatest}[in.Sort],
	}
	for _, window := range []struct {
		name     string
		from, to hostaway.Date
		last     *hostaway.Date
	}{{"arrival", in.ArrivalFrom, in.ArrivalTo, &f.ArrivalTo}, {"departure", in.DepartureFrom, in.DepartureTo, &f.DepartureTo}} {
		if window.to.IsZero() {
			continue
		}
		if !window.from.IsZero() && !window.from.Before(window.to) {
			return f, refuseArgument("The window of the "+window.name+" is empty: "+window.name+"_to is the first day outside it.",
				"For one day, give the next day as "+window.name+"_to.")
		}
		*window.last = window.to.Add(-1)
	}
	if in.Unread {
		f.HasUnreadMessages = &in.Unread
	}
	if day := in.InHouseOn; !day.IsZero() {
		// Somebody who stays the night of a day has arrived on it at the latest, and leaves on the next at the earliest.
		if f.ArrivalTo.IsZero() || day.Before(f.ArrivalTo) {
			f.ArrivalTo = day
		}
		if f.DepartureFrom.Before(day.Add(1)) {
			f.DepartureFrom = day.Add(1)
		}
		if f.ArrivalFrom.After(f.ArrivalTo) || (!f.DepartureTo.IsZero() && f.DepartureFrom.After(f.DepartureTo)) {
			return f, refuseArgument("Nobody can be in the house on that day and in the other window.", "Drop in_house_on or the window.")
		}
	}
	return f, nil
}
