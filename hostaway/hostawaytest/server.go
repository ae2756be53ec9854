// The server: accounts, tokens, and the way of one request through log, limits, faults, token check and route.
package hostawaytest

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"path"
	"sync"
	"time"
)

// Server is a Hostaway API for any number of accounts. All methods are safe for concurrent use.
type Server struct {
	now func() time.Time
	mux *http.ServeMux

	mu       sync.Mutex
	options  Options
	accounts map[int64]*Account
	tokens   map[string]*token
	serial   int64
	limiter  *limiter

	faults faults
	calls  callLog

	listener net.Listener
	http     *http.Server
}

// New makes a Server that listens nowhere: serve its Handler, or use Start.
func New(o Options) *Server {
	o = o.withDefaults()
	s := &Server{
		now: o.Now, options: o, mux: http.NewServeMux(),
		accounts: map[int64]*Account{}, tokens: map[string]*token{}, limiter: newLimiter(),
	}
	s.calls.changed = make(chan struct{})
	s.addRoutes()
	return s
}

// Start makes a Server that listens on a free port of 127.0.0.1. It panics when it can't, as httptest does.
func Start(o Options) *Server {
	s := New(o)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(fmt.Sprintf("hostawaytest: listen on 127.0.0.1: %v", err))
	}
	s.listener = listener
	s.http = &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.http.Serve(listener) }() // ends with Close
	return s
}

// URL is the base for clients, "http://127.0.0.1:port/v1"; empty for a Server made by New.
func (s *Server) URL() string {
	if s.listener == nil {
		return ""
	}
	return "http://" + s.listener.Addr().String() + "/v1"
}

// Close stops listening and cuts open connections.
func (s *Server) Close() {
	if s.http != nil {
		_ = s.http.Close() // the listener is gone either way
	}
}

// Handler serves the API under /v1, and /dictionary beside it.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serve) }

// SetLimits changes the rate limits from now on.
func (s *Server) SetLimits(l Limits) { s.change(func(o *Options) { o.Limits = l }) }

// SetEnvelope changes the shape of answers from now on.
func (s *Server) SetEnvelope(e Envelope) { s.change(func(o *Options) { o.Envelope = e }) }

// SetActivationDelay changes how long tokens issued from now on are refused; negative means not at all.
func (s *Server) SetActivationDelay(d time.Duration) {
	s.change(func(o *Options) { o.ActivationDelay = d; *o = o.withDefaults() })
}

// SetExpiresIn changes the lifetime of tokens issued from now on.
func (s *Server) SetExpiresIn(d time.Duration) { s.change(func(o *Options) { o.ExpiresIn = d }) }

// SetWrapToken switches the enveloped token answer.
func (s *Server) SetWrapToken(on bool) { s.change(func(o *Options) { o.WrapToken = on }) }

func (s *Server) change(with func(*Options)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	with(&s.options)
}

func (s *Server) settings() Options {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.options
}

// exchange is one request on its way through the server.
type exchange struct {
	server  *Server
	request *http.Request
	query   query
	body    []byte
	account *Account
	world   *world
}

const maxBody = 8 << 20

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		panic(http.ErrAbortHandler) // the client broke off while sending
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	entry := s.calls.begin(s.now(), r, body)
	x := &exchange{server: s, request: r, query: query(r.URL.Query()), body: body}
	answer := s.answer(w, x)
	entry.finish(answer.write(w, s.settings().Envelope), x.account)
}

func (s *Server) answer(w http.ResponseWriter, x *exchange) reply {
	if fault := s.faults.take(x.request); fault != nil {
		if answer, done := s.inflict(w, x, fault); done {
			return answer
		}
	}
	return s.process(w, x)
}

func (s *Server) process(w http.ResponseWriter, x *exchange) reply {
	if x.request.URL.Path == "/v1/accessTokens" {
		return s.answerToken(w, x)
	}
	pattern := s.route(x.request)
	if answer, refused := s.limited(w, x, pattern); refused {
		return answer
	}
	if x.account = s.accountOf(x.request); x.account == nil {
		return denied()
	}
	x.world = x.account.world
	if pattern == "" {
		return transportError(http.StatusNotFound, "Resource not found")
	}
	return s.dispatch(x)
}

// route gives the pattern that serves the request; a path that the mux would redirect has none.
func (s *Server) route(r *http.Request) string {
	if r.URL.Path == "" || path.Clean(r.URL.Path) != r.URL.Path {
		return ""
	}
	_, pattern := s.mux.Handler(r)
	return pattern
}

// delivery carries an exchange through the mux, whose only part is to choose the handler and split the path. It stands in
// for the writer, to which the reply goes only after the rows are unlocked.
type delivery struct {
	http.ResponseWriter
	exchange *exchange
	reply    reply
}

func (s *Server) dispatch(x *exchange) reply {
	d := &delivery{exchange: x}
	s.mux.ServeHTTP(d, x.request)
	return d.reply
}

// handle registers a handler that runs with the account's rows locked.
func (s *Server) handle(pattern string, handler func(*exchange) reply) {
	s.mux.HandleFunc(pattern, func(carrier http.ResponseWriter, r *http.Request) {
		d := carrier.(*delivery)
		d.exchange.request = r
		w := d.exchange.world
		w.mu.Lock()
		defer w.mu.Unlock()
		if r.Method != http.MethodGet {
			w.fill() // what is made later must not depend on what changes now
		}
		d.reply = handler(d.exchange)
	})
}
