// Adding up: which reservations count for a period, with which nights and which part of their money.

package mcp

import (
	"maps"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"hostaway-mcp/hostaway"
)

// unknownCurrency gathers stays of which not even the currency is known; their amounts are never added.
const unknownCurrency = "unknown"

// sums is a summary in the making.
type sums struct {
	in         getFinancialSummaryIn
	only       map[int64]bool // nil: all listings
	fields     map[int64][]hostaway.FinanceField
	currencies map[string]*tally
	listings   map[listingKey]*tally
	names      map[int64]string

	ownerStays, ownerNights, undated int
}

// tally is what one currency, or one listing in one currency, comes to.
type tally struct {
	revenue              decimal.Decimal
	bookings, nights     int
	priced, pricedNights int // those of the bookings that have an amount

	kept          decimal.Decimal
	cancellations int
	keptUnknown   int

	ownerNights int
	parts       map[string]*partSum
}

type partSum struct {
	amount   decimal.Decimal
	bookings int
}

func newSums(in getFinancialSummaryIn) *sums {
	s := &sums{in: in, currencies: map[string]*tally{}, listings: map[listingKey]*tally{}, names: map[int64]string{}}
	if len(in.ListingIDs) > 0 {
		s.only = map[int64]bool{}
		for _, id := range in.ListingIDs {
			s.only[id] = true
		}
	}
	return s
}

// share is the part of a stay that belongs to the period: its nights [from, to) of nights.
type share struct{ nights, from, to int }

func (s share) of(amount decimal.Decimal, currency string) decimal.Decimal {
	if s.nights == 0 || s.to-s.from == s.nights {
		return amount.Round(minorDigits(currency))
	}
	return shareOfNights(amount, minorDigits(currency), s.nights, s.from, s.to)
}

// counts tells whether the row can matter at all: its listing is asked for, and it is a stay that stands or was cancelled.
func (s *sums) counts(r hostaway.Reservation) bool {
	return (s.only == nil || s.only[r.ListingID]) && (r.Status.Stands() || r.Status.IsOwnerStay() || r.Status.IsCancelled())
}

// place gives the share of a reservation in the period. dated is false when the day that decides is unknown.
func (s *sums) place(r hostaway.Reservation) (in share, inside, dated bool) {
	nights := 0
	if r.ArrivalDate != nil && r.DepartureDate != nil {
		nights = max(r.DepartureDate.Sub(*r.ArrivalDate), 0)
	}
	whole := share{nights, 0, nights}
	within := func(d hostaway.Date) bool { return !d.Before(s.in.From) && d.Before(s.in.To) }
	switch s.in.DateBasis {
	case "departure":
		return whole, r.DepartureDate != nil && within(*r.DepartureDate), r.DepartureDate != nil
	case "booked":
		return whole, r.ReservationDate != nil && within(hostaway.DateOf(*r.ReservationDate, time.UTC)), r.ReservationDate != nil
	case "nights":
		if r.ArrivalDate == nil || r.DepartureDate == nil {
			return whole, false, false
		}
		if nights == 0 {
			return whole, within(*r.ArrivalDate), true
		}
		from, to := max(s.in.From.Sub(*r.ArrivalDate), 0), min(s.in.To.Sub(*r.ArrivalDate), nights)
		return share{nights, from, to}, from < to, true
	}
	return whole, r.ArrivalDate != nil && within(*r.ArrivalDate), r.ArrivalDate != nil
}

// wanted gives the rows whose money matters for the period.
func (s *sums) wanted(rows []hostaway.Reservation) []hostaway.Reservation {
	return slices.DeleteFunc(slices.Clone(rows), func(r hostaway.Reservation) bool {
		_, inside, _ := s.place(r)
		return !inside || !s.counts(r) || r.Status.IsOwnerStay()
	})
}

func (s *sums) add(r hostaway.Reservation) {
	if !s.counts(r) {
		return
	}
	in, inside, dated := s.place(r)
	if !dated {
		s.undated++
	}
	if !inside {
		return
	}
	if r.ListingName != "" {
		s.names[r.ListingID] = r.ListingName
	}
	nights := in.to - in.from
	if r.Status.IsOwnerStay() {
		s.ownerStays, s.ownerNights = s.ownerStays+1, s.ownerNights+nights
		s.listing(r, "").ownerNights += nights
		return
	}
	currency := r.Currency
	if currency == "" {
		currency = unknownCurrency
	}
	for _, t := range []*tally{s.currency(currency), s.listing(r, currency)} {
		if r.Status.IsCancelled() {
			t.addCancelled(s.keptOf(r), in, currency)
			continue
		}
		t.addStay(r.TotalPrice, nights, in, currency)
	}
	if !r.Status.IsCancelled() {
		s.currency(currency).addParts(s.partsOf(r), in, currency)
	}
}

func (s *sums) currency(currency string) *tally {
	if s.currencies[currency] == nil {
		s.currencies[currency] = &tally{parts: map[string]*partSum{}}
	}
	return s.currencies[currency]
}

func (s *sums) listing(r hostaway.Reservation, currency string) *tally {
	key := listingKey{r.ListingID, currency}
	if s.listings[key] == nil {
		s.listings[key] = &tally{}
	}
	return s.listings[key]
}

func (t *tally) addStay(amount *decimal.Decimal, nights int, in share, currency string) {
	t.bookings++
	t.nights += nights
	if amount == nil || currency == unknownCurrency {
		return
	}
	t.priced++
	t.pricedNights += nights
	t.revenue = t.revenue.Add(in.of(*amount, currency))
}

func (t *tally) addCancelled(kept *decimal.Decimal, in share, currency string) {
	t.cancellations++
	if kept == nil || currency == unknownCurrency {
		t.keptUnknown++
		return
	}
	t.kept = t.kept.Add(in.of(*kept, currency))
}

func (t *tally) addParts(parts map[string]decimal.Decimal, in share, currency string) {
	if currency == unknownCurrency {
		return
	}
	for name, amount := range parts {
		if t.parts[name] == nil {
			t.parts[name] = &partSum{}
		}
		t.parts[name].bookings++
		t.parts[name].amount = t.parts[name].amount.Add(in.of(amount, currency))
	}
}

// keptOf is the money kept from a cancelled reservation; nil when Hostaway does not say.
func (s *sums) keptOf(r hostaway.Reservation) *decimal.Decimal {
	for _, f := range s.fields[r.ID] {
		if f.Name == "cancellationPayout" && !isTrue(f.IsDeleted) && f.Total != nil {
			return f.Total
		}
	}
	return r.AirbnbListingCancellationPayout
}

// partsOf gives the known parts of a stay's money: from its finance fields where they were read, else from the reservation.
func (s *sums) partsOf(r hostaway.Reservation) map[string]decimal.Decimal {
	parts := map[string]decimal.Decimal{}
	if s.in.Detail {
		for _, f := range s.fields[r.ID] {
			if name := partOf(f); name != "" && f.Total != nil {
				parts[name] = parts[name].Add(*f.Total)
			}
		}
		return parts
	}
	for name, amount := range map[string]*decimal.Decimal{
		"taxes": r.TaxAmount, "cleaning_fees": r.CleaningFee, "channel_commission": r.ChannelCommissionAmount,
		"hostaway_commission": r.HostawayCommissionAmount, "airbnb_payout": r.AirbnbExpectedPayoutAmount,
	} {
		if amount != nil {
			parts[name] = *amount
		}
	}
	return parts
}

// partOf names the part that a finance field belongs to, or "". What is not in the guest total is no part of it; commissions and
// the payout never are.
func partOf(f hostaway.FinanceField) string {
	if isTrue(f.IsDeleted) {
		return ""
	}
	switch {
	case f.Name == "airbnbPayoutSum":
		return "airbnb_payout"
	case f.Type == hostaway.FinanceCommissions:
		return "commission"
	case f.IsIncludedInTotalPrice != nil && !*f.IsIncludedInTotalPrice:
		return ""
	}
	return map[hostaway.FinanceType]string{
		hostaway.FinanceAccommodation: "accommodation", hostaway.FinanceFee: "fees", hostaway.FinanceTax: "taxes",
		hostaway.FinanceDiscount: "discounts", hostaway.FinanceOther: "other",
	}[f.Type]
}

// listingKeys gives the rows by listing in order. Nights of owners have no currency: they stand in a listing's first row, and in
// one of their own only where it has no other.
func (s *sums) listingKeys() []listingKey {
	keys := slices.SortedFunc(maps.Keys(s.listings), listingKey.compare)
	out := keys[:0:0]
	for i, key := range keys {
		if key.currency == "" && i+1 < len(keys) && keys[i+1].listing == key.listing {
			s.listings[keys[i+1]].ownerNights += s.listings[key].ownerNights
			continue
		}
		out = append(out, key)
	}
	return out
}
