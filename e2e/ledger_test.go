package e2e

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// write is a change that the server acknowledged.
type write struct {
	id     string // of the request, for a tool call; of the key, for a key
	caller int    // who made it; a caller makes one at a time
	number int    // how many that caller made before
	at     time.Time
}

// ledger remembers what was acknowledged, as the outside saw it.
type ledger struct {
	mu      sync.Mutex
	calls   []write
	created []write // keys
	revoked []write
	sent    atomic.Int64 // tool calls, answered or not
	failed  atomic.Int64 // tool calls that were answered with an error
	// How critical changes were answered at the first try: all, and those that had to be asked for again.
	asked, held int
	odd         []int // statuses of answers that are neither yes nor "again"
}

func (l *ledger) add(to *[]write, w write) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*to = append(*to, w)
}

func (l *ledger) count(to *int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*to++
}

func (l *ledger) callCount() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.calls)
}

// forget drops writes that are known to be lost, so that the next round counts its own.
func (l *ledger) forget(lost []write) {
	l.mu.Lock()
	defer l.mu.Unlock()
	gone := map[string]bool{}
	for _, w := range lost {
		gone[w.id] = true
	}
	l.calls = slices.DeleteFunc(l.calls, func(w write) bool { return gone[w.id] })
}

// missing lists what a database does not hold, oldest first.
func missing(writes []write, held map[string]bool) []write {
	var lost []write
	for _, w := range writes {
		if !held[w.id] {
			lost = append(lost, w)
		}
	}
	slices.SortFunc(lost, func(a, b write) int { return a.at.Compare(b.at) })
	return lost
}

// gaps finds callers of whom a later write is there and an earlier is not: a copy of any moment holds a beginning of what each of them did.
func gaps(writes []write, held map[string]bool) []string {
	byCaller := slices.Clone(writes)
	slices.SortFunc(byCaller, func(a, b write) int { return cmp.Or(cmp.Compare(a.caller, b.caller), cmp.Compare(a.number, b.number)) })
	var found []string
	for i, w := range byCaller {
		if i > 0 && byCaller[i-1].caller == w.caller && !held[byCaller[i-1].id] && held[w.id] {
			found = append(found, fmt.Sprintf("caller %d: write %d is there and write %d is not", w.caller, w.number, byCaller[i-1].number))
		}
	}
	return found
}

// The comparison itself can find what it is there for.
func TestTheLedgerFindsLossAndGaps(t *testing.T) {
	t.Parallel()
	start := time.Unix(1000, 0)
	writes := []write{{"a", 1, 0, start}, {"b", 1, 1, start.Add(2)}, {"c", 2, 0, start.Add(1)}, {"d", 1, 2, start.Add(3)}}
	tests := []struct {
		name string
		held []string
		lost string
		gaps int
	}{
		{"all", []string{"a", "b", "c", "d"}, "", 0},
		{"tail lost", []string{"a", "c"}, "bd", 0},
		{"middle lost", []string{"a", "c", "d"}, "b", 1},
		{"other caller lost", []string{"a", "b", "d"}, "c", 0},
		{"nothing", nil, "acbd", 0},
	}
	for _, tt := range tests {
		held := map[string]bool{}
		for _, id := range tt.held {
			held[id] = true
		}
		lost := ""
		for _, w := range missing(writes, held) {
			lost += w.id
		}
		if found := gaps(writes, held); lost != tt.lost || len(found) != tt.gaps {
			t.Errorf("%s: lost %q, gaps %v", tt.name, lost, found)
		}
	}
}

// load is people and assistants who write: tool calls, each of which makes an audit row, and keys that are created and revoked.
type load struct {
	callers int           // assistants
	pause   time.Duration // between two calls of one assistant
	keys    bool          // also create and revoke keys, all the time
}

// run writes until the server is gone or ctx ends. Everything that is acknowledged goes into the ledger.
func (w load) run(ctx context.Context, s *server, key string, me *visitor, l *ledger) {
	var group sync.WaitGroup
	first := int(callersSoFar.Add(int64(w.callers))) - w.callers
	for caller := range w.callers {
		group.Go(func() { w.assist(ctx, s, key, first+caller, l) })
	}
	if w.keys {
		group.Go(func() { w.manage(ctx, s, me, l) })
	}
	group.Wait()
}

// callersSoFar numbers callers, so that none is taken for one of an earlier round.
var callersSoFar atomic.Int64

func (w load) assist(ctx context.Context, s *server, key string, caller int, l *ledger) {
	client := newAssistant(s.base, key)
	defer client.http.CloseIdleConnections()
	for number := 0; ctx.Err() == nil; number++ {
		l.sent.Add(1)
		answer, err := client.call(ctx, "hostaway_whoami", `{}`)
		if err != nil {
			return // the server is gone
		}
		if answer.ok() {
			l.add(&l.calls, write{answer.requestID, caller, number, time.Now()})
		} else {
			l.failed.Add(1)
		}
		rest(ctx, w.pause)
	}
}

const loadKey = "load" // how the names of its keys begin

// manage creates keys and revokes them. A change that waits for the copy is asked for again, as its answer says, until it is done.
func (w load) manage(ctx context.Context, s *server, me *visitor, l *ledger) {
	m := manager{base: s.base, http: me.http}
	caller := int(callersSoFar.Add(1))
	// A key that was being made when the server died last time may be there, and an org may have five.
	left, err := m.activeKeys(ctx, loadKey)
	if err != nil {
		return
	}
	for _, id := range left {
		if ok := l.change(ctx, http.StatusOK, func() (int, error) { return m.revokeKey(ctx, id) }); !ok {
			return
		}
	}
	for number := 0; ctx.Err() == nil; number++ {
		name, id := fmt.Sprintf("%s %d-%d", loadKey, caller, number), ""
		ok := l.change(ctx, http.StatusCreated, func() (status int, err error) {
			id, status, err = m.createKey(ctx, name)
			return status, err
		})
		if !ok {
			return
		}
		l.add(&l.created, write{id, caller, number, time.Now()})
		if ok = l.change(ctx, http.StatusOK, func() (int, error) { return m.revokeKey(ctx, id) }); !ok {
			return
		}
		l.add(&l.revoked, write{id, caller, number, time.Now()})
		rest(ctx, w.pause)
	}
}

// change asks for a critical change until it is acknowledged with the status want. It is false when the server is gone, or says
// something that is neither.
func (l *ledger) change(ctx context.Context, want int, ask func() (status int, err error)) bool {
	for try := 0; ctx.Err() == nil; try++ {
		status, err := ask()
		if err != nil {
			return false
		}
		if try == 0 {
			l.count(&l.asked)
		}
		switch {
		case status == want:
			return true
		case status != http.StatusServiceUnavailable:
			l.mu.Lock()
			l.odd = append(l.odd, status)
			l.mu.Unlock()
			return false
		case try == 0:
			l.count(&l.held)
		}
		rest(ctx, 50*time.Millisecond)
	}
	return false
}

// rest is the pause of a person or program between two things.
func rest(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// manager uses the JSON API with a member's session. An error means that the server is gone.
type manager struct {
	base string
	http *http.Client
	csrf string
}

func (m *manager) createKey(ctx context.Context, name string) (id string, status int, err error) {
	body, _ := json.Marshal(map[string]string{"name": name}) // a string always encodes
	var made struct {
		Key struct {
			ID string `json:"id"`
		} `json:"key"`
	}
	status, err = m.do(ctx, http.MethodPost, "/api/api-keys/generate", body, &made)
	return made.Key.ID, status, err
}

func (m *manager) revokeKey(ctx context.Context, id string) (status int, err error) {
	return m.do(ctx, http.MethodDelete, "/api/api-keys/"+id, nil, nil)
}

// activeKeys lists the ids of the active keys whose names begin so.
func (m *manager) activeKeys(ctx context.Context, begin string) (ids []string, err error) {
	var list struct {
		Keys []struct {
			ID     string `json:"id"`
			Name   string `json:"name"`
			Active bool   `json:"active"`
		} `json:"keys"`
	}
	status, err := m.do(ctx, http.MethodGet, "/api/api-keys", nil, &list)
	if err != nil || status != http.StatusOK {
		return nil, fmt.Errorf("list the keys: %d %w", status, err)
	}
	for _, k := range list.Keys {
		if k.Active && strings.HasPrefix(k.Name, begin) {
			ids = append(ids, k.ID)
		}
	}
	return ids, nil
}

func (m *manager) do(ctx context.Context, method, path string, body []byte, into any) (status int, err error) {
	if m.csrf == "" && method != http.MethodGet {
		if _, err := m.do(ctx, http.MethodGet, "/api/api-keys", nil, nil); err != nil {
			return 0, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, m.base+path, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", m.base)
	r.Header.Set("X-Csrf-Token", m.csrf)
	w, err := m.http.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = w.Body.Close() }()
	text, err := io.ReadAll(w.Body)
	if err != nil {
		return 0, err
	}
	if token := w.Header.Get("X-Csrf-Token"); token != "" {
		m.csrf = token
	}
	if into != nil && w.StatusCode < http.StatusBadRequest {
		return w.StatusCode, json.Unmarshal(text, into)
	}
	return w.StatusCode, nil
}
