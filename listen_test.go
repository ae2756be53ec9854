package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestAddressesThatCannotBeListenedOn(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	for address, want := range map[string]string{
		taken.Addr().String(): "is in use by another program",
		"192.0.2.55:0":        "is not an address of this machine",
		"127.0.0.1:noport":    "can't listen on",
	} {
		_, err := listen(t.Context(), address, "HMCP_LISTEN")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "HMCP_LISTEN") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestBaseURLOfAnAddress(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"127.0.0.1:8080": "http://127.0.0.1:8080", ":80": "http://127.0.0.1:80", "0.0.0.0:1": "http://127.0.0.1:1",
		"[::]:2": "http://127.0.0.1:2", "[::1]:3": "http://[::1]:3", "localhost:4": "http://localhost:4", "odd": "http://odd",
	} {
		if got := baseURLOf(address); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}

// lockedBuffer is a buffer that a server may write to while a test reads.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// frontTest serves a handler that says when it began and ends when let go.
type frontTest struct {
	url    string
	side   string // another port, which only says that it is there
	stop   context.CancelFunc
	ended  chan error
	began  chan struct{}
	letGo  chan struct{}
	drains chan struct{}
	log    *lockedBuffer
	taken  sync.Map // the clients' addresses
}

func startFront(t *testing.T, finish time.Duration) *frontTest {
	t.Helper()
	f := &frontTest{
		ended: make(chan error, 1), began: make(chan struct{}), letGo: make(chan struct{}),
		drains: make(chan struct{}, 1), log: &lockedBuffer{},
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.url = "http://" + listener.Addr().String()
	side := sidePort(t)
	f.side = "http://" + side.listener.Addr().String()
	var ctx context.Context
	ctx, f.stop = context.WithCancel(t.Context())
	t.Cleanup(f.stop)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/quick" {
			_, _ = io.WriteString(w, r.Proto)
			return
		}
		close(f.began)
		select {
		case <-f.letGo:
			_, _ = io.WriteString(w, "finished")
		case <-r.Context().Done():
			_, _ = io.WriteString(w, "cancelled")
		}
	})
	drain := func(context.Context) error { f.drains <- struct{}{}; return nil }
	front := front{
		ports: []port{{name: "http", listener: countedListener{listener, &f.taken}, handler: handler, h2c: true}, side},
		drain: drain, finish: finish, log: slog.New(slog.NewTextHandler(f.log, nil)),
	}
	go func() { f.ended <- front.serve(ctx) }()
	return f
}

func sidePort(t *testing.T) port {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here") })
	return port{name: "side", listener: listener, handler: handler}
}

func (f *frontTest) get(t *testing.T, path string) (string, error) {
	t.Helper()
	return fetchText(t, f.url+path)
}

func fetchText(t *testing.T, url string) (string, error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	w, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = w.Body.Close() }()
	text, err := io.ReadAll(w.Body)
	return string(text), err
}

func TestRunningCallsFinishBeforeTheServerStops(t *testing.T) {
	t.Parallel()
	f := startFront(t, 0)
	answer := make(chan string, 1)
	go func() { text, _ := f.get(t, "/"); answer <- text }()
	<-f.began
	f.stop()
	<-f.drains // stopping has begun
	for {      // new connections are refused soon
		if _, err := f.get(t, "/quick"); err != nil {
			break
		}
	}
	if text, err := fetchText(t, f.side); text != "here" {
		t.Errorf("the other port, while calls finish: %q, %v", text, err)
	}
	close(f.letGo)
	if text := <-answer; text != "finished" {
		t.Errorf("the running call got %q", text)
	}
	if err := <-f.ended; err != nil {
		t.Error(err)
	}
	if !strings.Contains(f.log.String(), "every call has its answer") {
		t.Error(f.log.String())
	}
	if text, err := fetchText(t, f.side); err == nil {
		t.Errorf("the other port still answers: %q", text)
	}
}

// countedListener remembers whose connections it has given out.
type countedListener struct {
	net.Listener
	taken *sync.Map
}

func (l countedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.taken.Store(c.RemoteAddr().String(), true)
	}
	return c, err
}

// TestStoppingLosesNoRequest: whoever got through to the server gets an answer, however
// busy the connections are that it closes. Those who did not are refused, or reset by
// the system while they wait to be let in.
func TestStoppingLosesNoRequest(t *testing.T) {
	t.Parallel()
	f := startFront(t, 0)
	var clients sync.WaitGroup
	var answers atomic.Int64
	call := func(client *http.Client) error {
		r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodPost, f.url+"/quick", strings.NewReader("a call"))
		if err != nil {
			return err
		}
		w, err := client.Do(r)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, w.Body)
		answers.Add(1)
		return errors.Join(err, w.Body.Close())
	}
	for range 16 {
		clients.Go(func() {
			client := &http.Client{Transport: &http.Transport{}} // keeps its connection
			var err error
			for err == nil {
				err = call(client)
			}
			var network *net.OpError
			if errors.As(err, &network) && network.Source != nil {
				if _, through := f.taken.Load(network.Source.String()); through {
					t.Errorf("a request that was through: %v", err)
				}
			}
			if !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("a request got no answer: %v", err)
			}
		})
	}
	for answers.Load() < 500 {
		time.Sleep(time.Millisecond)
	}
	f.stop()
	clients.Wait()
	if err := <-f.ended; err != nil {
		t.Error(err)
	}
}

func TestCallsThatDoNotFinishAreCancelled(t *testing.T) {
	t.Parallel()
	f := startFront(t, 50*time.Millisecond)
	answer := make(chan string, 1)
	go func() { text, _ := f.get(t, "/"); answer <- text }()
	<-f.began
	f.stop()
	if text := <-answer; text != "cancelled" {
		t.Errorf("the running call got %q", text)
	}
	if err := <-f.ended; err != nil {
		t.Error(err)
	}
	if !strings.Contains(f.log.String(), "were cancelled") {
		t.Error(f.log.String())
	}
}

func TestHTTP2WithoutTLSOnlyWhenAskedFor(t *testing.T) {
	t.Parallel()
	f := startFront(t, 0)
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: protocols}}
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url+"/quick", nil)
	w, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Body.Close() }()
	if w.ProtoMajor != 2 {
		t.Errorf("spoke %s", w.Proto)
	}
	if (front{log: slog.New(slog.DiscardHandler)}).server(t.Context(), port{}).Protocols.UnencryptedHTTP2() {
		t.Error("on without being asked for")
	}
}

// One failed port ends them all: half a server would look like a whole one.
func TestPortThatFailsStopsTheServer(t *testing.T) {
	t.Parallel()
	for i, name := range []string{"http", "side"} {
		ports := []port{sidePort(t), sidePort(t)}
		ports[0].name = "http"
		_ = ports[i].listener.Close()
		told := false
		err := front{
			ports: ports, drain: func(context.Context) error { return nil }, stopping: func() { told = true },
			log: slog.New(slog.DiscardHandler),
		}.serve(t.Context())
		var p *problem
		if !errors.As(err, &p) || !strings.Contains(p.what, "its "+name+" port failed") || !told {
			t.Errorf("%s: %v, told %v", name, err, told)
		}
		if text, err := fetchText(t, "http://"+ports[1-i].listener.Addr().String()); err == nil {
			t.Errorf("%s: the other port still answers: %q", name, text)
		}
	}
}
