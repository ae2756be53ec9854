package main

// state_house_seen_test.go is what is to be seen of that org from outside: by its owner, by an
// assistant and in its mail.

import (
	"errors"
	"html"
	"net/http"
	"net/http/httptest"
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

// planCard is the part of the billing page that says how the org stands, as its owner is sent it.
func (h *stateHouse) planCard() string {
	h.t.Helper()
	token, _, err := h.store.SignIn(h.ctx(), store.SignIn{Email: h.org.Email, Password: h.org.Password, IP: "127.0.0.1"})
	h.do(err)
	r := httptest.NewRequestWithContext(h.ctx(), http.MethodGet, "http://127.0.0.1:8080/billing", http.NoBody)
	r.AddCookie(&http.Cookie{Name: "session", Value: token.Reveal()})
	w := httptest.NewRecorder()
	h.pages.ServeHTTP(w, r)
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
