package hostaway

// walk.go: walking over all pages of a list, without taking a row twice and without running in circles.

import "context"

// Walk tells how far a walk over a list came.
type Walk struct {
	// Complete is true when the end of the list was reached. Sums over an incomplete walk are wrong.
	Complete bool
	Pages    int
	Rows     int // different rows seen
	// Total is the number of rows as Hostaway counted them on the first page; nil when it did not say.
	Total *int
	// Next is where to go on after an incomplete walk; zero when the list moved too much and has to be walked again.
	Next Cursor
}

// AllListings walks over all listings of a filter, at most maxPages pages. visit gets the rows of each page that were not seen
// before, and ends the walk by an error, which AllListings returns.
func (c *Client) AllListings(ctx context.Context, filter ListingFilter, maxPages int, visit func([]Listing) error) (Walk, error) {
	w := walker[Listing]{id: listingID, fetch: func(at Cursor) (Page[Listing], error) {
		return c.Listings(ctx, filter, PageRequest{Cursor: at})
	}}
	return w.walk(maxPages, visit)
}

// AllReservations walks over all reservations of a filter like AllListings. A row that changes meanwhile moves to the front of the
// list: rows are visited once all the same, and the walk goes on until Hostaway has no more.
func (c *Client) AllReservations(ctx context.Context, filter ReservationFilter, maxPages int, visit func([]Reservation) error) (Walk, error) {
	w := walker[Reservation]{id: reservationID, after: true, fetch: func(at Cursor) (Page[Reservation], error) {
		return c.Reservations(ctx, filter, PageRequest{Cursor: at})
	}}
	return w.walk(maxPages, visit)
}

// AllConversations walks over all conversations of a filter like AllListings.
func (c *Client) AllConversations(ctx context.Context, filter ConversationFilter, maxPages int, visit func([]Conversation) error) (Walk, error) {
	w := walker[Conversation]{id: conversationID, fetch: func(at Cursor) (Page[Conversation], error) {
		return c.Conversations(ctx, filter, PageRequest{Cursor: at})
	}}
	return w.walk(maxPages, visit)
}

// AllMessages walks over all sent messages of a conversation like AllListings.
func (c *Client) AllMessages(ctx context.Context, conversationID int64, maxPages int, visit func([]Message) error) (Walk, error) {
	w := walker[Message]{id: messageID, fetch: func(at Cursor) (Page[Message], error) {
		return c.Messages(ctx, conversationID, PageRequest{Cursor: at})
	}}
	return w.walk(maxPages, visit)
}

// walker goes over one list.
type walker[T any] struct {
	id    func(T) int64
	fetch func(Cursor) (Page[T], error)
	after bool // the list is paged by the last row's id, not by position
}

// walk goes from page to page until the end, a place it has been to before, maxPages, or an error.
func (w walker[T]) walk(maxPages int, visit func([]T) error) (Walk, error) {
	var done Walk
	seen := map[int64]bool{}
	been := map[Cursor]bool{"": true}
	for done.Pages < maxPages {
		page, err := w.fetch(done.Next)
		if err != nil {
			return done, err
		}
		if done.Pages++; done.Pages == 1 {
			done.Total = page.Total
		}
		if fresh := w.unseen(page.Items, seen); len(fresh) > 0 {
			done.Rows = len(seen)
			if err := visit(fresh); err != nil {
				return done, err
			}
		}
		next := w.next(done, page)
		if next.IsZero() {
			done.Next = ""
			done.Complete = w.after || w.stoodStill(done, page.Total)
			return done, nil
		}
		if been[next] {
			return done, nil // Hostaway leads in a circle
		}
		been[next] = true
		done.Next = next
	}
	return done, nil
}

// stoodStill tells whether a list by position had as many rows at the end as at the beginning, and all of them were seen: a row
// that is added or removed in front of the walk hides or repeats another.
func (w walker[T]) stoodStill(done Walk, total *int) bool {
	if total == nil || done.Total == nil {
		return true
	}
	return *total == *done.Total && done.Rows >= *total
}

// next gives the place after a page. A short page of a list paged by ids is only the end if as many rows were seen as Hostaway
// counted at first; else the empty page is.
func (w walker[T]) next(done Walk, page Page[T]) Cursor {
	n := len(page.Items)
	if page.Next.IsZero() && w.after && n > 0 && done.Total != nil && done.Rows < *done.Total {
		return CursorAfter(w.id(page.Items[n-1]))
	}
	return page.Next
}

func (w walker[T]) unseen(items []T, seen map[int64]bool) []T {
	fresh := make([]T, 0, len(items))
	for _, item := range items {
		if id := w.id(item); !seen[id] {
			seen[id] = true
			fresh = append(fresh, item)
		}
	}
	return fresh
}

func listingID(l Listing) int64           { return l.ID }
func reservationID(r Reservation) int64   { return r.ID }
func conversationID(c Conversation) int64 { return c.ID }
func messageID(m Message) int64           { return m.ID }
