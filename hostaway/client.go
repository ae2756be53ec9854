package hostaway

// client.go: the client of one Hostaway account, and how its calls are made up.

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"hostaway-mcp/secret"
)

// DefaultBaseURL is the only host of the Hostaway Public API; there is no sandbox (Hostaway docs, Introduction).
const DefaultBaseURL = "https://api.hostaway.com/v1"

// Credentials are an account's id and the secret of an API key made in Hostaway's dashboard.
type Credentials struct {
	AccountID int64
	Secret    secret.Text
}

// Config makes a Client. Only Credentials are required.
type Config struct {
	// BaseURL ends in the version, without a slash; default DefaultBaseURL.
	BaseURL     string
	Credentials Credentials
	// Tokens keeps the access token between runs; nil keeps it in memory alone.
	Tokens TokenStore
	// Budget is shared by all clients of the process; nil makes one of its own with the default limits.
	Budget *Budget
	// Asker, if set, names who tries credentials that nobody has proven yet. The calls then queue up, and meet the limit of an
	// account, by asker: to claim an account must not hold up the calls of its owner.
	Asker string
	// HTTP makes the calls; default a client of its own. Redirects are never followed.
	HTTP *http.Client
	// Now is the clock for tokens and retry times; default time.Now.
	Now func() time.Time
	// Log gets one debug line a call (method, path, status, duration); default none.
	Log *slog.Logger
	// ActivationWait is the age that a token must have before its first use; 0 means the documented second, less than 0 none.
	ActivationWait time.Duration
	// MaxWait bounds the waiting of one interactive call for its turn and between repetitions; default 30 s. Calls of a
	// Background client wait as long as their context allows.
	MaxWait time.Duration
	// Timeout bounds one HTTP exchange; default 30 s, and four times as much for reports.
	Timeout time.Duration
	// Refused, if set, is told when Hostaway does not accept the credentials.
	Refused func(ctx context.Context, err *Error)
	// Accepted, if set, is told when Hostaway gave a new token, after it was kept.
	Accepted func(ctx context.Context)
	// Observe, if set, is told of every HTTP exchange. See [Observe].
	Observe Observe
}

// Client speaks to Hostaway for one account. It is safe for concurrent use. Make one for each connection and keep it: it holds the
// account's token, so that many callers share one fetch of it.
type Client struct {
	cfg      Config
	http     *http.Client
	tokens   *tokenKeeper
	counter  *Counter
	priority priority
}

// NewClient makes the client of an account. Nothing is sent before the first call.
func NewClient(cfg Config) *Client {
	if cfg.BaseURL == "" {
		cfg.BaseURL = DefaultBaseURL
	}
	cfg.BaseURL = strings.TrimRight(cfg.BaseURL, "/")
	if cfg.Budget == nil {
		cfg.Budget = NewBudget(BudgetConfig{Now: cfg.Now})
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.MaxWait <= 0 {
		cfg.MaxWait = 30 * time.Second
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 30 * time.Second
	}
	c := &Client{cfg: cfg, http: withoutRedirects(cfg.HTTP)}
	c.tokens = newTokenKeeper(cfg, c.requestToken)
	return c
}

// withoutRedirects copies a client so that it hands redirects back: a token must not travel to another place.
func withoutRedirects(base *http.Client) *http.Client {
	var copied http.Client
	if base != nil {
		copied = *base
	}
	copied.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &copied
}

// AccountID gives the id of the client's Hostaway account.
func (c *Client) AccountID() int64 { return c.cfg.Credentials.AccountID }

// Background gives a client of the same account whose calls let interactive ones go first and wait as long as it takes.
func (c *Client) Background() *Client {
	other := *c
	other.priority = background
	return &other
}

// WithCounter gives a client of the same account that counts its calls in counter.
func (c *Client) WithCounter(counter *Counter) *Client {
	other := *c
	other.counter = counter
	return &other
}

// Check fetches a fresh token, keeps it, and returns it: it proves that Hostaway accepts the credentials. The token works after
// the activation time, which later calls wait for by themselves.
func (c *Client) Check(ctx context.Context) (Token, error) {
	token, err := c.tokens.renew(ctx, c.counter)
	return token, doing("check the credentials", err)
}

// Counter counts the HTTP calls made to Hostaway, repetitions and token fetches included. The zero Counter is ready to use.
type Counter struct{ calls atomic.Int64 }

// Calls gives the number of calls so far.
func (c *Counter) Calls() int { return int(c.calls.Load()) }

func (c *Counter) add() {
	if c != nil {
		c.calls.Add(1)
	}
}

// call is one thing asked of Hostaway, which may take several HTTP requests.
type call struct {
	op          string // what is being done, for errors
	method      string
	path        string
	query       query
	body        []byte
	contentType string
	bare        bool // sent without a token
	repeatable  bool // doing it twice does no harm
	slow        bool // answers may take minutes
	plain       bool // the answer may be something else than an envelope
}

func get(op, path string) call {
	return call{op: op, method: http.MethodGet, path: path, query: newQuery(), repeatable: true}
}

func (c call) url(base string) string {
	address := base + c.path
	if encoded := c.query.values.Encode(); encoded != "" {
		address += "?" + encoded
	}
	return address
}

// get sends a call and opens the envelope of its answer. All errors name the operation.
func (c *Client) get(ctx context.Context, what call) (envelope, error) {
	ans, err := c.send(ctx, what)
	if err != nil {
		return envelope{}, doing(what.op, err)
	}
	return ans.envelope, nil
}

// decodeList reads the rows of an answer with a fresh reader, and notes unreadable fields in the log by name.
func decodeList[T any](ctx context.Context, c *Client, op string, env envelope, reader *rowReader) ([]T, error) {
	rows, err := decodeRows[T](reader, env.result)
	c.noteUnreadable(ctx, op, reader)
	return rows, err
}

// fetchOne gets a single object.
func fetchOne[T any](ctx context.Context, c *Client, what call) (T, error) {
	env, err := c.get(ctx, what)
	if err != nil {
		var none T
		return none, err
	}
	reader := newRowReader()
	row, err := decodeOne[T](reader, env.result)
	c.noteUnreadable(ctx, what.op, reader)
	return row, doing(what.op, err)
}

// fetchAll gets a list that has no pages.
func fetchAll[T any](ctx context.Context, c *Client, what call) ([]T, error) {
	env, err := c.get(ctx, what)
	if err != nil {
		return nil, err
	}
	rows, err := decodeList[T](ctx, c, what.op, env, newRowReader())
	return rows, doing(what.op, err)
}

func (c *Client) noteUnreadable(ctx context.Context, op string, reader *rowReader) {
	for field, times := range reader.unreadable {
		c.cfg.Log.DebugContext(ctx, "hostaway field could not be read", "op", op, "field", field, "rows", times)
	}
}

// requestToken asks Hostaway for a new token (Hostaway docs, Authentication). The call is repeatable: several tokens may be alive.
func (c *Client) requestToken(ctx context.Context, counter *Counter) (Token, error) {
	form := url.Values{
		"grant_type":    {"client_credentials"},
		"client_id":     {itoa(c.cfg.Credentials.AccountID)},
		"client_secret": {c.cfg.Credentials.Secret.Reveal()},
		"scope":         {"general"},
	}
	asking := *c
	asking.priority, asking.counter = interactive, counter
	ans, err := asking.send(ctx, call{
		op: "get an access token", method: http.MethodPost, path: "/accessTokens", query: newQuery(),
		body: []byte(form.Encode()), contentType: "application/x-www-form-urlencoded", bare: true, repeatable: true, plain: true,
	})
	if err != nil {
		return Token{}, credentialsError(err)
	}
	return readToken(ans.body, c.cfg.Now())
}
