// GET /listings and /listings/{id}: filters, orders, what is included.
package hostawaytest

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
)

func listListings(x *exchange) reply {
	w := x.world
	rows := w.filterListings(x.query)
	if less := listingOrder(x.query.get("sortOrder")); less != nil {
		slices.SortStableFunc(rows, less)
	}
	p := paging(x.query, 100, 500)
	p.count = len(rows)
	from, to := p.cut(len(rows))
	out := make([]json.RawMessage, 0, to-from)
	for _, l := range rows[from:to] {
		out = append(out, l.row(x.query.truth("includeResources"), wantsURLs(x.query)))
	}
	return listed(out, p)
}

func wantsURLs(q query) bool { return slices.Contains(q.array("attachObjects"), "bookingEngineUrls") }

func getListing(x *exchange) reply {
	l := x.listing("id")
	if l == nil {
		return noSuch("Listing")
	}
	return ok(l.row(x.query.truth("includeResources"), wantsURLs(x.query)))
}

func getListingUnits(x *exchange) reply {
	l := x.listing("id")
	if l == nil {
		return noSuch("Listing")
	}
	return ok(l.unitRows())
}

// listingOrder gives nil for the default, ascending ids.
func listingOrder(name string) func(a, b *listing) int {
	orders := map[string]func(a, b *listing) int{
		"name":           func(a, b *listing) int { return cmp.Compare(strings.ToLower(a.name), strings.ToLower(b.name)) },
		"order":          func(a, b *listing) int { return cmp.Compare(a.id, b.id) },
		"contactName":    func(a, b *listing) int { return cmp.Compare(a.text("contactName"), b.text("contactName")) },
		"latestActivity": func(a, b *listing) int { return cmp.Compare(a.activity, b.activity) },
	}
	for _, suffix := range []string{"Reversed", "Desc"} {
		if base, falling := strings.CutSuffix(name, suffix); falling && orders[base] != nil && (suffix == "Desc") == (base == "latestActivity") {
			rising := orders[base]
			return func(a, b *listing) int { return rising(b, a) }
		}
	}
	return orders[name]
}

func (w *world) filterListings(q query) []*listing {
	tests := slices.Concat(listingTextTests(q), listingNumberTests(q), w.availabilityTests(q))
	out := make([]*listing, 0, len(w.listingOrder))
next:
	for _, l := range w.listingOrder {
		for _, keep := range tests {
			if !keep(l) {
				continue next
			}
		}
		out = append(out, l)
	}
	return out
}

func listingTextTests(q query) []func(*listing) bool {
	var tests []func(*listing) bool
	for _, field := range []string{"city", "country", "contactName"} {
		if want := q.get(field); want != "" {
			tests = append(tests, func(l *listing) bool {
				return strings.EqualFold(l.text(field), want) || (field == "country" && strings.EqualFold(l.text("countryCode"), want))
			})
		}
	}
	if want := strings.ToLower(q.get("match")); want != "" {
		tests = append(tests, func(l *listing) bool {
			return strings.Contains(strings.ToLower(l.name), want) || strings.Contains(strings.ToLower(l.text("internalListingName")), want)
		})
	}
	if slices.Contains(q.array("specialStatus"), "active") {
		tests = append(tests, func(l *listing) bool { return !l.archived })
	}
	return tests
}

func listingNumberTests(q query) []func(*listing) bool {
	var tests []func(*listing) bool
	if want, given := q.number("propertyTypeId"); given {
		tests = append(tests, func(l *listing) bool { return int64(l.number("propertyTypeId")) == want })
	}
	if want := q.get("isBookingEngineActive"); want != "" {
		tests = append(tests, func(l *listing) bool { return l.bookable == truth(want) })
	}
	if want, given := q.number("availabilityGuestNumber"); given {
		tests = append(tests, func(l *listing) bool { return int64(l.number("personCapacity")) >= want })
	}
	if d, given := q.day("latestActivityStart"); given {
		tests = append(tests, func(l *listing) bool { return l.activity.day() >= d })
	}
	if d, given := q.day("latestActivityEnd"); given {
		tests = append(tests, func(l *listing) bool { return l.activity.day() <= d })
	}
	return tests
}

// availabilityTests keeps listings that are free on every night of the window; one bound alone says nothing.
func (w *world) availabilityTests(q query) []func(*listing) bool {
	from, start := q.day("availabilityDateStart")
	to, end := q.day("availabilityDateEnd")
	if !start || !end {
		return nil
	}
	w.fill()
	return []func(*listing) bool{func(l *listing) bool { return w.free(l, from, to, 0) }}
}
