// Schemas: a Go struct read once at start becomes the JSON Schema a client sees and the plan by which arguments are bound.
//
// Tags a field may carry, besides json (no omitempty means required):
//
//	jsonschema:"…"  its description in plain words; every argument needs one
//	enum:"a,b,c"    the only values allowed (or give its type a method Enum() []string)
//	min, max        bounds of a number
//	maxlen          longest text, in characters; not sent, for it helps nobody to ask better, and said when it is passed
//	minitems, maxitems
//	default:"20"    said in the schema and filled in when the argument is absent
//
// enum, min, max and maxlen on a list speak of its items.

package mcp

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"hostaway-mcp/hostaway"
)

// node is one place in a schema.
type node struct {
	kind     string // object, array, string, integer, number, boolean
	desc     string
	format   string
	enum     []string
	min, max *float64
	maxLen   int
	minItems int
	maxItems int
	initial  string // the default, as written in the tag
	nullable bool
	decimal  bool // a string that holds an exact number
	fields   []field
	elem     *node // of an array, or of the values of a map
	isMap    bool
}

type field struct {
	name     string
	index    []int // nil: not a field of the struct (confirm_token)
	required bool
	node     *node
}

var (
	dateType    = reflect.TypeFor[hostaway.Date]()
	timeType    = reflect.TypeFor[time.Time]()
	decimalType = reflect.TypeFor[decimal.Decimal]()
	textType    = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// nodeFor reads t, which must be a struct. For arguments (in) every field must be described.
func nodeFor(t reflect.Type, in bool) (*node, error) {
	if t.Kind() != reflect.Struct || t == dateType || t == timeType || t == decimalType {
		return nil, fmt.Errorf("%s is not a struct", t)
	}
	r := schemaReader{in: in, open: map[reflect.Type]bool{}}
	return r.read(t)
}

type schemaReader struct {
	in   bool
	open map[reflect.Type]bool // types being read, to refuse a type that holds itself
}

func (r schemaReader) read(t reflect.Type) (*node, error) {
	if t.Kind() == reflect.Pointer {
		n, err := r.read(t.Elem())
		if err == nil {
			n.nullable = true
		}
		return n, err
	}
	n, err := r.readShape(t)
	if err != nil {
		return nil, err
	}
	if e, ok := reflect.Zero(t).Interface().(interface{ Enum() []string }); ok {
		n.enum = e.Enum()
	}
	return n, nil
}

func (r schemaReader) readShape(t reflect.Type) (*node, error) {
	switch t {
	case dateType:
		return &node{kind: "string", format: "date"}, nil
	case timeType:
		return &node{kind: "string", format: "date-time"}, nil
	case decimalType:
		return &node{kind: "string", decimal: true}, nil
	}
	switch t.Kind() {
	case reflect.String:
		return &node{kind: "string"}, nil
	case reflect.Bool:
		return &node{kind: "boolean"}, nil
	case reflect.Int, reflect.Int32, reflect.Int64:
		return &node{kind: "integer"}, nil
	case reflect.Float64:
		return &node{kind: "number"}, nil
	case reflect.Slice:
		elem, err := r.read(t.Elem())
		return &node{kind: "array", elem: elem}, err
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			return nil, fmt.Errorf("%s: keys must be text", t)
		}
		elem, err := r.read(t.Elem())
		return &node{kind: "object", isMap: true, elem: elem}, err
	case reflect.Struct:
		if reflect.PointerTo(t).Implements(textType) {
			return &node{kind: "string"}, nil
		}
		return r.readStruct(t)
	}
	return nil, fmt.Errorf("%s has no schema", t)
}

func (r schemaReader) readStruct(t reflect.Type) (*node, error) {
	if r.open[t] {
		return nil, fmt.Errorf("%s holds itself", t)
	}
	r.open[t] = true
	defer delete(r.open, t)
	n := &node{kind: "object"}
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" || (f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct) {
			continue
		}
		if name == "" {
			return nil, fmt.Errorf("%s.%s has no json name", t, f.Name)
		}
		child, err := r.read(f.Type)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", t, f.Name, err)
		}
		if err := child.readTags(f.Tag); err != nil {
			return nil, fmt.Errorf("%s.%s: %w", t, f.Name, err)
		}
		if r.in && child.desc == "" {
			return nil, fmt.Errorf("%s.%s has no description", t, f.Name)
		}
		optional := strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")
		if optional {
			child.nullable = false // absent, never null
		}
		n.fields = append(n.fields, field{name: name, index: f.Index, required: !optional, node: child})
	}
	return n, nil
}

func (n *node) readTags(tag reflect.StructTag) error {
	n.desc, n.initial = tag.Get("jsonschema"), tag.Get("default")
	items := n
	if n.kind == "array" {
		items = n.elem
	}
	if s := tag.Get("enum"); s != "" {
		items.enum = strings.Split(s, ",")
	}
	return errors.Join(
		readNumber(tag, "min", func(f float64) { items.min = &f }),
		readNumber(tag, "max", func(f float64) { items.max = &f }),
		readNumber(tag, "maxlen", func(f float64) { items.maxLen = int(f) }),
		readNumber(tag, "minitems", func(f float64) { n.minItems = int(f) }),
		readNumber(tag, "maxitems", func(f float64) { n.maxItems = int(f) }),
	)
}

func readNumber(tag reflect.StructTag, name string, set func(float64)) error {
	s, ok := tag.Lookup(name)
	if !ok {
		return nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return fmt.Errorf("tag %s: %q is not a number", name, s)
	}
	set(f)
	return nil
}

func (n *node) withConfirmToken() *node {
	n.fields = append(n.fields, field{name: confirmTokenName, node: &node{kind: "string", desc: confirmTokenHelp}})
	return n
}

// schema renders n. strict, for arguments, says what is required and forbids the unknown; answers promise less and may grow. depth
// is how many levels of objects are spelled out.
func (n *node) schema(strict bool, depth int) json.RawMessage {
	var b strings.Builder
	n.write(&b, strict, depth)
	return json.RawMessage(b.String())
}

func (n *node) write(b *strings.Builder, strict bool, depth int) {
	b.WriteString(`{"type":`)
	if n.nullable {
		b.WriteString(`["` + n.kind + `","null"]`)
	} else {
		b.WriteString(`"` + n.kind + `"`)
	}
	add := func(key string, value any) {
		raw, _ := json.Marshal(value) // strings, numbers and lists of strings: cannot fail
		b.WriteString(`,"` + key + `":`)
		b.Write(raw)
	}
	if n.desc != "" {
		add("description", n.desc)
	}
	n.writeBounds(add)
	switch {
	case n.kind == "array":
		b.WriteString(`,"items":`)
		n.elem.write(b, strict, depth)
	case n.isMap && depth > 0:
		b.WriteString(`,"additionalProperties":`)
		n.elem.write(b, strict, depth-1)
	case n.kind == "object" && depth > 0:
		n.writeProperties(b, strict, depth-1)
	}
	b.WriteString("}")
}

func (n *node) writeBounds(add func(key string, value any)) {
	if n.format != "" {
		add("format", n.format)
	}
	if len(n.enum) > 0 {
		add("enum", n.enum)
	}
	number := n.kind == "integer" || n.kind == "number" // amounts are text, and bind looks after their bounds
	if n.min != nil && number {
		add("minimum", *n.min)
	}
	if n.max != nil && number {
		add("maximum", *n.max)
	}
	if n.minItems > 0 {
		add("minItems", n.minItems)
	}
	if n.maxItems > 0 {
		add("maxItems", n.maxItems)
	}
	switch {
	case n.initial == "":
	case n.kind == "string":
		add("default", n.initial)
	default:
		add("default", json.RawMessage(n.initial))
	}
}

func (n *node) writeProperties(b *strings.Builder, strict bool, depth int) {
	b.WriteString(`,"properties":{`)
	var required []string
	for i, f := range n.fields {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString(`"` + f.name + `":`)
		f.node.write(b, strict, depth)
		if f.required {
			required = append(required, f.name)
		}
	}
	b.WriteString("}")
	if !strict {
		return
	}
	if len(required) > 0 {
		raw, _ := json.Marshal(required)
		b.WriteString(`,"required":`)
		b.Write(raw)
	}
	b.WriteString(`,"additionalProperties":false`)
}
