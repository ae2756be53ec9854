// The financial reports: read-only although POST, parameters as multipart form, CSV or JSON without paging.
package hostawaytest

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// table is a report before it is written: a heading per column, cells that are texts or money, and perhaps a last line of totals.
type table struct {
	columns []column
	rows    [][]any
	totals  []any
	// currency is that of all rows; a report over several currencies has none.
	currency string
}

type column struct{ name, title, valueType string }

func postReport(x *exchange) reply {
	w := x.world
	if w.withoutReports {
		return reportsOff()
	}
	w.fill()
	form := query(x.form())
	kind := x.request.PathValue("kind")
	format := strings.ToLower(form.get("format"))
	makers := map[string]func([]*reservation) table{
		"standard": w.standardReport, "calculated": w.calculatedReport, "consolidated": w.consolidatedReport, "listingFinancials": w.listingReport,
	}
	build := makers[kind]
	switch {
	case build == nil:
		return transportError(http.StatusNotFound, "Resource not found")
	case kind == "standard" && format == "":
		format = "csv"
	case format != "csv" && (format != "json" || kind == "standard" || kind == "calculated"):
		return refuse(http.StatusBadRequest, "format: is not valid for this report")
	}
	report := build(w.reported(form))
	report.sort(form)
	if format == "json" {
		return ok(report.json())
	}
	return plain(report.csv(form.get("delimiter")), "text/csv; charset=UTF-8")
}

// form reads the parameters from a form of either kind; in a JSON body they are not seen, and the report covers everything.
func (x *exchange) form() url.Values {
	if x.request.ParseMultipartForm(1<<20) == nil && x.request.MultipartForm != nil {
		return x.request.MultipartForm.Value
	}
	return x.request.PostForm
}

// reported gives the reservations that the parameters choose, oldest first. Inquiries are only there when statuses name them.
func (w *world) reported(form query) []*reservation {
	of := map[string]func(*reservation) day{
		"departureDate":   func(r *reservation) day { return r.departure },
		"reservationDate": func(r *reservation) day { return r.booked.day() },
	}[form.get("dateType")]
	if of == nil {
		of = func(r *reservation) day { return r.arrival }
	}
	tests := dayRange(form, "fromDate", "toDate", of)
	if ids := form.numbers("listingMapIds"); len(ids) > 0 {
		tests = append(tests, func(r *reservation) bool { return ids[r.listingID] })
	}
	if ids := form.numbers("channelIds"); len(ids) > 0 {
		tests = append(tests, func(r *reservation) bool { return ids[int64(r.channel)] })
	}
	statuses := form.array("statuses")
	tests = append(tests, func(r *reservation) bool {
		if len(statuses) == 0 {
			return !isInquiry(r.status)
		}
		return slices.Contains(statuses, r.status)
	})
	var out []*reservation
	for _, r := range w.sorted() {
		if all(tests, r) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b *reservation) int { return cmp.Or(cmp.Compare(of(a), of(b)), cmp.Compare(a.id, b.id)) })
	return out
}

func all(tests []keep, r *reservation) bool {
	return !slices.ContainsFunc(tests, func(t keep) bool { return !t(r) })
}

// textColumns makes columns whose name and title are the same.
func textColumns(titles ...string) []column {
	var out []column
	for _, title := range titles {
		out = append(out, column{title, title, "string"})
	}
	return out
}

func (w *world) listingCell(r *reservation) string {
	return fmt.Sprintf("(%d) %s", r.listingID, r.listing.name)
}

func (w *world) standardReport(rows []*reservation) table {
	t := table{columns: textColumns("Reservation ID", "Channel", "Status", "Arrival", "Departure", "Listing", "Owner", "Description", "Amount")}
	for _, r := range rows {
		have := r.standard()
		for _, name := range standardFields {
			if amount, known := have[name]; known {
				t.rows = append(t.rows, []any{
					fmt.Sprint(r.id), channelName(r.channel), r.status, r.arrival.String(), r.departure.String(),
					w.listingCell(r), ownerOf(w, r.listing.index).name, name, amount,
				})
			}
		}
	}
	return t
}

func (w *world) calculatedReport(rows []*reservation) table {
	t := table{columns: textColumns("Reservation ID", "Guest", "Channel", "Status", "Booked", "Arrival", "Departure", "Listing", "Owner",
		"Description", "Formula", "Formula values", "Amount")}
	for _, r := range rows {
		for _, f := range formulas {
			if !r.hasMoney() {
				break
			}
			t.rows = append(t.rows, []any{
				fmt.Sprint(r.id), r.guest.name(), channelName(r.channel), r.status, r.booked.String(), r.arrival.String(), r.departure.String(),
				w.listingCell(r), ownerOf(w, r.listing.index).name, f.name, f.value, f.filled(r), f.result(r),
			})
		}
	}
	return t
}

// moneyColumn is a money column of the two summary reports.
type moneyColumn struct {
	name, title string
	of          func(r *reservation) cents
}

func moneyColumns() []moneyColumn {
	out := []moneyColumn{
		{"totalGuestFees", "Total guest fees", func(r *reservation) cents { return r.sumOf("fee") }},
		{"totalTax", "Total tax", func(r *reservation) cents { return r.sumOf("tax") }},
		{"accommodationFee", "Accommodation fee", func(r *reservation) cents { return r.sumOf("accommodation") + r.sumOf("discount") }},
		{"pmCommission", "PM commission", (*reservation).commission},
		{"ownerPayout", "Owner payout", (*reservation).ownerPayout},
	}
	for _, spec := range lineSpecs {
		if spec.standard != "" {
			out = append(out, moneyColumn{spec.standard, spec.title, func(r *reservation) cents { return r.line(spec.name) }})
		}
	}
	return append(out, moneyColumn{"subTotalPrice", "Subtotal price", func(r *reservation) cents {
		return r.sumOf("fee") + r.sumOf("accommodation") + r.sumOf("discount")
	}})
}

func (w *world) consolidatedReport(rows []*reservation) table {
	t := table{currency: oneCurrency(rows)}
	for _, name := range []string{"id", "channelName", "status", "arrivalDate", "departureDate", "listingName"} {
		t.columns = append(t.columns, column{name, label(name), "string"})
	}
	money := moneyColumns()
	for _, r := range rows {
		line := []any{fmt.Sprint(r.id), channelName(r.channel), r.status, r.arrival.String(), r.departure.String(), r.listing.name}
		for _, m := range money {
			line = append(line, m.of(r))
		}
		t.rows = append(t.rows, line)
	}
	return t.summed(money)
}

func (w *world) listingReport(rows []*reservation) table {
	t := table{currency: oneCurrency(rows), columns: []column{{"listingName", "Listing name", "string"}}}
	money, at := moneyColumns(), map[int64]int{}
	for _, r := range rows {
		n, known := at[r.listingID]
		if !known {
			n = len(t.rows)
			at[r.listingID] = n
			line := []any{r.listing.name}
			for range money {
				line = append(line, cents(0))
			}
			t.rows = append(t.rows, line)
		}
		for i, m := range money {
			t.rows[n][i+1] = t.rows[n][i+1].(cents) + m.of(r)
		}
	}
	return t.summed(money)
}

// summed adds the money columns and the line of totals: as many cells as columns, 0 where there is nothing to add.
func (t table) summed(money []moneyColumn) table {
	texts := len(t.columns)
	t.totals = append(t.totals, "Totals")
	for range texts - 1 {
		t.totals = append(t.totals, cents(0))
	}
	for i, m := range money {
		t.columns = append(t.columns, column{m.name, m.title, "money"})
		var sum cents
		for _, line := range t.rows {
			sum += line[texts+i].(cents)
		}
		t.totals = append(t.totals, sum)
	}
	return t
}

func oneCurrency(rows []*reservation) string {
	if len(rows) == 0 || slices.ContainsFunc(rows, func(r *reservation) bool { return r.currency != rows[0].currency }) {
		return ""
	}
	return rows[0].currency
}

// sort orders by the column that sortBy names; an unknown name is ignored.
func (t table) sort(form query) {
	at := slices.IndexFunc(t.columns, func(c column) bool { return c.name == form.get("sortBy") })
	if at < 0 {
		return
	}
	slices.SortStableFunc(t.rows, func(a, b []any) int {
		order := compareCells(a[at], b[at])
		if strings.EqualFold(form.get("sortOrder"), "desc") {
			return -order
		}
		return order
	})
}

func compareCells(a, b any) int {
	if x, isMoney := a.(cents); isMoney {
		return cmp.Compare(x, b.(cents))
	}
	return cmp.Compare(a.(string), b.(string))
}

func (t table) json() json.RawMessage {
	columns := []json.RawMessage{}
	for _, c := range t.columns {
		columns = append(columns, newObject().set("name", c.name).set("title", c.title).set("valueType", c.valueType).done())
	}
	rows := []json.RawMessage{}
	for _, line := range t.rows {
		rows = append(rows, jsonCells(line))
	}
	return newObject().set("columns", columns).set("rows", rows).set("totals", jsonCells(t.totals)).set("currency", orNull(t.currency)).done()
}

func jsonCells(line []any) json.RawMessage {
	var cells []json.RawMessage
	for _, cell := range line {
		cells = append(cells, appendValue(nil, cell))
	}
	return appendArray(nil, cells)
}

func (t table) csv(delimiter string) string {
	var out strings.Builder
	sheet := csv.NewWriter(&out)
	if delimiter == "tab" {
		sheet.Comma = '\t'
	}
	lines := [][]string{{}}
	for _, c := range t.columns {
		lines[0] = append(lines[0], c.title)
	}
	for _, line := range append(t.rows[:len(t.rows):len(t.rows)], t.totals) {
		var texts []string
		for _, cell := range line {
			if money, isMoney := cell.(cents); isMoney {
				cell = money.fixed()
			}
			texts = append(texts, fmt.Sprint(cell))
		}
		if len(texts) > 0 {
			lines = append(lines, texts)
		}
	}
	_ = sheet.WriteAll(lines) // a strings.Builder never fails
	return out.String()
}
