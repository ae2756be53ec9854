package main

import "io/fs"

// ownFile knows nothing here: folders inherit their owner's rights.
func ownFile(fs.FileInfo) bool { return true }
