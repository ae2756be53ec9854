package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/hostaway/hostawaytest"
	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// watchedHouse is a whole server in this process with two orgs, two accounts
// and everything that looks at it.
type watchedHouse struct {
	t            testing.TB
	watch        watch
	log          *lockedBuffer
	fake         *hostawaytest.Server
	db           *store.Store
	alpha, bravo storetest.Fixture
	url          string // of the server
	figures      string // of the metrics, if there are any
}

// newWatchedHouse serves with these settings, on ports of its own.
func newWatchedHouse(t testing.TB, c config) *watchedHouse {
	t.Helper()
	h := &watchedHouse{t: t, log: &lockedBuffer{}}
	c.LogFormat = "text"
	var err error
	if h.watch, err = newWatch(t.Context(), h.log, c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.watch.close(context.Background()) })
	h.fake = hostawaytest.Start(hostawaytest.Options{ActivationDelay: -1})
	t.Cleanup(h.fake.Close)
	h.fake.AddAccount(hostawaytest.Account{ID: alphaID, Secret: alphaSecret, Seed: 1, Today: "2026-11-20", Marker: alphaMarker})
	h.fake.AddAccount(hostawaytest.Account{ID: bravoID, Secret: bravoSecret, Seed: 2, Today: "2026-11-20", Marker: bravoMarker})
	h.db = storetest.Open(t, func(s *store.Config) { s.Observer = h.watch.commits() })
	h.alpha, h.bravo = storetest.Org(t, h.db, "Alpha Stays"), storetest.Org(t, h.db, "Bravo Rentals")
	storetest.Connect(t, h.alpha.Org, alphaID, alphaSecret)
	storetest.Connect(t, h.bravo.Org, bravoID, bravoSecret)
	if c.RateLimit.Calls == 0 {
		c.RateLimit = hostaway.Rate{Calls: 1 << 20, Per: time.Second}
	}
	c.HostawayURL, c.SignUp, c.DataDir = h.fake.URL(), "closed", t.TempDir()
	c.HostawayPerAccount = hostaway.Rate{Calls: 1_000_000, Per: time.Second}
	c.HostawayPerIP = c.HostawayPerAccount
	h.serve(c)
	return h
}

func (h *watchedHouse) serve(c config) {
	h.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	h.url = "http://" + listener.Addr().String()
	c.BaseURL = h.url
	more, err := h.watch.listen(h.t.Context(), c)
	if err != nil {
		h.t.Fatal(err)
	}
	if len(more) > 0 {
		h.figures = "http://" + more[0].listener.Addr().String()
	}
	built, err := newHouse(c, h.db, time.Now, h.watch)
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(h.t.Context())
	served := make(chan error, 1)
	go func() { served <- built.front(c, listeners{main: listener}, more...).serve(ctx) }()
	h.t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			h.t.Errorf("serve: %v", err)
		}
	})
}

// call posts a tool call and gives the status and the answer.
func (h *watchedHouse) call(key secret.Text, tool, arguments string, headers ...string) (int, string) {
	h.t.Helper()
	body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, tool, arguments)
	return h.post(key, body, headers...)
}

func (h *watchedHouse) post(key secret.Text, body string, headers ...string) (int, string) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, h.url+"/mcp", strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Api-Key", key.Reveal())
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return h.do(r)
}

func (h *watchedHouse) get(url string) (int, string) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.do(r)
}

func (h *watchedHouse) do(r *http.Request) (int, string) {
	h.t.Helper()
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = w.Body.Close() }()
	text, err := io.ReadAll(w.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return w.StatusCode, string(text)
}

// private lists everything by which an org, a member, a key or an account could
// be recognised.
func (h *watchedHouse) private() map[string]string {
	all := map[string]string{}
	for name, f := range map[string]storetest.Fixture{"alpha": h.alpha, "bravo": h.bravo} {
		for what, text := range map[string]string{
			"org id": f.Org.ID(), "org name": f.Org.Name(), "member id": f.Member.ID, "member name": f.Member.Name, "address": f.Email,
			"key id": f.Key.ID, "key name": f.Key.Name, "key": f.APIKey.Reveal(), "password": f.Password.Reveal(),
		} {
			all[name+"'s "+what] = text
		}
	}
	for what, text := range map[string]string{
		"alpha's account": fmt.Sprint(alphaID), "bravo's account": fmt.Sprint(bravoID), "alpha's secret": alphaSecret,
		"bravo's secret": bravoSecret, "alpha's marker": alphaMarker, "bravo's marker": bravoMarker,
	} {
		all[what] = text
	}
	return all
}

// shows names everything private that stands in a text.
func (h *watchedHouse) shows(text string) (found []string) {
	for what, private := range h.private() {
		if strings.Contains(strings.ToLower(text), strings.ToLower(private)) {
			found = append(found, what)
		}
	}
	return found
}
