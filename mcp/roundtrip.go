// In-process transport: an http.RoundTripper that calls the handler directly, for the local stdio mode. Answers stream as they
// would over a network, and ending the request's context is a disconnect.

package mcp

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// RoundTripper sends requests straight to this server, without a network.
func (s *Server) RoundTripper() http.RoundTripper { return inProcess{s.Handler()} }

type inProcess struct{ handler http.Handler }

func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	read, write := io.Pipe()
	w := &pipeWriter{header: http.Header{}, body: write, head: make(chan struct{})}
	request := r.Clone(ctx)
	request.RemoteAddr, request.RequestURI = "127.0.0.1:0", r.URL.RequestURI()
	if request.Body == nil {
		request.Body = http.NoBody
	}
	go func() {
		defer cancel()
		defer request.Body.Close()
		t.handler.ServeHTTP(w, request)
		w.WriteHeader(http.StatusOK)
		write.Close()
	}()
	select {
	case <-w.head:
	case <-r.Context().Done():
		cancel()
		read.CloseWithError(r.Context().Err())
		return nil, fmt.Errorf("call in process: %w", r.Context().Err())
	}
	return &http.Response{
		Status: http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, Body: &pipeBody{PipeReader: read, cancel: cancel}, ContentLength: -1, Request: r,
	}, nil
}

// pipeWriter is the handler's side.
type pipeWriter struct {
	header http.Header
	sent   http.Header // header as it was when the answer began
	status int
	once   sync.Once
	head   chan struct{}
	body   *io.PipeWriter
}

func (w *pipeWriter) Header() http.Header { return w.header }
func (w *pipeWriter) Flush()              {} // a pipe holds nothing back

func (w *pipeWriter) WriteHeader(status int) {
	w.once.Do(func() {
		w.status, w.sent = status, w.header.Clone()
		close(w.head)
	})
}

func (w *pipeWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

// pipeBody is the caller's side: closing it early is a disconnect.
type pipeBody struct {
	*io.PipeReader
	cancel context.CancelFunc
}

func (b *pipeBody) Close() error {
	b.cancel()
	return b.PipeReader.Close()
}
