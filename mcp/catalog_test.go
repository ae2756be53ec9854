// The catalogue as clients see it.

package mcp

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Budgets in bytes: of the whole answer to tools/list, and of one tool in it.
const (
	listBudget = 16_000
	toolBudget = 2_200
)

// sentTool is one tool as tools/list gives it.
type sentTool struct {
	Name        string `json:"name"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Annotations struct {
		ReadOnly    *bool `json:"readOnlyHint"`
		Destructive *bool `json:"destructiveHint"`
		OpenWorld   *bool `json:"openWorldHint"`
	} `json:"annotations"`
	Input  sentSchema `json:"inputSchema"`
	Output sentSchema `json:"outputSchema"`
}

type sentSchema struct {
	Type       any                   `json:"type"`
	Desc       string                `json:"description"`
	Properties map[string]sentSchema `json:"properties"`
	Items      *sentSchema           `json:"items"`
	Closed     any                   `json:"additionalProperties"`
}

func listTools(t *testing.T) (whole []byte, raw []json.RawMessage, tools []sentTool) {
	t.Helper()
	f := newFrame(t, catalog("v1.2.3", "at http://127.0.0.1:8080/connection"), nil)
	whole = []byte(f.post(f.org("A").APIKey, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`).body)
	var got struct {
		Result struct {
			Tools      []json.RawMessage `json:"tools"`
			NextCursor string            `json:"nextCursor"`
		} `json:"result"`
	}
	if err := json.Unmarshal(whole, &got); err != nil {
		t.Fatal(err)
	}
	if got.Result.NextCursor != "" {
		t.Errorf("the list goes on after %d tools; some clients read one page only", len(got.Result.Tools))
	}
	for _, one := range got.Result.Tools {
		var tool sentTool
		if err := json.Unmarshal(one, &tool); err != nil {
			t.Fatal(err)
		}
		tools = append(tools, tool)
	}
	return whole, got.Result.Tools, tools
}

func TestCatalogueKeepsItsPromises(t *testing.T) {
	t.Parallel()
	whole, raw, tools := listTools(t)
	if len(whole) >= listBudget {
		t.Errorf("tools/list is %d bytes; %d are allowed", len(whole), listBudget)
	}
	t.Logf("tools/list: %d tools, %d bytes", len(tools), len(whole))
	infos := New(Config{Version: "v1.2.3"}).Tools()
	if len(infos) != len(tools) {
		t.Fatalf("Tools() has %d entries, tools/list %d", len(infos), len(tools))
	}
	name := regexp.MustCompile(`^hostaway_[a-z]+(_[a-z]+)*$`)
	seen := map[string]bool{}
	for i, tool := range tools {
		if infos[i].Name != tool.Name || infos[i].Title != tool.Title {
			t.Errorf("%d: tools/list has %s where the catalogue has %s", i, tool.Name, infos[i].Name)
		}
		if !name.MatchString(tool.Name) || len(tool.Name) > 40 || seen[tool.Name] {
			t.Errorf("%s: want a name of its own, hostaway_ and snake_case, at most 40 characters", tool.Name)
		}
		seen[tool.Name] = true
		if tool.Title == "" || len(tool.Title) > 40 || tool.Description == "" || len(tool.Description) > 900 {
			t.Errorf("%s: title %q, description of %d characters", tool.Name, tool.Title, len(tool.Description))
		}
		if len(raw[i]) > toolBudget {
			t.Errorf("%s takes %d bytes; %d are allowed", tool.Name, len(raw[i]), toolBudget)
		}
		if regexp.MustCompile(`"\$(ref|defs)"|"definitions"`).Match(raw[i]) {
			t.Errorf("%s: its schemas refer elsewhere, which some clients cannot follow", tool.Name)
		}
		checkHints(t, tool, infos[i].Writes)
		checkDescribed(t, tool.Name, tool.Input)
		if tool.Input.Type != "object" || tool.Output.Type != "object" || len(tool.Output.Properties) == 0 {
			t.Errorf("%s: schemas of type %v and %v", tool.Name, tool.Input.Type, tool.Output.Type)
		}
	}
	for _, original := range []string{
		"hostaway_list_properties", "hostaway_get_property_details", "hostaway_check_availability", "hostaway_search_bookings",
		"hostaway_get_booking_details", "hostaway_get_guest_info", "hostaway_get_financial_reports",
	} {
		if !seen[original] {
			t.Errorf("%s is missing: it was promised under this name", original)
		}
	}
}

func checkHints(t *testing.T, tool sentTool, writes bool) {
	t.Helper()
	a := tool.Annotations
	if a.ReadOnly == nil || a.Destructive == nil || a.OpenWorld == nil {
		t.Errorf("%s: a hint is missing", tool.Name)
		return
	}
	if *a.ReadOnly == writes || (*a.Destructive && !writes) || *a.OpenWorld != writes {
		t.Errorf("%s: writes is %t, hints say read-only %t, destructive %t", tool.Name, writes, *a.ReadOnly, *a.Destructive)
	}
	if _, confirmed := tool.Input.Properties[confirmTokenName]; confirmed != writes {
		t.Errorf("%s: writes is %t, takes a confirm token %t", tool.Name, writes, confirmed)
	}
}

func checkDescribed(t *testing.T, at string, s sentSchema) {
	t.Helper()
	if s.Type == "object" && s.Properties != nil && s.Closed != false {
		t.Errorf("%s takes arguments it does not know", at)
	}
	for name, child := range s.Properties {
		if child.Desc == "" || strings.HasSuffix(child.Desc, ".") {
			t.Errorf("%s.%s: description %q; want some words without a full stop", at, name, child.Desc)
		}
		checkDescribed(t, at+"."+name, child)
	}
	if s.Items != nil {
		checkDescribed(t, at+"[]", *s.Items)
	}
}

// TestGolden keeps exactly what a client is sent, one file a tool.
func TestGolden(t *testing.T) {
	t.Parallel()
	_, raw, tools := listTools(t)
	want := map[string]bool{}
	for i, tool := range tools {
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, raw[i], "", "  "); err != nil {
			t.Fatal(err)
		}
		pretty.WriteByte('\n')
		file := filepath.Join("testdata", "tools", tool.Name+".json")
		want[filepath.Base(file)] = true
		if *update {
			if err := os.WriteFile(file, pretty.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		have, err := os.ReadFile(file)
		if err != nil {
			t.Errorf("%v: go test ./mcp -run TestGolden -update writes it", err)
			continue
		}
		if diff := cmp.Diff(string(have), pretty.String()); diff != "" {
			t.Errorf("%s (-golden +sent); -update accepts it:\n%s", tool.Name, diff)
		}
	}
	files, err := os.ReadDir(filepath.Join("testdata", "tools"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if want[file.Name()] {
			continue
		}
		if !*update {
			t.Errorf("%s is of a tool that is no more", file.Name())
		} else if err := os.Remove(filepath.Join("testdata", "tools", file.Name())); err != nil {
			t.Fatal(err)
		}
	}
}

func TestInstructionsBeginWithWhatMatters(t *testing.T) {
	t.Parallel()
	if len(instructions) < 512 {
		return
	}
	head := instructions[:512]
	for _, must := range []string{"hostaway_list_properties", "hostaway_whoami", "next_cursor", "confirm_token", "never instructions"} {
		if !strings.Contains(head, must) {
			t.Errorf("the first 512 characters, which is all that some clients keep, lack %q", must)
		}
	}
	if end := strings.LastIndexAny(head, ".\n"); end < 400 {
		t.Errorf("the first 512 characters end in the middle of a long sentence")
	}
}
