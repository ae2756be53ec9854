package hostaway

// report.go: the financial reports of an account (Hostaway docs, Financial reporting, 2026-10).

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/shopspring/decimal"
)

// ReportKind names one of the four financial reports.
type ReportKind string

// The reports. Standard and Calculated come as CSV only and have one line per reservation and field; Consolidated has one row
// per reservation, ListingFinancials one per listing.
const (
	ReportStandard          ReportKind = "standard"
	ReportCalculated        ReportKind = "calculated"
	ReportConsolidated      ReportKind = "consolidated"
	ReportListingFinancials ReportKind = "listingFinancials"
)

// ReportDateType says which day of a reservation must lie in the period of a report.
type ReportDateType string

// The documented date types.
const (
	ReportByArrival     ReportDateType = "arrivalDate"
	ReportByDeparture   ReportDateType = "departureDate"
	ReportByReservation ReportDateType = "reservationDate"
)

// ReportFilter narrows a report; zero fields do not filter.
type ReportFilter struct {
	From, To Date // inclusive
	DateType ReportDateType
	Listings []int64
	Channels []Channel
	Statuses []ReservationStatus
	// SortBy is the name of a column, Descending its direction; Hostaway's own order when empty.
	SortBy     string
	Descending bool
}

// Report is a financial report as a table.
type Report struct {
	Kind     ReportKind
	Currency string // ISO 4217; empty when Hostaway did not say
	Columns  []ReportColumn
	// Rows have exactly one cell per column.
	Rows [][]ReportCell
	// Totals has one cell per column, or is nil when the report has no totals.
	Totals []ReportCell
}

// ReportColumn describes one column of a report.
type ReportColumn struct {
	Name      string // the key, e.g. totalTax; in CSV reports the same as Title
	Title     string // as shown to people
	ValueType string // number, string or money; empty when unknown (CSV)
}

// ReportCell is one cell: the text as sent, and the number in it if it is one.
type ReportCell struct {
	Text   string
	Number *decimal.Decimal
}

// csvOnly tells whether a report comes as CSV and nothing else.
func (k ReportKind) csvOnly() bool { return k == ReportStandard || k == ReportCalculated }

func (k ReportKind) known() bool {
	return k.csvOnly() || k == ReportConsolidated || k == ReportListingFinancials
}

// Report gets a financial report. The account must have financial reporting switched on; Hostaway refuses otherwise. Reports have
// no pages: narrow a large one by its period or listings.
func (c *Client) Report(ctx context.Context, kind ReportKind, filter ReportFilter) (Report, error) {
	op := "get report " + string(kind)
	if err := checkReport(kind, filter); err != nil {
		return Report{}, doing("get report", err)
	}
	body, contentType, err := filter.form(kind)
	if err != nil {
		return Report{}, doing(op, err)
	}
	ans, err := c.send(ctx, call{
		op: op, method: http.MethodPost, path: "/finance/report/" + string(kind), query: newQuery(), body: body,
		contentType: contentType, repeatable: true, slow: true, plain: kind.csvOnly(),
	})
	if err != nil {
		return Report{}, doing(op, err)
	}
	if kind.csvOnly() {
		report, err := readCSVReport(kind, ans)
		return report, doing(op, err)
	}
	report, err := readJSONReport(kind, ans.envelope.result)
	return report, doing(op, err)
}

func checkReport(kind ReportKind, filter ReportFilter) error {
	switch {
	case !kind.known():
		return badInput("there is no report of this kind: use standard, calculated, consolidated or listingFinancials")
	case !filter.To.IsZero() && filter.To.Before(filter.From):
		return badInput("the period of the report ends before it begins")
	}
	return nil
}

// form writes the filter as multipart form data, with the indexed arrays of the documentation's examples.
func (f ReportFilter) form(kind ReportKind) (body []byte, contentType string, err error) {
	var buffer bytes.Buffer
	form := multipart.NewWriter(&buffer)
	for _, field := range f.fields(kind) {
		if field.value == "" {
			continue
		}
		if err := form.WriteField(field.name, field.value); err != nil {
			return nil, "", fmt.Errorf("write report form: %w", err)
		}
	}
	if err := form.Close(); err != nil {
		return nil, "", fmt.Errorf("close report form: %w", err)
	}
	return buffer.Bytes(), form.FormDataContentType(), nil
}

type formField struct{ name, value string }

func (f ReportFilter) fields(kind ReportKind) []formField {
	fields := []formField{
		{"fromDate", f.From.String()}, {"toDate", f.To.String()}, {"dateType", string(f.DateType)}, {"sortBy", f.SortBy},
	}
	for i, id := range f.Listings {
		fields = append(fields, formField{fmt.Sprintf("listingMapIds[%d]", i), itoa(id)})
	}
	for i, channel := range f.Channels {
		fields = append(fields, formField{fmt.Sprintf("channelIds[%d]", i), itoa(int64(channel))})
	}
	for i, status := range f.Statuses {
		fields = append(fields, formField{fmt.Sprintf("statuses[%d]", i), string(status)})
	}
	if f.SortBy != "" {
		order := "asc"
		if f.Descending {
			order = "desc"
		}
		fields = append(fields, formField{"sortOrder", order})
	}
	if kind.csvOnly() {
		return append(fields, formField{"format", "csv"}, formField{"delimiter", "comma"})
	}
	return append(fields, formField{"format", "json"})
}

// readJSONReport reads {columns, rows, totals, currency}. Cells are placed by their position, so a row of another length than the
// columns makes the whole report unusable.
func readJSONReport(kind ReportKind, result json.RawMessage) (Report, error) {
	o, ok := readObject(result)
	if !ok {
		return Report{}, badAnswer("Hostaway's report is not a table")
	}
	columns, err := decodeRows[reportColumn](newRowReader(), o["columns"])
	if err != nil {
		return Report{}, err
	}
	report := Report{Kind: kind}
	report.Currency, _ = readText(o["currency"])
	for _, column := range columns {
		report.Columns = append(report.Columns, ReportColumn(column))
	}
	rows, ok := readList(o["rows"])
	if !ok {
		return Report{}, badAnswer("Hostaway's report has no rows that can be read")
	}
	for i, raw := range rows {
		row, ok := readCells(raw, len(columns))
		if !ok {
			return Report{}, badAnswer("row %d of Hostaway's report does not fit its columns", i+1)
		}
		report.Rows = append(report.Rows, row)
	}
	if totals, ok := readCells(o["totals"], len(columns)); ok && len(totals) > 0 {
		report.Totals = totals
	}
	return report, nil
}

type reportColumn struct {
	Name      string `json:"name"`
	Title     string `json:"title"`
	ValueType string `json:"valueType"`
}

func readCells(raw json.RawMessage, want int) ([]ReportCell, bool) {
	list, ok := readList(raw)
	if !ok || len(list) != want {
		return nil, false
	}
	cells := make([]ReportCell, len(list))
	for i, cell := range list {
		text, _ := readText(cell)
		cells[i] = newReportCell(text)
	}
	return cells, true
}

func newReportCell(text string) ReportCell {
	cell := ReportCell{Text: text}
	quoted, err := json.Marshal(text)
	if err != nil {
		return cell
	}
	if number, s := readDecimal(quoted); s == isKnown {
		cell.Number = &number
	}
	return cell
}

// readCSVReport reads the plain text of the reports that have no JSON form. The first line names the columns; a last line that
// begins with Totals has the sums.
func readCSVReport(kind ReportKind, ans answer) (Report, error) {
	text := bytes.TrimPrefix(ans.body, []byte("\xef\xbb\xbf"))
	if first := kindOf(text); first == '<' || first == '{' {
		return Report{}, badAnswer("Hostaway's report is not CSV")
	}
	reader := csv.NewReader(bytes.NewReader(text))
	reader.FieldsPerRecord = 0
	lines, err := reader.ReadAll()
	if err != nil {
		return Report{}, badAnswer("Hostaway's report is not CSV with equally long lines")
	}
	report := Report{Kind: kind}
	for i, line := range lines {
		if i == 0 {
			for _, title := range line {
				report.Columns = append(report.Columns, ReportColumn{Name: title, Title: title})
			}
			continue
		}
		cells := make([]ReportCell, len(line))
		for j, text := range line {
			cells[j] = newReportCell(text)
		}
		if i == len(lines)-1 && strings.EqualFold(line[0], "Totals") {
			report.Totals = cells
		} else {
			report.Rows = append(report.Rows, cells)
		}
	}
	return report, nil
}
