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

// sameDisk tells whether two files lie on one file system.
func sameDisk(a, b fs.FileInfo) bool {
	one, ok := a.Sys().(*syscall.Stat_t)
	other, too := b.Sys().(*syscall.Stat_t)
	return ok && too && one.Dev == other.Dev
}

// mayWrite tells why we may not write to a folder, without trying to.
func mayWrite(folder string) error {
	const forWriting = 2 // W_OK
	return syscall.Access(folder, forWriting)
}
