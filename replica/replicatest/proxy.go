package replicatest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// Kind is what a request asks of the storage.
type Kind string

// The kinds of requests.
const (
	Get        Kind = "GET"
	Head       Kind = "HEAD"
	List       Kind = "LIST"
	Put        Kind = "PUT"
	Multipart  Kind = "MULTIPART" // any step of an upload in parts
	Delete     Kind = "DELETE"
	DeleteMany Kind = "DELETE MANY"
)

// Request is what a fault may look at. Key is the object's key or, for LIST, the prefix.
type Request struct {
	Kind Kind
	Key  string
}

// Trouble is what becomes of a request.
type Trouble int

// The troubles. Cut requests reach the storage in part, or the answer does not reach the client in whole.
const (
	None      Trouble = iota
	Refuse            // the connection is closed before an answer
	Hang              // no answer, until the client gives up or the trouble is over
	Broken            // 500
	Full              // 507
	Forbidden         // 403, as with wrong credentials
	CutBefore         // the storage gets half of the body
	CutAfter          // the storage does it, and the client gets half of the answer or none
	Late              // it waits as in Hang, and then reaches the storage all the same
)

// Fault decides about each request; nil is a storage without faults. It runs on many goroutines.
type Fault func(Request) Trouble

// Always is the fault that hits everything.
func Always(trouble Trouble) Fault { return func(Request) Trouble { return trouble } }

// Proxy stands before a storage on a port of the loopback address.
type Proxy struct {
	server  *httptest.Server
	onward  http.RoundTripper
	mu      sync.Mutex
	fault   Fault
	changed chan struct{} // closed when the fault changes
	latency time.Duration
	blind   bool
	counts  map[Kind]int
	log     []Call
}

// Call is a request that the proxy has seen.
type Call struct {
	Request
	At     time.Time
	Status int // 0: no answer
}

func newProxy(t testing.TB, onward http.RoundTripper) *Proxy {
	p := &Proxy{onward: onward, counts: map[Kind]int{}, changed: make(chan struct{})}
	p.server = httptest.NewServer(p)
	t.Cleanup(func() {
		p.SetFault(Always(Refuse)) // whoever hangs may go
		p.server.CloseClientConnections()
		p.server.Close()
	})
	return p
}

// Another is a second way to the same storage, with faults of its own: what one server sees of it need not be what another sees.
func (p *Proxy) Another(t testing.TB) *Proxy { return newProxy(t, p.onward) }

// Endpoint is the proxy's address, http://127.0.0.1:PORT.
func (p *Proxy) Endpoint() string { return p.server.URL }

// SetFault changes what goes wrong from now on; nil heals all.
func (p *Proxy) SetFault(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
	close(p.changed)
	p.changed = make(chan struct{})
}

// SetLatency delays every request by so much.
func (p *Proxy) SetLatency(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.latency = d
}

// SetBlind makes the storage ignore If-None-Match and If-Match, as some do.
func (p *Proxy) SetBlind(blind bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.blind = blind
}

// Counts says how often each kind was asked for.
func (p *Proxy) Counts() map[Kind]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.counts)
}

// Calls gives everything that was asked for since the proxy began or since Forget.
func (p *Proxy) Calls() []Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Call(nil), p.log...)
}

// Forget starts counting anew.
func (p *Proxy) Forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.counts)
	p.log = nil
}

func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	asked := requestOf(r)
	p.mu.Lock()
	p.counts[asked.Kind]++
	fault, changed, latency, blind := p.fault, p.changed, p.latency, p.blind
	p.mu.Unlock()
	status := 0
	defer func() {
		p.mu.Lock()
		p.log = append(p.log, Call{asked, time.Now(), status})
		p.mu.Unlock()
	}()
	if latency > 0 {
		time.Sleep(latency)
	}
	trouble := None
	if fault != nil {
		trouble = fault(asked)
	}
	switch trouble {
	case Refuse:
		panic(http.ErrAbortHandler)
	case Hang:
		select {
		case <-changed:
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler)
	case Late:
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		select {
		case <-changed:
		case <-r.Context().Done():
		}
		r = r.WithContext(context.WithoutCancel(r.Context()))
		r.Body = io.NopCloser(bytes.NewReader(body))
		status = p.pass(w, r, None, blind)
	case Broken:
		status = answerError(w, r, http.StatusInternalServerError, "InternalError")
	case Full:
		status = answerError(w, r, http.StatusInsufficientStorage, "InsufficientStorage")
	case Forbidden:
		status = answerError(w, r, http.StatusForbidden, "InvalidAccessKeyId")
	case None, CutBefore, CutAfter:
		status = p.pass(w, r, trouble, blind)
	}
}

// pass hands the request on, all of it or half, and its answer likewise.
func (p *Proxy) pass(w http.ResponseWriter, r *http.Request, trouble Trouble, blind bool) (status int) {
	body := io.Reader(r.Body)
	if trouble == CutBefore && r.ContentLength > 0 {
		body = io.MultiReader(io.LimitReader(r.Body, r.ContentLength/2), brokenReader{})
	}
	out := r.Clone(r.Context())
	out.Body, out.RequestURI = io.NopCloser(body), ""
	out.URL.Scheme, out.URL.Host = "http", "storage"
	out.Host = r.Host // part of what is signed
	if blind && out.Header.Get("If-None-Match")+out.Header.Get("If-Match") != "" {
		out.Header.Del("If-None-Match")
		out.Header.Del("If-Match")
		sign(out)
	}
	answer, err := p.onward.RoundTrip(out)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer func() { _ = answer.Body.Close() }()
	maps.Copy(w.Header(), answer.Header)
	if trouble != CutAfter {
		w.WriteHeader(answer.StatusCode)
		_, _ = io.Copy(w, answer.Body) // an answer that ends early ends early for the client too
		return answer.StatusCode
	}
	text, _ := io.ReadAll(answer.Body)
	if len(text) > 1 {
		w.Header().Set("Content-Length", fmt.Sprint(len(text)))
		w.WriteHeader(answer.StatusCode)
		_, _ = io.Copy(w, bytes.NewReader(text[:len(text)/2]))
	}
	panic(http.ErrAbortHandler)
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, net.ErrClosed }

func answerError(w http.ResponseWriter, r *http.Request, status int, code string) int {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>played by a test</Message></Error>`, code)
	return status
}

// requestOf reads the kind and the key off a request with the bucket in its path.
func requestOf(r *http.Request) Request {
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	query := r.URL.Query()
	is := func(name string) bool { return query.Has(name) }
	switch {
	case is("uploads"), is("uploadId"):
		return Request{Multipart, key}
	case r.Method == http.MethodPost && is("delete"):
		return Request{DeleteMany, key}
	case r.Method == http.MethodGet && key == "":
		return Request{List, query.Get("prefix")}
	}
	return Request{Kind(r.Method), key}
}

// ReplicaURL is the address of a replica as seen through this proxy.
func (p *Proxy) ReplicaURL(path string) string {
	query := url.Values{"endpoint": {p.Endpoint()}, "region": {Region}}
	return "s3://" + Bucket + "/" + path + "?" + query.Encode()
}
