package hostaway

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func without(list []int64, id int64) []int64 {
	return slices.DeleteFunc(list, func(other int64) bool { return other == id })
}

func TestOnlyAWholeWalkCounts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		list    movingList
		pages   int
		problem string
	}{
		{"nothing", movingList{count: true}, 1, ""},
		{"one page", movingList{ids: ids(84), count: true}, 1, ""},
		{"pages that end full", movingList{ids: ids(1000), count: true}, 2, ""},
		{"Hostaway does not count", movingList{ids: ids(1001)}, 3, ""},
		{"Hostaway gives fewer rows a page than asked for", movingList{ids: ids(230), count: true, most: 100}, 3, ""},
		{"a listing deleted in front of the walk hides another", movingList{ids: ids(1200), count: true, before: func(m *movingList, page int) {
			if page == 2 {
				m.ids = without(m.ids, 1000)
			}
		}}, 3, "1200 listings at the beginning and 1199 at the end"},
		{"a listing added in front of the walk repeats another", movingList{ids: ids(1200), count: true, before: func(m *movingList, page int) {
			if page == 3 {
				m.ids = slices.Insert(m.ids, 0, 5000)
			}
		}}, 3, "stood on two places"},
		{"a listing changes its place", movingList{ids: ids(1200), count: true, before: func(m *movingList, page int) {
			if page == 2 {
				m.toFront(3)
			}
		}}, 2, "stood on two places"},
		{"the list ends before its count", movingList{ids: ids(600), count: true, before: func(m *movingList, page int) {
			if page == 2 {
				m.ids, m.claims = m.ids[:500], 600
			}
		}}, 2, "there are 600 listings and showed 500"},
		{"the list has no end", movingList{ids: ids(500), before: func(m *movingList, _ int) {
			m.ids = append(m.ids, ids(500)...)
		}}, 2, "stood on two places"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			api := &fakeAPI{answer: test.list.answer}
			count, err := api.client(t).CountListings(t.Context())
			if err != nil || count.Pages != test.pages || len(api.made()) != test.pages {
				t.Errorf("%d pages in %d calls, want %d; %v", count.Pages, len(api.made()), test.pages, err)
			}
			if count.IsComplete() != (test.problem == "") || !strings.Contains(count.Problem, test.problem) {
				t.Errorf("complete %v, problem %q, want %q", count.IsComplete(), count.Problem, test.problem)
			}
			if count.IsComplete() && (len(count.ActiveIDs) != len(test.list.ids) || !slices.IsSorted(count.ActiveIDs)) {
				t.Errorf("%d of %d listings, sorted %v", len(count.ActiveIDs), len(test.list.ids), slices.IsSorted(count.ActiveIDs))
			}
			for _, call := range api.made() {
				if q := call.url.Query(); q.Get("limit") != "500" || q.Has("specialStatus[]") || q.Has("includeResources") {
					t.Errorf("asked %v", q)
				}
			}
		})
	}
}

func TestWhatCountsAsActive(t *testing.T) {
	t.Parallel()
	api := always(ok(`{"status":"success","count":"7","result":[{"id":9,"specialStatus":null},{"id":2,"specialStatus":"archived"},{"id":"3"},
		{"id":4,"specialStatus":"dormant"},{"id":5,"specialStatus":""},{"id":6,"listingUnits":[{"id":61},{"id":62}]},{"id":7,"specialStatus":"archived"}]}`))
	count, err := api.client(t).CountListings(t.Context())
	if err != nil || !count.IsComplete() || count.Total != 7 || count.UnknownStatus != 1 || !slices.Equal(count.ActiveIDs, []int64{3, 4, 5, 6, 9}) {
		t.Errorf("%+v %v", count, err)
	}
	// Active or archived: a guess would be on somebody's bill.
	count, err = always(rows(`[{"id":1},{"id":2,"specialStatus":{"name":"archived"}}]`)).client(t).CountListings(t.Context())
	if err != nil || count.IsComplete() || count.Problem != "the status of 1 listings can't be read" {
		t.Errorf("%+v %v", count, err)
	}
	if _, err = always(rows(`[{"id":1},{"specialStatus":null}]`)).client(t).CountListings(t.Context()); CodeOf(err) != BadAnswer {
		t.Errorf("a row without an id: %v", err)
	}
}

func TestAnErrorOnALaterPageIsNoCount(t *testing.T) {
	t.Parallel()
	list := movingList{ids: ids(1700), count: true}
	api := &fakeAPI{answer: func(r *http.Request, nth int) reply {
		if nth == 3 {
			return reply{status: 400}
		}
		return list.answer(r, nth)
	}}
	count, err := api.client(t).CountListings(t.Context())
	if CodeOf(err) != Refused || count.IsComplete() || count.Pages != 2 || count.Total != 1000 || count.Problem != "page 3 could not be read" {
		t.Errorf("%d of %d in %d pages, problem %q, %v", len(count.ActiveIDs), count.Total, count.Pages, count.Problem, err)
	}
}

func TestCountActiveListings(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		api   *fakeAPI
		want  int
		calls int
	}{
		{"counted", always(ok(`{"status":"success","result":[{"id":1}],"count":"12"}`)), 12, 1},
		{"none", always(ok(`{"status":"success","result":[],"count":0}`)), 0, 1},
		{"not counted", always(rows(`[{"id":1},{"id":2,"specialStatus":"archived"},{"id":3,"specialStatus":null},{"id":4,"specialStatus":"dormant"}]`)), 3, 2},
		{"the filter is ignored", always(ok(`{"status":"success","result":[{"id":1,"specialStatus":"archived"},{"id":2}],"count":2}`)), 1, 2},
	}
	for _, test := range tests {
		got, err := test.api.client(t).CountActiveListings(t.Context())
		if err != nil || got != test.want || len(test.api.made()) != test.calls {
			t.Errorf("%s: %d listings in %d calls, %v", test.name, got, len(test.api.made()), err)
		}
		if query := test.api.made()[0].url.Query(); query.Get("specialStatus[]") != "active" || query.Get("limit") != "1" {
			t.Errorf("%s: asked %v", test.name, query)
		}
	}
	if _, err := always(reply{status: 404}).client(t).CountActiveListings(t.Context()); CodeOf(err) != NotFound {
		t.Errorf("error %v", err)
	}
	twice := inTurn(rows(`[{"id":1}]`), rows(`[{"id":1},{"id":1}]`))
	if _, err := twice.client(t).CountActiveListings(t.Context()); CodeOf(err) != BadAnswer {
		t.Errorf("a list that moves: %v", err)
	}
}
