package hostaway

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
)

func formOf(t *testing.T, call seenCall) map[string]string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(call.header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		t.Fatalf("content type %q: %v", call.header.Get("Content-Type"), err)
	}
	form := map[string]string{}
	parts := multipart.NewReader(strings.NewReader(call.body), params["boundary"])
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return form
		}
		if err != nil {
			t.Fatal(err)
		}
		value, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		form[part.FormName()] = string(value)
	}
}

const jsonReport = `{"columns":[{"name":"id","title":"ID","valueType":"string"},{"name":"totalTax","title":"Tax","valueType":"money"}],
	"rows":[["41",12.50],["42",null]],"totals":["Totals","12.5"],"currency":"EUR"}`

func TestTheFormOfAReport(t *testing.T) {
	t.Parallel()
	day := NewDate(2026, 7, 1)
	full := ReportFilter{
		From: day, To: day.Add(30), DateType: ReportByDeparture, Listings: []int64{101, 102}, Channels: []Channel{ChannelAirbnb},
		Statuses: []ReservationStatus{StatusNew, StatusModified}, SortBy: "totalTax", Descending: true,
	}
	tests := []struct {
		kind   ReportKind
		filter ReportFilter
		answer reply
		want   map[string]string
	}{
		{ReportConsolidated, full, rows(jsonReport), map[string]string{
			"fromDate": "2026-07-01", "toDate": "2026-07-31", "dateType": "departureDate", "listingMapIds[0]": "101",
			"listingMapIds[1]": "102", "channelIds[0]": "2018", "statuses[0]": "new", "statuses[1]": "modified", "sortBy": "totalTax",
			"sortOrder": "desc", "format": "json",
		}},
		{ReportListingFinancials, ReportFilter{SortBy: "x"}, rows(jsonReport), map[string]string{"sortBy": "x", "sortOrder": "asc", "format": "json"}},
		{ReportStandard, ReportFilter{Descending: true}, ok("A,B\n1,2\n"), map[string]string{"format": "csv", "delimiter": "comma"}},
		{ReportCalculated, ReportFilter{}, ok("A,B\n1,2\n"), map[string]string{"format": "csv", "delimiter": "comma"}},
	}
	for _, test := range tests {
		api := always(test.answer)
		if _, err := api.client(t).Report(t.Context(), test.kind, test.filter); err != nil {
			t.Fatal(err)
		}
		made := api.made()[0]
		if want := "/v1/finance/report/" + string(test.kind); made.method != "POST" || made.url.RequestURI() != want {
			t.Errorf("%s %s, want POST %s", made.method, made.url, want)
		}
		if diff := cmp.Diff(test.want, formOf(t, made)); diff != "" {
			t.Errorf("%s: form (-want +got)\n%s", test.kind, diff)
		}
	}
}

func number(text string) ReportCell {
	return ReportCell{Text: text, Number: ptr(decimal.RequireFromString(text))}
}

func TestReadingReports(t *testing.T) {
	t.Parallel()
	word := func(text string) ReportCell { return ReportCell{Text: text} }
	tests := []struct {
		name   string
		kind   ReportKind
		answer reply
		want   Report
	}{
		{"JSON", ReportConsolidated, rows(jsonReport), Report{
			Kind: ReportConsolidated, Currency: "EUR",
			Columns: []ReportColumn{{"id", "ID", "string"}, {"totalTax", "Tax", "money"}},
			Rows:    [][]ReportCell{{number("41"), number("12.50")}, {number("42"), word("")}},
			Totals:  []ReportCell{word("Totals"), number("12.5")},
		}},
		{"JSON without rows", ReportListingFinancials, rows(`{"columns":[{"name":"a"}],"rows":[],"totals":[]}`), Report{
			Kind: ReportListingFinancials, Columns: []ReportColumn{{Name: "a"}},
		}},
		{"CSV", ReportStandard, ok("\xef\xbb\xbfListing,Amount\r\n\"(101) Sea, view\",-12.50\r\n(102) Attic,free\r\nTotals,-12.50\r\n"), Report{
			Kind: ReportStandard, Columns: []ReportColumn{{Name: "Listing", Title: "Listing"}, {Name: "Amount", Title: "Amount"}},
			Rows:   [][]ReportCell{{word("(101) Sea, view"), number("-12.50")}, {word("(102) Attic"), word("free")}},
			Totals: []ReportCell{word("Totals"), number("-12.50")},
		}},
		{"CSV with nothing", ReportCalculated, ok(""), Report{Kind: ReportCalculated}},
	}
	for _, test := range tests {
		got, err := always(test.answer).client(t).Report(t.Context(), test.kind, ReportFilter{})
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got)\n%s", test.name, err, diff)
		}
	}
}

func TestReportsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		kind   ReportKind
		answer reply
		code   Code
	}{
		{"a row too short", ReportConsolidated, rows(`{"columns":[{"name":"a"},{"name":"b"}],"rows":[[1]]}`), BadAnswer},
		{"a row that is none", ReportConsolidated, rows(`{"columns":[{"name":"a"}],"rows":[7]}`), BadAnswer},
		{"rows that are none", ReportConsolidated, rows(`{"columns":[{"name":"a"}],"rows":"x"}`), BadAnswer},
		{"no columns", ReportConsolidated, rows(`{"columns":"x","rows":[]}`), BadAnswer},
		{"no table", ReportConsolidated, rows(`[]`), BadAnswer},
		{"CSV instead of JSON", ReportConsolidated, ok("a,b"), BadAnswer},
		{"a page instead of CSV", ReportStandard, ok("<html>"), BadAnswer},
		{"JSON instead of CSV", ReportStandard, rows(`[]`), BadAnswer},
		{"ragged CSV", ReportStandard, ok("a,b\n1\n"), BadAnswer},
		{"switched off", ReportStandard, ok(`{"status":"fail","message":"Financial reporting is not enabled"}`), Refused},
		{"switched off, as 403", ReportConsolidated, reply{status: 403, body: `{"status":"fail","message":"Not enabled"}`}, Refused},
	}
	for _, test := range tests {
		_, err := always(test.answer).client(t).Report(t.Context(), test.kind, ReportFilter{})
		if CodeOf(err) != test.code {
			t.Errorf("%s: %v, want code %s", test.name, err, test.code)
		}
	}
}

func TestStandardFinance(t *testing.T) {
	t.Parallel()
	api := always(rows(`{"id":"5","accountId":7,"listingMapId":101,"channelId":2018,"reservationId":41,"baseRate":"350.10","vat":-0.30,
		"hostChannelFee":null,"petFee":"","cleaningFeeValue":50,"customFee":"12","manuallySetFields":"[]","insertedOn":"2026-07-01 10:00:00","updatedOn":null}`))
	got, err := api.client(t).StandardFinance(t.Context(), 41)
	if err != nil {
		t.Fatal(err)
	}
	amounts := map[string]string{}
	for name, amount := range got.Amounts {
		amounts[name] = amount.String()
	}
	want := map[string]string{"baseRate": "350.1", "vat": "-0.3", "cleaningFeeValue": "50", "customFee": "12"}
	if diff := cmp.Diff(want, amounts); diff != "" {
		t.Errorf("amounts (-want +got)\n%s", diff)
	}
	if *got.ReservationID != 41 || *got.ListingID != 101 || got.ChannelID != ChannelAirbnb || got.InsertedOn == nil || got.UpdatedOn != nil {
		t.Errorf("head %+v", got)
	}
	if _, err := always(rows(`[]`)).client(t).StandardFinance(t.Context(), 41); CodeOf(err) != NotFound {
		t.Errorf("without a row: %v", err)
	}
	if amounts := readAmounts(json.RawMessage(`[]`)); len(amounts) != 0 {
		t.Errorf("amounts of nothing: %v", amounts)
	}
}

func TestFinanceFieldTypes(t *testing.T) {
	t.Parallel()
	//nolint:misspell // the documentation's own spelling
	api := always(rows(`[{"type":"accomodation","total":1},{"type":"price","total":"2"},{"type":"commissions"},{"type":"brandNew"}]`))
	fields, err := api.client(t).FinanceFields(t.Context(), 41)
	if err != nil {
		t.Fatal(err)
	}
	var got []FinanceType
	for _, field := range fields {
		got = append(got, field.Type)
	}
	if diff := cmp.Diff([]FinanceType{FinanceAccommodation, FinanceAccommodation, FinanceCommissions, "brandNew"}, got); diff != "" {
		t.Errorf("types (-want +got)\n%s", diff)
	}
	if fields[2].Total != nil || fields[1].Total.String() != "2" {
		t.Errorf("totals %v, %v", fields[1].Total, fields[2].Total)
	}
}
