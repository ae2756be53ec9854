// GET /reservations/{id}/logs: the field-level trail (Hostaway docs, Reservation logs, 2026-08-04).
package hostawaytest

import (
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"strings"
)

type logRow struct {
	id                  int64
	field, before, next string
	at                  stamp
}

func (w *world) log(r *reservation, field, before, next string) {
	r.logs = append(r.logs, logRow{w.nextLog, field, before, next, w.now()})
	w.nextLog++
}

// logRows gives the trail, newest first. A modified stay of the made world has its change of dates in it.
func (w *world) logRows(r *reservation) []logRow {
	rows := slices.Clone(r.logs)
	slices.Reverse(rows)
	if r.previousArrival != noDay && !slices.ContainsFunc(rows, func(l logRow) bool { return l.field == "arrivalDate" }) {
		at := r.inserted + 3600
		rows = append(rows,
			logRow{r.id*10 + 2, "departureDate", r.previousDeparture.String(), r.departure.String(), at},
			logRow{r.id*10 + 1, "arrivalDate", r.previousArrival.String(), r.arrival.String(), at})
	}
	return rows
}

func listLogs(x *exchange) reply {
	r := x.reservation("id")
	if r == nil {
		return noSuch("Reservation")
	}
	rows := []json.RawMessage{}
	for _, l := range x.world.logRows(r) {
		rows = append(rows, newObject().set("id", l.id).set("reservationId", r.id).set("listingMapId", r.listingID).set("channelId", r.channel).
			set("source", "reservation").set("updatedField", l.field).set("updatedFieldLabel", label(l.field)).
			set("previousValue", l.before).set("newValue", l.next).set("updatedByUserId", nil).set("updatedByUserName", nil).
			set("insertedOn", l.at).set("updatedOn", l.at).done())
	}
	if x.query.get("limit") == "" && x.query.get("offset") == "" {
		return ok(rows) // the whole trail, without count and offset
	}
	p := paging(x.query, 100, 100)
	p.count = len(rows)
	from, to := p.cut(len(rows))
	return listed(rows[from:to], p)
}

// label turns arrivalDate into "Arrival date".
func label(field string) string {
	var out strings.Builder
	for i, c := range field {
		switch {
		case i == 0:
			out.WriteString(strings.ToUpper(string(c)))
		case c >= 'A' && c <= 'Z':
			out.WriteString(" " + strings.ToLower(string(c)))
		default:
			out.WriteRune(c)
		}
	}
	return out.String()
}

func keysIn(m map[string]string) iter.Seq[string] { return maps.Keys(m) }
