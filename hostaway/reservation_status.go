package hostaway

// reservation_status.go: what the statuses and channels of reservations mean (Hostaway docs, Reservations, 2026-10).

import "strconv"

// ReservationStatus is the state of a reservation. Unknown values are kept as they are and mean nothing in particular.
type ReservationStatus string

// The documented statuses.
const (
	StatusNew                       ReservationStatus = "new"
	StatusModified                  ReservationStatus = "modified"
	StatusConfirmed                 ReservationStatus = "confirmed" // not written since 2020, still met in old rows
	StatusOwnerStay                 ReservationStatus = "ownerStay"
	StatusPending                   ReservationStatus = "pending"
	StatusUnconfirmed               ReservationStatus = "unconfirmed"
	StatusAwaitingPayment           ReservationStatus = "awaitingPayment"
	StatusAwaitingGuestVerification ReservationStatus = "awaitingGuestVerification"
	StatusCancelled                 ReservationStatus = "cancelled"
	StatusDeclined                  ReservationStatus = "declined"
	StatusExpired                   ReservationStatus = "expired"
	StatusInquiry                   ReservationStatus = "inquiry"
	StatusInquiryPreapproved        ReservationStatus = "inquiryPreapproved"
	StatusInquiryDenied             ReservationStatus = "inquiryDenied"
	StatusInquiryTimedout           ReservationStatus = "inquiryTimedout"
	StatusInquiryNotPossible        ReservationStatus = "inquiryNotPossible"
	StatusUnknown                   ReservationStatus = "unknown"
)

// ReservationStatuses lists the documented statuses, for schemas and filters on our own side.
func ReservationStatuses() []ReservationStatus {
	return []ReservationStatus{
		StatusNew, StatusModified, StatusConfirmed, StatusOwnerStay, StatusPending, StatusUnconfirmed, StatusAwaitingPayment,
		StatusAwaitingGuestVerification, StatusCancelled, StatusDeclined, StatusExpired, StatusInquiry, StatusInquiryPreapproved,
		StatusInquiryDenied, StatusInquiryTimedout, StatusInquiryNotPossible, StatusUnknown,
	}
}

// Stands tells whether the reservation is a guest's confirmed stay, whose money counts as revenue: new, modified, and confirmed
// in old rows. Owner stays do not stand (see IsOwnerStay), and neither do cancelled ones (see IsCancelled).
func (s ReservationStatus) Stands() bool {
	return s == StatusNew || s == StatusModified || s == StatusConfirmed
}

// IsOwnerStay tells whether the owner stays there: nights, but no money.
func (s ReservationStatus) IsOwnerStay() bool { return s == StatusOwnerStay }

// IsCancelled tells whether a confirmed reservation was called off. Money may have been kept.
func (s ReservationStatus) IsCancelled() bool { return s == StatusCancelled }

// IsRequest tells whether the reservation waits for somebody's yes: a request to book, or a payment or check of the guest.
func (s ReservationStatus) IsRequest() bool {
	switch s {
	case StatusPending, StatusUnconfirmed, StatusAwaitingPayment, StatusAwaitingGuestVerification:
		return true
	}
	return false
}

// IsInquiry tells whether the row is a question and its outcome, not a stay.
func (s ReservationStatus) IsInquiry() bool {
	switch s {
	case StatusInquiry, StatusInquiryPreapproved, StatusInquiryDenied, StatusInquiryTimedout, StatusInquiryNotPossible,
		StatusUnknown, "inquiryTimeout":
		return true
	}
	return false
}

// BlocksCalendar tells whether the reservation keeps its nights from being sold: new, modified, confirmed, owner stays, and the
// two that wait for a guest. The documentation leaves open whether requests to book do.
func (s ReservationStatus) BlocksCalendar() bool {
	return s.Stands() || s == StatusOwnerStay || s == StatusAwaitingPayment || s == StatusAwaitingGuestVerification
}

// Channel is the id of the place where a reservation was made. Unknown values are kept as they are.
type Channel int64

// The documented channels.
const (
	ChannelDirect        Channel = 2000
	ChannelVrbo          Channel = 2002
	ChannelBookingCom    Channel = 2005
	ChannelExpedia       Channel = 2007
	ChannelHomeAwayIcal  Channel = 2009
	ChannelVrboIcal      Channel = 2010
	ChannelBookingEngine Channel = 2013
	ChannelCustomIcal    Channel = 2015
	ChannelTripAdvisor   Channel = 2016
	ChannelWordPress     Channel = 2017
	ChannelAirbnb        Channel = 2018
	ChannelMarriott      Channel = 2019
	ChannelPartner       Channel = 2020
	ChannelGDS           Channel = 2021
	ChannelGoogle        Channel = 2022
)

// Channels lists the documented channels.
func Channels() []Channel {
	return []Channel{
		ChannelDirect, ChannelVrbo, ChannelBookingCom, ChannelExpedia, ChannelHomeAwayIcal, ChannelVrboIcal, ChannelBookingEngine,
		ChannelCustomIcal, ChannelTripAdvisor, ChannelWordPress, ChannelAirbnb, ChannelMarriott, ChannelPartner, ChannelGDS,
		ChannelGoogle,
	}
}

// String gives the channel's name as people say it, such as "Airbnb"; an unknown channel is "channel 2001", none at all is "".
func (c Channel) String() string {
	switch c {
	case 0:
		return ""
	case ChannelDirect:
		return "Direct"
	case ChannelVrbo:
		return "Vrbo"
	case ChannelBookingCom:
		return "Booking.com"
	case ChannelExpedia:
		return "Expedia"
	case ChannelHomeAwayIcal:
		return "HomeAway (iCal)"
	case ChannelVrboIcal:
		return "Vrbo (iCal)"
	case ChannelBookingEngine:
		return "Booking website"
	case ChannelCustomIcal:
		return "Custom iCal"
	case ChannelTripAdvisor:
		return "TripAdvisor (iCal)"
	case ChannelWordPress:
		return "WordPress"
	case ChannelAirbnb:
		return "Airbnb"
	case ChannelMarriott:
		return "Marriott"
	case ChannelPartner:
		return "Partner"
	case ChannelGDS:
		return "GDS"
	case ChannelGoogle:
		return "Google"
	}
	return "channel " + strconv.FormatInt(int64(c), 10)
}
