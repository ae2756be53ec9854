package hostaway

// query.go: query strings as Hostaway reads them: PHP arrays as key[]=, booleans as 0 and 1, nothing for what is not set.

import (
	"net/url"
	"strconv"
)

// Include asks for more than the plain row of one listing, or of calendar days.
type Include string

// What can be included.
const (
	// IncludeResources fills the sub-lists of a row.
	IncludeResources Include = "includeResources"
	// IncludeBookingEngineURLs fills BookingEngineURLs of a listing.
	IncludeBookingEngineURLs Include = "bookingEngineUrls"
)

type query struct{ values url.Values }

func newQuery() query { return query{values: url.Values{}} }

func (q query) text(key, value string) {
	if value != "" {
		q.values.Add(key, value)
	}
}

func (q query) number(key string, value int64) {
	if value != 0 {
		q.values.Add(key, strconv.FormatInt(value, 10))
	}
}

func (q query) date(key string, value Date) { q.text(key, value.String()) }

// flag sends a boolean only when it is true; the API's default is 0 everywhere.
func (q query) flag(key string, value bool) {
	if value {
		q.values.Add(key, "1")
	}
}

// either sends a boolean whenever it is set, because false filters too.
func (q query) either(key string, value *bool) {
	if value == nil {
		return
	}
	if *value {
		q.values.Add(key, "1")
	} else {
		q.values.Add(key, "0")
	}
}

func (q query) include(include []Include) {
	for _, what := range include {
		switch what {
		case IncludeResources:
			q.flag("includeResources", true)
		case IncludeBookingEngineURLs:
			q.text("attachObjects[]", string(IncludeBookingEngineURLs))
		}
	}
}
