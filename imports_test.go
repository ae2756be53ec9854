// The floor plan of the house, enforced: which room may import which, and which room is the one door to a heavy dependency. ARCHITECTURE.md shows it as a picture.
package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "hostaway-mcp"

// rooms says, for every folder with Go code, which of our own rooms its shipped code may import.
// A folder that is missing here fails the test: a new room is a decision, not an accident.
func rooms() map[string][]string {
	return map[string][]string{
		".":                     {"dashboard", "mcp", "hostaway", "hostaway/hostawaytest", "store", "secret", "replica", "billing", "mail"},
		"dashboard":             {"store", "secret"},
		"mcp":                   {"hostaway", "store", "secret"},
		"hostaway":              {"secret"},
		"hostaway/hostawaytest": {},
		"store":                 {"secret"},
		"store/storetest":       {"store", "secret"},
		"billing":               {"hostaway", "store", "secret"},
		"billing/stripetest":    {},
		"mail":                  {"store", "secret"},
		"replica":               {"secret"},
		"replica/replicatest":   {},
		"secret":                {},
		"e2e":                   {},
	}
}

// doors names the only rooms whose shipped code may import a heavy dependency.
func doors() map[string][]string {
	return map[string][]string{
		"database/sql":               {"store"},
		"modernc.org/":               {"store"},
		"github.com/mark3labs/":      {"mcp"},
		"github.com/google/jsonsch":  {"mcp"},
		"github.com/gofiber/":        {"dashboard"},
		"github.com/valyala/":        {"dashboard"},
		"github.com/andybalholm/":    {"dashboard"},
		"github.com/chromedp/":       {},
		"golang.org/x/crypto/nacl":   {"secret"},
		"golang.org/x/crypto/argon":  {"store"},
		"golang.org/x/crypto/acme":   {"."},
		"github.com/benbjohnson/":    {"replica"},
		"github.com/superfly/ltx":    {"replica"},
		"github.com/aws/":            {"replica"},
		"gopkg.in/yaml.v3":           {"replica"},
		"github.com/stripe/":         {"billing"},
		"github.com/stripe/stripe-m": {},
		"github.com/getkin/":         {},
		"github.com/wneessen/":       {"mail"},
		"github.com/emersion/":       {},
		"github.com/prometheus/":     {"."},
		"go.opentelemetry.io/":       {"."},
	}
}

// helpersOf lists what tests may import beyond their room's own list: the kits that fake the outside world.
func helpersOf() []string {
	return []string{"hostaway/hostawaytest", "store/storetest", "replica/replicatest", "billing/stripetest", "store", "secret", "hostaway"}
}

func TestRoomsImportOnlyWhatThePlanAllows(t *testing.T) {
	t.Parallel()
	eachGoFile(t, func(room, file string, imports []string) {
		allowed, known := rooms()[room]
		if !known {
			t.Errorf("%s: the room %q is not in the plan; add it to imports_test.go and ARCHITECTURE.md, or move the file", file, room)
			return
		}
		for _, path := range imports {
			ours, ok := strings.CutPrefix(path, module+"/")
			if !ok || ours == room {
				continue
			}
			if strings.HasSuffix(file, "_test.go") && slices.Contains(helpersOf(), ours) {
				continue
			}
			if !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s, which the room %q may not: declare a small interface and take the value from main", file, ours, room)
			}
		}
	})
}

func TestHeavyDependenciesHaveOneDoor(t *testing.T) {
	t.Parallel()
	eachGoFile(t, func(room, file string, imports []string) {
		if strings.HasSuffix(file, "_test.go") {
			return
		}
		for _, path := range imports {
			for prefix, allowed := range doors() {
				if strings.HasPrefix(path, prefix) && !slices.Contains(allowed, room) {
					t.Errorf("%s imports %s; only %v may", file, path, allowed)
				}
			}
		}
	})
}

// TestServeCannotReachTheFakeHostaway: the fake account is for tests and for demo; one file of main may know it.
func TestServeCannotReachTheFakeHostaway(t *testing.T) {
	t.Parallel()
	eachGoFile(t, func(room, file string, imports []string) {
		if strings.HasSuffix(file, "_test.go") || room == "e2e" || file == "demo.go" {
			return
		}
		if slices.Contains(imports, module+"/hostaway/hostawaytest") {
			t.Errorf("%s imports hostawaytest; only demo.go may, so that serve can never answer from a fake account", file)
		}
	})
}

func eachGoFile(t *testing.T, visit func(room, file string, imports []string)) {
	t.Helper()
	visited := 0
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata" || hasOwnModule(path)) {
			return filepath.SkipDir
		}
		if entry.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		var imports []string
		for _, spec := range parsed.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			imports = append(imports, name)
		}
		visited++
		visit(filepath.ToSlash(filepath.Dir(path)), filepath.ToSlash(path), imports)
		return nil
	})
	if err != nil {
		t.Fatalf("walk the rooms: %v", err)
	}
	if visited < 10 {
		t.Fatalf("visited %d Go files: the walk did not see the house", visited)
	}
}

// hasOwnModule: a folder with a go.mod is another house, such as the programs that tests need.
func hasOwnModule(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	return err == nil
}
