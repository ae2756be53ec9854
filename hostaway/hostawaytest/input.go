// Reading what clients send: JSON bodies with loosely typed values, and query parameters.
package hostawaytest

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
)

// fields is one JSON object of a request body. Absent and null both mean "leave as it is" to Hostaway.
type fields map[string]json.RawMessage

func parseFields(body []byte) (fields, bool) {
	f := fields{}
	if len(bytes.TrimSpace(body)) == 0 {
		return f, true
	}
	return f, json.Unmarshal(body, &f) == nil && f != nil
}

func (f fields) has(key string) bool {
	raw, ok := f[key]
	return ok && string(raw) != "null"
}

// text reads a string, or the digits of a number.
func (f fields) text(key string) string {
	var s string
	if json.Unmarshal(f[key], &s) == nil {
		return s
	}
	return strings.Trim(string(f[key]), `"`)
}

func (f fields) number(key string) (int64, bool) {
	n, err := strconv.ParseInt(f.text(key), 10, 64)
	return n, err == nil && f.has(key)
}

func (f fields) money(key string) (cents, bool) {
	c, ok := parseCents(f.text(key))
	return c, ok && f.has(key)
}

func (f fields) day(key string) (day, bool) {
	d, ok := parseDay(f.text(key))
	return d, ok && f.has(key)
}

func (f fields) truth(key string) bool { return truth(f.text(key)) }

func (f fields) list(key string) ([]fields, bool) {
	var out []fields
	if !f.has(key) {
		return nil, false
	}
	return out, json.Unmarshal(f[key], &out) == nil
}

func truth(s string) bool { return s == "1" || strings.EqualFold(s, "true") }

// query reads parameters the way PHP does: name[]=v, name[0]=v; of plain repeats the last one wins.
type query url.Values

func (q query) get(key string) string {
	values := q[key]
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

func (q query) number(key string) (int64, bool) {
	n, err := strconv.ParseInt(q.get(key), 10, 64)
	return n, err == nil
}

func (q query) day(key string) (day, bool) { return parseDay(q.get(key)) }
func (q query) truth(key string) bool      { return truth(q.get(key)) }

// array reads name[]=v and name[n]=v; the bare name is not an array to Hostaway.
func (q query) array(key string) []string {
	out := append([]string(nil), q[key+"[]"]...)
	for i := 0; ; i++ {
		values, ok := q[key+"["+strconv.Itoa(i)+"]"]
		if !ok {
			return out
		}
		out = append(out, values...)
	}
}

func (q query) numbers(key string) map[int64]bool {
	out := map[int64]bool{}
	for _, s := range q.array(key) {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			out[n] = true
		}
	}
	return out
}
