// The ACME authority: how we speak to it, what it said when an order failed,
// and where what it gave is kept.
package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

const (
	authorityTime  = 30 * time.Second // for one question to the authority
	authorityBytes = 64 << 10         // of an answer that we look into
	mostReasons    = 4
)

// authority is the ACME server. It listens to what it answers: autocert drops
// its reasons.
type authority struct {
	directory string
	transport http.RoundTripper

	mu   sync.Mutex
	said []string // why it refused, in its own words, since the order began
}

func newAuthority(directory string, transport http.RoundTripper) *authority {
	return &authority{directory: cmp.Or(directory, acme.LetsEncryptURL), transport: transport}
}

// client speaks to the authority until ctx ends.
func (a *authority) client(ctx context.Context) *acme.Client {
	return &acme.Client{
		DirectoryURL: a.directory, UserAgent: binaryName + "/" + buildVersion(),
		HTTPClient: &http.Client{Timeout: authorityTime, Transport: listening{authority: a, until: ctx}},
	}
}

// listening passes requests on and keeps the reasons of refusals.
type listening struct {
	authority *authority
	until     context.Context
}

// RoundTrip fails once the server stops; autocert knows no other way to be told.
func (l listening) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := l.until.Err(); err != nil {
		return nil, err
	}
	w, err := l.authority.transport.RoundTrip(r)
	if err != nil || !strings.Contains(w.Header.Get("Content-Type"), "json") {
		return w, err
	}
	start, err := io.ReadAll(io.LimitReader(w.Body, authorityBytes))
	if err != nil {
		return nil, errors.Join(err, w.Body.Close())
	}
	w.Body = rejoined{Reader: io.MultiReader(bytes.NewReader(start), w.Body), Closer: w.Body}
	l.authority.hear(start)
	return w, nil
}

// rejoined is a body of which the start was read already.
type rejoined struct {
	io.Reader
	io.Closer
}

// refusal is how authorities say no: at the top of an answer, or in it for an
// order or for one of the ways to prove a domain.
type refusal struct {
	Type   string `json:"type"`
	Detail string `json:"detail"`
}

func (a *authority) hear(text []byte) {
	var answer struct {
		refusal
		Error      *refusal `json:"error"`
		Challenges []struct {
			Type  string   `json:"type"`
			Error *refusal `json:"error"`
		} `json:"challenges"`
	}
	if json.Unmarshal(text, &answer) != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.note(&answer.refusal)
	a.note(answer.Error)
	for _, c := range answer.Challenges {
		a.note(c.Error)
	}
}

// note keeps a reason, once: answers are asked for again and again.
func (a *authority) note(r *refusal) {
	if r == nil || r.Detail == "" || strings.HasSuffix(r.Type, ":badNonce") { // which only means to ask again
		return
	}
	if len(a.said) < mostReasons && !slices.Contains(a.said, r.Detail) {
		a.said = append(a.said, r.Detail)
	}
}

func (a *authority) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.said = nil
}

// explain puts the authority's reasons, where it gave any, in the place of what
// autocert makes of them.
func (a *authority) explain(err error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.said) == 0 {
		return fmt.Errorf("order certificate: %w", err)
	}
	return &orderError{said: strings.Join(a.said, "; "), cause: err}
}

// orderError is an order that the authority refused.
type orderError struct {
	said  string
	cause error
}

func (e *orderError) Error() string { return "the authority says: " + e.said }

func (e *orderError) Unwrap() error { return e.cause }

// acmeCache is where an authority's answers are kept. Each has a folder of its
// own: a certificate of a test authority must not be taken for a real one.
func acmeCache(dataDir, directory string) autocert.DirCache {
	name := "authority"
	if u, err := url.Parse(directory); err == nil {
		name = strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
				return r
			}
			return '_'
		}, strings.ToLower(u.Host+u.Path))
	}
	return autocert.DirCache(filepath.Join(dataDir, acmeFolder, name))
}

// anew is a cache that does not give the domain's certificate out, so that a
// new one is ordered, and keeps the new one.
type anew struct {
	autocert.Cache
	domain string
	log    *slog.Logger
}

// Get misses the certificate, and finds everything else.
func (a *anew) Get(ctx context.Context, key string) ([]byte, error) {
	if key == a.domain {
		return nil, autocert.ErrCacheMiss
	}
	return a.Cache.Get(ctx, key)
}

// Put keeps what is given. A failure is ignored by autocert, so it is told
// here: the next start will have to order again.
func (a *anew) Put(ctx context.Context, key string, data []byte) error {
	err := a.Cache.Put(ctx, key, data)
	if err != nil && key == a.domain {
		a.log.Error("the new certificate can't be kept; after a restart another one is ordered", "domain", a.domain, "error", err, "do", "look at the disk and the rights of the data folder")
	}
	return err
}

// keptCertificate reads the certificate of domain as autocert wrote it: its key
// and its chain. Error: autocert.ErrCacheMiss when there is none.
func keptCertificate(ctx context.Context, cache autocert.Cache, domain string) (*tls.Certificate, error) {
	text, err := cache.Get(ctx, domain)
	if err != nil {
		return nil, err
	}
	kept, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, fmt.Errorf("read kept certificate: %w", err)
	}
	if err := kept.Leaf.VerifyHostname(domain); err != nil {
		return nil, fmt.Errorf("read kept certificate: %w", err)
	}
	return &kept, nil
}
