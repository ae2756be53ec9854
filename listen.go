// Listening, and serving until told to stop.
package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	headerTime  = 10 * time.Second // to send the headers of a request
	idleTime    = 2 * time.Minute  // between two requests of a connection
	headerBytes = 64 << 10
	lingerTime  = 250 * time.Millisecond // for requests that are on their way, once we are told to stop
	finishTime  = 10 * time.Second       // then for running calls
	abortTime   = time.Second            // for those that did not finish and are cancelled
)

// listen opens address; setting is where a person chooses another one.
func listen(ctx context.Context, address, setting string) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	switch {
	case err == nil:
		return listener, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, failed(err, fmt.Sprintf("the address %s is in use by another program", address), "stop that one, or choose another address with "+setting)
	case errors.Is(err, syscall.EACCES):
		return nil, failed(err, fmt.Sprintf("this user may not listen on %s", address), "give it the right to (CAP_NET_BIND_SERVICE, as the systemd unit does), or choose a port above 1023 with "+setting)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, failed(err, fmt.Sprintf("%s is not an address of this machine", address), "choose one that is with "+setting+", or 0.0.0.0 for all of them")
	}
	return nil, failed(err, fmt.Sprintf("can't listen on %s (%v)", address, err), "choose another address with "+setting)
}

// listeners are the open addresses of one server.
type listeners struct {
	main  net.Listener // HMCP_LISTEN
	plain net.Listener // HMCP_LISTEN_HTTP with HMCP_DOMAIN, else nil
}

// openListeners opens all addresses of the settings, or none of them.
func openListeners(ctx context.Context, c config) (on listeners, err error) {
	defer func() {
		if err != nil {
			on.close()
		}
	}()
	if on.main, err = listen(ctx, c.Listen, "HMCP_LISTEN"); err != nil {
		return on, err
	}
	if c.Domain != "" {
		on.plain, err = listen(ctx, c.ListenHTTP, "HMCP_LISTEN_HTTP")
	}
	return on, err
}

func (on listeners) close() {
	for _, l := range []net.Listener{on.main, on.plain} {
		if l != nil {
			_ = l.Close()
		}
	}
}

// baseURLOf is the address under which a browser on this machine reaches what
// listens on address.
func baseURLOf(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "http://" + address
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// port is one listener with what answers on it.
type port struct {
	name     string // what the log calls it, like "https"
	listener net.Listener
	handler  http.Handler
	tls      *tls.Config // nil: without TLS
	h2c      bool        // also HTTP/2 without TLS
}

// front is the ports of one server with what has to end together with them.
// The first port takes the calls. It is the first to close; the others go on
// while running calls finish, so that the server can be watched until its end,
// and close after it in their order.
type front struct {
	ports    []port
	stopping func()                      // nil, or told before the first port closes
	drain    func(context.Context) error // ends open streams and refuses new calls
	linger   time.Duration               // zero means lingerTime
	finish   time.Duration               // zero means finishTime
	body     time.Duration               // zero means bodyTime
	log      *slog.Logger
}

// serve answers on all ports until ctx ends or one of them fails, then stops in
// order: each answer ends its connection, then no new connections, running calls may
// finish, whatever is left is cancelled. It returns within linger, finish and abortTime.
func (f front) serve(ctx context.Context) error {
	base, cancelBase := context.WithCancel(context.WithoutCancel(ctx))
	defer cancelBase()
	leaving := new(atomic.Bool)
	if len(f.ports) > 0 {
		f.ports = slices.Clone(f.ports)
		f.ports[0].handler = partingHandler(leaving, f.ports[0].handler)
	}
	servers := make([]*http.Server, len(f.ports))
	failures := make(chan error, len(f.ports))
	for i, p := range f.ports {
		servers[i] = f.server(base, p)
		go func() {
			err := p.serve(servers[i])
			if leaving.Load() { // it was closed
				err = nil
			}
			failures <- err
		}()
	}
	var failure error
	select {
	case failure = <-failures:
	case <-ctx.Done():
	}
	f.log.Info("stopping: no new calls, running ones may finish", "within", f.patience())
	if f.stopping != nil {
		f.stopping()
	}
	if failure == nil {
		leaving.Store(true)
		_ = f.ports[0].listener.Close() // there is nothing to do about it
		time.Sleep(cmp.Or(f.linger, lingerTime))
	}
	return errors.Join(failure, f.stop(ctx, servers, cancelBase))
}

// partingHandler ends the connection with the answer, once the server is leaving.
// http.Server.Shutdown drops requests that are on their way on a connection that is
// kept alive, and even those that it has just read. So for a moment those who are
// through get their answers, each of which ends its connection; only what nobody has
// used since then is shut down.
func partingHandler(leaving *atomic.Bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if leaving.Load() && r.ProtoMajor == 1 { // HTTP/2 has a word of its own for it
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// serve returns when the server was shut down, or earlier with what went wrong.
func (p port) serve(server *http.Server) error {
	var err error
	if p.tls == nil {
		err = server.Serve(p.listener)
	} else {
		err = server.ServeTLS(p.listener, "", "")
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return failed(err, fmt.Sprintf("the server stopped by itself: its %s port failed (%v)", p.name, err),
		"start it again; if it happens once more, look at the log before this line")
}

func (f front) server(base context.Context, p port) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(p.h2c)
	return &http.Server{
		Handler:           withBodyDeadline(cmp.Or(f.body, bodyTime), p.handler),
		Protocols:         protocols,
		TLSConfig:         p.tls,
		ReadHeaderTimeout: headerTime, // for the TLS handshake too
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    headerBytes,
		// No WriteTimeout: it would cut streamed answers off.
		BaseContext: func(net.Listener) context.Context { return base },
		ErrorLog:    slog.NewLogLogger(f.log.Handler(), slog.LevelDebug),
	}
}

func (f front) patience() time.Duration {
	if f.finish > 0 {
		return f.finish
	}
	return finishTime
}

func (f front) stop(ctx context.Context, servers []*http.Server, cancelBase context.CancelFunc) error {
	patient, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.patience())
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- f.drain(patient) }()
	err := errors.Join(servers[0].Shutdown(patient), <-drained)
	for _, server := range servers[1:] {
		err = errors.Join(err, server.Shutdown(patient))
	}
	if err == nil {
		f.log.Info("every call has its answer")
		return nil
	}
	cancelBase() // ends the calls that are still running
	last, cancelLast := context.WithTimeout(context.WithoutCancel(ctx), abortTime)
	defer cancelLast()
	for _, server := range servers {
		if server.Shutdown(last) != nil {
			_ = server.Close()
		}
	}
	f.log.Warn("calls that did not finish in time were cancelled", "after", f.patience())
	return nil
}
