// One reservation: its state, the words for its statuses, and how it is written out.
package hostawaytest

import (
	"encoding/json"
	"fmt"
	"slices"
)

type reservation struct {
	id, listingID      int64
	listing            *listing
	slot               int
	channel, unit      int // unit counts from 1; 0: the listing has none
	status, source     string
	arrival, departure day
	previousArrival    day
	previousDeparture  day
	guest              guest

	adults, children, infants, pets int

	booked, inserted, updated, activity, cancelled stamp
	cancelledBy                                    string

	currency string
	total    cents
	paid     cents
	amounts  amounts
	lines    []financeLine // what a client wrote instead

	anchor                    bool // stands around today, see anchors
	starred, archived, pinned bool
	messy                     mess
	written                   map[string]json.RawMessage // plain fields that clients set
	logs                      []logRow
}

type guest struct{ first, last, email, phone, country, city, locale string }

// mess is what is wrong with a row, as it is in live data.
type mess struct{ noGuestName, nullMoney, quoted, realBools bool }

func (m mess) any() bool { return m != mess{} }

func (g guest) name() string { return g.first + " " + g.last }

func (r *reservation) guests() int { return r.adults + r.children }
func (r *reservation) nights() int { return int(r.departure - r.arrival) }

// holding are the statuses that keep others out (Hostaway docs, Reservations, status table).
var holding = []string{"new", "modified", "ownerStay", "awaitingPayment", "awaitingGuestVerification"}

var inquiries = []string{"inquiry", "inquiryPreapproved", "inquiryDenied", "inquiryTimedout", "inquiryNotPossible", "unknown"}

func (r *reservation) holds() bool   { return slices.Contains(holding, r.status) }
func (r *reservation) pending() bool { return r.status == "pending" || r.status == "unconfirmed" }
func isInquiry(status string) bool   { return slices.Contains(inquiries, status) }

// stands is true for a stay that happens and counts.
func (r *reservation) stands() bool { return r.status == "new" || r.status == "modified" }

// include says what was asked for beside the plain row.
type include struct {
	resources, policy, payments, single bool
}

func (w *world) reservationRow(r *reservation, with include) json.RawMessage {
	o := newObject().set("id", r.id)
	w.setIDs(o, r)
	w.setGuest(o, r)
	w.setStay(o, r)
	w.setMoney(o, r, with)
	w.setFlags(o, r)
	w.setNotes(o, r)
	w.setPolicies(o, r, with)
	w.setResources(o, r, with)
	return o.set("insertedOn", r.inserted).set("updatedOn", r.updated).set("latestActivityOn", r.activity).done()
}

func (w *world) setIDs(o *object, r *reservation) {
	var listingID any = r.listingID
	if r.messy.quoted {
		listingID = fmt.Sprint(r.listingID)
	}
	o.set("listingMapId", listingID).set("listingName", r.listing.name).set("channelId", r.channel).set("channelName", channelName(r.channel)).
		set("source", orNull(r.source))
	key := fmt.Sprintf("%d-%s", w.accountID, r.wordKey())
	o.set("reservationId", key).set("channelReservationId", key).set("hostawayReservationId", r.id).
		set("externalPropertyId", nil).set("externalRatePlanId", nil).set("externalUnitId", nil)
	var code any
	if r.channel == channelAirbnb {
		code = confirmationCode(r.id)
	}
	o.set("confirmationCode", code).set("customerUserId", r.wrote("customerUserId")).set("assigneeUserId", r.wrote("assigneeUserId")).
		set("manualIcalId", nil).set("manualIcalName", nil)
}

func confirmationCode(id int64) string {
	const letters = "ABCDEFGHJKMNPQRSTWXYZ2345689"
	d, code := newDice(id, streamWords), []byte("HM")
	for range 8 {
		code = append(code, letters[d.below(len(letters))])
	}
	return string(code)
}

// wrote gives what a client wrote into a plain field, or nil.
func (r *reservation) wrote(field string) any {
	if raw, ok := r.written[field]; ok {
		return raw
	}
	return nil
}

func (r *reservation) wroteOr(field string, otherwise any) any {
	if raw := r.wrote(field); raw != nil {
		return raw
	}
	return otherwise
}

func (w *world) setGuest(o *object, r *reservation) {
	g := r.guest
	if !r.messy.noGuestName {
		o.set("guestName", g.name())
	}
	o.set("guestFirstName", orNull(g.first)).set("guestLastName", orNull(g.last)).set("guestEmail", orNull(g.email)).
		set("phone", orNull(g.phone)).set("guestAddress", r.wrote("guestAddress")).set("guestZipCode", r.wrote("guestZipCode")).
		set("guestCity", orNull(g.city)).set("guestCountry", orNull(g.country)).set("guestPicture", nil).set("guestLocale", orNull(g.locale)).
		set("guestWork", nil).set("guestRecommendations", nil).set("guestTrips", nil).set("guestExternalAccountId", nil).
		set("guestAuthHash", fmt.Sprintf("%016x", newDice(r.id, w.seed).next())).
		set("guestPortalUrl", fmt.Sprintf("https://portal.example.com/g/%x", newDice(w.seed, r.id).next())).
		set("isGuestIdentityVerified", flag(r.id%5 == 0))
	o.set("numberOfGuests", r.guests()).set("adults", r.adults).set("children", r.children).set("infants", r.infants).set("pets", r.pets)
}

func (w *world) setStay(o *object, r *reservation) {
	nights := any(r.nights())
	if r.messy.quoted {
		nights = fmt.Sprint(r.nights())
	}
	o.set("arrivalDate", r.arrival).set("departureDate", r.departure).set("nights", nights).
		set("checkInTime", r.wroteOr("checkInTime", r.listing.get("checkInTimeStart"))).
		set("checkOutTime", r.wroteOr("checkOutTime", r.listing.get("checkOutTime"))).
		set("previousArrivalDate", r.previousArrival).set("previousDepartureDate", r.previousDeparture).
		set("reservationDate", r.booked)
	var expires stamp
	if r.pending() {
		expires = r.booked + daySeconds
	}
	o.set("pendingExpireDate", expires).set("status", r.status).set("cancellationDate", r.cancelled).set("cancelledBy", orNull(r.cancelledBy))
}

func (w *world) setFlags(o *object, r *reservation) {
	talk := w.talkOf[r.id]
	for _, f := range []struct {
		name string
		on   bool
	}{
		{"isProcessed", true},
		{"isInitial", false},
		{"isManuallyChecked", false},
		{"isInstantBooked", r.stands()},
		{"hasPullError", false},
		{"isStarred", r.starred},
		{"isArchived", r.archived},
		{"isPinned", r.pinned},
		{"isDatesUnspecified", false},
		{"hasUnreadConversationMessages", talk != nil && talk.unread},
	} {
		if r.messy.realBools {
			o.set(f.name, f.on)
		} else {
			o.set(f.name, flag(f.on))
		}
	}
}

func (w *world) setNotes(o *object, r *reservation) {
	for _, name := range []string{"hostNote", "guestNote", "comment", "doorCodeVendor", "doorCodeInstruction"} {
		o.set(name, r.wrote(name))
	}
	var code any
	if r.stands() && r.arrival <= w.today+2 && r.id%4 != 0 {
		code = fmt.Sprintf("%04d", newDice(w.seed, r.id, streamWords).below(10000))
	}
	o.set("doorCode", r.wroteOr("doorCode", code))
	o.set("reservationAgreement", w.agreement(r)).set("rentalAgreementFileUrl", nil).
		set("insuranceStatus", "not_eligible").set("claimStatus", nil).set("insurancePolicyId", nil)
}

// agreement is the state of the rental agreement; only direct guests sign one.
func (w *world) agreement(r *reservation) string {
	if raw, ok := r.written["reservationAgreement"]; ok {
		return fields{"v": raw}.text("v")
	}
	if r.channel != channelDirect && r.channel != 2013 {
		return "not_required"
	}
	return []string{"signed", "not_signed"}[r.id%2]
}
