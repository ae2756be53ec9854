// The oracle of the financial summary: the same sums, made in another way and from the truth of the world.

package mcp

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"hostaway-mcp/hostaway/hostawaytest"
)

// oracle adds up by itself, in whole cents and night by night, from the truth of the world.
type oracle struct {
	from, to string
	basis    string
	only     map[int64]bool
}

type oracleSum struct {
	cents, kept                                                 int64
	bookings, nights, priced, pricedNights, cancelled, keptOpen int
	ownerNights                                                 int
}

func dayNumber(date string) int {
	at, err := time.Parse("2006-01-02", date)
	if err != nil {
		panic(err)
	}
	return int(at.Unix() / 86400)
}

func centsOf(text string) int64 {
	n, err := strconv.ParseInt(strings.Replace(text, ".", "", 1), 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

// part gives how many nights of a stay belong to the period, and the money on them.
func (o oracle) part(f hostawaytest.Fact, cents int64) (inside bool, nights int, money int64) {
	within := func(date string) bool { return date >= o.from && date < o.to }
	switch o.basis {
	case "departure":
		return within(f.Departure), f.Nights, cents
	case "booked":
		return within(f.Booked.UTC().Format("2006-01-02")), f.Nights, cents
	case "arrival":
		return within(f.Arrival), f.Nights, cents
	}
	if f.Nights == 0 {
		return within(f.Arrival), 0, cents
	}
	for i := range f.Nights {
		if night := dayNumber(f.Arrival) + i; night < dayNumber(o.from) || night >= dayNumber(o.to) {
			continue
		}
		nights++
		money += cents / int64(f.Nights)
		if int64(i) < cents%int64(f.Nights) {
			money++
		}
	}
	return nights > 0, nights, money
}

func (o oracle) sums(facts []hostawaytest.Fact) (byCurrency map[string]*oracleSum, byListing map[string]*oracleSum, ownerStays int) {
	byCurrency, byListing = map[string]*oracleSum{}, map[string]*oracleSum{}
	at := func(m map[string]*oracleSum, key string) *oracleSum {
		if m[key] == nil {
			m[key] = &oracleSum{}
		}
		return m[key]
	}
	for _, f := range facts {
		if o.only != nil && !o.only[f.ListingID] {
			continue
		}
		listing := fmt.Sprint(f.ListingID)
		switch f.Status {
		case "ownerStay":
			if inside, nights, _ := o.part(f, 0); inside {
				ownerStays++
				at(byListing, listing).ownerNights += nights
				at(byCurrency, "owner").ownerNights += nights
			}
		case "cancelled":
			kept := int64(0)
			if f.ChannelID == 2018 && f.Kept != "" { // the list of reservations names it for Airbnb alone, and only if there is some
				kept = centsOf(f.Kept)
			}
			inside, _, money := o.part(f, kept)
			for _, s := range []*oracleSum{at(byCurrency, f.Currency), at(byListing, listing)} {
				if inside {
					s.cancelled++
					s.kept += money
					if kept == 0 {
						s.keptOpen++
					}
				}
			}
		case "new", "modified":
			total := int64(0)
			if f.Total != "" {
				total = centsOf(f.Total)
			}
			inside, nights, money := o.part(f, total)
			for _, s := range []*oracleSum{at(byCurrency, f.Currency), at(byListing, listing)} {
				if inside {
					s.bookings++
					s.nights += nights
					s.cents += money
					if f.Total != "" {
						s.priced++
						s.pricedNights += nights
					}
				}
			}
		}
	}
	none := func(_ string, s *oracleSum) bool { return *s == oracleSum{} }
	maps.DeleteFunc(byCurrency, none)
	maps.DeleteFunc(byListing, none)
	return byCurrency, byListing, ownerStays
}

func euros(cents int64) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }

func (s oracleSum) rate() string {
	if s.pricedNights == 0 {
		return ""
	}
	n := int64(s.pricedNights)
	return euros((2*s.cents + n) / (2 * n)) // half up
}
