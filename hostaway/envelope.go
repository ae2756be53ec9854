package hostaway

// envelope.go: the wrapping around every JSON answer: status, result or message, and the optional paging keys
// (Hostaway docs, Introduction, and live answers).

import (
	"encoding/json"
	"reflect"
	"strings"
	"unicode"
)

// envelope is an answer with its result still unread.
type envelope struct {
	failed bool
	text   string // Hostaway's own words about a failure
	result json.RawMessage
	limit  *int
	count  *int
}

// openEnvelope reads the wrapping; ok is false when the body is none.
func openEnvelope(body []byte) (envelope, bool) {
	o, ok := readObject(body)
	if !ok {
		return envelope{}, false
	}
	status, _ := readText(o["status"])
	_, hasResult := o["result"]
	if status == "" && !hasResult {
		return envelope{}, false
	}
	e := envelope{result: o["result"], limit: readCount(o["limit"]), count: readCount(o["count"])}
	if status != "" && !strings.EqualFold(status, "success") {
		e.failed = true
		e.text = failureText(o)
	}
	return e, true
}

// readCount reads one of the paging keys, which are optional, null or quoted at times.
func readCount(raw json.RawMessage) *int {
	n, s := readInt(raw)
	if s != isKnown || n < 0 || n > 1<<40 {
		return nil
	}
	count := int(n)
	return &count
}

// failureText finds the reason of a failure, which stands in message, in result, or in a message inside either.
func failureText(o object) string {
	for _, key := range []string{"message", "error_description", "result", "error"} {
		if text, ok := readText(o[key]); ok && strings.TrimSpace(text) != "" {
			return text
		}
		if inner, ok := readObject(o[key]); ok {
			if text := failureText(inner); text != "" {
				return text
			}
		}
	}
	return ""
}

// maxReason bounds what is taken over of Hostaway's own words.
const maxReason = 500

// tidy makes text from outside fit for an error message: one line, bounded, and without the given secrets.
func tidy(text string, secrets ...string) string {
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, "[redacted]")
		}
	}
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if runes := []rune(text); len(runes) > maxReason {
		text = string(runes[:maxReason]) + "…"
	}
	return text
}

// decodeRows reads a list of rows. A row that is no object is a bad answer: leaving it out would make the list wrong in silence.
func decodeRows[T any](reader *rowReader, result json.RawMessage) ([]T, error) {
	list, ok := readList(result)
	if !ok {
		return nil, badAnswer("Hostaway answered with something else than a list")
	}
	rows := make([]T, len(list))
	for i, raw := range list {
		if !reader.read(raw, reflect.ValueOf(&rows[i]).Elem()) {
			return nil, badAnswer("row %d of Hostaway's list is not an object", i+1)
		}
	}
	return rows, nil
}

// decodeOne reads a single object, which Hostaway sometimes wraps in a list. An empty result means that there is no such row.
func decodeOne[T any](reader *rowReader, result json.RawMessage) (T, error) {
	var row T
	list, ok := readList(result)
	if !ok {
		return row, badAnswer("Hostaway answered with something else than an object")
	}
	if len(list) == 0 {
		return row, &Error{Code: NotFound, Message: "Hostaway has no such row"}
	}
	if !reader.read(list[0], reflect.ValueOf(&row).Elem()) {
		return row, badAnswer("Hostaway answered with something else than an object")
	}
	return row, nil
}
