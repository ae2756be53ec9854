// The money of one reservation: financeField, financeStandardField, calculated fields and formulas.
package hostawaytest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

func listFinanceFields(x *exchange) reply {
	r := x.reservation("id")
	if r == nil {
		return noSuch("Reservation")
	}
	return ok(r.financeRows())
}

func updateFinanceField(x *exchange) reply {
	r := x.reservation("id")
	if r == nil {
		return noSuch("Reservation")
	}
	if r.listing.archived {
		return archived(r.listing)
	}
	f, valid := parseFields(x.body)
	if !valid {
		return refuse(http.StatusBadRequest, "Request body is not valid JSON")
	}
	lines := r.breakdown()
	for i := range lines {
		if lines[i].id != x.number("field") {
			continue
		}
		lines[i].write(f)
		before := r.logged()
		r.lines = lines
		x.world.touch(r, before)
		return ok(lines[i].row())
	}
	return noSuch("Finance field")
}

func (l *financeLine) write(f fields) {
	if value, sent := f.money("value"); sent {
		l.value = value
	}
	if f.has("isIncludedInTotalPrice") {
		l.included = f.truth("isIncludedInTotalPrice")
	}
	if f.has("isOverriddenByUser") {
		l.overridden = f.truth("isOverriddenByUser")
	}
}

// readLines takes a whole breakdown as a client sends it: rows that name an id change that line, new ones are added, missing
// ones and those with isDeleted are gone. The total of the reservation is not added up again.
func readLines(r *reservation, rows []fields) []financeLine {
	known := map[int64]financeLine{}
	for _, l := range r.breakdown() {
		known[l.id] = l
	}
	out := []financeLine{}
	for n, f := range rows {
		if f.truth("isDeleted") {
			continue
		}
		id, _ := f.number("id")
		l, have := known[id]
		if !have {
			l = financeLine{id: r.id*100 + 50 + int64(n), kind: f.text("type"), name: f.text("name"), title: f.text("title"), included: true}
			l.feeSetting, _ = f.number("listingFeeSettingId")
			if total, sent := f.money("total"); sent {
				l.value = total
			}
		}
		l.write(f)
		out = append(out, l)
	}
	return out
}

// standardFields are the amounts of financeStandardField, in the docs' order.
var standardFields = strings.Fields(`baseRate priceForExtraPerson cleaningFeeValue damageDeposit
guestChannelFee hostChannelFee otaPaymentProcessingFee paymentServiceProcessingFees bookingComCancellationGuestFee cancellationPayout cancellationHostFee insuranceFee
additionalCleaningFee parkingFee towelChangeFee midstayCleaningFee roomRequestFee reservationChangeFee checkinFee lateCheckoutFee otherFees creditCardFee
kitchenLinenFee linenPackageFee transferFee wristbandFee extraBedsFee serviceFee bedLinenFee bookingFee petFee skiPassFee tourismFee childrenExtraFee resortFee
resortFeeAirbnb communityFeeAirbnb managementFeeAirbnb linenFeeAirbnb
vat salesTax cityTax otherTaxes roomTax transientOccupancyTax lodgingTax hotelTax guestNightlyTax guestStayTax guestPerPersonPerNightTax propertyRentTax
weeklyDiscount monthlyDiscount couponDiscount shareholderDiscount lastMinuteDiscount employeeDiscount otherSpecialDiscount`)

// standardName gives the standard field of a line of the breakdown.
func standardName(line string) string {
	for _, spec := range lineSpecs {
		if spec.name == line {
			return spec.standard
		}
	}
	return line
}

// standard gives the standard fields that have an amount.
func (r *reservation) standard() map[string]cents {
	out := map[string]cents{}
	for _, l := range r.breakdown() {
		if name := standardName(l.name); name != "" {
			out[name] += l.value
		}
	}
	return out
}

func getStandardField(x *exchange) reply {
	r := x.reservation("id")
	if r == nil {
		return noSuch("Reservation")
	}
	if x.world.withoutReports {
		return reportsOff()
	}
	have := r.standard()
	o := newObject().set("id", r.id+70000000).set("accountId", x.world.accountID).set("listingMapId", r.listingID).
		set("channelId", r.channel).set("reservationId", r.id)
	for _, name := range standardFields {
		var value any
		if amount, known := have[name]; known {
			value = amount
		}
		o.set(name, value)
	}
	return ok(o.set("manuallySetFields", "[]").set("customFeeValuesJson", "[]").set("insertedOn", r.inserted).set("updatedOn", r.updated).done())
}

func reportsOff() reply {
	return refuse(http.StatusForbidden, "Financial reporting is not enabled for this account")
}

// formula is a custom formula of the account: an owner's share and what the manager keeps.
type formula struct {
	id           int64
	name, value  string
	managerShare bool
}

var formulas = []formula{
	{81, "pmCommission", "(baseRate + priceForExtraPerson + weeklyDiscount + monthlyDiscount - hostChannelFee) * 0.20", true},
	{82, "ownerPayout", "baseRate + priceForExtraPerson + weeklyDiscount + monthlyDiscount - hostChannelFee - pmCommission", false},
}

// shared is the money that manager and owner split.
func (r *reservation) shared() cents {
	return r.line("baseRate") + r.line("pricePerExtraPerson") + r.line("weeklyDiscount") + r.line("monthlyDiscount") - r.line("hostChannelFee")
}

func (r *reservation) commission() cents  { return r.shared().percent(2000) }
func (r *reservation) ownerPayout() cents { return r.shared() - r.commission() }

func (f formula) result(r *reservation) cents {
	if f.managerShare {
		return r.commission()
	}
	return r.ownerPayout()
}

func (f formula) filled(r *reservation) string {
	if f.managerShare {
		return fmt.Sprintf("(%s) * 0.20", r.shared())
	}
	return fmt.Sprintf("%s - %s", r.shared(), r.commission())
}

func listCalculatedFields(x *exchange) reply {
	r := x.reservation("id")
	if r == nil {
		return noSuch("Reservation")
	}
	if x.world.withoutReports {
		return reportsOff()
	}
	rows := []json.RawMessage{}
	for _, f := range formulas {
		if !r.hasMoney() {
			break
		}
		rows = append(rows, newObject().set("id", r.id*10+f.id).set("accountId", x.world.accountID).set("listingMapId", r.listingID).
			set("financeCustomFormulaId", f.id).set("channelId", r.channel).set("reservationId", r.id).set("formulaName", f.name).
			set("formulaValue", f.value).set("formulaFilled", f.filled(r)).set("formulaResult", f.result(r)).
			set("insertedOn", r.inserted).set("updatedOn", r.updated).done())
	}
	return ok(rows)
}

func listFormulas(x *exchange) reply {
	if x.world.withoutReports {
		return reportsOff()
	}
	rows := []json.RawMessage{}
	for _, f := range formulas {
		at := (x.world.today - 400).at(12, 0)
		rows = append(rows, newObject().set("id", f.id).set("accountId", x.world.accountID).set("listingMapId", nil).set("channelIds", []int{}).
			set("formulaName", f.name).set("formulaValue", f.value).set("isOverride", flag(false)).set("insertedOn", at).set("updatedOn", at).done())
	}
	// The docs show the count of this list as a string.
	return reply{status: http.StatusOK, result: appendArray(nil, rows), page: &page{count: len(rows), nullOffset: true, textCount: true}}
}
