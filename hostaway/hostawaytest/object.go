// JSON rows in a fixed key order, written straight to bytes: the same world must give the same bytes.
package hostawaytest

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// object builds one JSON object key by key.
type object struct{ buf []byte }

func newObject() *object { return &object{buf: append(make([]byte, 0, 1024), '{')} }

// flag is a boolean that Hostaway carries as 0 or 1.
type flag bool

func (o *object) set(key string, value any) *object {
	if len(o.buf) > 1 {
		o.buf = append(o.buf, ',')
	}
	o.buf = appendText(o.buf, key)
	o.buf = append(o.buf, ':')
	o.buf = appendValue(o.buf, value)
	return o
}

func (o *object) done() json.RawMessage { return append(o.buf, '}') }

func appendValue(buf []byte, value any) []byte {
	switch v := value.(type) {
	case nil:
		return append(buf, "null"...)
	case string:
		return appendText(buf, v)
	case int:
		return strconv.AppendInt(buf, int64(v), 10)
	case int64:
		return strconv.AppendInt(buf, v, 10)
	case bool:
		return strconv.AppendBool(buf, v)
	case flag:
		if v {
			return append(buf, '1')
		}
		return append(buf, '0')
	case cents:
		return append(buf, v.String()...)
	case day:
		return appendOrNull(buf, v.String())
	case stamp:
		return appendOrNull(buf, v.String())
	case json.RawMessage:
		return append(buf, v...)
	case []json.RawMessage:
		return appendArray(buf, v)
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("hostawaytest: write %T as JSON: %v", value, err))
	}
	return append(buf, encoded...)
}

func appendArray(buf []byte, rows []json.RawMessage) []byte {
	buf = append(buf, '[')
	for i, row := range rows {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = append(buf, row...)
	}
	return append(buf, ']')
}

func appendOrNull(buf []byte, text string) []byte {
	if text == "" {
		return append(buf, "null"...)
	}
	return appendText(buf, text)
}

func appendText(buf []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			encoded, err := json.Marshal(text)
			if err != nil {
				panic(fmt.Sprintf("hostawaytest: write text as JSON: %v", err))
			}
			return append(buf, encoded...)
		}
	}
	buf = append(buf, '"')
	buf = append(buf, text...)
	return append(buf, '"')
}

// orNull gives nil for the empty text: Hostaway sends null rather than "".
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// idOrNull gives nil for the id 0.
func idOrNull(id int64) any {
	if id == 0 {
		return nil
	}
	return id
}
