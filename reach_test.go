package main

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"slices"
	"strings"
	"testing"
)

// The embedded Hostaway is for demo: nothing that another command can reach
// may stand in a file that imports it.
func TestServeCannotReachTheEmbeddedHostaway(t *testing.T) {
	t.Parallel()
	code := readPackage(t)
	for _, start := range []string{"serve", "stdio", "rotateKey", "adminCommands"} {
		if at := code.reaches(t, start); at != "" {
			t.Errorf("%s reaches %s, whose file imports hostawaytest", start, at)
		}
	}
	// The check must be able to fail.
	if at := code.reaches(t, "demo"); at == "" {
		t.Error("demo does not reach the embedded Hostaway: this test looks for the wrong thing")
	}
}

// source is the package's functions and other declarations, each with what it
// uses of the package.
type source struct {
	uses map[types.Object][]types.Object
	fake map[types.Object]bool // declared in a file that imports hostawaytest
}

// nothing imports nothing: other packages stay unknown, which leaves holes in
// the types and none in what this package uses of itself.
type nothing struct{}

func (nothing) Import(string) (*types.Package, error) { return nil, errors.New("not needed") }

func readPackage(t *testing.T) source {
	t.Helper()
	s := source{uses: map[types.Object][]types.Object{}, fake: map[types.Object]bool{}}
	files := token.NewFileSet()
	parsed := parseShipped(t, files)
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
	checker := types.Config{Importer: nothing{}, Error: func(error) {}}
	_, _ = checker.Check("main", files, parsed, info) // the errors are the holes
	for _, file := range parsed {
		embeds := slices.ContainsFunc(file.Imports, func(i *ast.ImportSpec) bool { return strings.HasSuffix(i.Path.Value, `/hostawaytest"`) })
		for _, decl := range file.Decls {
			s.add(decl, info, embeds)
		}
	}
	return s
}

func parseShipped(t *testing.T, files *token.FileSet) []*ast.File {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var parsed []*ast.File
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, e.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, file)
	}
	return parsed
}

func (s source) add(decl ast.Decl, info *types.Info, embeds bool) {
	var declared, used []types.Object
	ast.Inspect(decl, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if o := info.Defs[id]; o != nil {
				declared = append(declared, o)
			}
			if o := info.Uses[id]; o != nil && o.Pkg() != nil && o.Pkg().Name() == "main" {
				used = append(used, o)
			}
		}
		return true
	})
	for _, o := range declared {
		s.uses[o] = used
		s.fake[o] = s.fake[o] || embeds
	}
}

// reaches returns the name of something that start leads to and that stands in
// a file with the embedded Hostaway; "" when there is none.
func (s source) reaches(t *testing.T, start string) string {
	t.Helper()
	seen := map[types.Object]bool{}
	var queue []types.Object
	for o := range s.uses {
		if _, isFunc := o.(*types.Func); isFunc && o.Name() == start {
			queue = append(queue, o)
		}
	}
	if len(queue) == 0 {
		t.Fatalf("there is no func %s", start)
	}
	for ; len(queue) > 0; queue = queue[1:] {
		if s.fake[queue[0]] {
			return queue[0].Name()
		}
		for _, next := range s.uses[queue[0]] {
			if !seen[next] {
				seen[next] = true
				queue = append(queue, next)
			}
		}
	}
	return ""
}
