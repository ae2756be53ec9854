// The listings of a count, as the ledger keeps them: sorted, and each written as
// its distance from the one before. A thousand of them take some two kilobytes.

package store

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
)

// hashListingIDs tells two sets of listings apart, whatever order they came in: the
// SHA-256 of the sorted ids in decimal, each followed by a line feed.
func hashListingIDs(sorted []int64) []byte {
	sum := sha256.New()
	var line []byte
	for _, id := range sorted {
		line = append(strconv.AppendInt(line[:0], id, 10), '\n')
		_, _ = sum.Write(line)
	}
	return sum.Sum(nil)
}

func packListingIDs(sorted []int64) []byte {
	packed := binary.AppendUvarint(nil, uint64(len(sorted)))
	last := int64(0)
	for _, id := range sorted {
		packed = binary.AppendVarint(packed, id-last)
		last = id
	}
	return packed
}

var errListingIDs = errors.New("the ids of a count can't be read")

func unpackListingIDs(packed []byte) ([]int64, error) {
	count, n := binary.Uvarint(packed)
	if n <= 0 || count > uint64(len(packed)) {
		return nil, errListingIDs
	}
	packed = packed[n:]
	ids := make([]int64, 0, count)
	last := int64(0)
	for range count {
		step, n := binary.Varint(packed)
		if n <= 0 {
			return nil, errListingIDs
		}
		last += step
		ids, packed = append(ids, last), packed[n:]
	}
	if len(packed) > 0 {
		return nil, errListingIDs
	}
	return ids, nil
}

// sortedIDs is a sorted copy; ok is false when an id comes twice.
func sortedIDs(ids []int64) (sorted []int64, ok bool) {
	sorted = slices.Sorted(slices.Values(ids))
	return sorted, len(slices.Compact(slices.Clone(sorted))) == len(sorted)
}
