// Rendering: one template set per page, parsed at start, so that pages share the frame and nothing else.
package dashboard

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
)

//go:embed views/*.html
var viewFiles embed.FS

// frameFiles are shared by every page; all other files in views are pages.
var frameFiles = []string{"views/frame.html", "views/parts.html"}

// pages are the parsed templates, by the name of their file.
type pages struct{ byName map[string]*template.Template }

func loadPages(a *assets, now func() time.Time) (*pages, error) {
	icons, err := loadIcons()
	if err != nil {
		return nil, err
	}
	frame, err := template.New("").Funcs(helpers(a, icons, now)).ParseFS(viewFiles, frameFiles...)
	if err != nil {
		return nil, fmt.Errorf("parse frame: %w", err)
	}
	names, err := fs.Glob(viewFiles, "views/*.html")
	if err != nil {
		return nil, fmt.Errorf("list views: %w", err)
	}
	p := &pages{byName: map[string]*template.Template{}}
	for _, file := range names {
		if file == frameFiles[0] || file == frameFiles[1] {
			continue
		}
		set, err := frame.Clone()
		if err == nil {
			set, err = set.ParseFS(viewFiles, file)
		}
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", file, err)
		}
		p.byName[strings.TrimSuffix(path.Base(file), ".html")] = set
	}
	return p, nil
}

// helpers are the functions that templates may call.
func helpers(a *assets, icons map[string]template.HTML, now func() time.Time) template.FuncMap {
	return template.FuncMap{
		"asset": a.URL,
		"icon": func(name string) (template.HTML, error) {
			if icon, ok := icons[name]; ok {
				return icon, nil
			}
			return "", fmt.Errorf("no icon %q", name)
		},
		"number": number, "percent": percent, "plural": plural, "millis": millis, "initials": initials,
		"meter": meter, "dayLabel": dayLabel, "size": size, "duration": duration, "sentence": sentence, "period": period,
		"ago":   func(at time.Time) template.HTML { return timeTag(at, since(at, now())) },
		"day":   func(at time.Time) template.HTML { return timeTag(at, at.UTC().Format("2 Jan 2006")) },
		"prose": prose,
	}
}

// execute renders one template of one page. "" is the whole page, "part" the piece that htmx swaps in.
func (p *pages) execute(w io.Writer, page, part string, data any) error {
	set := p.byName[page]
	if set == nil {
		return fmt.Errorf("render %s: no such page", page)
	}
	if part == "" {
		part = page + ".html"
	}
	if err := set.ExecuteTemplate(w, part, data); err != nil {
		return fmt.Errorf("render %s: %w", page, err)
	}
	return nil
}

// view is what every template gets: the frame's needs, and the page's own data in Page.
type view struct {
	Title     string
	Current   string // the nav entry that is marked
	Theme     string
	CSRF      string
	RequestID string
	Version   string
	Refresh   string // where the browser goes by itself
	Here      string // where this page is, to come back to
	SignedIn  bool
	CanManage bool
	InDialog  bool // the part is shown in the dialog of another page
	OrgName   string
	OrgID     string
	Role      string
	UserName  string
	Email     string
	Orgs      []orgChoice
	Nav       []navGroup
	Flash     *flash
	Banner    *banner
	Page      any
}

// shown is one answer of a page handler.
type shown struct {
	Page, Title, Current string
	Status               int    // 0 means 200
	Refresh              string // where the browser goes by itself; the page has a link there too
	Secret               bool   // shows a secret: never compressed beside caller-chosen text
	Data                 any
}

// show renders a page, or only its part when htmx asks for it.
func (d *Dashboard) show(c *fiber.Ctx, v *visit, s shown) error {
	data, err := d.view(c, v, s)
	if err != nil {
		return err
	}
	part := ""
	if wantsPart(c) {
		part, data.InDialog = "part", c.Get("HX-Target") == "dialog"
	}
	var b bytes.Buffer
	if err := d.pages.execute(&b, s.Page, part, data); err != nil {
		return err
	}
	if s.Status != 0 {
		c.Status(s.Status)
	}
	c.Vary("HX-Request")
	c.Type("html", "utf-8")
	return d.sendCompressed(c, b.Bytes(), !s.Secret)
}

// wantsPart is true for a swap by htmx; when htmx restores a page of the browser's history it needs all of it.
func wantsPart(c *fiber.Ctx) bool {
	return c.Get("HX-Request") == "true" && c.Get("HX-History-Restore-Request") != "true"
}

// pageQuality is brotli's level for pages: about 1 ms for 30 KB.
const pageQuality = 4

// sendCompressed compresses pages over 1 KB where the caller takes brotli. Tokens in pages are masked anew for every
// answer, so that their length under compression tells nothing.
func (d *Dashboard) sendCompressed(c *fiber.Ctx, body []byte, allowed bool) error {
	c.Vary(fiber.HeaderAcceptEncoding)
	if allowed && len(body) > 1024 && acceptedEncoding(c) == "br" {
		c.Set(fiber.HeaderContentEncoding, "br")
		body = brotlied(body, pageQuality)
	}
	return c.Send(body)
}
