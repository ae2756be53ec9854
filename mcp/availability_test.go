package mcp

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/hostaway/hostawaytest"
)

// emptyListing makes a listing without stays and gives its id.
func emptyListing(f *toolFrame) int64 {
	f.t.Helper()
	f.account.Facts() // the world is filled now: what is made later has no stays
	name, price, zone, currency, capacity, longest := "Empty", decimal.NewFromInt(100), "Europe/Lisbon", "EUR", int64(4), int64(400)
	l, err := f.client.CreateListing(f.t.Context(), hostaway.ListingChange{
		Name: &name, Price: &price, TimeZoneName: &zone, CurrencyCode: &currency, PersonCapacity: &capacity, MaxNights: &longest,
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return l.ID
}

// calendarOf answers the next calendar read with these days, each a JSON object without its date.
func calendarOf(f *toolFrame, from string, days ...string) {
	rows, date := make([]string, len(days)), day(f.t, from)
	for i, d := range days {
		rows[i] = fmt.Sprintf(`{"date":%q%s}`, date.Add(i), d)
	}
	f.sim.Fail(hostawaytest.Fault{Path: "/listings/*/calendar", Kind: hostawaytest.Answer, Text: `{"status":"success","result":[` + strings.Join(rows, ",") + `]}`})
}

func TestCheckOneListing(t *testing.T) {
	t.Parallel()
	const free = `,"isAvailable":1,"status":"available","price":100.10,"minimumStay":2,"maximumStay":90`
	for _, c := range []struct {
		name     string
		days     []string
		args     args
		bookable string // yes, no, open
		problems []string
		total    string
		periods  []string
	}{
		{"free", []string{free, free, free, free}, nil, "yes", nil, "300.30", []string{"08-01 08-04 true"}},
		{"one night taken", []string{free, `,"isAvailable":0,"status":"reserved","price":120,"minimumStay":2,"maximumStay":90`, free, free}, nil, "no", []string{"1 of 3 nights not free (reserved)"}, "320.20", []string{"08-01 08-02 true", "08-02 08-03 false reserved", "08-03 08-04 true"}},
		{"all blocked", slices.Repeat([]string{`,"isAvailable":0,"status":"blocked"`}, 4), nil, "no", []string{"3 of 3 nights not free (blocked)"}, "", []string{"08-01 08-04 false blocked"}},
		{"too short", []string{strings.Replace(free, `"minimumStay":2`, `"minimumStay":5`, 1), free, free, free}, nil, "no", []string{"the least stay is 5 nights"}, "300.30", []string{"08-01 08-02 true", "08-02 08-04 true"}},
		{"too long", []string{strings.Replace(free, `"maximumStay":90`, `"maximumStay":2`, 1), free, free, free}, nil, "no", []string{"the longest stay is 2 nights"}, "300.30", []string{"08-01 08-02 true", "08-02 08-04 true"}},
		{"no arrivals", []string{free + `,"closedOnArrival":1`, free, free, free}, nil, "no", []string{"no arrivals on 2026-08-01"}, "300.30", []string{"08-01 08-02 true", "08-02 08-04 true"}},
		{"no departures", []string{free, free, free, free + `,"closedOnDeparture":true`}, nil, "no", []string{"no departures on 2026-08-04"}, "300.30", []string{"08-01 08-04 true"}},
		{"too many guests", []string{free, free, free, free}, args{"guests": 5}, "no", []string{"room for 4 guests only"}, "300.30", []string{"08-01 08-04 true"}},
		{"a night missing", []string{free, free}, nil, "open", []string{"Hostaway's calendar says nothing about 1 of 3 nights"}, "", []string{"08-01 08-03 true", "08-03 08-04 unknown"}},
		{"a price missing", []string{free, `,"isAvailable":1,"status":"available","minimumStay":2,"maximumStay":90`, free, free}, nil, "yes", nil, "", []string{"08-01 08-02 true", "08-02 08-03 true", "08-03 08-04 true"}},
		{"not for sale", slices.Repeat([]string{`,"isAvailable":0`}, 4), nil, "no", []string{"3 of 3 nights not free (not for sale)"}, "", []string{"08-01 08-04 false not for sale"}},
		{"units", slices.Repeat([]string{free + `,"desiredUnitsToSell":3,"availableUnitsToSell":0`}, 4), nil, "no", []string{"3 of 3 nights not free (not for sale)"}, "300.30", []string{"08-01 08-04 false not for sale"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newToolFrame(t, nil)
			calendarOf(f, "2026-08-01", c.days...)
			a := args{"listing_id": emptyListing(f), "arrival": "2026-08-01", "departure": "2026-08-04"}
			for k, v := range c.args {
				a[k] = v
			}
			var got checkAvailabilityOut
			f.ask(checkAvailabilityTool, a, &got)
			bookable := "open"
			if got.Bookable != nil {
				bookable = map[bool]string{true: "yes", false: "no"}[*got.Bookable]
			}
			var periods []string
			for _, p := range got.Periods {
				text := p.From.String()[5:] + " " + p.To.String()[5:]
				if p.Free != nil {
					text += fmt.Sprint(" ", *p.Free)
				}
				periods = append(periods, strings.TrimSpace(text+" "+p.Reason))
			}
			if bookable != c.bookable || got.NightlyTotal != c.total || got.Nights != 3 || got.Currency != "EUR" {
				t.Errorf("bookable %s, total %q, %d nights, %s", bookable, got.NightlyTotal, got.Nights, got.Currency)
			}
			if diff := cmp.Diff(c.problems, got.Problems); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.periods, periods); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCheckArchivedAndPast(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	id := emptyListing(f)
	var past checkAvailabilityOut
	f.ask(checkAvailabilityTool, args{"listing_id": id, "arrival": "2026-05-30", "departure": "2026-06-02"}, &past)
	wantWords(t, strings.Join(past.Problems, ";"), "in the past")
	f.account.SetListing(id, "timeZoneName", "Nowhere/Land")
	var yesterday checkAvailabilityOut
	f.ask(checkAvailabilityTool, args{"listing_id": id, "arrival": "2026-05-31", "departure": "2026-06-02"}, &yesterday)
	if yesterday.Bookable == nil || !*yesterday.Bookable {
		t.Errorf("an arrival today is refused: %v", yesterday.Problems)
	}
	f.account.ArchiveListing(id)
	var archived checkAvailabilityOut
	f.ask(checkAvailabilityTool, args{"listing_id": id, "arrival": "2026-08-01", "departure": "2026-08-03"}, &archived)
	wantWords(t, strings.Join(archived.Problems, ";"), "archived")
}

// Day by day, the tool's yes must agree with the world's.
func TestFreeListingsAgreeWithTheirCalendars(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	for _, window := range [][2]string{{"2026-06-02", "2026-06-04"}, {"2026-06-10", "2026-06-17"}, {"2026-07-01", "2026-07-02"}} {
		stay := args{"arrival": window[0], "departure": window[1], "guests": 3}
		var free checkAvailabilityOut
		f.ask(checkAvailabilityTool, stay, &free)
		found := map[int64]bool{}
		for _, l := range free.Listings {
			found[l.ID] = true
		}
		if free.Total == nil || *free.Total != len(free.Listings) {
			t.Errorf("total %v of %d", free.Total, len(free.Listings))
		}
		for _, id := range f.account.ListingIDs() {
			if id == f.account.Landmarks().ArchivedListing {
				continue
			}
			var one checkAvailabilityOut
			f.ask(checkAvailabilityTool, stay.with("listing_id", id), &one)
			open := !slices.ContainsFunc(one.Problems, func(p string) bool { return strings.Contains(p, "not free") || strings.Contains(p, "room for") })
			if open != found[id] {
				t.Errorf("%v: listing %d is found %v, but its calendar says %v", window, id, found[id], one.Problems)
			}
		}
	}
}

func TestALongCalendarIsPaged(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	var days []string
	for i := range 367 {
		days = append(days, fmt.Sprintf(`,"isAvailable":1,"price":%d,"minimumStay":%d`, 100+i, 1+i%3))
	}
	for range 20 {
		calendarOf(f, "2026-08-01", days...)
	}
	a := args{"listing_id": emptyListing(f), "arrival": "2026-08-01", "departure": "2027-08-02"}
	next := day(t, "2026-08-01")
	pages := walkPages(f, checkAvailabilityTool, a, func(p checkAvailabilityOut) string { return p.NextCursor })
	for _, page := range pages {
		if *page.Total != 366 {
			t.Errorf("total %d, want 366", *page.Total)
		}
		for _, p := range page.Periods {
			if p.From != next || p.Price != fmt.Sprintf("%d.00", 100+next.Sub(day(t, "2026-08-01"))) {
				t.Fatalf("period %+v, want it to begin on %s", p, next)
			}
			next = p.To
		}
	}
	if next != day(t, "2027-08-02") || len(pages) < 2 {
		t.Errorf("%d pages up to %s", len(pages), next)
	}
}

func TestFreeListingsArePaged(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, func(a *hostawaytest.Account) { a.Size = 150 })
	stay := args{"arrival": "2026-09-01", "departure": "2026-09-03"}
	met := map[int64]bool{}
	pages := walkPages(f, checkAvailabilityTool, stay, func(p checkAvailabilityOut) string { return p.NextCursor })
	for _, page := range pages {
		for _, l := range page.Listings {
			if met[l.ID] {
				t.Errorf("listing %d twice", l.ID)
			}
			met[l.ID] = true
		}
	}
	if len(pages) < 2 || len(met) != *pages[0].Total {
		t.Errorf("%d listings on %d pages, want %d", len(met), len(pages), *pages[0].Total)
	}
}

func TestImpossibleStaysAreRefused(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	for _, c := range []struct {
		args args
		word string
	}{
		{args{"arrival": "2026-08-03", "departure": "2026-08-03"}, "not after the arrival"},
		{args{"arrival": "", "departure": "2026-08-03"}, "missing"},
		{args{"arrival": "2026-08-03", "departure": "2028-08-03"}, "shorter period"},
		{args{"arrival": "2026-02-30", "departure": "2028-08-03"}, "date like"},
		{args{"departure": "2028-08-03"}, "arrival is missing"},
	} {
		wantWords(t, f.refused(checkAvailabilityTool, c.args), c.word)
	}
}
