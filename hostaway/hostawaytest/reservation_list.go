// GET /reservations and /reservations/{id}: filters, orders and the cursor.
package hostawaytest

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
)

func includeOf(q query, single bool) include {
	return include{
		resources: q.truth("includeResources"), payments: q.truth("includePayments"),
		policy: single || q.truth("includeCancellationPolicy"), single: single,
	}
}

func listReservations(x *exchange) reply {
	w := x.world
	w.fill()
	less := reservationOrder(w, x.query.get("sortOrder"))
	rows := w.filterReservations(x.query)
	if less != nil {
		slices.SortStableFunc(rows, less)
	}
	p := paging(x.query, 100, 200)
	p.count = len(rows)
	if id, given := x.query.number("afterId"); given {
		p.offset = 0
		rows = w.after(rows, id, less)
	}
	from, to := p.cut(len(rows))
	out := make([]json.RawMessage, 0, to-from)
	for _, r := range rows[from:to] {
		out = append(out, w.reservationRow(r, includeOf(x.query, false)))
	}
	return listed(out, p)
}

// newestFirst is the default order: updatedOn descending, id descending.
func newestFirst(a, b *reservation) int {
	return cmp.Or(cmp.Compare(b.updated, a.updated), cmp.Compare(b.id, a.id))
}

// sorted gives all reservations in the default order.
func (w *world) sorted() []*reservation {
	if w.unsorted {
		slices.SortFunc(w.byUpdate, newestFirst)
		w.unsorted = false
	}
	return w.byUpdate
}

// after gives what follows the row with this id, whether that row passes the filters or not; after an unknown id nothing
// follows, since a comparison with the missing row is never true.
func (w *world) after(rows []*reservation, id int64, order func(a, b *reservation) int) []*reservation {
	last := w.reservations[id]
	if last == nil {
		return nil
	}
	if order == nil {
		order = newestFirst
	}
	for i, r := range rows {
		if order(r, last) > 0 {
			return rows[i:]
		}
	}
	return nil
}

func reservationOrder(w *world, name string) func(a, b *reservation) int {
	key := map[string]func(r *reservation) int64{
		"arrivalDate":    func(r *reservation) int64 { return int64(r.arrival) },
		"latestActivity": func(r *reservation) int64 { return int64(r.activity) },
		"lastConversationMessageSent": func(r *reservation) int64 {
			return int64(w.talked(r, func(c *conversation) stamp { return c.sentOn }))
		},
		"lastConversationMessageReceived": func(r *reservation) int64 {
			return int64(w.talked(r, func(c *conversation) stamp { return c.receivedOn }))
		},
	}
	if name == "updatedOn" { // ascending, without a descending twin: that is the default
		return func(a, b *reservation) int { return newestFirst(b, a) }
	}
	base, falling := strings.CutSuffix(name, "Desc")
	of := key[base]
	if of == nil {
		return nil
	}
	if falling {
		return func(a, b *reservation) int { return cmp.Or(cmp.Compare(of(b), of(a)), cmp.Compare(b.id, a.id)) }
	}
	return func(a, b *reservation) int { return cmp.Or(cmp.Compare(of(a), of(b)), cmp.Compare(a.id, b.id)) }
}

func (w *world) talked(r *reservation, when func(*conversation) stamp) stamp {
	if c := w.talkOf[r.id]; c != nil {
		w.load(c)
		return when(c)
	}
	return 0
}

type keep func(r *reservation) bool

func (w *world) filterReservations(q query) []*reservation {
	tests := slices.Concat(reservationIDTests(q), reservationTextTests(q), reservationDayTests(q), w.reservationFlagTests(q), w.dateTypeTests(q))
	from := w.sorted()
	out := make([]*reservation, 0, 128)
next:
	for _, r := range from {
		for _, keep := range tests {
			if !keep(r) {
				continue next
			}
		}
		out = append(out, r)
	}
	return out
}

func reservationIDTests(q query) []keep {
	var tests []keep
	if id, given := q.number("listingId"); given {
		tests = append(tests, func(r *reservation) bool { return r.listingID == id })
	}
	if id, given := q.number("channelId"); given {
		tests = append(tests, func(r *reservation) bool { return int64(r.channel) == id })
	}
	for _, name := range []string{"assigneeUserId", "customerUserId"} {
		if want := q.get(name); want != "" {
			tests = append(tests, func(r *reservation) bool { return strings.Trim(string(r.written[name]), `"`) == want })
		}
	}
	return tests
}

func reservationTextTests(q query) []keep {
	var tests []keep
	if want := strings.ToLower(strings.TrimSpace(q.get("match"))); want != "" {
		tests = append(tests, func(r *reservation) bool { return strings.Contains(strings.ToLower(r.guest.name()), want) })
	}
	if want := q.get("guestEmail"); want != "" {
		tests = append(tests, func(r *reservation) bool { return strings.EqualFold(r.guest.email, want) })
	}
	return tests
}

// dayRange tests low <= day <= high; a missing or senseless bound is open.
func dayRange(q query, low, high string, of func(r *reservation) day) []keep {
	var tests []keep
	if d, given := q.day(low); given {
		tests = append(tests, func(r *reservation) bool { return of(r) >= d })
	}
	if d, given := q.day(high); given {
		tests = append(tests, func(r *reservation) bool { return of(r) <= d })
	}
	return tests
}

func reservationDayTests(q query) []keep {
	return slices.Concat(
		dayRange(q, "arrivalStartDate", "arrivalEndDate", func(r *reservation) day { return r.arrival }),
		dayRange(q, "departureStartDate", "departureEndDate", func(r *reservation) day { return r.departure }),
		dayRange(q, "latestActivityStart", "latestActivityEnd", func(r *reservation) day { return r.activity.day() }),
	)
}

func (w *world) reservationFlagTests(q query) []keep {
	var tests []keep
	for name, of := range map[string]keep{
		"isStarred":  func(r *reservation) bool { return r.starred },
		"isArchived": func(r *reservation) bool { return r.archived },
		"isPinned":   func(r *reservation) bool { return r.pinned },
		"hasUnreadConversationMessages": func(r *reservation) bool {
			c := w.talkOf[r.id]
			return c != nil && c.unread
		},
	} {
		if want := q.get(name); want != "" {
			tests = append(tests, func(r *reservation) bool { return of(r) == truth(want) })
		}
	}
	if want := q.get("reservationAgreement"); want != "" {
		tests = append(tests, func(r *reservation) bool { return w.agreement(r) == want })
	}
	return tests
}

// dateTypeTests is the query of 2026-08-21, switched on per account; dateType unknown or missing: the bounds are ignored.
func (w *world) dateTypeTests(q query) []keep {
	of := map[string]func(r *reservation) day{
		"arrival":      func(r *reservation) day { return r.arrival },
		"departure":    func(r *reservation) day { return r.departure },
		"creation":     func(r *reservation) day { return r.booked.day() },
		"cancellation": func(r *reservation) day { return r.cancelled.day() },
	}[q.get("dateType")]
	if !w.dateTypeFilters || of == nil {
		return nil
	}
	tests := dayRange(q, "startDate", "endDate", of)
	if q.get("dateType") == "cancellation" {
		tests = append(tests, func(r *reservation) bool { return r.status == "cancelled" })
	}
	return tests
}

func getReservation(x *exchange) reply {
	r := x.reservation("id")
	if r == nil {
		return noSuch("Reservation")
	}
	return ok(x.world.reservationRow(r, includeOf(x.query, true)))
}
