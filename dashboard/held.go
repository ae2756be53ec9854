// Changes that are made here, while the copy on another machine does not have them yet: the answer is held back. The caller is told
// to send the same request again, which then does nothing but wait for the copy and give the answer. So a key is made once and its
// secret shown once, however often the request comes.
package dashboard

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"hostaway-mcp/store"
)

const (
	heldFor    = time.Hour
	heldMost   = 1000
	againField = "again" // the ticket that the button of the 503 page sends
	copyRetry  = 5 * time.Second
)

// errFinished answers the slower of two requests that both asked for a held answer.
var errFinished = &problem{
	Status: 409, Code: "finished_already", Title: "Finished by another try",
	Message: "The same request came twice at the same moment, and the other one got the answer. Nothing was done twice.",
	Next:    "Look at the other answer. If it showed a key that you did not save, regenerate that key.",
}

// heldAnswer is one answer that waits. It may hold a new key's secret, so it lives in memory only.
type heldAnswer struct {
	names  []string // what it is found by: the request's print, and the ticket of the page
	ticket string
	path   string
	at     time.Time
	answer handler

	mu   sync.Mutex // held while somebody asks the copy
	done bool
}

// heldAnswers are all of them, for an hour. A restart forgets them: what they are about is in the database all the same.
type heldAnswers struct {
	now    func() time.Time
	mu     sync.Mutex
	byName map[string]*heldAnswer
}

func newHeldAnswers(now func() time.Time) *heldAnswers {
	return &heldAnswers{now: now, byName: map[string]*heldAnswer{}}
}

func (h *heldAnswers) add(a *heldAnswer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forgetOld()
	for len(h.byName) >= heldMost {
		h.remove(h.oldest())
	}
	for _, name := range a.names {
		h.byName[name] = a
	}
}

func (h *heldAnswers) oldest() *heldAnswer {
	var oldest *heldAnswer
	for _, a := range h.byName {
		if oldest == nil || a.at.Before(oldest.at) {
			oldest = a
		}
	}
	return oldest
}

func (h *heldAnswers) forgetOld() {
	for _, a := range h.byName {
		if h.now().Sub(a.at) >= heldFor {
			h.remove(a)
		}
	}
}

func (h *heldAnswers) find(names []string) *heldAnswer {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forgetOld()
	for _, name := range names {
		if a := h.byName[name]; a != nil {
			return a
		}
	}
	return nil
}

func (h *heldAnswers) drop(a *heldAnswer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.remove(a)
}

func (h *heldAnswers) remove(a *heldAnswer) {
	for _, name := range a.names {
		if h.byName[name] == a {
			delete(h.byName, name)
		}
	}
}

// whenCopied gives the answer to a change that was made: at once, or, with err saying that the copy lacks it, as soon as the copy
// has it. Any other err is returned as it is.
func (d *Dashboard) whenCopied(c *fiber.Ctx, v *visit, err error, answer handler) error {
	if err == nil {
		return answer(c, v)
	}
	if !errors.Is(err, store.ErrNotReplicated) {
		return err
	}
	held := &heldAnswer{ticket: formID(), path: c.Path(), at: d.cfg.Now(), answer: answer}
	held.names = []string{requestPrint(c, v), ticketName(c, v, held.ticket)}
	d.held.add(held)
	d.cfg.Log.WarnContext(c.UserContext(), "a change waits for the copy; its answer is held back", "route", c.Route().Path, "error", err, "request_id", v.requestID)
	return notCopied(held)
}

// finishHeld answers a request whose change was made before. It is false for any other request.
func (d *Dashboard) finishHeld(c *fiber.Ctx, v *visit) (bool, error) {
	held := d.held.find([]string{requestPrint(c, v), ticketName(c, v, posted(c, againField))})
	if held == nil {
		return false, nil
	}
	held.mu.Lock()
	defer held.mu.Unlock()
	if held.done {
		return true, errFinished
	}
	if err := d.cfg.Store.Replicated(c.UserContext()); err != nil {
		return true, notCopied(held)
	}
	held.done = true
	d.held.drop(held)
	return true, held.answer(c, v)
}

// notCopied is what the caller is told meanwhile. Its page has a button that sends the ticket.
func notCopied(held *heldAnswer) *problem {
	return &problem{
		Status: 503, Code: "not_copied", Title: "Saved here, waiting for the copy",
		Message: "The change is saved on this server. It is not yet in the copy on another machine, which this server waits for.",
		Next:    "Send the same request again in a few seconds. It finishes this change and does nothing twice.", RetryAfter: copyRetry,
		Again: held.ticket, Action: held.path,
	}
}

// caller names who sends a request: a member, or a visitor by the cookie of the form.
func caller(v *visit) string {
	if v.signedIn() {
		return "member\x00" + v.org.ID() + "\x00" + v.session.Member.ID
	}
	return "visitor\x00" + v.formToken
}

func ticketName(c *fiber.Ctx, v *visit, ticket string) string {
	return strings.Join([]string{"ticket", caller(v), c.Path(), ticket}, "\x00")
}

// requestPrint is the same for the same request of the same caller, and for nothing else. What it is made from may be secret, so it
// is a hash. The form's token differs each time that a page is shown, and does not count.
func requestPrint(c *fiber.Ctx, v *visit) string {
	parts := []string{caller(v), c.Method(), c.Path()}
	if isAPI(c) {
		parts = append(parts, string(c.Request().Body()))
	} else {
		var fields []string
		for name, value := range c.Context().PostArgs().All() {
			if string(name) != csrfField {
				fields = append(fields, hex.EncodeToString(name)+"="+hex.EncodeToString(value))
			}
		}
		slices.Sort(fields)
		parts = append(parts, fields...)
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])
}
