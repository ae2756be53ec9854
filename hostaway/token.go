package hostaway

// token.go: the access token of an account: fetched once for all callers, kept, waited for, renewed
// (Hostaway docs, Authentication, 2026-10).

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"hostaway-mcp/secret"
)

// Token is an access token. The zero Token is none.
type Token struct {
	Value     secret.Text
	IssuedAt  time.Time
	ExpiresAt time.Time
}

// TokenStore keeps the token of one account between runs.
type TokenStore interface {
	// Load gives the token that was saved last, or the zero Token when there is none.
	Load(ctx context.Context) (Token, error)
	Save(ctx context.Context, token Token) error
}

const (
	activation       = time.Second // a token works only this long after its issue
	fetchTimeout     = time.Minute
	longestMargin    = 7 * 24 * time.Hour
	unknownLifetime  = 24 * time.Hour // for an answer without expires_in
	renewalPause     = time.Minute
	longestLifetime  = 10 * 365 * 24 * time.Hour
	marginOfLifetime = 10 // a tenth
)

// due tells whether a token should be replaced: in the last tenth of its life, and at most a week before its end.
func (t Token) due(now time.Time) bool {
	margin := min(t.ExpiresAt.Sub(t.IssuedAt)/marginOfLifetime, longestMargin)
	return !now.Before(t.ExpiresAt.Add(-margin))
}

func (t Token) alive(now time.Time) bool { return !t.Value.IsZero() && now.Before(t.ExpiresAt) }

// tokenKeeper holds the token of one account for all its clients.
type tokenKeeper struct {
	fetch    func(context.Context, *Counter) (Token, error)
	store    TokenStore
	wait     time.Duration
	now      func() time.Time
	log      *slog.Logger
	refused  func(context.Context, *Error)
	accepted func(context.Context)

	mu         sync.Mutex
	loaded     bool // the store was asked
	current    Token
	usableFrom time.Time // by the monotonic clock
	pauseUntil time.Time // after a failed renewal of a token that is still alive
	flight     *flight
}

// flight is one fetch that any number of callers wait for.
type flight struct {
	done    chan struct{}
	token   Token
	err     error
	forced  bool
	counter *Counter // of the caller who started it
}

func newTokenKeeper(cfg Config, fetch func(context.Context, *Counter) (Token, error)) *tokenKeeper {
	wait := cfg.ActivationWait
	if wait == 0 {
		wait = activation
	}
	return &tokenKeeper{
		fetch: fetch, store: cfg.Tokens, wait: max(0, wait), now: cfg.Now, log: cfg.Log,
		refused: cfg.Refused, accepted: cfg.Accepted, loaded: cfg.Tokens == nil,
	}
}

// token gives a token that can be used now, after waiting for its activation.
func (k *tokenKeeper) token(ctx context.Context, counter *Counter) (Token, error) {
	k.mu.Lock()
	now := k.now()
	ready := k.current.alive(now) && (!k.current.due(now) || time.Now().Before(k.pauseUntil))
	if ready {
		token, from := k.current, k.usableFrom
		k.mu.Unlock()
		return token, sleepUntil(ctx, from)
	}
	f := k.join(ctx, counter, false)
	k.mu.Unlock()
	if err := f.wait(ctx); err != nil {
		return Token{}, err
	}
	k.mu.Lock()
	from := k.usableFrom
	k.mu.Unlock()
	return f.token, sleepUntil(ctx, from)
}

// renew fetches a new token whatever there is.
func (k *tokenKeeper) renew(ctx context.Context, counter *Counter) (Token, error) {
	for {
		k.mu.Lock()
		f := k.join(ctx, counter, true)
		k.mu.Unlock()
		if err := f.wait(ctx); err != nil || f.forced {
			return f.token, err
		}
	}
}

// reject drops a token that Hostaway denied, unless it was replaced meanwhile.
func (k *tokenKeeper) reject(denied Token) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.current.Value.Reveal() == denied.Value.Reveal() {
		k.current = Token{}
	}
}

// join gives the fetch under way, or starts one. It lives on when the caller who started it goes away. The lock is held.
func (k *tokenKeeper) join(ctx context.Context, counter *Counter, forced bool) *flight {
	if k.flight != nil {
		return k.flight
	}
	f := &flight{done: make(chan struct{}), forced: forced, counter: counter}
	k.flight = f
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	go func() {
		defer cancel()
		k.fly(ctx, f)
	}()
	return f
}

func (f *flight) wait(ctx context.Context) error {
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return contextError(ctx)
	}
}

// fly loads or fetches the token and lands the flight.
func (k *tokenKeeper) fly(ctx context.Context, f *flight) {
	k.mu.Lock()
	loaded, old := k.loaded, k.current
	k.mu.Unlock()
	token := Token{}
	if !loaded && !f.forced {
		token = k.load(ctx)
	}
	fresh := !token.alive(k.now()) || token.due(k.now())
	if fresh {
		if token.alive(k.now()) {
			old = token
		}
		token, f.err = k.fetchAndSave(ctx, f.counter)
	}
	now := k.now()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.loaded = true
	k.flight = nil
	if f.err != nil && !f.forced && old.alive(now) && CodeOf(f.err) != CredentialsRefused {
		k.log.WarnContext(ctx, "hostaway token could not be renewed in advance", "error", f.err)
		token, f.err = old, nil
		k.pauseUntil = time.Now().Add(renewalPause)
	}
	if f.err == nil {
		k.current, f.token = token, token
		age := max(0, now.Sub(token.IssuedAt))
		k.usableFrom = time.Now().Add(max(0, k.wait-age))
	}
	close(f.done)
}

func (k *tokenKeeper) load(ctx context.Context) Token {
	token, err := k.store.Load(ctx)
	if err != nil {
		k.log.WarnContext(ctx, "kept hostaway token could not be loaded, getting a new one", "error", err)
		return Token{}
	}
	return token
}

func (k *tokenKeeper) fetchAndSave(ctx context.Context, counter *Counter) (Token, error) {
	token, err := k.fetch(ctx, counter)
	if err != nil {
		if e, ok := errors.AsType[*Error](err); ok && e.Code == CredentialsRefused && k.refused != nil {
			k.refused(ctx, e)
		}
		return Token{}, err
	}
	if k.store != nil {
		if err := k.store.Save(ctx, token); err != nil {
			k.log.WarnContext(ctx, "new hostaway token could not be kept", "error", err)
		}
	}
	if k.accepted != nil {
		k.accepted(ctx)
	}
	return token, nil
}

// readToken reads the answer of the token endpoint, which is not wrapped, though some have met it wrapped in {status, result}.
func readToken(body []byte, issuedAt time.Time) (Token, error) {
	o, ok := readObject(body)
	if inner, wrapped := readObject(o["result"]); ok && wrapped {
		o = inner
	}
	value, _ := readText(o["access_token"])
	if value == "" {
		return Token{}, badAnswer("Hostaway's answer holds no access token")
	}
	return Token{Value: secret.New(value), IssuedAt: issuedAt, ExpiresAt: issuedAt.Add(lifetime(o["expires_in"]))}, nil
}

// lifetime trusts expires_in, in seconds: the documentation names 6 and 24 months and shows 184 days.
func lifetime(raw json.RawMessage) time.Duration {
	seconds, s := readInt(raw)
	if s != isKnown || seconds <= 0 {
		return unknownLifetime
	}
	return time.Duration(min(seconds, int64(longestLifetime/time.Second))) * time.Second
}

// oauthRefusals are the OAuth errors that mean the account id or secret is wrong, not the moment.
var oauthRefusals = map[string]bool{
	"invalid_client": true, "invalid_grant": true, "unauthorized_client": true, "access_denied": true,
}

// credentialsError turns what the token endpoint said no with into CredentialsRefused.
func credentialsError(err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Code != Refused || e.Status != 401 && !e.oauthDenied {
		return err
	}
	refusal := *e
	refusal.Code = CredentialsRefused
	refusal.Message = "Hostaway does not accept the account id and API key secret"
	return &refusal
}
