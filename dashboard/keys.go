// API keys: create, show once, regenerate, revoke. A key appears in exactly one answer, which is never stored, compressed or put into an address.
package dashboard

import (
	"errors"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

// keyLimit is how many active keys an org may have; the store enforces it.
const keyLimit = 5

type keysData struct {
	Active, Revoked []store.APIKey
	Limit           int
	CanManage       bool
	Clients         []client
	CheckedOn       string
}

// Full is true when no further key can be made.
func (k keysData) Full() bool { return len(k.Active) >= k.Limit }

func (d *Dashboard) keysPage(c *fiber.Ctx, v *visit) error {
	active, revoked, err := listKeys(c, v)
	if err != nil {
		return err
	}
	data := keysData{Active: active, Revoked: revoked, Limit: keyLimit, CanManage: v.manages(), Clients: d.clients("YOUR_KEY"), CheckedOn: clientsCheckedOn}
	return d.show(c, v, shown{Page: "keys", Title: "API keys", Current: "/keys", Data: data})
}

func listKeys(c *fiber.Ctx, v *visit) (active, revoked []store.APIKey, err error) {
	keys, err := v.org.ListAPIKeys(c.UserContext())
	for _, key := range keys {
		if key.RevokedAt == nil {
			active = append(active, key)
		} else {
			revoked = append(revoked, key)
		}
	}
	return active, revoked, err
}

// findKey gets one active key of the org; another org's id and an unknown one are the same.
func findKey(c *fiber.Ctx, v *visit) (store.APIKey, error) {
	active, _, err := listKeys(c, v)
	if err != nil {
		return store.APIKey{}, err
	}
	for _, key := range active {
		if key.ID == c.Params("id") {
			return key, nil
		}
	}
	return store.APIKey{}, store.ErrNotFound
}

type newKeyData struct {
	Form form
	Full bool
	Max  int
}

func (d *Dashboard) newKeyPage(c *fiber.Ctx, v *visit) error {
	return d.showNewKey(c, v, form{ID: formID()}, 0)
}

func (d *Dashboard) showNewKey(c *fiber.Ctx, v *visit, f form, status int) error {
	active, _, err := listKeys(c, v)
	if err != nil {
		return err
	}
	return d.show(c, v, shown{Page: "keys-new", Title: "Create API key", Current: "/keys", Status: status, Data: newKeyData{f, len(active) >= keyLimit, keyLimit}})
}

// createKey answers with the key itself, once.
func (d *Dashboard) createKey(c *fiber.Ctx, v *visit) error {
	f := readForm(c, "name")
	f.require(map[string]string{"name": "Give the key a name, such as the computer or program that will use it."})
	if f.failed() {
		return d.showNewKey(c, v, f, fiber.StatusUnprocessableEntity)
	}
	sent := posted(c, "once")
	if !d.once.first(v.org.ID(), sent) {
		return d.done(c, "/keys", "key-repeated")
	}
	key, text, err := v.org.CreateAPIKey(c.UserContext(), v.actor(c), f.Values["name"])
	if err == nil || errors.Is(err, store.ErrNotReplicated) {
		return d.whenCopied(c, v, err, revealing(d, key, text, false))
	}
	d.once.forget(v.org.ID(), sent)
	switch {
	case errors.Is(err, store.ErrLimit):
		f.Summary = "This org has " + strconv.Itoa(keyLimit) + " active keys, and that is the limit."
		f.Next = "Revoke a key that nobody uses any more, then create the new one."
	case !f.refused(err, map[string]string{"name": "name"}):
		return err
	}
	return d.showNewKey(c, v, f, fiber.StatusUnprocessableEntity)
}

type keyShownData struct {
	Key         store.APIKey
	Secret      string
	Regenerated bool
	Clients     []client
	CheckedOn   string
	Waiting     waitingData
}

// reveal is the one page that has a key in the clear: not stored by anyone, not compressed.
func (d *Dashboard) reveal(c *fiber.Ctx, v *visit, key store.APIKey, text secret.Text, again bool) error {
	c.Set(fiber.HeaderCacheControl, "no-store")
	plain := text.Reveal()
	data := keyShownData{
		Key: key, Secret: plain, Regenerated: again, Clients: d.clients(plain), CheckedOn: clientsCheckedOn,
		Waiting: waitingData{KeyID: key.ID, Since: d.cfg.Now().Unix()},
	}
	return d.show(c, v, shown{Page: "keys-shown", Title: "Your new key", Current: "/keys", Secret: true, Data: data})
}

// revealing is reveal for later.
func revealing(d *Dashboard, key store.APIKey, text secret.Text, again bool) handler {
	return func(c *fiber.Ctx, v *visit) error { return d.reveal(c, v, key, text, again) }
}

type keyData struct {
	Key  store.APIKey
	Form form
}

func (d *Dashboard) regenerateKeyPage(c *fiber.Ctx, v *visit) error {
	return d.showKey(c, v, "keys-regenerate", "Regenerate key")
}

func (d *Dashboard) revokeKeyPage(c *fiber.Ctx, v *visit) error {
	return d.showKey(c, v, "keys-revoke", "Revoke key")
}

func (d *Dashboard) showKey(c *fiber.Ctx, v *visit, page, title string) error {
	key, err := findKey(c, v)
	if err != nil {
		return err
	}
	return d.show(c, v, shown{Page: page, Title: title, Current: "/keys", Data: keyData{key, form{ID: formID()}}})
}

// regenerateKey keeps name and id and replaces the secret; the old one stops at once.
func (d *Dashboard) regenerateKey(c *fiber.Ctx, v *visit) error {
	sent := posted(c, "once")
	if !d.once.first(v.org.ID(), sent) {
		return d.done(c, "/keys", "key-repeated")
	}
	key, text, err := v.org.RegenerateAPIKey(c.UserContext(), v.actor(c), c.Params("id"))
	if err != nil && !errors.Is(err, store.ErrNotReplicated) {
		d.once.forget(v.org.ID(), sent)
		return err
	}
	return d.whenCopied(c, v, err, revealing(d, key, text, true))
}

func (d *Dashboard) revokeKey(c *fiber.Ctx, v *visit) error {
	err := v.org.RevokeAPIKey(c.UserContext(), v.actor(c), c.Params("id"))
	return d.whenCopied(c, v, err, d.ending("/keys", "key-revoked"))
}

// waitingData is the live line under a new key: it asks every two seconds until the first request came.
type waitingData struct {
	KeyID  string
	Since  int64 // when the key was shown, in Unix seconds: earlier uses were of the old secret
	UsedAt *time.Time
	Slow   bool // a minute has gone by: show what usually helps
}

// helpAfter is how long to wait before showing what usually helps.
const helpAfter = time.Minute

func (d *Dashboard) keyWaiting(c *fiber.Ctx, v *visit) error {
	key, err := findKey(c, v)
	if err != nil {
		return err
	}
	shownAt, err := strconv.ParseInt(c.Query("since"), 10, 64)
	if err != nil {
		shownAt = key.CreatedAt.Unix()
	}
	w := waitingData{KeyID: key.ID, Since: shownAt, Slow: d.cfg.Now().Sub(time.Unix(shownAt, 0)) > helpAfter}
	if key.LastUsedAt != nil && !key.LastUsedAt.Before(time.Unix(shownAt, 0)) {
		w.UsedAt = key.LastUsedAt
	}
	if wantsPart(c) && w.UsedAt == nil && c.Query("slow") == strconv.FormatBool(w.Slow) {
		return c.SendStatus(fiber.StatusNoContent) // nothing new: what is on the page stays as it is
	}
	return d.show(c, v, shown{Page: "keys-waiting", Title: key.Name, Current: "/keys", Data: w})
}
