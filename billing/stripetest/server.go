// The server: the state of one account, and the way of a request through log, faults, key, checks, idempotency and route.
package stripetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Server is one Stripe account. All methods are safe for concurrent use.
type Server struct {
	options Options
	shapes  map[string]object
	mux     *http.ServeMux
	report  func(string)

	mu     sync.Mutex
	clock  clock
	serial int64

	customers      map[string]*customer
	products       map[string]*product
	prices         map[string]*price
	methods        map[string]*paymentMethod
	subscriptions  map[string]*subscription
	invoices       map[string]*invoice
	payments       map[string]*payment
	disputes       map[string]*dispute
	sessions       map[string]*session
	portalSessions map[string]*portalSession
	configurations map[string]*configuration
	endpoints      map[string]*endpoint
	testClocks     map[string]*testClock
	events         []*event
	rendered       map[string]object // what the last event of an object showed, for previous_attributes

	answers map[string]*answer // by idempotency key
	faults  faults
	calls   callLog

	delivering sync.Mutex
	dice       *rand.Rand
	queue      []*delivery
	wake       chan struct{}

	address string
	http    *http.Server
}

// Start makes an account and serves it on a free port of 127.0.0.1 until the test ends.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	o = o.withDefaults()
	s := &Server{
		options: o, shapes: readShapes(), mux: http.NewServeMux(), report: o.OnViolation,
		customers: map[string]*customer{}, products: map[string]*product{}, prices: map[string]*price{}, methods: map[string]*paymentMethod{},
		subscriptions: map[string]*subscription{}, invoices: map[string]*invoice{}, payments: map[string]*payment{}, disputes: map[string]*dispute{},
		sessions: map[string]*session{}, portalSessions: map[string]*portalSession{}, configurations: map[string]*configuration{},
		endpoints: map[string]*endpoint{}, testClocks: map[string]*testClock{}, rendered: map[string]object{}, answers: map[string]*answer{},
		dice: rand.New(rand.NewPCG(o.Network.Seed, 0)), wake: make(chan struct{}, 1),
	}
	s.clock = clock{now: o.Now.Unix(), started: time.Now()}
	if s.report == nil {
		s.report = func(what string) { t.Errorf("stripetest: %s", what) }
	}
	s.addRoutes()
	s.listen(t)
	return s
}

func (s *Server) listen(t testing.TB) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("stripetest: listen on 127.0.0.1: %v", err)
	}
	s.address = "http://" + listener.Addr().String()
	s.http = &http.Server{Handler: s.mux, ReadHeaderTimeout: 10 * time.Second}
	var running sync.WaitGroup
	running.Go(func() { _ = s.http.Serve(listener) }) // ends with Close
	stop := make(chan struct{})
	if s.options.DeliverAtOnce {
		running.Go(func() { s.deliverUntil(stop) })
	}
	t.Cleanup(func() {
		close(stop)
		_ = s.http.Close() // the listener is gone either way
		running.Wait()
	})
}

// URL is the address for clients, "http://127.0.0.1:port".
func (s *Server) URL() string { return s.address }

// id gives a new id of that kind.
func (s *Server) id(prefix string) string {
	s.serial++
	return fmt.Sprintf("%s_%08d", prefix, s.serial)
}

const maxBody = 1 << 20

// serve answers one call of the API.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, at route) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return // the client went away
	}
	call := s.calls.begin(r, at.name(), body, s.Now())
	fault := s.faults.take(call.Call, s.Now())
	if fault.Delay > 0 {
		pause(r, fault.Delay)
	}
	status, answer, header := s.answer(r, at, body, fault.Kind)
	call.finish(status)
	if fault.Kind == ResetBefore || fault.Kind == ResetAfter {
		call.finish(0)
		cut(w)
	}
	for key, value := range header {
		w.Header().Set(key, value)
	}
	w.Header().Set("Stripe-Version", APIVersion)
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(status)
	_, _ = w.Write(answer) // a client that went away doesn't matter
}

// cut breaks off in the middle of the first line: after a connection that was cut before any byte, net/http itself may send a
// request with an idempotency key again, and the client would never see it.
func cut(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_, _ = conn.Write([]byte("HTTP/1.1 2")) // whether it arrives or not
		_ = conn.Close()
	}
	panic(http.ErrAbortHandler)
}

// answer decides what the call gets, and does what it asks for.
func (s *Server) answer(r *http.Request, at route, body []byte, fault FaultKind) (int, []byte, map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	header := map[string]string{"Request-Id": s.id("req")}
	if status, raw, kind := fault.instead(); status != 0 {
		if kind != "" {
			header["Content-Type"] = kind
		}
		return status, raw, header
	}
	if err := s.admit(r, body); err != nil {
		return s.refuse(r, err, header)
	}
	key := r.Header.Get("Idempotency-Key")
	if r.Method != http.MethodPost {
		key = ""
	}
	if key != "" {
		header["Idempotency-Key"] = key
		if old, err := s.replay(key, r, body); err != nil {
			return s.refuse(r, err, header)
		} else if old != nil {
			header["Idempotent-Replayed"] = "true"
			return old.status, old.body, header
		}
	}
	status, raw, keep := s.perform(r, at, body, fault)
	if key != "" && keep {
		s.answers[key] = &answer{request: fingerprint(r, body), status: status, body: raw, at: s.clock.now}
	}
	return status, raw, header
}

// admit refuses wrong keys and versions, and what Check doesn't like.
func (s *Server) admit(r *http.Request, body []byte) error {
	if !s.knowsKey(r) {
		return &refusal{status: http.StatusUnauthorized, kind: "invalid_request_error", message: "Invalid API Key provided"}
	}
	if v := r.Header.Get("Stripe-Version"); v != APIVersion {
		r := invalid("", "stripetest speaks %s, the request asks for %q", APIVersion, v)
		r.loud = true
		return r
	}
	if s.options.Check.Request != nil {
		if err := s.options.Check.Request(r.Method, r.URL.RequestURI(), r.Header, body); err != nil {
			r := invalid("", "%v", err)
			r.loud = true
			return r
		}
	}
	return nil
}

func (s *Server) knowsKey(r *http.Request) bool {
	key, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer {
		key, _, _ = r.BasicAuth()
	}
	if len(s.options.Keys) > 0 {
		return slices.Contains(s.options.Keys, key)
	}
	mode := "_test_"
	if s.options.Live {
		mode = "_live_"
	}
	return strings.HasPrefix(key, "sk"+mode) || strings.HasPrefix(key, "rk"+mode)
}

// perform runs the route, and tells whether its answer is kept under the idempotency key.
func (s *Server) perform(r *http.Request, at route, body []byte, fault FaultKind) (status int, raw []byte, keep bool) {
	if fault == Error500Before {
		return http.StatusInternalServerError, errorBody("api_error", "Something went wrong before anything was done."), true
	}
	out, err := s.run(r, at, body)
	if err != nil {
		var refused *refusal
		keep := errors.As(err, &refused) && refused.committed
		status, raw, _ := s.refuse(r, err, nil)
		return status, raw, keep
	}
	if fault == Error500After {
		return http.StatusInternalServerError, errorBody("api_error", "Something went wrong after it was done."), true
	}
	raw, err = json.Marshal(out)
	if err != nil {
		panic(fmt.Sprintf("stripetest: write the answer of %s: %v", at.name(), err))
	}
	s.checkAnswer(at.name(), raw)
	return http.StatusOK, raw, true
}

func (s *Server) run(r *http.Request, at route, body []byte) (object, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, invalid("", "the body is not a form: %v", err)
	}
	for key, values := range r.URL.Query() {
		form[key] = append(form[key], values...)
	}
	q := &request{Request: r, form: form}
	if key, found := q.strange(at.knows()); found {
		return nil, unknown("the parameter %q of %s", key, at.name())
	}
	out, err := at.handle(q)
	if err != nil {
		return nil, err
	}
	return out, s.expandAll(out, q.texts("expand"))
}

func (s *Server) refuse(r *http.Request, err error, header map[string]string) (int, []byte, map[string]string) {
	var refused *refusal
	if !errors.As(err, &refused) {
		refused = &refusal{status: http.StatusInternalServerError, kind: "api_error", message: err.Error(), loud: true}
	}
	if refused.loud {
		s.report(r.Method + " " + r.URL.Path + ": " + refused.message)
	}
	return refused.status, mustBody(refused), header
}

func errorBody(kind, message string) []byte { return mustBody(&refusal{kind: kind, message: message}) }

func (s *Server) checkAnswer(where string, raw []byte) {
	if s.options.Check.Answer == nil {
		return
	}
	if err := s.options.Check.Answer(raw); err != nil {
		s.report(fmt.Sprintf("the answer of %s: %v", where, err))
	}
}
