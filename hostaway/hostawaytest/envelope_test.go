package hostawaytest

import "testing"

func TestEnvelopeOfAList(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	a := k.call("GET", "/listings?limit=5&offset=5", nil)
	if a.Count != 12.0 || *a.Limit != 5 || *a.Offset != 5 || a.Page != nil || a.TotalPages != nil {
		t.Errorf("plain envelope: %.0s count %v", a.body, a.Count)
	}
	k.server.SetEnvelope(Envelope{PageKeys: true, CountAsString: true})
	a = k.call("GET", "/listings?limit=5&offset=5", nil)
	if a.Count != "12" || *a.Page != 2 || *a.TotalPages != 3 {
		t.Errorf("with page keys: count %v page %v of %v", a.Count, a.Page, a.TotalPages)
	}
	k.server.SetEnvelope(Envelope{NoCount: true})
	if a = k.call("GET", "/listings", nil); a.Count != nil {
		t.Errorf("count is still there: %v", a.Count)
	}
}

func TestEnvelopeOfAFailure(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	const path = "/listings/999"
	if a := k.call("GET", path, nil); a.code != 404 || a.Message == "" || a.Result != nil {
		t.Errorf("plain: %d %s", a.code, a.body)
	}
	k.server.SetEnvelope(Envelope{ErrorsInResult: true})
	if a := k.call("GET", path, nil); a.code != 404 || a.Message != "" || string(a.Result) != `"Listing not found"` {
		t.Errorf("text in result: %d %s", a.code, a.body)
	}
	k.server.SetEnvelope(Envelope{FailWith200: true})
	if a := k.call("GET", path, nil); a.code != 200 || a.Status != "fail" {
		t.Errorf("with 200: %d %s", a.code, a.body)
	}
	wantFail(t, k.call("GET", "/financialReports", nil), 404, "Resource not found")
	wantFail(t, k.call("PATCH", "/listings", nil), 404, "Resource not found")
	wantFail(t, k.call("GET", "/listings/../listings/", nil), 404, "Resource not found")
}

func TestLimitsAreCutSilently(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	for path, want := range map[string]int{
		"/reservations":              100,
		"/reservations?limit=9999":   200,
		"/reservations?limit=-4":     100,
		"/listings?limit=7":          7,
		"/conversations?limit=5000":  100,
		"/expenses?limit=3":          3,
		"/listings?offset=11":        1,
		"/listings?offset=400":       0,
		"/reviews?limit=2&offset=-1": 2,
	} {
		if rows := get[[]row](k, path); len(rows) != want {
			t.Errorf("%s: %d rows, want %d", path, len(rows), want)
		}
	}
}

func TestUnknownParametersAreIgnoredSoThatAMisspelledFilterGivesEverything(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	total := k.call("GET", "/reservations?limit=1", nil).Count
	for _, filter := range []string{
		"checkInFrom=2026-03-10", "listingMapId=40101", "status=cancelled", "arrivalStart=2030-01-01", "dateType=arrival&startDate=2030-01-01",
	} {
		if a := k.call("GET", "/reservations?limit=1&"+filter, nil); a.Count != total {
			t.Errorf("%s: %v rows, want all %v", filter, a.Count, total)
		}
	}
	if a := k.call("GET", "/listings?limit=1&specialStatus=active", nil); a.Count != 12.0 {
		t.Errorf("specialStatus without brackets filtered: %v", a.Count)
	}
	if a := k.call("GET", "/reviews?limit=1&listingMapId=40101&listingMapIds=40101", nil); a.Count != k.call("GET", "/reviews?limit=1", nil).Count {
		t.Errorf("listingMapIds without brackets filtered: %v", a.Count)
	}
}
