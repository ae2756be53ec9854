package mcp

import (
	"fmt"
	"slices"
	"testing"

	"hostaway-mcp/hostaway/hostawaytest"
)

func TestReportsPageByPage(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	for _, report := range []string{"standard", "calculated", "consolidated", "listing_financials"} {
		a := args{"report": report, "from": "2026-01-01", "to": "2026-03-01", "status": "confirmed"}
		pages := walkPages(f, getFinancialReportsTool, a, func(p getFinancialReportOut) string { return p.NextCursor })
		var rows [][]string
		for _, page := range pages {
			for _, row := range page.Rows {
				if len(row) != len(page.Columns) {
					t.Fatalf("%s: %d cells in %d columns", report, len(row), len(page.Columns))
				}
			}
			rows = append(rows, page.Rows...)
		}
		if len(rows) == 0 || pages[0].TotalRows != len(rows) {
			t.Errorf("%s: %d rows, want %d", report, len(rows), pages[0].TotalRows)
		}
	}
}

func TestAConsolidatedReportHasEachReservationOnce(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	listing := f.account.Landmarks().GapListing
	a := args{"report": "consolidated", "from": "2026-01-01", "to": "2026-04-01", "date_basis": "departure", "listing_ids": []int64{listing}, "status": []string{"confirmed", "cancelled"}}
	pages := walkPages(f, getFinancialReportsTool, a, func(p getFinancialReportOut) string { return p.NextCursor })
	met := map[string]bool{}
	for _, page := range pages {
		at := slices.IndexFunc(page.Columns, func(c reportColumn) bool { return c.Name == "id" })
		for _, row := range page.Rows {
			if met[row[at]] {
				t.Errorf("reservation %s twice", row[at])
			}
			met[row[at]] = true
		}
		if len(page.Empty) == 0 || len(page.Totals) != len(page.Columns) {
			t.Errorf("%d empty columns, %d totals for %d columns", len(page.Empty), len(page.Totals), len(page.Columns))
		}
	}
	for _, r := range f.account.Facts() {
		want := r.ListingID == listing && r.Departure >= "2026-01-01" && r.Departure < "2026-04-01" && slices.Contains([]string{"new", "modified", "cancelled"}, r.Status)
		if met[fmt.Sprint(r.ID)] != want {
			t.Errorf("reservation %d (%s, leaves %s): in the report %v", r.ID, r.Status, r.Departure, !want)
		}
	}
}

func TestAReportOfNothing(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, nil)
	var out getFinancialReportOut
	f.ask(getFinancialReportsTool, args{"report": "consolidated", "from": "2031-01-01", "to": "2031-02-01", "date_basis": "booked"}, &out)
	if len(out.Rows) != 0 || out.TotalRows != 0 || out.NextCursor != "" || len(out.Columns) == 0 {
		t.Errorf("got %+v", out)
	}
}

func TestWithoutReportingTheSummaryIsNamed(t *testing.T) {
	t.Parallel()
	f := newToolFrame(t, func(a *hostawaytest.Account) { a.WithoutReports = true })
	wantWords(t, f.refused(getFinancialReportsTool, args{"report": "standard", "from": "2026-01-01", "to": "2026-02-01"}), "not enabled", getFinancialSummaryTool)
}
