package hostawaytest

import (
	"fmt"
	"strconv"
	"testing"
	"time"
)

func TestOldLimits(t *testing.T) {
	t.Parallel()
	c := &clock{}
	k := newKit(t, withClock(c))
	k.server.SetLimits(OldLimits())
	for n := range 15 {
		if a := k.call("GET", "/listings?limit=1", nil); a.code != 200 || a.header.Get("X-RateLimit-Limit") != "" {
			t.Fatalf("call %d: %d, headers %v", n, a.code, a.header)
		}
		c.advance(100 * time.Millisecond)
	}
	a := k.call("GET", "/listings?limit=1", nil)
	wantFail(t, a, 429, "Rate limit exceeded")
	wantHeaders(t, a, "15", "ip", testStart.Add(10*time.Second))
	c.offset.Store(int64(10 * time.Second)) // the first call leaves the window, the others slide
	if a := k.call("GET", "/listings?limit=1", nil); a.code != 200 {
		t.Errorf("after the window: %d", a.code)
	}
	if a := k.call("GET", "/listings?limit=1", nil); a.code != 429 {
		t.Errorf("only one call had left the window: %d", a.code)
	}
}

func wantHeaders(t *testing.T, a answer, limit, applied string, retry time.Time) {
	t.Helper()
	h := a.header
	got, err := strconv.ParseInt(h.Get("X-RateLimit-Retry-After"), 10, 64)
	if err != nil || got != retry.Unix() {
		t.Errorf("retry at %q, want the Unix second %d", h.Get("X-RateLimit-Retry-After"), retry.Unix())
	}
	if h.Get("X-RateLimit-Limit") != limit || h.Get("X-RateLimit-Remaining") != "0" || h.Get("X-RateLimit-Applied") != applied {
		t.Errorf("headers %v, want limit %s applied %s", h, limit, applied)
	}
}

func TestAccountLimitCountsPerAccount(t *testing.T) {
	t.Parallel()
	a, b := twoAccounts(t)
	a.server.SetLimits(Limits{Account: Rate{2, time.Minute}})
	for range 2 {
		get[[]row](a, "/listings?limit=1")
	}
	refused := a.call("GET", "/listings?limit=1", nil)
	wantHeaders(t, refused, "2", "account", testStart.Add(time.Minute))
	get[[]row](b, "/listings?limit=1")
}

func TestNewLimits(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.server.SetLimits(NewLimits())
	for range 200 {
		get[[]row](k, "/amenities")
	}
	wantHeaders(t, k.call("GET", "/amenities", nil), "200", "ip", testStart.Add(10*time.Second))
	talk := k.account.Landmarks().Unanswered
	for n := range 30 { // has a counter of its own, which the exhausted pool does not touch
		if a := k.call("POST", fmt.Sprintf("/conversations/%d/messages", talk), row{"body": "hello"}); a.code != 200 {
			t.Fatalf("message %d: %d %s", n, a.code, a.body)
		}
	}
	refused := k.call("POST", fmt.Sprintf("/conversations/%d/messages", talk), row{"body": "hello"})
	wantHeaders(t, refused, "30", "endpoint", testStart.Add(time.Minute))
	if a := k.tokenAnswer(101, "s3cret"); a.code != 429 {
		t.Errorf("a token does not count for the address: %d", a.code)
	}
}

func TestCreatingReservationsHasItsOwnLimit(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.server.SetLimits(Limits{CreateReservations: Rate{1, time.Second}, Account: Rate{1, time.Hour}})
	body := row{"channelId": 2000, "listingMapId": 40101, "arrivalDate": "2027-09-01", "departureDate": "2027-09-04"}
	if a := k.call("POST", "/reservations", body); a.code != 200 {
		t.Fatalf("%d %s", a.code, a.body)
	}
	wantHeaders(t, k.call("POST", "/reservations", body), "1", "endpoint", testStart.Add(time.Second))
	get[[]row](k, "/amenities") // the general pool is untouched
}
