package hostawaytest

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// clock is a clock that tests move by hand.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time          { return testStart.Add(time.Duration(c.offset.Load())) }
func (c *clock) advance(d time.Duration) { c.offset.Add(int64(d)) }

func withClock(c *clock) func(*Options, *Account) {
	return func(o *Options, _ *Account) { o.Now = c.now }
}

func TestTokenIsBareAndLooksLikeAJWT(t *testing.T) {
	t.Parallel()
	k := newKit(t, func(o *Options, _ *Account) { o.ExpiresIn = 15897600 * time.Second })
	a := k.tokenAnswer(101, "s3cret")
	var got struct {
		Type    string `json:"token_type"`
		Expires int64  `json:"expires_in"`
		Token   string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.code != 200 {
		t.Fatalf("%d %s: %v", a.code, a.body, err)
	}
	if a.Status != "" || got.Type != "Bearer" || got.Expires != 15897600 {
		t.Errorf("want a bare token answer, got %s", a.body)
	}
	parts := strings.Split(got.Token, ".")
	if len(parts) != 3 {
		t.Fatalf("token has %d parts", len(parts))
	}
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || !strings.Contains(string(claims), `"aud":"101"`) {
		t.Errorf("claims %s: %v", claims, err)
	}
}

func TestTokenAnswerCanBeWrapped(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.server.SetWrapToken(true)
	wrapped := result[struct {
		Token string `json:"access_token"`
	}](k, k.tokenAnswer(101, "s3cret"))
	if a := k.send("GET", "/listings?limit=1", nil, "", wrapped.Token); a.Status != "success" {
		t.Errorf("wrapped token: %d %s", a.code, a.body)
	}
}

func TestTokenRefusals(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	form := func(pairs ...string) string {
		v := url.Values{"grant_type": {"client_credentials"}, "client_id": {"101"}, "client_secret": {"s3cret"}, "scope": {"general"}}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v.Encode()
	}
	const urlencoded = "application/x-www-form-urlencoded"
	for name, c := range map[string]struct {
		body, contentType string
		code              int
		oauth             string
	}{
		"bad secret":      {form("client_secret", "nope"), urlencoded, 401, "invalid_client"},
		"unknown account": {form("client_id", "999"), urlencoded, 401, "invalid_client"},
		"no number":       {form("client_id", "abc"), urlencoded, 401, "invalid_client"},
		"bad grant":       {form("grant_type", "password"), urlencoded, 400, "unsupported_grant_type"},
		"bad scope":       {form("scope", "admin"), urlencoded, 400, "invalid_scope"},
		"JSON body":       {`{"grant_type":"client_credentials","client_id":101,"client_secret":"s3cret","scope":"general"}`, "application/json", 400, "unsupported_grant_type"},
	} {
		t.Run(name, func(t *testing.T) {
			a := k.send("POST", "/accessTokens", strings.NewReader(c.body), c.contentType, "")
			var got struct {
				Error       string `json:"error"`
				Description string `json:"error_description"`
				Message     string `json:"message"`
			}
			if err := json.Unmarshal([]byte(a.body), &got); err != nil {
				t.Fatal(err)
			}
			if a.code != c.code || got.Error != c.oauth || got.Description == "" || got.Message == "" || a.Status != "" {
				t.Errorf("want %d %s in OAuth's shape, got %d %s", c.code, c.oauth, a.code, a.body)
			}
		})
	}
}

func TestTokenWorksOnlyAfterTheActivationSecondAndUntilItExpires(t *testing.T) {
	t.Parallel()
	c := &clock{}
	k := newKit(t, withClock(c), func(o *Options, _ *Account) { o.ActivationDelay, o.ExpiresIn = 0, time.Hour })
	for _, step := range []struct {
		after time.Duration
		code  int
	}{{0, 403}, {999 * time.Millisecond, 403}, {time.Second, 200}, {time.Hour - time.Second, 200}, {time.Hour, 403}} {
		c.offset.Store(int64(step.after))
		a := k.call("GET", "/listings?limit=1", nil)
		if a.code != step.code {
			t.Errorf("after %v: %d, want %d", step.after, a.code, step.code)
		}
	}
	c.offset.Store(0)
	k.server.SetActivationDelay(5 * time.Second)
	k.server.SetExpiresIn(time.Minute)
	k.token = k.fetchToken(101, "s3cret")
	c.advance(2 * time.Second)
	wantFail(t, k.call("GET", "/listings", nil), 403, denial)
	c.advance(4 * time.Second)
	if a := k.call("GET", "/listings?limit=1", nil); a.code != 200 {
		t.Errorf("after the longer delay: %d", a.code)
	}
}

func TestBadTokensGetTheOAuthSentenceOnEveryRoute(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	for pattern := range routes {
		method, path, _ := strings.Cut(pattern, " ")
		path = strings.NewReplacer("/v1", "", "{id}", "1", "{field}", "1", "{message}", "1", "{kind}", "standard").Replace(path)
		if strings.HasPrefix(path, "/dictionary") {
			path = "/" + path
		}
		for _, token := range []string{"", "garbage", k.token + "x"} {
			wantFail(t, k.send(method, path, nil, "", token), 403, denial)
		}
	}
	wantFail(t, k.send("GET", "/no/such/route", nil, "", ""), 403, denial)
}

func TestRevokedTokens(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	second, third := k.fetchToken(101, "s3cret"), k.fetchToken(101, "s3cret")
	if a := k.call("DELETE", "/accessTokens?token="+second, nil); a.code != 200 || string(a.Result) != "[]" {
		t.Fatalf("revoke: %d %s", a.code, a.body)
	}
	wantFail(t, k.send("GET", "/listings", nil, "", second), 403, denial)
	if a := k.send("GET", "/listings?limit=1", nil, "", third); a.code != 200 {
		t.Errorf("the other token died too: %d", a.code)
	}
	wantFail(t, k.send("DELETE", "/accessTokens?token="+third, nil, "", "bad"), 403, denial)
	wantFail(t, k.call("PUT", "/accessTokens", nil), 404, "Resource not found")

	k.account.RevokeTokens()
	wantFail(t, k.send("GET", "/listings", nil, "", third), 403, denial)
	k.account.SetSecret("other")
	if a := k.tokenAnswer(101, "s3cret"); a.code != 401 {
		t.Errorf("old secret: %d", a.code)
	}
	k.token = k.fetchToken(101, "other")
	get[[]row](k, "/listings?limit=1")
}
