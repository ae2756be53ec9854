// A full disk as the store meets it, whatever the disk's own figures say: a quota,
// for one, leaves them untouched.
package main

import (
	"context"
	"fmt"
	"time"
)

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
			Do:   "free some space on the data folder's disk, or raise its quota: reading goes on, tool calls are refused because they can't be recorded, and all goes on by itself",
		}}
	}
}
