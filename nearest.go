// Nearest names: what to suggest when a command or a setting is misspelt.
package main

// nearest returns the candidate that takes the fewest single-letter changes
// to become word, and the first of several; "" when none is near enough to be
// what was meant.
func nearest(word string, candidates []string) string {
	return nearestBy(candidates, func(string) string { return word })
}

// nearestBy is nearest, with a word for each candidate to be compared with.
func nearestBy(candidates []string, word func(candidate string) string) string {
	best, bestAt := "", -1
	for _, c := range candidates {
		at := distance(word(c), c)
		if at <= max(2, len(c)/3) && (bestAt < 0 || at < bestAt) {
			best, bestAt = c, at
		}
	}
	return best
}

// didYouMean is the question that ends a complaint, or nothing.
func didYouMean(best string) string {
	if best == "" {
		return ""
	}
	return "did you mean " + best + "? "
}

// distance counts the letters to insert, delete or replace between a and b
// (Levenshtein's distance, kept in one row).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next := min(row[j+1]+1, row[j]+1, diagonal+cost)
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
