// Where the listings stand and what they are called: the word lists of the world.
package hostawaytest

// place is a city with what depends on it: zone, currency, taxes, streets.
type place struct {
	city, state, country, code, zone, currency string
	zip                                        string // %02d is filled in
	lat, lng                                   float64
	low, high                                  int // nightly price range, whole units of currency
	cityTaxPerNight                            cents
	salesTaxRate, lodgingTaxRate               int // hundredths of a percent
	districts, streets                         []string
}

var places = []*place{
	{
		city: "Lisbon", state: "Lisboa", country: "Portugal", code: "PT", zone: "Europe/Lisbon", currency: "EUR", zip: "11%02d-042",
		lat: 38.711, lng: -9.136, low: 95, high: 210, cityTaxPerNight: 400,
		districts: []string{"Alfama", "Graça", "Príncipe Real", "Chiado", "Estrela", "Bairro Alto"},
		streets:   []string{"Rua dos Remédios", "Rua da Bica", "Travessa do Carmo", "Rua de São Bento", "Calçada de Santana"},
	},
	{
		city: "Porto", state: "Porto", country: "Portugal", code: "PT", zone: "Europe/Lisbon", currency: "EUR", zip: "40%02d-318",
		lat: 41.149, lng: -8.611, low: 80, high: 170, cityTaxPerNight: 300,
		districts: []string{"Ribeira", "Cedofeita", "Bonfim", "Foz", "Miragaia", "Massarelos"},
		streets:   []string{"Rua das Flores", "Rua do Almada", "Rua de Santa Catarina", "Rua da Picaria", "Rua do Rosário"},
	},
	{
		city: "Barcelona", state: "Catalunya", country: "Spain", code: "ES", zone: "Europe/Madrid", currency: "EUR", zip: "080%02d",
		lat: 41.387, lng: 2.17, low: 120, high: 290, cityTaxPerNight: 625,
		districts: []string{"Gràcia", "El Born", "Eixample", "Poblenou", "Poble-sec", "Sant Antoni"},
		streets:   []string{"Carrer de Verdi", "Carrer del Rec", "Carrer de Girona", "Carrer de Pujades", "Carrer de Blai"},
	},
	{
		city: "Nashville", state: "Tennessee", country: "United States", code: "US", zone: "America/Chicago", currency: "USD", zip: "372%02d",
		lat: 36.162, lng: -86.781, low: 150, high: 420, salesTaxRate: 975, lodgingTaxRate: 600,
		districts: []string{"East Nashville", "Germantown", "The Gulch", "12 South", "Sylvan Park", "Hillsboro Village"},
		streets:   []string{"Fatherland Street", "5th Avenue North", "Laurel Street", "Caruthers Avenue", "Belcourt Avenue"},
	},
}

var (
	listingMoods = []string{"Sunny", "Quiet", "Airy", "Old", "Bright", "Hidden", "Little", "Grand", "Blue", "Green", "Golden", "Rustic"}
	listingKinds = []string{"Loft", "Apartment", "House", "Studio", "Terrace Flat", "Garden Flat", "Cottage", "Duplex", "Attic", "Townhouse"}
	listingViews = []string{
		"The living room looks over the rooftops", "The bedrooms face a quiet courtyard", "A small balcony catches the evening sun",
		"Tall windows open onto the street", "The terrace has room for six at dinner",
	}
	listingPerks = []string{
		"a fast fibre line and a proper desk", "a kitchen for people who cook", "blackout blinds in every bedroom",
		"a washer, a dryer and an iron", "a reading corner with local books", "a cot and a high chair on request",
	}
)

var (
	firstNames = []string{
		"Anna", "James", "Sofia", "Lucas", "Emma", "Mateo", "Olivia", "Noah", "Clara", "Hugo", "Marta", "Daniel", "Inês", "Pierre", "Giulia", "Tom",
		"Aisha", "Kenji", "Freya", "Omar", "Leila", "Viktor", "Chiara", "Rafael", "Nora", "Samuel", "Ingrid", "Paulo", "Yara", "Felix", "Maeve", "Andrei",
	}
	lastNames = []string{
		"Keller", "Whitfield", "Moreau", "Silva", "Andersen", "Rossi", "Novak", "Tanaka", "Haddad", "Murphy", "Lindqvist", "García", "Becker", "Okafor",
		"Dubois", "Costa", "Van Dijk", "Petrov", "Fischer", "Almeida", "Brennan", "Kowalski", "Romero", "Larsen", "Sato", "Weber", "Hughes", "Ferrari",
	}
	teamNames = []string{"Rita Campos", "Jonas Albrecht", "Dana Pruitt", "Miguel Serra", "Priya Nair"}
)

// origin is where a guest comes from.
type origin struct{ country, city, locale, dial string }

var origins = []origin{
	{"US", "Chicago", "en", "+1 312 555 01"},
	{"GB", "Leeds", "en", "+44 113 496 01"},
	{"DE", "Hamburg", "de", "+49 40 5550 01"},
	{"FR", "Lyon", "fr", "+33 4 99 55 01"},
	{"ES", "Valencia", "es", "+34 96 555 01"},
	{"PT", "Coimbra", "pt", "+351 239 555 1"},
	{"NL", "Utrecht", "nl", "+31 30 555 01"},
	{"IT", "Bologna", "it", "+39 051 555 01"},
	{"CA", "Toronto", "en", "+1 416 555 01"},
	{"BR", "Curitiba", "pt", "+55 41 5555 01"},
}

// channel is where reservations come from.
type channel struct {
	id      int
	name    string
	weight  int
	mail    string // domain of the guest's proxy address; empty: the guest's own
	feeRate int    // host's commission, hundredths of a percent
}

var channels = []channel{
	{2018, "airbnbOfficial", 46, "guest.airbnb.example", 1550},
	{2005, "bookingcom", 24, "guest.booking.example", 1500},
	{2002, "homeaway", 10, "messages.homeaway.example", 800},
	{2000, "direct", 8, "", 0},
	{2013, "bookingengine", 7, "", 0},
	{2007, "expedia", 5, "m.expediapartner.example", 1800},
}

const (
	channelAirbnb  = 2018
	channelBooking = 2005
	channelVrbo    = 2002
	channelDirect  = 2000
	channelPartner = 2020
)

// otherChannels are known to the API without making reservations in this world.
var otherChannels = map[int]string{
	2009: "homeawayical", 2010: "vrboical", 2015: "customIcal", 2016: "tripadvisorical", 2017: "wordpress",
	2019: "marriott", channelPartner: "partner", 2021: "gds", 2022: "google",
}

func channelName(id int) string {
	for _, c := range channels {
		if c.id == id {
			return c.name
		}
	}
	return otherChannels[id]
}

func channelFee(id int) int {
	for _, c := range channels {
		if c.id == id {
			return c.feeRate
		}
	}
	return 0
}
