// How often an org may do what is costly for all: trying credentials at Hostaway, whose calls all orgs share and which could be used to
// guess secrets, and taking its whole archive along.
package dashboard

import (
	"sync"
	"time"
)

// turns lets an org begin something costly, one at a time and a few times in a while. What was begun is remembered in memory.
type turns struct {
	now    func() time.Time
	most   int           // begun by one org
	window time.Duration // in any stretch of this length
	pause  time.Duration // what is told to wait while another one runs
	atOnce int           // of all orgs together; 0 is any number
	words  turnWords

	mu   sync.Mutex
	orgs map[string]*orgTurns
}

// turnWords say why an org has to wait.
type turnWords struct {
	Code, Title string
	Running     string // another of this org's runs
	Often       string // too many in the window
	Busy        string // too many of other orgs run
}

// orgTurns are one org's: when they began, the oldest first, and whether one is still running.
type orgTurns struct {
	begun   []time.Time
	running bool
}

// begin lets the org have a turn, or returns a *problem that says how long to wait. After nil the caller must call end.
func (l *turns) begin(orgID string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	running := l.sweep(now)
	org := l.orgs[orgID]
	if org == nil {
		org = &orgTurns{}
	}
	switch {
	case org.running:
		return l.wait(l.words.Running, l.pause)
	case len(org.begun) >= l.most:
		return l.wait(l.words.Often, org.begun[0].Add(l.window).Sub(now))
	case l.atOnce > 0 && running >= l.atOnce:
		return l.wait(l.words.Busy, l.pause)
	}
	org.begun, org.running = append(org.begun, now), true
	l.orgs[orgID] = org
	return nil
}

func (l *turns) end(orgID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if org := l.orgs[orgID]; org != nil {
		org.running = false
	}
}

// sweep forgets turns that no longer count, and orgs without any. It returns how many run.
func (l *turns) sweep(now time.Time) (running int) {
	for id, org := range l.orgs {
		for len(org.begun) > 0 && now.Sub(org.begun[0]) >= l.window {
			org.begun = org.begun[1:]
		}
		if org.running {
			running++
		} else if len(org.begun) == 0 {
			delete(l.orgs, id)
		}
	}
	return running
}

func (l *turns) wait(what string, wait time.Duration) *problem {
	return &problem{
		Status: 429, Code: l.words.Code, Title: l.words.Title, Message: what,
		Next: "Wait " + span(wait) + ", then go back and try again.", RetryAfter: wait,
	}
}
