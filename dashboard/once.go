// A form that makes a key may be sent twice: a double click, a reload of the page that shows the key. The second time must not make a second key.
package dashboard

import (
	"encoding/base64"
	"sync"
	"time"
)

const (
	onceFor  = time.Hour
	onceMost = 10_000
)

// onceGuard remembers which forms were sent, for an hour and in memory: a restart forgets them, which costs one more key at worst.
type onceGuard struct {
	now  func() time.Time
	mu   sync.Mutex
	seen map[string]time.Time
}

func newOnceGuard(now func() time.Time) *onceGuard {
	return &onceGuard{now: now, seen: map[string]time.Time{}}
}

// formID names one rendering of a form.
func formID() string { return base64.RawURLEncoding.EncodeToString(randomBytes(12)) }

// first is true the first time that an org sends this form. A form without an id is always the first.
func (g *onceGuard) first(orgID, form string) bool {
	if form == "" || len(form) > 64 {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	key := orgID + "\x00" + form
	if at, ok := g.seen[key]; ok && now.Sub(at) < onceFor {
		return false
	}
	if len(g.seen) >= onceMost {
		for k, at := range g.seen {
			if now.Sub(at) >= onceFor || len(g.seen) >= onceMost {
				delete(g.seen, k)
			}
		}
	}
	g.seen[key] = now
	return true
}

// forget lets a form be sent again, after it failed.
func (g *onceGuard) forget(orgID, form string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.seen, orgID+"\x00"+form)
}
