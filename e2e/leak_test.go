package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// forms are the ways in which a secret can stand in a text: as it is, in
// base64 (which looks different at each of three offsets), in hex, and escaped
// for URLs, JSON and HTML.
func forms(secret string) map[string]string {
	all := map[string]string{
		"plain":      secret,
		"hex":        hex.EncodeToString([]byte(secret)),
		"URL query":  url.QueryEscape(secret),
		"URL path":   url.PathEscape(secret),
		"HTML":       html.EscapeString(secret),
		"JSON":       jsonText(secret, true),
		"plain JSON": jsonText(secret, false),
		"Go":         strings.Trim(strconv.Quote(secret), `"`),
	}
	for offset := range 3 {
		// Only the characters that the neighbours can't change.
		padded := append(make([]byte, offset), secret...)
		from, to := (offset*8+5)/6, len(padded)*8/6
		all[fmt.Sprintf("base64 at %d", offset)] = base64.RawStdEncoding.EncodeToString(padded)[from:to]
		all[fmt.Sprintf("URL base64 at %d", offset)] = base64.RawURLEncoding.EncodeToString(padded)[from:to]
	}
	return all
}

func jsonText(s string, escapeHTML bool) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(escapeHTML)
	_ = encoder.Encode(s) // a string always encodes
	return strings.Trim(strings.TrimSpace(b.String()), `"`)
}

// findLeaks names every place of the corpus that shows a secret in any form.
func (c *corpus) findLeaks(secrets map[string]string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var leaks []string
	for name, secret := range secrets {
		for form, text := range forms(secret) {
			for where, body := range c.texts {
				if bytes.Contains(body, []byte(text)) {
					leaks = append(leaks, fmt.Sprintf("%s shows the %s (%s)", where, name, form))
				}
			}
		}
	}
	slices.Sort(leaks)
	return leaks
}

// The search finds each form of a secret, wherever it stands.
func TestTheSearchFindsPlantedLeaks(t *testing.T) {
	t.Parallel()
	const secret = `s3cr&t "with" <odd>/+ signs\é`
	if leaks := (&corpus{texts: map[string][]byte{"a": []byte("nothing here")}}).findLeaks(map[string]string{"x": secret}); len(leaks) > 0 {
		t.Errorf("found in nothing: %v", leaks)
	}
	plants := []string{
		"user " + secret + ".", hex.EncodeToString([]byte("ab" + secret)), "?q=" + url.QueryEscape(secret), "/" + url.PathEscape(secret),
		"<p>" + html.EscapeString(secret), string(mustJSON(t, map[string]string{"a": secret})), fmt.Sprintf("%q", secret),
	}
	for offset := range 3 {
		around := strings.Repeat("z", offset) + secret + "tail"
		plants = append(plants, base64.StdEncoding.EncodeToString([]byte(around)), base64.RawURLEncoding.EncodeToString([]byte(around)))
	}
	for _, plant := range plants {
		c := &corpus{texts: map[string][]byte{"here": []byte(plant)}}
		if leaks := c.findLeaks(map[string]string{"secret": secret}); len(leaks) == 0 {
			t.Errorf("not found in %s", plant)
		}
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	must(t, err)
	return text
}

// tokenTap remembers the access tokens that Hostaway gives out.
type tokenTap struct {
	mu     sync.Mutex
	tokens []string
}

func (tap *tokenTap) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		var token struct {
			Value string `json:"access_token"`
		}
		if json.Unmarshal(answer.Body.Bytes(), &token) == nil && token.Value != "" {
			tap.mu.Lock()
			tap.tokens = append(tap.tokens, token.Value)
			tap.mu.Unlock()
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = io.Copy(w, answer.Body)
	})
}

// After everything a person and an assistant do, with the log at its most
// talkative, no secret stands anywhere but where it was shown on purpose.
func TestNoSecretEverShows(t *testing.T) {
	t.Parallel()
	tap, heard := &tokenTap{}, &corpus{}
	s := newServer(t, newUpstream(t, tap.around), "HMCP_LOG_LEVEL=debug").run(t)
	secrets := journeyWithSecrets(t, s, heard)
	tap.mu.Lock()
	for i, token := range tap.tokens {
		secrets[fmt.Sprintf("access token %d", i+1)] = token
	}
	tap.mu.Unlock()
	if len(tap.tokens) == 0 {
		t.Fatal("Hostaway gave no token out")
	}
	gather(t, s, heard, "while running")
	for _, leak := range heard.findLeaks(secrets) {
		t.Error(leak)
	}

	// Now plant one: a key whose name is a secret shows on pages and in the database.
	v := newVisitor(t, s.base)
	v.heard = heard
	v.submit(v.get("/login"), "/login", map[string]string{"email": owner().email, "password": secrets["password"]})
	v.createKey(secrets["API key"][5:35])
	v.get("/keys")
	s.stop()
	gather(t, s, heard, "at the end")
	planted := map[string]string{"planted secret": secrets["API key"][5:35]}
	found := strings.Join(heard.findLeaks(planted), "\n")
	for _, where := range []string{"page /keys", "file hostaway-mcp.db"} {
		if !strings.Contains(found, where) {
			t.Errorf("the leak planted in %s is not found; found:\n%s", where, found)
		}
	}
	delete(secrets, "API key") // its name is the plant
	for _, leak := range heard.findLeaks(secrets) {
		t.Error(leak)
	}
}

// journeyWithSecrets does all that involves a secret, and returns them.
func journeyWithSecrets(t *testing.T, s *server, heard *corpus) map[string]string {
	t.Helper()
	v := newVisitor(t, s.base)
	v.heard = heard
	me := owner()
	me.password = `pass "word" & <more>/+ 9é`
	link := s.setUpLink()
	v.quiet = true // the form carries the link back to us
	v.signUp(link, me)
	v.quiet = false
	v.connect(strconv.Itoa(firstAccount), "a wrong secret of somebody 77")
	connected(t, v.connect(strconv.Itoa(firstAccount), firstSecret))
	key := v.createKey("journey")
	client := newAssistant(s.base, key)
	client.heard = heard
	for _, q := range questions(t, client) {
		client.must(t, q[0], q[1])
	}
	failures(t, client)
	for _, path := range []string{"/", "/keys", "/usage", "/connection", "/connection/secret", "/api/api-keys", "/api/usage", "/api/openapi.json", "/nothing", "/reset/nothing", "/setup?link=nothing"} {
		v.get(path)
	}
	v.submit(v.get("/connection"), "/connection/test", nil)
	newVisitorWrongPassword(t, s.base, heard, me)
	base, err := url.Parse(s.base)
	must(t, err)
	secrets := map[string]string{
		"Hostaway secret": firstSecret, "refused secret": "a wrong secret of somebody 77", "password": me.password, "API key": key,
		"wrong password": "wrong " + me.password, "set-up link": link[strings.Index(link, "link=")+5:],
	}
	for _, cookie := range v.http.Jar.Cookies(base) {
		if len(cookie.Value) >= 20 {
			secrets["cookie "+cookie.Name] = cookie.Value
		}
	}
	secrets["master key"] = s.masterKey(t)
	raw, err := base64.StdEncoding.DecodeString(secrets["master key"])
	must(t, err)
	secrets["master key's bytes"] = string(raw)
	return secrets
}

// masterKey is the text of the key, from where this server has it.
func (s *server) masterKey(t *testing.T) string {
	t.Helper()
	for _, line := range s.env {
		if key, ok := strings.CutPrefix(line, "HMCP_MASTER_KEY="); ok {
			return key
		}
	}
	text, err := os.ReadFile(filepath.Join(s.data, "master.key"))
	must(t, err)
	return strings.TrimSpace(string(text))
}

// failures collects what is said when things go wrong.
func failures(t *testing.T, client *assistant) {
	t.Helper()
	for _, q := range [][2]string{
		{"hostaway_list_properties", `{"nonsense":1}`},
		{"hostaway_get_property_details", `{"listing_id":999999999}`},
		{"hostaway_no_such_tool", `{}`},
		{"hostaway_search_bookings", `[]`},
	} {
		if _, err := client.call(t.Context(), q[0], q[1]); err != nil {
			t.Error(err)
		}
	}
	stranger := *client
	stranger.key = client.key + "x"
	if answer, err := stranger.call(t.Context(), "hostaway_whoami", `{}`); err != nil || answer.status != http.StatusUnauthorized {
		t.Errorf("a stranger's key: %d %v", answer.status, err)
	}
}

func newVisitorWrongPassword(t *testing.T, base string, heard *corpus, me person) {
	t.Helper()
	v := newVisitor(t, base)
	v.heard = heard
	landed := v.submit(v.get("/login"), "/login", map[string]string{"email": me.email, "password": "wrong " + me.password})
	if landed.path != "/login" {
		t.Errorf("a wrong password landed on %s", landed.path)
	}
}

// gather adds the log and the files of the data folder to what was heard; the
// master key's own file is where it belongs.
func gather(t *testing.T, s *server, heard *corpus, when string) {
	t.Helper()
	heard.add("log "+when, []byte(s.errOut.String()))
	must(t, filepath.WalkDir(s.data, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || entry.Name() == "master.key" {
			return err
		}
		text, err := os.ReadFile(path)
		if os.IsNotExist(err) { // a file of the moment
			return nil
		}
		name, _ := filepath.Rel(s.data, path)
		heard.add("file "+name+" "+when, text)
		return err
	}))
}
