// Binding and schemas, through the words a model gets.

package mcp

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"hostaway-mcp/hostaway"
)

type colour string

func (colour) Enum() []string { return []string{"red", "green"} }

type bindInner struct {
	Street string `json:"street" jsonschema:"street" maxlen:"5"`
}

type bindIn struct {
	ID     int64            `json:"id" jsonschema:"id" min:"1"`
	Days   []hostaway.Date  `json:"days,omitempty" jsonschema:"days" minitems:"1" maxitems:"2"`
	Amount *decimal.Decimal `json:"amount,omitempty" jsonschema:"amount" min:"0"`
	Limit  int              `json:"limit,omitempty" jsonschema:"how many" min:"1" max:"50" default:"20"`
	Colour colour           `json:"colour,omitempty" jsonschema:"colour"`
	Sort   string           `json:"sort,omitempty" jsonschema:"order" enum:"newest,oldest" default:"newest"`
	Share  float64          `json:"share,omitempty" jsonschema:"share" max:"1"`
	Quiet  bool             `json:"quiet,omitempty" jsonschema:"quiet"`
	Full   bool             `json:"full,omitempty" jsonschema:"full" default:"true"`
	At     *time.Time       `json:"at,omitempty" jsonschema:"when"`
	Home   *bindInner       `json:"home,omitempty" jsonschema:"where"`
	Labels map[string]int   `json:"labels,omitempty" jsonschema:"labels"`
	IDs    []int64          `json:"ids,omitempty" jsonschema:"ids" maxitems:"3"`
}

func bound(t *testing.T, args string) (bindIn, error) {
	t.Helper()
	var in bindIn
	err := bind(inputNode[bindIn]("test"), json.RawMessage(args), reflect.ValueOf(&in).Elem())
	return in, err
}

func TestBindTakesWhatIsMeant(t *testing.T) {
	t.Parallel()
	amount := decimal.RequireFromString("12.50")
	at := time.Date(2026, 5, 31, 12, 0, 0, 0, time.UTC)
	day, err := hostaway.ParseDate("2026-05-31")
	if err != nil {
		t.Fatal(err)
	}
	base := bindIn{ID: 7, Limit: 20, Sort: "newest", Full: true}
	with := func(change func(*bindIn)) bindIn {
		in := base
		change(&in)
		return in
	}
	for args, want := range map[string]bindIn{
		`{"id":7}`:                       base,
		`{"id":"7"}`:                     base,
		`{"id":7.0,"home":null}`:         base,
		`{"id":9007199254740993}`:        with(func(in *bindIn) { in.ID = 9007199254740993 }),
		`{"id":7,"amount":"12.50"}`:      with(func(in *bindIn) { in.Amount = &amount }),
		`{"id":7,"amount":12.50}`:        with(func(in *bindIn) { in.Amount = &amount }),
		`{"id":7,"full":false}`:          with(func(in *bindIn) { in.Full = false }),
		`{"id":7,"quiet":"true"}`:        with(func(in *bindIn) { in.Quiet = true }),
		`{"id":7,"days":"2026-05-31"}`:   with(func(in *bindIn) { in.Days = []hostaway.Date{day} }),
		`{"id":7,"ids":["1",2]}`:         with(func(in *bindIn) { in.IDs = []int64{1, 2} }),
		`{"id":7,"home":{"street":"A"}}`: with(func(in *bindIn) { in.Home = &bindInner{"A"} }),
		`{"id":7,"labels":{"b":2}}`:      with(func(in *bindIn) { in.Labels = map[string]int{"b": 2} }),
		`{"id":7,"colour":"red"}`:        with(func(in *bindIn) { in.Colour = "red" }),
		`{"id":7,"share":0.5}`:           with(func(in *bindIn) { in.Share = 0.5 }),
		`{"id":7,"home":{"street":12}}`:  with(func(in *bindIn) { in.Home = &bindInner{"12"} }),
		`{"id":7,"limit":"5","sort":"oldest","at":"2026-05-31T14:00:00+02:00"}`: with(func(in *bindIn) { in.Limit, in.Sort, in.At = 5, "oldest", &at }),
	} {
		got, err := bound(t, args)
		if err != nil {
			t.Errorf("%s: %v", args, err)
			continue
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(hostawayDatesEqual)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", args, diff)
		}
	}
}

func hostawayDatesEqual(a, b hostaway.Date) bool { return a.Compare(b) == 0 }

func TestBindSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		`{}`:                                    "The argument id is missing. It must be a whole number of at least 1.",
		``:                                      "The argument id is missing.",
		`null`:                                  "The argument id is missing.",
		`{"id":null}`:                           "The argument id is missing.",
		`{"id":"seven"}`:                        `The argument id is "seven". It must be a whole number of at least 1.`,
		`{"id":1.5}`:                            "The argument id is the number 1.5.",
		`{"id":0}`:                              "It must be a whole number of at least 1.",
		`{"id":99999999999999999999}`:           "The argument id is the number 99999999999999999999.",
		`{"id":7,"limit":51}`:                   "It must be a whole number from 1 to 50.",
		`{"id":7,"limt":5}`:                     "There is no argument limt. Did you mean limit?",
		`{"id":7,"Limit":5}`:                    "Did you mean limit?",
		`{"id":7,"wholly_other":5}`:             "There is no argument wholly_other. Known are: id, days",
		`{"id":7,"home":{}}`:                    "The argument home.street is missing.",
		`{"id":7,"home":{"street":"longer"}}`:   "It must be text of at most 5 characters.",
		`{"id":7,"home":{"street":"A","no":1}}`: "There is no argument home.no.",
		`{"id":7,"home":"A"}`:                   "It must be a JSON object.",
		`{"id":7,"colour":"reed"}`:              `The argument colour can't be "reed". Did you mean red? It must be one of red, green.`,
		`{"id":7,"colour":"blue"}`:              "It must be one of red, green.",
		`{"id":7,"days":["31.5.2026"]}`:         `The argument days[0] can't be "31.5.2026". It must be a date like 2026-05-31.`,
		`{"id":7,"days":["2026-02-30"]}`:        "It must be a date like 2026-05-31.",
		`{"id":7,"days":[]}`:                    "It must be a list of 1 to 2 items, each a date",
		`{"id":7,"days":[null]}`:                "The argument days[0] is null.",
		`{"id":7,"days":{}}`:                    "The argument days is an object.",
		`{"id":7,"ids":[1,2,3,4]}`:              "It must be a list of at most 3 items",
		`{"id":7,"amount":"1e999999999"}`:       "The argument amount is",
		`{"id":7,"amount":-1}`:                  "The argument amount is the number -1.",
		`{"id":7,"amount":"x"}`:                 "The argument amount is",
		`{"id":7,"quiet":"perhaps"}`:            "It must be true or false.",
		`{"id":7,"share":"x"}`:                  "It must be a number of at most 1.",
		`{"id":7,"share":2}`:                    "It must be a number of at most 1.",
		`{"id":7,"at":"noon"}`:                  "It must be a time like",
		`{"id":7,"labels":{"a":"x"}}`:           "The argument labels.a is",
		`{"id":7,"sort":["newest"]}`:            "The argument sort is a list.",
		`{"id":7,"sort":"a\u0000b"}`:            "contains a NUL character",
		`[1]`:                                   "The arguments must be a JSON object, not a list.",
		`{"id":7}{}`:                            "The arguments are not valid JSON.",
	} {
		_, err := bound(t, args)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", args, err, want)
		}
	}
}

func TestSchemaSaysWhatBindWants(t *testing.T) {
	t.Parallel()
	const want = `{"type":"object","properties":{` +
		`"id":{"type":"integer","description":"id","minimum":1},` +
		`"days":{"type":"array","description":"days","minItems":1,"maxItems":2,"items":{"type":"string","format":"date"}},` +
		`"amount":{"type":"string","description":"amount"},` +
		`"limit":{"type":"integer","description":"how many","minimum":1,"maximum":50,"default":20},` +
		`"colour":{"type":"string","description":"colour","enum":["red","green"]},` +
		`"sort":{"type":"string","description":"order","enum":["newest","oldest"],"default":"newest"},` +
		`"share":{"type":"number","description":"share","maximum":1},` +
		`"quiet":{"type":"boolean","description":"quiet"},` +
		`"full":{"type":"boolean","description":"full","default":true},` +
		`"at":{"type":"string","description":"when","format":"date-time"},` +
		`"home":{"type":"object","description":"where","properties":{"street":{"type":"string","description":"street"}},"required":["street"],"additionalProperties":false},` +
		`"labels":{"type":"object","description":"labels","additionalProperties":{"type":"integer"}},` +
		`"ids":{"type":"array","description":"ids","maxItems":3,"items":{"type":"integer"}}` +
		`},"required":["id"],"additionalProperties":false}`
	if diff := cmp.Diff(want, string(inputNode[bindIn]("test").schema(true, 10))); diff != "" {
		t.Error(diff)
	}
	if got := string(inputNode[bindIn]("test").schema(false, 1)); !strings.Contains(got, `"home":{"type":"object","description":"where"}`) || strings.Contains(got, "additionalProperties") {
		t.Errorf("shortened: %s", got)
	}
}

func TestAToolWithoutASchemaDoesNotStart(t *testing.T) {
	t.Parallel()
	type selfish struct {
		Me []*selfish `json:"me" jsonschema:"me"`
	}
	for name, make := range map[string]func(){
		"no description": func() { inputNode[echoOut]("test") },
		"anything at all": func() {
			inputNode[struct {
				A any `json:"a" jsonschema:"a"`
			}]("test")
		},
		"no struct":    func() { inputNode[string]("test") },
		"a date alone": func() { outputNode[hostaway.Date]("test") },
		"holds itself": func() { inputNode[selfish]("test") },
		"no name":      func() { outputNode[struct{ A int }]("test") },
		"number keys": func() {
			outputNode[struct {
				A map[int]int `json:"a"`
			}]("test")
		},
		"bound no number": func() {
			outputNode[struct {
				A int `json:"a" min:"x"`
			}]("test")
		},
		"two of one name": func() { newServer(Config{}, []Tool{echoTool(), echoTool()}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			make()
		}()
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"hostaway_list_properties", "hostaway_search_bookings", "hostaway_whoami"}
	for wrong, want := range map[string]string{
		"hostaway_list_property": "hostaway_list_properties", "list_properties": "hostaway_list_properties", "whoami": "hostaway_whoami",
		"HOSTAWAY-WHOAMI": "hostaway_whoami", "search bookings": "hostaway_search_bookings", "something_else_entirely": "", "": "",
	} {
		if got := nearest(wrong, known); got != want {
			t.Errorf("nearest to %q is %q, want %q", wrong, got, want)
		}
	}
}
