// Lists in pages, newest first, and the expansion of ids into objects.
package stripetest

import (
	"slices"
	"strings"
)

// paged answers one page of a list that is sorted already.
func paged[T any](q *request, all []T, id func(T) string, show func(T) object) (object, error) {
	limit, err := q.number("limit")
	if err != nil {
		return nil, err
	}
	if limit == 0 && !q.has("limit") {
		limit = 10
	}
	if limit < 1 || limit > 100 {
		return nil, coded("parameter_invalid_integer", "limit", "Invalid integer: limit must be between 1 and 100")
	}
	from, until, backwards := 0, len(all), false
	if after := q.text("starting_after"); after != "" {
		at := slices.IndexFunc(all, func(x T) bool { return id(x) == after })
		if at < 0 {
			return nil, noSuchParam("object", "starting_after", after)
		}
		from = at + 1
	}
	if before := q.text("ending_before"); before != "" {
		at := slices.IndexFunc(all, func(x T) bool { return id(x) == before })
		if at < 0 {
			return nil, noSuchParam("object", "ending_before", before)
		}
		until, backwards = at, true
	}
	rest := all[min(from, until):until]
	more := len(rest) > int(limit)
	switch {
	case more && backwards:
		rest = rest[len(rest)-int(limit):]
	case more:
		rest = rest[:limit]
	}
	data := make([]object, 0, len(rest))
	for _, one := range rest {
		data = append(data, show(one))
	}
	return listObject(q.URL.Path, data, more), nil
}

// createdWithin tells whether a moment lies in the range that the created parameters ask for.
func createdWithin(q *request, created int64) (bool, error) {
	for name, holds := range map[string]func(int64) bool{
		"created[gt]":  func(limit int64) bool { return created > limit },
		"created[gte]": func(limit int64) bool { return created >= limit },
		"created[lt]":  func(limit int64) bool { return created < limit },
		"created[lte]": func(limit int64) bool { return created <= limit },
	} {
		if !q.has(name) {
			continue
		}
		limit, err := q.number(name)
		if err != nil {
			return false, err
		}
		if !holds(limit) {
			return false, nil
		}
	}
	return true, nil
}

// expandAll puts objects in the place of their ids.
func (s *Server) expandAll(out object, paths []string) error {
	for _, path := range paths {
		steps := strings.Split(path, ".")
		if len(steps) > 4 {
			return invalid("expand", "You cannot expand more than 4 levels of a property. Property: %s", path)
		}
		if err := s.expand(out, steps, path); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) expand(in object, steps []string, path string) error {
	value, documented := in[steps[0]]
	if !documented {
		return invalid("expand", "This property cannot be expanded (%s).", path)
	}
	rest := steps[1:]
	switch held := value.(type) {
	case nil:
		return nil
	case string:
		found := s.find(held)
		if found == nil {
			return unknown("the expansion of %s", path)
		}
		in[steps[0]] = found
		if len(rest) == 0 {
			return nil
		}
		return s.expand(found, rest, path)
	case []object:
		if len(rest) == 0 {
			return invalid("expand", "This property cannot be expanded (%s).", path)
		}
		for _, one := range held {
			if err := s.expand(one, rest, path); err != nil {
				return err
			}
		}
		return nil
	case object:
		if len(rest) == 0 {
			return nil // already there, such as the items of a subscription
		}
		return s.expand(held, rest, path)
	}
	return invalid("expand", "This property cannot be expanded (%s).", path)
}

// find shows the object with that id, whatever it is.
func (s *Server) find(id string) object {
	switch prefix, _, _ := strings.Cut(id, "_"); prefix {
	case "cus":
		return showIf(s.customers[id], s.showCustomer)
	case "prod":
		return showIf(s.products[id], s.showProduct)
	case "price":
		return showIf(s.prices[id], s.showPrice)
	case "pm":
		return showIf(s.methods[id], s.showMethod)
	case "sub":
		return showIf(s.subscriptions[id], s.showSubscription)
	case "in":
		return showIf(s.invoices[id], s.showInvoice)
	case "pi":
		return showIf(s.paymentBy(id), s.showIntent)
	case "ch":
		return showIf(s.paymentBy(id), s.showCharge)
	}
	return nil
}

func showIf[T any](found *T, show func(*T) object) object {
	if found == nil {
		return nil
	}
	return show(found)
}

// newest gives the values of a map of objects, the youngest first; ids grow with time.
func newest[T any](all map[string]*T, keep func(*T) bool) []*T {
	var ids []string
	for id, one := range all {
		if keep == nil || keep(one) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return strings.Compare(serialOf(b), serialOf(a)) })
	out := make([]*T, len(ids))
	for i, id := range ids {
		out[i] = all[id]
	}
	return out
}

func serialOf(id string) string { return id[strings.LastIndexByte(id, '_')+1:] }
