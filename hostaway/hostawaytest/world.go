// The rows of one account, and how they come about: listings at once, everything that hangs on them when first asked for.
package hostawaytest

import (
	"slices"
	"sync"
	"time"
)

// The first ids of each kind of row; they are the same in every account.
const (
	firstListing      = 40101
	firstReservation  = 28400001
	firstConversation = 15200001
	firstMessage      = 91000001
	firstReview       = 5100001
	firstTask         = 710001
	firstExpense      = 330001
	firstStatement    = 8801
	firstUser         = 1201
	firstUnit         = 6601
	firstLogRow       = 470000001
)

// Reservations reach a year back and half a year ahead; in worlds of thousands of listings less, to spare memory.
const (
	daysBack, daysAhead           = 365, 183
	manyListings                  = 1000
	shortDaysBack, shortDaysAhead = 90, 60
)

// world holds everything of an account. mu guards all of it but secret, which the server's lock guards.
type world struct {
	secret string

	mu              sync.Mutex
	accountID, seed int64
	marker          string
	today           day
	clock           func() time.Time
	dateTypeFilters bool
	withoutReports  bool
	rich            bool
	owners          int
	back, ahead     int // days
	zones           map[string]*time.Location

	listings     map[int64]*listing
	listingOrder []*listing

	filled        bool
	plainStays    int // counted while filling, see spoil
	reservations  map[int64]*reservation
	byUpdate      []*reservation // newest change first, sorted lazily
	unsorted      bool
	byListing     map[int64][]*reservation
	conversations []*conversation
	threadOf      map[int64]*conversation // by conversation id
	talkOf        map[int64]*conversation // by reservation id
	reviews       []*review
	tasks         []*task
	expenses      []*expense
	statements    []*statement
	landmarks     Landmarks

	nextListing, nextReservation, nextConversation, nextMessage, nextLog int64
}

func newWorld(a Account, today day, now func() time.Time) *world {
	w := &world{
		secret: a.Secret, accountID: a.ID, seed: a.Seed, marker: a.Marker, today: today,
		dateTypeFilters: a.DateTypeFilters, withoutReports: a.WithoutReports, rich: a.Size == Rich,
		listings: map[int64]*listing{}, reservations: map[int64]*reservation{}, byListing: map[int64][]*reservation{},
		zones: map[string]*time.Location{}, threadOf: map[int64]*conversation{}, talkOf: map[int64]*conversation{},
		nextListing: firstListing, nextReservation: firstReservation, nextConversation: firstConversation,
		nextMessage: firstMessage, nextLog: firstLogRow,
	}
	w.clock = worldClock(today, now)
	count := int(a.Size)
	switch {
	case a.Size == Rich:
		count = 12
	case a.Size < 0:
		count = 0
	}
	w.owners, w.back, w.ahead = max(1, count/3), daysBack, daysAhead
	if count > manyListings {
		w.back, w.ahead = shortDaysBack, shortDaysAhead
	}
	for i := range count {
		w.addListing(w.makeListing(i))
	}
	return w
}

// worldClock runs as now does, shifted by whole days so that the world begins on its Today.
func worldClock(today day, now func() time.Time) func() time.Time {
	shift := time.Duration(today-dayOf(now())) * 24 * time.Hour
	return func() time.Time { return now().Add(shift) }
}

func (w *world) now() stamp { return stampOf(w.clock()) }

// marked appends the account's marker to a name or a text.
func (w *world) marked(text string) string {
	if w.marker == "" {
		return text
	}
	return text + " " + w.marker
}

// fill makes what hangs on the listings. It is called before any row but a listing is read.
func (w *world) fill() {
	if w.filled {
		return
	}
	w.filled = true
	w.makeReservations()
	w.makeConversations()
	w.makeReviews()
	w.makeTasks()
	w.makeExpenses()
	w.makeStatements()
	w.makeBlocks()
	w.findLandmarks()
}

func (w *world) addListing(l *listing) {
	l.id = w.nextListing
	w.nextListing++
	w.listings[l.id] = l
	w.listingOrder = append(w.listingOrder, l)
}

func (w *world) removeListing(l *listing) {
	delete(w.listings, l.id)
	w.listingOrder = slices.DeleteFunc(w.listingOrder, func(x *listing) bool { return x == l })
}
