// Makes the stays of a world: when, where, in which state. All of it is drawn from shapeSeed, so that every seed has the same rows.
package hostawaytest

import (
	"cmp"
	"slices"
)

// stay is the shape of one reservation before it has a guest and money; days count from today.
type stay struct {
	listing, unit     int
	arrive, depart    int
	status            string
	channel           int
	booked            stamp
	touched, cancelAt stamp
	anchor            bool
}

// anchors are the stays around today that make its questions interesting, per position in a dozen of listings.
var anchors = [12][][2]int{
	0:                {{-3, 0}, {0, 4}},           // leaves and arrives today
	1:                {{-2, 3}},                   // in the house
	2:                {{-6, -1}, {0, 5}},          // arrives today
	3:                {{-4, 0}, {2, 6}},           // leaves today, two nights free
	4:                {{-5, 1}, {1, 5}},           // changes over tomorrow
	5:                {{1, 3}, {4, 9}},            // arrives tomorrow, then one free night
	6:                {{-7, -1}, {3, 6}, {7, 10}}, // empty today, a gap night later
	multiUnitListing: {{-1, 2}},                   // each unit is shifted
	8:                {{-1, 1}, {2, 8}},           // leaves tomorrow, one free night
	archivedListing:  nil,
	bareListing:      {{-10, 18}}, // a long stay
	11:               {{-1, 4}, {5, 9}, {9, 12}},
}

const ownerListing = 11 // its first anchor is the owner

var (
	gapLengths   = []int{0, 1, 2, 3, 4, 6, 9}
	gapWeights   = []int{46, 17, 12, 8, 7, 6, 4}
	nightLengths = []int{1, 2, 3, 4, 5, 6, 7, 9, 14, 28}
	nightWeights = []int{6, 20, 24, 18, 11, 7, 8, 3, 2, 1}
)

func (w *world) shapeStays(i int) []stay {
	l := w.listingOrder[i]
	d := newDice(shapeSeed, streamStays, int64(i))
	var out []stay
	for unit := range l.many() {
		track := w.shapeTrack(d, i, unit, l.index%12 == archivedListing)
		if len(l.units) > 0 {
			for n := range track {
				track[n].unit = unit + 1
			}
		}
		out = append(out, track...)
	}
	return append(out, w.shapeExtras(d, i, len(out))...)
}

// shapeTrack fills the time of one unit around its anchors.
func (w *world) shapeTrack(d *dice, i, unit int, ended bool) []stay {
	var fixed [][2]int
	for _, a := range anchors[i%12] {
		fixed = append(fixed, [2]int{a[0] - unit, a[1] - unit + unit/2})
	}
	until := -w.back / 3
	if len(fixed) > 0 {
		until = fixed[0][0]
	}
	var out []stay
	add := func(from, to int, anchor bool) {
		out = append(out, w.shapeStay(d, stay{listing: i, arrive: from, depart: to, anchor: anchor}))
	}
	for at := -w.back - d.below(6); ; {
		from := at + gapLengths[d.weighted(gapWeights)]
		at = from + nightLengths[d.weighted(nightWeights)]
		if at > until {
			break
		}
		add(from, at, false)
	}
	if ended {
		return out
	}
	for n, a := range fixed {
		add(a[0], a[1], true)
		if i%12 == ownerListing && n == 0 {
			out[len(out)-1].status, out[len(out)-1].channel = "ownerStay", channelDirect
		}
	}
	for at := fixed[len(fixed)-1][1]; ; {
		from := at + gapLengths[d.weighted(gapWeights)] + d.below(2+at/6)
		at = from + nightLengths[d.weighted(nightWeights)]
		if at > w.ahead {
			return out
		}
		add(from, at, false)
	}
}

var (
	standing      = []string{"new", "modified", "ownerStay"}
	standWeights  = []int{90, 7, 3}
	comingStates  = []string{"new", "modified", "ownerStay", "awaitingPayment", "awaitingGuestVerification"}
	comingWeights = []int{86, 7, 3, 3, 1}
)

func (w *world) shapeStay(d *dice, s stay) stay {
	s.channel = drawChannel(d)
	switch {
	case s.anchor:
		s.status = "new"
	case s.arrive > 0:
		s.status = comingStates[d.weighted(comingWeights)]
	default:
		s.status = standing[d.weighted(standWeights)]
	}
	if s.status == "ownerStay" {
		s.channel = channelDirect
	}
	w.shapeTimes(d, &s)
	return s
}

func drawChannel(d *dice) int {
	weights := make([]int, len(channels))
	for i, c := range channels {
		weights[i] = c.weight
	}
	return channels[d.weighted(weights)].id
}

// shapeTimes draws when a stay was booked and last touched: always before today began.
func (w *world) shapeTimes(d *dice, s *stay) {
	lead := d.between(2, 20)
	if d.chance(60) {
		lead = d.between(15, 130)
	}
	booked := s.arrive - lead
	if booked >= 0 {
		booked = -1 - d.below(45)
	}
	s.booked = (w.today + day(booked)).at(d.below(24), d.below(60))
	last := min(-1, s.depart)
	touched := booked + d.below(max(1, last-booked+1))
	s.touched = max(s.booked, (w.today+day(touched)).at(d.below(24), d.below(60)))
	if d.chance(15) {
		s.touched = max(s.booked, (w.today+day(min(-1, touched+1))).at(3, 0)) // a nightly job touches many rows in one second
	}
}

var (
	extraStates  = []string{"cancelled", "inquiry", "declined", "inquiryPreapproved", "expired", "inquiryNotPossible", "inquiryTimedout", "inquiryDenied", "pending", "unconfirmed"}
	extraWeights = []int{46, 20, 8, 7, 4, 4, 4, 3, 3, 1}
)

// shapeExtras adds what holds no nights: cancellations, inquiries, requests.
func (w *world) shapeExtras(d *dice, i, stays int) []stay {
	var out []stay
	latest, ended := w.ahead-20, i%12 == archivedListing
	if ended {
		latest = -w.back / 3
	}
	for n := range stays / 6 {
		s := stay{listing: i, status: extraStates[d.weighted(extraWeights)], channel: drawChannel(d)}
		s.arrive = d.between(-w.back, latest)
		if n == 0 && !ended {
			s.status, s.arrive = "inquiry", 6+i%20 // one open question per listing
		}
		if s.status == "pending" || s.status == "unconfirmed" {
			s.arrive, s.channel = d.between(3, 60), map[string]int{"pending": channelAirbnb, "unconfirmed": channelVrbo}[s.status]
			if ended {
				s.status, s.arrive = "expired", latest
			}
		}
		s.depart = s.arrive + nightLengths[d.weighted(nightWeights)]
		w.shapeTimes(d, &s)
		if s.status == "cancelled" {
			s.cancelAt = s.touched
		}
		out = append(out, s)
	}
	return out
}

// sortStays puts stays into the order of booking, which is the order of ids.
func sortStays(stays []stay) {
	slices.SortFunc(stays, func(a, b stay) int {
		return cmp.Or(cmp.Compare(a.booked, b.booked), cmp.Compare(a.listing, b.listing), cmp.Compare(a.arrive, b.arrive), cmp.Compare(a.unit, b.unit))
	})
}
