package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

type listIn struct {
	From  int `json:"from,omitempty" jsonschema:"where to start"`
	Width int `json:"width,omitempty" jsonschema:"how long each is"`
}

type listItem struct {
	Text string `json:"text"`
}

type listOut struct {
	Items []listItem `json:"items"`
	Next  int        `json:"next,omitempty"`
}

// nasty is text that grows in every encoding on the way.
const nasty = "\"\\<&>é\u2028\x01😀"

func TestAnswersStayInTheBudgetAndPagesFollowOnEachOther(t *testing.T) {
	t.Parallel()
	const total = 120
	seenText := func(i, width int) string { return fmt.Sprint(i) + strings.Repeat(nasty, width) }
	list := newTool(spec{Name: "hostaway_list", Title: "List", Description: "Lists.", WithoutHostaway: true}, func(_ context.Context, _ Caller, in listIn) (listOut, error) {
		var all []listItem
		for i := in.From; i < total; i++ {
			all = append(all, listItem{seenText(i, in.Width)})
		}
		n := fitPage(all, listOut{Next: total})
		out := listOut{Items: all[:n]}
		if in.From+n < total {
			out.Next = in.From + n
		}
		return out, nil
	})
	f := newFrame(t, []Tool{list}, nil)
	key := f.org("A").APIKey
	for _, width := range []int{0, 1, 20, 150} {
		at, calls := 0, 0
		for {
			body, headers := modern(`"an id of some length"`, "tools/call", fmt.Sprintf(`{"name":"hostaway_list","arguments":{"from":%d,"width":%d}}`, at, width))
			got := f.post(key, body, headers...)
			if len(got.body) > answerBudget {
				t.Fatalf("width %d: an answer of %d bytes", width, len(got.body))
			}
			out := structured[listOut](t, got.tool(t))
			if got.tool(t).text() == "" || !sameJSON(got.tool(t).text(), string(got.tool(t).Result.Structured)) {
				t.Fatalf("width %d: text and structured content differ", width)
			}
			for i, item := range out.Items {
				if item.Text != strings.ToValidUTF8(seenText(at+i, width), "") {
					t.Fatalf("width %d: row %d is not where it should be", width, at+i)
				}
			}
			calls++
			if out.Next == 0 {
				if at+len(out.Items) != total {
					t.Fatalf("width %d: ended after %d rows", width, at+len(out.Items))
				}
				break
			}
			at = out.Next
		}
		if width == 20 && calls < 3 {
			t.Errorf("width %d: %d calls; the test means to page", width, calls)
		}
	}
	// One row that is too large by itself is refused with words, not sent.
	if got := f.call(key, "hostaway_list", `{"width":3000}`); !got.Result.IsError || !strings.Contains(got.text(), "25000 bytes") {
		t.Errorf("a row over the budget: %.200s", got.text())
	}
}

func TestWeightIsNeverLessThanWhatIsSent(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "plain", nasty, strings.Repeat(nasty, 50), "\u2028\u2029", "\x7f\t\n", strings.Repeat("<", 100)} {
		raw, err := encode(listItem{s})
		if err != nil {
			t.Fatal(err)
		}
		structured, _ := json.Marshal(json.RawMessage(raw))
		text, _ := json.Marshal(string(raw))
		if sent := len(structured) + len(text) - 2; weight(raw) < sent {
			t.Errorf("%q weighs %d and is sent as %d bytes", s, weight(raw), sent)
		}
	}
}

func TestACursorIsGoodForItsOwnQuestionOnly(t *testing.T) {
	t.Parallel()
	cursor := sealCursor("hostaway_list", "after:41", listIn{Width: 1})
	if at, err := openCursor("hostaway_list", cursor, listIn{Width: 1}); err != nil || at != "after:41" {
		t.Errorf("opened as %q, %v", at, err)
	}
	if at, err := openCursor("hostaway_list", "", listIn{}); err != nil || at != "" {
		t.Errorf("no cursor: %q, %v", at, err)
	}
	for name, open := range map[string]func() (string, error){
		"another tool":     func() (string, error) { return openCursor("hostaway_other", cursor, listIn{Width: 1}) },
		"another question": func() (string, error) { return openCursor("hostaway_list", cursor, listIn{Width: 2}) },
		"not base64":       func() (string, error) { return openCursor("hostaway_list", "%%%", listIn{Width: 1}) },
		"shortened":        func() (string, error) { return openCursor("hostaway_list", cursor[:6], listIn{Width: 1}) },
	} {
		if at, err := open(); err == nil || !strings.Contains(err.Error(), "leave cursor out to start again") {
			t.Errorf("%s: %q, %v", name, at, err)
		}
	}
}

func TestClip(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "", "abcd": "abcd", "abcde": "abc…", "ééééé": "ééé…"} {
		if got := clip(in, 4); got != want {
			t.Errorf("clip(%q) = %q, want %q", in, got, want)
		}
	}
}
