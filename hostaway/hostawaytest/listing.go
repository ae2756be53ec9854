// One listing: its values by schema, its arrays, its calendar changes, and how it is written out.
package hostawaytest

import (
	"encoding/json"
	"fmt"
)

type listing struct {
	id       int64
	index    int
	name     string
	archived bool
	place    *place
	values   []any // by listingSchema
	arrays   map[string][]json.RawMessage
	units    []listingUnit
	calendar map[day]dayChange

	inserted, activity stamp
	bookable           bool // visible on the booking website
}

type listingUnit struct {
	id   int64
	name string
}

// many gives the number of guests that can stay at one time in different units.
func (l *listing) many() int { return max(1, len(l.units)) }

func (l *listing) put(field string, value any) {
	if field == "name" {
		l.name = fmt.Sprint(value)
		l.put("externalListingName", l.name)
		return
	}
	i, known := listingSchema.index[field]
	if !known {
		panic("hostawaytest: a listing has no field " + field)
	}
	l.values[i] = value
}

func (l *listing) get(field string) any { return l.values[listingSchema.index[field]] }

func (l *listing) text(field string) string {
	s, _ := l.get(field).(string)
	return s
}

// number reads a whole number; a client may have written it as 4 or as 4.0.
func (l *listing) number(field string) int {
	c := l.money(field)
	return int(c / 100)
}

func (l *listing) money(field string) cents {
	switch v := l.get(field).(type) {
	case cents:
		return v
	case int:
		return cents(v) * 100
	case json.RawMessage:
		c, _ := parseCents(string(v))
		return c
	}
	return 0
}

func (w *world) touchListing(l *listing) { l.activity = w.now() }

// row writes a listing as lists and single reads send it.
func (l *listing) row(resources, engineURLs bool) json.RawMessage {
	o := newObject().set("id", l.id).set("name", l.name)
	for i, spec := range listingSchema.specs {
		switch {
		case spec.kind == writeOnly:
			o.set(spec.name, nil)
		case spec.name == "latestActivityOn":
			o.set(spec.name, l.activity)
		case spec.name == "insertedOn":
			o.set(spec.name, l.inserted)
		default:
			o.set(spec.name, l.values[i])
		}
	}
	var status any
	if l.archived {
		status = "archived"
	}
	o.set("specialStatus", status)
	l.setArrays(o, resources)
	urls := []string{}
	if engineURLs {
		urls = append(urls, fmt.Sprintf("https://booking.example.com/listings/%d", l.id))
	}
	return o.set("bookingEngineUrls", urls).done()
}

func (l *listing) setArrays(o *object, resources bool) {
	for _, name := range listingArrays {
		rows := l.arrays[name]
		if !resources {
			rows = nil
		}
		o.set(name, rows)
	}
	for _, name := range []string{"listingTags", "listingFeeSetting", "attachment"} {
		o.set(name, []json.RawMessage{})
	}
	units := []json.RawMessage{}
	if resources {
		units = l.unitRows()
	}
	o.set("listingUnits", units).set("listingSettings", nil)
}

func (l *listing) unitRows() []json.RawMessage {
	rows := []json.RawMessage{}
	for i, u := range l.units {
		rows = append(rows, newObject().set("id", u.id).set("name", u.name).set("ground", fmt.Sprint(i/2)).
			set("unitNumber", fmt.Sprint(i+1)).set("listingMapIdUnit", nil).done())
	}
	return rows
}
