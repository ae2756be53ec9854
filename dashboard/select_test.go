package dashboard

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// element is what a selector found.
type element struct{ node *html.Node }

// Text is all text in it, with single spaces.
func (e element) Text() string {
	var b strings.Builder
	for n := range e.node.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// Attr is the value of an attribute, or "".
func (e element) Attr(name string) string {
	value, _ := e.attr(name)
	return value
}

func (e element) attr(name string) (value string, ok bool) {
	for _, a := range e.node.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// find gives all elements of the page that a selector names: "tag.class#id[attr=value]", and with spaces such within such.
func (p page) find(t *testing.T, selector string) []element {
	t.Helper()
	root, err := html.Parse(strings.NewReader(p.Body))
	if err != nil {
		t.Fatal(err)
	}
	within := []*html.Node{root}
	for part := range strings.FieldsSeq(selector) {
		seen := map[*html.Node]bool{}
		var next []*html.Node
		for _, from := range within {
			for n := range from.Descendants() {
				if n.Type == html.ElementNode && !seen[n] && isSelected(element{n}, part) {
					seen[n], next = true, append(next, n)
				}
			}
		}
		within = next
	}
	var found []element
	for _, n := range within {
		found = append(found, element{n})
	}
	return found
}

// isSelected tells whether one simple selector fits.
func isSelected(e element, part string) bool {
	rest, attr, hasAttr := strings.Cut(strings.TrimSuffix(part, "]"), "[")
	name, want, hasWant := strings.Cut(attr, "=")
	if value, ok := e.attr(name); hasAttr && (!ok || hasWant && value != want) {
		return false
	}
	rest, id, hasID := strings.Cut(rest, "#")
	if hasID && e.Attr("id") != id {
		return false
	}
	classes := strings.Split(rest, ".")
	if classes[0] != "" && e.node.Data != classes[0] {
		return false
	}
	has := " " + e.Attr("class") + " "
	for _, class := range classes[1:] {
		if !strings.Contains(has, " "+class+" ") {
			return false
		}
	}
	return true
}

// wantText checks the texts of all elements that a selector names, joined by " | ".
func (p page) wantText(t *testing.T, selector, want string) {
	t.Helper()
	var texts []string
	for _, e := range p.find(t, selector) {
		texts = append(texts, e.Text())
	}
	if got := strings.Join(texts, " | "); got != want {
		t.Errorf("%s, %s:\n got %s\nwant %s", p.Request.URL.Path, selector, got, want)
	}
}

func TestSelectorsFindWhatTheyName(t *testing.T) {
	t.Parallel()
	p := page{Body: `<main><p id="a" class="x y">one <b>two</b></p><div class="x"><b data-k="v">three</b></div></main>`}
	for selector, want := range map[string]int{"p": 1, ".x": 2, "p.x.y": 1, "#a": 1, "p#a b": 1, "main b": 2, "b[data-k]": 1, "b[data-k=v]": 1, "b[data-k=w]": 0, ".z": 0, "div p": 0} {
		if got := len(p.find(t, selector)); got != want {
			t.Errorf("%q finds %d elements, want %d", selector, got, want)
		}
	}
	if got := p.find(t, "#a")[0].Text(); got != "one two" {
		t.Errorf("the text is %q", got)
	}
}
