// The money of a reservation: lines of the price breakdown, kept so that the included ones always add up to the total.
package hostawaytest

import "fmt"

// lineKind numbers the lines that this world uses.
type lineKind int

const (
	baseRate lineKind = iota
	extraPerson
	weeklyDiscount
	monthlyDiscount
	cleaningFee
	petFee
	salesTax
	lodgingTax
	cityTax
	airbnbTax
	hostFee
	guestFee
	otaProcessing
	priceFromChannel
	totalPaid
	airbnbPayout
	cancellationPayout
	refundSum
	lineKinds
)

// lineSpec says how a line is called in the breakdown and in the standard fields; types are spelled as live data has them.
type lineSpec struct {
	kind, name, title, standard string
	included                    bool
}

var lineSpecs = [lineKinds]lineSpec{
	baseRate:           {"accommodation", "baseRate", "Base rate", "baseRate", true},
	extraPerson:        {"accommodation", "pricePerExtraPerson", "Price per extra person", "priceForExtraPerson", true},
	weeklyDiscount:     {"discount", "weeklyDiscount", "Weekly discount", "weeklyDiscount", true},
	monthlyDiscount:    {"discount", "monthlyDiscount", "Monthly discount", "monthlyDiscount", true},
	cleaningFee:        {"fee", "cleaningFee", "Cleaning fee", "cleaningFeeValue", true},
	petFee:             {"fee", "petFee", "Pet fee", "petFee", true},
	salesTax:           {"tax", "salesTax", "Sales tax", "salesTax", true},
	lodgingTax:         {"tax", "lodgingTax", "Lodging tax", "lodgingTax", true},
	cityTax:            {"tax", "cityTax", "City tax", "cityTax", true},
	airbnbTax:          {"tax", "airbnbTransientOccupancyTax", "Transient occupancy tax", "transientOccupancyTax", true},
	hostFee:            {"commissions", "hostChannelFee", "Host channel fee", "hostChannelFee", false},
	guestFee:           {"commissions", "guestChannelFee", "Guest channel fee", "guestChannelFee", false},
	otaProcessing:      {"commissions", "otaPaymentProcessingFee", "Payment processing fee", "otaPaymentProcessingFee", false},
	priceFromChannel:   {"totals", "totalPriceFromChannel", "Total price from channel", "", false},
	totalPaid:          {"totals", "totalPaid", "Total paid", "", false},
	airbnbPayout:       {"totals", "airbnbPayoutSum", "Airbnb payout", "", false},
	cancellationPayout: {"totals", "cancellationPayout", "Cancellation payout", "cancellationPayout", false},
	refundSum:          {"other", "refundSum", "Refunds", "", false},
}

type amounts [lineKinds]cents

// total is what the guest pays: the sum of the included lines.
func (a *amounts) total() cents {
	var sum cents
	for kind, spec := range lineSpecs {
		if spec.included {
			sum += a[kind]
		}
	}
	return sum
}

func (a *amounts) taxes() cents { return a[salesTax] + a[lodgingTax] + a[cityTax] + a[airbnbTax] }

// season is the price of a month in percent of the base price, January first.
var season = [12]int{80, 84, 95, 105, 112, 124, 138, 140, 118, 104, 86, 98}

// nightly is the price of a night that nobody changed by hand.
func (l *listing) nightly(d day) cents {
	price := l.money("price").percent(season[d.time().Month()-1] * 100)
	if d.weekend() {
		price = price.percent(12000)
	}
	return (price + 50) / 100 * 100
}

// quote fills the lines of a stay from the prices of its listing. jitter is the price in percent at the time of booking.
func (l *listing) quote(r *reservation, jitter int) {
	a := &r.amounts
	nights := int(r.departure - r.arrival)
	for d := r.arrival; d < r.departure; d++ {
		a[baseRate] += l.nightly(d)
	}
	a[baseRate] = a[baseRate].percent(jitter * 100)
	if extra := r.guests() - l.number("guestsIncluded"); extra > 0 {
		a[extraPerson] = l.money("priceForExtraPerson") * cents(extra*nights)
	}
	switch {
	case nights >= 28:
		a[monthlyDiscount] = -a[baseRate].percent(2000)
	case nights >= 7:
		a[weeklyDiscount] = -a[baseRate].percent(1000)
	}
	a[cleaningFee] = l.money("cleaningFee")
	if r.pets > 0 {
		a[petFee] = 4000
	}
	l.tax(r, nights)
	r.total = a.total()
	r.payChannel()
}

func (l *listing) tax(r *reservation, nights int) {
	a := &r.amounts
	a[cityTax] = l.place.cityTaxPerNight * cents(r.adults*min(nights, 7))
	net := a.total() - a.taxes()
	sales, lodging := net.percent(l.place.salesTaxRate), net.percent(l.place.lodgingTaxRate)
	if r.channel == channelAirbnb {
		a[airbnbTax] = sales + lodging // collected by the channel
		return
	}
	a[salesTax], a[lodgingTax] = sales, lodging
}

// payChannel fills commissions and payouts. Hostaway gives commissions as positive amounts.
func (r *reservation) payChannel() {
	a := &r.amounts
	net := r.total - a.taxes()
	a[hostFee] = net.percent(channelFee(r.channel))
	switch r.channel {
	case channelAirbnb:
		a[airbnbPayout] = r.total - a[airbnbTax] - a[hostFee]
	case channelBooking:
		a[otaProcessing] = r.total.percent(140)
	case channelVrbo:
		a[guestFee] = net.percent(900)
	}
	if channelFee(r.channel) > 0 {
		a[priceFromChannel] = r.total
	}
}

// financeLine is one row of the breakdown.
type financeLine struct {
	id                               int64
	kind, name, title, alias         string
	value                            cents
	feeSetting                       int64
	included, overridden, quantified bool
}

// breakdown gives the lines: those that a client wrote, or those of the world.
func (r *reservation) breakdown() []financeLine {
	if r.lines != nil || !r.hasMoney() {
		return r.lines
	}
	var out []financeLine
	for kind, spec := range lineSpecs {
		if value := r.amounts[kind]; value != 0 {
			out = append(out, financeLine{
				id: r.id*100 + int64(kind) + 1, kind: spec.kind, name: spec.name, title: spec.title, value: value, included: spec.included,
			})
		}
	}
	return out
}

// line gives the amount of the named line of the breakdown.
func (r *reservation) line(name string) cents {
	var sum cents
	for _, l := range r.breakdown() {
		if l.name == name {
			sum += l.value
		}
	}
	return sum
}

// hasMoney is false for owner stays, inquiries and rows whose money never arrived.
func (r *reservation) hasMoney() bool {
	return r.status != "ownerStay" && !r.messy.nullMoney && !isInquiry(r.status)
}

func (r *reservation) wordKey() string { return fmt.Sprintf("%d-%d-%d", r.listing.id, r.channel, r.id) }
