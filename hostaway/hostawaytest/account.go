// Accounts: what a test sets up, and the handle by which it changes the world while clients are talking to it.
package hostawaytest

import (
	"fmt"
	"maps"
	"slices"
)

// Size says how many listings a world has; any positive number works.
type Size int

// The usual sizes. Rich is the small world with everything in it; reservations and all else grow in proportion.
const (
	Rich  Size = 0 // 12 listings, about 1,000 reservations
	Empty Size = -1
	S500  Size = 500
	S5000 Size = 5000
)

// Account describes one Hostaway account. AddAccount gives back a copy that is alive: its methods change its rows.
type Account struct {
	ID     int64
	Secret string // the first API secret; SetSecret changes it
	Seed   int64  // names, prices, texts; how many rows there are does not depend on it
	Size   Size
	Today  string // "2006-01-02", the day around which the world is built; empty: the day of Options.Now
	Marker string // put into every name and text, so that a test sees a leak

	// DateTypeFilters turns on the reservation list query of 2026-08-21, which knows dateType, startDate and endDate.
	DateTypeFilters bool
	// WithoutReports turns off financial reporting, which is a feature per account.
	WithoutReports bool

	server *Server
	world  *world
}

// AddAccount adds an account, or replaces the one with the same id, and gives its live handle.
// It panics when Today is not a date: that is a mistake in the test.
func (s *Server) AddAccount(a Account) *Account {
	today := dayOf(s.now())
	if a.Today != "" {
		d, valid := parseDay(a.Today)
		if !valid {
			panic(fmt.Sprintf("hostawaytest: Today %q is not YYYY-MM-DD", a.Today))
		}
		today = d
	}
	a.server = s
	a.world = newWorld(a, today, s.now)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts[a.ID] = &a
	return &a
}

// SetSecret changes the API secret: the old one gives no tokens any more, tokens that exist live on.
func (a *Account) SetSecret(secret string) {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	a.world.secret = secret
}

// RevokeTokens makes every token of the account invalid at once.
func (a *Account) RevokeTokens() { a.server.revokeTokens(a) }

// locked runs with with the rows of the account locked and complete.
func (a *Account) locked(with func(w *world)) {
	a.world.mu.Lock()
	defer a.world.mu.Unlock()
	a.world.fill()
	with(a.world)
}

// SetDateTypeFilters switches the reservation list query of 2026-08-21.
func (a *Account) SetDateTypeFilters(on bool) { a.locked(func(w *world) { w.dateTypeFilters = on }) }

// SetReports switches financial reporting.
func (a *Account) SetReports(on bool) { a.locked(func(w *world) { w.withoutReports = !on }) }

// ArchiveListing archives a listing, as a person does in the dashboard of Hostaway. An unknown id panics.
func (a *Account) ArchiveListing(id int64) { a.setArchived(id, true) }

// RestoreListing undoes ArchiveListing.
func (a *Account) RestoreListing(id int64) { a.setArchived(id, false) }

func (a *Account) setArchived(id int64, on bool) {
	a.locked(func(w *world) {
		l := must(w.listings[id], "listing", id)
		l.archived = on
		w.touchListing(l)
	})
}

// SetListing sets a field of a listing as the dashboard would, past all checks of the API; value is any JSON value.
func (a *Account) SetListing(id int64, field string, value any) {
	a.locked(func(w *world) {
		l := must(w.listings[id], "listing", id)
		l.put(field, value)
		w.touchListing(l)
	})
}

// ListingIDs gives the ids of all listings, the archived ones too, ascending.
func (a *Account) ListingIDs() []int64 {
	var ids []int64
	a.locked(func(w *world) { ids = slices.Sorted(maps.Keys(w.listings)) })
	return ids
}

func must[T any](row *T, noun string, id int64) *T {
	if row == nil {
		panic(fmt.Sprintf("hostawaytest: no %s %d in this account", noun, id))
	}
	return row
}
