package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/html"
)

// toolAnswer is what a client got for a tool call.
type toolAnswer struct {
	status    int
	requestID string
	body      []byte
	Result    struct {
		IsError           bool            `json:"isError"`
		StructuredContent json.RawMessage `json:"structuredContent"`
		Content           []struct {
			Text string `json:"text"`
		} `json:"content"`
	} `json:"result"`
	Error struct {
		Message string `json:"message"`
	} `json:"error"`
}

func (a toolAnswer) ok() bool {
	return a.status == http.StatusOK && !a.Result.IsError && len(a.Result.StructuredContent) > 0
}

// toolRequest is the JSON-RPC message of a tool call.
func toolRequest(tool, arguments string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, tool, arguments)
}

// assistant is a client with a key.
type assistant struct {
	url, key string
	http     *http.Client
	heard    *corpus // keeps what came back, if set
}

func newAssistant(base, key string) *assistant {
	return &assistant{url: base + "/mcp", key: key, http: &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 100}}}
}

func (a *assistant) call(ctx context.Context, tool, arguments string) (toolAnswer, error) {
	var answer toolAnswer
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url, strings.NewReader(toolRequest(tool, arguments)))
	if err != nil {
		return answer, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	if a.key != "" {
		r.Header.Set("X-API-Key", a.key)
	}
	w, err := a.http.Do(r)
	if err != nil {
		return answer, err
	}
	defer func() { _ = w.Body.Close() }()
	answer.status, answer.requestID = w.StatusCode, w.Header.Get("X-Request-Id")
	if answer.body, err = io.ReadAll(w.Body); err != nil {
		return answer, err
	}
	a.heard.add("answer of "+tool, answer.body)
	return answer, json.Unmarshal(answer.body, &answer)
}

// must is call for a test that can't go on without the answer.
func (a *assistant) must(t *testing.T, tool, arguments string) toolAnswer {
	t.Helper()
	answer, err := a.call(t.Context(), tool, arguments)
	if err != nil || !answer.ok() {
		t.Fatalf("%s %s: %d %v %s", tool, arguments, answer.status, err, answer.body)
	}
	return answer
}

// visitor is a person with a browser that has no JavaScript.
type visitor struct {
	t     *testing.T
	base  string
	http  *http.Client
	heard *corpus
	quiet bool // the next page shows a secret on purpose
}

func newVisitor(t *testing.T, base string) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t: t, base: base, http: &http.Client{Jar: jar, Timeout: patience}}
}

// page is what the visitor looks at.
type page struct {
	status int
	path   string
	body   string
}

func (v *visitor) do(r *http.Request) page {
	v.t.Helper()
	w, err := v.http.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = w.Body.Close() }()
	body, err := io.ReadAll(w.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	if !v.quiet {
		v.heard.add("page "+w.Request.URL.Path, body)
	}
	return page{w.StatusCode, w.Request.URL.Path, string(body)}
}

func (v *visitor) get(path string) page {
	v.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = v.base + path
	}
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, path, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	return v.do(r)
}

// submit fills the form of page that posts to action, as a browser would.
func (v *visitor) submit(from page, action string, fields map[string]string) page {
	v.t.Helper()
	values, ok := formValues(from, action)
	if !ok {
		v.t.Fatalf("%s (%d) has no form for %s:\n%s", from.path, from.status, action, clip(from.body))
	}
	for name, text := range fields {
		values.Set(name, text)
	}
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, v.base+action, strings.NewReader(values.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", v.base)
	return v.do(r)
}

// formValues finds the form and what its fields hold already. A form without
// an action posts to the page that it stands on.
func formValues(from page, action string) (url.Values, bool) {
	root, err := html.Parse(strings.NewReader(from.body))
	if err != nil {
		return nil, false
	}
	for n := range root.Descendants() {
		if n.Data != "form" {
			continue
		}
		if to := attribute(n, "action"); to == action || (to == "" && from.path == action) {
			values := url.Values{}
			for field := range n.Descendants() {
				if name := attribute(field, "name"); field.Data == "input" && name != "" {
					values.Set(name, attribute(field, "value"))
				}
			}
			return values, true
		}
	}
	return nil, false
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// moveTo goes on at another port: the server came back there. Cookies do not
// mind ports.
func (v *visitor) moveTo(base string) { v.base = base }

// person is who signs up.
type person struct{ org, name, email, password string }

// signUp creates the org through the page at path, a link or the open sign-up.
func (v *visitor) signUp(path string, p person) {
	v.t.Helper()
	form := v.get(path)
	landed := v.submit(form, strings.SplitN(form.path, "?", 2)[0], map[string]string{
		"org": p.org, "person": p.name, "email": p.email, "password": p.password,
	})
	if landed.status != http.StatusOK || landed.path != "/" {
		v.t.Fatalf("sign-up landed on %s (%d):\n%s", landed.path, landed.status, clip(landed.body))
	}
}

func (v *visitor) connect(account, secret string) page {
	v.t.Helper()
	return v.submit(v.get("/connection"), "/connection", map[string]string{"account": account, "secret": secret})
}

var keyText = regexp.MustCompile(`hmcp_[0-9A-Za-z]{30,}`)

// createKey makes a key and reads it off the page that shows it once.
func (v *visitor) createKey(name string) string {
	v.t.Helper()
	form := v.get("/keys/new")
	v.quiet = true
	shown := v.submit(form, "/keys", map[string]string{"name": name})
	v.quiet = false
	key := keyText.FindString(shown.body)
	if key == "" {
		v.t.Fatalf("no key on %s (%d):\n%s", shown.path, shown.status, clip(shown.body))
	}
	return key
}

// corpus is everything that came out of the program, by where it was seen.
type corpus struct {
	mu    sync.Mutex
	texts map[string][]byte
}

func (c *corpus) add(where string, text []byte) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.texts == nil {
		c.texts = map[string][]byte{}
	}
	for n, name := 2, where; ; n++ {
		if _, taken := c.texts[name]; !taken {
			c.texts[name] = bytes.Clone(text)
			return
		}
		name = fmt.Sprintf("%s (%d)", where, n)
	}
}
