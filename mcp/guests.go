// The guests: Hostaway has no guest records, only reservations that carry a guest's data, so a guest is what their reservations say.

package mcp

import (
	"context"
	"strings"

	"hostaway-mcp/hostaway"
)

const getGuestInfoTool = "hostaway_get_guest_info"

func guestTools() []Tool {
	return []Tool{newTool(spec{
		Name:  getGuestInfoTool,
		Title: "Get guest information",
		Description: "Shows a guest's contact data and stays. Give exactly one of the three. " +
			"By name, the rows may be of different people with that name: compare email and phone.",
	}, getGuestInfo)}
}

type getGuestInfoIn struct {
	ReservationID int64  `json:"reservation_id,omitempty" jsonschema:"any stay of the guest"`
	Email         string `json:"email,omitempty" maxlen:"200" jsonschema:"exact address"`
	GuestName     string `json:"guest_name,omitempty" maxlen:"100" jsonschema:"part of name"`
	Cursor        string `json:"cursor,omitempty" jsonschema:"last next_cursor"`
}

type getGuestInfoOut struct {
	// Guest is given where the rows are of one person for sure.
	Guest *guestContact `json:"guest,omitempty"`
	// MatchedBy says by what the stays were found.
	MatchedBy string      `json:"matched_by"`
	Stays     []guestStay `json:"stays"`
	paged
}

type guestContact struct {
	Name     string `json:"name,omitempty"`
	Email    string `json:"email,omitempty"`
	Phone    string `json:"phone,omitempty"`
	Address  string `json:"address,omitempty"`
	City     string `json:"city,omitempty"`
	Zipcode  string `json:"zipcode,omitempty"`
	Country  string `json:"country,omitempty"`
	Language string `json:"language,omitempty"`
}

type guestStay struct {
	reservationRow
	Email string `json:"email,omitempty"`
	Phone string `json:"phone,omitempty"`
}

// guestStays is the most stays in one answer.
const guestStays = 30

func getGuestInfo(ctx context.Context, c Caller, in getGuestInfoIn) (getGuestInfoOut, error) {
	in.Email, in.GuestName = strings.TrimSpace(in.Email), strings.TrimSpace(in.GuestName)
	given := 0
	for _, there := range []bool{in.ReservationID != 0, in.Email != "", in.GuestName != ""} {
		if there {
			given++
		}
	}
	if given != 1 {
		return getGuestInfoOut{}, refuseArgument("Exactly one of reservation_id, email and guest_name is needed.", "Leave the others out.")
	}
	query := in
	query.Cursor = ""
	from, err := startOf(getGuestInfoTool, in.Cursor, query)
	if err != nil {
		return getGuestInfoOut{}, err
	}
	search, err := in.search(ctx, c)
	if err != nil {
		return getGuestInfoOut{}, err
	}
	if search.alone {
		return search.answer(onlyRow(*search.row), query), nil
	}
	found, err := scan(ctx, reservationSource(c.Hostaway, search.filter), scanPlan[hostaway.Reservation]{
		from: from, limit: guestStays, keep: search.keep, filters: search.filters,
	})
	if err != nil {
		return getGuestInfoOut{}, err
	}
	return search.answer(found, query), nil
}

// guestSearch is how the stays of the wanted guest are found.
type guestSearch struct {
	by      string
	row     *hostaway.Reservation // the reservation that was named, if one was
	alone   bool                  // it says nothing by which others could be found
	filter  hostaway.ReservationFilter
	keep    func(hostaway.Reservation) bool
	filters bool
}

func (in getGuestInfoIn) search(ctx context.Context, c Caller) (guestSearch, error) {
	if in.Email != "" {
		return searchByEmail(in.Email), nil
	}
	if in.GuestName != "" {
		return guestSearch{by: "name", filter: hostaway.ReservationFilter{Match: in.GuestName}}, nil
	}
	r, err := readReservation(ctx, c, in.ReservationID)
	if err != nil {
		return guestSearch{}, err
	}
	s := guestSearch{by: "reservation", alone: true}
	name := strings.ToLower(guestName(r))
	switch {
	case r.GuestEmail != "":
		s = searchByEmail(r.GuestEmail)
	case name != "" && r.Phone != "":
		// A name alone is no identity; with the same phone it is.
		s = guestSearch{by: "name", filters: true, filter: hostaway.ReservationFilter{Match: guestName(r)}}
		s.keep = func(other hostaway.Reservation) bool {
			return strings.ToLower(guestName(other)) == name && digitsOf(other.Phone) == digitsOf(r.Phone)
		}
	}
	s.row = &r
	return s, nil
}

func searchByEmail(email string) guestSearch {
	return guestSearch{
		by: "email", filter: hostaway.ReservationFilter{GuestEmail: email},
		keep: func(r hostaway.Reservation) bool { return strings.EqualFold(strings.TrimSpace(r.GuestEmail), email) },
	}
}

func onlyRow(r hostaway.Reservation) scanned[hostaway.Reservation] {
	one := 1
	return scanned[hostaway.Reservation]{rows: []hostaway.Reservation{r}, behind: []position{{}}, done: true, total: &one}
}

func (s guestSearch) answer(found scanned[hostaway.Reservation], query getGuestInfoIn) getGuestInfoOut {
	out := getGuestInfoOut{MatchedBy: s.by}
	switch {
	case s.row != nil:
		out.Guest = contactOfGuest(*s.row)
	case s.by == "email" && len(found.rows) > 0:
		out.Guest = contactOfGuest(found.rows[0])
	}
	rows := make([]guestStay, len(found.rows))
	for i, r := range found.rows {
		rows[i] = guestStay{rowOfReservation(r), clip(r.GuestEmail, 150), clip(r.Phone, 40)}
	}
	n, pages := cut(getGuestInfoTool, query, found, rows, out)
	out.Stays, out.paged = rows[:n], pages
	return out
}

func contactOfGuest(r hostaway.Reservation) *guestContact {
	return &guestContact{
		Name: guestName(r), Email: clip(r.GuestEmail, 150), Phone: clip(r.Phone, 40), Address: clip(r.GuestAddress, 200),
		City: clip(r.GuestCity, 80), Zipcode: clip(r.GuestZipCode, 20), Country: clip(r.GuestCountry, 60), Language: clip(r.GuestLocale, 20),
	}
}

func digitsOf(phone string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, phone)
}
