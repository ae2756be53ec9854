// Listening, and serving until told to stop.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"
)

const (
	headerTime  = 10 * time.Second // to send the headers of a request
	idleTime    = 2 * time.Minute  // between two requests of a connection
	headerBytes = 64 << 10
	finishTime  = 10 * time.Second // for running calls, once we are told to stop
	abortTime   = time.Second      // for those that did not finish and are cancelled
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
		return nil, failed(err, fmt.Sprintf("this user may not listen on %s", address), "choose a port above 1023 with "+setting)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, failed(err, fmt.Sprintf("%s is not an address of this machine", address), "choose one that is with "+setting+", or 0.0.0.0 for all of them")
	}
	return nil, failed(err, fmt.Sprintf("can't listen on %s (%v)", address, err), "choose another address with "+setting)
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

// front is the HTTP server with what has to end together with it.
type front struct {
	handler http.Handler
	h2c     bool
	drain   func(context.Context) error // ends open streams and refuses new calls
	finish  time.Duration               // zero means finishTime
	body    time.Duration               // zero means bodyTime
	log     *slog.Logger
}

// serve answers on listener until ctx ends, then stops in order: no new
// connections, running calls may finish, whatever is left is cancelled.
func (f front) serve(ctx context.Context, listener net.Listener) error {
	base, cancelBase := context.WithCancel(context.WithoutCancel(ctx))
	defer cancelBase()
	server := f.server(base)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return failed(err, fmt.Sprintf("the server stopped by itself (%v)", err), "start it again; if it happens once more, look at the log before this line")
	case <-ctx.Done():
	}
	f.log.Info("stopping: no new calls, running ones may finish", "within", f.patience())
	return f.stop(ctx, server, cancelBase)
}

func (f front) server(base context.Context) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(f.h2c)
	return &http.Server{
		Handler:           withBodyDeadline(cmp.Or(f.body, bodyTime), f.handler),
		Protocols:         protocols,
		ReadHeaderTimeout: headerTime,
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

func (f front) stop(ctx context.Context, server *http.Server, cancelBase context.CancelFunc) error {
	patient, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.patience())
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- f.drain(patient) }()
	err := errors.Join(server.Shutdown(patient), <-drained)
	if err == nil {
		f.log.Info("stopped")
		return nil
	}
	cancelBase() // ends the calls that are still running
	last, cancelLast := context.WithTimeout(context.WithoutCancel(ctx), abortTime)
	defer cancelLast()
	if server.Shutdown(last) != nil {
		_ = server.Close()
	}
	f.log.Warn("stopped; calls that did not finish in time were cancelled", "after", f.patience())
	return nil
}
