package hostaway

// listing_count.go: how many listings an account has. What is billed is counted by a walk over all of them that proves itself
// complete; what is only shown may be Hostaway's own count.

import (
	"context"
	"fmt"
	"slices"
)

// ListingCount is what a walk over all listings of an account found.
type ListingCount struct {
	// ActiveIDs are the listings for which SpecialStatus.IsActive holds, ascending.
	ActiveIDs []int64
	// Total is the number of different listings seen, the archived ones too.
	Total int
	// Pages is the number of pages read, one call each as long as nothing fails.
	Pages int
	// UnknownStatus is how many of the active ones have a status that this program doesn't know.
	UnknownStatus int
	// Problem says in words why the count may not be relied on; "" for a complete one.
	Problem string
}

// IsComplete tells whether the walk saw every listing, each once. A number from any other walk is wrong.
func (n ListingCount) IsComplete() bool { return n.Problem == "" }

const (
	countedPage     = 500 // rows; the fewer pages, the less moves under the walk
	maxCountedPages = 1000
)

// CountListings walks over all listings, archived ones too: a filter that Hostaway does not know is ignored in silence. With an
// error, the count tells how far the walk came.
func (c *Client) CountListings(ctx context.Context) (ListingCount, error) {
	w := countWalk{reader: newRowReader(), seen: map[int64]bool{}}
	for at := Cursor(""); w.count.Pages < maxCountedPages; {
		what := get("count listings", "/listings")
		page, err := readPage(ctx, c, what, listingPaging, PageRequest{Limit: countedPage, Cursor: at}, markedID, w.reader)
		if err != nil {
			w.problem("page %d could not be read", w.count.Pages+1)
			return w.result(), err
		}
		if w.take(page); !w.count.IsComplete() {
			return w.result(), nil
		}
		if at = page.Next; at.IsZero() {
			w.end(page.Total)
			return w.result(), nil
		}
	}
	w.problem("the list did not end after %d pages", maxCountedPages)
	return w.result(), nil
}

// CountActiveListings counts the active listings by the count that comes with a page of one row; where Hostaway does not count, or
// does not heed the filter, by walking over all of them.
func (c *Client) CountActiveListings(ctx context.Context) (int, error) {
	page, err := c.Listings(ctx, ListingFilter{ActiveOnly: true}, PageRequest{Limit: 1})
	if err != nil {
		return 0, err
	}
	if page.Total != nil && !slices.ContainsFunc(page.Items, Listing.IsArchived) {
		return *page.Total, nil
	}
	count, err := c.CountListings(ctx)
	if err == nil && !count.IsComplete() {
		err = doing("count listings", badAnswer("the list of listings can't be relied on: %s", count.Problem))
	}
	return len(count.ActiveIDs), err
}

// marked is all of a listing that a count needs: rows have some 150 fields.
type marked struct {
	ID            int64         `json:"id"`
	SpecialStatus SpecialStatus `json:"specialStatus"`
}

func markedID(m marked) int64 { return m.ID }

// countWalk is a count on its way.
type countWalk struct {
	reader *rowReader
	seen   map[int64]bool
	first  *int // Hostaway's own count on the first page
	count  ListingCount
}

// problem keeps the first reason: those that follow are often its consequences.
func (w *countWalk) problem(format string, args ...any) {
	if w.count.Problem == "" {
		w.count.Problem = fmt.Sprintf(format, args...)
	}
}

func (w *countWalk) take(page Page[marked]) {
	if w.count.Pages++; w.count.Pages == 1 {
		w.first = page.Total
	}
	for _, row := range page.Items {
		if w.seen[row.ID] {
			w.problem("listing %d stood on two places: the list moved while it was read", row.ID)
			continue
		}
		w.seen[row.ID] = true
		if row.SpecialStatus.IsActive() {
			w.count.ActiveIDs = append(w.count.ActiveIDs, row.ID)
		}
		if !row.SpecialStatus.isKnown() {
			w.count.UnknownStatus++
		}
	}
}

// end compares what was seen with what Hostaway says that there is. last is its count on the last page.
func (w *countWalk) end(last *int) {
	if n := w.reader.unreadable["specialStatus"]; n > 0 {
		w.problem("the status of %d listings can't be read", n)
	}
	if w.first == nil || last == nil {
		return // Hostaway did not count
	}
	if *w.first != *last {
		w.problem("there were %d listings at the beginning and %d at the end: the list moved while it was read", *w.first, *last)
	}
	if len(w.seen) != *last {
		w.problem("Hostaway says that there are %d listings and showed %d", *last, len(w.seen))
	}
}

func (w *countWalk) result() ListingCount {
	w.count.Total = len(w.seen)
	slices.Sort(w.count.ActiveIDs)
	return w.count
}
