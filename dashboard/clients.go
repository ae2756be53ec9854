// How each AI client is told about this server. Everything that vendors may change stands in this one file.
package dashboard

import (
	"encoding/json"
	"fmt"
	"html/template"
	"strings"
)

// clientsCheckedOn is when these snippets were last compared with the vendors' documentation.
const clientsCheckedOn = "23 November 2026"

// client is one tab of the set-up card.
type client struct {
	ID, Name string
	Steps    []string // plain words; `code` in backticks
	Snippets []snippet
}

// snippet is a text to copy.
type snippet struct {
	ID    string // unique on the page
	Label string // where it goes
	Text  string
	Wrap  bool // a command in one line, which may be broken on the screen
}

// server is one entry of a client's JSON configuration, with the fields in the order in which they are written.
type server struct {
	Type    string            `json:"type,omitempty"`
	Command string            `json:"command,omitempty"`
	Args    []string          `json:"args,omitempty"`
	Env     map[string]string `json:"env,omitempty"`
	URL     string            `json:"url,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
}

type serverMap struct {
	Hostaway server `json:"hostaway"`
}

type promptInput struct {
	Type        string `json:"type"`
	ID          string `json:"id"`
	Description string `json:"description"`
	Password    bool   `json:"password"`
}

// clients are the set-ups with this key filled in; "YOUR_KEY" stands for one that the reader has.
func (d *Dashboard) clients(key string) []client {
	url, bearer := d.cfg.BaseURL+"/mcp", "Bearer "+key
	desktop := pretty(struct {
		Servers serverMap `json:"mcpServers"`
	}{serverMap{server{Command: d.cfg.Binary, Args: []string{"stdio", "--url", url}, Env: map[string]string{"HMCP_API_KEY": key}}}})
	cursor := pretty(struct {
		Servers serverMap `json:"mcpServers"`
	}{serverMap{server{URL: url, Headers: map[string]string{"Authorization": bearer}}}})
	vscode := pretty(struct {
		Inputs  []promptInput `json:"inputs"`
		Servers serverMap     `json:"servers"`
	}{
		[]promptInput{{"promptString", "hostaway-key", "Hostaway API key", true}},
		serverMap{server{Type: "http", URL: url, Headers: map[string]string{"Authorization": "Bearer ${input:hostaway-key}"}}},
	})
	return []client{
		{
			"claude-code", "Claude Code",
			[]string{"Run this in a terminal.", "Start `claude` and type `/mcp`: hostaway should say connected."},
			[]snippet{{"s-claude-code", "Terminal", fmt.Sprintf(`claude mcp add --transport http --scope user hostaway %s --header "Authorization: %s"`, url, bearer), true}},
		},
		{
			"claude-desktop", "Claude Desktop",
			[]string{
				"Put the `" + d.cfg.Binary + "` program on this computer; the operator of this server has it. Claude Desktop starts it as a bridge to this server.",
				"As command write where you put it, in full: for example `/usr/local/bin/" + d.cfg.Binary + "`, or `C:\\Tools\\" + d.cfg.Binary + ".exe`.",
				"Open Settings → Developer → Edit Config, add this, then restart Claude Desktop.",
			},
			[]snippet{{"s-claude-desktop", "claude_desktop_config.json", desktop, false}},
		},
		{
			"cursor", "Cursor",
			[]string{"Add this to the file, for all projects in your home folder or for one in its `.cursor` folder.", "Open Settings → MCP: hostaway should show its tools."},
			[]snippet{{"s-cursor", "~/.cursor/mcp.json", cursor, false}},
		},
		{
			"vscode", "VS Code",
			[]string{"Add this to the file. It holds no key: VS Code asks for the key once and keeps it safe.", "Choose Start above the server's entry and paste the key."},
			[]snippet{{"s-vscode", ".vscode/mcp.json", vscode, false}},
		},
		{
			"curl", "curl",
			[]string{"Run this to see that key and connection work: it asks who the key belongs to."},
			[]snippet{{"s-curl", "Terminal", curlLine(url, bearer), true}},
		},
	}
}

// curlLine calls a tool that every org has, connected or not.
func curlLine(url, bearer string) string {
	return fmt.Sprintf(`curl -sS %s -H "Authorization: %s" -H "Content-Type: application/json" -H "Accept: application/json, text/event-stream" `+
		`-d '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"hostaway_whoami","arguments":{}}}'`, url, bearer)
}

// pretty writes JSON as people would, without escaping characters for HTML: the template does that.
func pretty(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v) // plain structs always encode
	return strings.TrimRight(b.String(), "\n")
}

// prose escapes a text and turns `code` into code.
func prose(text string) template.HTML {
	var b strings.Builder
	for i, piece := range strings.Split(text, "`") {
		if i%2 == 1 {
			piece = "<code>" + template.HTMLEscapeString(piece) + "</code>"
		} else {
			piece = template.HTMLEscapeString(piece)
		}
		b.WriteString(piece)
	}
	return template.HTML(b.String()) // every piece is escaped above
}
