// The tests' own small client: a token, then calls with their envelopes decoded.
package hostawaytest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

const testToday = "2026-03-10"

var testStart = time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)

// kit is a server with one rich account and a usable token.
type kit struct {
	t       *testing.T
	server  *Server
	account *Account
	token   string
}

func newKit(t *testing.T, change ...func(*Options, *Account)) *kit {
	t.Helper()
	o := Options{ActivationDelay: -1, Now: func() time.Time { return testStart }}
	a := Account{ID: 101, Secret: "s3cret", Seed: 1, Today: testToday}
	for _, with := range change {
		with(&o, &a)
	}
	k := &kit{t: t, server: Start(o)}
	t.Cleanup(k.server.Close)
	k.account = k.server.AddAccount(a)
	k.token = k.fetchToken(a.ID, a.Secret)
	return k
}

// answer is one HTTP answer with its envelope.
type answer struct {
	code   int
	header http.Header
	body   string

	Status     string
	Result     json.RawMessage
	Message    string
	Limit      *int
	Offset     *int
	Count      any
	Page       *int
	TotalPages *int
}

func (k *kit) fetchToken(id int64, secret string) string {
	k.t.Helper()
	a := k.tokenAnswer(id, secret)
	var got struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || got.Token == "" {
		k.t.Fatalf("no token in %d %s", a.code, a.body)
	}
	return got.Token
}

func (k *kit) tokenAnswer(id int64, secret string) answer {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {jsonText(id)}, "client_secret": {secret}, "scope": {"general"}}
	return k.send("POST", "/accessTokens", strings.NewReader(form.Encode()), "application/x-www-form-urlencoded", "")
}

func jsonText(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func (k *kit) send(method, path string, body io.Reader, contentType, token string) answer {
	k.t.Helper()
	a, err := k.try(method, path, body, contentType, token)
	if err != nil {
		k.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

func (k *kit) try(method, path string, body io.Reader, contentType, token string) (answer, error) {
	target := k.server.URL() + path
	if strings.HasPrefix(path, "//") { // outside /v1
		target = strings.TrimSuffix(k.server.URL(), "/v1") + path[1:]
	}
	r, err := http.NewRequestWithContext(k.t.Context(), method, target, body)
	if err != nil {
		return answer{}, err
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	a := answer{code: res.StatusCode, header: res.Header, body: string(text)}
	_ = json.Unmarshal(text, &a) // CSV and HTML answers have no envelope
	return a, err
}

func (k *kit) call(method, path string, body any) answer {
	k.t.Helper()
	if body == nil {
		return k.send(method, path, nil, "", k.token)
	}
	return k.send(method, path, strings.NewReader(jsonText(body)), "application/json", k.token)
}

// get reads a path and decodes its result; anything but success ends the test.
func get[T any](k *kit, path string) T {
	k.t.Helper()
	return result[T](k, k.call("GET", path, nil))
}

func result[T any](k *kit, a answer) T {
	k.t.Helper()
	var out T
	if a.Status != "success" {
		k.t.Fatalf("want success, got %d %s", a.code, a.body)
	}
	if err := json.Unmarshal(a.Result, &out); err != nil {
		k.t.Fatalf("result is not %T: %v in %.300s", out, err, a.Result)
	}
	return out
}

type row = map[string]any

func id(r row, key string) int64 { return int64(r[key].(float64)) }

func wantFail(t *testing.T, a answer, code int, text string) {
	t.Helper()
	if a.code != code || a.Status != "fail" || !strings.Contains(a.Message+string(a.Result), text) {
		t.Errorf("want %d fail with %q, got %d %.400s", code, text, a.code, a.body)
	}
}
