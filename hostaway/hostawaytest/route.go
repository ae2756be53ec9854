// The routes, and how handlers find the rows that a path names.
package hostawaytest

import (
	"iter"
	"maps"
	"strconv"
)

func (s *Server) addRoutes() {
	for pattern, handler := range routes {
		s.handle(pattern, handler)
	}
}

var routes = map[string]func(*exchange) reply{
	"GET /v1/listings":          listListings,
	"POST /v1/listings":         createListing,
	"GET /v1/listings/{id}":     getListing,
	"PUT /v1/listings/{id}":     updateListing,
	"DELETE /v1/listings/{id}":  deleteListing,
	"GET /v1/listingUnits/{id}": getListingUnits,

	"GET /v1/reservations":      listReservations,
	"GET /v1/reservations/{id}": getReservation,
}

// number reads an id out of the path; anything else is an id that nobody has.
func (x *exchange) number(name string) int64 {
	id, err := strconv.ParseInt(x.request.PathValue(name), 10, 64)
	if err != nil {
		return 0
	}
	return id
}

func (x *exchange) listing(name string) *listing { return x.world.listings[x.number(name)] }

func (x *exchange) reservation(name string) *reservation {
	x.world.fill()
	return x.world.reservations[x.number(name)]
}

func keysOf(f fields) iter.Seq[string] { return maps.Keys(f) }
