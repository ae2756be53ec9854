// The money, policy and nested parts of a reservation row.
package hostawaytest

import (
	"encoding/json"
	"fmt"
)

func (w *world) setMoney(o *object, r *reservation, with include) {
	known := func(c cents) any {
		if r.messy.nullMoney {
			return nil
		}
		return c
	}
	// Only what is there: live rows carry null rather than 0 for these.
	some := func(c cents) any {
		if c == 0 || r.messy.nullMoney {
			return nil
		}
		return c
	}
	total := known(r.total)
	if r.messy.quoted {
		total = r.total.fixed()
	}
	tax := r.sumOf("tax")
	o.set("totalPrice", total).set("currency", r.currency).set("taxAmount", some(tax)).
		set("channelCommissionAmount", some(r.line("hostChannelFee"))).set("hostawayCommissionAmount", nil).
		set("cleaningFee", some(r.line("cleaningFee"))).set("securityDepositFee", some(r.listing.money("refundableDamageDeposit")))
	o.set("isPaid", r.paidFlag()).set("paymentStatus", r.paymentStatus()).set("paymentMethod", orNull(r.paymentMethod())).
		set("stripeGuestId", nil).set("guestPaymentCardIsVirtual", flag(r.channel == channelBooking))
	if with.payments {
		o.set("remainingBalance", known(r.total-r.paid))
	}
	w.setAirbnbMoney(o, r, some)
}

func (w *world) setAirbnbMoney(o *object, r *reservation, some func(cents) any) {
	if r.channel != channelAirbnb {
		some = func(cents) any { return nil }
	}
	o.set("airbnbExpectedPayoutAmount", some(r.line("airbnbPayoutSum"))).set("airbnbListingBasePrice", some(r.line("baseRate"))).
		set("airbnbListingCancellationHostFee", nil).set("airbnbListingCancellationPayout", some(r.line("cancellationPayout"))).
		set("airbnbListingCleaningFee", some(r.line("cleaningFee"))).set("airbnbListingHostFee", some(r.line("hostChannelFee"))).
		set("airbnbListingSecurityPrice", nil).set("airbnbOccupancyTaxAmountPaidToHost", nil).set("airbnbTotalPaidAmount", some(r.line("totalPaid"))).
		set("airbnbTransientOccupancyTaxPaidAmount", some(r.line("airbnbTransientOccupancyTax")))
}

// sumOf adds the included lines of one type.
func (r *reservation) sumOf(kind string) cents {
	var sum cents
	for _, l := range r.breakdown() {
		if l.kind == kind && l.included {
			sum += l.value
		}
	}
	return sum
}

func (r *reservation) paymentStatus() string {
	switch {
	case !r.hasMoney():
		return "Unknown"
	case r.paid >= r.total:
		return "Paid"
	case r.paid > 0:
		return "Partially paid"
	}
	return "Unpaid"
}

func (r *reservation) paidFlag() any {
	if !r.hasMoney() {
		return nil
	}
	return flag(r.paid >= r.total)
}

func (r *reservation) paymentMethod() string {
	switch r.channel {
	case channelBooking:
		return "vcc"
	case channelDirect, 2013:
		return "credit_card"
	}
	return ""
}

func (w *world) setPolicies(o *object, r *reservation, with include) {
	policy := r.listing.text("cancellationPolicy")
	o.set("cancellationPolicyId", nil).set("cancellationPolicy", orNull(policy))
	var airbnb any
	if r.channel == channelAirbnb {
		airbnb = orNull(policy)
	}
	o.set("airbnbCancellationPolicy", airbnb)
	if !with.policy {
		return
	}
	o.set("cancellationPolicyDetails", newObject().set("name", policy).set("channelId", r.channel).set("channelSpecificCode", nil).
		set("longTerm", r.nights() >= 28).set("cancellationPolicyItem", []json.RawMessage{
		newObject().set("refundAmount", "100").set("refundType", "percentage").set("refundField", "totalPrice").
			set("timeDelta", "-1209600").set("event", "arrival").done(),
	}).done())
	for _, name := range []string{"bookingCancellationPolicy", "vrboCancellationPolicy", "marriottCancellationPolicy"} {
		o.set(name, nil)
	}
}

func (w *world) setResources(o *object, r *reservation, with include) {
	custom, units, proxy := []json.RawMessage{}, []json.RawMessage{}, any(nil)
	if with.resources {
		custom = append(custom, newObject().set("customFieldId", 601).set("value", []string{"yes", "no"}[r.id%2]).done())
		if u := r.unit - 1; u >= 0 && u < len(r.listing.units) {
			units = append(units, w.unitRow(r, r.listing.units[u]))
		}
	}
	if with.resources || with.single {
		proxy = hostProxy(r)
	}
	o.set("hostProxyEmail", proxy).set("customFieldValues", custom).set("reservationFees", []int{}).set("reservationUnit", units)
	finance := []json.RawMessage{}
	if with.resources || with.single {
		finance = r.financeRows()
	}
	o.set("financeField", finance)
	if with.single && with.resources {
		o.set("bookingcomSpecialRequests", nil).set("bookingcomSmokingPreference", nil).set("bookingcomIsGeniusMember", flag(r.id%3 == 0)).
			set("bookingcomBookerName", nil).set("bookingcomNoShowReportedAt", nil).set("bookingcomNoShowFeeWaived", nil)
	}
}

func (w *world) unitRow(r *reservation, u listingUnit) json.RawMessage {
	return newObject().set("id", r.id*10+int64(r.unit)).set("reservationId", r.id).set("listingUnitId", u.id).
		set("externalReservationId", nil).set("guestName", r.guest.name()).set("numberOfGuests", r.guests()).
		set("adults", r.adults).set("children", r.children).set("infants", r.infants).set("pets", r.pets).set("totalPrice", r.total).done()
}

func hostProxy(r *reservation) string { return fmt.Sprintf("stay-%d@host.example.com", r.id) }

func (r *reservation) financeRows() []json.RawMessage {
	rows := []json.RawMessage{}
	for _, l := range r.breakdown() {
		rows = append(rows, l.row())
	}
	return rows
}

func (l financeLine) row() json.RawMessage {
	return newObject().set("id", l.id).set("units", 1).set("listingFeeSettingId", idOrNull(l.feeSetting)).set("type", l.kind).
		set("name", l.name).set("title", l.title).set("alias", orNull(l.alias)).set("quantity", nil).set("value", l.value).set("total", l.value).
		set("isIncludedInTotalPrice", flag(l.included)).set("isOverriddenByUser", flag(l.overridden)).set("isMandatory", nil).
		set("isQuantitySelectable", flag(l.quantified)).set("isDeleted", flag(false)).done()
}
