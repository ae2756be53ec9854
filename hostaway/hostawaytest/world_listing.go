// Makes the listings of a world: four cities in turn, one archived, one with several units, some with things left out.
package hostawaytest

import (
	"encoding/json"
	"fmt"
)

// Positions with a part of their own, within each dozen of listings.
const (
	multiUnitListing = 7 // Nashville, four units
	archivedListing  = 9 // Porto
	bareListing      = 10
	unitsInMulti     = 4
)

func (w *world) makeListing(i int) *listing {
	d := newDice(w.seed, streamListing, int64(i))
	p := places[i%len(places)]
	l := &listing{
		index: i, place: p, values: make([]any, len(listingSchema.specs)), arrays: map[string][]json.RawMessage{},
		archived: i%12 == archivedListing && (w.rich || i%120 == archivedListing),
		inserted: (w.today - day(700+newDice(shapeSeed, streamListing, int64(i)).below(900))).at(9, 30), bookable: i%3 != 2,
	}
	l.activity = (w.today - day(1+i%40)).at(8+i%12, 15)
	l.name = w.listingName(i, d, p)
	if i%12 == multiUnitListing {
		for u := range unitsInMulti {
			l.units = append(l.units, listingUnit{int64(firstUnit + i*10 + u), fmt.Sprintf("Suite %d", u+1)})
		}
	}
	l.setBasics(w, d)
	l.setRooms(d)
	l.setRules(d)
	l.setPeople(w, d)
	l.setExtras(i, d)
	if i%12 == bareListing {
		l.strip()
	}
	return l
}

func (w *world) listingName(i int, d *dice, p *place) string {
	name := fmt.Sprintf("%s %s %s", pick(d, listingMoods), pick(d, p.districts), pick(d, listingKinds))
	if i >= 12 {
		name += fmt.Sprintf(" %d", i+1)
	}
	return w.marked(name)
}

func (l *listing) setBasics(w *world, d *dice) {
	p := l.place
	street, number, zip := pick(d, p.streets), d.between(2, 140), fmt.Sprintf(p.zip, d.between(3, 80))
	l.put("externalListingName", l.name)
	l.put("internalListingName", w.marked(fmt.Sprintf("%s-%02d", p.code+p.city[:3], l.index+1)))
	perk := d.below(len(listingPerks))
	l.put("description", w.marked(fmt.Sprintf("%s. You will find %s and %s. Ten minutes on foot to the centre of %s.",
		pick(d, listingViews), listingPerks[perk], listingPerks[(perk+1+d.below(len(listingPerks)-1))%len(listingPerks)], p.city)))
	l.put("propertyTypeId", 1+d.below(8))
	for field, value := range map[string]string{
		"country": p.country, "countryCode": p.code, "state": p.state, "city": p.city, "street": fmt.Sprintf("%s %d", street, number),
		"address":       fmt.Sprintf("%s %d, %s %s, %s", street, number, zip, p.city, p.country),
		"publicAddress": fmt.Sprintf("%s, %s, %s", street, p.city, p.country), "zipcode": zip,
		"timeZoneName": p.zone, "currencyCode": p.currency, "language": "en",
	} {
		l.put(field, value)
	}
	l.put("lat", json.RawMessage(fmt.Sprintf("%.5f", p.lat+float64(d.between(-2000, 2000))/1e5)))
	l.put("lng", json.RawMessage(fmt.Sprintf("%.5f", p.lng+float64(d.between(-2000, 2000))/1e5)))
}

func (l *listing) setRooms(d *dice) {
	bedrooms := d.between(1, 4)
	capacity := bedrooms*2 + d.below(2)
	price := d.between(l.place.low, l.place.high)
	for field, value := range map[string]int{
		"personCapacity": capacity, "bedroomsNumber": bedrooms, "bedsNumber": bedrooms + d.below(2), "guestBathroomsNumber": 0,
		"squareMeters": 28 + bedrooms*22 + d.below(20), "guestsIncluded": max(2, capacity-2), "maxPetsAllowed": d.below(2), "price": price,
		"cleaningFee": 35 + bedrooms*15, "priceForExtraPerson": 10 + 5*d.below(4), "refundableDamageDeposit": 100 * d.below(4),
	} {
		l.put(field, value)
	}
	l.put("averageNightlyPrice", cents(price*104))
	l.put("bathroomsNumber", cents(bedrooms*50+50)) // 1, 1.5, 2, 2.5: clients accept halves
	l.put("roomType", "entire_home")
	l.put("bathroomType", "private")
	l.put("weeklyDiscount", json.RawMessage("0.9"))
	l.put("monthlyDiscount", json.RawMessage("0.8"))
	l.put("starRating", 3+d.below(3))
}

var (
	policies  = []string{"flexible", "moderate", "firm", "strict", "no_refund"}
	checkIns  = []int{15, 15, 16, 14}
	checkOuts = []int{11, 10, 11, 12}
)

func (l *listing) setRules(d *dice) {
	for field, value := range map[string]int{
		"minNights": d.between(1, 3), "maxNights": 90, "checkInTimeStart": pick(d, checkIns), "checkInTimeEnd": 22,
		"checkOutTime": pick(d, checkOuts), "instantBookable": d.below(2), "instantBookableLeadTime": 1, "allowSameDayBooking": 2,
		"sameDayBookingLeadTime": 12, "bookingEngineLeadTime": 1,
	} {
		l.put(field, value)
	}
	l.put("cancellationPolicy", pick(d, policies))
	l.put("houseRules", "No parties. Quiet after 22:00. Please take off your shoes.")
	l.put("keyPickup", "Key box beside the door; the code comes on the day of arrival.")
	l.put("doorSecurityCode", fmt.Sprintf("%04d", d.below(10000)))
	l.put("wifiUsername", fmt.Sprintf("%s-guest-%d", l.place.code, l.index+1))
	l.put("wifiPassword", fmt.Sprintf("%s%d%s", pick(d, listingMoods), d.between(100, 999), pick(d, listingKinds)[:3]))
	l.put("cleannessStatus", pick(d, []string{"1", "2"}))
	l.put("cleaningInstruction", "Change all linen, check the coffee machine, photograph the meter.")
}

func (l *listing) setPeople(w *world, d *dice) {
	owner := ownerOf(w, l.index)
	l.put("contactName", w.marked("Rita"))
	l.put("contactSurName", "Campos")
	l.put("contactEmail", "stays@casa-collective.example")
	l.put("contactPhone1", "+351 21 555 0100")
	l.put("contactLanguage", "en")
	l.put("invoicingContactName", owner.name)
	l.put("invoicingContactEmail", owner.email)
	l.put("invoicingContactCity", l.place.city)
	if l.place.code != "US" {
		l.put("propertyLicenseNumber", fmt.Sprintf("%d/AL", d.between(10000, 99999)))
		l.put("propertyLicenseType", "local accommodation")
		l.put("propertyLicenseExpirationDate", (w.today + day(d.between(-20, 700))).String())
	}
}

func (l *listing) setExtras(i int, d *dice) {
	for n := range 5 + d.below(6) {
		l.arrays["listingAmenities"] = append(l.arrays["listingAmenities"],
			newObject().set("id", l.index*100+n+1).set("amenityId", n*3+1+d.below(3)).done())
	}
	for n := range l.number("bedroomsNumber") {
		l.arrays["listingBedTypes"] = append(l.arrays["listingBedTypes"],
			newObject().set("id", l.index*10+n+1).set("bedTypeId", 1+d.below(4)).set("quantity", 1).done())
	}
	for n := range 3 + d.below(4) {
		l.arrays["listingImages"] = append(l.arrays["listingImages"], newObject().set("id", l.index*100+n+1).set("caption", nil).
			set("url", fmt.Sprintf("https://images.example.com/%d/%d.jpg", i+1, n+1)).set("sortOrder", n+1).done())
	}
	l.arrays["customFieldValues"] = []json.RawMessage{newObject().set("customFieldId", 501).set("value", "Blue bin on Tuesdays").done()}
	for channelField, value := range map[string]string{
		"airbnbName": l.name, "bookingcomPropertyName": l.name, "homeawayPropertyName": l.name,
		"airbnbListingUrl": fmt.Sprintf("https://www.airbnb.example/rooms/%d", 70000+i), "airbnbExportStatus": "exported", "bookingExportStatus": "exported",
	} {
		l.put(channelField, value)
	}
	l.put("bookingcomPropertyHasVat", false)
	l.put("airbnbOfficialListingMarkup", json.RawMessage("1"))
}

// strip leaves out what a careful manager would fill in: a listing that misses rules, licence, photos, Wi-Fi.
func (l *listing) strip() {
	for _, field := range []string{"description", "houseRules", "wifiUsername", "wifiPassword", "propertyLicenseNumber", "squareMeters", "cancellationPolicy"} {
		l.put(field, nil)
	}
	l.arrays["listingImages"], l.arrays["listingAmenities"] = nil, nil
}

type owner struct{ name, email, phone string }

// ownerOf gives the owner of a listing: one owner for every three listings, not neighbours.
func ownerOf(w *world, index int) owner { return w.ownerNumber(index % w.owners) }

func (w *world) ownerNumber(n int) owner {
	d := newDice(w.seed, streamWords, int64(n))
	first, last := pick(d, firstNames), pick(d, lastNames)
	return owner{w.marked(first + " " + last), fmt.Sprintf("owner%d@owners.example", n+1), fmt.Sprintf("+44 20 7946 0%03d", n%1000)}
}
