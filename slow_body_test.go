package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/store/storetest"
)

// sendHead opens a connection and sends the head of a request whose body
// never comes; it returns what the server answers until it closes.
func sendHead(t *testing.T, address, head string) (status int, header http.Header) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second)) // far below bodyTime
	if _, err := io.WriteString(conn, strings.ReplaceAll(head, "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	defer func() { _ = answer.Body.Close() }()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		t.Errorf("read the answer: %v", err)
	}
	if _, err := r.ReadByte(); err != io.EOF {
		t.Errorf("the connection stays open: %v", err)
	}
	return answer.StatusCode, answer.Header
}

// serveHouse serves the real rooms, with so much time for a body.
func serveHouse(t *testing.T, body time.Duration) string {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := config{BaseURL: "http://" + listener.Addr().String(), SignUp: "closed", DataDir: t.TempDir()}
	h, err := newHouse(c, storetest.Open(t), time.Now, watch{log: log})
	if err != nil {
		t.Fatal(err)
	}
	f := h.front(c, listeners{main: listener})
	f.body = body
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

func TestBodiesThatNeverComeHoldNoConnection(t *testing.T) {
	t.Parallel()
	address := serveHouse(t, 200*time.Millisecond)
	for name, c := range map[string]struct {
		head string
		want int
	}{
		"no key":              {"POST /mcp HTTP/1.1\nHost: x\nContent-Type: application/json\nContent-Length: 1000\n\n", 401},
		"no key, in chunks":   {"POST /mcp HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n", 401},
		"the sign-in":         {"POST /login HTTP/1.1\nHost: x\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 1000\n\nemail=", 400},
		"a body not taken":    {"POST /login HTTP/1.1\nHost: x\nContent-Type: text/plain\nContent-Length: 1000\n\n", 415},
		"nothing at the path": {"POST /oauth/token HTTP/1.1\nHost: x\nContent-Length: 1000\n\n", 404},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if status, header := sendHead(t, address, c.head); status != c.want || header.Get("X-Request-Id") == "" {
				t.Errorf("status %d, want %d; request id %q", status, c.want, header.Get("X-Request-Id"))
			}
		})
	}
}

// The answer to a call without a key waits for nothing: bodyTime is far longer than the test.
func TestRefusalsDoNotWaitForTheBody(t *testing.T) {
	t.Parallel()
	head := "POST /mcp HTTP/1.1\nHost: x\nContent-Length: 1000\n\n"
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", serveHouse(t, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(conn, strings.ReplaceAll(head, "\n", "\r\n"))
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusUnauthorized || !answer.Close {
		t.Errorf("status %d, closes %t", answer.StatusCode, answer.Close)
	}
}

// A call may take longer than its body, and the connection may be used again.
func TestTheDeadlineEndsWithTheBody(t *testing.T) {
	t.Parallel()
	const within = 100 * time.Millisecond
	server := httptest.NewServer(withBodyDeadline(within, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		select {
		case <-r.Context().Done():
			err = r.Context().Err()
		case <-time.After(3 * within):
		}
		_, _ = fmt.Fprint(w, string(text), err)
	})))
	defer server.Close()
	for range 2 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if string(text) != "hello<nil>" || answer.Close {
			t.Errorf("got %q, connection closes: %t", text, answer.Close)
		}
	}
}
