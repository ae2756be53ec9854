// Progress: the only thing that turns an answer into a stream. Events are thinned out, written in order by us, each under a
// deadline, and the answer is the last of them.

package mcp

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"
)

// progressEvery is the shortest time between two progress events of one call. Clients show them to people; ten a second would be
// noise, and a thousand at once would be dropped by some.
const progressEvery = 250 * time.Millisecond

// progress writes the events of one call. The zero token means that the client wants none.
type progress struct {
	w     http.ResponseWriter
	token json.RawMessage
	now   func() time.Time
	gone  func() // called when a write fails: nobody listens any more

	mu     sync.Mutex
	opened bool // the stream's header was sent
	closed bool
	last   time.Time
	done   int
}

// wantsEvents says whether the client can take an answer as a stream.
func wantsEvents(h http.Header) bool {
	return strings.Contains(h.Get("Accept"), "text/event-stream")
}

func (p *progress) report(done, total int, text string) {
	if p.token == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	// The protocol wants the figure to rise with every event.
	if p.closed || (p.opened && (done <= p.done || now.Sub(p.last) < progressEvery)) {
		return
	}
	type params struct {
		Token   json.RawMessage `json:"progressToken"`
		Done    int             `json:"progress"`
		Total   int             `json:"total,omitempty"`
		Message string          `json:"message,omitempty"`
	}
	raw, _ := json.Marshal(struct { // numbers, text and an id that was read as JSON
		JSONRPC string `json:"jsonrpc"`
		Method  string `json:"method"`
		Params  params `json:"params"`
	}{"2.0", "notifications/progress", params{p.token, done, total, clip(text, 200)}})
	p.last, p.done = now, done
	p.event(raw)
}

// finish writes the answer: as the last event of a stream that progress began, else as plain JSON.
func (p *progress) finish(status int, answer []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.opened {
		p.event(answer)
		return
	}
	reply(p.w, status, "application/json", answer)
}

func (p *progress) event(message []byte) {
	within(p.w, func() {
		if !p.opened {
			p.opened = true
			openStream(p.w)
		}
		if err := writeEvent(p.w, message); err != nil {
			p.closed = true
			p.gone()
		}
	})
}

func openStream(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold the events back
	w.WriteHeader(http.StatusOK)
}

func writeEvent(w http.ResponseWriter, message []byte) error {
	event := make([]byte, 0, len(message)+32)
	event = append(event, "event: message\ndata: "...)
	event = append(event, strings.TrimRight(string(message), "\n")...)
	_, err := w.Write(append(event, "\n\n"...))
	return err
}
