package mcp

import (
	"strings"
	"testing"

	"hostaway-mcp/hostaway"
)

func TestShortenToFit(t *testing.T) {
	t.Parallel()
	type page struct{ A, B, Rest string }
	small := page{A: "a", B: "b"}
	if shortenToFit(&small, &small.A, &small.B) || small.A != "a" {
		t.Error("what fits was shortened")
	}
	large := page{A: strings.Repeat("x", 50_000), B: strings.Repeat("y", 300)}
	if !shortenToFit(&large, &large.A, &large.B) || len(large.B) != 300 || weightOf(large) > answerBudget || len(large.A) < 4000 {
		t.Errorf("A is left with %d, B with %d bytes", len(large.A), len(large.B))
	}
	hopeless := page{A: strings.Repeat("x", 50_000), Rest: strings.Repeat("z", 50_000)}
	if !shortenToFit(&hopeless, &hopeless.A) || len([]rune(hopeless.A)) != shortestText {
		t.Errorf("A is left with %d characters, want %d", len([]rune(hopeless.A)), shortestText)
	}
}

func TestABreakdownOfVeryManyLinesIsCutOpenly(t *testing.T) {
	t.Parallel()
	yes := true
	fields := []hostaway.FinanceField{{Name: "gone", IsDeleted: &yes}}
	for range shownLines {
		fields = append(fields, hostaway.FinanceField{Name: "fee"})
	}
	if lines, cut := linesOf(fields, "EUR"); len(lines) != shownLines || cut {
		t.Errorf("%d lines, cut %v", len(lines), cut)
	}
	if lines, cut := linesOf(append(fields, fields[1]), "EUR"); len(lines) != shownLines || !cut {
		t.Errorf("%d lines, cut %v", len(lines), cut)
	}
}
