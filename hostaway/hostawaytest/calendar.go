package hostawaytest

type dayChange struct{}

// free says whether one more guest fits into the listing on every night of [from, to); except is a reservation that does not count.
func (w *world) free(l *listing, from, to day, except int64) bool {
	used := map[day]int{}
	for _, r := range w.byListing[l.id] {
		if r.id == except || !r.holds() || r.departure <= from || r.arrival >= to {
			continue
		}
		for d := max(from, r.arrival); d < min(to, r.departure); d++ {
			if used[d]++; used[d] >= l.many() {
				return false
			}
		}
	}
	return true
}
