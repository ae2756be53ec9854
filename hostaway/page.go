package hostaway

// page.go: pages and the places between them.

import (
	"context"
	"strconv"
	"strings"
)

// Page is one page of a list.
type Page[T any] struct {
	Items []T
	// Total is the number of rows that match the filter, as Hostaway counts them; nil when it did not say.
	Total *int
	// Next is the place of the next page; zero at the end of the list.
	Next Cursor
}

// PageRequest asks for one page.
type PageRequest struct {
	// Limit is the number of rows wanted; 0 means 100, and more than the endpoint allows means its maximum.
	Limit int
	// Cursor is the Next of the page before; zero for the first page.
	Cursor Cursor
}

// Cursor is a place in a list. Keep it as it is: what stands in it may change. The zero Cursor is the beginning, or, as the Next of
// a page, the end.
type Cursor string

// IsZero tells whether the cursor is zero.
func (c Cursor) IsZero() bool { return c == "" }

const (
	offsetPrefix = "offset-"
	afterPrefix  = "after-"
)

// CursorAt gives the cursor of a list by position (listings, conversations, messages) that continues at the row with this offset.
// It is for callers that show less than a whole page.
func CursorAt(offset int) Cursor {
	if offset <= 0 {
		return ""
	}
	return Cursor(offsetPrefix + strconv.Itoa(offset))
}

// CursorAfter gives the cursor of the list of reservations that continues after the reservation with this id.
func CursorAfter(id int64) Cursor {
	if id <= 0 {
		return ""
	}
	return Cursor(afterPrefix + strconv.FormatInt(id, 10))
}

// place reads the number of a cursor of the wanted kind; the zero cursor is 0.
func (c Cursor) place(prefix string) (int64, error) {
	if c.IsZero() {
		return 0, nil
	}
	digits, ok := strings.CutPrefix(string(c), prefix)
	n, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || n <= 0 || strconv.FormatInt(n, 10) != digits || n > 1<<53 {
		return 0, badInput("the cursor is not one of this list: leave it out to start from the beginning")
	}
	return n, nil
}

// paging is how one endpoint is paged.
type paging struct {
	prefix string // of its cursors
	param  string // offset or afterId
	max    int    // rows a page
}

const standardLimit = 100

// Limits: 200 works for reservations, listings declare 500; the others name none and get the standard page
// (Hostaway docs, and live answers).
var (
	listingPaging      = paging{offsetPrefix, "offset", 500}
	reservationPaging  = paging{afterPrefix, "afterId", 200}
	conversationPaging = paging{offsetPrefix, "offset", standardLimit}
)

func (p paging) limit(request PageRequest) int {
	if request.Limit <= 0 {
		return standardLimit
	}
	return min(request.Limit, p.max)
}

// fetchPage gets one page of a list. id gives a row's id, which no row may be without.
func fetchPage[T any](ctx context.Context, c *Client, what call, p paging, request PageRequest, id func(T) int64) (Page[T], error) {
	return readPage(ctx, c, what, p, request, id, newRowReader())
}

// readPage is fetchPage for callers who must know which fields could not be read: their reader notes them.
func readPage[T any](ctx context.Context, c *Client, what call, p paging, request PageRequest, id func(T) int64, reader *rowReader) (Page[T], error) {
	at, err := request.Cursor.place(p.prefix)
	if err != nil {
		return Page[T]{}, doing(what.op, err)
	}
	limit := p.limit(request)
	what.query.number("limit", int64(limit))
	what.query.number(p.param, at)
	env, err := c.get(ctx, what)
	if err != nil {
		return Page[T]{}, err
	}
	items, err := decodeList[T](ctx, c, what.op, env, reader)
	if err != nil {
		return Page[T]{}, doing(what.op, err)
	}
	for i, item := range items {
		if id(item) == 0 {
			return Page[T]{}, doing(what.op, badAnswer("row %d of Hostaway's list has no id", i+1))
		}
	}
	page := Page[T]{Items: items, Total: env.count}
	if n := len(items); n > 0 && p.goesOn(env, at, n, limit) {
		if p.param == "afterId" {
			page.Next = CursorAfter(id(items[n-1]))
		} else {
			page.Next = CursorAt(int(at) + n)
		}
	}
	return page, nil
}

// goesOn tells whether a page of n rows may have a successor. Where Hostaway counts, the count decides for lists by position; the
// count of a list with afterId only decides on its first page, since it is not documented what it counts later. Otherwise a
// page shorter than its limit is the last; without an echoed limit Hostaway may have used its own of 100.
func (p paging) goesOn(env envelope, at int64, n, limit int) bool {
	if env.count != nil && (p.param == "offset" || at == 0) {
		return int(at)+n < *env.count
	}
	if env.limit != nil && *env.limit > 0 {
		return n >= min(limit, *env.limit)
	}
	return n >= min(limit, standardLimit)
}
