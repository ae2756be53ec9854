// Static files: embedded, compressed once at start, served under names that carry their hash and so never change.
package dashboard

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"path"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/gofiber/fiber/v2"
)

//go:embed static/*.css static/*.js static/*.woff2 static/*.svg static/LICENSES.txt
var staticFiles embed.FS

// contentTypes are all kinds of files that are served; another kind fails the start.
var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".woff2": "font/woff2",
	".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8",
}

// quickLevel compresses at each start in 10 ms and 7 MB; the best one would take 300 ms and 180 MB to make all files together 3 KB smaller.
const quickLevel = 5

type asset struct {
	contentType string
	raw, gz, br []byte // gz and br are nil for files that are compressed already
}

// assets are the static files by address, and their addresses by name. Lookups use this fixed map: a path never reaches a file system.
type assets struct {
	byURL map[string]*asset
	url   map[string]string
}

func loadAssets() (*assets, error) {
	a := &assets{byURL: map[string]*asset{}, url: map[string]string{}}
	entries, err := staticFiles.ReadDir("static")
	if err != nil {
		return nil, fmt.Errorf("read assets: %w", err)
	}
	// Style sheets come last: they name other files by their hashed address.
	for _, css := range []bool{false, true} {
		for _, entry := range entries {
			name := entry.Name()
			if entry.IsDir() || (path.Ext(name) == ".css") != css {
				continue
			}
			if err := a.add(name); err != nil {
				return nil, fmt.Errorf("load asset %s: %w", name, err)
			}
		}
	}
	return a, nil
}

func (a *assets) add(name string) error {
	raw, err := staticFiles.ReadFile("static/" + name)
	if err != nil {
		return err
	}
	ext := path.Ext(name)
	contentType, ok := contentTypes[ext]
	if !ok {
		return fmt.Errorf("no content type for %q", ext)
	}
	if ext == ".css" {
		for n, u := range a.url {
			raw = bytes.ReplaceAll(raw, []byte(`url("`+n+`")`), []byte(`url("`+u+`")`))
		}
	}
	sum := sha256.Sum256(raw)
	url := "/assets/" + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
	f := &asset{contentType: contentType, raw: raw}
	if ext != ".woff2" {
		f.gz, f.br = gzipped(raw), brotlied(raw, quickLevel)
	}
	a.byURL[url], a.url[name] = f, url
	return nil
}

// URL is the address of a file; an unknown name is an error, so that a template with a wrong one fails its test.
func (a *assets) URL(name string) (string, error) {
	if u, ok := a.url[name]; ok {
		return u, nil
	}
	return "", fmt.Errorf("no asset %q", name)
}

// serve answers one file. There is no session behind it, and the answer may be kept for ever.
func (a *assets) serve(c *fiber.Ctx) error {
	f := a.byURL[c.Path()]
	if f == nil {
		return fiber.ErrNotFound
	}
	c.Set(fiber.HeaderContentType, f.contentType)
	c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	c.Vary(fiber.HeaderAcceptEncoding)
	switch encoding := acceptedEncoding(c); {
	case encoding == "br" && f.br != nil:
		c.Set(fiber.HeaderContentEncoding, "br")
		return c.Send(f.br)
	case encoding != "" && f.gz != nil:
		c.Set(fiber.HeaderContentEncoding, "gzip")
		return c.Send(f.gz)
	}
	return c.Send(f.raw)
}

// acceptedEncoding is "br", "gzip" or "", whichever is the best that the caller takes.
func acceptedEncoding(c *fiber.Ctx) string {
	best := ""
	for part := range strings.SplitSeq(c.Get(fiber.HeaderAcceptEncoding), ",") {
		name, quality, _ := strings.Cut(strings.TrimSpace(part), ";")
		if q := strings.TrimSpace(quality); q == "q=0" || q == "q=0.0" {
			continue
		}
		switch strings.TrimSpace(name) {
		case "br":
			return "br"
		case "gzip":
			best = "gzip"
		}
	}
	return best
}

func gzipped(raw []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is valid
	_, _ = w.Write(raw)                                   // a bytes.Buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

func brotlied(raw []byte, level int) []byte {
	var b bytes.Buffer
	w := brotli.NewWriterLevel(&b, level)
	_, _ = w.Write(raw) // a bytes.Buffer takes everything
	_ = w.Close()
	return b.Bytes()
}
