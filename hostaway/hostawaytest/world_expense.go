// Makes expenses and extras, and the owner statements that list them; serves both.
package hostawaytest

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

type expense struct {
	id          int64
	listing     *listing
	reservation *reservation
	date        day
	concept     string
	amount      cents // > 0 is an extra, < 0 an expense: the sign decides
	statement   *statement
}

type statement struct {
	id        int64
	owner     int
	from, to  day // both included
	expenses  []*expense
	madeOn    stamp
	name      string
	ownedBy   owner
	listingOf []int64
}

const statementMonths = 6

// month gives the first and the last day of the nth month before that of today.
func (w *world) month(n int) (time.Time, day, day) {
	t := w.today.time()
	first := time.Date(t.Year(), t.Month()-time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	return first, dayOf(first), dayOf(first.AddDate(0, 1, -1))
}

func (w *world) makeExpenses() {
	for n := statementMonths; n >= 0; n-- {
		_, first, _ := w.month(n)
		for _, l := range w.listingOrder {
			shape, words := newDice(shapeSeed, streamExpense, int64(l.index), int64(n)), newDice(w.seed, streamExpense, int64(l.index), int64(n))
			if l.archived {
				continue
			}
			w.addExpense(l, nil, first+2, "Internet and cleaning supplies", -cents(words.between(4500, 7800)))
			if shape.chance(30) {
				w.addExpense(l, nil, first+day(shape.between(5, 24)), repairs[shape.below(len(repairs))], -cents(words.between(60, 480))*100)
			}
		}
	}
	for _, r := range w.byID() {
		if r.slot%23 == 5 && r.stands() && r.departure < w.today {
			w.addExpense(r.listing, r, r.arrival, "Late check-out", 3000)
		}
	}
}

func (w *world) addExpense(l *listing, r *reservation, on day, concept string, amount cents) {
	if on > w.today {
		on = w.today - 1
	}
	w.expenses = append(w.expenses, &expense{
		id: firstExpense + int64(len(w.expenses)), listing: l, reservation: r, date: on, concept: w.marked(concept), amount: amount,
	})
}

func (w *world) makeStatements() {
	for n := statementMonths; n >= 1; n-- {
		month, first, last := w.month(n)
		for o := range min(w.owners, len(w.listingOrder)) {
			s := &statement{
				id: firstStatement + int64(len(w.statements)), owner: o, from: first, to: last,
				madeOn: min((last+3).at(10, 0), (w.today-1).at(10, 0)), ownedBy: w.ownerNumber(o),
			}
			s.name = fmt.Sprintf("%s %s", s.ownedBy.name, month.Format("January 2006"))
			for i := o; i < len(w.listingOrder); i += w.owners {
				s.listingOf = append(s.listingOf, w.listingOrder[i].id)
			}
			w.statements = append(w.statements, s)
		}
	}
	for _, e := range w.expenses {
		if s := w.statementOf(e); s != nil {
			s.expenses, e.statement = append(s.expenses, e), s
		}
	}
}

// statementOf gives the statement of an expense's month and owner: statements lie month by month, owner by owner.
func (w *world) statementOf(e *expense) *statement {
	now, then := w.today.time(), e.date.time()
	ago := (now.Year()-then.Year())*12 + int(now.Month()) - int(then.Month())
	if ago < 1 || ago > statementMonths {
		return nil
	}
	return w.statements[(statementMonths-ago)*len(w.statements)/statementMonths+e.listing.index%w.owners]
}

func (w *world) expenseRow(e *expense) json.RawMessage {
	kind := "expense"
	if e.amount > 0 {
		kind = "extra"
	}
	var reservationID, guestName, statementID any
	if e.reservation != nil {
		reservationID, guestName = e.reservation.id, e.reservation.guest.name()
	}
	ids, names := []int64{}, []string{}
	if e.statement != nil {
		statementID, ids, names = e.statement.id, []int64{e.statement.id}, []string{e.statement.name}
	}
	return newObject().set("id", e.id).set("accountId", w.accountID).set("ownerStatementExpenseId", e.id).set("ownerStatementId", statementID).
		set("listingMapId", e.listing.id).set("reservationId", reservationID).set("ownerUserId", nil).set("expenseDate", e.date).
		set("concept", e.concept).set("amount", e.amount).set("type", kind).set("isDeleted", flag(false)).
		set("ownerStatementIds", ids).set("ownerStatementNames", names).set("categories", []int{}).set("categoriesNames", []string{}).
		set("attachments", []int{}).set("listingName", e.listing.name).set("guestName", guestName).
		set("insertedOn", e.date.at(12, 0)).set("updatedOn", e.date.at(12, 0)).done()
}

func listExpenses(x *exchange) reply {
	w := x.world
	w.fill()
	p := paging(x.query, 100, 500)
	p.count = len(w.expenses)
	from, to := p.cut(len(w.expenses))
	rows := slices.Clone(w.expenses)
	slices.Reverse(rows)
	if x.query.get("format") == "csv" {
		return plain(w.expenseCSV(rows[from:to]), "text/csv; charset=UTF-8")
	}
	out := []json.RawMessage{}
	for _, e := range rows[from:to] {
		out = append(out, w.expenseRow(e))
	}
	return listed(out, p)
}

func (w *world) expenseCSV(rows []*expense) string {
	lines := [][]string{{"ID", "Date", "Listing", "Concept", "Amount"}}
	for _, e := range rows {
		lines = append(lines, []string{fmt.Sprint(e.id), e.date.String(), e.listing.name, e.concept, e.amount.fixed()})
	}
	var out strings.Builder
	_ = csv.NewWriter(&out).WriteAll(lines) // a strings.Builder never fails
	return out.String()
}

func getExpense(x *exchange) reply {
	x.world.fill()
	for _, e := range x.world.expenses {
		if e.id == x.number("id") {
			return ok(x.world.expenseRow(e))
		}
	}
	return noSuch("Expense")
}

func listStatements(x *exchange) reply {
	x.world.fill()
	rows := []json.RawMessage{}
	for _, s := range x.world.statements {
		rows = append(rows, newObject().set("id", s.id).set("statementName", s.name).done())
	}
	return ok(rows)
}
