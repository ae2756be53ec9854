package dashboard

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const sampleKey = "hmcp_7Qk2mXv9TzR4bN8cYp3WfL6sHd1GjA5eKu0x"

func snippetOf(t *testing.T, d *Dashboard, id string) string {
	t.Helper()
	for _, c := range d.clients(sampleKey) {
		if c.ID == id {
			return c.Snippets[0].Text
		}
	}
	t.Fatalf("no client %s", id)
	return ""
}

// TestConfigurationsSayHowToReachThisServer decodes each snippet as its client does.
func TestConfigurationsSayHowToReachThisServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.BaseURL, c.Binary = "https://mcp.example.com", "/opt/hostaway-mcp" })
	type entry struct {
		Type, Command, URL string
		Args               []string
		Env, Headers       map[string]string
	}
	var desktop, cursor struct{ MCPServers map[string]entry }
	var vscode struct {
		Servers map[string]entry
		Inputs  []struct {
			Type, ID string
			Password bool
		}
	}
	for id, into := range map[string]any{"claude-desktop": &desktop, "cursor": &cursor, "vscode": &vscode} {
		if err := json.Unmarshal([]byte(snippetOf(t, w.dash, id)), into); err != nil {
			t.Errorf("%s is no JSON: %v", id, err)
		}
	}
	if e := desktop.MCPServers["hostaway"]; e.Command != "/opt/hostaway-mcp" || strings.Join(e.Args, " ") != "stdio --url https://mcp.example.com/mcp" || e.Env["HMCP_API_KEY"] != sampleKey || e.URL != "" {
		t.Errorf("Claude Desktop: %+v", e)
	}
	if e := cursor.MCPServers["hostaway"]; e.URL != "https://mcp.example.com/mcp" || e.Headers["Authorization"] != "Bearer "+sampleKey {
		t.Errorf("Cursor: %+v", e)
	}
	if e := vscode.Servers["hostaway"]; e.Type != "http" || e.URL != "https://mcp.example.com/mcp" || e.Headers["Authorization"] != "Bearer ${input:hostaway-key}" || vscode.Inputs[0].ID != "hostaway-key" || vscode.Inputs[0].Type != "promptString" || !vscode.Inputs[0].Password {
		t.Errorf("VS Code: %+v, %+v", e, vscode.Inputs)
	}
	if strings.Contains(snippetOf(t, w.dash, "vscode"), sampleKey) {
		t.Error("VS Code's file holds the key")
	}
}

// TestCommandsSurviveAShell gives the lines to a real shell and looks at what arrives.
func TestCommandsSurviveAShell(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for id, want := range map[string][]string{
		"claude-code": {"mcp", "add", "--transport", "http", "--scope", "user", "hostaway", w.server.URL + "/mcp", "--header", "Authorization: Bearer " + sampleKey},
		"curl": {
			"-sS", w.server.URL + "/mcp", "-H", "Authorization: Bearer " + sampleKey, "-H", "Content-Type: application/json", "-H", "Accept: application/json, text/event-stream",
			"-d", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"hostaway_whoami","arguments":{}}}`,
		},
	} {
		_, arguments, _ := strings.Cut(snippetOf(t, w.dash, id), " ")
		out, err := exec.CommandContext(t.Context(), "sh", "-c", `show() { for a in "$@"; do echo "$a"; done; }; show `+arguments).Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSuffix(string(out), "\n"); got != strings.Join(want, "\n") {
			t.Errorf("%s arrives as\n%s\nwant\n%s", id, got, strings.Join(want, "\n"))
		}
	}
}

func TestSnippetIDsAreUnique(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range newWorld(t).dash.clients("YOUR_KEY") {
		for _, s := range c.Snippets {
			if seen[s.ID] || s.Label == "" || len(c.Steps) == 0 {
				t.Errorf("%s: %+v", c.Name, s)
			}
			seen[s.ID] = true
		}
	}
	if _, err := time.Parse("2 January 2006", clientsCheckedOn); err != nil {
		t.Errorf("checked on: %v", err)
	}
}
