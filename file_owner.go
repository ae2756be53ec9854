//go:build !windows

package main

import (
	"io/fs"
	"os"
	"syscall"
)

// ownFile tells whether a file belongs to the user that we run as.
func ownFile(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return !ok || int(s.Uid) == os.Geteuid()
}
