// The fields of a listing, in the order in which they are sent, with what a client may do to each.
package hostawaytest

import "strings"

// fieldKind is the type of a field and whether clients may write it.
type fieldKind int

const (
	textField fieldKind = iota
	numberField
	zeroOne   // a boolean carried as 0 or 1
	realBool  // one of the newer, real booleans
	readOnly  // ignored silently in bodies (Hostaway docs, Listings, 2026-10-05)
	writeOnly // accepted, and always null in answers
)

type fieldGroup struct {
	kind  fieldKind
	names string
}

// listingFields follows the docs' table. id, name, specialStatus and the arrays are written apart from it.
var listingFields = []fieldGroup{
	{readOnly, "propertyTypeName"},
	{numberField, "propertyTypeId"},
	{textField, "internalListingName description houseRules keyPickup specialInstruction doorSecurityCode"},
	{readOnly, "externalListingName thumbnailUrl country"},
	{textField, "countryCode state city street address publicAddress zipcode"},
	{numberField, "price starRating weeklyDiscount monthlyDiscount"},
	{readOnly, "averageReviewRating averageNightlyPrice checkinFee isDepositStayCollected"},
	{numberField, "propertyRentTax guestPerPersonPerNightTax guestStayTax guestNightlyTax refundableDamageDeposit"},
	{writeOnly, "applyPropertyRentTaxToFees isRentalAgreementActive listingAgreementText"},
	{numberField, "personCapacity maxChildrenAllowed maxInfantsAllowed maxPetsAllowed lat lng"},
	{numberField, "checkInTimeStart checkInTimeEnd checkOutTime"},
	{textField, "cancellationPolicy roomType bathroomType"},
	{numberField, "squareMeters bedroomsNumber bedsNumber bathroomsNumber guestBathroomsNumber"},
	{numberField, "minNights maxNights guestsIncluded cleaningFee priceForExtraPerson airbnbPetFeeAmount"},
	{zeroOne, "instantBookable"},
	{numberField, "instantBookableLeadTime airbnbBookingLeadTime airbnbBookingLeadTimeAllowRequestToBook allowSameDayBooking sameDayBookingLeadTime"},
	{readOnly, "bookingEngineLeadTime"},
	{textField, "contactName contactSurName contactPhone1 contactPhone2 contactLanguage contactEmail contactAddress language currencyCode timeZoneName"},
	{textField, "invoicingContactName invoicingContactSurName invoicingContactPhone1 invoicingContactPhone2 invoicingContactLanguage invoicingContactEmail"},
	{textField, "invoicingContactAddress invoicingContactCity invoicingContactZipcode invoicingContactCountry"},
	{textField, "propertyLicenseNumber propertyLicenseType propertyLicenseIssueDate propertyLicenseExpirationDate"},
	{readOnly, "partnersListingMarkup airbnbOfficialListingMarkup bookingEngineMarkup homeawayApiMarkup marriottListingMarkup"},
	{numberField, "cancellationPolicyId airbnbCancellationPolicyId"},
	{readOnly, "bookingCancellationPolicyId vrboCancellationPolicyId marriottCancellationPolicyId"},
	{textField, "homeawayPropertyName homeawayPropertyHeadline homeawayPropertyDescription"},
	{textField, "bookingcomPropertyName bookingcomPropertyRoomName bookingcomPropertyDescription marriottListingName"},
	{realBool, "bookingcomPropertyRegisteredInVcs bookingcomPropertyHasVat bookingcomPropertyDeclaresRevenue"},
	{textField, "airbnbName airbnbSummary airbnbSpace airbnbAccess airbnbInteraction airbnbNeighborhoodOverview airbnbTransit airbnbNotes"},
	{readOnly, "airbnbListingUrl vrboListingUrl googleVrListingUrl expediaListingUrl"},
	{readOnly, "airbnbExportStatus vrboExportStatus bookingExportStatus expediaExportStatus marriottExportStatus googleExportStatus"},
	{textField, "wifiUsername wifiPassword cleannessStatus cleaningInstruction"},
	{readOnly, "cleannessStatusUpdatedOn insuranceEligibilityStatus latestActivityOn insertedOn"},
}

// listingArrays are replaced as a whole by a write, and filled in answers only with includeResources=1.
var listingArrays = []string{"listingAmenities", "listingBedTypes", "listingImages", "customFieldValues"}

type fieldSpec struct {
	name string
	kind fieldKind
}

type schema struct {
	specs []fieldSpec
	index map[string]int
}

var listingSchema = newSchema(listingFields)

func newSchema(groups []fieldGroup) schema {
	s := schema{index: map[string]int{}}
	for _, g := range groups {
		for _, name := range strings.Fields(g.names) {
			s.index[name] = len(s.specs)
			s.specs = append(s.specs, fieldSpec{name, g.kind})
		}
	}
	return s
}
