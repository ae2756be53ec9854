// Redaction of arguments for the audit log: enough to see what was asked, nothing that identifies a guest or opens anything.

package mcp

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// Bounds of what the audit log keeps of one call's arguments.
const (
	redactedBytes = 2_000
	redactedText  = 200
	redactedItems = 50
	redactedKey   = 40
)

// freeText are the arguments (or parts of their names) in which people write about people, or that carry a secret.
var freeText = []string{
	"guest", "name", "email", "phone", "text", "query", "search", "message", "body", "note", "comment", "description",
	"address", "street", "house_rules", "instruction", "password", "wifi", "code", "token", "secret", "key",
}

// plain are names that would be caught above and are harmless: closed values that the log is there for.
var plain = []string{"date_basis", "currency_code", "country_code", "cursor"}

// counted are names that would be caught above and hold a count or an amount, when they hold a number.
var counted = []string{"guests", "guests_included", "extra_guest_price"}

var (
	emailPattern = regexp.MustCompile(`[^\s@<>"]+@[^\s@<>"]+\.[A-Za-z]{2,}`)
	phonePattern = regexp.MustCompile(`\+?\d[\d ()./-]{6,}\d`)
	datePattern  = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}([T ].*)?$`)
	keyPattern   = regexp.MustCompile(`hmcp[a-z]?_[A-Za-z0-9]+|confirm_[A-Za-z0-9]{20,}`)
)

// redact gives the form in which arguments may be kept: always a JSON object, at most redactedBytes long.
func redact(arguments json.RawMessage) json.RawMessage {
	value, err := decodeAny(arguments)
	object, ok := value.(map[string]any)
	switch {
	case err != nil || (!ok && value != nil):
		return json.RawMessage(`{"redacted":"not an object"}`)
	case len(object) == 0:
		return json.RawMessage(`{}`)
	}
	raw, err := encode(redactValue("", object))
	if err != nil || len(raw) > redactedBytes {
		names := make([]string, 0, len(object))
		for _, name := range sortedKeys(object) {
			names = append(names, redactName(name, redactedKey))
		}
		raw, _ = encode(map[string]any{"redacted": "too long", "arguments": names[:min(len(names), redactedItems)]})
	}
	return bytes.Clone(raw)
}

func redactValue(name string, value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for i, key := range sortedKeys(v) {
			if i == redactedItems {
				break
			}
			out[redactName(key, redactedKey)] = redactValue(key, v[key])
		}
		return out
	case []any:
		out := make([]any, 0, min(len(v), redactedItems))
		for _, item := range v[:min(len(v), redactedItems)] {
			out = append(out, redactValue(name, item))
		}
		return out
	case string:
		return redactText(name, v)
	case json.Number:
		if masked(name) && !slices.Contains(counted, strings.ToLower(name)) {
			return "[masked]" // other numbers are ids, counts and amounts
		}
	}
	return value
}

func redactText(name, text string) string {
	if text == "" {
		return text
	}
	if masked(name) {
		return "[masked]"
	}
	if datePattern.MatchString(text) && len(text) <= 40 {
		return text
	}
	return clip(withoutPatterns(text), redactedText)
}

// redactName gives the form in which a name that the client chose may be kept: an argument's, a tool's or the client's own.
func redactName(name string, most int) string { return clip(withoutPatterns(name), most) }

func withoutPatterns(text string) string {
	text = keyPattern.ReplaceAllString(text, "[key]")
	text = emailPattern.ReplaceAllString(text, "[email]")
	return phonePattern.ReplaceAllString(text, "[phone]")
}

func masked(name string) bool {
	name = strings.ToLower(name)
	if slices.Contains(plain, name) {
		return false
	}
	return slices.ContainsFunc(freeText, func(part string) bool { return strings.Contains(name, part) })
}
