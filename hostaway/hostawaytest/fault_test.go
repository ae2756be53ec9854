package hostawaytest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault Fault
		check func(t *testing.T, k *kit, a answer)
	}{
		"500 with HTML": {Fault{Kind: Status500HTML}, func(t *testing.T, _ *kit, a answer) {
			if a.code != 500 || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") || !strings.Contains(a.body, "<html>") {
				t.Errorf("%d %v %s", a.code, a.header, a.body)
			}
		}},
		"503": {Fault{Kind: Status503}, func(t *testing.T, _ *kit, a answer) {
			if a.code != 503 || a.body != "" {
				t.Errorf("%d %q", a.code, a.body)
			}
		}},
		"forbidden": {Fault{Kind: Forbidden, Text: "Reservation can not be modified"}, func(t *testing.T, _ *kit, a answer) {
			wantFail(t, a, 403, "Reservation can not be modified")
		}},
		"fail in 200": {Fault{Kind: FailIn200, Text: "Something odd"}, func(t *testing.T, _ *kit, a answer) {
			wantFail(t, a, 200, "Something odd")
		}},
		"garbage": {Fault{Kind: GarbageJSON}, func(t *testing.T, _ *kit, a answer) {
			if a.code != 200 || json.Valid([]byte(a.body)) {
				t.Errorf("%d %s", a.code, a.body)
			}
		}},
		"answer": {Fault{Kind: Answer, Text: `{"status":"success","result":null}`}, func(t *testing.T, _ *kit, a answer) {
			if a.body != `{"status":"success","result":null}` {
				t.Errorf("%s", a.body)
			}
		}},
		"rate limit": {Fault{Kind: RateLimit, Delay: 7 * time.Second}, func(t *testing.T, _ *kit, a answer) {
			wantFail(t, a, 429, "Rate limit")
			wantHeaders(t, a, "1", "account", testStart.Add(7*time.Second))
		}},
		"token revoked": {Fault{Kind: TokenRevoked}, func(t *testing.T, k *kit, a answer) {
			wantFail(t, a, 403, denial)
			wantFail(t, k.call("GET", "/users", nil), 403, denial)
			k.token = k.fetchToken(101, "s3cret")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t)
			c.fault.Path = "/listings"
			k.server.Fail(c.fault)
			if a := k.call("GET", "/users", nil); a.code != 200 {
				t.Fatalf("another path met the fault: %d", a.code)
			}
			c.check(t, k, k.call("GET", "/listings", nil))
			if a := k.call("GET", "/listings", nil); a.Status != "success" {
				t.Errorf("the fault came twice: %d %s", a.code, a.body)
			}
		})
	}
}

func TestFaultsByMethodPatternAndCount(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.server.Fail(Fault{Method: "GET", Path: "/v1/listings/*", Skip: 1, Times: 2, Kind: Status503})
	var codes []int
	for range 4 {
		codes = append(codes, k.call("GET", "/listings/40101", nil).code)
	}
	codes = append(codes, k.call("GET", "/listings", nil).code, k.call("PUT", "/listings/40101", row{}).code)
	if fmt.Sprint(codes) != "[200 503 503 200 200 200]" {
		t.Errorf("%v", codes)
	}
	k.server.Fail(Fault{Path: "/reservations/...", Times: -1, Kind: Status503})
	one := fmt.Sprintf("/reservations/%d", k.account.Landmarks().InHouse)
	codes = []int{k.call("GET", one, nil).code, k.call("GET", one+"/logs", nil).code, k.call("GET", "/reservations?limit=1", nil).code}
	k.server.Heal()
	if codes = append(codes, k.call("GET", one, nil).code); fmt.Sprint(codes) != "[503 503 200 200]" {
		t.Errorf("%v", codes)
	}
}

func TestSlowAnswersWaitForTheTestAndForTheClient(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	release := make(chan struct{})
	k.server.Fail(Fault{Path: "/listings", Kind: Slow, Release: release})
	done := make(chan answer, 1)
	go func() {
		a, _ := k.try("GET", "/listings?limit=1", nil, "", k.token)
		done <- a
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := k.server.WaitForCalls(ctx, "GET", "/listings", 1); err != nil {
		t.Fatal(err)
	}
	select {
	case <-done:
		t.Fatal("answered before it was released")
	default:
	}
	close(release)
	if a := <-done; a.Status != "success" {
		t.Errorf("%d %s", a.code, a.body)
	}
	k.server.Fail(Fault{Path: "/listings", Kind: Slow, Delay: time.Millisecond})
	get[[]row](k, "/listings?limit=1")

	k.server.Fail(Fault{Path: "/users", Kind: Slow, Delay: time.Hour})
	short, stop := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer stop()
	r, _ := http.NewRequestWithContext(short, "GET", k.server.URL()+"/users", nil)
	if res, err := http.DefaultClient.Do(r); err == nil {
		res.Body.Close()
		t.Error("the slow call answered")
	}
}

func TestDroppedConnections(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.server.Fail(Fault{Method: "POST", Kind: Drop})
	body := func() *strings.Reader { return strings.NewReader(`{"name":"Once"}`) }
	if _, err := k.try("POST", "/listings", body(), "application/json", k.token); err == nil {
		t.Error("the dropped call has an answer")
	}
	if a := k.call("GET", "/listings", nil); a.Count != 12.0 {
		t.Errorf("the dropped call did something: %v listings", a.Count)
	}
	k.server.Fail(Fault{Method: "POST", Kind: DropAfter})
	if _, err := k.try("POST", "/listings", body(), "application/json", k.token); err == nil {
		t.Error("the call dropped afterwards has an answer")
	}
	if a := k.call("GET", "/listings", nil); a.Count != 13.0 {
		t.Errorf("the call dropped afterwards did nothing: %v listings", a.Count)
	}
}

func TestCallsAreLoggedInOrder(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.server.ResetCalls()
	k.call("GET", "/listings?limit=1&x[]=a", nil)
	k.call("PUT", "/listings/40101", row{"name": "New"})
	k.send("GET", "/nowhere", nil, "", "bad")
	k.server.Fail(Fault{Kind: CutOff})
	if _, err := k.try("GET", "/users", nil, "", k.token); err == nil {
		t.Error("the answer that was cut off is whole")
	}
	var got []string
	for _, c := range k.server.Calls() {
		got = append(got, fmt.Sprintf("%d %s %s %v %s %d %d", c.Number, c.Method, c.Path, c.Query["x[]"], c.Body, c.AccountID, c.Status))
	}
	want := `1 GET /v1/listings [a]  101 200|2 PUT /v1/listings/40101 [] {"name":"New"} 101 200|3 GET /v1/nowhere []  0 403|4 GET /v1/users []  0 0`
	if strings.Join(got, "|") != want {
		t.Errorf("log\n%s, want\n%s", strings.Join(got, "|"), want)
	}
	if n := k.server.CountCalls("", "/listings/*"); n != 1 {
		t.Errorf("counted %d", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := k.server.WaitForCalls(ctx, "GET", "/never", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for a call that never comes: %v", err)
	}
}

func TestTheLogOfALongRunIsBounded(t *testing.T) {
	t.Parallel()
	s := New(Options{})
	h := s.Handler()
	for range keptCalls + 10 {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/v1/x", nil))
	}
	calls := s.Calls()
	if len(calls) > keptCalls || calls[len(calls)-1].Number != keptCalls+10 {
		t.Errorf("%d calls kept, the last is number %d", len(calls), calls[len(calls)-1].Number)
	}
	if s.URL() != "" {
		t.Errorf("a server that does not listen has the URL %s", s.URL())
	}
	s.Close()
}

func TestManyClientsAndHelpersAtOnce(t *testing.T) {
	t.Parallel()
	a, b := twoAccounts(t)
	var all sync.WaitGroup
	for n := range 8 {
		k := []*kit{a, b}[n%2]
		all.Go(func() {
			for i := range 10 {
				k.account.AddReservation(Stay{ListingID: 40101 + int64(i), Arrival: "2028-01-01", Departure: "2028-01-03"})
				_, _ = k.try("GET", "/reservations?limit=5", nil, "", k.token)
				_, _ = k.try("GET", "/conversations?limit=5", nil, "", k.token)
				k.server.SetEnvelope(Envelope{PageKeys: i%2 == 0})
				k.account.SetSecret(fmt.Sprint("s", i))
				k.server.Calls()
			}
		})
	}
	all.Wait()
	for _, k := range []*kit{a, b} {
		if got := len(k.account.Facts()); got != 1329+40 {
			t.Errorf("%d reservations", got)
		}
	}
}
