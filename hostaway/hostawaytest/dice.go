// A tiny seeded generator, so that a world never depends on the Go version's own random numbers or on the order in which rows are made.
package hostawaytest

// dice is splitmix64. One is made per row from (seed, stream, index), so any row can be made alone.
type dice struct{ state uint64 }

// Streams keep the draws for one kind of row apart from those of another.
const (
	streamListing = iota + 1
	streamStays
	streamExtras
	streamGuest
	streamMoney
	streamThread
	streamWords
	streamReview
	streamTask
	streamExpense
	streamToken
)

// shapeSeed feeds everything that decides how many rows exist, so that two accounts of one size use the same ids whatever their seeds.
const shapeSeed = 20260801

func newDice(parts ...int64) *dice {
	d := &dice{state: 0x9e3779b97f4a7c15}
	for _, p := range parts {
		d.state ^= uint64(p) * 0xff51afd7ed558ccd
		d.next()
	}
	return d
}

func (d *dice) next() uint64 {
	d.state += 0x9e3779b97f4a7c15
	z := d.state
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// below draws from [0, n).
func (d *dice) below(n int) int { return int(d.next() % uint64(n)) }

// between draws from [low, high].
func (d *dice) between(low, high int) int { return low + d.below(high-low+1) }

func (d *dice) chance(percent int) bool { return d.below(100) < percent }

func pick[T any](d *dice, from []T) T { return from[d.below(len(from))] }

// weighted draws an index with the given weights.
func (d *dice) weighted(weights []int) int {
	total := 0
	for _, w := range weights {
		total += w
	}
	at := d.below(total)
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	return len(weights) - 1
}
