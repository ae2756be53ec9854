// The entry: what answers on the server's ports from its first moment on. The
// rooms may take a while: a database may have to be restored, or another server
// may still have the right to write the replica. Until then machines that ask
// are told that this one lives and is not ready, and everybody else to come back.
package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"hostaway-mcp/replica"
)

const (
	holdTime = 5 * time.Second // most starts take less: whoever calls then need not notice
	comeBack = "5"             // seconds, for Retry-After

	comeBackLater = "60" // when another server has to stop first
)

type entry struct {
	at          func() replica.Step // what the start is at
	live        http.Handler
	certificate *certificate // nil: no TLS of our own
	log         *slog.Logger
	built       chan struct{} // closed when there are rooms
	inside      atomic.Pointer[inside]
}

func newEntry(live http.Handler, log *slog.Logger) *entry {
	return &entry{at: func() replica.Step { return replica.StepOpening }, live: live, log: log, built: make(chan struct{})}
}

// inside is the rooms and the way to them.
type inside struct {
	house  *house
	routes http.Handler
}

// openEntry makes the entry of the server of a data folder; at tells what its start is at.
func (p *process) openEntry(ctx context.Context, c config, at func() replica.Step, log *slog.Logger) *entry {
	e := newEntry(liveNamed(instanceOf(c.DataDir)), log)
	e.at = at
	if c.Domain != "" {
		e.certificate = newCertificate(c, p.web, p.now, log)
		e.certificate.load(ctx)
	}
	return e
}

// lead opens the way to the rooms.
func (e *entry) lead(h *house, c config) {
	if e.certificate != nil {
		h.health.add(e.certificate.part)
	}
	e.inside.Store(&inside{house: h, routes: newRoutes(h.handlers, c.TrustedProxies, h.watch)})
	close(e.built)
}

// ServeHTTP answers as the rooms do, once there are any.
func (e *entry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	machine := r.URL.Path == "/livez" || r.URL.Path == "/readyz"
	in := e.inside.Load()
	at := e.at()
	if in == nil && !machine && at != replica.StepWaiting {
		in = e.hold(r.Context())
	}
	switch {
	case in != nil:
		in.routes.ServeHTTP(w, r)
	case r.URL.Path == "/livez":
		e.live.ServeHTTP(w, r)
	case machine:
		asked(func(*http.Request) (int, any) { return http.StatusServiceUnavailable, notYet(at) }).ServeHTTP(w, r)
	default:
		turnAway(w, at)
	}
}

// turnAway says when to come back.
func turnAway(w http.ResponseWriter, at replica.Step) {
	after, text := comeBack, "the server is starting: try again in a few seconds"
	if at == replica.StepWaiting {
		after, text = comeBackLater, "this server is a standby and waits until the one that serves has stopped: go to that one, or try again in a minute"
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Retry-After", after)
	w.WriteHeader(http.StatusServiceUnavailable)
	_ = json.NewEncoder(w).Encode(struct {
		Error string `json:"error"`
	}{text})
}

// hold waits a moment for the rooms; nil means that it takes longer.
func (e *entry) hold(ctx context.Context) *inside {
	ctx, cancel := context.WithTimeout(ctx, holdTime)
	defer cancel()
	select {
	case <-e.built:
	case <-ctx.Done():
	}
	return e.inside.Load()
}

// What /readyz says of the server before there are rooms; doctor knows a standby by it.
const (
	reasonStarting  = "starting"
	reasonRestoring = "restoring the database"
	reasonWaiting   = "a standby: waiting for the lease on the replica"
)

func notYet(at replica.Step) readiness {
	reasons := map[replica.Step]string{replica.StepOpening: reasonStarting, replica.StepRestoring: reasonRestoring, replica.StepWaiting: reasonWaiting}
	return readiness{Checks: []publicCheck{{Name: "server", State: stateWarn, Reason: reasons[at]}}}
}

// front serves the entry: on one port that everything answers on, with a domain
// of our own on another one that leads to it, and on more for those who look
// after the server.
func (e *entry) front(c config, on listeners, more ...port) front {
	ports := []port{{name: "http", listener: on.main, handler: e, h2c: c.H2C}}
	if e.certificate != nil {
		ports = e.certificate.ports(ports[0], on.plain, c.BaseURL, handlers{live: e, ready: e})
	}
	return front{ports: append(ports, more...), stopping: e.stop, drain: e.drain, log: e.log}
}

func (e *entry) stop() {
	if in := e.inside.Load(); in != nil {
		in.house.health.stop()
	}
}

func (e *entry) drain(ctx context.Context) error {
	if in := e.inside.Load(); in != nil {
		return in.house.mcp.Shutdown(ctx)
	}
	return nil
}

// begin serves the entry in the background. It ends with ctx, or calls end when
// it ends by itself; wait returns when running calls have finished.
func (e *entry) begin(ctx context.Context, end context.CancelFunc, f front) (wait func() error) {
	served := make(chan error, 1)
	go func() {
		defer end()
		served <- f.serve(ctx)
	}()
	e.log.Info("listening", "address", f.ports[0].listener.Addr().String()) // serving comes with the rooms
	for _, p := range f.ports[1:] {
		e.log.Info("serving "+p.name, "address", p.listener.Addr().String())
	}
	if e.certificate != nil {
		go e.certificate.keep(ctx)
	}
	return sync.OnceValue(func() error { return <-served })
}
