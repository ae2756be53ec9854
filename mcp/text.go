// Small helpers for words: clipping, and the nearest right name for a wrong one.

package mcp

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// clip shortens s to at most n characters, the last of them an ellipsis when something was cut.
func clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}

// nearest finds the known name that wrong was most likely meant to be, or "".
func nearest(wrong string, known []string) string {
	plain := func(s string) string {
		return strings.NewReplacer("_", "", "-", "", " ", "", ".", "").Replace(strings.ToLower(clip(s, 64)))
	}
	best, bestCost := "", 0
	for _, name := range known {
		a, b := plain(wrong), plain(name)
		cost := editDistance(a, b)
		if a != "" && (strings.Contains(b, a) || strings.Contains(a, b)) {
			cost = min(cost, 2)
		}
		if cost > max(len(a), len(b))/3 && cost > 2 {
			continue
		}
		if best == "" || cost < bestCost {
			best, bestCost = name, cost
		}
	}
	return best
}

func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
