// How often an org may try credentials at Hostaway. Each try costs calls that all orgs share, and could be used to guess secrets.
package dashboard

import (
	"sync"
	"time"
)

const (
	checksMost   = 5           // begun by one org
	checksWindow = time.Minute // in any stretch of this length
	checkPause   = 5 * time.Second
)

// checkLimit remembers the tries of the last minute, in memory.
type checkLimit struct {
	now  func() time.Time
	mu   sync.Mutex
	orgs map[string]*orgChecks
}

// orgChecks are one org's tries: when they began, the oldest first, and whether one is still running.
type orgChecks struct {
	begun   []time.Time
	running bool
}

func newCheckLimit(now func() time.Time) *checkLimit {
	return &checkLimit{now: now, orgs: map[string]*orgChecks{}}
}

// begin lets the org try, or returns a *problem that says how long to wait. After nil the caller must call end.
func (l *checkLimit) begin(orgID string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.sweep(now)
	org := l.orgs[orgID]
	if org == nil {
		org = &orgChecks{}
		l.orgs[orgID] = org
	}
	switch {
	case org.running:
		return tooManyChecks("Another check of this org's is still waiting for Hostaway.", checkPause)
	case len(org.begun) >= checksMost:
		return tooManyChecks("This org has tried credentials several times within a minute.", org.begun[0].Add(checksWindow).Sub(now))
	}
	org.begun, org.running = append(org.begun, now), true
	return nil
}

func (l *checkLimit) end(orgID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if org := l.orgs[orgID]; org != nil {
		org.running = false
	}
}

// sweep forgets tries that no longer count, and orgs without any.
func (l *checkLimit) sweep(now time.Time) {
	for id, org := range l.orgs {
		for len(org.begun) > 0 && now.Sub(org.begun[0]) >= checksWindow {
			org.begun = org.begun[1:]
		}
		if len(org.begun) == 0 && !org.running {
			delete(l.orgs, id)
		}
	}
}

func tooManyChecks(what string, wait time.Duration) *problem {
	return &problem{
		Status: 429, Code: "too_many_checks", Title: "Too many checks",
		Message: what + " Nothing was stored.", Next: "Wait " + span(wait) + ", then go back and try again.", RetryAfter: wait,
	}
}
