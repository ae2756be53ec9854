package hostaway

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
)

// sample has one field of every kind that rows are made of.
type sample struct {
	ID       int64             `json:"id"`
	Name     string            `json:"name"`
	Status   ReservationStatus `json:"status"`
	Flag     *bool             `json:"flag"`
	Count    *int64            `json:"count"`
	Amount   *decimal.Decimal  `json:"amount"`
	Day      *Date             `json:"day"`
	At       *time.Time        `json:"at"`
	Children []sampleChild     `json:"children"`
	Child    *sampleChild      `json:"child"`
	Words    []string          `json:"words"`
}

type sampleChild struct {
	Value *int64 `json:"value"`
}

func TestOneFieldOfARow(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	amount := decimal.RequireFromString
	tests := []struct {
		json string
		want sample
	}{
		{`"flag":true`, sample{Flag: &yes}},
		{`"flag":1`, sample{Flag: &yes}},
		{`"flag":"1"`, sample{Flag: &yes}},
		{`"flag":"true"`, sample{Flag: &yes}},
		{`"flag":false`, sample{Flag: &no}},
		{`"flag":0`, sample{Flag: &no}},
		{`"flag":"0"`, sample{Flag: &no}},
		{`"flag":null`, sample{}},
		{`"flag":""`, sample{}},
		{`"flag":2`, sample{}},
		{`"flag":[]`, sample{}},
		{`"count":12`, sample{Count: ptr(int64(12))}},
		{`"count":"12"`, sample{Count: ptr(int64(12))}},
		{`"count":" 12 "`, sample{Count: ptr(int64(12))}},
		{`"count":12.0`, sample{Count: ptr(int64(12))}},
		{`"count":-1209600`, sample{Count: ptr(int64(-1209600))}},
		{`"count":true`, sample{Count: ptr(int64(1))}},
		{`"count":false`, sample{Count: ptr(int64(0))}},
		{`"count":12.5`, sample{}},
		{`"count":"twelve"`, sample{}},
		{`"count":9223372036854775808`, sample{}},
		{`"count":null`, sample{}},
		{`"amount":0.1`, sample{Amount: ptr(amount("0.1"))}},
		{`"amount":"1234.50"`, sample{Amount: ptr(amount("1234.50"))}},
		{`"amount":9007199254740993.01`, sample{Amount: ptr(amount("9007199254740993.01"))}},
		{`"amount":1e3`, sample{Amount: ptr(amount("1000"))}},
		{`"amount":1e999999999`, sample{}},
		{`"amount":1e41`, sample{}},
		{`"amount":1e-41`, sample{}},
		{`"amount":"` + strings.Repeat("9", maxNumberText+1) + `"`, sample{}},
		{`"amount":"1,234"`, sample{}},
		{`"amount":"NaN"`, sample{}},
		{`"amount":null`, sample{}},
		{`"amount":""`, sample{}},
		{`"day":"2026-02-28"`, sample{Day: ptr(NewDate(2026, 2, 28))}},
		{`"day":"2026-02-28 14:00:00"`, sample{Day: ptr(NewDate(2026, 2, 28))}},
		{`"day":"2026-02-28T14:00:00Z"`, sample{Day: ptr(NewDate(2026, 2, 28))}},
		{`"day":"0000-00-00"`, sample{}},
		{`"day":"2026-02-30"`, sample{}},
		{`"day":20260228`, sample{}},
		{`"at":"2026-02-28 14:30:15"`, sample{At: ptr(time.Date(2026, 2, 28, 14, 30, 15, 0, time.UTC))}},
		{`"at":"2026-02-28T14:30:15+02:00"`, sample{At: ptr(time.Date(2026, 2, 28, 12, 30, 15, 0, time.UTC))}},
		{`"at":"2026-02-28"`, sample{At: ptr(time.Date(2026, 2, 28, 0, 0, 0, 0, time.UTC))}},
		{`"at":"0000-00-00 00:00:00"`, sample{}},
		{`"at":"-0001-11-30 00:00:00"`, sample{}},
		{`"at":"yesterday"`, sample{}},
		{`"at":{}`, sample{}},
		{`"name":"Ünal \"x\""`, sample{Name: `Ünal "x"`}},
		{`"name":4711`, sample{Name: "4711"}},
		{`"name":null`, sample{}},
		{`"name":["x"]`, sample{}},
		{`"status":"brandNew"`, sample{Status: "brandNew"}},
		{`"children":[{"value":1},null,"x",{"value":"2"}]`, sample{Children: []sampleChild{{ptr(int64(1))}, {ptr(int64(2))}}}},
		{`"children":{"10":{"value":2},"2":{"value":1}}`, sample{Children: []sampleChild{{ptr(int64(1))}, {ptr(int64(2))}}}},
		{`"children":{"value":1}`, sample{Children: []sampleChild{{ptr(int64(1))}}}},
		{`"children":false`, sample{}},
		{`"children":""`, sample{}},
		{`"children":"text"`, sample{}},
		{`"children":{}`, sample{}},
		{`"child":{"value":"5"}`, sample{Child: &sampleChild{ptr(int64(5))}}},
		{`"child":[]`, sample{}},
		{`"child":7`, sample{}},
		{`"words":["a",1,null]`, sample{Words: []string{"a", "1"}}},
		{`"Name":"other case"`, sample{}},
		{`"unheardOf":{"deep":[1]}`, sample{}},
	}
	for _, test := range tests {
		test.want.ID = 1
		var got sample
		if !newRowReader().read(json.RawMessage(`{"id":"1",`+test.json+`}`), reflect.ValueOf(&got).Elem()) {
			t.Errorf("%s: the row was lost", test.json)
			continue
		}
		if diff := cmp.Diff(test.want, got, cmp.Comparer(func(a, b Date) bool { return a == b })); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", test.json, diff)
		}
	}
}

func TestUnreadableFieldsAreNamed(t *testing.T) {
	t.Parallel()
	reader := newRowReader()
	var got sample
	reader.read(json.RawMessage(`{"id":1,"amount":"a lot","flag":"perhaps","count":null,"name":"fine"}`), reflect.ValueOf(&got).Elem())
	if diff := cmp.Diff(map[string]int{"amount": 1, "flag": 1}, reader.unreadable); diff != "" {
		t.Errorf("unreadable fields (-want +got)\n%s", diff)
	}
}

// Every struct that rows are read into must consist of kinds that the reader knows; otherwise a field would stay empty in silence.
func TestAllRowTypesCanBeRead(t *testing.T) {
	t.Parallel()
	for _, row := range []any{
		Listing{}, Reservation{}, CalendarDay{}, FinanceField{}, Conversation{}, Message{}, standardFinanceHead{}, reportColumn{},
	} {
		checkReadable(t, reflect.TypeOf(row), map[reflect.Type]bool{})
	}
}

func checkReadable(t *testing.T, typ reflect.Type, seen map[reflect.Type]bool) {
	t.Helper()
	if seen[typ] || slices.Contains([]reflect.Type{dateReflect, timeReflect, decimalReflect}, typ) {
		return
	}
	seen[typ] = true
	switch typ.Kind() {
	case reflect.String, reflect.Bool, reflect.Int64:
	case reflect.Pointer, reflect.Slice:
		checkReadable(t, typ.Elem(), seen)
	case reflect.Struct:
		names := map[string]bool{}
		for i := range typ.NumField() {
			field := typ.Field(i)
			name := jsonName(field)
			if name == "" || names[name] {
				t.Errorf("%s.%s has no json name of its own", typ, field.Name)
			}
			names[name] = true
			checkReadable(t, field.Type, seen)
		}
	default:
		t.Errorf("the reader does not know %s", typ)
	}
}

func TestSecretsOfRowsAreNotDecoded(t *testing.T) {
	t.Parallel()
	for _, row := range []any{Listing{}, Reservation{}, Conversation{}} {
		typ := reflect.TypeOf(row)
		for i := range typ.NumField() {
			name := strings.ToLower(jsonName(typ.Field(i)))
			for _, forbidden := range []string{"doorcode", "doorsecurity", "wifi", "authhash", "portalurl", "keypickup", "specialinstruction", "ccn", "cvc"} {
				if strings.Contains(name, forbidden) {
					t.Errorf("%s carries %s in the clear", typ, name)
				}
			}
		}
	}
}

// FuzzRows feeds the reader whatever JSON there is: it must neither panic nor lose an object, and what it understood must survive
// being written and read again.
func FuzzRows(f *testing.F) {
	for _, seed := range []string{
		`{"id":1,"totalPrice":"12.50","isPaid":"1","arrivalDate":"2026-01-02","reservationFees":{"0":{"amount":1}}}`,
		`{"id":"9","financeField":[null,{"total":-3.1}],"updatedOn":"0000-00-00 00:00:00","status":7}`,
		`{"id":1e2,"nights":"x","pets":[],"currency":{"a":1},"children":true}`,
		`{"Reservation":{"id":3},"conversationMessages":[{"id":1,"date":"2026-02-31 00:00:00"}],"totalPrice":1e-40}`,
		`[]`, `null`, `"x"`, `{`, `{"id":99999999999999999999}`, `{"totalPrice":1e999999999}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return
		}
		for _, row := range []any{new(Listing), new(Reservation), new(CalendarDay), new(FinanceField), new(Conversation), new(Message)} {
			into := reflect.ValueOf(row).Elem()
			if got, want := newRowReader().read(raw, into), kindOf(raw) == '{'; got != want {
				t.Fatalf("read %s into %T: %v, want %v", raw, row, got, want)
			}
			again := reflect.New(into.Type())
			newRowReader().read(json.RawMessage(mustJSON(t, row)), again.Elem())
			if one, two := mustJSON(t, row), mustJSON(t, again.Interface()); one != two {
				t.Fatalf("written and read again, %s\nbecame %s", one, two)
			}
		}
		_, _ = openEnvelope(raw)
		_, _ = readToken(raw, time.Unix(0, 0))
		_, _ = readJSONReport(ReportConsolidated, raw)
		_, _ = readCSVReport(ReportStandard, answer{body: raw})
	})
}
