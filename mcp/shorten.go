// Shortening: texts written by people have no upper bound, an answer has.

package mcp

import (
	"errors"
	"strings"
	"unicode/utf8"

	"hostaway-mcp/hostaway"
)

// shortestText is what shortenToFit leaves of a text at least.
const shortestText = 100

// shortenToFit halves the longest of the texts, which are parts of answer, until the answer fits, and tells whether it had to.
func shortenToFit(answer any, texts ...*string) bool {
	shortened := false
	for weightOf(answer) > answerBudget-frameReserve {
		longest := texts[0]
		for _, text := range texts {
			if len(*text) > len(*longest) {
				longest = text
			}
		}
		length := utf8.RuneCountInString(*longest)
		if length <= shortestText {
			return shortened
		}
		*longest, shortened = clip(*longest, max(length/2, shortestText)), true
	}
	return shortened
}

// joinWords joins those parts that are not empty.
func joinWords(parts ...string) string {
	return strings.TrimSpace(strings.Join(parts, " "))
}

// reasonGiven is what Hostaway said about its refusal: text from outside.
func reasonGiven(err error) string {
	if upstream, ok := errors.AsType[*hostaway.Error](err); ok {
		return upstream.Message
	}
	return ""
}
