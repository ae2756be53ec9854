package hostaway

// send.go: one call to Hostaway: the token, the turn, the HTTP exchange, and what may be done again
// (the rules are those that the API's lack of idempotency keys leaves).

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	maxAttempts = 4
	maxBody     = 32 << 20
	firstPause  = 500 * time.Millisecond
	longPause   = 8 * time.Second
	slowFactor  = 4 // reports may take this many times longer
)

// answer is a successful answer.
type answer struct {
	status   int
	header   http.Header
	body     []byte
	envelope envelope // zero for a plain answer
}

// failure is what one attempt ended with.
type failure struct {
	err     *Error
	denied  bool // the token was denied, nothing else is known to be wrong
	unsent  bool // the request never reached Hostaway
	limited bool // Hostaway's rate limit said no
}

// send makes a call and repeats it where that is safe: calls that do no harm twice after a rate limit, a fault of Hostaway's or a
// network error; changes (PUT, DELETE) after a rate limit or when no connection was made; other POSTs after a rate limit only. A
// denied token is replaced once.
func (c *Client) send(ctx context.Context, what call) (answer, error) {
	var until time.Time
	if c.priority == interactive {
		until = time.Now().Add(c.cfg.MaxWait)
	}
	renewed := false
	for attempt := 1; ; attempt++ {
		token, err := c.authorize(ctx, what)
		if err != nil {
			return answer{}, err
		}
		ans, fail, err := c.exchange(ctx, what, token, until)
		switch {
		case err != nil:
			return answer{}, err
		case fail == nil:
			return ans, nil
		case ctx.Err() != nil:
			return answer{}, contextError(ctx)
		case fail.denied && !renewed && !what.bare:
			renewed = true
			c.tokens.reject(token)
			continue
		case !fail.again(what) || attempt >= maxAttempts:
			return answer{}, fail.err
		}
		if !fail.limited { // after a 429 the closed budget does the waiting
			resume := time.Now().Add(backoff(attempt))
			if !until.IsZero() && resume.After(until) {
				return answer{}, fail.err
			}
			if err := sleepUntil(ctx, resume); err != nil {
				return answer{}, err
			}
		}
	}
}

// again tells whether the call may be repeated after this failure.
func (f *failure) again(what call) bool {
	switch {
	case f.limited:
		return true
	case what.repeatable:
		return f.err.Code == Unavailable || f.err.Code == Unreachable || f.err.Code == TimedOut
	case what.method == http.MethodPut || what.method == http.MethodDelete:
		return f.unsent
	}
	return false
}

// backoff gives a pause that doubles with each attempt, of which the second half is by chance, so that callers spread.
func backoff(attempt int) time.Duration {
	pause := min(longPause, firstPause<<(attempt-1))
	return pause/2 + rand.N(pause/2+1)
}

func (c *Client) authorize(ctx context.Context, what call) (Token, error) {
	if what.bare {
		return Token{}, nil
	}
	return c.tokens.token(ctx, c.counter)
}

// exchange waits for its turn and makes one HTTP request. err is an end for good; fail is an attempt that may be repeated.
func (c *Client) exchange(ctx context.Context, what call, token Token, until time.Time) (ans answer, fail *failure, err error) {
	ctx, seen := c.observe(ctx, what)
	defer func() { seen.end(ans, fail, err) }()
	turn, err := c.cfg.Budget.acquire(ctx, c.line(what), c.priority, until)
	seen.turn()
	if err != nil {
		return answer{}, nil, err
	}
	defer turn.done()
	c.counter.add()
	timeout := c.cfg.Timeout
	if what.slow {
		timeout *= slowFactor
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := c.request(ctx, what, token)
	if err != nil {
		return answer{}, nil, err
	}
	start := time.Now()
	ans, fail = c.roundTrip(request)
	seen.answered(time.Since(start))
	c.cfg.Log.DebugContext(ctx, "hostaway call", "method", what.method, "path", what.path, "status", ans.status, "took", time.Since(start))
	if fail != nil {
		return ans, fail, nil
	}
	fail = judge(&ans, what, c.secrets(token)...)
	if fail != nil && fail.limited {
		c.shrink(turn, ans, fail)
	}
	return ans, fail, nil
}

// line is where a call queues up: with the account's others, or with its asker's.
func (c *Client) line(what call) lineKey {
	key := lineKey{account: c.cfg.Credentials.AccountID, gate: gateFor(what.method, what.path)}
	if c.cfg.Asker != "" {
		key.account, key.asker = 0, c.cfg.Asker
	}
	return key
}

func (c *Client) request(ctx context.Context, what call, token Token) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, what.method, what.url(c.cfg.BaseURL), bytes.NewReader(what.body))
	if err != nil {
		return nil, badInput("Hostaway's address can't be used: check the base URL")
	}
	request.Header.Set("Accept", "application/json")
	if what.contentType != "" {
		request.Header.Set("Content-Type", what.contentType)
	}
	if !token.Value.IsZero() {
		request.Header.Set("Authorization", "Bearer "+token.Value.Reveal())
	}
	return request, nil
}

// roundTrip sends a request and reads the bounded answer.
func (c *Client) roundTrip(request *http.Request) (answer, *failure) {
	response, err := c.http.Do(request)
	if err != nil {
		return answer{}, networkFailure(err)
	}
	defer func() { _ = response.Body.Close() }() // all that is wanted was read, or the reading failed
	ans := answer{status: response.StatusCode, header: response.Header}
	ans.body, err = io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if err != nil {
		return ans, networkFailure(err)
	}
	if len(ans.body) > maxBody {
		return ans, &failure{err: &Error{Status: ans.status, Code: BadAnswer, Message: "Hostaway's answer is larger than 32 MiB"}}
	}
	return ans, nil
}

// networkFailure tells a time-out from a broken connection. The address is taken out of the error, for its query string.
func networkFailure(err error) *failure {
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	dial, ok := errors.AsType[*net.OpError](err)
	f := &failure{unsent: ok && dial.Op == "dial"}
	f.err = &Error{Code: Unreachable, Message: "the connection to Hostaway failed", cause: err}
	timeout, ok := errors.AsType[net.Error](err)
	if errors.Is(err, context.DeadlineExceeded) || ok && timeout.Timeout() {
		f.err = &Error{Code: TimedOut, Message: "Hostaway did not answer in time", cause: err}
	}
	return f
}

// shrink takes in a 429: X-RateLimit-Retry-After is a Unix time in seconds, not a delay (Hostaway docs, Rate limits, 2026-08).
func (c *Client) shrink(turn *slot, ans answer, fail *failure) {
	now := c.cfg.Now()
	retry := now.Add(backoff(1))
	if seconds, err := strconv.ParseInt(ans.header.Get("X-RateLimit-Retry-After"), 10, 64); err == nil {
		retry = latest(retry, time.Unix(seconds, 0))
	} else if seconds, err := strconv.Atoi(ans.header.Get("Retry-After")); err == nil && seconds > 0 {
		retry = now.Add(time.Duration(seconds) * time.Second)
	}
	limit, _ := strconv.Atoi(ans.header.Get("X-RateLimit-Limit"))
	turn.limited(ans.header.Get("X-RateLimit-Applied"), limit, retry)
	fail.err.RetryAfter = retry
}

func (c *Client) secrets(token Token) []string {
	return []string{token.Value.Reveal(), c.cfg.Credentials.Secret.Reveal()}
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// sleepUntil waits for a moment of the monotonic clock, or for the end of the context.
func sleepUntil(ctx context.Context, moment time.Time) error {
	pause := time.Until(moment)
	if pause <= 0 {
		return nil
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return contextError(ctx)
	}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
