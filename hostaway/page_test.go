package hostaway

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCursors(t *testing.T) {
	t.Parallel()
	if n, err := CursorAt(40).place(offsetPrefix); n != 40 || err != nil {
		t.Errorf("the cursor of offset 40 reads as %d, %v", n, err)
	}
	if n, err := CursorAfter(77).place(afterPrefix); n != 77 || err != nil {
		t.Errorf("the cursor after 77 reads as %d, %v", n, err)
	}
	if !CursorAt(0).IsZero() || !CursorAfter(0).IsZero() || CursorAt(1).IsZero() {
		t.Error("the beginning is not the zero cursor")
	}
	for _, cursor := range []Cursor{
		"40", "offset-", "offset--5", "offset-0", "offset-+5", "offset-05", "offset-5 ", "offset-5&limit=1", "after-5", "OFFSET-5",
		"offset-99999999999999999999", "offset-9999999999999999", "%", "\x00",
	} {
		_, err := cursor.place(offsetPrefix)
		e := errorWith(t, err, BadInput)
		if !strings.Contains(e.Message, "start from the beginning") {
			t.Errorf("%q: the message %q does not say what to do", cursor, e.Message)
		}
	}
}

func TestWhereAPageEnds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name         string
		envelope     string // the keys beside status and result
		rows         int
		listings     Cursor // after a page of 3 at offset 6
		reservations Cursor // after a page of 3 after id 6
		first        Cursor // after a first page of 3 reservations
	}{
		{"more to come", `,"count":100,"limit":3`, 3, "offset-9", "after-3", "after-3"},
		{"counted to the end", `,"count":9,"limit":3`, 3, "", "after-3", "after-3"},
		{"all on the first page", `,"count":3,"limit":3`, 3, "", "after-3", ""},
		{"count as text", `,"count":"100"`, 3, "offset-9", "after-3", "after-3"},
		{"short page, more counted", `,"count":100,"limit":3`, 2, "offset-8", "", "after-2"},
		{"short page, not counted", ``, 2, "", "", ""},
		{"full page, not counted", ``, 3, "offset-9", "after-3", "after-3"},
		{"Hostaway uses a smaller limit", `,"limit":2`, 2, "offset-8", "after-2", "after-2"},
		{"empty page, more counted", `,"count":100`, 0, "", "", ""},
		{"empty page", ``, 0, "", "", ""},
	}
	for _, test := range tests {
		var list []string
		for id := range test.rows {
			list = append(list, fmt.Sprintf(`{"id":%d}`, id+1))
		}
		client := always(ok(`{"status":"success","result":[` + strings.Join(list, ",") + `]` + test.envelope + `}`)).client(t)
		listings, err := client.Listings(t.Context(), ListingFilter{}, PageRequest{Limit: 3, Cursor: CursorAt(6)})
		if err != nil || listings.Next != test.listings || len(listings.Items) != test.rows {
			t.Errorf("%s: listings go on at %q (%v), want %q", test.name, listings.Next, err, test.listings)
		}
		reservations, err := client.Reservations(t.Context(), ReservationFilter{}, PageRequest{Limit: 3, Cursor: CursorAfter(6)})
		if err != nil || reservations.Next != test.reservations {
			t.Errorf("%s: reservations go on at %q (%v), want %q", test.name, reservations.Next, err, test.reservations)
		}
		first, err := client.Reservations(t.Context(), ReservationFilter{}, PageRequest{Limit: 3})
		if err != nil || first.Next != test.first {
			t.Errorf("%s: after the first page they go on at %q (%v), want %q", test.name, first.Next, err, test.first)
		}
		if counted := strings.Contains(test.envelope, "count"); counted != (first.Total != nil) {
			t.Errorf("%s: total %v", test.name, first.Total)
		}
	}
}

func TestMessyPages(t *testing.T) {
	t.Parallel()
	tests := []struct {
		result string
		ids    []int64
		code   Code
	}{
		{`[{"id":1,"totalPrice":"lots","arrivalDate":"soon","guestName":null},{"id":"2"}]`, []int64{1, 2}, ""},
		{`{"0":{"id":1},"1":{"id":2}}`, []int64{1, 2}, ""},
		{`null`, nil, ""},
		{`false`, nil, ""},
		{`{}`, nil, ""},
		{`"no"`, nil, BadAnswer},
		{`[{"id":1},{"guestName":"nobody"}]`, nil, BadAnswer},
		{`[{"id":1},null]`, nil, BadAnswer},
		{`[{"id":1},7]`, nil, BadAnswer},
	}
	for _, test := range tests {
		page, err := always(rows(test.result)).client(t).Reservations(t.Context(), ReservationFilter{}, PageRequest{})
		wantCode(t, err, test.code)
		var ids []int64
		for _, row := range page.Items {
			ids = append(ids, row.ID)
		}
		if diff := cmp.Diff(test.ids, ids); diff != "" {
			t.Errorf("%s (-want +got)\n%s", test.result, diff)
		}
	}
}

func TestASingleRowMayComeInAList(t *testing.T) {
	t.Parallel()
	for result, code := range map[string]Code{
		`{"id":5}`: "", `[{"id":5}]`: "", `[]`: NotFound, `null`: NotFound, `{}`: NotFound, `"x"`: BadAnswer, `[7]`: BadAnswer, `7`: BadAnswer,
	} {
		listing, err := always(rows(result)).client(t).Listing(t.Context(), 5)
		if CodeOf(err) != code || err == nil && listing.ID != 5 {
			t.Errorf("%s: listing %d, %v, want code %q", result, listing.ID, err, code)
		}
	}
}

// movingList is a list of reservations that changes while it is walked over.
type movingList struct {
	ids    []int64
	pages  int
	before func(m *movingList, page int)
	count  bool
	most   int // rows a page, whatever is asked for; 0: as many as are
	claims int // the least count that is given
}

func (m *movingList) answer(r *http.Request, _ int) reply {
	m.pages++
	if m.before != nil {
		m.before(m, m.pages)
	}
	q := r.URL.Query()
	limit, _ := strconv.Atoi(q.Get("limit"))
	start, _ := strconv.Atoi(q.Get("offset"))
	if after, err := strconv.ParseInt(q.Get("afterId"), 10, 64); err == nil {
		start = slices.Index(m.ids, after) + 1
	}
	if m.most > 0 {
		limit = min(limit, m.most)
	}
	end := min(len(m.ids), start+limit)
	var list []string
	for _, id := range m.ids[min(start, end):end] {
		list = append(list, fmt.Sprintf(`{"id":%d}`, id))
	}
	count := ""
	if m.count {
		count = fmt.Sprintf(`,"count":%d`, max(m.claims, len(m.ids)))
	}
	return ok(`{"status":"success","result":[` + strings.Join(list, ",") + `]` + count + `}`)
}

func ids(n int) []int64 {
	list := make([]int64, n)
	for i := range list {
		list[i] = int64(n - i)
	}
	return list
}

// toFront moves a row to the front, as a change does in Hostaway's own order.
func (m *movingList) toFront(id int64) {
	m.ids = slices.DeleteFunc(m.ids, func(other int64) bool { return other == id })
	m.ids = slices.Insert(m.ids, 0, id)
}

func TestWalkingOverReservations(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		list     movingList
		maxPages int
		want     Walk
	}{
		{"nothing", movingList{count: true}, 5, Walk{Complete: true, Pages: 1, Total: ptr(0)}},
		{"one page", movingList{ids: ids(7), count: true}, 5, Walk{Complete: true, Pages: 1, Rows: 7, Total: ptr(7)}},
		{"full pages", movingList{ids: ids(200), count: true}, 5, Walk{Complete: true, Pages: 3, Rows: 200, Total: ptr(200)}},
		{"not counted", movingList{ids: ids(230)}, 5, Walk{Complete: true, Pages: 3, Rows: 230}},
		{"too many pages", movingList{ids: ids(950), count: true}, 5, Walk{Pages: 5, Rows: 500, Total: ptr(950), Next: "after-451"}},
		{"the row of the cursor moves to the front", movingList{ids: ids(250), count: true, before: func(m *movingList, page int) {
			if page == 2 {
				m.toFront(151) // the last row of page 1
			}
		}}, 9, Walk{Complete: true, Pages: 4, Rows: 250, Total: ptr(250)}},
		{"a row vanishes", movingList{ids: ids(250), count: true, before: func(m *movingList, page int) {
			if page == 2 {
				m.ids = slices.DeleteFunc(m.ids, func(id int64) bool { return id == 10 })
			}
		}}, 9, Walk{Complete: true, Pages: 4, Rows: 249, Total: ptr(250)}},
		{"Hostaway ignores the cursor", movingList{ids: ids(100), before: func(m *movingList, _ int) {
			m.ids = append(m.ids, ids(100)...)
		}}, 9, Walk{Pages: 2, Rows: 100, Next: "after-1"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			api := &fakeAPI{answer: test.list.answer}
			seen := map[int64]int{}
			walk, err := api.client(t).AllReservations(t.Context(), ReservationFilter{}, test.maxPages, func(rows []Reservation) error {
				for _, row := range rows {
					seen[row.ID]++
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, walk); diff != "" {
				t.Errorf("walk (-want +got)\n%s", diff)
			}
			for id, times := range seen {
				if times != 1 {
					t.Errorf("row %d was visited %d times", id, times)
				}
			}
			if len(seen) != walk.Rows {
				t.Errorf("%d rows were visited, %d reported", len(seen), walk.Rows)
			}
		})
	}
}

func TestWalkingByPosition(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		list movingList
		want Walk
	}{
		{"still", movingList{ids: ids(230), count: true}, Walk{Complete: true, Pages: 3, Rows: 230, Total: ptr(230)}},
		{"a row removed in front hides another", movingList{ids: ids(230), count: true, before: func(m *movingList, page int) {
			if page == 2 {
				m.ids = m.ids[1:]
			}
		}}, Walk{Pages: 3, Rows: 229, Total: ptr(230)}},
		{"a row added in front repeats another", movingList{ids: ids(230), count: true, before: func(m *movingList, page int) {
			if page == 2 {
				m.ids = slices.Insert(m.ids, 0, 999)
			}
		}}, Walk{Pages: 3, Rows: 230, Total: ptr(230)}},
	}
	walks := map[string]func(*Client) (Walk, error){
		"listings": func(c *Client) (Walk, error) {
			return c.AllListings(t.Context(), ListingFilter{}, 9, func([]Listing) error { return nil })
		},
		"conversations": func(c *Client) (Walk, error) {
			return c.AllConversations(t.Context(), ConversationFilter{}, 9, func([]Conversation) error { return nil })
		},
		"messages": func(c *Client) (Walk, error) {
			return c.AllMessages(t.Context(), 5, 9, func([]Message) error { return nil })
		},
	}
	for _, test := range tests {
		for name, walk := range walks {
			list := test.list
			list.ids = slices.Clone(list.ids)
			api := &fakeAPI{answer: list.answer}
			got, err := walk(api.client(t))
			if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
				t.Errorf("%s, %s: %v (-want +got)\n%s", test.name, name, err, diff)
			}
		}
	}
}

func TestAWalkEndsAtAnError(t *testing.T) {
	t.Parallel()
	list := movingList{ids: ids(300), count: true}
	api := &fakeAPI{answer: list.answer}
	enough := errors.New("enough")
	walk, err := api.client(t).AllReservations(t.Context(), ReservationFilter{}, 9, func([]Reservation) error { return enough })
	if !errors.Is(err, enough) || walk.Complete || walk.Pages != 1 {
		t.Errorf("walk %+v, error %v", walk, err)
	}
	walk, err = inTurn(rows(`[{"id":1}]`), reply{status: 400}).client(t).AllListings(t.Context(), ListingFilter{}, 9, func([]Listing) error { return nil })
	if err != nil || !walk.Complete {
		t.Errorf("walk %+v, error %v", walk, err)
	}
	walk, err = always(reply{status: 400}).client(t).AllListings(t.Context(), ListingFilter{}, 9, nil)
	wantCode(t, err, Refused)
	if walk.Complete {
		t.Error("a failed walk is called complete")
	}
}
