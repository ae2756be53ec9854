package main

// state_house_seen_test.go is what is to be seen of that org from outside: by its owner, by an
// assistant and in its mail.

import (
	"errors"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"hostaway-mcp/store"
)

func (h *stateHouse) status() string {
	h.t.Helper()
	a, err := h.org.Org.Billing(h.ctx())
	if errors.Is(err, store.ErrNotFound) || a.Status == "" {
		return "none"
	}
	h.do(err)
	return a.Status
}

// browser is a signed-in owner's.
type browser struct {
	h       *stateHouse
	session string
}

func (h *stateHouse) signIn() browser {
	h.t.Helper()
	token, _, err := h.store.SignIn(h.ctx(), store.SignIn{Email: h.org.Email, Password: h.org.Password, IP: "127.0.0.1"})
	h.do(err)
	return browser{h, token.Reveal()}
}

func (b browser) do(method, path string, form url.Values) *httptest.ResponseRecorder {
	b.h.t.Helper()
	r := httptest.NewRequestWithContext(b.h.ctx(), method, "http://127.0.0.1:8080"+path, strings.NewReader(form.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.AddCookie(&http.Cookie{Name: "session", Value: b.session})
	w := httptest.NewRecorder()
	b.h.pages.ServeHTTP(w, r)
	return w
}

// form reads the hidden fields of the form on a page that goes to an address.
func (b browser) form(page, action string) url.Values {
	b.h.t.Helper()
	w := b.do(http.MethodGet, page, nil)
	_, form, found := strings.Cut(w.Body.String(), `action="`+action+`"`)
	form, _, whole := strings.Cut(form, "</form>")
	if w.Code != http.StatusOK || !found || !whole {
		b.h.t.Fatalf("%s is %d and has no form to %s", page, w.Code, action)
	}
	fields := url.Values{}
	for _, field := range regexp.MustCompile(`<input type="hidden" name="([a-z]+)" value="([^"]*)"`).FindAllStringSubmatch(form, -1) {
		fields.Set(field[1], html.UnescapeString(field[2]))
	}
	return fields
}

// planCard is the part of the billing page that says how the org stands, as its owner is sent it.
func (h *stateHouse) planCard() string {
	h.t.Helper()
	w := h.signIn().do(http.MethodGet, "/billing", nil)
	_, card, found := strings.Cut(w.Body.String(), `aria-labelledby="h-plan"`)
	card, _, whole := strings.Cut(card, "</section>")
	if w.Code != http.StatusOK || !found || !whole {
		h.t.Fatalf("the billing page is %d", w.Code)
	}
	return card
}

// seen is what the owner sees on the billing page: the chip, the sentence, the notes and
// what there is to press.
func (h *stateHouse) seen() string {
	h.t.Helper()
	card := h.planCard()
	chip := regexp.MustCompile(`class="chip [a-z]+">([^<]+)<`).FindStringSubmatch(card)
	lead := regexp.MustCompile(`(?s)<p class="lead">(.+?)</p>`).FindStringSubmatch(card)
	if chip == nil || lead == nil {
		h.t.Fatalf("no state on the billing page:\n%s", card)
	}
	parts := []string{"**" + withoutMarkup(chip[1]) + "** " + withoutMarkup(lead[1])}
	for _, note := range regexp.MustCompile(`(?s)<div class="note warn">.*?<span>(.+?)</span></div>`).FindAllStringSubmatch(card, -1) {
		parts = append(parts, withoutMarkup(note[1]))
	}
	var buttons []string
	for _, label := range []string{"Connect Hostaway", "Pay now", "Start subscription", "Subscribe again", "Resume", "Manage in Stripe", "Cancel…"} {
		if strings.Contains(card, label) {
			buttons = append(buttons, label)
		}
	}
	if len(buttons) > 0 {
		parts = append(parts, "["+strings.Join(buttons, "] [")+"]")
	}
	return strings.Join(parts, "<br>")
}

func withoutMarkup(markup string) string {
	text := regexp.MustCompile(`<[^>]*>`).ReplaceAllString(markup, "")
	return strings.Join(strings.Fields(strings.ReplaceAll(html.UnescapeString(text), "|", "/")), " ")
}

// answered says that a call was let through.
const answered = "answers"

// answered is what an assistant gets that calls a tool. Hostaway is away in this house,
// so a call that is let through says that it can't be reached.
func (h *stateHouse) answered() string {
	h.t.Helper()
	body := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"hostaway_list_properties","arguments":{}}}`
	r := httptest.NewRequestWithContext(h.ctx(), http.MethodPost, "http://127.0.0.1:8080/mcp", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Api-Key", h.org.APIKey.Reveal())
	w := httptest.NewRecorder()
	h.tools.ServeHTTP(w, r)
	text := regexp.MustCompile(`"text":"((?:[^"\\]|\\.)*)"`).FindStringSubmatch(w.Body.String())
	if w.Code != http.StatusOK || text == nil {
		h.t.Fatalf("the tool was answered %d: %s", w.Code, w.Body)
	}
	if strings.Contains(w.Body.String(), "unreachable") || strings.Contains(text[1], "reach") {
		return answered
	}
	return withoutMarkup(strings.ReplaceAll(text[1], `\n`, " "))
}

func (h *stateHouse) mails() string {
	h.t.Helper()
	due, err := h.store.DueMails(h.ctx(), h.stripe.Now().Add(time.Hour), 1000)
	h.do(err)
	var lines []string
	for _, m := range due {
		if h.told[m.ID] {
			continue
		}
		h.told[m.ID] = true
		to := "owners"
		if len(m.To) == 1 && m.To[0].Email == "operator@example.com" {
			to = "operators"
		}
		lines = append(lines, "`"+m.Kind+"` to "+to)
	}
	slices.Sort(lines)
	if len(lines) == 0 {
		return "none"
	}
	return strings.Join(lines, ", ")
}
