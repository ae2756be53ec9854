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
	"GET /v1/listings":                        listListings,
	"POST /v1/listings":                       createListing,
	"GET /v1/listings/{id}":                   getListing,
	"PUT /v1/listings/{id}":                   updateListing,
	"DELETE /v1/listings/{id}":                deleteListing,
	"GET /v1/listingUnits/{id}":               getListingUnits,
	"GET /v1/listings/{id}/calendar":          getCalendar,
	"PUT /v1/listings/{id}/calendar":          putCalendar,
	"PUT /v1/listings/{id}/calendarIntervals": putCalendarIntervals,

	"GET /v1/reservations":                         listReservations,
	"POST /v1/reservations":                        createReservation,
	"GET /v1/reservations/{id}":                    getReservation,
	"PUT /v1/reservations/{id}":                    updateReservation,
	"DELETE /v1/reservations/{id}":                 deleteReservation,
	"PUT /v1/reservations/{id}/statuses/cancelled": cancelReservation,
	"GET /v1/reservations/{id}/logs":               listLogs,
	"GET /v1/reservations/{id}/conversations":      listReservationConversations,
	"GET /v1/reservations/paymentMethods":          listPaymentMethods,

	"GET /v1/financeField/{id}":                       listFinanceFields,
	"PUT /v1/financeField/{id}/{field}":               updateFinanceField,
	"GET /v1/financeStandardField/reservation/{id}":   getStandardField,
	"GET /v1/financeCalculatedField/reservation/{id}": listCalculatedFields,
	"GET /v1/financeCustomFormula":                    listFormulas,
	"POST /v1/finance/report/{kind}":                  postReport,

	"GET /v1/conversations":                         listConversations,
	"GET /v1/conversations/{id}":                    getConversation,
	"GET /v1/conversations/{id}/messages":           listMessages,
	"GET /v1/conversations/{id}/messages/{message}": getMessage,
	"POST /v1/conversations/{id}/messages":          createMessage,

	"GET /v1/reviews":             listReviews,
	"GET /v1/reviews/{id}":        getReview,
	"GET /v1/tasks":               listTasks,
	"GET /v1/tasks/{id}":          getTask,
	"GET /v1/expenses":            listExpenses,
	"GET /v1/expenses/{id}":       getExpense,
	"GET /v1/ownerStatements":     listStatements,
	"GET /v1/ownerStatement/{id}": getStatement,

	"GET /v1/users":               listUsers,
	"GET /v1/user/{id}":           getUser,
	"GET /v1/amenities":           named("Internet", "Kitchen", "Air conditioning", "Heating", "Washer", "Dryer", "Parking", "Elevator", "Balcony", "Crib"),
	"GET /v1/bedTypes":            named("Double bed", "Queen bed", "King bed", "Single bed", "Sofa bed"),
	"GET /v1/propertyTypes":       named("Apartment", "House", "Loft", "Studio", "Cottage", "Villa", "Townhouse", "Bungalow"),
	"GET /dictionary/calendarDay": listDayStatuses,
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
