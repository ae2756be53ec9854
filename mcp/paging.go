// Paging and the byte budget: no answer is larger than answerBudget, lists are cut where they stop fitting, and the cursor they
// hand out continues exactly there.

package mcp

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
)

// answerBudget is the most bytes one JSON-RPC answer may have, structured content and its text twin together.
const answerBudget = 25_000

// frameReserve is kept for what surrounds a tool's JSON: the JSON-RPC envelope, an id, _meta.
const frameReserve = 1_000

// weight is how many bytes raw (as encode writes it) takes in an answer: once as JSON and once more as text inside a JSON string.
// On the way mcp-go escapes < > & as well.
func weight(raw []byte) int {
	escaped := 0
	for _, c := range raw {
		switch c {
		case '"', '\\':
			escaped++
		case '<', '>', '&':
			escaped += 10 // five more, twice
		}
	}
	return 2*len(raw) + escaped
}

// fitPage says how many of items, from the first on, fit into one answer beside the rest of it (the answer without the items).
// It is at least 1 for a list that is not empty, so that paging always gets on; a single item that is too large by itself is
// refused later, with words. Use it before setting the cursor:
//
//	n := fitPage(items, answer)
//	answer.Items, answer.NextCursor = items[:n], …continue after items[n-1]…
func fitPage[T any](items []T, rest any) int {
	left := answerBudget - frameReserve - weightOf(rest)
	for i, item := range items {
		left -= weightOf(item) + 2 // a comma, twice
		if left < 0 {
			return max(i, 1)
		}
	}
	return len(items)
}

func weightOf(v any) int {
	raw, err := encode(v)
	if err != nil {
		return answerBudget // cannot be sent, so it does not fit; the answer's own encoding reports why
	}
	return weight(raw)
}

// sealCursor makes the opaque text that continues a list at the place named by at. query is the tool's In without its cursor and
// limit: a cursor is good for the very same question only.
func sealCursor(tool, at string, query any) string {
	return base64.RawURLEncoding.EncodeToString([]byte(queryMark(tool, query) + at))
}

// openCursor is the inverse: "" for an empty cursor, and a refusal for one that belongs to another question.
func openCursor(tool, cursor string, query any) (at string, err error) {
	if cursor == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	at, ok := strings.CutPrefix(string(raw), queryMark(tool, query))
	if err != nil || !ok || at == "" {
		return "", refuseArgument("The cursor does not belong to this question.",
			"Use the next_cursor of the last answer with the very same other arguments, or leave cursor out to start again.")
	}
	return at, nil
}

func queryMark(tool string, query any) string {
	raw, _ := json.Marshal(query) // an In struct: plain fields only
	sum := sha256.Sum256(append([]byte(tool+"\x00"), raw...))
	return string(sum[:6])
}
