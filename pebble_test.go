package main

// pebble_test.go runs a real authority: pebble, which resolves the domain, asks the ports and
// signs, as Let's Encrypt does.

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"hostaway-mcp/replica/replicatest"
)

// pebble is a running authority with the way from it to the server under test.
type pebble struct {
	url         string
	roots       *x509.CertPool // of the certificates that it signs
	transport   http.RoundTripper
	https, http *relay
	stop        func()
}

// startPebble starts an authority that ends with the test.
func startPebble(t *testing.T) *pebble {
	t.Helper()
	program := replicatest.Tool(t, "acme", "pebble")
	p := &pebble{https: startRelay(t), http: startRelay(t)}
	names := startNames(t)
	folder := t.TempDir()
	ca := writeServerCertificate(t, folder)
	p.transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca, MinVersion: tls.VersionTLS12}}
	// Somebody may take a free port before pebble does; then it says so and ends.
	for range 5 {
		address, management := freeAddress(t), freeAddress(t)
		configFile := filepath.Join(folder, "pebble.json")
		writeFile(t, configFile, fmt.Sprintf(`{"pebble": {"listenAddress": %q, "managementListenAddress": %q, "certificate": %q, "privateKey": %q,
			"httpPort": %d, "tlsPort": %d, "keyAlgorithm": "ecdsa", "retryAfter": {"authz": 1, "order": 1}, "domainBlocklist": ["blocked.example.com"]}}`,
			address, management, filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem"), p.http.port, p.https.port))
		said, ended := &lockedBuffer{}, make(chan struct{})
		cmd := exec.Command(program, "-config", configFile, "-dnsserver", names)
		cmd.Env = []string{"PEBBLE_VA_NOSLEEP=1"}
		cmd.Stdout, cmd.Stderr = said, said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		go func() { _ = cmd.Wait(); close(ended) }()
		p.stop = func() { _ = cmd.Process.Kill(); <-ended }
		t.Cleanup(p.stop)
		if p.roots = p.awaitRoot(t, management, ended); p.roots != nil {
			p.url = "https://" + address + "/dir"
			return p
		}
		if !strings.Contains(said.String(), "address already in use") {
			t.Fatalf("the authority ended: %s", said)
		}
	}
	t.Fatal("no free port for the authority")
	return nil
}

// awaitRoot asks until the authority gives its root; nil when it ended.
func (p *pebble) awaitRoot(t *testing.T, management string, ended <-chan struct{}) *x509.CertPool {
	t.Helper()
	client := &http.Client{Transport: p.transport}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		if w, err := client.Get("https://" + management + "/roots/0"); err == nil {
			text, err := io.ReadAll(w.Body)
			_ = w.Body.Close()
			pool := x509.NewCertPool()
			if err == nil && pool.AppendCertsFromPEM(text) {
				return pool
			}
		}
		select {
		case <-ended:
			return nil
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatal("the authority does not answer")
	return nil
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// writeServerCertificate makes what the authority itself shows to its clients.
func writeServerCertificate(t *testing.T, folder string) *x509.CertPool {
	t.Helper()
	made := selfSigned(t, "127.0.0.1", time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour))
	writeFile(t, filepath.Join(folder, "cert.pem"), made.chain)
	writeFile(t, filepath.Join(folder, "key.pem"), made.key)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(made.chain)) {
		t.Fatal("no certificate")
	}
	return pool
}

// relay is an address that stays, and leads to a server that comes and goes.
type relay struct {
	port     int
	mu       sync.Mutex
	target   string
	targeted chan struct{} // closed once there is a target
}

func startRelay(t *testing.T) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	r := &relay{port: l.Addr().(*net.TCPAddr).Port, targeted: make(chan struct{})}
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			go r.pass(from)
		}
	}()
	return r
}

func (r *relay) lead(target string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.target == "" {
		close(r.targeted)
	}
	r.target = target
}

func (r *relay) pass(from net.Conn) {
	defer func() { _ = from.Close() }()
	<-r.targeted
	r.mu.Lock()
	target := r.target
	r.mu.Unlock()
	to, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer func() { _ = to.Close() }()
	go func() { _, _ = io.Copy(to, from); _ = to.(*net.TCPConn).CloseWrite() }()
	_, _ = io.Copy(from, to)
}

// startNames answers every question for a name with this machine's address.
func startNames(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answerNames(conn)
		}
	}()
	return l.Addr().String()
}

// answerNames speaks DNS over TCP: each message follows its length.
func answerNames(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	for {
		var length [2]byte
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return
		}
		packet := make([]byte, binary.BigEndian.Uint16(length[:]))
		var m dnsmessage.Message
		if _, err := io.ReadFull(conn, packet); err != nil || m.Unpack(packet) != nil || len(m.Questions) != 1 {
			return
		}
		q := m.Questions[0]
		m.Response, m.Additionals = true, nil
		if q.Type == dnsmessage.TypeA {
			m.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 1},
				Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
			}}
		}
		answer, err := m.Pack()
		if err != nil {
			return
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return
		}
	}
}
