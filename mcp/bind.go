// Binding: the arguments a model sent become the tool's In struct, or an answer the model can act on. Strict about names and
// kinds, tolerant where models are known to slip (an id sent as text, a number for an amount).

package mcp

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

func refuseArgument(what, next string) error {
	return &refusal{what: what, next: next, code: codeArguments}
}

// bind fills into (the In struct) from args by the plan n.
func bind(n *node, args json.RawMessage, into reflect.Value) error {
	value, err := decodeAny(args)
	if err != nil {
		return refuseArgument("The arguments are not valid JSON.", "Send them as one JSON object.")
	}
	if value == nil {
		value = map[string]any{}
	}
	object, ok := value.(map[string]any)
	if !ok {
		return refuseArgument("The arguments must be a JSON object, not "+kindOf(value)+".", "Send {\"name\": value, …}.")
	}
	return bindObject(n, "", object, into)
}

// decodeAny keeps numbers as they were written: ids above 2^53 must not be rounded.
func decodeAny(raw json.RawMessage) (any, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("decode arguments: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("decode arguments: more than one value")
	}
	return v, nil
}

func bindObject(n *node, path string, object map[string]any, into reflect.Value) error {
	for _, f := range n.fields {
		value, given := object[f.name]
		switch {
		case f.index == nil:
			continue
		case given && value != nil:
		case f.required:
			return refuseArgument(fmt.Sprintf("The argument %s is missing.", join(path, f.name)), "It must be "+f.node.wanted()+".")
		case f.node.initial != "":
			value = f.node.initial
			if f.node.kind == "boolean" {
				value = f.node.initial == "true"
			}
		default:
			continue
		}
		if err := bindValue(f.node, join(path, f.name), value, into.FieldByIndex(f.index)); err != nil {
			return err
		}
	}
	return n.refuseUnknown(path, object)
}

func (n *node) refuseUnknown(path string, object map[string]any) error {
	for _, name := range sortedKeys(object) {
		if slices.ContainsFunc(n.fields, func(f field) bool { return f.name == name }) {
			continue
		}
		known := make([]string, len(n.fields))
		for i, f := range n.fields {
			known[i] = f.name
		}
		what := fmt.Sprintf("There is no argument %s.", clip(join(path, name), 80))
		if near := nearest(name, known); near != "" {
			return refuseArgument(what, "Did you mean "+join(path, near)+"? Known are: "+strings.Join(known, ", ")+".")
		}
		if len(known) == 0 {
			return refuseArgument(what, "This tool takes no arguments.")
		}
		return refuseArgument(what, "Known are: "+strings.Join(known, ", ")+".")
	}
	return nil
}

func bindValue(n *node, path string, value any, into reflect.Value) error {
	for into.Kind() == reflect.Pointer {
		into.Set(reflect.New(into.Type().Elem()))
		into = into.Elem()
	}
	wrong := func() error {
		return refuseArgument(fmt.Sprintf("The argument %s is %s.", path, kindOf(value)), "It must be "+n.wanted()+".")
	}
	switch n.kind {
	case "object":
		object, ok := value.(map[string]any)
		if !ok {
			return wrong()
		}
		if n.isMap {
			return bindMap(n, path, object, into)
		}
		return bindObject(n, path, object, into)
	case "array":
		return bindList(n, path, value, into)
	case "boolean":
		b, ok := value.(bool)
		if s, text := value.(string); text && (s == "true" || s == "false") {
			b, ok = s == "true", true
		}
		if !ok {
			return wrong()
		}
		into.SetBool(b)
		return nil
	case "integer":
		i, ok := asInteger(value)
		if !ok || into.OverflowInt(i) || !n.inBounds(float64(i)) {
			return wrong()
		}
		into.SetInt(i)
		return nil
	case "number":
		f, err := strconv.ParseFloat(numberText(value), 64)
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) || !n.inBounds(f) {
			return wrong()
		}
		into.SetFloat(f)
		return nil
	}
	return bindText(n, path, value, into, wrong)
}

func bindMap(n *node, path string, object map[string]any, into reflect.Value) error {
	into.Set(reflect.MakeMapWithSize(into.Type(), len(object)))
	for _, name := range sortedKeys(object) {
		item := reflect.New(into.Type().Elem()).Elem()
		if err := bindValue(n.elem, join(path, name), object[name], item); err != nil {
			return err
		}
		into.SetMapIndex(reflect.ValueOf(name).Convert(into.Type().Key()), item)
	}
	return nil
}

func bindList(n *node, path string, value any, into reflect.Value) error {
	list, ok := value.([]any)
	if !ok {
		// A lone value where a list is wanted is a common slip, and can mean only one thing.
		if _, object := value.(map[string]any); object || value == nil {
			return refuseArgument(fmt.Sprintf("The argument %s is %s.", path, kindOf(value)), "It must be "+n.wanted()+".")
		}
		list = []any{value}
	}
	if len(list) < n.minItems || (n.maxItems > 0 && len(list) > n.maxItems) {
		return refuseArgument(fmt.Sprintf("The argument %s has %d items.", path, len(list)), "It must be "+n.wanted()+".")
	}
	into.Set(reflect.MakeSlice(into.Type(), len(list), len(list)))
	for i, item := range list {
		at := path + "[" + strconv.Itoa(i) + "]"
		if item == nil {
			return refuseArgument(fmt.Sprintf("The argument %s is null.", at), "It must be "+n.elem.wanted()+".")
		}
		if err := bindValue(n.elem, at, item, into.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

func bindText(n *node, path string, value any, into reflect.Value, wrong func() error) error {
	text, ok := value.(string)
	if number, isNumber := value.(json.Number); isNumber && (into.Type() == decimalType || into.Kind() == reflect.String) {
		text, ok = number.String(), true
	}
	if ok && strings.ContainsRune(text, 0) {
		return refuseArgument("The argument "+path+" contains a NUL character.", "Send plain text without control characters.")
	}
	if !ok || (n.maxLen > 0 && utf8.RuneCountInString(text) > n.maxLen) {
		return wrong()
	}
	if len(n.enum) > 0 && !slices.Contains(n.enum, text) {
		what := fmt.Sprintf("The argument %s can't be %q.", path, clip(text, 60))
		if near := nearest(text, n.enum); near != "" {
			return refuseArgument(what, "Did you mean "+near+"? It must be "+n.wanted()+".")
		}
		return refuseArgument(what, "It must be "+n.wanted()+".")
	}
	switch into.Type() {
	case decimalType:
		return bindDecimal(n, text, into, wrong)
	case timeType:
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return wrong()
		}
		into.Set(reflect.ValueOf(at.UTC()))
		return nil
	}
	if into.Kind() == reflect.String {
		into.SetString(text)
		return nil
	}
	if into.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)) != nil {
		return refuseArgument(fmt.Sprintf("The argument %s can't be %q.", path, clip(text, 60)), "It must be "+n.wanted()+".")
	}
	return nil
}

func bindDecimal(n *node, text string, into reflect.Value, wrong func() error) error {
	// Exponents are refused: 1e999999999 would be a number of a billion digits.
	if len(text) > 40 || strings.ContainsAny(text, "eE") {
		return wrong()
	}
	d, err := decimal.NewFromString(text)
	if err != nil || !n.inBounds(d.InexactFloat64()) {
		return wrong()
	}
	into.Set(reflect.ValueOf(d))
	return nil
}

func (n *node) inBounds(f float64) bool {
	return (n.min == nil || f >= *n.min) && (n.max == nil || f <= *n.max)
}

func asInteger(value any) (int64, bool) {
	text := numberText(value)
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return i, true
	}
	// 3.0 is how some clients write 3.
	if whole, zeros, found := strings.Cut(text, "."); found && strings.Trim(zeros, "0") == "" {
		i, err := strconv.ParseInt(whole, 10, 64)
		return i, err == nil
	}
	return 0, false
}

func numberText(value any) string {
	switch v := value.(type) {
	case json.Number:
		return v.String()
	case string:
		return strings.TrimSpace(v)
	}
	return ""
}

// wanted says what a value must be, for people and models.
func (n *node) wanted() string {
	switch {
	case n.kind == "array":
		many := "a list"
		switch {
		case n.minItems > 0 && n.maxItems > 0:
			many = fmt.Sprintf("a list of %d to %d items", n.minItems, n.maxItems)
		case n.maxItems > 0:
			many = fmt.Sprintf("a list of at most %d items", n.maxItems)
		case n.minItems > 0:
			many = fmt.Sprintf("a list of at least %d items", n.minItems)
		}
		return many + ", each " + n.elem.wanted()
	case len(n.enum) > 0:
		return "one of " + strings.Join(n.enum, ", ")
	case n.format == "date":
		return "a date like 2026-05-31"
	case n.format == "date-time":
		return "a time like 2026-05-31T14:00:00Z"
	case n.kind == "object":
		return "a JSON object"
	case n.kind == "boolean":
		return "true or false"
	case n.decimal:
		return "an amount in digits, like 120.50"
	case n.kind == "string" && n.maxLen > 0:
		return fmt.Sprintf("text of at most %d characters", n.maxLen)
	case n.kind == "string":
		return "text"
	}
	return map[string]string{"integer": "a whole number", "number": "a number"}[n.kind] + n.boundsText()
}

func (n *node) boundsText() string {
	number := func(f *float64) string { return strconv.FormatFloat(*f, 'f', -1, 64) }
	switch {
	case n.min != nil && n.max != nil:
		return " from " + number(n.min) + " to " + number(n.max)
	case n.min != nil:
		return " of at least " + number(n.min)
	case n.max != nil:
		return " of at most " + number(n.max)
	}
	return ""
}

func kindOf(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case bool:
		return "true or false"
	case json.Number:
		return "the number " + clip(v.String(), 40)
	case string:
		return strconv.Quote(clip(v, 60))
	case []any:
		return "a list"
	}
	return "an object"
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
