// Makes reviews, and serves them.
package hostawaytest

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
)

type review struct {
	id                        int64
	reservation               *reservation
	kind, status              string
	rating                    int // 0 to 10; -1: none yet
	public, private, response string
	submitted                 stamp
}

var (
	ratingValues  = []int{10, 9, 8, 6, 4, 2}
	ratingWeights = []int{54, 18, 12, 8, 5, 3}
	praise        = []string{
		"Lovely place, spotless, and the hosts answered within minutes.", "Great location, we walked everywhere. Beds are very comfortable.",
		"Exactly as in the pictures. The kitchen has everything you need.", "Quiet, light and warm. We would come back at once.",
	}
	mixed = []string{
		"Nice flat, but the Wi-Fi was slow in the bedroom.", "Good location, though the street is noisy at night.",
		"Fine for two nights. The shower could be cleaner.",
	}
	blame = []string{
		"The flat was not clean when we came, and nobody picked up the phone.", "Music from the bar below until 3 am. We hardly slept.",
		"No hot water for a day and the Wi-Fi never worked.",
	}
	thanks = "Thank you for your words and for taking such good care of the house!"
)

func (w *world) makeReviews() {
	for _, r := range w.byID() {
		if !r.stands() || r.departure >= w.today || r.messy.any() {
			continue
		}
		d := newDice(shapeSeed, streamReview, int64(r.slot))
		recent := r.departure >= w.today-10
		if d.chance(55) {
			w.makeReview(d, r, "guest-to-host", map[bool]string{true: "awaiting", false: "published"}[recent && d.chance(60)])
		}
		if r.channel == channelAirbnb && d.chance(70) {
			w.makeReview(d, r, "host-to-guest", map[bool]string{true: "pending", false: "submitted"}[recent])
		}
	}
}

func (w *world) makeReview(shape *dice, r *reservation, kind, status string) {
	words := newDice(w.seed, streamReview, int64(len(w.reviews)))
	v := &review{id: firstReview + int64(len(w.reviews)), reservation: r, kind: kind, status: status, rating: -1}
	if status == "published" || status == "submitted" {
		v.submitted = min((r.departure+day(shape.between(1, 6))).at(shape.between(7, 22), shape.below(60)), (w.today-1).at(20, shape.below(60)))
		v.rating = ratingValues[words.weighted(ratingWeights)]
		texts := praise
		if v.rating <= 8 {
			texts = mixed
		}
		if v.rating <= 4 {
			texts = blame
		}
		v.public = w.marked(pick(words, texts))
		if kind == "host-to-guest" {
			v.rating, v.public = 10, w.marked("Friendly guests who left the flat in perfect order.")
		} else if shape.chance(35) {
			v.response = w.marked(thanks)
		}
		if v.rating <= 6 {
			v.private = w.marked("Please look at the mattress in the small room.")
		}
	}
	w.reviews = append(w.reviews, v)
}

var reviewCategories = []string{"cleanliness", "communication", "respect_house_rules"}

func (w *world) reviewRow(v *review) json.RawMessage {
	r := v.reservation
	var rating any
	categories := []json.RawMessage{}
	if v.rating >= 0 {
		rating = v.rating
		for i, name := range reviewCategories {
			categories = append(categories, newObject().set("category", name).set("rating", max(0, min(10, v.rating+i-1))).done())
		}
	}
	return newObject().set("id", v.id).set("accountId", w.accountID).set("listingMapId", r.listingID).set("reservationId", r.id).
		set("autoReviewId", nil).set("autoReviewTemplateId", nil).set("timeDelta", nil).set("scheduledDateTime", nil).
		set("channelId", r.channel).set("type", v.kind).set("status", v.status).set("rating", rating).
		set("externalReviewId", nil).set("externalReservationId", orNull(r.wordKey())).set("publicReview", orNull(v.public)).
		set("privateFeedback", orNull(v.private)).set("revieweeResponse", orNull(v.response)).set("isRevieweeRecommended", nil).
		set("isCancelled", flag(false)).set("reviewCategory", categories).set("arrivalDate", r.arrival.at(0, 0)).
		set("departureDate", r.departure.at(0, 0)).set("submittedAt", v.submitted).set("listingName", r.listing.name).
		set("guestName", r.guest.name()).done()
}

func listReviews(x *exchange) reply {
	w := x.world
	w.fill()
	tests := append(reviewTests(x.query), reviewTextTests(x.query)...)
	var rows []*review
	for _, v := range w.reviews {
		if !slices.ContainsFunc(tests, func(keep func(*review) bool) bool { return !keep(v) }) {
			rows = append(rows, v)
		}
	}
	sortReviews(rows, x.query)
	p := paging(x.query, 100, 500)
	p.count, p.nullOffset = len(rows), x.query.get("offset") == ""
	from, to := p.cut(len(rows))
	out := []json.RawMessage{}
	for _, v := range rows[from:to] {
		out = append(out, w.reviewRow(v))
	}
	return listed(out, p)
}

// reviewTests reads the filters by id; only the bracket form is an array to Hostaway, listingMapIds=1 is ignored.
func reviewTests(q query) []func(*review) bool {
	var tests []func(*review) bool
	if ids := q.numbers("listingMapIds"); len(ids) > 0 {
		tests = append(tests, func(v *review) bool { return ids[v.reservation.listingID] })
	}
	if ids := q.numbers("channelIds"); len(ids) > 0 {
		tests = append(tests, func(v *review) bool { return ids[int64(v.reservation.channel)] })
	}
	if id, given := q.number("reservationId"); given {
		tests = append(tests, func(v *review) bool { return v.reservation.id == id })
	}
	for key, test := range map[string]func(v *review, d day) bool{
		"submittedAtStart":   func(v *review, d day) bool { return v.submitted > 0 && v.submitted.day() >= d },
		"submittedAtEnd":     func(v *review, d day) bool { return v.submitted > 0 && v.submitted.day() <= d },
		"departureDateStart": func(v *review, d day) bool { return v.reservation.departure >= d },
		"departureDateEnd":   func(v *review, d day) bool { return v.reservation.departure <= d },
		"stayDateStart":      func(v *review, d day) bool { return v.reservation.departure >= d },
		"stayDateEnd":        func(v *review, d day) bool { return v.reservation.arrival <= d },
	} {
		if d, given := q.day(key); given {
			tests = append(tests, func(v *review) bool { return test(v, d) })
		}
	}
	return tests
}

func reviewTextTests(q query) []func(*review) bool {
	var tests []func(*review) bool
	if want := q.get("type"); want != "" {
		tests = append(tests, func(v *review) bool { return v.kind == want })
	}
	if want := q.array("statuses"); len(want) > 0 {
		tests = append(tests, func(v *review) bool { return slices.Contains(want, v.status) })
	}
	if want := strings.ToLower(q.get("guestName")); want != "" {
		tests = append(tests, func(v *review) bool { return strings.Contains(strings.ToLower(v.reservation.guest.name()), want) })
	}
	if want := q.get("hasHostReply"); want != "" {
		tests = append(tests, func(v *review) bool { return (v.response != "") == truth(want) })
	}
	if low, given := parseCents(q.get("ratingMin")); given {
		tests = append(tests, func(v *review) bool { return v.rating >= 0 && cents(v.rating)*100 >= low })
	}
	if high, given := parseCents(q.get("ratingMax")); given {
		tests = append(tests, func(v *review) bool { return v.rating >= 0 && cents(v.rating)*100 <= high })
	}
	return tests
}

func sortReviews(rows []*review, q query) {
	key := map[string]func(*review) int64{
		"arrivalDate":   func(v *review) int64 { return int64(v.reservation.arrival) },
		"departureDate": func(v *review) int64 { return int64(v.reservation.departure) },
		"rating":        func(v *review) int64 { return int64(v.rating) },
		"submittedAt":   func(v *review) int64 { return int64(v.submitted) },
	}[q.get("sortBy")]
	if key == nil {
		key = func(v *review) int64 { return v.id }
	}
	rising := strings.EqualFold(q.get("sortOrder"), "asc")
	slices.SortStableFunc(rows, func(a, b *review) int {
		if rising {
			a, b = b, a
		}
		return cmp.Or(cmp.Compare(key(b), key(a)), cmp.Compare(b.id, a.id))
	})
}

func getReview(x *exchange) reply {
	x.world.fill()
	for _, v := range x.world.reviews {
		if v.id == x.number("id") {
			return ok(x.world.reviewRow(v))
		}
	}
	return refuse(403, "Review not found.") // really 403 (Hostaway docs, Reviews, 2026-10-05)
}
