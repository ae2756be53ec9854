// A full disk as the store meets it, whatever the disk's own figures say: a quota,
// for one, leaves them untouched. And the reserve that the store keeps for it.
package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"hostaway-mcp/store"
)

// The reserve lasts for thousands of recorded tool calls. A full disk is over when
// so much is free that it can be made again and does not fill up at once.
const (
	reserveBytes = 16 << 20
	reserveSpare = 32 << 20
)

// reserveIn is kept by a server; a command only looks at it.
func reserveIn(folder string) store.Reserve {
	return store.Reserve{Bytes: reserveBytes, Spare: reserveSpare, Free: func() (int64, error) {
		s, err := freeSpace(folder)
		return int64(min(s.free, math.MaxInt64)), err
	}}
}

// withoutReserve is for a server of an hour.
func withoutReserve(s *store.Config) { s.Reserve = store.Reserve{} }

// fullPart is silent while everything that is written is kept.
func fullPart(fullSince func() time.Time) examine {
	return func(context.Context) []check {
		since := fullSince()
		if since.IsZero() {
			return nil
		}
		return []check{{
			Name: "changes", State: stateFail, Public: "the disk is full: nothing can be changed",
			Text: fmt.Sprintf("the disk has taken no change since %s", since.UTC().Format("2006-01-02 15:04")),
			Do: fmt.Sprintf("free %s on the data folder's disk, or raise its quota, and all goes on by itself: until then people can sign in and look, "+
				"and tool calls that only read are answered as long as they can be recorded in the reserve that is kept for this", size(reserveBytes+reserveSpare)),
		}}
	}
}
