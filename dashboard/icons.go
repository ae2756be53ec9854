// Icons are written into the page itself: no request, and they take the colour of the text around them.
package dashboard

import (
	"embed"
	"fmt"
	"html/template"
	"strings"
)

//go:embed static/icons/*.svg
var iconFiles embed.FS

// loadIcons reads every icon by its file name without ".svg". Screen readers skip them: the words beside them speak.
func loadIcons() (map[string]template.HTML, error) {
	entries, err := iconFiles.ReadDir("static/icons")
	if err != nil {
		return nil, fmt.Errorf("read icons: %w", err)
	}
	icons := map[string]template.HTML{}
	for _, entry := range entries {
		raw, err := iconFiles.ReadFile("static/icons/" + entry.Name())
		if err != nil {
			return nil, fmt.Errorf("read icon %s: %w", entry.Name(), err)
		}
		_, rest, open := strings.Cut(string(raw), "<svg")
		_, rest, head := strings.Cut(rest, ">")
		body, _, end := strings.Cut(rest, "</svg>")
		if !open || !head || !end {
			return nil, fmt.Errorf("read icon %s: not an svg", entry.Name())
		}
		name := strings.TrimSuffix(entry.Name(), ".svg")
		icons[name] = template.HTML(`<svg class="i" viewBox="0 0 24 24" aria-hidden="true">` + strings.Join(strings.Fields(body), " ") + `</svg>`)
	}
	return icons, nil
}
