package hostaway

// decode.go: reading Hostaway's loosely typed rows. Booleans come as true, 1 or "1"; numbers are sometimes quoted; lists are
// sometimes objects; empty days are "0000-00-00" (Hostaway docs, Conventions, and live answers). A field that can't be read
// becomes unknown, and the row survives.

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

var (
	dateReflect    = reflect.TypeFor[Date]()
	timeReflect    = reflect.TypeFor[time.Time]()
	decimalReflect = reflect.TypeFor[decimal.Decimal]()
)

// object is one JSON object with its values unread.
type object map[string]json.RawMessage

func readObject(raw json.RawMessage) (object, bool) {
	if kindOf(raw) != '{' {
		return nil, false
	}
	var o object
	if err := json.Unmarshal(raw, &o); err != nil {
		return nil, false
	}
	return o, true
}

// readList gives the elements of a list. Nothing, null, false and "" are the empty list, as PHP writes it; an object whose keys
// are all numbers is a list with holes; any other object is a list of one.
func readList(raw json.RawMessage) ([]json.RawMessage, bool) {
	switch kindOf(raw) {
	case 0, 'n', 'f':
		return nil, true
	case '"':
		text, _ := readText(raw)
		return nil, text == ""
	case '[':
		var list []json.RawMessage
		return list, json.Unmarshal(raw, &list) == nil
	case '{':
		o, ok := readObject(raw)
		if !ok || len(o) == 0 {
			return nil, ok
		}
		if list, ok := numbered(o); ok {
			return list, true
		}
		return []json.RawMessage{raw}, true
	}
	return nil, false
}

// kindOf gives the first byte that matters: { [ " t f n, a digit or minus, or 0 when there is nothing.
func kindOf(raw json.RawMessage) byte {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	if len(raw) == 0 {
		return 0
	}
	return raw[0]
}

// rowReader reads objects into structs by their json tags. It keeps the tags of the types it has met, and the names of the
// fields that it could not read.
type rowReader struct {
	plans      map[reflect.Type]map[string]int
	unreadable map[string]int
}

func newRowReader() *rowReader {
	return &rowReader{plans: map[reflect.Type]map[string]int{}, unreadable: map[string]int{}}
}

// read fills the struct into, and tells whether raw was an object at all.
func (r *rowReader) read(raw json.RawMessage, into reflect.Value) bool {
	o, ok := readObject(raw)
	if !ok {
		return false
	}
	for name, index := range r.plan(into.Type()) {
		value, present := o[name]
		if present && !r.set(value, into.Field(index)) {
			r.unreadable[name]++
		}
	}
	return true
}

func (r *rowReader) plan(t reflect.Type) map[string]int {
	if plan, ok := r.plans[t]; ok {
		return plan
	}
	plan := map[string]int{}
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" && name != "-" {
			plan[name] = i
		}
	}
	r.plans[t] = plan
	return plan
}

// set reads raw into v; false means unreadable, and v is left as it was.
func (r *rowReader) set(raw json.RawMessage, v reflect.Value) bool {
	if v.Kind() == reflect.Pointer {
		fresh := reflect.New(v.Type().Elem())
		if kindOf(raw) == 'n' || kindOf(raw) == 0 {
			return true
		}
		known, ok := r.setValue(raw, fresh.Elem())
		if known && ok {
			v.Set(fresh)
		}
		return ok
	}
	_, ok := r.setValue(raw, v)
	return ok
}

// setValue reads raw into the non-pointer v. known is false for the many ways to say "nothing".
func (r *rowReader) setValue(raw json.RawMessage, v reflect.Value) (known, ok bool) {
	switch v.Type() {
	case dateReflect:
		return assign(v, raw, readDate)
	case timeReflect:
		return assign(v, raw, readTime)
	case decimalReflect:
		return assign(v, raw, readDecimal)
	}
	switch v.Kind() {
	case reflect.String:
		text, ok := readText(raw)
		v.SetString(text)
		return ok, ok
	case reflect.Bool:
		value, state := readBool(raw)
		v.SetBool(value)
		return state == isKnown, state != isUnreadable
	case reflect.Int64:
		value, state := readInt(raw)
		v.SetInt(value)
		return state == isKnown, state != isUnreadable
	case reflect.Struct:
		ok := r.read(raw, v)
		return ok, ok || isEmptyList(raw)
	case reflect.Slice:
		return r.setSlice(raw, v)
	}
	return false, false
}

// setSlice keeps the elements that can be read.
func (r *rowReader) setSlice(raw json.RawMessage, v reflect.Value) (known, ok bool) {
	list, ok := readList(raw)
	if !ok {
		return false, false
	}
	for _, item := range list {
		element := reflect.New(v.Type().Elem()).Elem()
		if kindOf(item) != 'n' && r.set(item, element) {
			v.Set(reflect.Append(v, element))
		}
	}
	return true, true
}

func assign[T any](v reflect.Value, raw json.RawMessage, read func(json.RawMessage) (T, state)) (known, ok bool) {
	value, state := read(raw)
	if state == isKnown {
		v.Set(reflect.ValueOf(value))
	}
	return state == isKnown, state != isUnreadable
}

func isEmptyList(raw json.RawMessage) bool {
	list, ok := readList(raw)
	return ok && len(list) == 0
}
