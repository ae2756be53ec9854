// POST, PUT and DELETE of listings, with the rules of "Write semantics": partial, null keeps, arrays replace, read-only ignored.
package hostawaytest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

func createListing(x *exchange) reply {
	f, valid := parseFields(x.body)
	if !valid || strings.TrimSpace(f.text("name")) == "" {
		return rejectListing("name: can not be empty")
	}
	w := x.world
	l := &listing{
		index: len(w.listingOrder), place: places[0], values: make([]any, len(listingSchema.specs)),
		arrays: map[string][]json.RawMessage{}, inserted: w.now(),
	}
	if problem := l.check(f); problem != "" {
		return rejectListing(problem)
	}
	w.addListing(l)
	l.apply(f)
	l.place = l.placeOf()
	w.touchListing(l)
	return ok(l.row(true, false))
}

// placeOf finds the city of a new listing among the known ones; elsewhere there are no taxes.
func (l *listing) placeOf() *place {
	for _, p := range places {
		if strings.EqualFold(p.city, l.text("city")) {
			return p
		}
	}
	return &place{city: l.text("city"), code: l.text("countryCode"), zone: l.text("timeZoneName"), currency: l.text("currencyCode")}
}

func updateListing(x *exchange) reply {
	l := x.listing("id")
	if l == nil {
		return noSuch("Listing")
	}
	if l.archived {
		return archived(l)
	}
	f, valid := parseFields(x.body)
	if !valid {
		return refuse(http.StatusBadRequest, "Request body is not valid JSON")
	}
	// Emptied arrays are gone even when the rest is rejected (Hostaway docs, Listings, 2026-09-10).
	for _, name := range listingArrays {
		if rows, sent := f.list(name); sent && len(rows) == 0 {
			l.arrays[name] = nil
		}
	}
	if problem := l.check(f); problem != "" {
		return rejectListing(problem)
	}
	l.apply(f)
	x.world.touchListing(l)
	return ok(l.row(true, false))
}

func rejectListing(problem string) reply {
	return reply{status: http.StatusOK, failure: "Listing error: " + problem, application: true}
}

func archived(l *listing) reply {
	return refuse(http.StatusBadRequest, fmt.Sprintf("Listing %d is archived and can not be changed", l.id))
}

// check gives what is wrong with the body, or "".
func (l *listing) check(f fields) string {
	if f.has("cancellationPolicy") && !slices.Contains(policies, f.text("cancellationPolicy")) {
		return "cancellationPolicy: must be one of " + strings.Join(policies, ", ")
	}
	if f.has("name") && strings.TrimSpace(f.text("name")) == "" {
		return "name: can not be empty"
	}
	for _, spec := range listingSchema.specs {
		if spec.kind != numberField || !f.has(spec.name) {
			continue
		}
		if _, valid := f.money(spec.name); !valid {
			return spec.name + ": must be a number"
		}
	}
	for _, name := range listingArrays {
		if _, valid := f.list(name); f.has(name) && !valid {
			return name + ": must be an array of objects"
		}
	}
	return ""
}

func (l *listing) apply(f fields) {
	if f.has("name") {
		l.put("name", f.text("name"))
	}
	for i, spec := range listingSchema.specs {
		if !f.has(spec.name) {
			continue
		}
		switch spec.kind {
		case textField:
			l.values[i] = f.text(spec.name)
		case numberField:
			l.values[i] = json.RawMessage(f.text(spec.name)) // quoted numbers become numbers
		case zeroOne:
			l.values[i] = flag(f.truth(spec.name))
		case realBool:
			l.values[i] = f.truth(spec.name)
		}
	}
	for _, name := range listingArrays {
		if rows, sent := f.list(name); sent {
			l.replace(name, rows)
		}
	}
}

// replace stores the rows as the whole array; rows without an id get one, except values of custom fields, which have none.
func (l *listing) replace(name string, rows []fields) {
	var out []json.RawMessage
	for n, row := range rows {
		o := newObject()
		if name != "customFieldValues" {
			id, given := row.number("id")
			if !given {
				id = int64(l.index*1000 + 500 + n)
			}
			o.set("id", id)
		}
		for _, key := range slices.Sorted(keysOf(row)) {
			if key != "id" {
				o.set(key, row[key])
			}
		}
		out = append(out, o.done())
	}
	l.arrays[name] = out
}

func deleteListing(x *exchange) reply {
	l := x.listing("id")
	if l == nil {
		return noSuch("Listing")
	}
	x.world.removeListing(l)
	return ok([]int{})
}
