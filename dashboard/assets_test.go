package dashboard

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"

	"hostaway-mcp/store/storetest"
)

func unpack(t *testing.T, encoding, body string) string {
	t.Helper()
	var r io.Reader = strings.NewReader(body)
	switch encoding {
	case "br":
		r = brotli.NewReader(r)
	case "gzip":
		zr, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		r = zr
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestAssetsComeInTheEncodingThatIsTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t)
	for _, tc := range []struct{ file, accept, want string }{
		{"app.css", "gzip, deflate, br", "br"}, {"app.css", "gzip", "gzip"}, {"app.css", "identity", ""}, {"app.js", "br;q=0, gzip;q=0.8", "gzip"}, {"inter.woff2", "br, gzip", ""}, {"app.css", "brr", ""},
	} {
		url, err := w.dash.assets.URL(tc.file)
		if err != nil {
			t.Fatal(err)
		}
		p := b.get(url, "Accept-Encoding: "+tc.accept)
		wantPage(t, p, 200)
		if got := p.Header.Get("Content-Encoding"); got != tc.want {
			t.Errorf("%s for %q came as %q, want %q", tc.file, tc.accept, got, tc.want)
		}
		if p.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" || !strings.Contains(p.Header.Get("Vary"), "Accept-Encoding") {
			t.Errorf("%s: %v", tc.file, p.Header)
		}
		if !bytes.Equal([]byte(unpack(t, tc.want, p.Body)), w.dash.assets.byURL[url].raw) {
			t.Errorf("%s for %q has other bytes than the file", tc.file, tc.accept)
		}
	}
	if _, err := w.dash.assets.URL("none.css"); err == nil {
		t.Error("an unknown asset has an address")
	}
	css := string(w.dash.assets.byURL[w.dash.assets.url["app.css"]].raw)
	if !strings.Contains(css, `url("`+w.dash.assets.url["inter.woff2"]+`")`) {
		t.Error("the style sheet does not name the font by its hashed address")
	}
}

// TestEveryIconIsUsed: an icon that no page shows is not shipped.
func TestEveryIconIsUsed(t *testing.T) {
	t.Parallel()
	icons, err := loadIcons()
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, pattern := range []string{"views/*.html", "*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(file, "_test.go") {
				all.Write(raw)
			}
		}
	}
	for name := range icons {
		if !strings.Contains(all.String(), `"`+name+`"`) {
			t.Errorf("icon %s is used nowhere", name)
		}
	}
	named := regexp.MustCompile(`icon "([^"]+)"`)
	for _, m := range named.FindAllStringSubmatch(all.String(), -1) {
		if icons[m[1]] == "" {
			t.Errorf("icon %s is not there", m[1])
		}
	}
	for _, w := range actionWords {
		if icons[w.icon] == "" {
			t.Errorf("icon %s is not there", w.icon)
		}
	}
	for _, f := range flashes {
		if icons[f.Icon] == "" {
			t.Errorf("icon %s is not there", f.Icon)
		}
	}
}

// TestPagesStayLight holds the budget of a first visit, as it goes over the wire.
func TestPagesStayLight(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	w.enrich(t, fix)
	w.operator.troubled()
	w.manyOrgs(t, 30)
	b := w.runs(t, fix)
	link := regexp.MustCompile(`(?:href|src)="(/assets/[^"]+)"`)
	for _, path := range []string{"/", "/usage?days=90", "/keys", "/connection", "/operator", "/operator/orgs", "/login"} {
		b := b
		if path == "/login" {
			b = w.browser(t)
		}
		p := b.get(path, "Accept-Encoding: br")
		if p.Header.Get("Content-Encoding") != "br" {
			t.Errorf("%s is not compressed", path)
		}
		style, script, requests := len(p.Body), 0, 1
		body := p.Body
		if p.Header.Get("Content-Encoding") == "br" {
			body = unpack(t, "br", body)
		}
		seen := map[string]bool{}
		for _, m := range link.FindAllStringSubmatch(body, -1) {
			if seen[m[1]] {
				continue
			}
			seen[m[1]], requests = true, requests+1
			size := len(b.get(m[1], "Accept-Encoding: br").Body)
			switch filepath.Ext(m[1]) {
			case ".css":
				style += size
			case ".js":
				script += size
			}
		}
		t.Logf("%s: HTML and CSS %d B, JS %d B, %d requests", path, style, script, requests)
		if style > 20<<10 || script > 25<<10 || requests > 6 {
			t.Errorf("%s is over the budget of 20 KB HTML and CSS, 25 KB JS, 6 requests", path)
		}
	}
	if lines := strings.Count(string(w.dash.assets.byURL[w.dash.assets.url["app.js"]].raw), "\n"); lines > 250 {
		t.Errorf("app.js has %d lines, want at most 250", lines)
	}
}

// TestTemplatesAreAllReachable: a template that no handler shows is not shipped.
func TestTemplatesAreAllReachable(t *testing.T) {
	t.Parallel()
	var code strings.Builder
	files, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		code.Write(raw)
	}
	for name := range newWorld(t).dash.pages.byName {
		if !strings.Contains(code.String(), `"`+name+`"`) {
			t.Errorf("no handler shows %s.html", name)
		}
	}
}
