package hostawaytest

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
)

// report posts a multipart form of "name=value" pairs.
func (k *kit) report(kind string, pairs []string) answer {
	k.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		if err := form.WriteField(name, value); err != nil {
			k.t.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		k.t.Fatal(err)
	}
	return k.send("POST", "/finance/report/"+kind, &body, form.FormDataContentType(), k.token)
}

func sheet(t *testing.T, text string, comma rune) [][]string {
	t.Helper()
	r := csv.NewReader(strings.NewReader(text))
	r.Comma = comma
	lines, err := r.ReadAll()
	if err != nil {
		t.Fatalf("not a sheet: %v in %.300s", err, text)
	}
	return lines
}

var march = []string{"fromDate=2026-03-01", "toDate=2026-03-31", "dateType=arrivalDate"}

// marchTotal adds the totals of the stays that arrive in March, in one currency.
func marchTotal(t *testing.T, k *kit, keep func(Fact) bool) (sum decimal.Decimal, n int) {
	t.Helper()
	for _, f := range k.account.Facts() {
		if f.Arrival >= "2026-03-01" && f.Arrival <= "2026-03-31" && f.Total != "" && keep(f) {
			sum, n = sum.Add(amount(t, f.Total)), n+1
		}
	}
	return sum, n
}

func TestStandardReport(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	a := k.report("standard", append(march, "statuses[0]=new", "statuses[1]=modified", "listingMapIds[0]=40101", "listingMapIds[]=40104"))
	if a.code != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), "text/csv") {
		t.Fatalf("%d %v", a.code, a.header)
	}
	lines := sheet(t, a.body, ',')
	if got := strings.Join(lines[0], ","); got != "Reservation ID,Channel,Status,Arrival,Departure,Listing,Owner,Description,Amount" {
		t.Errorf("heading %s", got)
	}
	included := map[string]bool{}
	for _, spec := range lineSpecs {
		included[spec.standard] = spec.included
	}
	sum, stays := decimal.Zero, map[string]bool{}
	for _, line := range lines[1:] {
		stays[line[0]] = true
		if !strings.HasPrefix(line[5], "(40101) ") && !strings.HasPrefix(line[5], "(40104) ") {
			t.Fatalf("listing %s", line[5])
		}
		if included[line[7]] {
			sum = sum.Add(amount(t, line[8]))
		}
	}
	want, n := marchTotal(t, k, func(f Fact) bool {
		return (f.Status == "new" || f.Status == "modified") && (f.ListingID == 40101 || f.ListingID == 40104)
	})
	if !sum.Equal(want) || len(stays) != n || n == 0 {
		t.Errorf("%v over %d stays, want %v over %d", sum, len(stays), want, n)
	}
	tabbed := k.report("standard", append(march, "delimiter=tab", "format=csv", "channelIds[]=2018"))
	for _, line := range sheet(t, tabbed.body, '\t')[1:] {
		if line[1] != "airbnbOfficial" {
			t.Fatalf("channel %s", line[1])
		}
	}
}

func TestCalculatedReport(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	lines := sheet(t, k.report("calculated", append(march, "format=csv", "sortBy=Guest", "sortOrder=desc")).body, ',')
	if len(lines[0]) != 13 || lines[0][10] != "Formula" {
		t.Errorf("heading %v", lines[0])
	}
	for i := 2; i < len(lines); i++ {
		if lines[i-1][1] < lines[i][1] {
			t.Fatalf("not sorted by guest: %s before %s", lines[i-1][1], lines[i][1])
		}
	}
	for name, c := range map[string]struct {
		kind  string
		pairs []string
		code  int
	}{
		"no format":     {"calculated", nil, 400},
		"json":          {"calculated", []string{"format=json"}, 400},
		"standard json": {"standard", []string{"format=json"}, 400},
		"none":          {"consolidated", nil, 400},
		"odd":           {"listingFinancials", []string{"format=xml"}, 400},
		"unknown":       {"profit", []string{"format=csv"}, 404},
	} {
		t.Run(name, func(t *testing.T) {
			if a := k.report(c.kind, c.pairs); a.code != c.code || a.Status != "fail" {
				t.Errorf("%d %s", a.code, a.body)
			}
		})
	}
}

type reportJSON struct {
	Columns  []struct{ Name, Title, ValueType string }
	Rows     [][]any
	Totals   []any
	Currency *string
}

func (r reportJSON) column(name string) int {
	for i, c := range r.Columns {
		if c.Name == name {
			return i
		}
	}
	return -1
}

func TestConsolidatedReport(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	pairs := append(march, "format=json", "listingMapIds[0]=40101", "statuses[]=new")
	got := result[reportJSON](k, k.report("consolidated", pairs))
	want, n := marchTotal(t, k, func(f Fact) bool { return f.Status == "new" && f.ListingID == 40101 })
	if len(got.Rows) != n || got.Currency == nil || *got.Currency != "EUR" {
		t.Errorf("%d rows, want %d; currency %v", len(got.Rows), n, got.Currency)
	}
	for i, line := range append(got.Rows, got.Totals) {
		if len(line) != len(got.Columns) {
			t.Fatalf("line %d has %d cells for %d columns", i, len(line), len(got.Columns))
		}
	}
	if _, isText := got.Rows[0][0].(string); !isText || got.Totals[0] != "Totals" || got.Totals[1] != 0.0 {
		t.Errorf("id %v, totals %v", got.Rows[0][0], got.Totals[:2])
	}
	sum := amount(t, got.Totals[got.column("subTotalPrice")]).Add(amount(t, got.Totals[got.column("totalTax")]))
	if !sum.Equal(want) {
		t.Errorf("subtotal and tax make %v, the reservations %v", sum, want)
	}
	for i := 6; i < len(got.Columns); i++ {
		added := decimal.Zero
		for _, line := range got.Rows {
			added = added.Add(amount(t, line[i]))
		}
		if got.Columns[i].ValueType != "money" || !added.Equal(amount(t, got.Totals[i])) {
			t.Errorf("column %v: rows make %v, totals say %v", got.Columns[i], added, got.Totals[i])
		}
	}
	lines := sheet(t, k.report("consolidated", append(march, "format=csv", "listingMapIds[0]=40101", "statuses[]=new")).body, ',')
	if len(lines) != n+2 || lines[len(lines)-1][0] != "Totals" {
		t.Errorf("CSV has %d lines, the last begins %v", len(lines), lines[len(lines)-1][0])
	}
	if mixed := result[reportJSON](k, k.report("consolidated", append(march, "format=json"))); mixed.Currency != nil {
		t.Errorf("a report over two currencies says %v", *mixed.Currency)
	}
}

func TestListingFinancials(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	got := result[reportJSON](k, k.report("listingFinancials", append(march, "format=json", "sortBy=ownerPayout", "sortOrder=asc")))
	if len(got.Rows) != 11 || len(got.Totals) != len(got.Columns) {
		t.Errorf("%d listings; %d totals for %d columns", len(got.Rows), len(got.Totals), len(got.Columns))
	}
	at := got.column("ownerPayout")
	for i := 1; i < len(got.Rows); i++ {
		if amount(t, got.Rows[i-1][at]).GreaterThan(amount(t, got.Rows[i][at])) {
			t.Error("not sorted by payout")
		}
	}
	for _, dateType := range []string{"departureDate", "reservationDate"} {
		other := result[reportJSON](k, k.report("listingFinancials", []string{"fromDate=2026-03-01", "toDate=2026-03-31", "dateType=" + dateType, "format=json"}))
		if fmt.Sprint(other.Totals) == fmt.Sprint(got.Totals) {
			t.Errorf("dateType %s makes no difference", dateType)
		}
	}
}

func TestReportParametersOutsideAFormAreNotSeen(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	a := k.call("POST", "/finance/report/standard", row{"listingMapIds": []int{40101}, "fromDate": "2026-03-01"})
	if lines := sheet(t, a.body, ','); len(lines) < 5000 {
		t.Errorf("a JSON body filtered the report: %d lines", len(lines))
	}
	form := k.send("POST", "/finance/report/standard", strings.NewReader("listingMapIds[0]=1"), "application/x-www-form-urlencoded", k.token)
	if lines := sheet(t, form.body, ','); len(lines) != 1 {
		t.Errorf("a plain form was not read: %d lines", len(lines))
	}
}
