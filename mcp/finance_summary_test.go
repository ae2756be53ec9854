package mcp

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/hostaway/hostawaytest"
)

func TestTheSummaryAgreesWithTheWorld(t *testing.T) {
	t.Parallel()
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(uint64(seed), 1))
	f := newToolFrame(t, func(a *hostawaytest.Account) { a.Seed = seed })
	facts, listings := f.account.Facts(), f.account.ListingIDs()
	for i := range 16 {
		from := day(t, "2025-06-01").Add(dice.IntN(500))
		o := oracle{from: from.String(), to: from.Add(1 + dice.IntN(120)).String(), basis: []string{"arrival", "departure", "booked", "nights"}[i%4]}
		a := args{"from": o.from, "to": o.to, "date_basis": o.basis}
		if i >= 8 {
			chosen := slices.Clone(listings)
			dice.Shuffle(len(chosen), func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] })
			chosen = chosen[:1+dice.IntN(8)]
			o.only = map[int64]bool{}
			for _, id := range chosen {
				o.only[id] = true
			}
			a["listing_ids"] = chosen
		}
		compareSummary(t, fmt.Sprintf("seed %d, question %d: %v", seed, i, a), f, a, o, facts)
	}
}

func compareSummary(t *testing.T, name string, f *toolFrame, a args, o oracle, facts []hostawaytest.Fact) {
	t.Helper()
	currencies, listings, ownerStays := o.sums(facts)
	pages := walkPages(f, getFinancialSummaryTool, a, func(p getFinancialSummaryOut) string { return p.NextCursor })
	got := pages[0]
	owner := 0
	if sum := currencies["owner"]; sum != nil {
		owner = sum.ownerNights
		delete(currencies, "owner")
	}
	if got.OwnerStays != ownerStays || got.OwnerNight != owner || got.FirstDay.String() != o.from || got.LastDay.Add(1).String() != o.to {
		t.Errorf("%s: owner stays %d with %d nights, want %d with %d", name, got.OwnerStays, got.OwnerNight, ownerStays, owner)
	}
	var want []currencySummary
	for _, currency := range sortedKeys(currencies) {
		s := currencies[currency]
		revenue, kept := euros(s.cents), euros(s.kept)
		if s.priced == 0 && s.bookings > 0 {
			revenue = "" // unknown, not zero
		}
		if s.keptOpen > 0 && s.keptOpen == s.cancelled {
			kept = ""
		}
		want = append(want, currencySummary{
			Currency: currency, Revenue: revenue, Nights: s.nights, Bookings: s.bookings, AverageRate: s.rate(),
			WithoutAmount: s.bookings - s.priced, Kept: kept, Cancellations: s.cancelled, KeptUnknown: s.keptOpen,
		})
	}
	have := slices.Clone(got.Currencies)
	for i := range have {
		have[i].Parts = nil
	}
	if len(want) == 0 {
		want = []currencySummary{}
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
	rows := map[string]string{}
	for _, page := range pages {
		for _, l := range page.Listings {
			rows[fmt.Sprint(l.ListingID)] = fmt.Sprint(l.Revenue, l.Nights, l.Bookings, l.AverageRate, l.Kept, l.WithoutAmount, l.OwnerNights)
		}
	}
	for id, s := range listings {
		revenue, kept := "", ""
		if s.priced > 0 {
			revenue = euros(s.cents)
		}
		if s.kept > 0 {
			kept = euros(s.kept)
		}
		if line := fmt.Sprint(revenue, s.nights, s.bookings, s.rate(), kept, s.bookings-s.priced, s.ownerNights); rows[id] != line {
			t.Errorf("%s: listing %s has %q, want %q", name, id, rows[id], line)
		}
	}
	if len(rows) != len(listings) || got.Rows != len(rows) {
		t.Errorf("%s: %d listings and total %d, want %d", name, len(rows), got.Rows, len(listings))
	}
}

func TestAPeriodCutIntoPiecesAddsUp(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	ask := func(from, to string) (sum map[string]int64) {
		var out getFinancialSummaryOut
		f.ask(getFinancialSummaryTool, args{"from": from, "to": to, "date_basis": "nights"}, &out)
		sum = map[string]int64{}
		for _, c := range out.Currencies {
			sum[c.Currency] = centsOf(c.Revenue)
			for _, part := range c.Parts {
				sum[c.Currency+" "+part.Name] = centsOf(part.Amount)
			}
		}
		return sum
	}
	whole, pieces := ask("2026-02-01", "2026-02-25"), map[string]int64{}
	for i := range 24 {
		from := day(t, "2026-02-01").Add(i)
		for key, cents := range ask(from.String(), from.Add(1).String()) {
			pieces[key] += cents
		}
	}
	if diff := cmp.Diff(whole, pieces); diff != "" || len(whole) < 4 {
		t.Errorf("the days don't add up to the period (-period +days):\n%s", diff)
	}
}

func TestFinanceFieldsAreThePartsOfTheTotal(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	listing := f.account.Landmarks().TurnoverListing
	a := args{"from": "2026-02-01", "to": "2026-04-01", "listing_ids": []int64{listing}, "detail": true}
	var got getFinancialSummaryOut
	f.ask(getFinancialSummaryTool, a, &got)
	if got.PartsFrom != "finance_fields" || len(got.Currencies) != 1 {
		t.Fatalf("got %+v", got)
	}
	sum, seen := int64(0), map[string]bool{}
	for _, part := range got.Currencies[0].Parts {
		seen[part.Name] = true
		if slices.Contains([]string{"accommodation", "fees", "taxes", "discounts"}, part.Name) {
			sum += signedCents(part.Amount)
		}
	}
	if euros(sum) != got.Currencies[0].Revenue || !seen["commission"] || !seen["airbnb_payout"] {
		t.Errorf("the parts add up to %s, revenue is %s, parts %v", euros(sum), got.Currencies[0].Revenue, seen)
	}
	wantWords(t, f.refused(getFinancialSummaryTool, args{"from": "2026-01-01", "to": "2026-06-01", "detail": true}), "at most 40", "shorter period")
}

func signedCents(text string) int64 {
	if rest, negative := strings.CutPrefix(text, "-"); negative {
		return -centsOf(rest)
	}
	return centsOf(text)
}

func TestKeptMoneyFromFinanceFields(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	fact := f.facts()[f.account.Landmarks().CancelledKept]
	a := args{"from": fact.Arrival, "to": day(t, fact.Arrival).Add(1).String(), "listing_ids": []int64{fact.ListingID}, "detail": true}
	var got getFinancialSummaryOut
	f.ask(getFinancialSummaryTool, a, &got)
	if len(got.Currencies) != 1 || got.Currencies[0].Kept != fact.Kept || got.Currencies[0].Cancellations != 1 {
		t.Errorf("got %+v, want %s kept", got.Currencies, fact.Kept)
	}
}

func TestUnknownMoneyIsCountedNotInvented(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	f.sim.Fail(hostawaytest.Fault{Path: "/reservations", Kind: hostawaytest.Answer, Text: `{"status":"success","count":7,"limit":200,"result":[
		{"id":1,"listingMapId":5,"listingName":"Casa","status":"new","arrivalDate":"2026-03-01","departureDate":"2026-03-04","totalPrice":"300.10","currency":"EUR"},
		{"id":2,"listingMapId":5,"status":"new","arrivalDate":"2026-03-05","departureDate":"2026-03-06","totalPrice":null,"currency":"EUR"},
		{"id":3,"listingMapId":5,"status":"new","arrivalDate":"2026-03-07","departureDate":"2026-03-09","totalPrice":50,"currency":null},
		{"id":4,"listingMapId":5,"status":"modified","arrivalDate":"2026-03-07","departureDate":"2026-03-09","totalPrice":70000,"currency":"JPY"},
		{"id":5,"listingMapId":5,"status":"cancelled","arrivalDate":"2026-03-07","departureDate":"2026-03-09","currency":"EUR"},
		{"id":6,"listingMapId":5,"status":"ownerStay","arrivalDate":"2026-03-10","departureDate":"2026-03-12","currency":"EUR","totalPrice":9},
		{"id":7,"listingMapId":6,"status":"ownerStay","arrivalDate":"2026-03-10","departureDate":"2026-03-12"},
		{"id":8,"listingMapId":5,"status":"new","departureDate":"2026-03-12"},
		{"id":9,"listingMapId":5,"status":"brandNew","arrivalDate":"2026-03-10","departureDate":"2026-03-12","totalPrice":9}]}`})
	raw := f.raw(getFinancialSummaryTool, args{"from": "2026-03-01", "to": "2026-04-01"})
	want := `{"first_day":"2026-03-01","last_day":"2026-03-31","date_basis":"arrival","parts_from":"reservations","currencies":[` +
		`{"currency":"EUR","revenue":"300.10","nights":4,"bookings":2,"average_nightly_rate":"100.03","without_amount":1,"cancellations":1,"cancellations_without_amount":1},` +
		`{"currency":"JPY","revenue":"70000","nights":2,"bookings":1,"average_nightly_rate":"35000","kept_from_cancellations":"0","cancellations":0},` +
		`{"currency":"unknown","nights":2,"bookings":1,"without_amount":1,"kept_from_cancellations":"0.00","cancellations":0}],` +
		`"owner_stays":2,"owner_nights":4,"without_date":1,"listings":[` +
		`{"listing_id":5,"listing":"Casa","currency":"EUR","revenue":"300.10","nights":4,"bookings":2,"average_nightly_rate":"100.03","without_amount":1,"owner_nights":2},` +
		`{"listing_id":5,"listing":"Casa","currency":"JPY","revenue":"70000","nights":2,"bookings":1,"average_nightly_rate":"35000"},` +
		`{"listing_id":5,"listing":"Casa","currency":"unknown","nights":2,"bookings":1,"without_amount":1},` +
		`{"listing_id":6,"nights":0,"bookings":0,"owner_nights":2}],"total_listing_rows":4}`
	if got := string(raw.Result.Structured); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAllPagesOfASummaryBelongTogether(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, func(a *hostawaytest.Account) { a.Size = 90 })
	o := oracle{from: "2026-05-01", to: "2026-06-01", basis: "arrival"}
	a := args{"from": o.from, "to": o.to}
	compareSummary(t, "90 listings", f, a, o, f.account.Facts())
	pages := walkPages(f, getFinancialSummaryTool, a, func(p getFinancialSummaryOut) string { return p.NextCursor })
	var last int64
	for _, page := range pages {
		for _, l := range page.Listings {
			if l.ListingID <= last {
				t.Errorf("listing %d comes after %d", l.ListingID, last)
			}
			last = l.ListingID
		}
	}
	if len(pages) < 2 {
		t.Error("90 listings fit one page: the test proves nothing")
	}
}

func TestSumsAreCompleteOrRefused(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	rows := func(first, n int) string {
		var out []string
		for i := range n {
			out = append(out, fmt.Sprintf(`{"id":%d,"listingMapId":5,"status":"new","arrivalDate":"2026-03-01","departureDate":"2026-03-02","totalPrice":1,"currency":"EUR"}`, first+i))
		}
		return strings.Join(out, ",")
	}
	window := args{"from": "2026-03-01", "to": "2026-04-01"}
	// A count far beyond what one call may read is refused after one page.
	f.sim.Fail(hostawaytest.Fault{Path: "/reservations", Kind: hostawaytest.Answer, Text: `{"status":"success","count":50000,"limit":200,"result":[` + rows(1, 200) + `]}`})
	wantWords(t, f.refused(getFinancialSummaryTool, window), "50000 reservations", "shorter period", "listing_ids")
	if calls := f.sim.CountCalls("GET", "/reservations"); calls != 1 {
		t.Errorf("%d calls were made, want 1", calls)
	}
	// A list that never agrees with its count, and is different each time, is refused.
	for i := range walksPerSum { // each walk asks for the next page too, which brings nothing new
		f.sim.Fail(hostawaytest.Fault{Path: "/reservations", Times: 2, Kind: hostawaytest.Answer, Text: `{"status":"success","count":9,"limit":200,"result":[` + rows(i+1, 3) + `]}`})
	}
	wantWords(t, f.refused(getFinancialSummaryTool, window), "changed while")
	// One that is the same each time is believed.
	f.sim.Fail(hostawaytest.Fault{Path: "/reservations", Times: 4, Kind: hostawaytest.Answer, Text: `{"status":"success","count":9,"limit":200,"result":[` + rows(1, 3) + `]}`})
	var out getFinancialSummaryOut
	f.ask(getFinancialSummaryTool, window, &out)
	if out.Currencies[0].Revenue != "3.00" {
		t.Errorf("revenue %s, want 3.00", out.Currencies[0].Revenue)
	}
}

// Reservations that change while a sum is being made move to the front of Hostaway's list; none may be lost or counted twice.
func TestSumsWhileReservationsMove(t *testing.T) {
	t.Parallel()
	for _, basis := range []string{"arrival", "booked"} {
		f := newToolFrame(t, func(a *hostawaytest.Account) { a.Size = 14 })
		o := oracle{from: "2026-01-01", to: "2026-05-01", basis: basis}
		facts := f.account.Facts()
		moving := map[int]bool{}
		disturb := func(done, _ int, _ string) {
			if done > 2 || moving[done] {
				return
			}
			moving[done] = true
			for i := range 40 { // some were read already, some not
				f.account.TouchReservation(facts[(i*len(facts)/40+done*11)%len(facts)].ID, testNow().Add(time.Duration(i)*time.Second))
			}
		}
		in := getFinancialSummaryIn{From: day(t, o.from), To: day(t, o.to), DateBasis: basis}
		rows, err := readPeriod(t.Context(), Caller{Hostaway: f.client, Progress: disturb}, in)
		if err != nil {
			t.Fatalf("%s: %v", basis, err)
		}
		s := newSums(in)
		for _, r := range rows {
			s.add(r)
		}
		want, _, _ := o.sums(facts)
		for _, currency := range sortedKeys(s.currencies) {
			if got := moneyText(s.currencies[currency].revenue, currency); got != euros(want[currency].cents) {
				t.Errorf("%s: %s %s, want %s", basis, got, currency, euros(want[currency].cents))
			}
		}
	}
}

func TestABookedSumStopsWhereItsPeriodEnds(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, func(a *hostawaytest.Account) { a.Size = 40 })
	var out getFinancialSummaryOut
	f.ask(getFinancialSummaryTool, args{"from": "2026-05-25", "to": "2026-05-31", "date_basis": "booked"}, &out)
	all := (len(f.facts()) + sumPageSize - 1) / sumPageSize
	if calls := f.sim.CountCalls("GET", "/reservations"); calls >= all {
		t.Errorf("%d pages were read of %d", calls, all)
	}
}

func TestPeriodsAreChecked(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	for _, tool := range []string{getFinancialSummaryTool, getFinancialReportsTool} {
		a := args{}
		if tool == getFinancialReportsTool {
			a["report"] = "consolidated"
		}
		wantWords(t, f.refused(tool, a.with("from", "2026-03-01").with("to", "2026-03-01")), "next day as to")
		wantWords(t, f.refused(tool, a.with("from", "2020-03-01").with("to", "2026-03-01")), "at most 731 days")
		wantWords(t, f.refused(tool, a.with("from", "").with("to", "2026-03-01")), "missing")
	}
}

func TestABookedSumSurvivesAnotherOrder(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	row := func(id int, updated, booked string) string {
		return fmt.Sprintf(`{"id":%d,"listingMapId":5,"status":"new","arrivalDate":"2026-03-01","departureDate":"2026-03-02","totalPrice":1,"currency":"EUR","updatedOn":%s,"reservationDate":"%s 10:00:00"}`, id, updated, booked)
	}
	// Not the order that the early end relies on: an old row, then newer ones, one that does not say.
	rows := strings.Join([]string{row(1, "null", "2026-02-03"), row(2, `"2026-01-01 10:00:00"`, "2026-01-01"), row(3, `"2026-03-01 10:00:00"`, "2026-02-28"), row(4, "null", "2026-03-01")}, ",")
	f.sim.Fail(hostawaytest.Fault{Path: "/reservations", Kind: hostawaytest.Answer, Text: `{"status":"success","count":4,"limit":200,"result":[` + rows + `]}`})
	var out getFinancialSummaryOut
	f.ask(getFinancialSummaryTool, args{"from": "2026-02-01", "to": "2026-03-01", "date_basis": "booked"}, &out)
	if out.Currencies[0].Revenue != "2.00" {
		t.Errorf("revenue %s, want 2.00", out.Currencies[0].Revenue)
	}
	// The whole past, so that the walk reaches the end of the list without ever ending early.
	o := oracle{from: "2025-01-01", to: "2026-06-30", basis: "booked"}
	compareSummary(t, "the whole past", f, args{"from": o.from, "to": o.to, "date_basis": o.basis}, o, f.account.Facts())
}

func TestAListWithoutACountIsReadToItsEndOrRefused(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	pages := func(n int) {
		for i := range n {
			f.sim.Fail(hostawaytest.Fault{Path: "/reservations", Kind: hostawaytest.Answer, Text: fmt.Sprintf(
				`{"status":"success","limit":1,"result":[{"id":%d,"listingMapId":5,"status":"new","arrivalDate":"2026-03-01","departureDate":"2026-03-02","totalPrice":1,"currency":"EUR"}]}`, i+1)})
		}
	}
	window := args{"from": "2026-03-01", "to": "2026-04-01"}
	pages(20)
	f.sim.Fail(hostawaytest.Fault{Path: "/reservations", Kind: hostawaytest.Answer, Text: `{"status":"success","limit":1,"result":[]}`})
	var out getFinancialSummaryOut
	f.ask(getFinancialSummaryTool, window, &out)
	if out.Currencies[0].Revenue != "20.00" {
		t.Errorf("revenue %s, want 20.00", out.Currencies[0].Revenue)
	}
	pages(sumPages + 1)
	wantWords(t, f.refused(getFinancialSummaryTool, window), "60 pages", "shorter period")
}
