// GET /ownerStatement/{id}: the month of one owner, with figures that agree with reservations and expenses.
package hostawaytest

import (
	"encoding/json"
	"fmt"
	"slices"
)

func getStatement(x *exchange) reply {
	x.world.fill()
	for _, s := range x.world.statements {
		if s.id == x.number("id") {
			return ok(x.world.statementRow(s))
		}
	}
	return noSuch("Owner statement")
}

// statementStays gives the stays that left in the month, of the listings of the owner.
func (w *world) statementStays(s *statement) []*reservation {
	var out []*reservation
	for _, id := range s.listingOf {
		for _, r := range w.byListing[id] {
			if r.stands() && r.departure >= s.from && r.departure <= s.to {
				out = append(out, r)
			}
		}
	}
	slices.SortFunc(out, func(a, b *reservation) int { return int(a.id - b.id) })
	return out
}

func (w *world) statementRow(s *statement) json.RawMessage {
	stays := w.statementStays(s)
	report := w.consolidatedReport(stays)
	report.currency = oneCurrency(stays)
	var payout, commission, spent cents
	for _, r := range stays {
		payout, commission = payout+r.ownerPayout(), commission+r.commission()
	}
	expenses := []json.RawMessage{}
	for _, e := range s.expenses {
		spent += e.amount
		expenses = append(expenses, w.statementExpense(e))
	}
	filter := newObject().set("listingMapIds", s.listingOf).set("quickDate", nil).set("fromDate", s.from).set("toDate", s.to).
		set("statuses", []string{"new", "modified"}).set("dateType", "departureDate").set("tags", []int{}).set("channelIds", []int{}).
		set("columns", []string{}).set("summaryDataFormulaNames", []string{"pmCommission", "ownerPayout"}).done()
	summary := []json.RawMessage{
		newObject().set("formulaName", "pmCommission").set("totalValue", commission).done(),
		newObject().set("formulaName", "ownerPayout").set("totalValue", payout).done(),
	}
	grand := newObject().set("expensesTotal", spent).set("grandTotalAmount", payout+spent).set("formulasTotal", []json.RawMessage{
		newObject().set("name", "ownerPayout").set("amount", payout).done(),
	}).done()
	return newObject().set("id", s.id).set("accountId", fmt.Sprint(w.accountID)).set("statementName", s.name).set("invoiceName", nil).
		set("filterParametersJson", filter).set("summaryDataJson", summary).set("financeDataJson", report.json()).
		set("propertyManagerName", w.marked("Casa Collective")).set("propertyManagerEmail", "office@casa-collective.example").
		set("propertyManagerAddress", nil).set("propertyManagerPhone", "+351 21 555 0100").set("propertyOwnerName", s.ownedBy.name).
		set("propertyOwnerEmail", s.ownedBy.email).set("propertyOwnerAddress", nil).set("propertyOwnerPhone", s.ownedBy.phone).
		set("grandTotalJson", grand).set("notes", nil).set("expenses", expenses).set("accessByUsers", []int{}).
		set("insertedOn", s.madeOn).set("updatedOn", s.madeOn).done()
}

func (w *world) statementExpense(e *expense) json.RawMessage {
	var reservationID any
	if e.reservation != nil {
		reservationID = e.reservation.id
	}
	return newObject().set("id", e.id).set("listingMapId", e.listing.id).set("reservationId", reservationID).set("expenseDate", e.date).
		set("concept", e.concept).set("amount", e.amount).done()
}
