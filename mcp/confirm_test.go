// Confirmation of changes, from the client's side.

package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/secret"
	"hostaway-mcp/store/storetest"
)

type renameIn struct {
	ID   int64          `json:"id" jsonschema:"which listing"`
	Name string         `json:"name" jsonschema:"its new name"`
	From *hostaway.Date `json:"from,omitempty" jsonschema:"from which day on"`
}

type renamePreview struct {
	Old string `json:"old"`
	New string `json:"new"`
}

// renameToolCounting counts the changes that were really made.
func renameToolCounting(made *atomic.Int64, name string) Tool {
	type out struct {
		Renamed int64 `json:"renamed"`
	}
	return newWriteTool(spec{Name: name, Title: "Rename", Description: "Renames.", WithoutHostaway: true},
		func(_ context.Context, _ Caller, in renameIn) (renamePreview, error) {
			if in.ID == 404 {
				return renamePreview{}, refuse("There is no listing 404.", "Ask for the list.")
			}
			return renamePreview{Old: "Old name", New: in.Name}, nil
		},
		func(_ context.Context, _ Caller, in renameIn) (out, error) {
			made.Add(1)
			return out{Renamed: in.ID}, nil
		})
}

func renameTool() Tool { return renameToolCounting(&atomic.Int64{}, "hostaway_rename") }

type confirmAnswer struct {
	Status       string          `json:"status"`
	Preview      json.RawMessage `json:"preview"`
	ConfirmToken string          `json:"confirm_token"`
	ExpiresAt    string          `json:"expires_at"`
	NextStep     string          `json:"next_step"`
	Result       json.RawMessage `json:"result"`
}

func structured[T any](t testing.TB, r toolResult) T {
	t.Helper()
	var v T
	if r.Result.IsError || r.Error != nil {
		t.Fatalf("the call failed: %+v", r)
	}
	if err := json.Unmarshal(r.Result.Structured, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestAChangeIsPreviewedThenConfirmedOnce(t *testing.T) {
	t.Parallel()
	var made atomic.Int64
	f := newFrame(t, []Tool{renameToolCounting(&made, "hostaway_rename")}, nil)
	key := f.org("A").APIKey
	shown := structured[confirmAnswer](t, f.call(key, "hostaway_rename", `{"id":7,"name":"Sea view"}`))
	if shown.Status != "preview" || string(shown.Preview) != `{"old":"Old name","new":"Sea view"}` || shown.ConfirmToken == "" || shown.ExpiresAt == "" || shown.NextStep == "" {
		t.Fatalf("preview: %+v", shown)
	}
	if made.Load() != 0 {
		t.Fatal("the preview changed something")
	}
	// The same arguments in another order and spelling are the same arguments.
	again := fmt.Sprintf(`{"confirm_token":%q,"name":"Sea view","id":"7"}`, shown.ConfirmToken)
	done := structured[confirmAnswer](t, f.call(key, "hostaway_rename", again))
	if done.Status != "done" || string(done.Result) != `{"renamed":7}` || done.ConfirmToken != "" || made.Load() != 1 {
		t.Errorf("confirmed: %+v, %d changes; want done once", done, made.Load())
	}
	got := f.call(key, "hostaway_rename", again)
	if !got.Result.IsError || !strings.Contains(got.text(), "Ask for a new preview") || !strings.Contains(got.text(), "this call changed nothing") ||
		!strings.Contains(got.text(), "may have made the change: look before trying again") {
		t.Errorf("the token a second time: %+v", got)
	}
	if made.Load() != 1 {
		t.Errorf("%d changes were made with one token", made.Load())
	}
}

func TestConfirmTokenIsGoodForNothingElse(t *testing.T) {
	t.Parallel()
	var made atomic.Int64
	f := newFrame(t, []Tool{renameToolCounting(&made, "hostaway_rename"), renameToolCounting(&made, "hostaway_repaint")}, nil)
	a, b := f.org("A"), f.org("B")
	_, otherKey, err := a.Org.CreateAPIKey(t.Context(), a.By(), "other")
	if err != nil {
		t.Fatal(err)
	}
	token := structured[confirmAnswer](t, f.call(a.APIKey, "hostaway_rename", `{"id":7,"name":"Sea view"}`)).ConfirmToken
	answers := map[string]bool{}
	for _, c := range []struct {
		name, tool, arguments string
		key                   secret.Text
	}{
		{"another org", "hostaway_rename", `{"id":7,"name":"Sea view","confirm_token":%q}`, b.APIKey},
		{"another key of the org", "hostaway_rename", `{"id":7,"name":"Sea view","confirm_token":%q}`, otherKey},
		{"another tool", "hostaway_repaint", `{"id":7,"name":"Sea view","confirm_token":%q}`, a.APIKey},
		{"another id", "hostaway_rename", `{"id":8,"name":"Sea view","confirm_token":%q}`, a.APIKey},
		{"another name", "hostaway_rename", `{"id":7,"name":"Sea View","confirm_token":%q}`, a.APIKey},
		{"one argument more", "hostaway_rename", `{"id":7,"name":"Sea view","from":"2026-01-01","confirm_token":%q}`, a.APIKey},
	} {
		got := f.call(c.key, c.tool, fmt.Sprintf(c.arguments, token))
		if !got.Result.IsError {
			t.Errorf("%s: the token was taken: %+v", c.name, got)
		}
		answers[got.text()] = true
	}
	invented := f.call(a.APIKey, "hostaway_rename", `{"id":7,"name":"Sea view","confirm_token":"nonsense"}`)
	answers[invented.text()] = true
	if len(answers) != 1 {
		t.Errorf("the answers tell which tokens exist: %v", answers)
	}
	if made.Load() != 0 {
		t.Errorf("%d changes were made with tokens that are not good for them", made.Load())
	}
	if got := f.call(a.APIKey, "hostaway_rename", `{"id":7,"name":"Sea view","confirm_token":5}`); !strings.Contains(got.text(), "confirm_token is not text") {
		t.Errorf("a number as token: %s", got.text())
	}
	if got := structured[confirmAnswer](t, f.call(a.APIKey, "hostaway_rename", fmt.Sprintf(`{"id":7,"name":"Sea view","confirm_token":%q}`, token))); got.Status != "done" {
		t.Errorf("the rightful call afterwards: %+v", got)
	}
}

func TestSimultaneousConfirmationsChangeOnce(t *testing.T) {
	t.Parallel()
	var made atomic.Int64
	f := newFrame(t, []Tool{renameToolCounting(&made, "hostaway_rename")}, nil)
	key := f.org("A").APIKey
	token := structured[confirmAnswer](t, f.call(key, "hostaway_rename", `{"id":7,"name":"x"}`)).ConfirmToken
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { f.call(key, "hostaway_rename", fmt.Sprintf(`{"id":7,"name":"x","confirm_token":%q}`, token)) })
	}
	all.Wait()
	if made.Load() != 1 {
		t.Errorf("%d changes were made, want 1", made.Load())
	}
}

func TestConfirmTokenExpires(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock(testNow())
	var made atomic.Int64
	f := newFrameOn(t, storetest.Open(t, storetest.WithClock(clock)), []Tool{renameToolCounting(&made, "hostaway_rename")}, func(c *Config) { c.Now = clock.Now })
	key := f.org("A").APIKey
	token := structured[confirmAnswer](t, f.call(key, "hostaway_rename", `{"id":7,"name":"x"}`)).ConfirmToken
	clock.Advance(confirmTTL + 1)
	got := f.call(key, "hostaway_rename", fmt.Sprintf(`{"id":7,"name":"x","confirm_token":%q}`, token))
	if !got.Result.IsError || !strings.Contains(got.text(), "not valid for this change") || made.Load() != 0 {
		t.Errorf("after %s: %s, %d changes", confirmTTL, got.text(), made.Load())
	}
}

func TestAPreviewThatIsRefusedGivesNoToken(t *testing.T) {
	t.Parallel()
	f := newFrame(t, []Tool{renameTool()}, nil)
	got := f.call(f.org("A").APIKey, "hostaway_rename", `{"id":404,"name":"x"}`)
	if !got.Result.IsError || got.text() != "There is no listing 404. Ask for the list." {
		t.Errorf("%+v", got)
	}
}
