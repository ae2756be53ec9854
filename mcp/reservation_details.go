// One reservation in full. Door codes, payment cards, portal links and proxy addresses are never read, and contact data has a
// tool of its own.

package mcp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"hostaway-mcp/hostaway"
)

type getBookingDetailsIn struct {
	ReservationID int64 `json:"reservation_id" jsonschema:"id of the reservation"`
}

type getBookingDetailsOut struct {
	Reservation bookingDetails `json:"reservation"`
	Shortened   bool           `json:"shortened,omitempty"`
}

type bookingDetails struct {
	ID          int64         `json:"id"`
	GuestName   string        `json:"guest_name,omitempty"`
	ListingID   int64         `json:"listing_id"`
	Listing     string        `json:"listing,omitempty"`
	Channel     string        `json:"channel,omitempty"`
	ChannelCode string        `json:"channel_code,omitempty"`
	Status      string        `json:"status"`
	Kind        string        `json:"kind,omitempty"`
	Stay        bookingStay   `json:"stay"`
	Party       bookingParty  `json:"party"`
	Money       bookingMoney  `json:"money"`
	Breakdown   []moneyLine   `json:"breakdown,omitempty"`
	Policy      bookingPolicy `json:"policy"`
	Agreement   string        `json:"rental_agreement,omitempty"`
	BookedAt    *time.Time    `json:"booked_at,omitempty"`
	ChangedAt   *time.Time    `json:"changed_at,omitempty"`
	CancelledAt *time.Time    `json:"cancelled_at,omitempty"`
	CancelledBy string        `json:"cancelled_by,omitempty"`
	GuestText   string        `json:"guest_text,omitempty"`
	HostText    string        `json:"host_text,omitempty"`
	NoBreakdown string        `json:"breakdown_missing,omitempty"`
}

type bookingStay struct {
	Arrival      *hostaway.Date `json:"arrival,omitempty"`
	Departure    *hostaway.Date `json:"departure,omitempty"`
	Nights       *int           `json:"nights,omitempty"`
	CheckInHour  *int64         `json:"check_in_hour,omitempty"`
	CheckOutHour *int64         `json:"check_out_hour,omitempty"`
	Units        []string       `json:"units,omitempty"`
}

type bookingParty struct {
	Guests   *int64 `json:"guests,omitempty"`
	Adults   *int64 `json:"adults,omitempty"`
	Children *int64 `json:"children,omitempty"`
	Infants  *int64 `json:"infants,omitempty"`
	Pets     *int64 `json:"pets,omitempty"`
}

type bookingMoney struct {
	Currency           string `json:"currency,omitempty"`
	Total              string `json:"total_price,omitempty"`
	Taxes              string `json:"taxes,omitempty"`
	CleaningFee        string `json:"cleaning_fee,omitempty"`
	ChannelCommission  string `json:"channel_commission,omitempty"`
	HostawayCommission string `json:"hostaway_commission,omitempty"`
	AirbnbPayout       string `json:"airbnb_payout,omitempty"`
	CancellationPayout string `json:"cancellation_payout,omitempty"`
	Deposit            string `json:"deposit,omitempty"`
	Outstanding        string `json:"outstanding,omitempty"`
	Paid               *bool  `json:"paid,omitempty"`
	PaymentStatus      string `json:"payment_status,omitempty"`
}

// moneyLine is one line of the price breakdown.
type moneyLine struct {
	Type    string `json:"type,omitempty"`
	Name    string `json:"name"`
	Amount  string `json:"amount,omitempty"`
	InTotal *bool  `json:"in_total,omitempty"`
}

type bookingPolicy struct {
	Name  string   `json:"name,omitempty"`
	Steps []string `json:"steps,omitempty"`
}

func getBookingDetails(ctx context.Context, c Caller, in getBookingDetailsIn) (getBookingDetailsOut, error) {
	r, err := readReservation(ctx, c, in.ReservationID)
	if err != nil {
		return getBookingDetailsOut{}, err
	}
	out := getBookingDetailsOut{Reservation: detailsOfReservation(r)}
	fields := r.FinanceFields
	if len(fields) == 0 {
		fields, err = c.Hostaway.FinanceFields(ctx, in.ReservationID)
	}
	switch hostaway.CodeOf(err) {
	case "":
		if err != nil {
			return getBookingDetailsOut{}, err
		}
		out.Reservation.Breakdown, out.Shortened = linesOf(fields, r.Currency)
	case hostaway.NotFound, hostaway.Refused:
		out.Reservation.NoBreakdown = "Hostaway gives no breakdown for this reservation"
	default:
		return getBookingDetailsOut{}, err
	}
	out.Shortened = shortenToFit(&out, &out.Reservation.GuestText, &out.Reservation.HostText) || out.Shortened || len(r.Units) > shownUnits
	return out, nil
}

// readReservation reads one reservation, or says how to find the right id.
func readReservation(ctx context.Context, c Caller, id int64) (hostaway.Reservation, error) {
	r, err := c.Hostaway.Reservation(ctx, id)
	if errors.Is(err, &hostaway.Error{Code: hostaway.NotFound}) {
		return r, &refusal{
			what: fmt.Sprintf("There is no reservation %d in this account.", id),
			next: "Find the id with " + searchBookingsTool + ".", code: codeNotFound,
		}
	}
	return r, err
}

func detailsOfReservation(r hostaway.Reservation) bookingDetails {
	d := bookingDetails{
		ID: r.ID, GuestName: guestName(r), ListingID: r.ListingID, Listing: clip(r.ListingName, 120), Channel: channelOf(r),
		ChannelCode: clip(r.ConfirmationCode, 60), Status: clip(string(r.Status), 30), Kind: statusWord(r.Status),
		Party: bookingParty{r.NumberOfGuests, r.Adults, r.Children, r.Infants, r.Pets},
		Money: moneyOf(r), Policy: policyOf(r), Agreement: clip(r.ReservationAgreement, 30),
		BookedAt: r.ReservationDate, ChangedAt: r.UpdatedOn, CancelledAt: r.CancellationDate, CancelledBy: clip(r.CancelledBy, 20),
		GuestText: r.GuestNote, HostText: strings.TrimSpace(r.HostNote + "\n" + r.Comment),
	}
	if d.ChannelCode == "" {
		d.ChannelCode = clip(r.ChannelReservationID, 60)
	}
	d.Stay.Arrival, d.Stay.Departure, d.Stay.Nights = datesOf(r)
	d.Stay.CheckInHour, d.Stay.CheckOutHour = r.CheckInTime, r.CheckOutTime
	for _, unit := range r.Units[:min(len(r.Units), shownUnits)] {
		d.Stay.Units = append(d.Stay.Units, fmt.Sprintf("unit %d: %s, %d guests", valueOf(unit.ListingUnitID), clip(unit.GuestName, 60), valueOf(unit.NumberOfGuests)))
	}
	return d
}

func moneyOf(r hostaway.Reservation) bookingMoney {
	money := func(d *decimal.Decimal) string { return moneyOrAbsent(d, r.Currency) }
	return bookingMoney{
		Currency: r.Currency, Total: money(r.TotalPrice), Taxes: money(r.TaxAmount), CleaningFee: money(r.CleaningFee),
		ChannelCommission: money(r.ChannelCommissionAmount), HostawayCommission: money(r.HostawayCommissionAmount),
		AirbnbPayout: money(r.AirbnbExpectedPayoutAmount), CancellationPayout: money(r.AirbnbListingCancellationPayout),
		Deposit: money(r.SecurityDepositFee), Outstanding: money(r.RemainingBalance), Paid: r.IsPaid, PaymentStatus: clip(r.PaymentStatus, 30),
	}
}

// What is shown at most of a reservation that has very many.
const (
	shownUnits = 20
	shownLines = 60
)

// linesOf gives the lines of a breakdown; cut is true when there are more.
func linesOf(fields []hostaway.FinanceField, currency string) (lines []moneyLine, cut bool) {
	for _, f := range fields {
		if isTrue(f.IsDeleted) {
			continue
		}
		if len(lines) == shownLines {
			return lines, true
		}
		name := f.Title
		if name == "" {
			name = f.Name
		}
		lines = append(lines, moneyLine{clip(string(f.Type), 30), clip(name, 60), moneyOrAbsent(f.Total, currency), f.IsIncludedInTotalPrice})
	}
	return lines, false
}

func policyOf(r hostaway.Reservation) bookingPolicy {
	p := bookingPolicy{Name: clip(r.CancellationPolicy, 80)}
	snapshot := r.CancellationPolicyDetail
	if snapshot == nil {
		return p
	}
	if snapshot.Name != "" {
		p.Name = clip(snapshot.Name, 80)
	}
	for _, item := range snapshot.Items[:min(len(snapshot.Items), 10)] {
		if item.RefundAmount == nil || item.TimeDelta == nil {
			continue
		}
		p.Steps = append(p.Steps, stepText(item, r.Currency))
	}
	return p
}

// stepText says a step of a policy: "50 % back until 14 days before arrival".
func stepText(item hostaway.ReservationPolicyItem, currency string) string {
	amount := item.RefundAmount.String() + " %"
	if item.RefundType == "flat" {
		amount = joinWords(moneyText(*item.RefundAmount, currency), currency)
	}
	event := "the booking"
	if item.Event == "arrival" {
		event = "arrival"
	}
	delta := time.Duration(*item.TimeDelta) * time.Second
	side := "after"
	if delta <= 0 {
		delta, side = -delta, "before"
	}
	length := fmt.Sprintf("%d hours", int(delta.Hours()))
	if delta%(24*time.Hour) == 0 {
		length = fmt.Sprintf("%d days", int(delta.Hours()/24))
	}
	return fmt.Sprintf("%s back until %s %s %s", amount, length, side, event)
}
