// The financial summary: what a period earned, complete or refused.

package mcp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"hostaway-mcp/hostaway"
)

type getFinancialSummaryIn struct {
	From       hostaway.Date `json:"from" jsonschema:"first day"`
	To         hostaway.Date `json:"to" jsonschema:"day after the last"`
	DateBasis  string        `json:"date_basis,omitempty" enum:"arrival,departure,booked,nights" default:"arrival" jsonschema:"day in period (booked: UTC); nights: spreads each stay evenly"`
	ListingIDs []int64       `json:"listing_ids,omitempty" jsonschema:"all if absent"`
	Detail     bool          `json:"detail,omitempty" jsonschema:"parts from finance fields, 40 reservations at most"`
	Cursor     string        `json:"cursor,omitempty" jsonschema:"last next_cursor"`
}

type getFinancialSummaryOut struct {
	FirstDay   hostaway.Date     `json:"first_day"`
	LastDay    hostaway.Date     `json:"last_day"`
	DateBasis  string            `json:"date_basis"`
	PartsFrom  string            `json:"parts_from"`
	Currencies []currencySummary `json:"currencies"`
	OwnerStays int               `json:"owner_stays,omitempty"`
	OwnerNight int               `json:"owner_nights,omitempty"`
	Undated    int               `json:"without_date,omitempty"`
	Listings   []listingSummary  `json:"listings"`
	Rows       int               `json:"total_listing_rows"`
	NextCursor string            `json:"next_cursor,omitempty"`
}

// currencySummary holds the sums of one currency. Amounts of stays whose currency is unknown are not added: they count as
// without_amount under the currency "unknown".
type currencySummary struct {
	Currency      string      `json:"currency"`
	Revenue       string      `json:"revenue,omitempty"`
	Nights        int         `json:"nights"`
	Bookings      int         `json:"bookings"`
	AverageRate   string      `json:"average_nightly_rate,omitempty"`
	WithoutAmount int         `json:"without_amount,omitempty"`
	Kept          string      `json:"kept_from_cancellations,omitempty"`
	Cancellations int         `json:"cancellations"`
	KeptUnknown   int         `json:"cancellations_without_amount,omitempty"`
	Parts         []moneyPart `json:"parts,omitempty"`
}

// moneyPart is one part of the money, over those bookings for which it is known.
type moneyPart struct {
	Name     string `json:"name"`
	Amount   string `json:"amount"`
	Bookings int    `json:"bookings"`
}

type listingSummary struct {
	ListingID     int64  `json:"listing_id"`
	Listing       string `json:"listing,omitempty"`
	Currency      string `json:"currency,omitempty"`
	Revenue       string `json:"revenue,omitempty"`
	Nights        int    `json:"nights"`
	Bookings      int    `json:"bookings"`
	AverageRate   string `json:"average_nightly_rate,omitempty"`
	Kept          string `json:"kept_from_cancellations,omitempty"`
	WithoutAmount int    `json:"without_amount,omitempty"`
	OwnerNights   int    `json:"owner_nights,omitempty"`
}

const (
	longestPeriod = 731
	// walksForListings is up to how many listings are read one by one; more are picked out of all reservations.
	walksForListings = 5
	// mostDetailed bounds the calls for finance fields, one for each reservation.
	mostDetailed = 40
)

func daysText(n int) string { return fmt.Sprintf("%d days", n) }

func getFinancialSummary(ctx context.Context, c Caller, in getFinancialSummaryIn) (getFinancialSummaryOut, error) {
	var none getFinancialSummaryOut
	if err := period(in.From, in.To, longestPeriod); err != nil {
		return none, err
	}
	slices.Sort(in.ListingIDs)
	in.ListingIDs = slices.Compact(in.ListingIDs)
	query := in
	query.Cursor = ""
	after, err := openCursor(getFinancialSummaryTool, in.Cursor, query)
	if err != nil {
		return none, err
	}
	rows, err := readPeriod(ctx, c, in)
	if err != nil {
		return none, err
	}
	s := newSums(in)
	if in.Detail {
		if s.fields, err = readFinanceFields(ctx, c, s.wanted(rows)); err != nil {
			return none, err
		}
	}
	for _, r := range rows {
		s.add(r)
	}
	if err := checkListings(ctx, c, in.ListingIDs, rows); err != nil {
		return none, err
	}
	return s.answer(after, query), nil
}

// checkListings refuses listings that are not there; only those without any reservation can be such.
func checkListings(ctx context.Context, c Caller, ids []int64, rows []hostaway.Reservation) error {
	met := map[int64]bool{}
	for _, r := range rows {
		met[r.ListingID] = true
	}
	checked := 0
	for _, id := range ids {
		if met[id] || checked == walksForListings {
			continue
		}
		checked++
		if _, err := readListing(ctx, c, id, false); err != nil {
			return err
		}
	}
	return nil
}

// readPeriod gives every reservation that may touch the period, each once.
func readPeriod(ctx context.Context, c Caller, in getFinancialSummaryIn) ([]hostaway.Reservation, error) {
	filters := []hostaway.ReservationFilter{{}}
	if n := len(in.ListingIDs); n > 0 && n <= walksForListings {
		filters = make([]hostaway.ReservationFilter, n)
		for i, id := range in.ListingIDs {
			filters[i].ListingID = id
		}
	}
	walk, last := &sumWalk{client: c.Hostaway, progress: c.Progress}, in.To.Add(-1)
	var out []hostaway.Reservation
	for _, f := range filters {
		var rows []hostaway.Reservation
		var err error
		switch in.DateBasis {
		case "departure":
			f.DepartureFrom, f.DepartureTo = in.From, last
			rows, err = walk.all(ctx, f)
		case "nights":
			// A stay without nights has its departure on its arrival: hence not from the day after.
			f.ArrivalTo, f.DepartureFrom = last, in.From
			rows, err = walk.all(ctx, f)
		case "booked":
			rows, err = walk.since(ctx, f, in.From)
		default:
			f.ArrivalFrom, f.ArrivalTo = in.From, last
			rows, err = walk.all(ctx, f)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, rows...)
	}
	return out, nil
}

// readFinanceFields reads the breakdown of each reservation; one without a breakdown is absent from the answer.
func readFinanceFields(ctx context.Context, c Caller, rows []hostaway.Reservation) (map[int64][]hostaway.FinanceField, error) {
	if len(rows) > mostDetailed {
		return nil, refuse(fmt.Sprintf("The period holds %d reservations with money; detail reads the finance fields of at most %d.", len(rows), mostDetailed),
			"Ask for a shorter period or fewer listings, leave detail out, or use "+getFinancialReportsTool+".")
	}
	out := map[int64][]hostaway.FinanceField{}
	for i, r := range rows {
		fields, err := c.Hostaway.FinanceFields(ctx, r.ID)
		if err != nil && !errors.Is(err, &hostaway.Error{Code: hostaway.NotFound}) {
			return nil, err
		}
		if len(fields) > 0 {
			out[r.ID] = fields
		}
		c.Progress(i+1, len(rows), "reading finance fields")
	}
	return out, nil
}

// answer lists the sums, the listings from behind the key after on.
func (s *sums) answer(after string, query getFinancialSummaryIn) getFinancialSummaryOut {
	out := getFinancialSummaryOut{
		FirstDay: s.in.From, LastDay: s.in.To.Add(-1), DateBasis: s.in.DateBasis, PartsFrom: "reservations",
		Currencies: []currencySummary{}, OwnerStays: s.ownerStays, OwnerNight: s.ownerNights, Undated: s.undated,
	}
	if s.in.Detail {
		out.PartsFrom = "finance_fields"
	}
	for _, currency := range sortedKeys(s.currencies) {
		out.Currencies = append(out.Currencies, s.currencies[currency].summary(currency))
	}
	keys := s.listingKeys()
	total := len(keys)
	from := 0
	for after != "" && from < total && keys[from].compare(parseListingKey(after)) <= 0 {
		from++
	}
	rows := make([]listingSummary, 0, total-from)
	for _, key := range keys[from:] {
		rows = append(rows, s.listings[key].listing(key, s.names[key.listing]))
	}
	n := fitPage(rows, []any{out, widestPaged()})
	out.Listings, out.Rows = rows[:n], total
	if n < len(rows) {
		out.NextCursor = sealCursor(getFinancialSummaryTool, keys[from+n-1].String(), query)
	}
	return out
}

func (t *tally) summary(currency string) currencySummary {
	out := currencySummary{
		Currency: currency, Nights: t.nights, Bookings: t.bookings,
		AverageRate: t.averageRate(currency), WithoutAmount: t.bookings - t.priced,
		Cancellations: t.cancellations, KeptUnknown: t.keptUnknown,
	}
	// A sum of nothing but unknown amounts is unknown, not zero.
	if t.priced > 0 || t.bookings == 0 {
		out.Revenue = moneyText(t.revenue, currency)
	}
	if t.keptUnknown == 0 || t.keptUnknown < t.cancellations {
		out.Kept = moneyText(t.kept, currency)
	}
	for _, name := range sortedKeys(t.parts) {
		part := t.parts[name]
		out.Parts = append(out.Parts, moneyPart{name, moneyText(part.amount, currency), part.bookings})
	}
	return out
}

func (t *tally) listing(key listingKey, name string) listingSummary {
	out := listingSummary{
		ListingID: key.listing, Listing: clip(name, 80), Currency: key.currency, Nights: t.nights, Bookings: t.bookings,
		AverageRate: t.averageRate(key.currency), WithoutAmount: t.bookings - t.priced, OwnerNights: t.ownerNights,
	}
	if t.priced > 0 {
		out.Revenue = moneyText(t.revenue, key.currency)
	}
	if !t.kept.IsZero() {
		out.Kept = moneyText(t.kept, key.currency)
	}
	return out
}

// averageRate is revenue over the nights of the stays that have an amount; without such nights there is none.
func (t *tally) averageRate(currency string) string {
	if t.pricedNights == 0 {
		return ""
	}
	return moneyText(t.revenue.DivRound(decimal.NewFromInt(int64(t.pricedNights)), minorDigits(currency)), currency)
}

// listingKey is one listing in one currency; a listing with owner stays alone has none.
type listingKey struct {
	listing  int64
	currency string
}

func (k listingKey) String() string { return fmt.Sprintf("%d %s", k.listing, k.currency) }

func parseListingKey(text string) listingKey {
	var k listingKey
	_, _ = fmt.Sscanf(text, "%d %s", &k.listing, &k.currency) // sealed by us: a missing currency is a listing without one
	return k
}

func (k listingKey) compare(other listingKey) int {
	if k.listing != other.listing {
		if k.listing < other.listing {
			return -1
		}
		return 1
	}
	return strings.Compare(k.currency, other.currency)
}
