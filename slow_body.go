// Bodies that are slow to come, or never do: each has a time limit, and none
// of them holds up an answer.
package main

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

const bodyTime = 30 * time.Second // to send the body of a request

// withBodyDeadline gives the body of each request so much time. The deadline
// goes when the body has come, since a running call may take longer, and stays
// when a handler answers without it: net/http reads what is left.
func withBodyDeadline(within time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 {
			next.ServeHTTP(w, r)
			return
		}
		control := http.NewResponseController(w)
		deadline := time.Now().Add(within)
		_ = control.SetReadDeadline(deadline) // fails only where there is no connection
		body := &incoming{ReadCloser: r.Body, whole: func() { _ = control.SetReadDeadline(time.Time{}) }}
		r.Body = body
		next.ServeHTTP(&earlyAnswer{ResponseWriter: w, body: body, http1: r.ProtoMajor == 1}, r)
		if !body.came.Load() {
			_ = control.SetReadDeadline(deadline) // a handler may have set its own
		}
	})
}

// incoming knows when the body has come to its end.
type incoming struct {
	io.ReadCloser
	came  atomic.Bool
	whole func()
}

func (b *incoming) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF && !b.came.Swap(true) {
		b.whole()
	}
	return n, err
}

// earlyAnswer closes the connection after an answer that came before the body
// did: net/http would wait for the rest of it before it sends the answer.
type earlyAnswer struct {
	http.ResponseWriter
	body  *incoming
	http1 bool
}

// WriteHeader looks whether the body is still on its way.
func (a *earlyAnswer) WriteHeader(status int) {
	if a.http1 && !a.body.came.Load() {
		a.Header().Set("Connection", "close")
	}
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap leads http.ResponseController to the connection.
func (a *earlyAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
