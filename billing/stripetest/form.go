// Parameters of a request, and which ones a route knows.
package stripetest

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// request is one call on its way through its route.
type request struct {
	*http.Request
	form url.Values
}

func (q *request) text(key string) string { return q.form.Get(key) }
func (q *request) has(key string) bool    { return q.form.Has(key) }
func (q *request) flag(key string) bool   { return q.form.Get(key) == "true" }

// number reads an integer; absent or empty, which unsets a field, is 0.
func (q *request) number(key string) (int64, error) {
	if q.text(key) == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(q.text(key), 10, 64)
	if err != nil {
		return 0, coded("parameter_invalid_integer", key, "Invalid integer: %s", q.text(key))
	}
	return n, nil
}

// under gives the texts below a prefix: metadata[org_id] is under "metadata" as org_id.
func (q *request) under(prefix string) map[string]string {
	out := map[string]string{}
	for key, values := range q.form {
		if rest, ok := strings.CutPrefix(key, prefix+"["); ok && strings.Count(rest, "[") == 0 {
			out[strings.TrimSuffix(rest, "]")] = values[0]
		}
	}
	return out
}

// texts gives an array of texts: types[0], types[1], … or types[].
func (q *request) texts(prefix string) []string {
	out := slices.Clone(q.form[prefix+"[]"])
	for i := 0; q.has(prefix + "[" + strconv.Itoa(i) + "]"); i++ {
		out = append(out, q.text(prefix+"["+strconv.Itoa(i)+"]"))
	}
	return out
}

// count tells how many elements an array of objects has.
func (q *request) count(prefix string) int {
	n := 0
	for key := range q.form {
		rest, ok := strings.CutPrefix(key, prefix+"[")
		if !ok {
			continue
		}
		index, _, _ := strings.Cut(rest, "]")
		if i, err := strconv.Atoi(index); err == nil {
			n = max(n, i+1)
		}
	}
	return n
}

var (
	arrayIndex  = regexp.MustCompile(`\[\d*\]`)
	metadataKey = regexp.MustCompile(`(metadata\]?)\[[^\]]*\]$`)
)

// strange gives the first parameter that the route does not know.
func (q *request) strange(known []string) (string, bool) {
	for _, key := range slices.Sorted(maps.Keys(q.form)) {
		plain := metadataKey.ReplaceAllString(arrayIndex.ReplaceAllString(key, "[*]"), "$1[*]")
		if !strings.HasPrefix(plain, "expand[") && !slices.Contains(known, plain) {
			return key, true
		}
	}
	return "", false
}

// keepMetadata merges changes into metadata as Stripe does: an empty value removes the key.
func keepMetadata(into *map[string]string, changes map[string]string) {
	if *into == nil {
		*into = map[string]string{}
	}
	for key, value := range changes {
		if value == "" {
			delete(*into, key)
			continue
		}
		(*into)[key] = value
	}
}
