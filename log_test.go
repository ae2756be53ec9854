package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestLinesNameTheirRequest(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := newLogger(&out, config{LogFormat: "json"})
	ctx := withRequest(t.Context(), "req_outer")
	log.With("room", "x").InfoContext(ctx, "plain")
	log.InfoContext(ctx, "named", requestIDField, "req_own")
	log.InfoContext(t.Context(), "alone")
	log.WithGroup("g").InfoContext(ctx, "grouped", "a", 1)
	log.InfoContext(t.Context(), "timed", "took", 8076*time.Microsecond)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for i, want := range []string{`"room":"x","request_id":"req_outer"}`, `"named","request_id":"req_own"}`, `"alone"}`, `"request_id":"req_outer"}}`, `"took_ms":8.076}`} {
		if !strings.HasSuffix(lines[i], want) {
			t.Errorf("line %d should end with %s: %s", i, want, lines[i])
		}
	}
}

// without lists where a line belongs to no request.
func without() []string {
	return []string{
		"mcp/stdio.go",           // a message of the one client of this process
		"store/commit.go",        // a batch, for many callers
		"store/keyring_fresh.go", // the keys of the process
	}
}

// A line that is written without the context of its request can't be found by
// the request's id, so the rooms that serve requests log with a context.
func TestRoomsLogWithTheContextOfTheRequest(t *testing.T) {
	t.Parallel()
	found := map[string][]string{}
	for _, room := range []string{"mcp", "dashboard", "hostaway", "store", "upstream.go", "request.go"} {
		err := filepath.WalkDir(room, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			found[filepath.ToSlash(path)], err = bareLogging(path, nil)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for path, lines := range found {
		if len(lines) > 0 && !slices.Contains(without(), path) {
			t.Errorf("%s logs without a context: %s: use the methods that end in Context", path, strings.Join(lines, ", "))
		}
	}
	for _, path := range without() {
		if len(found[path]) == 0 {
			t.Errorf("%s is excused and needs no excuse any more", path)
		}
	}
}

// bareLogging finds the calls of a logger's methods that take no context.
func bareLogging(path string, source any) (found []string, err error) {
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, path, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		method, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || !slices.Contains([]string{"Debug", "Info", "Warn", "Error"}, method.Sel.Name) || len(call.Args) == 0 {
			return true // an error's Error takes no arguments
		}
		if of := lastName(method.X); strings.EqualFold(of, "log") || of == "slog" {
			found = append(found, files.Position(call.Pos()).String())
		}
		return true
	})
	return found, nil
}

func lastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

func TestBareLoggingIsFound(t *testing.T) {
	t.Parallel()
	const source = `package x
func f() { s.cfg.Log.Warn("a"); log.Error("b", "c", 1); log.ErrorContext(ctx, "d"); _ = err.Error(); t.Error("e") }`
	if found, err := bareLogging("x.go", source); err != nil || len(found) != 2 {
		t.Errorf("%v %v, want two", found, err)
	}
}

func TestLogLevelAndFormat(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log, kept := newWatchedLogger(&out, config{LogFormat: "text", LogLevel: slog.LevelError})
	log.Warn("quiet")
	log.Error("loud")
	if text := out.String(); strings.Contains(text, "quiet") || !strings.Contains(text, "msg=loud") || len(kept.List()) != 2 {
		t.Errorf("%s, kept %+v", text, kept.List())
	}
}
