// Scanning: a list of Hostaway's is read page by page, filtered where Hostaway has no filter, and can be continued after any row.
// A call reads a bounded number of pages; the cursor remembers the place, so nothing is lost or doubled between two calls.

package mcp

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"hostaway-mcp/hostaway"
)

// scanPages is the most pages of Hostaway's that one call of a filtering list reads.
const scanPages = 10

// upstreamPage is the most rows asked for in one call to Hostaway.
const upstreamPage = 100

// paged is what every list carries beside its rows.
type paged struct {
	// Total is exact, or absent when it can't be known without reading on.
	Total *int `json:"total,omitempty"`
	// Searched is how many rows were looked at so far, where a filter is ours and not Hostaway's.
	Searched   int    `json:"searched,omitempty"`
	NextCursor string `json:"next_cursor,omitempty"`
}

// widestPaged stands in for a paged of which only the size matters.
func widestPaged() paged {
	many := 999_999
	return paged{Total: &many, Searched: many, NextCursor: strings.Repeat("x", 90)}
}

// position is a place in an upstream list and what was met on the way to it.
type position struct {
	place       string // "" for the start; what it means is the source's affair
	seen, found int
	// total is what Hostaway counted on the first page, since what it counts on later ones is not documented; -1 if that is
	// unknown or wrong.
	total int
}

func (p position) String() string {
	return fmt.Sprintf("%d %d %d %s", p.seen, p.found, p.total, p.place)
}

func parsePosition(text string) (position, error) {
	if text == "" {
		return position{total: -1}, nil
	}
	var p position
	if n, err := fmt.Sscanf(text, "%d %d %d %s", &p.seen, &p.found, &p.total, &p.place); n == 4 && err == nil {
		return p, nil
	}
	return position{}, refuseArgument("The cursor is damaged.", "Use next_cursor exactly as it was given, or leave cursor out to start again.")
}

// source is a list of Hostaway's.
type source[T any] struct {
	read  func(ctx context.Context, place string, limit int) (hostaway.Page[T], error)
	after func(place string, index int, row T) string // the place behind row number index of the page read at place
	id    func(T) int64
}

// scanPlan says what to look for.
type scanPlan[T any] struct {
	from  position
	limit int // most rows to find
	// keep drops rows; filters says whether that is expected (a filter of ours), or only a check on Hostaway's own filter.
	keep    func(T) bool
	filters bool
	tell    func(pages int)
}

// scanned is what was found.
type scanned[T any] struct {
	rows    []T
	behind  []position // the position behind each row
	end     position   // behind the last row looked at
	done    bool       // nothing lies behind end
	total   *int       // exact, or nil
	filters bool
}

func scan[T any](ctx context.Context, src source[T], plan scanPlan[T]) (scanned[T], error) {
	out := scanned[T]{end: plan.from, filters: plan.filters}
	size := min(plan.limit, upstreamPage)
	if plan.filters {
		size = upstreamPage
	}
	met := map[int64]bool{}
	for pages := 1; ; pages++ {
		page, err := src.read(ctx, out.end.place, size)
		if err != nil {
			return out, err
		}
		whole := out.take(src, plan, page, met)
		out.done = whole && (page.Next.IsZero() || len(page.Items) == 0)
		switch {
		case !plan.filters && out.end.total >= 0:
			out.total = &out.end.total
		case out.done:
			out.total = &out.end.found
		}
		if out.done || len(out.rows) == plan.limit || pages == scanPages {
			return out, nil
		}
		if plan.tell != nil {
			plan.tell(pages)
		}
	}
}

// take adds the wanted rows of a page, and tells whether it came to the page's end before there were enough.
func (s *scanned[T]) take(src source[T], plan scanPlan[T], page hostaway.Page[T], met map[int64]bool) (whole bool) {
	place := s.end.place
	if place == "" && page.Total != nil {
		s.end.total = *page.Total
	}
	for i, row := range page.Items {
		if len(s.rows) == plan.limit {
			return false
		}
		s.end.place = src.after(place, i, row)
		if met[src.id(row)] {
			continue
		}
		met[src.id(row)] = true
		s.end.seen++
		if plan.keep != nil && !plan.keep(row) {
			if !plan.filters {
				s.end.total = -1 // Hostaway counted a row that it should have left out
			}
			continue
		}
		s.end.found++
		s.rows, s.behind = append(s.rows, row), append(s.behind, s.end)
	}
	return true
}

// cut fits rows, made one by one from s.rows, into an answer whose other parts are rest, and gives how many fit and what the
// answer says about paging. query is the tool's In without cursor and limit.
func cut[T, R any](tool string, query any, s scanned[T], rows []R, rest any) (int, paged) {
	n := fitPage(rows, []any{rest, widestPaged()})
	out, stop := paged{Total: s.total}, s.end
	if n < len(rows) {
		stop = s.behind[n-1]
	}
	if s.filters {
		out.Searched = stop.seen
	}
	if n < len(rows) || !s.done {
		out.NextCursor = sealCursor(tool, stop.String(), query)
	}
	return n, out
}

// startOf reads a cursor made by cut.
func startOf(tool, cursor string, query any) (position, error) {
	at, err := openCursor(tool, cursor, query)
	if err != nil {
		return position{}, err
	}
	return parsePosition(at)
}

func listingSource(client *hostaway.Client, filter hostaway.ListingFilter) source[hostaway.Listing] {
	return source[hostaway.Listing]{
		read: func(ctx context.Context, place string, limit int) (hostaway.Page[hostaway.Listing], error) {
			return client.Listings(ctx, filter, hostaway.PageRequest{Limit: limit, Cursor: hostaway.CursorAt(offsetOf(place))})
		},
		after: func(place string, index int, _ hostaway.Listing) string {
			return strconv.Itoa(offsetOf(place) + index + 1)
		},
		id: func(l hostaway.Listing) int64 { return l.ID },
	}
}

func reservationSource(client *hostaway.Client, filter hostaway.ReservationFilter) source[hostaway.Reservation] {
	return source[hostaway.Reservation]{
		read: func(ctx context.Context, place string, limit int) (hostaway.Page[hostaway.Reservation], error) {
			id, _ := strconv.ParseInt(place, 10, 64) // "" is the start, and nothing else was ever sealed
			return client.Reservations(ctx, filter, hostaway.PageRequest{Limit: limit, Cursor: hostaway.CursorAfter(id)})
		},
		after: func(_ string, _ int, r hostaway.Reservation) string { return strconv.FormatInt(r.ID, 10) },
		id:    func(r hostaway.Reservation) int64 { return r.ID },
	}
}

func offsetOf(place string) int {
	n, _ := strconv.Atoi(place) // as above
	return n
}
