// The walk behind every sum: all reservations of a period, each once, or an error. Half a sum is worse than none.

package mcp

import (
	"context"
	"fmt"
	"time"

	"hostaway-mcp/hostaway"
)

const (
	// sumPages is the most pages of Hostaway's that one sum reads.
	sumPages = 60
	// sumPageSize is the rows asked for a page; 200 is known to work, and a smaller answer does no harm.
	sumPageSize = 200
	// overlap is how many rows of a page are read again with the next one, so that a row which moves away between two reads
	// doesn't hide where the list goes on.
	overlap = 2
	// walksPerSum is how often a walk is begun before giving up on a list that does not stand still.
	walksPerSum = 3
)

// sumWalk reads reservations for sums. pages counts over all its walks.
type sumWalk struct {
	client   *hostaway.Client
	progress func(done, total int, text string)
	pages    int
	want     int // pages expected in all, as far as known
}

// all gives every reservation of the filter, once.
func (w *sumWalk) all(ctx context.Context, filter hostaway.ReservationFilter) ([]hostaway.Reservation, error) {
	var before map[int64]int
	for range walksPerSum {
		walk := onceOver{sumWalk: w, met: map[int64]int{}, counted: -1}
		if err := walk.run(ctx, filter); err != nil {
			return nil, err
		}
		// A walk that met as many rows as Hostaway counted is complete; and so are two that met the very same rows, whatever
		// the count says.
		if len(walk.rows) >= walk.counted || sameKeys(before, walk.met) {
			return walk.rows, nil
		}
		before = walk.met
	}
	return nil, errMoved()
}

func errMoved() error {
	return refuse("Reservations changed while they were being added up, so the sum would not be exact.", "Call again with the same arguments.")
}

// since gives every reservation that changed on the day or later, and some more. Hostaway can't filter by that, but its own order
// is the last change first: the walk ends where that order reaches older rows, unless the order turns out not to hold.
func (w *sumWalk) since(ctx context.Context, filter hostaway.ReservationFilter, day hostaway.Date) ([]hostaway.Reservation, error) {
	walk := onceOver{sumWalk: w, met: map[int64]int{}, counted: -1, since: day.Add(-1).In(time.UTC), ordered: true}
	if err := walk.run(ctx, filter); err != nil {
		return nil, err
	}
	if !walk.ended {
		if len(walk.rows) < walk.counted {
			return w.all(ctx, filter)
		}
		return walk.rows, nil
	}
	// Rows that changed during the walk have moved to its beginning, perhaps from where it had not been yet.
	page, err := walk.page(ctx, filter, "")
	if err != nil {
		return nil, err
	}
	if fresh := walk.take(page.Items); fresh > 0 && fresh == len(page.Items) {
		return nil, errMoved()
	}
	return walk.rows, nil
}

// onceOver is one walk over one list.
type onceOver struct {
	*sumWalk
	rows    []hostaway.Reservation
	met     map[int64]int // id -> index in rows
	counted int           // by Hostaway, on the first page; -1 when it did not

	since   time.Time // zero: walk to the end
	ordered bool      // the rows came in the order of their last change so far
	ended   bool      // rows older than since were reached
	last    time.Time
}

func (w *onceOver) run(ctx context.Context, filter hostaway.ReservationFilter) error {
	cursor := hostaway.Cursor("")
	for {
		page, err := w.page(ctx, filter, cursor)
		if err != nil {
			return err
		}
		fresh := w.take(page.Items)
		if page.Next.IsZero() || fresh == 0 || w.ended {
			return nil
		}
		if cursor.IsZero() && w.since.IsZero() {
			if err := w.foresee(len(page.Items)); err != nil {
				return err
			}
		}
		cursor = hostaway.CursorAfter(page.Items[max(len(page.Items)-1-overlap, 0)].ID)
	}
}

func (w *onceOver) page(ctx context.Context, filter hostaway.ReservationFilter, cursor hostaway.Cursor) (hostaway.Page[hostaway.Reservation], error) {
	if w.pages == sumPages {
		return hostaway.Page[hostaway.Reservation]{}, tooMuchToAdd(w.counted)
	}
	page, err := w.client.Reservations(ctx, filter, hostaway.PageRequest{Limit: sumPageSize, Cursor: cursor})
	if err != nil {
		return page, err
	}
	w.pages++
	if cursor.IsZero() && page.Total != nil {
		w.counted = *page.Total
	}
	w.progress(w.pages, max(w.want, w.pages), "adding reservations up")
	return page, nil
}

// take adds the rows not met before and gives their number; of a row met again the later reading counts.
func (w *onceOver) take(items []hostaway.Reservation) int {
	fresh := 0
	for _, r := range items {
		if at, again := w.met[r.ID]; again {
			w.rows[at] = r
			continue
		}
		w.met[r.ID] = len(w.rows)
		w.rows, fresh = append(w.rows, r), fresh+1
		w.watch(r)
	}
	return fresh
}

// watch looks whether the walk has come to rows that changed too long ago.
func (w *onceOver) watch(r hostaway.Reservation) {
	if w.since.IsZero() || w.ended {
		return
	}
	if r.UpdatedOn == nil || (!w.last.IsZero() && r.UpdatedOn.After(w.last)) {
		w.ordered = false
		return
	}
	w.last = *r.UpdatedOn
	w.ended = w.ordered && r.UpdatedOn.Before(w.since)
}

// foresee refuses at once what can't be finished, going by Hostaway's count and the size of its first page.
func (w *onceOver) foresee(first int) error {
	step := max(first-overlap, 1)
	w.want = w.pages + max(w.counted-first+step-1, 0)/step
	if w.want > sumPages {
		return tooMuchToAdd(w.counted)
	}
	return nil
}

// tooMuchToAdd refuses a sum that would take too long; counted is how many reservations there are, or -1.
func tooMuchToAdd(counted int) error {
	what := fmt.Sprintf("The period holds more reservations than %d pages, the most that one call adds up", sumPages)
	if counted > 0 {
		what = fmt.Sprintf("The period holds %d reservations, more than one call adds up", counted)
	}
	return refuse(what+"; a partial sum would be wrong.", "Ask for a shorter period, or name fewer listings in listing_ids.")
}

func sameKeys(a, b map[int64]int) bool {
	if a == nil || len(a) != len(b) {
		return false
	}
	for key := range a {
		if _, there := b[key]; !there {
			return false
		}
	}
	return true
}
