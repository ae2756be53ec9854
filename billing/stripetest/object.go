// JSON objects as Stripe answers them: every documented field, those that never change here from shapes/.
package stripetest

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"strings"
)

// object is a JSON object of the API.
type object map[string]any

//go:embed shapes/*.json
var shapeFiles embed.FS

// readShapes gives, by the name in "object", an object with every documented field at rest.
func readShapes() map[string]object {
	out := map[string]object{}
	files, err := fs.Glob(shapeFiles, "shapes/*.json")
	if err != nil || len(files) == 0 {
		panic(fmt.Sprintf("stripetest: no shapes: %v", err))
	}
	for _, file := range files {
		raw, err := shapeFiles.ReadFile(file)
		if err != nil {
			panic(fmt.Sprintf("stripetest: read %s: %v", file, err))
		}
		var shape object
		if err := json.Unmarshal(raw, &shape); err != nil {
			panic(fmt.Sprintf("stripetest: %s: %v", file, err))
		}
		out[strings.TrimSuffix(strings.TrimPrefix(file, "shapes/"), ".json")] = shape
	}
	return out
}

// shaped is the object of that kind with these fields set; nested defaults are shared and never written to.
func (s *Server) shaped(kind string, fields object) object {
	out := maps.Clone(s.shapes[kind])
	maps.Copy(out, fields)
	out["livemode"] = s.options.Live
	return out
}

// orNull is v, or null for "nothing".
func orNull[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}

func metadataObject(m map[string]string) object {
	out := object{}
	for k, v := range m {
		out[k] = v
	}
	return out
}

func listObject(url string, data []object, more bool) object {
	if data == nil {
		data = []object{}
	}
	return object{"object": "list", "url": url, "has_more": more, "data": data}
}
