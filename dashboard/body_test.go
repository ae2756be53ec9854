package dashboard

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"net/url"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"

	"hostaway-mcp/store/storetest"
)

// pack compresses text followed by many megabytes of one letter.
func pack(t *testing.T, with func(io.Writer) io.WriteCloser, text string) string {
	t.Helper()
	const megabytes = 64
	var packed bytes.Buffer
	w := with(&packed)
	_, err := io.WriteString(w, text)
	for range megabytes {
		if err == nil {
			_, err = w.Write(bytes.Repeat([]byte("a"), 1<<20))
		}
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return packed.String()
}

// No t.Parallel(): the memory of other tests would count.
func TestCompressedBodiesAreRefusedUnopened(t *testing.T) {
	w := newWorld(t)
	visitor := w.browser(t)
	owner := w.owner(t, storetest.Org(t, w.store, "Harbour Stays"))
	csrf := "X-Csrf-Token: " + owner.get("/api/api-keys").Header.Get("X-Csrf-Token")
	gz := func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }
	br := func(w io.Writer) io.WriteCloser { return brotli.NewWriterLevel(w, 4) }
	deflate := func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }
	const multipart = "--x\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\n"
	for name, sent := range map[string]struct{ path, kind, coding, body string }{
		"gzip, a form in parts":  {"/login", "multipart/form-data; boundary=x", "gzip", pack(t, gz, multipart)},
		"a form in parts, plain": {"/login", "multipart/form-data; boundary=x", "", multipart},
		"gzip, a form":           {"/login", "application/x-www-form-urlencoded", "gzip", pack(t, gz, "email=")},
		"brotli, JSON":           {"/api/api-keys/generate", "application/json", "br", pack(t, br, `{"name":"`)},
		"deflate, JSON":          {"/api/api-keys/generate", "application/json", "deflate", pack(t, deflate, `{"name":"`)},
		"chained":                {"/api/api-keys/generate", "application/json", "identity, gzip, br", pack(t, br, `{"name":"`)},
		"an unknown type":        {"/login", "text/plain", "", "email=x"},
		"no type":                {"/login", "", "", "email=x"},
	} {
		t.Run(name, func(t *testing.T) {
			b, headers := visitor, []string{"Content-Type: " + sent.kind, "Content-Encoding: " + sent.coding}
			if strings.HasPrefix(sent.path, "/api/") {
				b, headers = owner, append(headers, csrf)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got := b.do("POST", sent.path, sent.body, headers...)
			runtime.ReadMemStats(&after)
			if grown := (after.TotalAlloc - before.TotalAlloc) >> 20; grown > 8 {
				t.Errorf("the request took %d MB", grown)
			}
			wantPage(t, got, 415, "The body is compressed, or neither")
			id := got.Header.Get("X-Request-Id")
			if id == "" || !strings.Contains(got.Body, id) {
				t.Errorf("request id %q is not in the answer", id)
			}
			if b == owner && !json.Valid([]byte(got.Body)) {
				t.Errorf("the API answered %s", got.Body)
			}
		})
	}
	if p := owner.do("POST", "/api/api-keys/generate", `{"name":"Claude"}`, "Content-Type: Application/JSON; charset=utf-8", "Content-Encoding: identity", csrf); p.StatusCode != 201 {
		t.Errorf("a plain body: %s %s", p.Status, p.Body)
	}
}

// A password in an address would stay in logs and histories.
func TestFormsAreNotReadFromTheQuery(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fix := storetest.Org(t, w.store, "Harbour Stays")
	b := w.browser(t)
	all := url.Values{"csrf": {b.token("/login")}, "email": {fix.Email}, "password": {fix.Password.Reveal()}}
	wantPage(t, b.post("/login?"+all.Encode(), nil), 403, "out of date")
	wantPage(t, b.post("/login?"+all.Encode(), url.Values{"csrf": all["csrf"]}), 422, "Email or password is wrong.")
}

// Fiber's and fasthttp's readers that unpack bodies, or read more than forms, are used nowhere.
func TestNoHandlerReadsBodiesThroughADecoder(t *testing.T) {
	t.Parallel()
	forbidden := map[string]bool{
		"FormValue": true, "FormFile": true, "MultipartForm": true, "BodyParser": true, "SaveFile": true, "QueryArgs": true,
		"BodyUncompressed": true, "BodyGunzip": true, "BodyInflate": true, "BodyUnbrotli": true, "BodyUnzstd": true,
	}
	sources := token.NewFileSet()
	files, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	looked := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(sources, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			use, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			looked++
			of, plain := use.X.(*ast.Ident)
			if forbidden[use.Sel.Name] || plain && of.Name == "c" && use.Sel.Name == "Body" {
				t.Errorf("%s: %s: read forms with posted() and JSON from c.Request().Body()", sources.Position(use.Pos()), use.Sel.Name)
			}
			return true
		})
	}
	if looked < 100 {
		t.Errorf("only %d expressions were looked at", looked)
	}
}
