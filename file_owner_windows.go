package main

import "io/fs"

// ownFile knows nothing here: folders inherit their owner's rights.
func ownFile(fs.FileInfo) bool { return true }

// sameDisk knows nothing either.
func sameDisk(_, _ fs.FileInfo) bool { return false }

// mayWrite does not know without trying.
func mayWrite(string) error { return nil }
