// The way to Hostaway: one client per org and version of its connection, all
// of them within one budget. The rooms take it as the small interfaces that
// they declare.
package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"sync"
	"time"

	"hostaway-mcp/dashboard"
	"hostaway-mcp/hostaway"
	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

// upstream makes and keeps the clients.
type upstream struct {
	baseURL    string
	budget     *hostaway.Budget
	http       *http.Client // nil: the client's own
	activation time.Duration
	observe    hostaway.Observe // nil: nobody looks
	now        func() time.Time
	log        *slog.Logger

	mu      sync.Mutex
	clients map[string]versioned // by org id
}

// versioned is a client and the version of the connection it was made for.
type versioned struct {
	version int
	client  *hostaway.Client
}

func newUpstream(c config, now func() time.Time, log *slog.Logger) *upstream {
	return &upstream{
		baseURL: c.HostawayURL,
		budget:  hostaway.NewBudget(hostaway.BudgetConfig{PerAccount: c.HostawayPerAccount, PerIP: c.HostawayPerIP, Now: now}),
		now:     now, log: log, clients: map[string]versioned{},
	}
}

// ClientFor returns the client of org's connection. It fails with
// store.ErrNotFound when the org has none, and with CredentialsRefused when
// Hostaway has refused its credentials: asking again would only be refused
// again, until a member reconnects.
func (u *upstream) ClientFor(ctx context.Context, org *store.Org) (*hostaway.Client, error) {
	client, _, err := u.clientFor(ctx, org)
	return client, err
}

// clientFor is ClientFor with the version of the connection, which is known also
// when its credentials are refused.
func (u *upstream) clientFor(ctx context.Context, org *store.Org) (client *hostaway.Client, version int, err error) {
	connection, err := org.Connection(ctx)
	if errors.Is(err, store.ErrNotFound) {
		u.Forget(org.ID())
	}
	if err != nil {
		return nil, 0, err
	}
	if connection.State == store.ConnectionRefused {
		return nil, connection.Version, &hostaway.Error{Status: http.StatusUnauthorized, Code: hostaway.CredentialsRefused, Message: connection.Detail}
	}
	if client := u.kept(org.ID(), connection.Version); client != nil {
		return client, connection.Version, nil
	}
	credentials, err := org.Credentials(ctx)
	if err != nil {
		return nil, 0, err
	}
	kept := u.keep(org.ID(), versioned{credentials.Version, u.newClient(org, credentials)})
	return kept.client, kept.version, nil
}

func (u *upstream) kept(orgID string, version int) *hostaway.Client {
	u.mu.Lock()
	defer u.mu.Unlock()
	if v, ok := u.clients[orgID]; ok && v.version == version {
		return v.client
	}
	return nil
}

// keep stores the client unless another call was quicker: calls of one org
// must share a client, since it fetches one token for all of them.
func (u *upstream) keep(orgID string, fresh versioned) versioned {
	u.mu.Lock()
	defer u.mu.Unlock()
	if v, ok := u.clients[orgID]; ok && v.version >= fresh.version {
		return v
	}
	u.clients[orgID] = fresh
	return fresh
}

// Forget drops the org's client, after its connection changed.
func (u *upstream) Forget(orgID string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.clients, orgID)
}

// forgetGone drops the clients of orgs that were deleted or disconnected by somebody
// else, such as a command beside this server: each holds its account's secret.
func (u *upstream) forgetGone(ctx context.Context, db *store.Store) (forgotten int, err error) {
	u.mu.Lock()
	gone := maps.Clone(u.clients)
	u.mu.Unlock()
	if len(gone) == 0 {
		return 0, nil
	}
	for org, err := range db.EachOrg(ctx) {
		if err != nil {
			return 0, err
		}
		kept, ok := gone[org.ID()]
		if !ok {
			continue
		}
		connection, err := org.Connection(ctx)
		switch {
		case err == nil && connection.Version == kept.version:
			delete(gone, org.ID())
		case err != nil && !errors.Is(err, store.ErrNotFound):
			return 0, err
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for id, kept := range gone {
		if u.clients[id] == kept { // no newer one came meanwhile
			delete(u.clients, id)
			forgotten++
		}
	}
	return forgotten, nil
}

func (u *upstream) newClient(org *store.Org, credentials store.Credentials) *hostaway.Client {
	link := orgLink{org: org, version: credentials.Version, log: u.log}
	return hostaway.NewClient(hostaway.Config{
		BaseURL:     u.baseURL,
		Credentials: hostaway.Credentials{AccountID: credentials.AccountID, Secret: credentials.Secret},
		Tokens:      link, Budget: u.budget, HTTP: u.http, Now: u.now, Log: u.log, ActivationWait: u.activation, Observe: u.observe,
		Refused: link.refused, Accepted: link.accepted,
	})
}

// orgLink keeps one version of one org's connection up to date: its token, and
// whether Hostaway takes its credentials.
type orgLink struct {
	org     *store.Org
	version int
	log     *slog.Logger
}

// Load returns the stored token, or none. The token of a connection that came
// later opens another account.
func (l orgLink) Load(ctx context.Context) (hostaway.Token, error) {
	token, err := l.org.HostawayToken(ctx, l.version)
	if errors.Is(err, store.ErrNotFound) {
		return hostaway.Token{}, nil
	}
	return hostaway.Token(token), err
}

// Save stores a fresh token. A connection that was replaced meanwhile has no
// use for it.
func (l orgLink) Save(ctx context.Context, token hostaway.Token) error {
	err := l.org.SaveHostawayToken(ctx, l.version, store.HostawayToken(token))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

func (l orgLink) refused(ctx context.Context, cause *hostaway.Error) {
	l.note(ctx, "refused", l.org.MarkConnectionRefused(ctx, l.version, cause.Message))
}

func (l orgLink) accepted(ctx context.Context) {
	l.note(ctx, "accepted", l.org.MarkConnectionChecked(ctx, l.version, nil, time.Time{}))
}

// note logs what became of a mark. A failed one costs nothing but the mark:
// the next token request makes it again.
func (l orgLink) note(ctx context.Context, what string, err error) {
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		l.log.ErrorContext(ctx, "could not record the state of a connection", "org", l.org.ID(), "state", what, "error", err)
		return
	}
	l.log.InfoContext(ctx, "Hostaway answered for a connection", "org", l.org.ID(), "credentials", what)
}

// Check asks Hostaway for a token with these credentials and counts the active
// listings as they will be billed, for a member of this org who connects an account.
// A count that can't be relied on is left out. The calls wait in
// the org's own line: the account may be somebody else's.
func (u *upstream) Check(ctx context.Context, orgID string, accountID int64, apiSecret secret.Text) (dashboard.Checked, error) {
	client := hostaway.NewClient(hostaway.Config{
		BaseURL:     u.baseURL,
		Credentials: hostaway.Credentials{AccountID: accountID, Secret: apiSecret},
		Tokens:      &heldToken{}, Budget: u.budget, Asker: orgID, HTTP: u.http, Now: u.now, Log: u.log, ActivationWait: u.activation, Observe: u.observe,
	})
	token, err := client.Check(ctx)
	if err != nil {
		return dashboard.Checked{}, u.checkProblem(ctx, accountID, err)
	}
	countedAt := u.now().UTC()
	count, err := client.CountListings(ctx)
	if err != nil {
		return dashboard.Checked{}, u.checkProblem(ctx, accountID, err)
	}
	checked := dashboard.Checked{Token: store.HostawayToken(token)}
	if count.IsComplete() {
		checked.ListingCount, checked.CountedAt = new(len(count.ActiveIDs)), countedAt
	}
	return checked, nil
}

// checkProblem puts a failed check into words for the member.
func (u *upstream) checkProblem(ctx context.Context, accountID int64, err error) error {
	kind, message := dashboard.CheckOddAnswer, "Hostaway answered in a way that we did not expect. Try again in a minute; if it stays like this, ask whoever runs this server."
	var cause *hostaway.Error
	if errors.As(err, &cause) {
		if words, ok := checkWords()[cause.Code]; ok {
			kind, message = words.Kind, words.Message
		}
	}
	u.log.WarnContext(ctx, "connecting to Hostaway failed", "account", accountID, "kind", string(kind), "error", err)
	return &dashboard.CheckError{Kind: kind, Message: message}
}

func checkWords() map[hostaway.Code]dashboard.CheckError {
	unreachable := dashboard.CheckError{
		Kind:    dashboard.CheckUnreachable,
		Message: "Hostaway could not be reached. Nothing was saved; try again in a minute.",
	}
	return map[hostaway.Code]dashboard.CheckError{
		hostaway.CredentialsRefused: {
			Kind:    dashboard.CheckRefused,
			Message: "Hostaway did not accept this account id and secret. Copy both again from Hostaway's API keys page; the secret is shown only when the key is made.",
		},
		hostaway.RateLimited: {
			Kind:    dashboard.CheckRateLimited,
			Message: "Hostaway takes no more calls from us for the moment. Nothing was saved; try again in a minute.",
		},
		hostaway.Unavailable: unreachable,
		hostaway.TimedOut:    unreachable,
		hostaway.Unreachable: unreachable,
	}
}

// heldToken keeps the token of one check in memory.
type heldToken struct {
	mu    sync.Mutex
	token hostaway.Token
}

// Load returns the token held.
func (h *heldToken) Load(context.Context) (hostaway.Token, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.token, nil
}

// Save holds the token.
func (h *heldToken) Save(_ context.Context, token hostaway.Token) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.token = token
	return nil
}
