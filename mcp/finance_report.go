// Hostaway's own financial reports, paged from one answer, since Hostaway doesn't page them.

package mcp

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"hostaway-mcp/hostaway"
)

type getFinancialReportIn struct {
	Report     string        `json:"report" enum:"standard,calculated,consolidated,listing_financials" jsonschema:"which report"`
	From       hostaway.Date `json:"from" jsonschema:"first day"`
	To         hostaway.Date `json:"to" jsonschema:"day after the last"`
	DateBasis  string        `json:"date_basis,omitempty" enum:"arrival,departure,booked" default:"arrival" jsonschema:"day in period"`
	ListingIDs []int64       `json:"listing_ids,omitempty" jsonschema:"all if absent"`
	Status     []string      `json:"status,omitempty" enum:"confirmed,owner_stay,request,declined,cancelled,inquiry" jsonschema:"all if absent"`
	Cursor     string        `json:"cursor,omitempty" jsonschema:"last next_cursor"`
}

type getFinancialReportOut struct {
	Currency string         `json:"currency,omitempty"`
	Columns  []reportColumn `json:"columns"`
	Rows     [][]string     `json:"rows"`
	Totals   []string       `json:"totals,omitempty"`
	// Empty names the columns that are empty or zero in every row, and were left out.
	Empty      []string `json:"empty_columns,omitempty"`
	TotalRows  int      `json:"total_rows"`
	NextCursor string   `json:"next_cursor,omitempty"`
}

type reportColumn struct {
	Name  string `json:"name"`
	Title string `json:"title,omitempty"`
	Type  string `json:"type,omitempty"`
}

func getFinancialReport(ctx context.Context, c Caller, in getFinancialReportIn) (getFinancialReportOut, error) {
	var none getFinancialReportOut
	if err := period(in.From, in.To, longestPeriod); err != nil {
		return none, err
	}
	query := in
	query.Cursor = ""
	at, err := openCursor(getFinancialReportsTool, in.Cursor, query)
	if err != nil {
		return none, err
	}
	report, err := c.Hostaway.Report(ctx, in.kind(), in.filter())
	switch hostaway.CodeOf(err) {
	case hostaway.Refused, hostaway.NotFound:
		return none, noReport(err)
	}
	if err != nil {
		return none, err
	}
	return reportPage(report, offsetOf(at), query), nil
}

func noReport(err error) error {
	reason := strings.TrimSuffix(clip(reasonGiven(err), 200), ".")
	return refuse("Hostaway does not give this report; it says: "+strconv.Quote(reason)+".",
		"If financial reporting is not switched on for the account, use "+getFinancialSummaryTool+" instead, which needs no reporting.")
}

func (in getFinancialReportIn) kind() hostaway.ReportKind {
	if in.Report == "listing_financials" {
		return hostaway.ReportListingFinancials
	}
	return hostaway.ReportKind(in.Report)
}

func (in getFinancialReportIn) filter() hostaway.ReportFilter {
	f := hostaway.ReportFilter{From: in.From, To: in.To.Add(-1), Listings: in.ListingIDs, DateType: map[string]hostaway.ReportDateType{
		"departure": hostaway.ReportByDeparture, "booked": hostaway.ReportByReservation,
	}[in.DateBasis]}
	if f.DateType == "" {
		f.DateType = hostaway.ReportByArrival
	}
	for _, status := range hostaway.ReservationStatuses() {
		if slices.Contains(in.Status, statusWord(status)) {
			f.Statuses = append(f.Statuses, status)
		}
	}
	return f
}

// mostReportRows bounds the work of fitting; far fewer fit.
const mostReportRows = 300

// reportPage shows a report from row number start on, as many rows as fit, without the columns that say nothing anywhere in it.
func reportPage(report hostaway.Report, start int, query getFinancialReportIn) getFinancialReportOut {
	out := getFinancialReportOut{Currency: report.Currency, Columns: []reportColumn{}}
	var shown []int
	for i, column := range report.Columns {
		if len(report.Rows) > 0 && saysNothing(report, i) {
			out.Empty = append(out.Empty, clip(column.Name, 60))
			continue
		}
		shown = append(shown, i)
		named := reportColumn{Name: clip(column.Name, 60), Type: clip(column.ValueType, 20)}
		if column.Title != column.Name {
			named.Title = clip(column.Title, 60)
		}
		out.Columns = append(out.Columns, named)
	}
	if report.Totals != nil {
		out.Totals = cellsOf(report.Totals, shown)
	}
	total := len(report.Rows)
	start = min(start, total)
	var rows [][]string
	for _, row := range report.Rows[start:min(start+mostReportRows, total)] {
		rows = append(rows, cellsOf(row, shown))
	}
	n := fitPage(rows, []any{out, widestPaged()})
	out.Rows, out.TotalRows = append([][]string{}, rows[:n]...), total
	if start+n < total {
		out.NextCursor = sealCursor(getFinancialReportsTool, strconv.Itoa(start+n), query)
	}
	return out
}

func saysNothing(report hostaway.Report, column int) bool {
	for _, row := range report.Rows {
		if cell := row[column]; cell.Text != "" && (cell.Number == nil || !cell.Number.IsZero()) {
			return false
		}
	}
	return true
}

func cellsOf(row []hostaway.ReportCell, shown []int) []string {
	out := make([]string, len(shown))
	for i, column := range shown {
		out[i] = clip(row[column].Text, 120)
	}
	return out
}
