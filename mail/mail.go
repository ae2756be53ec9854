// Package mail writes to people: it renders the letters and hands those that wait
// in the store's outbox to a mail server.
//
// Nothing is ever sent from a request: whoever has something to tell puts a row in
// the outbox, in the transaction of its cause, and Run sends it. A row is sent at
// least once. Where a connection breaks just as the server takes a mail, nobody
// knows, and it is sent again, with the same Message-ID.
package mail

import (
	"errors"
	"fmt"
	"log/slog"
	netmail "net/mail"
	"net/url"
	"strings"
	"time"

	"hostaway-mcp/secret"
)

// Config is everything that mail is made from. URL, From and BaseURL are required.
type Config struct {
	// URL of the mail server: smtp://USER:PASSWORD@HOST:587, where STARTTLS is
	// demanded, or smtps://…:465. Only to this machine mail goes without TLS.
	URL secret.Text
	// From is the sender, "Name <address>" or an address alone.
	From string
	// BaseURL is the public address of the dashboard; every link begins with it.
	BaseURL string
	// Outbox is where mails wait; Run needs it.
	Outbox Outbox
	// Observe is told of each try; nil tells nobody.
	Observe func(Outcome)
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Log takes what went wrong; nil drops it.
	Log *slog.Logger
}

// Mail is the way to the mail server. It is safe for use by several goroutines.
type Mail struct {
	server server
	from   *netmail.Address
	domain string // of Message-IDs
	base   *url.URL
	views  *views
	outbox Outbox
	look   time.Duration // between two looks at the outbox
	grace  time.Duration // for what is on its way at the end

	observe func(Outcome)
	now     func() time.Time
	log     *slog.Logger
}

// New checks the settings and parses the letters. It connects to nobody.
func New(cfg Config) (*Mail, error) {
	m := &Mail{outbox: cfg.Outbox, look: look, grace: stopGrace, observe: cfg.Observe, now: cfg.Now, log: cfg.Log}
	if m.observe == nil {
		m.observe = func(Outcome) {}
	}
	if m.now == nil {
		m.now = time.Now
	}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if m.base, err = url.Parse(strings.TrimSuffix(cfg.BaseURL, "/")); err != nil || m.base.Hostname() == "" {
		return nil, errors.New("set up mail: the public address of the dashboard is missing")
	}
	if m.from, err = netmail.ParseAddress(cfg.From); err != nil {
		return nil, fmt.Errorf("set up mail: read the sender: %w", err)
	}
	m.domain = m.from.Address[strings.LastIndex(m.from.Address, "@")+1:]
	if m.server, err = parseServer(cfg.URL); err != nil {
		return nil, fmt.Errorf("set up mail: %w", err)
	}
	m.server.helo = heloName(m.base)
	if m.views, err = loadViews(); err != nil {
		return nil, fmt.Errorf("set up mail: %w", err)
	}
	return m, nil
}

// link leads to a page of the dashboard.
func (m *Mail) link(path string) string { return m.base.String() + path }

// host is the server as people know it.
func (m *Mail) host() string { return m.base.Host }

// Server names the mail server, as host and port.
func (m *Mail) Server() string { return m.server.String() }
